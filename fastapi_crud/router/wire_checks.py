"""What the wires of admin frontends cannot carry, told while the router is built."""

from collections.abc import Callable
from typing import get_args

from pydantic import BaseModel

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.operations import DEFAULT_OPERATIONS
from fastapi_crud.options import CrudOptions, Wire
from fastapi_crud.query.clauses import MAX_LIMIT
from fastapi_crud.query.loading import attributes_of
from fastapi_crud.query.operators import SCALARS

ID = "id"
"""What admin frontends know a row by."""

Check = Callable[[ModelInfo, CrudOptions, type[BaseModel]], str | None]


def check_wire(info: ModelInfo, options: CrudOptions, read: type[BaseModel]) -> None:
    """Refuse what a wire cannot carry.

    Raises:
        ConfigurationError: The message names the fix.
    """
    for check in CHECKS:
        if problem := check(info, options, read):
            raise ConfigurationError(f"{info.name}: wire={options.wire!r}: {problem}")


def _name(_: ModelInfo, options: CrudOptions, __: type[BaseModel]) -> str | None:
    known = get_args(Wire)
    return None if options.wire in known else f"it is one of {', '.join(known)}"


def _key(info: ModelInfo, _: CrudOptions, read: type[BaseModel]) -> str | None:
    """There is one value that rows are known by, and nothing else has its name."""
    key = info.key[0]
    if len(info.key) > 1 or key.kind.name not in SCALARS:
        return (
            "its clients know a row by one plain value: give the model a key of one column, "
            "and make what is its key now unique"
        )
    others = {name for attribute, name in attributes_of(read).items() if attribute != key.name}
    if ID in others:
        return "its clients know a row by id, and that is not its key: hide it, or give it an alias in a read_schema="
    return None


def _operations(_: ModelInfo, options: CrudOptions, __: type[BaseModel]) -> str | None:
    said = {*options.operations}
    if others := sorted(said - {*DEFAULT_OPERATIONS}):
        return (
            f"its clients have no request for {', '.join(others)}: leave it out of operations=, "
            "and make a native router for it, with a name= of its own"
        )
    if "replace" in said and "update" not in said:
        return "its clients change rows by a PUT that merges: name update in operations= instead"
    return None


def _paging(_: ModelInfo, options: CrudOptions, __: type[BaseModel]) -> str | None:
    if options.pagination == "cursor":
        return 'its clients page by offset: add pagination="offset"'
    if [*options.count][:1] == ["none"]:
        return 'its clients need a total: add count=["exact"]'
    if options.limits.max_limit < MAX_LIMIT:
        return f"its clients export {MAX_LIMIT} rows at once: let Limits(max_limit=...) be as many"
    return None


def _demands(_: ModelInfo, options: CrudOptions, __: type[BaseModel]) -> str | None:
    if options.require_if_match:
        return "its clients send no If-Match: add require_if_match=False"
    if options.idempotency == "required":
        return "its clients send no Idempotency-Key: add idempotency=True, or False"
    if options.upsert:
        return "a PUT merges, and creates nothing: add upsert=False"
    if options.export:
        return "its clients make files of their own: add export=False"
    return None


CHECKS: tuple[Check, ...] = (_name, _key, _operations, _paging, _demands)
"""Each tells what is wrong, or None. ADD A CHECK OF WIRES HERE."""

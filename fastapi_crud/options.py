"""What a developer may say about a resource."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, TypedDict

from pydantic import BaseModel

from fastapi_crud.access import Exposure
from fastapi_crud.columns import ModelInfo
from fastapi_crud.database import Database
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.clauses import DEFAULT_LIMIT, MAX_LIMIT
from fastapi_crud.service import Service

Operation = Literal["list", "create", "get", "update", "replace", "delete"]
OPERATIONS: tuple[Operation, ...] = ("list", "create", "get", "update", "replace", "delete")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds on what one request may ask for.

    Args:
        default_limit: How many rows a page has when the client does not say.
        max_limit: How many rows a page may have.
    """

    default_limit: int = DEFAULT_LIMIT
    max_limit: int = MAX_LIMIT

    def __post_init__(self) -> None:
        """Refuse bounds that contradict each other."""
        if not 1 <= self.default_limit <= self.max_limit:
            msg = "Limits: 1 <= default_limit <= max_limit must hold"
            raise ConfigurationError(msg)


@dataclass(frozen=True, kw_only=True)
class CrudOptions:
    """The options of `make_crud_router`, to put on a model as `__crud__` or to share.

    Args:
        service: Your subclass of `Service`.
        create_schema: The body of POST, and of PUT; derived unless given.
        update_schema: The body of PATCH; derived unless given.
        read_schema: One row in an answer; derived unless given.
        name: The plural, for paths and operation ids; the table's name unless given.
        singular: For operation ids and schema names; the class's name in snake case, or the
            singular of `name` where that is given.
        tags: Tags in the documentation; the name unless given.
        operations: Which endpoints there are.
        dependencies: FastAPI dependencies for all operations, or by operation.
        limits: Bounds on what one request may ask for.
        hidden: Columns that are neither read nor written.
        readable: Columns to read although their name looks secret.
        read_only: Columns to read but not write.
        writable: Columns to write although they look privileged or server-set.
        hybrids: Hybrid properties to read.
        client_ids: Whether clients may choose the primary key of new rows.
        database: The database of this resource, where it is not the app's.
        validation_detail: `"list"`: the `detail` of a 422 is FastAPI's list; `"text"`: a sentence.
        problem_base: URL that makes the `type` of problems a link: `problem_base + code`.
    """

    service: type[Service[Any, Any, Any]] | None = None
    create_schema: type[BaseModel] | None = None
    update_schema: type[BaseModel] | None = None
    read_schema: type[BaseModel] | None = None
    name: str | None = None
    singular: str | None = None
    tags: Sequence[str] | None = None
    operations: Collection[Operation] = OPERATIONS
    dependencies: Sequence[Any] | Mapping[Operation, Sequence[Any]] = ()
    limits: Limits = Limits()
    hidden: Collection[str] = ()
    readable: Collection[str] = ()
    read_only: Collection[str] = ()
    writable: Collection[str] = ()
    hybrids: Collection[str] = ()
    client_ids: bool = False
    database: Database | None = None
    validation_detail: Literal["list", "text"] = "list"
    problem_base: str | None = None

    def exposure(self) -> Exposure:
        """Give what the options say about columns."""
        return Exposure(
            hidden=frozenset(self.hidden),
            readable=frozenset(self.readable),
            read_only=frozenset(self.read_only),
            writable=frozenset(self.writable),
            hybrids=frozenset(self.hybrids),
            client_ids=self.client_ids,
        )

    def dependencies_of(self, operation: Operation) -> list[Any]:
        """Give the dependencies of one operation."""
        if isinstance(self.dependencies, Mapping):
            return list(self.dependencies.get(operation, ()))
        return list(self.dependencies)


class RouterOptions(TypedDict, total=False):
    """The keyword arguments of `make_crud_router` beside the classes; see `CrudOptions`."""

    name: str | None
    singular: str | None
    tags: Sequence[str] | None
    operations: Collection[Operation]
    dependencies: Sequence[Any] | Mapping[Operation, Sequence[Any]]
    limits: Limits
    hidden: Collection[str]
    readable: Collection[str]
    read_only: Collection[str]
    writable: Collection[str]
    hybrids: Collection[str]
    client_ids: bool
    database: Database | None
    validation_detail: Literal["list", "text"]
    problem_base: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """What a resource is called.

    Args:
        plural: In paths and in `list_users`.
        singular: In `get_user`.
        schema: What schema names begin with, such as `User`.
    """

    plural: str
    singular: str
    schema: str


def resolve_options(model: type[Any], given: Mapping[str, Any]) -> CrudOptions:
    """Join the model's `__crud__` with the arguments of the factory, which win.

    Raises:
        ConfigurationError: If there is no such option, or no such operation.
    """
    base = getattr(model, "__crud__", None) or CrudOptions()
    base = base() if callable(base) else base
    if not isinstance(base, CrudOptions):
        msg = f"{model.__name__}.__crud__ must be a CrudOptions, or a classmethod that gives one"
        raise ConfigurationError(msg)
    known = {option.name for option in fields(CrudOptions)}
    if unknown := sorted(given.keys() - known):
        msg = f"unknown options {unknown}; there are {', '.join(sorted(known))}"
        raise ConfigurationError(msg)
    options = replace(base, **given)
    listed = {*options.operations}
    if isinstance(options.dependencies, Mapping):
        listed |= options.dependencies.keys()
    if wrong := sorted(listed - {*OPERATIONS}):
        msg = f"unknown operations {wrong}; there are {', '.join(OPERATIONS)}"
        raise ConfigurationError(msg)
    return options


def resolve_names(info: ModelInfo, options: CrudOptions) -> Names:
    """Find out what a resource is called.

    Raises:
        ConfigurationError: If the name cannot be part of a path.
    """
    table = getattr(info.mapper.local_table, "name", info.name)
    plural = options.name or table
    default = _singular(plural) if options.name not in {None, table} else _snake(info.name)
    singular = options.singular or default
    for name in (plural, singular):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
            msg = f"{name!r} cannot be part of a path: give name= and singular= in plain letters"
            raise ConfigurationError(msg)
    same_as_class = singular == _snake(info.name)
    schema = (
        info.name if same_as_class else re.sub(r"(^|[_-]+)(.)", lambda m: m[2].upper(), singular)
    )
    return Names(plural, singular, schema)


SINGULARS: Mapping[str, str] = MappingProxyType(
    {
        "ies": "y",
        "sses": "ss",
        "xes": "x",
        "zes": "z",
        "ches": "ch",
        "shes": "sh",
        "ss": "ss",
        "s": "",
    }
)
"""Ending of a plural → ending of its singular; the first that fits counts."""


def _singular(plural: str) -> str:
    for ending, replacement in SINGULARS.items():
        if plural.endswith(ending):
            return plural.removesuffix(ending) + replacement
    return plural


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()

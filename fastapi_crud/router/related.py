"""Related models: what of them answers show and conditions look into, and whose rows those are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.naming import resolve_names
from fastapi_crud.options import CrudOptions, Dependency
from fastapi_crud.query.filters import FilterParameter, SearchParameter
from fastapi_crud.query.loading import Loads, attributes_of, embedded
from fastapi_crud.query.paths import column_at, hops
from fastapi_crud.query.vocabulary import Vocabulary
from fastapi_crud.resolution import resolve_options
from fastapi_crud.router.views import is_derived
from fastapi_crud.schemas import derive_schemas


def prefixes(paths: Sequence[str]) -> list[str]:
    """Give the paths, and those that lead to them."""
    parts = [path.split(".") for path in paths]
    return [*dict.fromkeys(".".join(p[:i]) for p in parts for i in range(1, len(p) + 1))]


def target_of(info: ModelInfo, path: str) -> ModelInfo:
    """Give the model at the end of a path."""
    return hops(info, tuple(path.split(".")))[-1].target


def related_read(
    info: ModelInfo, options: CrudOptions, read: type[BaseModel], path: str
) -> type[BaseModel]:
    """Give the schema of included rows: that of their own model, with what it hides."""
    way = hops(info, tuple(path.split(".")))[-1]
    if way.source.mapper.relationships[way.name].lazy in {"write_only", "dynamic"}:
        msg = f"include={path!r}: {way.name} is never loaded as a whole; leave it out"
        raise ConfigurationError(f"{info.name}: {msg}")
    if way.name in attributes_of(read) and "." not in path:
        msg = f"include={path!r}: {read.__name__} shows it already; leave one of them out"
        raise ConfigurationError(f"{info.name}: {msg}")
    return read_by_all(way.target, info, options)


def read_by_all(target: ModelInfo, info: ModelInfo, options: CrudOptions) -> type[BaseModel]:
    """Give the read schema that a model asks for; what only some callers see is left out.

    Args:
        target: The model: a related one, or the router's own.
        info: The router's own model.
        options: What the developer said of that.
    """
    own = options if target.model is info.model else resolve_options(target.model, {})
    names = resolve_names(target, own.name, own.singular)
    read = own.read_schema or derive_schemas(target, names.schema, own.exposure()).read
    if not own.readable_by:
        return read
    if not is_derived(read):
        msg = f"{read.__name__} has columns that not all may read: it cannot stand for related rows"
        raise ConfigurationError(f"{info.name}: {msg}; leave it out of include= and filters=")
    hidden = {*own.hidden, *own.readable_by}
    return derive_schemas(target, names.schema, replace(own, hidden=hidden).exposure()).read


def create_by_all(target: ModelInfo, info: ModelInfo) -> type[BaseModel]:
    """Give the body that creates a related row; what only some callers may write is left out.

    Args:
        target: The related model.
        info: The router's own model.
    """
    own = resolve_options(target.model, {})
    if own.create_schema is None:
        if any(column.info.get("inputs") for column in target.columns.values()):
            msg = f"{target.name} has inputs, which only its service turns into columns"
            raise ConfigurationError(f"{info.name}: {msg}: leave it out of nested=")
        names = resolve_names(target, own.name, own.singular)
        read_only = {*own.read_only, *own.writable_by}
        exposure = replace(own, read_only=read_only).exposure()
        return derive_schemas(target, names.schema, exposure).create
    if own.writable_by:
        msg = f"{target.name} has columns that not all may write: leave it out of nested="
        raise ConfigurationError(f"{info.name}: {msg}")
    return own.create_schema


def related_models(
    info: ModelInfo, loads: Loads, included: Mapping[str, Loads], vocabulary: Vocabulary
) -> set[ModelInfo]:
    """Tell which related models the answers and conditions of a resource look into."""
    found = {*embedded(info, loads)}
    for path, inner in included.items():
        target = target_of(info, path)
        found |= {target, *embedded(target, inner)}
    paths: set[str] = set()
    for parameter in vocabulary.parameters.values():
        if isinstance(parameter, FilterParameter):
            paths.add(parameter.path)
        elif isinstance(parameter, SearchParameter) and isinstance(parameter.fields, tuple):
            paths |= {*parameter.fields}
    for path in paths:
        if "." in path:
            found |= {way.target for way in column_at(info, path)[0]}
    return found


def scopes_of(
    related: Collection[ModelInfo], info: ModelInfo
) -> dict[type[Any], Sequence[Dependency]]:
    """Find the scopes that related models bring with them."""
    scopes: dict[type[Any], Sequence[Dependency]] = {}
    for target in sorted(related, key=lambda it: it.name):
        if issubclass(info.model, target.model):
            continue  # its own scope holds for it as well
        found = resolve_options(target.model, {}).scopes_of("list")
        if found:
            scopes[target.model] = found
    return scopes

"""A resource: everything that its endpoints need, put together once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.naming import Names, resolve_names
from fastapi_crud.options import CrudOptions, Dependency, resolve_options
from fastapi_crud.query.filters import FilterParameter, SearchParameter
from fastapi_crud.query.loading import Loads, View, attributes_of, embedded, loads_of
from fastapi_crud.query.paths import column_at, hops
from fastapi_crud.query.vocabulary import Asked, Vocabulary, make_vocabulary
from fastapi_crud.router.callers import Callers
from fastapi_crud.router.problems import ProblemFormat
from fastapi_crud.router.responses import RowWriter
from fastapi_crud.router.views import Included, documented_read, documented_view, is_derived
from fastapi_crud.schemas import Schemas, derive_schemas, page_of, replace_of
from fastapi_crud.service import Service


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What `make_crud_router` has found out about a model.

    Args:
        info: The model.
        names: What it is called.
        options: What the developer said.
        schemas: Its bodies and answers.
        shown: What the answers to POST, PATCH and PUT are documented as.
        view: What a row that is got or listed is documented as.
        service: The class that does the work.
        writer: Turns rows into bytes.
        vocabulary: What its list can be asked.
        callers: Which rows and columns there are for a caller.
        problems: How its errors are written.
    """

    info: ModelInfo
    names: Names
    options: CrudOptions
    schemas: Schemas
    shown: type[BaseModel]
    view: type[BaseModel]
    service: type[Service[Any, Any, Any]]
    writer: RowWriter
    vocabulary: Vocabulary
    callers: Callers
    problems: ProblemFormat


def make_resource(info: ModelInfo, options: CrudOptions) -> Resource:
    """Put together what the endpoints of a model need.

    Raises:
        ConfigurationError: If something does not exist; the message names the fix.
    """
    names = resolve_names(info, options.name, options.singular)
    generic: Any = Service
    derived = derive_schemas(info, names.schema, options.exposure())
    create, update, given = _given_schemas(options)
    read = given or derived.read
    included = {
        path: _related_read(info, options, read, path) for path in _prefixes(options.include)
    }
    vocabulary = make_vocabulary(info, _asked(info, options, read))
    shown = documented_read(read, options.readable_by)
    view = documented_view(shown, names.schema, info, included, sparse=options.fields)
    return Resource(
        info=info,
        names=names,
        options=options,
        schemas=Schemas(
            create=create or derived.create,
            update=update or derived.update,
            replace=replace_of(create, info, f"{names.schema}Replace")
            if create
            else derived.replace,
            read=read,
            page=_page(derived, view, f"{names.schema}Page", options),
        ),
        shown=shown,
        view=view,
        service=options.service or generic[info.model, BaseModel, BaseModel],
        writer=RowWriter(info, read, included, options.pagination),
        vocabulary=vocabulary,
        callers=_callers(info, options, read, included, vocabulary),
        problems=ProblemFormat(
            validation_detail=options.validation_detail, problem_base=options.problem_base
        ),
    )


def _page(
    derived: Schemas, view: type[BaseModel], name: str, options: CrudOptions
) -> type[BaseModel]:
    counted = "none" not in options.count
    if view is derived.read and counted and options.pagination == "offset":
        return derived.page
    return page_of(view, name, view.__module__, pagination=options.pagination, counted=counted)


def _callers(
    info: ModelInfo,
    options: CrudOptions,
    read: type[BaseModel],
    included: Included,
    vocabulary: Vocabulary,
) -> Callers:
    """Find out what is loaded for every caller, and what must be asked of each."""
    loads = loads_of(read, info)
    loaded = {path: loads_of(schema, _target(info, path)) for path, schema in included.items()}
    view = View(
        loads=loads,
        included=loaded,
        max_included=options.limits.max_included,
        cursor_secret=options.cursor_secret,
        max_exact_count=options.limits.max_exact_count,
    )
    related = _scopes(_related(info, loads, loaded, vocabulary), info)
    return Callers(model=info.model, options=options, view=view, related=related)


def _given_schemas(options: CrudOptions) -> tuple[type[BaseModel] | None, ...]:
    """Find the developer's schemas: in the options, else in `Service[User, Create, Update]`."""
    arguments = options.service.type_arguments[1:] if options.service else ()
    named = [None if argument is BaseModel else argument for argument in arguments]
    create, update, *_ = [*named, None, None]
    return options.create_schema or create, options.update_schema or update, options.read_schema


def _asked(info: ModelInfo, options: CrudOptions, read: type[BaseModel]) -> Asked:
    """Tell what the developer says of the list."""
    names = {
        name: attribute for attribute, name in attributes_of(read).items()
        if attribute in info.columns
    }  # fmt: skip
    return Asked(
        names=names,
        may_read=lambda target, name: name in attributes_of(_read_by_all(target, info, options)),
        limits=options.limits,
        filters=options.filters,
        sort=options.sort,
        default_sort=options.default_sort,
        search=options.search,
        include=options.include,
        fields=options.fields,
        pagination=options.pagination,
        count=options.count,
        operators=options.operators,
        allow_params=options.allow_params,
    )


def _prefixes(paths: Sequence[str]) -> list[str]:
    """Give the paths, and those that lead to them."""
    parts = [path.split(".") for path in paths]
    return [*dict.fromkeys(".".join(p[:i]) for p in parts for i in range(1, len(p) + 1))]


def _target(info: ModelInfo, path: str) -> ModelInfo:
    return hops(info, tuple(path.split(".")))[-1].target


def _related_read(
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
    return _read_by_all(way.target, info, options)


def _read_by_all(target: ModelInfo, info: ModelInfo, options: CrudOptions) -> type[BaseModel]:
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


def _related(
    info: ModelInfo, loads: Loads, included: Mapping[str, Loads], vocabulary: Vocabulary
) -> set[ModelInfo]:
    """Tell which related models the answers and conditions of a resource look into."""
    found = {*embedded(info, loads)}
    for path, inner in included.items():
        target = _target(info, path)
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


def _scopes(
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

"""A resource: everything that its endpoints need, put together once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from fastapi_crud.columns import ModelInfo
from fastapi_crud.deletion import Deletion, deletion_by, deletion_of
from fastapi_crud.idempotency import IdempotencyStore, idempotency_table
from fastapi_crud.naming import Names, resolve_names
from fastapi_crud.nesting import with_relations
from fastapi_crud.options import CrudOptions
from fastapi_crud.query.conditions import Deletions
from fastapi_crud.query.loading import View, attributes_of, loads_of
from fastapi_crud.query.vocabulary import Asked, Vocabulary, make_vocabulary
from fastapi_crud.router.callers import Callers
from fastapi_crud.router.conditional import Tagger
from fastapi_crud.router.lanes import Lanes
from fastapi_crud.router.merging import Merger
from fastapi_crud.router.parameters import KEY_PARAMETER
from fastapi_crud.router.problems import ProblemFormat
from fastapi_crud.router.related import (
    create_by_all,
    prefixes,
    read_by_all,
    related_models,
    related_read,
    scopes_of,
    target_of,
)
from fastapi_crud.router.responses import RowWriter
from fastapi_crud.router.views import Included, documented_read, documented_view
from fastapi_crud.router.wires import Wire, WireWriter, make_wire
from fastapi_crud.schemas import Schemas, derive_schemas, page_of, replace_of
from fastapi_crud.service import Service
from fastapi_crud.uniqueness import unique_keys
from fastapi_crud.unit_of_work import upserts_plainly


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
        tagger: Writes entity tags of rows.
        merger: Reads bodies of PATCH; None where the model has no JSON columns.
        upsert_item: What clients upsert: a row, and nothing that is related to it.
        upsert_targets: The unique keys that clients may upsert by.
        store: Remembers answers to idempotency keys, where that is asked for.
        lanes: Knows the short way to its rows.
        wire: What is different for clients that are admin frontends; None for all others.
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
    tagger: Tagger
    merger: Merger | None
    upsert_item: type[BaseModel]
    upsert_targets: Sequence[tuple[str, ...]]
    store: IdempotencyStore | None
    lanes: Lanes
    wire: Wire | None

    @cached_property
    def key_parameters(self) -> Sequence[str]:
        """What the parts of a key are called in the parameters of endpoints."""
        return [KEY_PARAMETER.format(i) for i in range(len(self.info.key))]

    @property
    def deletion(self) -> Deletion | None:
        """How its rows are marked as deleted, if they are."""
        return self.callers.view.deletions.get(self.info.model) or deletion_of(self.info)

    def concealed(self, fields: Sequence[str], hidden: frozenset[str]) -> frozenset[str]:
        """Tell which of some columns a client does not know of.

        Args:
            fields: Attributes.
            hidden: Columns that this caller may not see.
        """
        read, create = attributes_of(self.schemas.read), attributes_of(self.schemas.create)
        known = {*read, *create, *attributes_of(self.schemas.update)} - hidden
        return frozenset(name for name in fields if name in self.info.columns and name not in known)

    @property
    def version(self) -> str | None:
        """The attribute that counts the changes of a row, if clients may read it."""
        versions = (column.name for column in self.info.columns.values() if column.version)
        return next((it for it in versions if it in attributes_of(self.schemas.read)), None)


def make_resource(info: ModelInfo, options: CrudOptions) -> Resource:
    """Put together what the endpoints of a model need.

    Raises:
        ConfigurationError: If something does not exist; the message names the fix.
    """
    names = resolve_names(info, options.name, options.singular)
    deletions = {info.model: deletion_by(info, options.soft_delete)} if options.soft_delete else {}
    generic: Any = Service
    derived = derive_schemas(info, names.schema, options.exposure())
    create, update, given = _given_schemas(options)
    read = given or derived.read
    included = {path: related_read(info, options, read, path) for path in prefixes(options.include)}
    vocabulary = make_vocabulary(info, _asked(info, options, read))
    shown = documented_read(read, options.readable_by)
    update = update or derived.update
    wire = make_wire(info, options, read, names)
    if wire is not None:
        vocabulary, update = wire.vocabulary(vocabulary), wire.tolerant(update)
        shown = wire.documented(shown)
    view = documented_view(shown, names.schema, info, included, sparse=options.fields)
    schemas = Schemas(
        create=create or derived.create,
        update=update,
        replace=replace_of(create, info, f"{names.schema}Replace") if create else derived.replace,
        read=read,
        page=_page(derived, view, f"{names.schema}Page", options),
    )
    bare = schemas.create
    if options.nested or options.links:
        schemas = with_relations(
            schemas,
            info,
            nested=options.nested,
            links=options.links,
            most=options.limits.max_batch,
            create_schema_of=lambda target: create_by_all(target, info),
        )
    writer = (
        RowWriter(info, read, included, options.pagination)
        if wire is None
        else WireWriter(info, read, included, wire)
    )
    merger = Merger(info, schemas.update)
    callers = _callers(info, options, read, included, vocabulary, deletions)
    service = options.service or generic[info.model, BaseModel, BaseModel]
    return Resource(
        info=info,
        names=names,
        options=options,
        schemas=schemas,
        shown=shown,
        view=view,
        service=service,
        writer=writer,
        vocabulary=vocabulary,
        callers=callers,
        problems=ProblemFormat(
            validation_detail=options.validation_detail,
            problem_base=options.problem_base,
            by_field=wire is not None,
        ),
        tagger=Tagger(info, read, writer),
        merger=merger if merger.columns else None,
        upsert_item=bare,
        upsert_targets=_upsert_targets(info, bare),
        store=_store(info, options),
        lanes=Lanes(info, options, service, read, callers.view),
        wire=wire,
    )


def _upsert_targets(info: ModelInfo, create: type[BaseModel]) -> list[tuple[str, ...]]:
    """Give the unique keys that clients can name all columns of."""
    writable = {*create.model_fields}
    keys = unique_keys(info) if upserts_plainly(info) else []
    return [key.names for key in keys if writable >= {*key.names}]


def _store(info: ModelInfo, options: CrudOptions) -> IdempotencyStore | None:
    if not options.idempotency:
        return None
    table = idempotency_table(info.mapper.local_table.metadata)  # type: ignore[attr-defined]
    return IdempotencyStore(table, timedelta(hours=options.limits.idempotency_hours))


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
    deletions: Deletions,
) -> Callers:
    """Find out what is loaded for every caller, and what must be asked of each."""
    loads = loads_of(read, info)
    loaded = {path: loads_of(schema, target_of(info, path)) for path, schema in included.items()}
    view = View(
        loads=loads,
        included=loaded,
        max_included=options.limits.max_included,
        cursor_secret=options.cursor_secret,
        max_exact_count=options.limits.max_exact_count,
        deletions=deletions,
    )
    written = {target_of(info, name) for name in (*options.nested, *options.links)}
    related = scopes_of(written | related_models(info, loads, loaded, vocabulary), info)
    return Callers(model=info.model, options=options, view=view, related=related)


def _given_schemas(options: CrudOptions) -> tuple[type[BaseModel] | None, ...]:
    """Find the developer's schemas: in the options, else in `Service[User, Create, Update]`."""
    arguments = options.service.type_arguments[1:] if options.service else ()
    named = [None if argument in {BaseModel, Any} else argument for argument in arguments]
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
        may_read=lambda target, name: name in attributes_of(read_by_all(target, info, options)),
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
        deleted=options.show_deleted is not False,
    )

"""The pydantic models of a resource, derived from its columns: create, update, replace, read, page."""

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import (
    MISSING,
    BaseModel,
    Field,
    PydanticSchemaGenerationError,
    TypeAdapter,
    create_model,
)
from pydantic.fields import FieldInfo
from typing_extensions import TypeVar

from fastapi_crud.access import Access, Exposure, access_of
from fastapi_crud.columns import ColumnInfo, ModelInfo, inspect_model
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.fields import (
    BOUNDS,
    FieldSpec,
    InputSchema as InputSchema,
    OutputSchema as OutputSchema,
    definition,
    finished,
    ignored_field,
    input_fields,
    made_late,
    or_missing,
    read_field,
    shown,
    write_field,
)

CreateT = TypeVar("CreateT", bound=BaseModel, default=BaseModel)
UpdateT = TypeVar("UpdateT", bound=BaseModel, default=BaseModel)
ReadT = TypeVar("ReadT", bound=BaseModel, default=BaseModel)


INPUTS = ("inputs", "update_inputs")
"""Keys of a column's `info` with what clients write in its place, in new rows and in changes."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """The five schemas of a resource.

    Args:
        create: The body of POST.
        update: The body of PATCH: absent means unchanged, null means NULL.
        replace: The body of PUT: absent means the default.
        read: One row in an answer.
        page: A page of rows: `items` and `total`.
    """

    create: type[BaseModel]
    update: type[BaseModel]
    replace: type[BaseModel]
    read: type[BaseModel]
    page: type[BaseModel]


def make_schemas(
    model: type[Any],
    *,
    name: str | None = None,
    hidden: Collection[str] = (),
    readable: Collection[str] = (),
    read_only: Collection[str] = (),
    writable: Collection[str] = (),
    hybrids: Collection[str] = (),
    client_ids: bool = False,
) -> Schemas:
    """Derive the schemas that `make_crud_router` would use, to look at or to build on.

    Args:
        model: Any mapped class.
        name: What the schemas' names begin with; the class's name unless given.
        hidden: Columns that are neither read nor written.
        readable: Columns to read although their name looks secret.
        read_only: Columns to read but not write.
        writable: Columns to write although they look privileged or server-set.
        hybrids: Hybrid properties to read.
        client_ids: Whether clients may choose the primary key of new rows.

    Returns:
        The same classes for the same arguments.

    Raises:
        ConfigurationError: If the class is not mapped or has no such column.
    """
    exposure = Exposure(
        hidden=frozenset(hidden),
        readable=frozenset(readable),
        read_only=frozenset(read_only),
        writable=frozenset(writable),
        hybrids=frozenset(hybrids),
        client_ids=client_ids,
    )
    return derive_schemas(inspect_model(model), name or model.__name__, exposure)


@cache
def derive_schemas(info: ModelInfo, name: str, exposure: Exposure) -> Schemas:
    """Derive the schemas of a model for one exposure; see `make_schemas`."""
    exposure.check(info)
    access = {column.name: access_of(column, exposure) for column in info.columns.values()}
    columns = info.columns.values()
    readable = [column for column in columns if Access.READ in access[column.name]]
    writable = [column for column in columns if Access.WRITE in access[column.name]]
    changeable = [column for column in writable if not column.primary_key]
    ignored = [column for column in readable if column not in changeable]
    read = _make(info, f"{name}Read", OutputSchema, {c.name: read_field(c) for c in readable})
    create = {column.name: write_field(column) for column in writable}
    update = {column.name: write_field(column, optional=True) for column in changeable}
    kept = {c.name for c in changeable if c not in readable}  # write-only: PUT leaves them alone
    replace = {c.name: write_field(c, optional=c.name in kept) for c in changeable}
    inputs = input_fields(columns, "inputs", optional=True)
    changes = inputs | input_fields(columns, "update_inputs", optional=True)
    create |= input_fields(columns, "inputs")
    update, replace, kept = update | changes, replace | changes, kept | changes.keys()
    update_schema = _make(info, f"{name}Update", InputSchema, update, ignored)
    replace_schema = _make(info, f"{name}Replace", InputSchema, replace, ignored)
    replace_schema.defaulted_fields = frozenset(replace.keys() - kept)
    return Schemas(
        create=_make(info, f"{name}Create", InputSchema, create),
        update=update_schema,
        replace=replace_schema,
        read=read,
        page=page_of(read, f"{name}Page", info.model.__module__),
    )


def shown_columns(info: ModelInfo, names: Iterable[str]) -> type[BaseModel]:
    """Make the schema of a row that shows some of its columns, whoever may read them."""
    fields = {name: read_field(info.columns[name]) for name in names}
    schema: type[BaseModel] = _make(info, info.name, OutputSchema, fields)
    return schema


def key_fields(info: ModelInfo) -> dict[str, Any]:
    """Define the fields of a body that name a row by its primary key, in the mapper's order."""
    specs = {column.name: FieldSpec(column.write, extra=shown(column)) for column in info.key}
    return dict(definition(*item) for item in specs.items())


def replace_of(create: type[BaseModel], info: ModelInfo, name: str) -> type[BaseModel]:
    """Derive the body of PUT from a create schema of the developer's own.

    Fields that are no column (a `password`, say) may be left out: PUT then leaves them alone.
    """
    fields: dict[str, Any] = {
        field_name: (or_missing(spec.annotation), optional_field(spec))
        for field_name, spec in create.model_fields.items()
        if field_name not in info.columns and spec.alias not in info.columns
    }
    return create_model(name, __base__=create, __module__=create.__module__, **fields)


def optional_field(spec: FieldInfo) -> FieldInfo:
    """Copy a field that may be absent."""
    optional = copy(spec)
    optional.default, optional.default_factory = MISSING, None
    return optional


def page_of(
    read: type[BaseModel],
    name: str,
    module: str,
    *,
    pagination: Literal["offset", "cursor", "both"] = "offset",
    counted: bool = True,
) -> type[BaseModel]:
    """Make the schema of a page of rows.

    Args:
        read: The schema of a row.
        name: The schema's name.
        module: Where it belongs.
        pagination: Whether the page has a total, cursors, or both.
        counted: Whether there always is a total.
    """
    fields: dict[str, Any] = {"items": (list[read], Field(description="The rows of this page."))}  # type: ignore[valid-type]
    if pagination != "cursor":
        total: Any = int if counted and pagination == "offset" else int | None
        described = Field(ge=0, description="How many rows there are in all.")
        fields["total"] = (total, described)
    if pagination != "offset":
        for cursor, way in {"next_cursor": "next", "prev_cursor": "previous"}.items():
            described = Field(description=f"Leads to the {way} page; null where there is none.")
            fields[cursor] = (str | None, described)
    return finished(made_late(name, OutputSchema, module, fields))


def _make(
    info: ModelInfo,
    name: str,
    base: type[BaseModel],
    specs: Mapping[str, FieldSpec],
    ignored: Collection[ColumnInfo] = (),
) -> type[Any]:
    specs = {**specs, **{column.name: ignored_field(column) for column in ignored}}
    fields = dict(definition(*item) for item in specs.items())
    module = info.model.__module__
    schema: type[Any]
    if all(name in info.columns and _sure(info.columns[name]) for name in specs):
        schema = made_late(name, base, module, fields)
    else:
        try:
            schema = create_model(name, __base__=base, __module__=module, **fields)
        except PydanticSchemaGenerationError as error:
            raise ConfigurationError(_indescribable(info, specs)) from error
    if ignored:
        schema.ignored_fields = frozenset(column.name for column in ignored)
    return finished(schema) if base is OutputSchema else schema


def _sure(column: ColumnInfo) -> bool:
    """Whether nothing that is said of a column can be wrong for its type."""
    return column.kind.sure and not column.info.keys() & {*BOUNDS, *INPUTS}


def _indescribable(info: ModelInfo, specs: Mapping[str, FieldSpec]) -> str:
    """Find the column that pydantic has no schema for."""
    return (
        f"{info.name}.{next(name for name, spec in specs.items() if not _describable(spec))} "
        "has a type that pydantic cannot describe: annotate it with one that it can, "
        "hide it with info={'hidden': True}, or give schemas of your own"
    )


def _describable(spec: FieldSpec) -> bool:
    try:
        TypeAdapter(spec.annotation)
    except PydanticSchemaGenerationError:
        return False
    return True

"""Schemas of rows as one request asks for them: some fields only, and relationships."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Annotated, Any, cast, get_args
from uuid import UUID

from pydantic import MISSING, BaseModel, EmailStr, Field, PlainSerializer, create_model
from typing_extensions import TypedDict

from fastapi_crud.columns import ModelInfo
from fastapi_crud.query.loading import attribute_of
from fastapi_crud.query.paths import hop
from fastapi_crud.schemas import OutputSchema, optional_field

Included = Mapping[str, type[BaseModel]]
"""Path of a relationship → the schema of its rows."""
Fields = dict[str, Any]
TextOfUUID: Any = Annotated[UUID, PlainSerializer(str, return_type=str)]
TEXTS: Mapping[Any, Any] = {UUID: TextOfUUID, UUID | None: TextOfUUID | None}
"""Keys as drivers have them are a subclass, which pydantic takes long to write."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a row is shown.

    Args:
        fields: Attributes; all unless given. The primary key always is.
        include: Paths of relationships.
        hidden: Attributes that this caller may not see.
    """

    fields: frozenset[str] | None = None
    include: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()


WHOLE = Selection()


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows of a selection are written.

    Args:
        schema: What is read from them.
        left_out: Fields that are read but not written.
    """

    schema: type[BaseModel]
    left_out: frozenset[str] = frozenset()


def shape_of(
    info: ModelInfo, read: type[BaseModel], selection: Selection, included: Included
) -> Shape:
    """Make the schema that has just what is asked for: nothing else is read from the rows.

    A read schema of the developer's own keeps its validators, so it is read as a whole, and what
    was not asked for is left out afterwards.
    """
    keys = {column.name for column in info.key}
    wanted = None if selection.fields is None else selection.fields | keys
    dropped = frozenset(
        name
        for name, spec in read.model_fields.items()
        if (attribute := attribute_of(name, spec)) in selection.hidden
        or (wanted is not None and attribute not in wanted)
    )
    relations = _relations(info, selection.include, included)
    if not is_derived(read):
        read = _believing(read)
    if not dropped and not relations:
        return Shape(read)
    if is_derived(read):
        kept = {n: (s.annotation, s) for n, s in read.model_fields.items() if n not in dropped}
        return Shape(_model(read.__name__, OutputSchema, {**kept, **relations}))
    return Shape(_model(read.__name__, read, relations), dropped)


def record_type(schema: type[BaseModel]) -> Any:  # noqa: ANN401 - a `TypedDict`
    """Make the type of a row as a dictionary, keyed by attribute, that is written like a schema."""
    fields: Fields = {
        attribute: Annotated[kind, Field(serialization_alias=name)]
        for attribute, (name, kind) in written_types(schema).items()
    }
    return TypedDict(schema.__name__, fields)  # type: ignore[operator]


def written_types(schema: type[BaseModel]) -> dict[str, tuple[str, Any]]:
    """Give the name and the type that each attribute is written with by a schema."""
    types: dict[str, tuple[str, Any]] = {}
    for name, spec in schema.model_fields.items():
        annotation: Any = TEXTS.get(cast("Any", spec.annotation), spec.annotation)
        kind = Annotated[annotation, *spec.metadata] if spec.metadata else annotation
        written = spec.serialization_alias or spec.alias or name
        types[attribute_of(name, spec)] = written, kind
    return types


def is_derived(read: type[BaseModel]) -> bool:
    """Tell whether a read schema is the library's own, without rules of the developer's."""
    return read.__base__ is OutputSchema


def shows_plainly(read: type[BaseModel]) -> bool:
    """Tell whether a read schema looks at the columns of a row only, not at the row."""
    rules = read.__pydantic_decorators__.model_validators.values()
    return is_derived(read) or all(rule.info.mode == "after" for rule in rules)


def documented_read(read: type[BaseModel], hideable: Collection[str]) -> type[BaseModel]:
    """Document rows of which some callers may not see every column."""
    optional = _optional(read, hideable)
    return _model(read.__name__, read, optional) if optional else read


def documented_view(
    read: type[BaseModel], name: str, info: ModelInfo, included: Included, *, sparse: bool
) -> type[BaseModel]:
    """Document rows whose fields and relationships the client chooses.

    Args:
        read: What a whole row is documented as.
        name: What the schema's name begins with.
        info: The model.
        included: Relationships that may be included.
        sparse: Whether fields may be chosen; the primary key is always there.
    """
    keys = {column.name for column in info.key}
    names = {attribute_of(field, spec) for field, spec in read.model_fields.items()} - keys
    optional = _optional(read, names if sparse else ())
    relations: Fields = {
        field: (annotation | MISSING, Field(MISSING))
        for field, (annotation, _) in _relations(info, included.keys(), included, name).items()
    }
    if not optional and not relations:
        return read
    return _model(f"{name}View", read, {**optional, **relations})


@cache
def _believing(read: type[BaseModel]) -> type[BaseModel]:
    """Show stored addresses as they are: to parse each anew takes longer than all else."""
    fields: Fields = {}
    for name, spec in read.model_fields.items():
        annotation: Any = spec.annotation
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        if annotation is EmailStr:
            fields[name] = (str, spec)
        elif kinds == [EmailStr]:
            fields[name] = (str | None, spec)
    return _model(read.__name__, read, fields) if fields else read


def _optional(read: type[BaseModel], attributes: Collection[str]) -> Fields:
    return {
        name: (cast("Any", spec.annotation) | MISSING, optional_field(spec))
        for name, spec in read.model_fields.items()
        if attribute_of(name, spec) in attributes
    }


def _relations(
    info: ModelInfo, include: Collection[str], included: Included, name: str | None = None
) -> Fields:
    """Give the fields of included relationships, with those included under them in turn."""
    fields: Fields = {}
    for relation in dict.fromkeys(path.partition(".")[0] for path in include):
        below = {
            path.partition(".")[2]: path for path in include if path.startswith(f"{relation}.")
        }
        way = hop(info, relation)
        schema = included[relation]
        nested = {inner: included[path] for inner, path in below.items()}
        if name is not None:
            inner_name = f"{name}{relation.title().replace('_', '')}"
            schema = documented_view(schema, inner_name, way.target, nested, sparse=False)
        elif nested:
            selection = Selection(include=tuple(nested))
            schema = shape_of(way.target, schema, selection, nested).schema
        annotation: Any = list[schema] if way.to_many else schema | None  # type: ignore[valid-type]
        fields[relation] = (annotation, Field())
    return fields


def _model(name: str, base: type[BaseModel], fields: Fields) -> type[BaseModel]:
    return create_model(name, __base__=base, __module__=base.__module__, **fields)

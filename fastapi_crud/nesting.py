"""Bodies that take more than a row: the rows that are created with it, and keys of others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import MISSING, AfterValidator, BaseModel, BeforeValidator, Field, create_model
from pydantic_core import PydanticKnownError
from sqlalchemy.orm.interfaces import MANYTOONE

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.paths import Hop, hop
from fastapi_crud.schemas import Schemas
from fastapi_crud.ties import UNLOADED, filled_by, link_field, relation_of
from fastapi_crud.values import Shown

SchemaOf = Callable[[ModelInfo], type[BaseModel]]
"""Gives the body that creates a row of a model."""


def with_relations(
    schemas: Schemas,
    info: ModelInfo,
    *,
    nested: Sequence[str] = (),
    links: Sequence[str] = (),
    most: int,
    create_schema_of: SchemaOf,
) -> Schemas:
    """Let bodies take what is written together with a row.

    Args:
        schemas: The schemas of the resource.
        info: Its model.
        nested: Relationships whose rows can be created with their parent, by POST.
        links: Many-to-many relationships that can be set by a list of keys, by POST, PATCH and
            PUT: `skills` by `skill_ids`. A PUT that leaves the list out leaves the links alone.
        most: How many rows or keys one list may have.
        create_schema_of: Gives the body of POST of a related model.

    Returns:
        The schemas, with bodies that have these fields. The values of a body have what a field
        says under the name of its relationship.

    Raises:
        ConfigurationError: If a relationship cannot be written so; the message names the fix.
    """
    for option, name, problem in _problems(schemas, info, nested, links):
        raise ConfigurationError(f"{info.name}: {option}={name!r}: {problem}")
    linked = {name: _keys(hop(info, name), most) for name in links}
    prefix = schemas.create.__name__.removesuffix("Create")
    born: dict[str, Any] = {}
    for way in (hop(info, name) for name in nested):
        name = f"{prefix}{way.name.title().replace('_', '')}Create"
        born[way.name] = _rows(way, _without_parent(way, create_schema_of(way.target), name), most)
    return replace(
        schemas,
        create=_extended(schemas.create, {**born, **linked}),
        update=_extended(schemas.update, linked),
        replace=_extended(schemas.replace, linked),
    )


Rule = tuple[Callable[[Hop], bool], str]

ALWAYS: tuple[Rule, ...] = (
    (lambda way: relation_of(way).viewonly, "it is viewonly: name one that can be written"),
    (
        lambda way: relation_of(way).lazy in UNLOADED,
        "it is never loaded as a whole: give it another lazy=, or leave it out",
    ),
)
RULES: Mapping[str, tuple[Rule, ...]] = {
    "nested": (
        *ALWAYS,
        (
            lambda way: relation_of(way).secondary is not None,
            "it is many-to-many: set it by the keys of rows that are there, with links=",
        ),
        (
            lambda way: relation_of(way).direction is MANYTOONE,
            "this row refers to that one, which must be there first: set the foreign key instead",
        ),
    ),
    "links": (
        *ALWAYS,
        (
            lambda way: relation_of(way).secondary is None or not way.to_many,
            "it is not many-to-many: rows of its own are created with nested=",
        ),
        (
            lambda way: len(way.target.key) > 1,
            "its rows have a composite key, which a list of keys cannot hold: leave it out",
        ),
    ),
}
"""Option → what a relationship must not be, and what to do about it."""


def _problems(
    schemas: Schemas, info: ModelInfo, nested: Sequence[str], links: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    taken: dict[str, str] = {}
    for schema in (schemas.create, schemas.update, schemas.replace):
        for name, spec in schema.model_fields.items():
            taken |= dict.fromkeys((name, spec.alias or name), f"a field of {schema.__name__}")
    taken |= dict.fromkeys(info.columns, f"a column of {info.name}")
    for option, names in {"nested": nested, "links": links}.items():
        for name in dict.fromkeys(names):
            if name in nested and name in links:
                yield option, name, "it is in nested= and in links=: leave one of them out"
            if name not in info.relationships:
                there = ", ".join(sorted(info.relationships)) or "none"
                yield option, name, f"it has no such relationship; it has {there}"
            way = hop(info, name)
            yield from ((option, name, problem) for holds, problem in RULES[option] if holds(way))
            field = link_field(name) if option == "links" else name
            clash = taken.get(field) or taken.get(name) or _reserved(name)
            if clash:
                yield option, name, f"its field {field} is {clash}: rename one, or leave it out"
            taken |= dict.fromkeys((field, name), f"the field of {name}")


def _reserved(name: str) -> str | None:
    reserved = name.startswith("_") or hasattr(BaseModel, name)
    return "a name that pydantic keeps for itself" if reserved else None


def _keys(way: Hop, most: int) -> tuple[Any, Any]:
    """Define the field that sets a many-to-many relationship; it is named by its alias."""
    key: Any = way.target.key[0].write
    keys = Annotated[
        list[key],
        Field(max_length=most),
        AfterValidator(_unrepeated),
        Shown({"uniqueItems": True}),
    ]
    described = f"Primary keys: all {way.name} that it has."
    return keys | MISSING, Field(MISSING, alias=link_field(way.name), description=described)


def _unrepeated(keys: list[Any]) -> list[Any]:
    if len({*keys}) < len(keys):
        msg = "must not repeat a key"
        raise ValueError(msg)
    return keys


def _rows(way: Hop, schema: type[BaseModel], most: int) -> tuple[Any, Any]:
    """Define the field for rows that are created with their parent."""
    rows: Any = Annotated[list[schema], Field(max_length=most)] if way.to_many else schema  # type: ignore[valid-type]
    return rows | MISSING, Field(MISSING, description="Created together with this row.")


def _without_parent(way: Hop, schema: type[BaseModel], name: str) -> type[BaseModel]:
    """Derive the body of a row within its parent: the relationship fills the foreign key."""
    filled = filled_by(way)
    fields = {
        field: (FILLED, Field(MISSING))
        for field, spec in schema.model_fields.items()
        if field in filled or spec.alias in filled
    }
    return _extended(schema, fields, name) if fields else schema


def _refuse(_: object) -> None:
    code: Final = "extra_forbidden"
    raise PydanticKnownError(code)


FILLED: Any = Annotated[MISSING, BeforeValidator(_refuse)]  # pyright: ignore[reportInvalidTypeForm]
"""The type of a field that nobody can give, and that no JSON schema shows."""


def _extended(
    schema: type[BaseModel], fields: Mapping[str, Any], name: str | None = None
) -> type[BaseModel]:
    """Make a schema with more fields, which keeps the rules of the one that it extends."""
    if not fields:
        return schema
    return create_model(
        name or schema.__name__,
        __base__=schema,
        __module__=schema.__module__,
        __doc__=schema.__doc__,
        **fields,
    )

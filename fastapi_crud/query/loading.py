"""What is loaded with each row: as the read schema shows it, so that nothing is loaded later."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast, get_args

import sqlalchemy as sa
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy.orm import aliased, selectinload, undefer

from fastapi_crud.columns import ModelInfo
from fastapi_crud.deletion import Deletion
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.fields import is_unread
from fastapi_crud.query.clauses import Deleted, Where
from fastapi_crud.query.conditions import Deletions, Scopes, Translator
from fastapi_crud.query.paths import Hop, hop
from fastapi_crud.query.statements import is_one_of

Loads = Mapping[str, Any]
"""Relationship or deferred column → what is loaded with it, in turn."""
NOTHING: Loads = MappingProxyType({})
MAX_NESTING = 5
"""How deep a read schema may embed relationships."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What a caller gets to see, and how it is loaded. Set on a repository by whoever made it.

    Args:
        loads: What is loaded with every row.
        included: Path of an included relationship → what is loaded with its rows.
        max_included: How many rows of a to-many relationship are included with a row.
        scopes: Which rows there are, of related models as well.
        write_scope: Which rows of its own this caller may write, before and after.
        deletions: How rows are marked as deleted, beside what the models say.
        deleted: Whether rows marked as deleted are meant.
        cursor_secret: Signs cursors.
        max_exact_count: How many rows are counted before the total is estimated.
    """

    loads: Loads = field(default_factory=lambda: NOTHING)
    included: Mapping[str, Loads] = field(default_factory=dict[str, Loads])
    max_included: int | None = None
    scopes: Scopes = field(default_factory=dict[type[Any], Sequence[Where]])
    write_scope: Sequence[Where] = ()
    deletions: Deletions = field(default_factory=dict[type[Any], Deletion])
    deleted: Deleted = "exclude"
    cursor_secret: str | None = None
    max_exact_count: int = 10_000


def loads_of(schema: type[BaseModel], info: ModelInfo, depth: int = 0) -> Loads:
    """Tell what a read schema shows that a plain select leaves out.

    Args:
        schema: The schema of a row.
        info: The model of the row.
        depth: How deep it is embedded.

    Raises:
        ConfigurationError: If it embeds itself without end.
    """
    if depth > MAX_NESTING:
        msg = f"{schema.__name__} embeds relationships more than {MAX_NESTING} deep: end it earlier"
        raise ConfigurationError(msg)
    if not is_unread(schema):
        schema.model_rebuild()  # names of classes that came later in the module
    loads: dict[str, Loads] = {}
    for name in attributes_of(schema):
        if name in info.relationships:
            nested = _schema_in(_field_of(schema, name).annotation)
            target = hop(info, name).target
            loads[name] = loads_of(nested, target, depth + 1) if nested else NOTHING
        elif name in info.columns and info.columns[name].deferred:
            loads[name] = NOTHING
    return MappingProxyType(loads)


def attributes_of(schema: type[BaseModel]) -> dict[str, str]:
    """Tell which attributes a schema reads: attribute → name in the answer."""
    return {
        attribute_of(name, spec): spec.serialization_alias or spec.alias or name
        for name, spec in schema.model_fields.items()
    }


def attribute_of(name: str, spec: FieldInfo) -> str:
    """Tell which attribute a field reads."""
    alias = spec.validation_alias if spec.validation_alias is not None else spec.alias
    return alias if isinstance(alias, str) else name


def embedded(info: ModelInfo, loads: Loads) -> Iterator[ModelInfo]:
    """Tell which related models are loaded."""
    for name, inner in loads.items():
        if name in info.relationships:
            target = hop(info, name).target
            yield target
            yield from embedded(target, inner)


def options(info: ModelInfo, loads: Loads, translator: Translator) -> list[Any]:
    """Write the loader options: one more statement for each relationship, none for a column."""
    found: list[Any] = []
    for name, inner in loads.items():
        attribute: Any = getattr(info.model, name)
        if name not in info.relationships:
            found.append(undefer(attribute))
            continue
        target = hop(info, name).target
        scope = translator.scope(target)
        loader = selectinload(attribute.and_(*scope) if scope else attribute)
        found.append(loader.options(*options(target, inner, translator)))
    return found


def select_related(
    way: Hop, keys: Sequence[tuple[Any, ...]], most: int | None, translator: Translator
) -> sa.Select[Any]:
    """Select the related rows of several rows at once, each with the key of its row.

    Args:
        way: The relationship.
        keys: The primary keys of the rows.
        most: How many related rows each may have; the first by the relationship's order.
        translator: Says which related rows there are.
    """
    source: Any = aliased(way.source.model)
    child = way.target.model
    parent_key = [getattr(source, column.name) for column in way.source.key]
    child_key = [getattr(child, column.name) for column in way.target.key]
    order = [*(way.source.mapper.relationships[way.name].order_by or ()), *child_key]
    conditions = [is_one_of(parent_key, keys), *translator.scope(way.target)]

    def joined(*columns: Any) -> sa.Select[Any]:  # noqa: ANN401 - SQL
        selected = cast("sa.Select[Any]", sa.select(*columns)).select_from(source)
        statement = selected.join(getattr(source, way.name))
        return statement.where(*conditions)

    if most is None or not way.to_many:
        return joined(child, *parent_key).order_by(*order)
    rank = sa.func.row_number().over(partition_by=parent_key, order_by=order).label("row_rank")
    parents = [key.label(f"parent_{i}") for i, key in enumerate(parent_key)]
    children = [key.label(f"child_{i}") for i, key in enumerate(child_key)]
    ranked = joined(*parents, *children, rank).subquery()
    same = [key == ranked.c[f"child_{i}"] for i, key in enumerate(child_key)]
    return (
        sa.select(child, *(ranked.c[f"parent_{i}"] for i in range(len(parent_key))))
        .join(ranked, sa.and_(*same))
        .where(ranked.c.row_rank <= most)
        .order_by(ranked.c.row_rank)
    )


def _field_of(schema: type[BaseModel], attribute: str) -> FieldInfo:
    return next(
        spec for name, spec in schema.model_fields.items() if attribute_of(name, spec) == attribute
    )


def _schema_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type form
    """Find the schema in `list[BookRead]`, `AuthorRead | None` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _schema_in(arg))), None)

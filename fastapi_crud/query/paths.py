"""Paths over relationships: `author.name`, from a model to an attribute of a related one."""

from dataclasses import dataclass

from sqlalchemy.orm import RelationshipProperty
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ColumnInfo, ModelInfo, inspect_model
from fastapi_crud.exceptions import ConfigurationError


@dataclass(frozen=True, eq=False)
class Hop:
    """One relationship of a path.

    Args:
        name: Its name.
        source: The model that it leads from.
        target: The model that it leads to.
        to_many: Whether it leads to several rows.
    """

    name: str
    source: ModelInfo
    target: ModelInfo
    to_many: bool


def hop(info: ModelInfo, name: str) -> Hop:
    """Follow one relationship.

    Raises:
        ConfigurationError: If the model has no such relationship.
    """
    if name not in info.relationships:
        there = ", ".join(sorted(info.relationships)) or "none"
        msg = f"{info.name} has no relationship {name!r}; it has {there}"
        raise ConfigurationError(msg)
    relationship: RelationshipProperty[object] = info.mapper.relationships[name]
    target = inspect_model(relationship.mapper.class_)
    return Hop(name, info, target, bool(relationship.uselist))


def hops(info: ModelInfo, names: tuple[str, ...]) -> list[Hop]:
    """Follow relationships, one after the other.

    Raises:
        ConfigurationError: If one of the models has no such relationship.
    """
    path: list[Hop] = []
    for name in names:
        path.append(hop(path[-1].target if path else info, name))
    return path


def column_at(info: ModelInfo, path: str) -> tuple[list[Hop], ColumnInfo]:
    """Follow a path to the column at its end.

    Args:
        info: Where it begins.
        path: `"name"`, `"author.name"`, `"author.city.name"`.

    Raises:
        ConfigurationError: If a model on the way has no such attribute.
    """
    *names, last = path.split(".")
    way = hops(info, tuple(names))
    end = way[-1].target if way else info
    if last not in end.columns:
        msg = f"{end.name} has no column {last!r}; it has {', '.join(end.columns)}"
        raise ConfigurationError(msg)
    return way, end.columns[last]


def is_sql(info: ModelInfo, attribute: str) -> bool:
    """Tell whether an attribute can stand in a statement: some hybrids are Python only."""
    if not info.columns[attribute].hybrid:
        return True
    try:
        expression = getattr(info.model, attribute)
    except Exception:  # noqa: BLE001 - whatever the developer's Python does with a column
        return False
    return isinstance(
        getattr(expression, "__clause_element__", lambda: expression)(), ColumnElement
    )

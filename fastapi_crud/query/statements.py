"""From a `Query` to SQL: the page, its count, and a row by its key."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload, undefer
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ModelInfo
from fastapi_crud.query.clauses import Query


def attributes(info: ModelInfo, names: Sequence[str]) -> list[Any]:
    """Give the mapped attributes of these names."""
    return [getattr(info.model, name) for name in names]


def key_equals(info: ModelInfo, key: Sequence[Any]) -> list[ColumnElement[bool]]:
    """Say that a row has this primary key."""
    names = [column.name for column in info.key]
    return [attr == value for attr, value in zip(attributes(info, names), key, strict=True)]


def loading(info: ModelInfo, names: Collection[str]) -> list[Any]:
    """Say how to load what a plain select leaves out.

    Args:
        info: The model.
        names: Relationships (one more statement each) and deferred columns (none).
    """
    return [
        (selectinload if name in info.relationships else undefer)(getattr(info.model, name))
        for name in names
    ]


def select_page(info: ModelInfo, query: Query) -> sa.Select[Any]:
    """Select the rows of a page, in an order that never changes between pages."""
    tiebreak = attributes(info, [column.name for column in info.key])
    return (
        sa.select(info.model)
        .where(*query.where)
        .order_by(*query.order_by, *tiebreak)
        .offset(query.skip or None)
        .limit(query.limit)
    )


def select_count(info: ModelInfo, where: Sequence[ColumnElement[bool]] = ()) -> sa.Select[Any]:
    """Count rows."""
    return sa.select(sa.func.count()).select_from(info.model).where(*where)

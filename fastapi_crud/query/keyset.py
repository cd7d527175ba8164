"""The rows beyond a place, found by the values that they are sorted by: as cheap on every page."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.query.cursors import Cursor
from fastapi_crud.query.ordering import SortKey

Test = ColumnElement[bool]

ROW_VALUES = frozenset({"sqlite", "postgresql"})
"""Databases that look `(a, b) > (x, y)` up in an index."""


def beyond(keys: Sequence[SortKey], cursor: Cursor, dialect: str) -> list[Test]:
    """Say that a row lies beyond a place, in parts that have no row in common.

    Each part is one range of an index: `a = x AND b > y`, and `a > x`. An OR of both would be
    none, and the database would read all rows that lie before.

    Args:
        keys: What the rows are sorted by.
        cursor: The place, by values or by parameters for them; at the end of the list there are
            no parts, and all rows lie beyond.
        dialect: The database's name.
    """
    if cursor.values is None:
        return []
    down = [key.order.descending is not cursor.backward for key in keys]
    return _parts(keys, cursor.values, down, dialect)


def _parts(
    keys: Sequence[SortKey], values: Sequence[Any], down: Sequence[bool], dialect: str
) -> list[Test]:
    one_way = len(keys) > 1 and len({*down}) == 1 and all(value is not None for value in values)
    if one_way and dialect in ROW_VALUES:
        return _rows(keys, values, descending=down[0])
    further = _further(keys[0], values[0], descending=down[0])
    if len(keys) == 1:
        return further
    same = _same(keys[0], values[0])
    ties = _parts(keys[1:], values[1:], down[1:], dialect)
    return [*(sa.and_(same, part) for part in ties), *further]


def _rows(keys: Sequence[SortKey], values: Sequence[Any], *, descending: bool) -> list[Test]:
    """Compare whole rows: one with a NULL that decides is never beyond, where NULL is smaller."""
    left = sa.tuple_(*(key.expression for key in keys))
    right = sa.tuple_(*(_bound(key, value) for key, value in zip(keys, values, strict=True)))
    if not descending:
        return [left > right]
    same = [_same(key, value) for key, value in zip(keys, values, strict=True)]
    missing = [
        sa.and_(*same[:i], key.expression.is_(None)) for i, key in enumerate(keys) if key.nullable
    ]
    return [left < right, *missing]


def _further(key: SortKey, value: Any, *, descending: bool) -> list[Test]:  # noqa: ANN401 - a value
    """Further in the direction of the walk; NULL is the smallest."""
    expression, bound = key.expression, _bound(key, value)
    if descending:
        smaller = [] if value is None else [expression < bound]
        return [*smaller, expression.is_(None)] if key.nullable and smaller else smaller
    return [expression.is_not(None) if value is None else expression > bound]


def _same(key: SortKey, value: Any) -> Test:  # noqa: ANN401 - a value
    same: Test = key.expression.is_(None) if value is None else key.expression == _bound(key, value)
    return same


def _bound(key: SortKey, value: Any) -> Any:  # noqa: ANN401 - a value or SQL in, SQL out
    return value if isinstance(value, sa.ClauseElement) else sa.literal(value, key.expression.type)

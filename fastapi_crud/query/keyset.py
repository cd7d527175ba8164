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


def beyond(keys: Sequence[SortKey], cursor: Cursor, dialect: str) -> Test | None:
    """Say that a row lies beyond a place; None where everything does.

    Args:
        keys: What the rows are sorted by.
        cursor: The place.
        dialect: The database's name.
    """
    if cursor.values is None:
        return None
    values = list(cursor.values)
    down = [key.order.descending is not cursor.backward for key in keys]
    plain = not any(key.nullable for key in keys) and len({*down}) == 1
    if plain and len(keys) > 1 and dialect in ROW_VALUES:
        left = sa.tuple_(*(key.expression for key in keys))
        right = sa.tuple_(*(_bound(key, value) for key, value in zip(keys, values, strict=True)))
        return left < right if down[0] else left > right
    return _by_steps(keys, values, down)


def _by_steps(keys: Sequence[SortKey], values: Sequence[Any], down: Sequence[bool]) -> Test:
    """`a > x OR (a = x AND b > y)`; and `a >= x` in front, where an index can begin."""
    steps: list[Test] = []
    equal: list[Test] = []
    for key, value, descending in zip(keys, values, down, strict=True):
        steps.append(sa.and_(*equal, _further(key, value, descending=descending)))
        equal.append(_same(key, value))
    test = sa.or_(*steps)
    first = keys[0]
    if len(keys) == 1 or values[0] is None or (down[0] and first.nullable):
        return test
    bound = _bound(first, values[0])
    start: Test = first.expression <= bound if down[0] else first.expression >= bound
    return sa.and_(start, test)


def _further(key: SortKey, value: Any, *, descending: bool) -> Test:  # noqa: ANN401 - a value
    """Further in the direction of the walk; NULL is the smallest."""
    expression = key.expression
    if value is None:
        return sa.false() if descending else expression.is_not(None)
    if not descending:
        larger: Test = expression > _bound(key, value)
        return larger
    smaller: Test = expression < _bound(key, value)
    return sa.or_(smaller, expression.is_(None)) if key.nullable else smaller


def _same(key: SortKey, value: Any) -> Test:  # noqa: ANN401 - a value
    same: Test = key.expression.is_(None) if value is None else key.expression == _bound(key, value)
    return same


def _bound(key: SortKey, value: Any) -> Any:  # noqa: ANN401 - a value in, SQL out
    return sa.literal(value, key.expression.type)

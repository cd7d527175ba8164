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
    """Say that a row lies beyond a place, in parts that come one after the other.

    Where the first column is nullable, the rows with and without a value are parts of their own:
    each is a range of an index, while both together would be none. No part means all rows.

    Args:
        keys: What the rows are sorted by.
        cursor: The place.
        dialect: The database's name.
    """
    if cursor.values is None:
        return []
    values = list(cursor.values)
    down = [key.order.descending is not cursor.backward for key in keys]
    first = keys[0]
    if not first.nullable:
        return [_within(keys, values, down, dialect)]
    if values[0] is None:
        nulls = sa.and_(
            first.expression.is_(None), _within(keys[1:], values[1:], down[1:], dialect)
        )
        return [nulls] if down[0] else [nulls, first.expression.is_not(None)]
    ranged = _by_steps(keys, values, down, nulls_apart=True)
    return [ranged, first.expression.is_(None)] if down[0] else [ranged]


def _within(
    keys: Sequence[SortKey], values: Sequence[Any], down: Sequence[bool], dialect: str
) -> Test:
    plain = not any(key.nullable for key in keys) and len({*down}) == 1
    if not plain or len(keys) == 1 or dialect not in ROW_VALUES:
        return _by_steps(keys, values, down)
    left = sa.tuple_(*(key.expression for key in keys))
    right = sa.tuple_(*(_bound(key, value) for key, value in zip(keys, values, strict=True)))
    return left < right if down[0] else left > right


def _by_steps(
    keys: Sequence[SortKey],
    values: Sequence[Any],
    down: Sequence[bool],
    *,
    nulls_apart: bool = False,
) -> Test:
    """`a > x OR (a = x AND b > y)`; and `a >= x` in front, where an index can begin."""
    steps: list[Test] = []
    equal: list[Test] = []
    for i, (key, value, descending) in enumerate(zip(keys, values, down, strict=True)):
        nulls = key.nullable and not (i == 0 and nulls_apart)
        further = _further(key, value, descending=descending, nulls=nulls)
        steps.append(sa.and_(*equal, further))
        equal.append(_same(key, value))
    test = sa.or_(*steps)
    first = keys[0]
    nulls_follow = down[0] and first.nullable and not nulls_apart
    if len(keys) == 1 or values[0] is None or nulls_follow:
        return test
    bound = _bound(first, values[0])
    start: Test = first.expression <= bound if down[0] else first.expression >= bound
    return sa.and_(start, test)


def _further(key: SortKey, value: Any, *, descending: bool, nulls: bool) -> Test:  # noqa: ANN401
    """Further in the direction of the walk; NULL is the smallest."""
    expression = key.expression
    if value is None:
        return sa.false() if descending else expression.is_not(None)
    if not descending:
        larger: Test = expression > _bound(key, value)
        return larger
    smaller: Test = expression < _bound(key, value)
    return sa.or_(smaller, expression.is_(None)) if nulls else smaller


def _same(key: SortKey, value: Any) -> Test:  # noqa: ANN401 - a value
    same: Test = key.expression.is_(None) if value is None else key.expression == _bound(key, value)
    return same


def _bound(key: SortKey, value: Any) -> Any:  # noqa: ANN401 - a value in, SQL out
    return sa.literal(value, key.expression.type)

"""A filter means the same on every database: what it means in Python."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import And, Database, Filter, Not, Or, Repository
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.operators import OPERATORS, Operator
from fastapi_crud.query.text import lower
from tests.conftest import empty_tables
from tests.models import Color, Everything

TEXTS = [
    "", "a", "A", "á", "Á", "a ", " a", "ab", "aB", "AB", "100%", "100x", "a_b", "axb", "a/b",
    "a\\b", "ß", "ss", "ñu", "Ñu", "日本", "😀", "[x]", "x", "*", "?", "é", "E\u0301", "ж", "Ж",
    "ΑΣ", "ας", "ασ", "'", '"', "%", "_", "null", "\t", "a\nb", None,
]  # fmt: skip
MOMENTS = [  # without a zone: one of the columns has none
    datetime(2024, 2, 29, 12, 0, 0), datetime(2024, 2, 29, 12, 0, 0, 1),
    datetime(1970, 1, 1), datetime(1999, 12, 31, 23, 59, 59, 999_999), datetime(2038, 1, 20),
]  # fmt: skip
UUIDS = [UUID(int=0), UUID(int=2**128 - 1), UUID("0191f6a0-0000-7000-8000-00000000abcd")]

VALUES: Mapping[str, list[Any]] = {
    "small": [0, 1, -1, 2**15 - 1, -(2**15), None],
    "medium": [0, 7, -7, 2**31 - 1, -(2**31), None],
    "large": [0, 2**53 + 1, 2**53, 2**63 - 1, -(2**63), None],
    "ratio": [0.0, 0.5, -0.5, 1e10, 1e-3, 3.0, None],
    "single": [0.0, 0.1, 0.5, 1.1, -2.25, None],
    "price": [Decimal("0.00"), Decimal("0.10"), Decimal("0.30"), Decimal("-12345678.99"), None],
    "flag": [True, False, None],
    "code": [text for text in TEXTS if text is None or len(text) <= 5],
    "text": TEXTS,
    "color": [Color.RED, Color.BLUE, None],
    "size": ["S", "M", None],
    "at": [*(moment.replace(tzinfo=UTC) for moment in MOMENTS), None],
    "local": [*MOMENTS, None],
    "day": [date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31), date(2024, 3, 1), None],
    "hour": [time(0), time(12, 30), time(23, 59, 59), time(23, 59, 59, 5), None],
    "span": [timedelta(0), timedelta(days=1, seconds=5), timedelta(days=-1), None],
    "token_id": [*UUIDS, None],
    "token_text": [*map(str, UUIDS), None],
    "data": [{"a": 1}, [], "null", 0, None],
    "labels": [["a"], [], None],
    "raw": [b"", b"\x00\xff", None],
}  # fmt: skip
"""Attribute → values that rows have and filters ask for."""

MEANINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda it, value: it == value,
    "ne": lambda it, value: it != value,
    "in": lambda it, values: it in values,
    "not_in": lambda it, values: it not in values,
    "gt": lambda it, value: it is not None and it > value,
    "gte": lambda it, value: it is not None and it >= value,
    "lt": lambda it, value: it is not None and it < value,
    "lte": lambda it, value: it is not None and it <= value,
    "contains": lambda it, value: it is not None and value in it,
    "icontains": lambda it, value: it is not None and lower(value) in lower(it),
    "startswith": lambda it, value: it is not None and it.startswith(value),
    "istartswith": lambda it, value: it is not None and lower(it).startswith(lower(value)),
    "endswith": lambda it, value: it is not None and it.endswith(value),
    "iendswith": lambda it, value: it is not None and lower(it).endswith(lower(value)),
    "isnull": lambda it, value: (it is None) == value,
}
"""Operator → what it means in Python."""

ROWS = 41
often = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
async def rows(database: Database) -> AsyncIterator[list[Everything]]:
    """Rows in which all values occur, as the database gives them back."""
    await empty_tables(database)
    columns = {name: list(islice(cycle(values), ROWS)) for name, values in VALUES.items()}
    async with database.session() as session:
        session.add_all(
            Everything(**{name: values[i] for name, values in columns.items()}) for i in range(ROWS)
        )
    async with AsyncSession(database.engine) as session:
        yield await Repository[Everything](session).get_multi()


def as_meant(row: Everything, name: str) -> Any:
    """The value of a row; databases without time zones mean UTC."""
    value = getattr(row, name)
    if name == "single" and value is not None:
        return as_single(value)
    return value.replace(tzinfo=UTC) if name == "at" and value is not None else value


def as_single(value: float) -> float:
    """The number of single precision that is meant: some drivers give all its digits."""
    return float(f"{value:.7g}")


async def found(database: Database, *where: Any) -> list[int]:
    """The keys of the rows that a repository finds."""
    async with AsyncSession(database.engine) as session:
        return [row.id for row in await Repository[Everything](session).get_multi(where=where)]


COLUMNS = inspect_model(Everything).columns
PAIRS = [
    (name, operator)
    for name in VALUES
    for operator in OPERATORS.values()
    if COLUMNS[name].kind.name in operator.kinds
]


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    """A filter with a value that some row has, or nearly."""
    name, operator = draw(st.sampled_from(PAIRS))
    values = st.sampled_from([value for value in VALUES[name] if value is not None])
    match operator.shape:
        case "flag":
            return Filter(name, operator.name, draw(st.booleans()))
        case "many":
            return Filter(name, operator.name, draw(st.lists(values, min_size=1, max_size=4)))
        case "one":
            return Filter(name, operator.name, draw(values))
        case "text":
            letters = st.text(st.sampled_from("aAáÁ%_/\\*?[x]ΣσÑñжЖ é"), max_size=3)
            return Filter(name, operator.name, draw(values | letters))


def holds(condition: Any, row: Everything) -> bool:
    """What a condition means in Python."""
    match condition:
        case And():
            return all(holds(part, row) for part in condition.parts)
        case Or():
            return any(holds(part, row) for part in condition.parts)
        case Not():
            return not holds(condition.part, row)
        case _:
            return MEANINGS[condition.operator](as_meant(row, condition.field), condition.value)


trees = st.recursive(
    filters(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: And(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(*parts)),
        inner.map(Not),
    ),
    max_leaves=5,
)


def test_every_operator_has_a_meaning_here() -> None:
    """Is an operator that is added tested as well?"""
    assert MEANINGS.keys() == OPERATORS.keys()


@pytest.mark.parametrize(
    ("name", "operator"), PAIRS, ids=lambda it: it.name if isinstance(it, Operator) else it
)
async def test_each_operator_on_each_column(
    database: Database, rows: list[Everything], name: str, operator: Operator
) -> None:
    """Does every operator find the rows that Python would, for each value there is?"""
    values = [value for value in VALUES[name] if value is not None]
    if operator.shape == "many":
        values = [values[:2], values[1:], values[:1]]
    elif operator.shape == "flag":
        values = [True, False]
    for value in values:
        expected = [row.id for row in rows if MEANINGS[operator.name](as_meant(row, name), value)]
        assert await found(database, Filter(name, operator.name, value)) == expected, value


@often
@given(condition=trees)
async def test_a_condition_agrees_with_python(
    database: Database, rows: list[Everything], condition: Any
) -> None:
    """Do conditions over conditions find the rows for which Python says so, NULL included?"""
    expected = [row.id for row in rows if holds(condition, row)]
    assert await found(database, condition) == expected

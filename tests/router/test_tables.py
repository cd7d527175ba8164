"""Tables: what is written by column is, byte for byte, what is written by row."""

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st
from pydantic import TypeAdapter

from fastapi_crud.access import Exposure
from fastapi_crud.columns import inspect_model
from fastapi_crud.router.tables import TableWriter
from fastapi_crud.router.views import record_type
from fastapi_crud.rows import Rows
from fastapi_crud.schemas import derive_schemas
from tests.models import Color, Everything
from tests.strategies import json_values

READ = derive_schemas(inspect_model(Everything), "Everything", Exposure()).read
RECORD: Any = record_type(READ)
BY_ROW: TypeAdapter[Any] = TypeAdapter(RECORD)
WRITER = TableWriter(READ)

ANY_TEXT = st.text() | st.sampled_from(["a,b", '",\n"', "\u2028", "],[", "\x00\x1f\x7f", "\\"])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(),
    "large": st.integers(-(2**63), 2**63),
    "ratio": st.floats() | st.sampled_from([math.nan, -math.inf, 1e300, -0.0]),
    "price": st.decimals(allow_nan=False, allow_infinity=False) | st.just(Decimal("1E+5")),
    "flag": st.booleans(),
    "text": ANY_TEXT,
    "color": st.sampled_from(Color),
    "at": st.datetimes(timezones=st.timezones()),
    "local": st.datetimes(),
    "day": st.dates(),
    "hour": st.times(),
    "span": st.timedeltas(timedelta(-999), timedelta(999)),
    "raw": st.binary(max_size=8),
    "token_id": st.uuids(),
    "data": json_values,
    "labels": st.lists(ANY_TEXT, max_size=3),
}
WRONG: Any = st.sampled_from(
    [1, 1.5, "x", b"\x00a", [], {"a": 1}, True, date(2026, 1, 2), time(1), UUID(int=1), Decimal(1)]
)
"""What no column of that type should hold."""


wide = settings(max_examples=min(40, settings().max_examples))
"""Each example is a table of sixteen columns."""


def table(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.tuples(*(st.none() | each for each in values.values())), min_size=1)


def rows_of(values: list[Any]) -> Rows:
    return Rows([*VALUES], values, frozenset())


def by_row(rows: Rows) -> bytes:
    lines = (BY_ROW.dump_json(row, by_alias=True, warnings=False) for row in rows)
    return b"".join(b"%b\n" % line for line in lines)


@wide
@given(table(VALUES))
def test_lines_are_the_records_as_json(values: list[Any]) -> None:
    """Is each line what its record would be alone, whatever text, numbers and nesting it has?"""
    rows = rows_of(values)
    assert WRITER.lines(rows) == by_row(rows)


@wide
@given(table(VALUES))
def test_columns_are_those_of_the_records(values: list[Any]) -> None:
    """Is each value what its record would have, and in its place?"""
    rows = rows_of(values)
    plain = [
        BY_ROW.dump_python(row, mode="json", by_alias=True, warnings=False) for row in rows.records
    ]
    columns = {name: column.plain() for name, column in WRITER.columns(rows).items()}
    found = [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]
    assert repr(found) == repr(plain)


@wide
@given(table({name: it | WRONG for name, it in VALUES.items()}))
def test_values_of_other_types_are_written_alike(values: list[Any]) -> None:
    """Does a value that its column should not hold go the same way, or fail, by row as well?"""
    rows = rows_of(values)
    try:
        expected = by_row(rows)
    except Exception as error:  # noqa: BLE001 - whatever a serializer says
        with pytest.raises(type(error)):
            WRITER.lines(rows)
    else:
        assert WRITER.lines(rows) == expected


def test_few_columns_are_written_alone() -> None:
    """Are only those written that were read?"""
    rows = Rows(("id", "at"), [(1, datetime(2026, 1, 2)), (2, None)], frozenset({"at"}))
    assert WRITER.lines(rows) == b'{"id":1,"at":"2026-01-02T00:00:00Z"}\n{"id":2,"at":null}\n'
    columns = {name: column.plain() for name, column in WRITER.columns(rows).items()}
    assert columns == {"id": [1, 2], "at": ["2026-01-02T00:00:00Z", None]}

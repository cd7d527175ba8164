"""What a column type looks like in JSON: its bounds, its forms, and the way there and back."""

import enum
import json
import math
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, settings, strategies as st
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from fastapi_crud.kinds import KINDS, kind_of
from fastapi_crud.models import UTCDateTime
from fastapi_crud.values import (
    DURATION_PATTERN,
)
from tests.strategies import COLUMN_TYPES, Level, json_values


def type_id(value: Any) -> str:
    """The name of a row by its column type; nothing for what else is in it."""
    return repr(cast("object", value)) if isinstance(value, TypeEngine) else ""


KEY = "0191f6a0-0000-7000-8000-000000000000"
LONG_AGO = "0001-01-01T00:00:00+14:00"


class Rank(enum.IntEnum):
    FIRST = 1


class Cents(sa.TypeDecorator[int]):
    """A type of somebody's own, kept as an integer."""

    impl = sa.SmallInteger
    cache_ok = True


class Opaque(sa.types.UserDefinedType[Any]):
    """A type that SQLAlchemy knows nothing about."""


class Stamp(sa.types.UserDefinedType[complex]):
    """A type that tells only its Python type."""

    @property
    def python_type(self) -> type[Any]:
        return UUID


def writer(column_type: TypeEngine[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind_of(column_type).write)


def reader(column_type: TypeEngine[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind_of(column_type).read)


def answered(column_type: TypeEngine[Any], stored: Any) -> Any:
    """The JSON of a stored value."""
    adapter = reader(column_type)
    return json.loads(adapter.dump_json(adapter.validate_python(stored)))


KINDS_OF_TYPES: list[tuple[TypeEngine[Any], str, Any]] = [
    (sa.Boolean(), "boolean", bool),
    (sa.SmallInteger(), "integer", int),
    (sa.Integer(), "integer", int),
    (sa.BigInteger(), "integer", int),
    (mysql.TINYINT(), "integer", int),
    (sa.Float(), "float", float),
    (sa.Double(), "float", float),
    (sa.REAL(), "float", float),
    (sa.Float(asdecimal=True), "decimal", Decimal),
    (sa.Numeric(), "decimal", Decimal),
    (sa.Numeric(10, 2, asdecimal=False), "float", float),
    (sa.String(5), "text", str),
    (sa.Text(), "text", str),
    (sa.Unicode(5), "text", str),
    (postgresql.CITEXT(), "text", str),
    (sa.Enum(Level), "enum", Level),
    (sa.Uuid(), "uuid", UUID),
    (sa.Uuid(as_uuid=False), "uuid", str),
    (sa.DateTime(timezone=True), "datetime", datetime),
    (UTCDateTime(), "datetime", datetime),
    (sa.DateTime(), "local_datetime", datetime),
    (sa.Date(), "date", date),
    (sa.Time(timezone=True), "time", time),
    (sa.Time(), "local_time", time),
    (sa.Interval(), "interval", timedelta),
    (sa.LargeBinary(), "binary", bytes),
    (sa.JSON(), "json", Any),
    (postgresql.JSONB(), "json", Any),
    (sa.ARRAY(sa.Text), "array", list[str]),
    (postgresql.ARRAY(sa.Text), "array", list[str]),
    (Cents(), "integer", int),
    (sa.Integer().with_variant(sa.BigInteger(), "mysql"), "integer", int),
    (sa.PickleType(), "binary", bytes),
    (Opaque(), "json", Any),
    (Stamp(), "other", UUID),
    (sa.VARBINARY(3), "binary", bytes),
    (sa.BINARY(3), "binary", bytes),
    (postgresql.INTERVAL(), "interval", timedelta),
]


@pytest.mark.parametrize(("column_type", "name", "python"), KINDS_OF_TYPES, ids=type_id)
def test_each_column_type_is_of_a_kind(
    column_type: TypeEngine[Any], name: str, python: Any
) -> None:
    """Which kind is each type, and which Python type does the database layer use for it?"""
    kind = kind_of(column_type)
    assert (kind.name, kind.python) == (name, python)


def test_columns_of_one_type_share_their_kind() -> None:
    """Is what checks values made once for all columns of a type, and for no others?"""
    assert kind_of(sa.String(50)) is kind_of(sa.String(50))
    assert kind_of(sa.String(50)).adapter is kind_of(sa.String(50)).comparable
    others: list[TypeEngine[Any]] = [
        sa.String(50),
        sa.String(51),
        sa.String(),
        sa.Text(50),
        sa.DateTime(),
        sa.Uuid(),
    ]
    others += [sa.DateTime(timezone=True), sa.Uuid(as_uuid=False), sa.Numeric(9, 2), sa.Numeric(9)]
    others += [mysql.INTEGER(unsigned=True), mysql.INTEGER(), sa.Enum("a"), sa.Enum("b")]
    kinds = [kind_of(column_type) for column_type in others]  # kept, or an id could come twice
    assert len({*map(id, kinds)}) == len(others)


def test_the_table_has_a_row_for_each_maker() -> None:
    """Does the table serve each base type once?"""
    bases = [base for base, _ in KINDS]
    assert len(bases) == len(set(bases))


# Integers


@pytest.mark.parametrize(
    ("column_type", "low", "high", "form"),
    [
        (sa.SmallInteger(), -(2**15), 2**15 - 1, "int32"),
        (sa.Integer(), -(2**31), 2**31 - 1, "int32"),
        (sa.BigInteger(), -(2**63), 2**63 - 1, "int64"),
        (mysql.TINYINT(), -128, 127, "int32"),
        (mysql.TINYINT(unsigned=True), 0, 255, "int32"),
        (mysql.SMALLINT(unsigned=True), 0, 2**16 - 1, "int32"),
        (mysql.MEDIUMINT(), -(2**23), 2**23 - 1, "int32"),
        (mysql.MEDIUMINT(unsigned=True), 0, 2**24 - 1, "int32"),
        (mysql.INTEGER(unsigned=True), 0, 2**32 - 1, "int64"),
        (mysql.BIGINT(unsigned=True), 0, 2**64 - 1, "int64"),
        (Cents(), -(2**15), 2**15 - 1, "int32"),
    ],
    ids=type_id,
)
def test_integer_bounds_are_exact(
    column_type: TypeEngine[Any], low: int, high: int, form: str
) -> None:
    """Is everything that the column holds accepted, and nothing beyond?"""
    adapter = writer(column_type)
    assert adapter.json_schema() == {
        "type": "integer",
        "format": form,
        "minimum": low,
        "maximum": high,
    }
    assert [adapter.validate_python(edge) for edge in (low, high)] == [low, high]
    for beyond in (low - 1, high + 1):
        with pytest.raises(ValidationError):
            adapter.validate_python(beyond)


@given(st.integers(-(2**17), 2**17))
def test_an_integer_is_accepted_if_and_only_if_the_column_holds_it(value: int) -> None:
    """Is there no hole in between?"""
    adapter = writer(sa.SmallInteger())
    if -(2**15) <= value < 2**15:
        assert adapter.validate_python(value) == value
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


# What is accepted, and as what

ACCEPTED: list[tuple[str, TypeEngine[Any], Any, Any]] = [
    ("text up to its length, in characters", sa.String(3), "😀é!", "😀é!"),
    ("an empty text", sa.String(3), "", ""),
    ("an integer for a float", sa.Float(), 1, 1.0),
    ("the largest single", sa.REAL(), 3.4028234663852886e38, 3.4028234663852886e38),
    ("a double where it is one", sa.Float(53), 1e300, 1e300),
    ("a decimal as text", sa.Numeric(10, 2), "1.50", Decimal("1.50")),
    ("a decimal as a number", sa.Numeric(10, 2), 0.1, Decimal("0.10")),
    ("a decimal as an integer", sa.Numeric(10, 2), 12345678, Decimal("12345678.00")),
    ("a decimal without a negative zero", sa.Numeric(10, 2), "-0", Decimal("0.00")),
    ("a decimal that fills the column", sa.Numeric(4, 2), "-99.99", Decimal("-99.99")),
    ("a fraction only", sa.Numeric(2, 4), "0.0099", Decimal("0.0099")),
    ("more digits than a decimal context", sa.Numeric(38, 2), "1" * 36, Decimal("1" * 36 + ".00")),
    ("a whole decimal written with a point", sa.Numeric(5, 0), 1.0, Decimal(1)),
    ("any decimal where nothing bounds it", sa.Numeric(), "0.000000001", Decimal("1E-9")),
    ("a decimal rounded to hundreds", sa.Numeric(5, -2), "100", Decimal(100)),
    ("an enum by its value", sa.Enum(Level), "low level", Level.LOW),
    ("an enum of plain texts", sa.Enum("S", "M"), "M", "M"),
    ("an enum of numbers", sa.Enum(Rank), 1, Rank.FIRST),
    ("a uuid", sa.Uuid(), KEY, UUID(KEY)),
    ("a uuid as text, made canonical", sa.Uuid(as_uuid=False), KEY.upper().replace("-", ""), KEY),
    ("a time with an offset, in UTC", sa.DateTime(timezone=True), "2024-01-31T12:00:00+02:00", datetime(2024, 1, 31, 10, tzinfo=UTC)),
    ("a time with a space and minutes only", sa.DateTime(timezone=True), "2024-01-31 12:00Z", datetime(2024, 1, 31, 12, tzinfo=UTC)),
    ("the first moment", sa.DateTime(timezone=True), "0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ("a local time", sa.DateTime(), "2024-01-31T12:00:00.5", datetime(2024, 1, 31, 12, 0, 0, 500_000)),
    ("a leap day", sa.Date(), "2024-02-29", date(2024, 2, 29)),
    ("a time of day", sa.Time(), "12:30", time(12, 30)),
    ("a time of day in UTC", sa.Time(timezone=True), "00:30:00+14:00", time(10, 30, tzinfo=UTC)),
    ("a duration", sa.Interval(), "P1DT2H", timedelta(days=1, hours=2)),
    ("a fraction of a second", sa.Interval(), "PT0.5S", timedelta(milliseconds=500)),
    ("the longest duration", sa.Interval(), "-P350000D", timedelta(days=-350_000)),
    ("bytes", sa.LargeBinary(4), "AAECAw==", b"\x00\x01\x02\x03"),
    ("no bytes", sa.LargeBinary(), "", b""),
    ("any JSON", sa.JSON(), {"a": [1, None, True, "x", {"b": 1.5}]}, {"a": [1, None, True, "x", {"b": 1.5}]}),
    ("null inside of JSON", sa.JSON(), None, None),
    ("an array", sa.ARRAY(sa.SmallInteger), [1, 2], [1, 2]),
    ("an array of arrays", sa.ARRAY(sa.Text, dimensions=2), [["a"], []], [["a"], []]),
    ("anything where the type is unknown", Opaque(), {"a": [1]}, {"a": [1]}),
    ("what the type says it is", Stamp(), KEY, UUID(KEY)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("column_type", "sent", "stored"),
    [row[1:] for row in ACCEPTED],
    ids=[row[0] for row in ACCEPTED],
)
def test_accepted(column_type: TypeEngine[Any], sent: Any, stored: Any) -> None:
    """What does the column get for what a client may send?"""
    value = writer(column_type).validate_json(json.dumps(sent))
    assert value == stored
    assert type(value) is type(stored)
    assert str(value) == str(stored) or isinstance(stored, Decimal)


REFUSED: list[tuple[str, TypeEngine[Any], Any]] = [
    ("true as an integer", sa.Integer(), True),
    ("text as an integer", sa.Integer(), "1"),
    ("a float as an integer", sa.Integer(), 1.0),
    ("true as a float", sa.Float(), True),
    ("text as a float", sa.Float(), "1"),
    ("NaN", sa.Float(), math.nan),
    ("infinity", sa.Float(), math.inf),
    ("beyond single precision", sa.REAL(), 3.5e38),
    ("beyond single precision, by bits", sa.Float(24), 3.5e38),
    ("one as true", sa.Boolean(), 1),
    ("text as true", sa.Boolean(), "true"),
    ("a number as text", sa.String(5), 1),
    ("text too long by a character", sa.String(3), "abcd"),
    ("NUL in text", sa.Text(), "a\x00"),
    ("true as a decimal", sa.Numeric(10, 2), True),
    ("a decimal in words", sa.Numeric(10, 2), "one"),
    ("a decimal with an exponent", sa.Numeric(10, 2), "1e2"),
    ("a decimal with spaces", sa.Numeric(10, 2), " 1"),
    ("a decimal with a sign too many", sa.Numeric(10, 2), "+1"),
    ("a decimal with underscores", sa.Numeric(10, 2), "1_0"),
    ("a decimal in other digits", sa.Numeric(10, 2), "\u0661"),
    ("a decimal too fine", sa.Numeric(10, 2), "1.005"),
    ("a decimal number too fine", sa.Numeric(10, 2), 1.005),
    ("a decimal too large", sa.Numeric(10, 2), "100000000"),
    ("a decimal number too large", sa.Numeric(10, 2), 1e8),
    ("NaN as a decimal", sa.Numeric(10, 2), math.nan),
    ("NaN as a decimal, in words", sa.Numeric(10, 2), "NaN"),
    ("a whole where there is none", sa.Numeric(2, 2), 1),
    ("a fraction where there is none", sa.Numeric(5, 0), "1.5"),
    ("an unbounded decimal beyond reason", sa.Numeric(), "1" * 101),
    ("an enum by its name", sa.Enum(Level), "LOW"),
    ("an unknown text of an enum", sa.Enum("S", "M"), "L"),
    ("a uuid that is none", sa.Uuid(), "x"),
    ("a number as a uuid", sa.Uuid(), 1),
    ("a uuid text that is none", sa.Uuid(as_uuid=False), "x"),
    ("a time without an offset", sa.DateTime(timezone=True), "2024-01-31T12:00:00"),
    ("a date as a time", sa.DateTime(timezone=True), "2024-01-31"),
    ("seconds since 1970", sa.DateTime(timezone=True), 1706659200),
    ("seconds since 1970 as text", sa.DateTime(timezone=True), "1706659200"),
    ("a time before the year 1 in UTC", sa.DateTime(timezone=True), LONG_AGO),
    ("a time after the year 9999 in UTC", sa.DateTime(timezone=True), "9999-12-31T23:59:59-14:00"),
    ("an offset that would be lost", sa.DateTime(), "2024-01-31T12:00:00Z"),
    ("seconds as a local time", sa.DateTime(), 5),
    ("seconds as a date", sa.Date(), 86_400),
    ("seconds as a date, as text", sa.Date(), "86400"),
    ("true as a date", sa.Date(), True),
    ("a day that never was", sa.Date(), "2023-02-29"),
    ("seconds as a time of day", sa.Time(), 5.5),
    ("a time of day with an offset that would be lost", sa.Time(), "12:00:00Z"),
    ("a time of day without an offset", sa.Time(timezone=True), "12:00:00"),
    ("seconds as a duration", sa.Interval(), 5),
    ("seconds as a duration, as text", sa.Interval(), " -5.5 "),
    ("a year, which has no fixed length", sa.Interval(), "P1Y"),
    ("a duration as a clock shows it", sa.Interval(), "01:00:00"),
    ("a duration of nothing", sa.Interval(), "PT"),
    ("a duration too long", sa.Interval(), "P350001D"),
    ("a duration too long backwards", sa.Interval(), "-P350001D"),
    ("bytes too many", sa.LargeBinary(4), "AAECAwQ="),
    ("base64 without padding", sa.LargeBinary(), "AAE"),
    ("base64 of the URL alphabet", sa.LargeBinary(), "-_-_"),
    ("bytes as a number", sa.LargeBinary(), 1),
    ("NUL inside of JSON", sa.JSON(), {"a": ["\x00"]}),
    ("NUL in a key of JSON", sa.JSON(), {"\x00": 1}),
    ("NaN inside of JSON", sa.JSON(), [math.nan]),
    ("a null item", sa.ARRAY(sa.Integer), [None]),
    ("an item out of bounds", sa.ARRAY(sa.SmallInteger), [2**15]),
    ("a flat array where it is nested", sa.ARRAY(sa.Integer, dimensions=2), [1]),
    ("what the type says it is not", Stamp(), "x"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("column_type", "sent"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(column_type: TypeEngine[Any], sent: Any) -> None:
    """Is it told before the driver sees it, whether it comes as JSON or from Python?"""
    with pytest.raises(ValidationError):
        writer(column_type).validate_json(json.dumps(sent))


@pytest.mark.parametrize("column_type", [sa.Text(), sa.JSON()], ids=["text", "json"])
def test_half_a_surrogate_pair_is_refused(column_type: TypeEngine[Any]) -> None:
    """Is what cannot be encoded refused, from Python as well?"""
    with pytest.raises(ValidationError):
        writer(column_type).validate_python("\ud800")


# What is read


@pytest.mark.parametrize(
    ("column_type", "stored", "shown"),
    [
        (sa.DateTime(timezone=True), datetime(2024, 1, 31, 12), "2024-01-31T12:00:00Z"),
        (sa.DateTime(timezone=True), datetime(2024, 1, 31, 12, tzinfo=UTC), "2024-01-31T12:00:00Z"),
        (sa.DateTime(timezone=True), datetime.fromisoformat("2024-01-31T12:00:00+02:00"), "2024-01-31T10:00:00Z"),
        (sa.DateTime(timezone=True), "2024-01-31T12:00:00Z", "2024-01-31T12:00:00Z"),
        (sa.DateTime(), datetime(2024, 1, 31, 12), "2024-01-31T12:00:00"),
        (sa.Time(timezone=True), time(12), "12:00:00Z"),
        (sa.Time(timezone=True), time(12, tzinfo=UTC), "12:00:00Z"),
        (sa.Time(), time(12), "12:00:00"),
        (sa.LargeBinary(1), b"\xff\xfe", "//4="),
        (sa.VARBINARY(1), b"\xff\xfe", "//4="),
        (sa.String(1), "longer than now", "longer than now"),
        (sa.SmallInteger(), 2**40, 2**40),
        (sa.Uuid(), UUID(KEY), KEY),
        (sa.Uuid(as_uuid=False), KEY, KEY),
        (sa.Enum(Level), Level.LOW, "low level"),
        (sa.Numeric(10, 2), Decimal("1.50"), "1.50"),
        (sa.Numeric(20, 10), Decimal("1.000E-7"), "0.0000001000"),
        (sa.Numeric(), Decimal("1E+3"), "1000"),
        (sa.Interval(), timedelta(days=365), "P365D"),
        (sa.Interval(), timedelta(hours=-1, microseconds=-10), "-PT1H0.00001S"),
        (sa.Interval(), timedelta(), "PT0S"),
        (sa.ARRAY(sa.Text), ["a"], ["a"]),
        (sa.ARRAY(sa.Text), ["a", None], ["a", None]),
        (sa.JSON(), {"a": None}, {"a": None}),
    ],
    ids=lambda it: repr(it)[:40],
)  # fmt: skip
def test_what_a_stored_value_looks_like(
    column_type: TypeEngine[Any], stored: Any, shown: Any
) -> None:
    """Is every stored value readable, and without today's bounds for new ones?"""
    assert answered(column_type, stored) == shown


# There and back


@pytest.mark.parametrize(("column_type", "sent"), COLUMN_TYPES.values(), ids=COLUMN_TYPES)
def test_what_is_accepted_survives_the_way_there_and_back(
    column_type: TypeEngine[Any], sent: st.SearchStrategy[Any]
) -> None:
    """May a client send back what it was shown, and does that change nothing?"""
    adapter = writer(column_type)

    @settings(max_examples=60, deadline=None)
    @given(sent)
    def check(value: Any) -> None:
        try:
            text = json.dumps(value)
            stored = adapter.validate_json(text)
        except ValidationError:
            return
        shown = answered(column_type, stored)
        assert adapter.validate_python(shown) == stored
        assert adapter.validate_json(json.dumps(shown)) == stored
        assert answered(column_type, adapter.validate_python(shown)) == shown

    check()


@given(sent=st.data())
@settings(max_examples=150, deadline=None)
def test_no_json_breaks_a_column(sent: st.DataObject) -> None:
    """Is the answer to any JSON a value or a validation error, never another exception?"""
    column_type, _ = sent.draw(st.sampled_from([*COLUMN_TYPES.values()]))
    value = sent.draw(json_values)
    for check in (writer(column_type).validate_python, reader(column_type).validate_python):
        with suppress(ValidationError):
            check(value)


# JSON Schema


@pytest.mark.parametrize(
    ("column_type", "schema"),
    [
        (sa.String(5), {"type": "string", "maxLength": 5}),
        (sa.Text(), {"type": "string"}),
        (sa.Float(), {"type": "number"}),
        (sa.Boolean(), {"type": "boolean"}),
        (sa.Uuid(as_uuid=False), {"type": "string", "format": "uuid"}),
        (sa.DateTime(timezone=True), {"type": "string", "format": "date-time"}),
        (sa.DateTime(), {"type": "string", "format": "date-time-local"}),
        (sa.Date(), {"type": "string", "format": "date"}),
        (sa.Time(timezone=True), {"type": "string", "format": "time"}),
        (sa.Time(), {"type": "string", "format": "time-local"}),
        (
            sa.Interval(),
            {"type": "string", "pattern": DURATION_PATTERN, "examples": ["P1DT2H"]},
        ),
        (sa.LargeBinary(), {"type": "string", "format": "byte"}),
        (sa.LargeBinary(4), {"type": "string", "format": "byte", "maxLength": 8}),
        (sa.Enum("S", "M"), {"type": "string", "enum": ["S", "M"]}),
        (sa.JSON(), {}),
        (
            sa.Numeric(5, 2),
            {
                "anyOf": [
                    {
                        "type": "number",
                        "exclusiveMinimum": -1000,
                        "exclusiveMaximum": 1000,
                        "multipleOf": 0.01,
                    },
                    {"type": "string", "pattern": r"^-?\d{1,3}(\.\d{1,2})?$"},
                ]
            },
        ),
        (
            sa.Numeric(5, 0),
            {
                "anyOf": [
                    {
                        "type": "number",
                        "exclusiveMinimum": -100000,
                        "exclusiveMaximum": 100000,
                        "multipleOf": 1,
                    },
                    {"type": "string", "pattern": r"^-?\d{1,5}$"},
                ]
            },
        ),
        (
            sa.Numeric(),
            {
                "anyOf": [
                    {"type": "number"},
                    {"type": "string", "pattern": r"^-?\d{1,100}(\.\d{1,100})?$"},
                ]
            },
        ),
    ],
    ids=type_id,
)
def test_the_schema_of_a_body_says_what_is_accepted(
    column_type: TypeEngine[Any], schema: Any
) -> None:
    """Are the bounds of the column in the documentation?"""
    assert writer(column_type).json_schema() == schema


# From text

FROM_TEXT: list[tuple[TypeEngine[Any], str, Any]] = [
    (sa.Integer(), "0", 0),
    (sa.Integer(), "-7", -7),
    (sa.BigInteger(), str(2**63 - 1), 2**63 - 1),
    (sa.Double(), "1.5", 1.5),
    (sa.Double(), "-1e3", -1000.0),
    (sa.Boolean(), "true", True),
    (sa.Boolean(), "false", False),
    (sa.Text(), " a ", " a "),
    (sa.Uuid(), KEY, UUID(KEY)),
    (sa.Date(), "2024-01-31", date(2024, 1, 31)),
]


@pytest.mark.parametrize(("column_type", "text", "value"), FROM_TEXT, ids=lambda it: repr(it)[:20])
def test_text_that_is_a_value(column_type: TypeEngine[Any], text: str, value: Any) -> None:
    """Does text from a path or a query become what the column holds?"""
    kind = kind_of(column_type)
    assert TypeAdapter(kind.write).validate_python(kind.from_text(text)) == value


NOT_FROM_TEXT: list[tuple[TypeEngine[Any], str]] = [
    *((sa.Integer(), text) for text in ("", "+1", " 1", "1 ", "1\n", "01", "-0", "1_0", "1.0", "x", "\u0661", "1" * 32)),
    *((sa.Double(), text) for text in ("", "nan", "inf", "+1", ".5", "5.", "1e", "1_0", " 1", "1\n", "1e99999")),
    *((sa.Boolean(), text) for text in ("", "True", "1", "yes")),
]  # fmt: skip


@pytest.mark.parametrize(("column_type", "text"), NOT_FROM_TEXT, ids=lambda it: repr(it)[:20])
def test_text_that_is_no_value(column_type: TypeEngine[Any], text: str) -> None:
    """Is there one way only to write each value?"""
    with pytest.raises(ValueError, match="must be"):
        kind_of(column_type).from_text(text)

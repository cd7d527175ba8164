"""Values to compare with, from text and from JSON, and back again."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud.columns import ColumnInfo
from fastapi_crud.query.literals import (
    flag_of_json,
    json_of_value,
    schema_of,
    text_of_value,
    text_within,
    value_of_json,
    value_of_text,
)
from tests.models import Color, Everything
from tests.query.questions import INFO, VALUES, column, prompt, unhurried, values_to_ask
from tests.strategies import COLUMN_TYPES, Level, json_values, model_of

ZONED_TIME = column(model_of(sa.Column("value", sa.Time(timezone=True))), "value")
LEVEL = column(model_of(sa.Column("value", sa.Enum(Level))), "value")
UNBOUND = column(model_of(sa.Column("value", sa.Numeric())), "value")

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
NUMBER = "must be ISO 8601 text, not a number"


def of(name: str) -> ColumnInfo:
    return column(Everything, name)


# Text and JSON alike

READ: list[tuple[ColumnInfo, str, Any]] = [
    (of("price"), "1.5", Decimal("1.50")),
    (of("price"), "-0", Decimal(0)),
    (UNBOUND, "0.1234567890123456789", Decimal("0.1234567890123456789")),
    (of("code"), "", ""),
    (of("code"), " a,b ", " a,b "),
    (of("color"), "red", Color.RED),
    (LEVEL, "low level", Level.LOW),
    (of("size"), "M", "M"),
    (of("at"), "2024-01-01T00:00:00Z", NEW_YEAR),
    (of("at"), "2024-01-01T02:00:00+02:00", NEW_YEAR),
    (of("at"), "2024-01-01T02:00:00 02:00", NEW_YEAR),
    (of("at"), "2024-01-01T02:00:00.000001 0200", NEW_YEAR.replace(microsecond=1)),
    (of("at"), "2024-01-01T02:00 02:00", NEW_YEAR),
    (of("at"), "2024-01-01", NEW_YEAR),
    (of("local"), "2024-01-01T10:00:00", datetime(2024, 1, 1, 10)),
    (of("local"), "2024-01-01", datetime(2024, 1, 1)),
    (of("day"), "2024-01-01", date(2024, 1, 1)),
    (of("hour"), "10:00:00.000001", time(10, 0, 0, 1)),
    (ZONED_TIME, "10:00:00+02:00", time(8, tzinfo=UTC)),
    (ZONED_TIME, "10:00:00 02:00", time(8, tzinfo=UTC)),
    (of("span"), "-P1DT2H", -timedelta(days=1, hours=2)),
    (of("token_id"), "0191F6A0-0000-7000-8000-00000000abcd", UUID("0191f6a0-0000-7000-8000-00000000abcd")),
    (of("token_text"), "0191F6A0000070008000" + "0" * 12, "0191f6a0-0000-7000-8000-000000000000"),
]  # fmt: skip
"""What is text in JSON as well."""


@pytest.mark.parametrize("read", [value_of_text, value_of_json])
@pytest.mark.parametrize(
    ("info", "text", "value"), READ, ids=[f"{info.kind.name} {text}" for info, text, _ in READ]
)
def test_a_text_is_read(
    read: Callable[[ColumnInfo, Any], Any], info: ColumnInfo, text: str, value: Any
) -> None:
    """Which value does a text stand for: an offset without its `+` and a bare date included?"""
    assert read(info, text) == value
    assert type(read(info, text)) is type(value)


REFUSED: list[tuple[ColumnInfo, str, str]] = [
    (of("price"), "1.555", "must be a decimal number"),
    (of("price"), "NaN", "must be a decimal number"),
    (of("price"), "1e3", "must be a decimal number"),
    (of("code"), "123456", "String should have at most 5 characters"),
    (of("code"), "\0", "must not contain NUL"),
    (of("at"), "2024-01-01T02:00:00", "must have a time zone offset"),
    (of("at"), "1704067200", NUMBER),
    (of("at"), "2024-01-01T", "must be an ISO 8601 date and time"),
    (of("at"), "0001-01-01T00:00:00+01:00", "must lie between the years 1 and 9999 in UTC"),
    (of("local"), "2024-01-01T10:00Z", "must not have a time zone offset"),
    (of("day"), "20240101", NUMBER),
    (of("hour"), "10:00Z", "must not have a time zone offset"),
    (ZONED_TIME, "10:00", "must have a time zone offset"),
    (of("span"), "3600", NUMBER),
    (of("span"), "P1Y", "must be an ISO 8601 duration in days, hours, minutes and seconds"),
    (of("span"), "P400000D", "must be at most 350000 days"),
]  # fmt: skip


@pytest.mark.parametrize("read", [value_of_text, value_of_json])
@pytest.mark.parametrize(
    ("info", "text", "message"),
    REFUSED,
    ids=[f"{info.kind.name} {text[:30]!a}" for info, text, _ in REFUSED],
)
def test_a_text_that_is_no_value(
    read: Callable[[ColumnInfo, Any], Any], info: ColumnInfo, text: str, message: str
) -> None:
    """Is it said what the value must be?"""
    with pytest.raises(ValueError) as caught:
        read(info, text)
    assert str(caught.value) == message


# Text alone


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("large", "-9223372036854775808", -(2**63)),
        ("medium", "0", 0),
        ("ratio", "1e3", 1000.0),
        ("ratio", "-0.5", -0.5),
        ("flag", "true", True),
        ("flag", "false", False),
    ],
    ids=str,
)
def test_numbers_and_flags_are_read_from_text(name: str, text: str, value: object) -> None:
    """Is the text of a number or a flag read strictly?"""
    assert value_of_text(of(name), text) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("medium", "1.0", "must be an integer"),
        ("medium", " 1", "must be an integer"),
        ("medium", "", "must be an integer"),
        ("medium", "9" * 5000, "must be an integer"),
        ("medium", "2147483648", "Input should be less than or equal to 2147483647"),
        ("ratio", "nan", "must be a number"),
        ("ratio", "1e999", "Input should be a finite number"),
        ("flag", "True", "must be true or false"),
        ("flag", "1", "must be true or false"),
        ("color", "RED", "must be one of red, blue"),
        ("size", "", "must be one of S, M"),
    ],
    ids=lambda it: str(it)[:20],
)
def test_text_of_numbers_flags_and_enums_is_strict(name: str, text: str, message: str) -> None:
    """Is there one spelling, and for members of an enum the one that answers show?"""
    with pytest.raises(ValueError) as caught:
        value_of_text(of(name), text)
    assert str(caught.value) == message


# JSON alone


@pytest.mark.parametrize(
    ("name", "plain", "value"),
    [
        ("medium", 7, 7),
        ("ratio", 1, 1.0),
        ("ratio", 1.5, 1.5),
        ("price", 1, Decimal("1.00")),
        ("price", 1.5, Decimal("1.50")),
        ("flag", True, True),
    ],
    ids=str,
)
def test_numbers_and_flags_are_read_from_json(name: str, plain: object, value: object) -> None:
    """Is a number a number?"""
    assert value_of_json(of(name), plain) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in VALUES),
        *((name, [1]) for name in VALUES),
        *((name, {}) for name in VALUES),
        ("medium", "7"), ("medium", 7.0), ("medium", True), ("medium", 2**31), ("medium", 10**400),
        ("ratio", "1.5"), ("ratio", True), ("ratio", float("nan")), ("ratio", 10**400),
        ("single", 1e39), ("price", True), ("price", float("inf")), ("price", 10**8),
        ("flag", 1), ("flag", "true"), ("code", 1), ("color", "RED"), ("color", 0),
        ("at", 1704067200), ("day", 1), ("hour", 1.5), ("span", 60), ("token_id", 5),
    ],
    ids=lambda it: str(it)[:20],
)  # fmt: skip
def test_json_of_another_type_is_refused(name: str, value: object) -> None:
    """Is nothing converted, and NULL only asked for by `isnull`?"""
    with pytest.raises(ValueError, match=r"^(Input |UUID input |Decimal input |must )"):
        value_of_json(of(name), value)


@pytest.mark.parametrize("value", [True, False], ids=str)
def test_a_flag_is_true_or_false(value: bool) -> None:
    """Is a flag of JSON taken as it is?"""
    assert flag_of_json(value) is value


@pytest.mark.parametrize("value", [1, 0, "true", None, [], {}], ids=str)
def test_anything_else_is_no_flag(value: object) -> None:
    """Is it refused?"""
    with pytest.raises(ValueError, match=r"^must be true or false$"):
        flag_of_json(value)


@pytest.mark.parametrize("text", ["", "a", "日本語", "a\nb"], ids=ascii)
def test_text_within_bounds(text: str) -> None:
    """Is text of at most so many characters given back?"""
    assert text_within(text, 3) == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abcd", "must have at most 3 characters"),
        (5, "must be text"),
        (None, "must be text"),
        (["a"], "must be text"),
        ("\0", "must not contain NUL"),
        ("\ud800", "must not contain lone surrogates"),
    ],
    ids=ascii,
)
def test_text_out_of_bounds(value: object, message: str) -> None:
    """Is anything longer, or nothing a database could compare, refused?"""
    with pytest.raises(ValueError) as caught:
        text_within(value, 3)
    assert str(caught.value) == message


# Laws


@unhurried
@given(st.data(), st.sampled_from(sorted(VALUES)))
def test_a_value_is_read_as_it_was_written(data: st.DataObject, name: str) -> None:
    """Does writing and reading, as text or as JSON, give the same value?"""
    value = data.draw(VALUES[name])
    assert value_of_text(of(name), text_of_value(of(name), value)) == value
    written = json.loads(json.dumps(json_of_value(of(name), value), allow_nan=False))
    assert value_of_json(of(name), written) == value


@prompt
@given(st.sampled_from(sorted(INFO.columns)), values_to_ask)
def test_any_text_is_a_value_or_refused(name: str, text: str) -> None:
    """Is any text read, or refused by ValueError?"""
    for read in (value_of_text, value_of_json):
        with suppress(ValueError):
            assert read(of(name), text) is not None


@prompt
@given(st.sampled_from(sorted(INFO.columns)), json_values)
def test_any_json_is_a_value_or_refused(name: str, value: object) -> None:
    """Is any JSON read, or refused by ValueError?"""
    with suppress(ValueError):
        value_of_json(of(name), value)


# Documentation

INT32 = {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1}


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("medium", INT32),
        ("ratio", {"type": "number"}),
        ("flag", {"type": "boolean"}),
        ("code", {"type": "string", "maxLength": 5}),
        ("color", {"type": "string", "enum": ["red", "blue"]}),
        ("size", {"type": "string", "enum": ["S", "M"]}),
        ("at", {"type": "string", "format": "date-time"}),
        ("local", {"type": "string", "format": "date-time-local"}),
        ("day", {"type": "string", "format": "date"}),
        ("token_id", {"type": "string", "format": "uuid"}),
        ("token_text", {"type": "string", "format": "uuid"}),
    ],
    ids=str,
)
def test_values_are_described(name: str, schema: dict[str, Any]) -> None:
    """Does the JSON schema say what is read?"""
    assert schema_of(of(name)) == schema


@pytest.mark.parametrize("kind", COLUMN_TYPES)
def test_a_description_is_complete_in_itself(kind: str) -> None:
    """Is there nothing that it refers to, so that it can stand anywhere?"""
    schema = schema_of(column(model_of(sa.Column("value", COLUMN_TYPES[kind][0])), "value"))
    assert "$ref" not in json.dumps(schema)
    assert not schema.keys() & {"title", "description", "$defs"}


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Room(BaseModel):
    size: int


class House(BaseModel):
    rooms: list[Room]


class Plot(Base):
    """With a model in JSON that has another in it."""

    __tablename__ = "plots"

    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[Room] = mapped_column(sa.JSON)
    house: Mapped[House] = mapped_column(sa.JSON)


def test_models_in_json_leave_no_reference() -> None:
    """Is a model described where it stands, and as any JSON where that takes references?"""
    assert schema_of(column(Plot, "room"))["properties"]["size"]["type"] == "integer"
    assert schema_of(column(Plot, "house")) == {}

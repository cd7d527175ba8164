"""Cursors: typed, bound to what was asked, signed where there is a secret."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st
from sqlalchemy.types import TypeEngine

from fastapi_crud import And, Filter, InvalidQuery, Issue, Or, OrderBy, Query, Search
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.clauses import Where
from fastapi_crud.query.cursors import (
    READERS,
    WRITERS,
    Cursor,
    decode_cursor,
    encode_cursor,
    fingerprint,
)
from fastapi_crud.query.ordering import SortKey, sort_keys
from tests.models import Author, Everything, Line, Note
from tests.query.questions import prompt, unhurried
from tests.strategies import KEY_VALUES, json_values, model_of

NOTE = inspect_model(Note)
SECRETS = st.sampled_from([None, "secret", "s" * 200, "ключ"])
ISSUE = Issue(
    "invalid_cursor", ("query", "cursor"), "Not a cursor of this list, sort order and filters"
)

Values = tuple[TypeEngine[Any], st.SearchStrategy[Any]]
offsets = st.integers(-14 * 60, 14 * 60).map(lambda it: timezone(timedelta(minutes=it)))
ranks = st.integers(0, 1)
SORTED: Mapping[str, Values] = {
    **{name: pair for name, pair in KEY_VALUES.items() if name != "binary"},
    "enum class": (KEY_VALUES["enum class"][0], ranks),
    "enum": (KEY_VALUES["enum"][0], ranks),
    "numeric": (sa.Numeric(), st.decimals(allow_nan=False, allow_infinity=False)),
    "datetime elsewhere": (
        sa.DateTime(timezone=True),
        st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=offsets),
    ),
    "time": (sa.Time(timezone=True), st.times(timezones=st.just(UTC))),
}
"""Name → a column type that rows can be sorted by, and sort values of it."""


@cache
def keys_of(name: str) -> list[SortKey]:
    """What a model is sorted by: a column of a type, downwards, and then the key."""
    column = sa.Column("value", SORTED[name][0], nullable=True)
    info = inspect_model(model_of(column))
    return sort_keys(info, [OrderBy("value", descending=True)], "postgresql")


def made(content: Any) -> str:
    """A cursor of this content that nobody has given out."""
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(payload).rstrip(b"=").decode()


def refused(text: str, keys: Sequence[SortKey], secret: str | None = None) -> None:
    with pytest.raises(InvalidQuery) as caught:
        decode_cursor(text, keys, "asked", secret)
    assert caught.value.issues == (ISSUE,)


# Round trips


@unhurried
@given(st.data(), st.sampled_from(sorted(SORTED)), st.booleans(), SECRETS)
def test_a_cursor_is_read_as_it_was_written(
    data: st.DataObject, name: str, backward: bool, secret: str | None
) -> None:
    """Does a place come back to the last digit, for values of every kind, NULL included?"""
    value = data.draw(st.none() | SORTED[name][1])
    cursor = Cursor((value, data.draw(st.integers(-(2**63), 2**63 - 1))), backward)
    text = encode_cursor(cursor, keys_of(name), "asked", secret)
    assert decode_cursor(text, keys_of(name), "asked", secret) == cursor
    assert {*text} <= {*"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("decimal", Decimal("0.10")),
        ("numeric", Decimal("1E+5")),
        ("numeric", Decimal("-0.12345678901234567890123456789")),
        ("float", 0.1 + 0.2),
        ("float", 5e-324),
        ("float", 1.0),
        ("datetime", datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        ("local datetime", datetime(2024, 1, 1, 0, 0, 0, 999_999)),
        ("local time", time(23, 59, 59, 999_999)),
        ("time", time(1, tzinfo=UTC)),
        ("interval", timedelta(days=-1, microseconds=1)),
        ("date", date(1, 1, 1)),
        ("uuid", UUID(int=1)),
        ("uuid text", str(UUID(int=1))),
        ("boolean", False),
        ("text", '"\n\\\u2028😀'),
        ("enum class", 1),
    ],
    ids=str,
)
def test_a_value_keeps_its_type(name: str, value: Any) -> None:
    """Is the value that comes back of the type that the database layer takes?"""
    text = encode_cursor(Cursor((value, 1)), keys_of(name), "asked")
    values: Any = decode_cursor(text, keys_of(name), "asked").values
    assert values == (value, 1)
    assert type(values[0]) is type(value)
    assert str(values[0]) == str(value)


def test_a_point_in_time_without_a_zone_is_in_utc() -> None:
    """Is what SQLite and MySQL give for a point in time read as UTC?"""
    moment = datetime(2024, 1, 1, 12)
    text = encode_cursor(Cursor((moment, 1)), keys_of("datetime"), "asked")
    assert decode_cursor(text, keys_of("datetime"), "asked").values == (
        moment.replace(tzinfo=UTC), 1,
    )  # fmt: skip


def test_a_number_that_sqlite_keeps_as_a_float_is_one() -> None:
    """Is it written as it is compared?"""
    info = inspect_model(model_of(sa.Column("value", sa.Numeric())))
    keys = sort_keys(info, [OrderBy("value")], "sqlite")
    text = encode_cursor(Cursor((0.1, 1)), keys, "asked")
    assert decode_cursor(text, keys, "asked") == Cursor((0.1, 1))


@pytest.mark.parametrize("backward", [False, True], ids=["on", "back"])
@pytest.mark.parametrize("secret", [None, "secret"], ids=["unsigned", "signed"])
def test_the_end_of_the_list_is_a_place(backward: bool, secret: str | None) -> None:
    """Can a page lie before the end, or after the beginning?"""
    cursor = Cursor(None, backward)
    text = encode_cursor(cursor, keys_of("text"), "asked", secret)
    assert decode_cursor(text, keys_of("text"), "asked", secret) == cursor


@pytest.mark.parametrize("secret", [None, "secret"], ids=["unsigned", "signed"])
def test_no_cursor_is_the_beginning(secret: str | None) -> None:
    """Does the first page need none?"""
    assert decode_cursor("", keys_of("text"), "asked", secret) == Cursor(None, backward=False)


def test_a_cursor_has_a_value_for_each_key() -> None:
    """Is a mistake in Python no cursor?"""
    with pytest.raises(ValueError, match="zip"):
        encode_cursor(Cursor((1,)), keys_of("text"), "asked")


def test_every_kind_is_read_and_written() -> None:
    """Is there a reader wherever there is a writer, but for those that need the column?"""
    assert WRITERS.keys() - READERS.keys() == {"uuid"}
    assert READERS.keys() <= WRITERS.keys()
    assert {key.kind for name in SORTED for key in keys_of(name)} == WRITERS.keys()


# Others than those given out

PLACE = Cursor(("a", 1))
GIVEN = encode_cursor(PLACE, keys_of("text"), "asked")
SIGNED = encode_cursor(PLACE, keys_of("text"), "asked", "secret")


@pytest.mark.parametrize(
    ("text", "asked", "secret"),
    [
        (GIVEN, "else", None),
        (SIGNED, "else", "secret"),
        (SIGNED, "asked", "other"),
        (SIGNED, "asked", None),
        (GIVEN, "asked", "secret"),
    ],
    ids=["of another query", "of another query, signed", "of another secret", "signed", "unsigned"],
)
def test_a_cursor_of_something_else(text: str, asked: str, secret: str | None) -> None:
    """Is a cursor refused that was given out for something else?"""
    with pytest.raises(InvalidQuery) as caught:
        decode_cursor(text, keys_of("text"), asked, secret)
    assert caught.value.issues == (ISSUE,)


@unhurried
@given(st.data(), st.sampled_from([GIVEN, SIGNED]))
def test_a_signed_cursor_cannot_be_changed(data: st.DataObject, text: str) -> None:
    """Is every change of one bit noticed, where there is a secret?"""
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    refused(made(bytes(raw)), keys_of("text"), "secret")


@unhurried
@given(st.integers(0, len(SIGNED) - 1))
def test_a_cursor_cannot_be_cut(length: int) -> None:
    """Is a part of a cursor refused, but for none of it?"""
    if length:
        refused(SIGNED[:length], keys_of("text"), "secret")
        refused(GIVEN[: min(length, len(GIVEN) - 1)], keys_of("text"))


@prompt
@given(st.text(min_size=1) | st.text("AQgw+/=-_", min_size=1), SECRETS)
def test_any_text_is_no_cursor(text: str, secret: str | None) -> None:
    """Is any text refused in the same way?"""
    refused(text, keys_of("text"), secret)


@prompt
@given(st.binary() | json_values.map(lambda it: json.dumps(it).encode()), SECRETS)
def test_any_bytes_are_no_cursor(raw: bytes, secret: str | None) -> None:
    """Is that so for what can be decoded, and for any JSON?"""
    if raw:
        refused(made(raw), keys_of("text"), secret)


CONTENT = {"v": 1, "q": "asked", "b": 0, "k": ["a", 1]}


def test_what_a_cursor_holds() -> None:
    """Is a cursor made by hand one, where there is no secret?"""
    assert decode_cursor(made(CONTENT), keys_of("text"), "asked") == PLACE


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"v": "1"}, {"v": None}, {"q": None}, {"q": ["asked"]}, {"b": 2}, {"b": None},
        {"b": []}, {"k": 1}, {"k": True}, {"k": []}, {"k": ["a"]}, {"k": ["a", 1, 1]},
        {"k": ["a", None]}, {"k": ["a", "1"]}, {"k": ["a", 1.0]}, {"k": ["a", True]},
        {"k": ["a", 2**63]}, {"k": [1, 1]}, {"k": [["a"], 1]}, {"k": ["\0", 1]},
        {"k": ["\ud800", 1]},
    ],
    ids=str,
)  # fmt: skip
def test_what_a_cursor_does_not_hold(change: dict[str, Any]) -> None:
    """Is anything refused that the library would not have written?"""
    refused(made({**CONTENT, **change}), keys_of("text"))


@pytest.mark.parametrize("missing", CONTENT)
def test_a_cursor_is_whole(missing: str) -> None:
    """Is a cursor refused that lacks a part?"""
    rest = {name: value for name, value in CONTENT.items() if name != missing}
    refused(made(rest), keys_of("text"))


STRANGE: list[tuple[str, list[Any]]] = [
    ("boolean", [0, "true", [], 1.0]),
    ("date", [0, "2024", "2024-13-01", "2024-01-01T00:00:00", []]),
    ("datetime", [0, "x", "0001-01-01T00:00:00+23:00", [], True]),
    ("local datetime", [0, "x", "2024-01-01T00:00:00+00:00", []]),
    ("decimal", [1, 1.5, "x", "NaN", "Infinity", "sNaN", [], [0, [1], 0], True]),
    ("float", [1, "1.0", float("nan"), float("inf"), [], True]),
    ("integer", [1.0, "1", True, [], 2**63, -(2**63) - 1, 10**400]),
    ("interval", [1.0, "P1D", True, [], 2**63]),
    ("local time", [0, "x", "25:00", "10:00+02:00", []]),
    ("text", [0, [], True, {}]),
    ("time", [0, "x", []]),
    ("uuid", ["x", "", "0" * 31, 0, [], True, {}, 1.5]),
    ("uuid text", ["x", "", "0" * 31, 0, [], True, {}, 1.5]),
    ("enum class", ["LOW", 0.0, []]),
]


@pytest.mark.parametrize(("name", "values"), STRANGE)
def test_a_value_of_another_type_is_refused(name: str, values: list[Any]) -> None:
    """Is a value that nobody wrote refused, whatever it is?"""
    for value in values:
        refused(made({**CONTENT, "k": [value, 1]}), keys_of(name))


def test_null_where_there_can_be_none_is_refused() -> None:
    """Is NULL a value only of what may be NULL?"""
    keys = sort_keys(NOTE, [OrderBy("title")], "sqlite")
    refused(made({**CONTENT, "k": [None, 1]}), keys)
    refused(made({**CONTENT, "k": ["a", None]}), keys)


def test_bottomless_nesting_is_refused() -> None:
    """Is a cursor refused that no parser could read?"""
    refused(made(b"[" * 5000), keys_of("text"))
    refused(made(b'{"v":' * 5000), keys_of("text"))
    refused(made(b'{"v":' + b"9" * 5000 + b"}"), keys_of("text"))


# What was asked

LARGE = Filter("id", "gt", 3)


@pytest.mark.parametrize(
    "other",
    [
        Query(order_by=["title"]),
        Query(order_by=["-title", "id"]),
        Query(order_by=["-title"]),
        Query(where=[LARGE]),
        Query(where=[Filter("id", "gt", 4)]),
        Query(where=[Filter("id", "gte", 3)]),
        Query(where=[Filter("title", "eq", "3")]),
        Query(where=[LARGE, Filter("id", "ne", 5)]),
        Query(where=[Filter("id", "ne", 5), LARGE]),
        Query(where=[And(LARGE)]),
        Query(where=[Or(LARGE)]),
        Query(where=[Search("a", ("title",))]),
        Query(where=[Note.id > 3]),
        Query(where=[Note.id > 4]),
    ],
    ids=lambda it: it[:40] if isinstance(it, str) else "",
)
def test_two_queries_are_told_apart(other: Query) -> None:
    """Is a question of another order or other conditions another one?"""
    asked = {fingerprint(NOTE, Query()), fingerprint(NOTE, Query(order_by=["done"]))}
    assert fingerprint(NOTE, other) not in asked
    assert fingerprint(NOTE, other) == fingerprint(NOTE, other)


@pytest.mark.parametrize(
    "said",
    [{"limit": 7}, {"skip": 3}, {"count": "none"}, {"cursor": "a"}, {"fields": ["id"]},
     {"include": ["author"]}],
    ids=str,
)  # fmt: skip
def test_what_may_change_between_pages(said: Any) -> None:
    """Are pages of another size, with more or less of each row, still of the same list?"""
    page: dict[str, Any] = {"where": [LARGE], "order_by": ["title"]}
    assert fingerprint(NOTE, Query(**page)) == fingerprint(NOTE, Query(**page, **said))


def test_two_models_are_told_apart() -> None:
    """Is a cursor of one list none of another that is asked the same?"""
    models = [Note, Author, Line, Everything]
    assert len({fingerprint(inspect_model(model), Query()) for model in models}) == 4


def test_a_fingerprint_is_of_values() -> None:
    """Is it the same for the same question, put together anew, as every request does?"""

    def query() -> Query:
        asked: list[Where] = [
            LARGE,
            Note.title == "a",
            Note.id.in_([1, 2]),
            Or(LARGE, Filter("done")),
        ]
        return Query(where=asked, order_by=["-title"])

    assert fingerprint(NOTE, query()) == fingerprint(NOTE, query())

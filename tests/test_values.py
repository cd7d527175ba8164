"""Single values: what is refused, and how text, JSON and Python stand for each other."""

import math
from contextlib import suppress
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from fastapi_crud.values import (
    MAX_JSON_DEPTH,
    assume_utc,
    check_json,
    check_path_segment,
    check_text,
    write_decimal,
)
from tests.strategies import json_values


@given(json_values)
def test_check_json_ends_with_the_value_or_a_value_error(value: Any) -> None:
    """Does the check end for any JSON, and leave what it accepts as it is?"""
    with suppress(ValueError):
        assert check_json(value) is value


@pytest.mark.parametrize(("inner", "opening"), [([], "["), ({}, "{")], ids=["lists", "dicts"])
def test_nesting_ends_somewhere(inner: Any, opening: str) -> None:
    """Is the deepest nesting accepted and the next refused?"""
    value = inner
    for _ in range(MAX_JSON_DEPTH - 1):
        value = [value] if opening == "[" else {"a": value}
    assert check_json(value) is value
    with pytest.raises(ValueError, match="nested deeper than 64"):
        check_json([value, 1])


def test_nesting_without_end_ends_the_check() -> None:
    """Does a value that contains itself not hang the check?"""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="nested deeper"):
        check_json(value)


def test_tuples_are_looked_into() -> None:
    """Is what Python code passes checked like JSON?"""
    with pytest.raises(ValueError, match="finite"):
        check_json(({"a": (math.inf,)},))


@given(st.text(st.characters(categories=None)))
def test_check_text_accepts_what_a_database_can_store(text: str) -> None:
    """Is text accepted if and only if it can be encoded and has no NUL?"""
    storable = "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
    try:
        assert check_text(text) == text
        accepted = True
    except ValueError:
        accepted = False
    assert accepted == storable


@pytest.mark.parametrize("segment", ["", ".", "..", "/", "a/b"])
def test_segments_that_no_path_can_name(segment: str) -> None:
    """Is a key refused that no URL could reach?"""
    with pytest.raises(ValueError, match="usable in a path"):
        check_path_segment(segment)


@pytest.mark.parametrize("segment", ["a", "...", "a b", "ä", "%2F", "?"])
def test_segments_that_a_path_can_name(segment: str) -> None:
    """Is everything that can be quoted accepted?"""
    assert check_path_segment(segment) == segment


@given(st.lists(st.none() | st.datetimes(timezones=st.none() | st.timezones()) | st.times()))
def test_naive_values_are_in_utc(values: list[Any]) -> None:
    """Is each naive one taken for UTC, and each other one brought to it?"""
    read = [assume_utc(it) for it in values]
    assert read == [
        it and (it.replace(tzinfo=UTC, fold=0) if it.tzinfo is None else it.astimezone(UTC))
        for it in values
    ]
    assert all(it is None or it.tzinfo is UTC for it in read)


@given(st.decimals() | st.decimals(places=2))
def test_decimals_have_no_exponent(value: Decimal) -> None:
    """Is a decimal written digit by digit?"""
    assert write_decimal(value) == format(value, "f")

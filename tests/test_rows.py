"""Rows: the same values, whether they are looked at one by one or by column."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, strategies as st

from fastapi_crud.rows import Record, Rows

NAIVE = datetime(2026, 1, 2, 3, 4, 5, 678)
ELSEWHERE = NAIVE.replace(tzinfo=timezone(timedelta(hours=3)))
ROWS = [(1, NAIVE, "more"), (2, ELSEWHERE, "more"), (3, None, "more")]


def rows() -> Rows:
    return Rows(("id", "at"), ROWS, frozenset({"at", "not read"}))


def test_records_are_read_like_instances() -> None:
    """Is each row there by place, by slice and in order, with its columns as attributes?"""
    every = rows()
    assert len(every) == 3
    assert type(every[0]) is Record
    assert (every[0].id, every[-1].id, [it.id for it in every[1:]]) == (1, 3, [2, 3])
    assert [*every] == every.records
    assert [*every[1:]] == every.records[1:]
    assert bool(Rows(("id",), [], frozenset())) is False
    with pytest.raises(AttributeError, match="more"):
        _ = every[0].more


@pytest.mark.parametrize("processors", [(), (None, None), (str, None)], ids=str)
def test_dicts_are_the_records_unread(processors: Sequence[Any]) -> None:
    """Are they the same values, as plain dictionaries, converted where that is needed?"""
    every = Rows(("id", "at"), ROWS, frozenset({"at"}), processors)
    assert every.dicts() == every.records
    assert {*map(type, every.dicts())} == {dict}
    assert every.dicts()[0]["id"] == ("1" if any(processors) else 1)
    assert every[1:].dicts() == every.dicts()[1:]


@given(st.lists(st.text(), unique=True, min_size=1))
def test_attributes_may_have_any_name(names: list[str]) -> None:
    """Is a name never taken for more than a name? Tables that are there already have them all."""
    row = range(len(names))
    assert Rows(names, [row], frozenset()).dicts() == [dict(zip(names, row, strict=True))]


def test_columns_hold_the_values_of_the_records() -> None:
    """Are they in the order of the names, without what follows?"""
    every = rows()
    assert [*every.columns()] == [*every[0]] == ["id", "at"]
    for name, values in every.columns().items():
        assert [*values] == [record[name] for record in every]


def test_times_are_in_utc() -> None:
    """Is a naive time read as UTC, and any other brought to it?"""
    every = rows()
    expected = [NAIVE.replace(tzinfo=UTC), ELSEWHERE.astimezone(UTC), None]
    assert every.columns()["at"] == [record.at for record in every] == expected
    assert [it and it.tzinfo for it in every.columns()["at"]] == [UTC, UTC, None]
    hours = Rows(("at",), [(time(1),), (time(2, tzinfo=UTC),)], frozenset({"at"})).columns()["at"]
    assert hours == [time(1, tzinfo=UTC), time(2, tzinfo=UTC)]

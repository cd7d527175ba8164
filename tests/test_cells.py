"""Cells of CSV files: what is written can be read again, and no spreadsheet calculates with it."""

import csv
import math
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import TypeAdapter

from fastapi_crud.cells import Column, without_guard, write_columns, write_header

RISKY = ("=1+1", "+x", "-x", "@x", "\tx", "\rx", "\nx", "'=1", "''@")
HARMLESS = ("", "x", " =1", "-5", "+49.5", "'", "'x", "1=1", "'-5")


def write_rows(rows: list[dict[str, Any]], names: list[str], **said: Any) -> bytes:
    columns = {name: Column([row[name] for row in rows]) for name in names}
    return write_columns(columns, names, **said)


def read(content: bytes) -> list[list[str]]:
    return [*csv.reader(StringIO(content.decode(), newline=""), strict=True)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, b""),
        (True, b"true"),
        (False, b"false"),
        (-5, b"-5"),
        (1.5, b"1.5"),
        ("-5.00", b"-5.00"),
        ('a "b", c', b'"a ""b"", c"'),
        ("a\r\nb", b'"a\r\nb"'),
        ({"a": [1, None]}, b'"{""a"":[1,null]}"'),
        ([True], b"[true]"),
        ("ä", "ä".encode()),
    ],
    ids=repr,
)
def test_values_are_written_as_json_has_them(value: Any, text: bytes) -> None:
    """Is each value one cell, quoted where RFC 4180 asks for it, on a line that ends in CRLF?"""
    assert write_rows([{"n": 1, "it": value}], ["n", "it"]) == b"1,%b\r\n" % text


def test_a_row_has_all_columns_in_order() -> None:
    """Do rows have the columns of the header, empty where there is nothing?"""
    assert write_header(["b", "a"]) == b"b,a\r\n"
    rows: list[dict[str, Any]] = [{"a": 1, "b": 2, "c": 3}, {"a": 4, "b": None}]
    assert write_rows(rows, ["b", "a"]) == b"2,1\r\n,4\r\n"
    assert write_rows([{"a": None}], ["a"]) == b'""\r\n'  # else the line would be empty


@pytest.mark.parametrize("text", RISKY)
def test_what_looks_like_a_formula_is_made_harmless(text: str) -> None:
    """Does a `'` come before it, unless the developer wants formulas, in headers as well?"""
    assert read(write_rows([{"a": text}, {"a": 1}], ["a"])) == [[f"'{text}"], ["1"]]
    assert read(write_rows([{"a": text}], ["a"], formulas=True)) == [[text]]
    assert read(write_header([text])) == [[f"'{text}"]]
    assert read(write_header([text], formulas=True)) == [[text]]


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(text: str) -> None:
    """Are numbers and plain text left alone, and what only has a quote before it?"""
    assert read(write_rows([{"a": text, "b": 0}], ["a", "b"])) == [[text, "0"]]


def test_any_json_keeps_the_quotes_of_its_text() -> None:
    """Can text, numbers and null be told apart where a column may hold each?"""
    rows: list[dict[str, Any]] = [{"a": it} for it in ("=1", "1", 1, None, True)]
    assert read(write_rows(rows, ["a"], json={"a"})) == [['"=1"'], ['"1"'], ["1"], [""], ["true"]]


@pytest.mark.parametrize(
    ("kind", "values", "cells"),
    [
        (float, [1.5, math.nan, None, 1e300], ["1.5", "nan", "", "1e+300"]),
        (int, [2**63, None, -1], ["9223372036854775808", "", "-1"]),
        (bool, [True, None, False], ["true", "", "false"]),
        (str, ["null", None, "a,b", 'say "x"'], ["null", "", "a,b", 'say "x"']),
        (str, ["null", None, "a,b", "'x", "-5"], ["null", "", "a,b", "'x", "-5"]),
        (str, ["x", "'=1"], ["x", "''=1"]),
        (Decimal, [Decimal("-1.50"), None], ["-1.50", ""]),
        (date, [date(2026, 1, 2), None], ["2026-01-02", ""]),
        (list[int], [[1, 2], [], None], ["[1,2]", "[]", ""]),
        (dict[str, int], [{"a": 1}, {}], ['{"a":1}', "{}"]),
    ],
)
def test_columns_are_written_by_their_types(kind: Any, values: list[Any], cells: list[str]) -> None:
    """Is each value what its type makes of it, whether a column is written at once or not?"""
    several: Any = list
    column = Column(values, TypeAdapter(several[kind | None]).serializer)
    content = write_columns({"a": column, "b": Column([0] * len(values))}, ["a", "b"])
    assert read(content) == [[cell, "0"] for cell in cells]


@given(st.text() | st.from_regex(r"\A'*[-=+@\t\r\n0-9.]+\Z"))
def test_text_comes_back(text: str) -> None:
    """Is reading the inverse of writing, for any text at all?"""
    text = text.encode(errors="ignore").decode()
    ((cell, _),) = read(write_rows([{"a": text, "b": 0}], ["a", "b"]))
    assert without_guard(cell) == text


CELLS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(), st.sampled_from(['"', ",", "\r", "\n", " "])
)


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), min_size=1)))
def test_cells_come_back(rows: list[Any]) -> None:
    """Does a reader of CSV see each cell as it was written, whatever stands in it?"""
    columns = {str(i): Column(values) for i, values in enumerate(zip(*rows, strict=True))}
    content = write_columns(columns, [*columns], formulas=True)
    assert read(content) == [["" if it is None else str(it) for it in row] for row in rows]

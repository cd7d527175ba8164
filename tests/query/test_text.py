"""Tests on text that give the same answer on every database."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from fastapi_crud.columns import inspect_model
from fastapi_crud.query import text
from fastapi_crud.query.operand import Operand
from fastapi_crud.query.text import LOWER, lower
from tests.models import Note
from tests.query.questions import texts, unhurried
from tests.query.rendering import sql

BODY = inspect_model(Note).columns["body"]
Test = Callable[[Operand, str], Any]

TESTS: dict[str, tuple[Test, Callable[[str, str], bool]]] = {
    "contains": (text.contains, lambda it, value: value in it),
    "icontains": (text.icontains, lambda it, value: lower(value) in lower(it)),
    "startswith": (text.startswith, str.startswith),
    "istartswith": (text.istartswith, lambda it, value: lower(it).startswith(lower(value))),
    "endswith": (text.endswith, str.endswith),
    "iendswith": (text.iendswith, lambda it, value: lower(it).endswith(lower(value))),
}
"""Name → a test, and what it means in Python."""


def body(dialect: str) -> Operand:
    return Operand(Note.body, BODY, dialect)


# SQLite


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """A connection that has learnt to lower all letters."""
    connection = sqlite3.connect(":memory:")
    connection.create_function(LOWER, 1, lower, deterministic=True)
    yield connection
    connection.close()


def holds(connection: sqlite3.Connection, test: Test, it: str, value: str) -> bool:
    """Whether a test holds for a text on SQLite."""
    statement = test(body("sqlite"), value).compile()
    query = str(statement).replace("notes.body", ":it")
    return bool(connection.execute(f"SELECT {query}", {**statement.params, "it": it}).fetchone()[0])


letters = st.text(st.sampled_from("aAáÁ%_/\\*?[]^Σσς'É\u0130 "), max_size=3)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(TESTS)), it=letters | texts, value=letters | texts)
def test_a_test_agrees_with_python(
    connection: sqlite3.Connection, name: str, it: str, value: str
) -> None:
    """Does SQLite find what Python would, whatever characters a pattern could misread?"""
    test, meaning = TESTS[name]
    assert holds(connection, test, it, value) == meaning(it, value)
    assert holds(connection, test, it + value, value) == meaning(it + value, value)
    assert holds(connection, test, value + it, value) == meaning(value + it, value)


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        (text.contains, "a%", "instr(notes.body, 'a%') > 0"),
        (text.startswith, "a[*?]%", "notes.body GLOB 'a[[][*][?]]%*'"),
        (text.icontains, "A", "instr(lower(notes.body), 'a') > 0"),
        (text.icontains, "Á", f"instr({LOWER}(notes.body), 'á') > 0"),
    ],
    ids=["contains", "startswith", "icontains", "not ASCII"],
)
def test_what_sqlite_is_asked(test: Test, value: str, expected: str) -> None:
    """Can a prefix use an index, and is the library's own LOWER called only where it must be?"""
    assert sql(test(body("sqlite"), value)) == expected


# PostgreSQL, and what nobody knows


@pytest.mark.parametrize("dialect", ["postgresql", "oracle"])
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("contains", "a", "LIKE '%a%' ESCAPE '/'"),
        ("icontains", "a", "ILIKE '%a%' ESCAPE '/'"),
        ("startswith", "a", "LIKE 'a%' ESCAPE '/'"),
        ("istartswith", "a", "ILIKE 'a%' ESCAPE '/'"),
        ("endswith", "a", "LIKE '%a' ESCAPE '/'"),
        ("iendswith", "a", "ILIKE '%a' ESCAPE '/'"),
        ("contains", "1%_/*", "LIKE '%1/%/_//*%' ESCAPE '/'"),
        ("contains", "", "LIKE '%%' ESCAPE '/'"),
    ],
    ids=str,
)
def test_patterns_are_escaped(dialect: str, name: str, value: str, expected: str) -> None:
    """Is one pattern made, in which `%`, `_` and `/` stand for themselves?"""
    assert sql(TESTS[name][0](body(dialect), value), "postgresql") == f"notes.body {expected}"


# MySQL and MariaDB

BYTES = "CAST(CAST(notes.body AS CHAR CHARACTER SET utf8mb4) AS BINARY)"


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("contains", [f"instr({BYTES}, 'á') > 0"]),
        ("startswith", ["notes.body LIKE concat('á', '%') ESCAPE '/'", f"substr({BYTES}, 1, 2) = 'á'"]),
        ("endswith", [f"length({BYTES}) >= 2", f"substr({BYTES}, (length({BYTES}) - 2) + 1) = 'á'"]),
        ("icontains", ["instr(CAST(", "lower(CAST(notes.body", "lower(CAST('á'"]),
        ("istartswith", ["substr(CAST(", "lower(CAST(notes.body", "lower(CAST('á'"]),
        ("iendswith", ["substr(CAST(", "lower(CAST(notes.body", "lower(CAST('á'", "length("]),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)  # fmt: skip
def test_bytes_are_compared(dialect: str, name: str, parts: list[str]) -> None:
    """Are bytes compared, of which collations know nothing, beside a prefix that an index knows?"""
    found = sql(TESTS[name][0](body(dialect), "á"), dialect)
    for part in parts:
        assert part in found


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "mariadb"])
@pytest.mark.parametrize("name", TESTS)
def test_values_are_bound(name: str, dialect: str) -> None:
    """Does what a client typed never become SQL?"""
    statement = TESTS[name][0](body(dialect), "x'; --").compile()
    assert "x'" not in str(statement)


# LOWER


@pytest.mark.parametrize(
    ("value", "lowered"),
    [("ÀB", "àb"), ("ΑΣ", "ας".replace("ς", "σ")), ("", ""), (None, None), (5, 5), (b"A", b"A")],
    ids=ascii,
)
def test_lower(value: object, lowered: object) -> None:
    """Is text lowered letter by letter, and everything else left as it is?"""
    assert lower(value) == lowered


@unhurried
@given(st.text(), st.text())
def test_lower_knows_no_neighbours(one: str, other: str) -> None:
    """Is a text lowered as its parts are, wherever they meet?"""
    assert lower(one + other) == lower(one) + lower(other)

"""Tests on text that give the same answer on every database: case counts, or no case does.

Each takes an operand and a text and makes SQL. Patterns are escaped: `%` is a percent sign.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.query.operand import MYSQL, Operand, as_bytes, characters

Test = ColumnElement[bool]

LOWER = "fastapi_crud_lower"
"""A function that the library adds to SQLite connections: its own LOWER knows ASCII only."""


def contains(operand: Operand, value: str) -> Test:
    """The text occurs in it."""
    return _maker(operand)("contains", operand, value, any_case=False)


def icontains(operand: Operand, value: str) -> Test:
    """The text occurs in it, in any case."""
    return _maker(operand)("contains", operand, value, any_case=True)


def startswith(operand: Operand, value: str) -> Test:
    """It begins with the text."""
    return _maker(operand)("startswith", operand, value, any_case=False)


def istartswith(operand: Operand, value: str) -> Test:
    """It begins with the text, in any case."""
    return _maker(operand)("startswith", operand, value, any_case=True)


def endswith(operand: Operand, value: str) -> Test:
    """It ends with the text."""
    return _maker(operand)("endswith", operand, value, any_case=False)


def iendswith(operand: Operand, value: str) -> Test:
    """It ends with the text, in any case."""
    return _maker(operand)("endswith", operand, value, any_case=True)


def lower(value: Any) -> Any:  # noqa: ANN401 - what SQLite hands over
    """Lower each letter by itself, as other databases do: Python looks at what follows a sigma."""
    return value.replace("\u03a3", "\u03c3").lower() if isinstance(value, str) else value


ESCAPE = "/"
PATTERNS: Mapping[str, str] = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}


def _by_like(test: str, operand: Operand, value: str, *, any_case: bool) -> Test:
    """PostgreSQL: LIKE counts case, ILIKE does not; indexes on patterns and trigrams help both."""
    pattern = PATTERNS[test].format(re.sub(r"([%_/])", r"/\1", value))
    compare = operand.text.ilike if any_case else operand.text.like
    return compare(pattern, escape=ESCAPE)


def _by_sqlite(test: str, operand: Operand, value: str, *, any_case: bool) -> Test:
    """SQLite: LIKE folds ASCII case whether it should or not; so look for the position instead."""
    column: Any = operand.text
    if any_case:
        value = lower(value)
        column = (
            sa.func.lower(column)
            if value.isascii()
            else sa.Function(LOWER, column, type_=sa.Text())
        )
    elif test == "startswith":  # GLOB counts case, and a prefix of it can use an index
        pattern = re.sub(r"([*?\[])", r"[\1]", value) + "*"
        matches: Test = column.op("GLOB", is_comparison=True)(pattern)
        return matches
    return _positions(test, column, value, len(value))


def _by_bytes(test: str, operand: Operand, value: str, *, any_case: bool) -> Test:
    """MySQL and MariaDB: collations pass over case and accents; bytes do not."""
    if any_case:
        utf8 = characters("utf8mb4")
        lowered: Any = sa.func.lower(sa.cast(operand.text, utf8))
        wanted: Any = as_bytes(sa.func.lower(sa.cast(sa.literal(value, sa.Text()), utf8)))
        return _positions(test, as_bytes(lowered), wanted, sa.func.length(wanted))
    encoded = value.encode()
    exact = _positions(test, operand.exact, encoded, len(encoded))
    if test == "startswith":  # the plain pattern finds a few more, by the index
        return sa.and_(operand.text.startswith(value, autoescape=True), exact)
    return exact


def _positions(test: str, column: Any, value: Any, length: Any) -> Test:  # noqa: ANN401 - SQL
    if test == "contains":
        return sa.func.instr(column, value) > 0
    if test == "startswith":
        begins: Test = sa.func.substr(column, 1, length) == value
        return begins
    # substr counts from the end with a negative start; a longer tail than the text is the text
    return sa.and_(
        sa.func.length(column) >= length,
        sa.func.substr(column, sa.func.length(column) - length + 1) == value,
    )


def _maker(operand: Operand) -> Callable[..., Test]:
    if operand.dialect in MYSQL:
        return _by_bytes
    return MAKERS.get(operand.dialect, _by_like)


MAKERS: Mapping[str, Callable[..., Test]] = {"sqlite": _by_sqlite, "postgresql": _by_like}

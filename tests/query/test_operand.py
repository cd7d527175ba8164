"""What must be known of a column to compare it."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from fastapi_crud.columns import inspect_model
from fastapi_crud.query.operand import Operand, as_bytes
from tests.models import Everything, Note
from tests.query.rendering import sql
from tests.strategies import model_of

DATABASES = ["sqlite", "postgresql", "mysql", "mariadb"]


class Shouted(sa.TypeDecorator[str]):
    """Text that somebody keeps in a way of their own."""

    impl = sa.Text
    cache_ok = True

    def process_literal_param(self, value: Any, dialect: Any) -> str:
        return f"{value}!"


def operand(column_type: Any, dialect: str) -> Operand:
    """A column `value` of a type."""
    model = model_of(sa.Column("value", column_type))
    return Operand(model.value, inspect_model(model).columns["value"], dialect)


@pytest.mark.parametrize(
    ("name", "kind", "nullable"),
    [("id", "integer", False), ("title", "text", False), ("body", "text", True)],
)
def test_what_is_known_of_a_column(name: str, kind: str, nullable: bool) -> None:
    """Does an operand tell the kind of its column, and whether it may be NULL?"""
    it = Operand(getattr(Note, name), inspect_model(Note).columns[name], "sqlite")
    assert (it.kind, it.nullable) == (kind, nullable)
    assert it.column is it.attribute


PLAIN: list[Any] = [
    sa.Integer(),
    sa.Text(),
    sa.Double(),
    sa.Float(53),
    sa.Numeric(10, 2),
    sa.DateTime(),
]


@pytest.mark.parametrize("dialect", DATABASES)
@pytest.mark.parametrize(
    "column_type", PLAIN, ids=lambda it: "" if isinstance(it, set | frozenset) else repr(it)
)
def test_most_columns_are_compared_as_they_are(column_type: Any, dialect: str) -> None:
    """Is the column itself compared, so that its index can be used?"""
    it = operand(column_type, dialect)
    assert it.column is it.attribute


SINGLE: list[tuple[Any, list[str]]] = [
    (sa.REAL(), ["postgresql", "mysql", "mariadb"]),
    (sa.Float(24), ["postgresql", "mysql", "mariadb"]),
    (sa.Float(), ["mysql", "mariadb"]),
]


@pytest.mark.parametrize(
    ("column_type", "dialects"), SINGLE, ids=lambda it: "" if isinstance(it, set) else repr(it)
)
def test_single_precision_is_compared_as_it_is_shown(column_type: Any, dialects: list[str]) -> None:
    """Where is 0.1 not equal to 0.1 without help?"""
    helped = {
        name for name in DATABASES if (it := operand(column_type, name)).column is not it.attribute
    }
    assert helped == {*dialects}


def test_the_other_side_is_rounded_as_well() -> None:
    """Does PostgreSQL compare two numbers of single precision?"""
    it = operand(sa.REAL(), "postgresql")
    assert sql(it.column > 0.1, "postgresql") == "samples.value > CAST(0.1 AS REAL)"
    assert sql(it.column.is_(None), "postgresql") == "samples.value IS NULL"


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
@pytest.mark.filterwarnings("ignore:Datatype DOUBLE does not support CAST")
def test_the_number_that_is_shown(dialect: str) -> None:
    """Do MySQL and MariaDB compare the number that they show as text?"""
    it = operand(sa.Float(), dialect)
    assert isinstance(it.column.type, sa.Double)
    assert "CAST(samples.value AS CHAR)" in sql(it.column, dialect)


@pytest.mark.parametrize(
    ("column_type", "dialects"),
    [
        (sa.Text(), ["mysql", "mariadb"]),
        (sa.String(5), ["mysql", "mariadb"]),
        (sa.Integer(), list[str]()),
        (sa.Enum("a", "b"), list[str]()),
        (sa.Uuid(), list[str]()),
    ],
    ids=repr,
)
def test_where_equality_is_not_enough(column_type: Any, dialects: list[str]) -> None:
    """Where do databases take text for equal that is not?"""
    assert {name for name in DATABASES if operand(column_type, name).needs_exact} == {*dialects}


@pytest.mark.parametrize(
    "column_type",
    [sa.Text(), sa.String(5), Shouted()],
    ids=lambda it: "" if isinstance(it, set | frozenset) else repr(it),
)
def test_text_is_compared_as_it_is_typed(column_type: Any) -> None:
    """Does a type of somebody's own change no pattern?"""
    it = operand(column_type, "sqlite")
    assert isinstance(it.text.type, sa.Text)
    assert sql(it.text == "a") == "samples.value = 'a'"


def test_a_type_of_ones_own_changes_values() -> None:
    """Is that so elsewhere?"""
    assert sql(operand(Shouted(), "sqlite").column == "a") == "samples.value = 'a!'"


def test_text_as_bytes() -> None:
    """Is text encoded in UTF-8 whatever its character set is?"""
    expected = "CAST(CAST(samples.value AS CHAR CHARACTER SET utf8mb4) AS BINARY)"
    for column_type in (sa.Text(), mysql.VARCHAR(5, charset="latin1"), Shouted()):
        it = operand(column_type, "mysql")
        assert sql(it.exact, "mysql") == sql(as_bytes(it.text), "mysql") == expected


def test_an_operand_works_its_sql_out_once() -> None:
    """Is what it gives the same object each time?"""
    it = Operand(Everything.single, inspect_model(Everything).columns["single"], "mysql")
    assert it.column is it.column
    assert it.exact is it.exact

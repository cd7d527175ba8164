"""Statements that are compiled once: what can be, and what they have in common."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from fastapi_crud import plan as room
from fastapi_crud.plan import Plan, Statement, plan_of, shape_of
from tests.models import Note
from tests.samples import Spelled

NOTES: Any = Note.__table__
TITLE = sa.bindparam("title", type_=sa.String())
DIALECT = create_async_engine("sqlite+aiosqlite://").dialect


def defaulted(context: Any) -> str:
    """A default that looks at the statement around it."""
    title: str = context.get_current_parameters()["title"]
    return title.upper()


LISTED = sa.Table(
    "listed",
    sa.MetaData(),
    sa.Column("title", sa.String, primary_key=True),
    sa.Column("loud", sa.String, default=defaulted, onupdate=defaulted),
)


@pytest.mark.parametrize(
    "statement",
    [
        sa.select(NOTES.c.id).where(NOTES.c.id.in_([1, 2])),
        sa.insert(LISTED).values(title=TITLE),
        sa.update(LISTED).values(title=sa.bindparam("new")),
    ],
    ids=["a list of values", "a default of the application", "what an update sets"],
)
def test_what_needs_more_than_values(statement: Any) -> None:
    """Is there no plan where each call would have other SQL, or values that SQLAlchemy adds?"""
    assert plan_of(statement, DIALECT) is None


def test_a_statement_is_compiled_when_its_plan_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is that once, and not before; and never where no dialect is known?"""
    made: list[Any] = []

    def counted(sql: Any, dialect: Any, **said: Any) -> Plan | None:
        made.append(sql)
        return plan_of(sql, dialect, **said)

    monkeypatch.setattr(room, "plan_of", counted)
    select = sa.select(NOTES.c.id)
    statement = Statement(select, ("id",), DIALECT, many=True)
    assert not made
    plan = statement.plan
    assert plan is not None
    assert plan.many
    assert statement.plan is plan
    assert Statement(select, ("id",)).plan is None
    assert made == [select]


def test_statements_that_differ_in_their_values() -> None:
    """Can the plan of one be run with the values of another?"""
    first, second = (
        sa.and_(NOTES.c.title != title, sa.func.length(NOTES.c.body) > length)
        for title, length in (("a", 1), ("b", 2))
    )
    shapes = shape_of(first), shape_of(second)
    assert shapes[0] is not None
    assert shapes[1] is not None
    assert shapes[0].key == shapes[1].key
    assert (shapes[0].values, shapes[1].values) == (["a", 1], ["b", 2])
    statement = sa.select(NOTES.c.id).where(first, NOTES.c.done == sa.literal(True))
    plan = plan_of(statement, DIALECT, given=shapes[0].parameters)
    assert plan is not None
    pairs = zip(plan.given, shapes[1].values, strict=True)
    values = {name: value for names, value in pairs for name in names}
    assert plan.arguments(values) == ["b", 2, 1]
    assert plan.arguments({}) == ["a", 1, 1]


class Rounded(sa.TypeDecorator[float]):
    """A type that puts other SQL in place of a value."""

    impl = sa.Float
    cache_ok = True

    def bind_expression(self, bindparam: Any) -> Any:
        """Round it."""
        return sa.func.round(sa.type_coerce(bindparam, sa.Float()))


def test_values_that_types_put_into_sql_of_their_own() -> None:
    """Is a value found where a copy of it stands in the statement?"""
    column = sa.column("a", Rounded())
    first = sa.or_(column == 1.5, column == 2.5)
    shape = shape_of(first)
    assert shape is not None
    total = sa.select(sa.func.count()).where(first).scalar_subquery()
    plan = plan_of(sa.select(column, total).where(first), DIALECT, given=shape.parameters)
    assert plan is not None
    pairs = zip(plan.given, (3.5, 4.5), strict=True)
    values = {name: value for names, value in pairs for name in names}
    assert plan.arguments(values) == [3.5, 4.5, 3.5, 4.5]


def test_a_value_that_is_not_in_the_statement() -> None:
    """Is there no plan where a value of a later call would not be heard of?"""
    shape = shape_of(NOTES.c.title == "a")
    assert shape is not None
    assert plan_of(sa.select(NOTES.c.id), DIALECT, given=shape.parameters) is None


@pytest.mark.parametrize(
    "different",
    [NOTES.c.title == sa.type_coerce("a", sa.Text()), NOTES.c.title.is_(None), NOTES.c.body == "a"],
)
def test_conditions_that_are_not_alike(different: Any) -> None:
    """Are other columns, operators and types other shapes?"""
    shapes = shape_of(NOTES.c.title == "a"), shape_of(different)
    assert shapes[0] is not None
    assert shapes[1] is not None
    assert shapes[0].key != shapes[1].key


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_what_has_no_shape() -> None:
    """Is nothing remembered of a type that does not allow it?"""
    assert shape_of(sa.column("a", Spelled()) == "b") is None

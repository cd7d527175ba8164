"""Statements about several rows: what is written of each, and which rows share one."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, Repository
from fastapi_crud.changes import (
    Change,
    bound,
    change_all,
    completed,
    counted_up,
    insertion_groups,
)
from fastapi_crud.columns import inspect_model
from tests import models, samples
from tests.conftest import counted, rows_of
from tests.strategies import DIALECTS
from tests.test_repository import add_notes

NOTE = inspect_model(models.Note)


@pytest.mark.parametrize(
    ("model", "data", "special"),
    [
        (models.Note, {"title": "a", "body": None}, False),
        (models.Note, {}, False),
        (models.Note, {"title": "a", "id": 2}, True),
        (models.Author, {"name": "a"}, False),
        (models.Author, {"books": []}, True),
        (models.Ticket, {"text": "a"}, False),
        (models.Ticket, {"version": 7}, True),
        (models.Line, {"line_no": 2}, True),
    ],
    ids=lambda it: getattr(it, "__name__", str(it)),
)
def test_what_one_statement_cannot_change(
    model: type[Any], data: dict[str, Any], special: bool
) -> None:
    """Are keys, relationships and versions left to SQLAlchemy?"""
    assert Change(model(), data).special(inspect_model(model)) is special


def test_a_change_is_applied_to_its_row() -> None:
    """Are the attributes set that it names, and no others?"""
    note = models.Note(title="a", body="b")
    Change(note, {"title": "c", "done": True}).apply()
    assert (note.title, note.body, note.done) == ("c", "b", True)


async def test_one_statement_gives_each_row_its_own_values(db: Database) -> None:
    """Is a column left alone of a row that does not name it, and may a value be SQL?"""
    async with db.session() as session:
        a, b, c, _ = await add_notes(session, "a", "b", "c", "d")
        changes = [
            Change(a, {"body": "x", "done": True}),
            Change(b, {"body": None}),
            Change(c, {"title": models.Note.title + "!", "body": sa.func.upper("y")}),
        ]
        with counted(db.engine) as statements:
            await session.execute(change_all(NOTE, changes))
        assert statements.verbs == ["UPDATE"]
    stored = {row.title: (row.body, row.done) for row in await rows_of(db, models.Note)}
    assert stored == {"a": ("x", True), "b": (None, False), "c!": ("Y", False), "d": (None, False)}


async def test_versions_and_times_move_with_the_row(db: Database) -> None:
    """Does the statement count up versions, and set what every update sets?"""
    async with db.session() as session:
        tickets = await Repository[models.Ticket](session).batch_create(
            [{"text": "a"}, {"text": "b"}]
        )
        accounts = await Repository[models.Account](session).batch_create(
            [{"email": "a"}, {"email": "b"}]
        )
        before = [account.updated_at for account in accounts]
        changes: list[Change[Any]] = [Change(row, {"text": "c"}) for row in tickets]
        await session.execute(change_all(inspect_model(models.Ticket), changes))
        changes = [Change(row, {"role": "r"}) for row in accounts]
        await session.execute(change_all(inspect_model(models.Account), changes))
    assert [row.version for row in await rows_of(db, models.Ticket)] == [2, 2]
    async with AsyncSession(db.engine) as session:
        for account, at in zip(accounts, before, strict=True):
            stored = await session.get_one(models.Account, account.id)
            assert stored.updated_at > at
            assert stored.created_at == account.created_at


def test_only_versions_are_counted_up() -> None:
    """Is it the column that SQLAlchemy counts, and no other?"""
    assert counted_up(NOTE) == {}
    (counted_column,) = counted_up(inspect_model(models.Ticket)).items()
    assert counted_column[0] == "version"
    assert str(counted_column[1]) == "tickets.version + :version_1"


def test_a_value_is_bound_by_its_column() -> None:
    """Is a value sent as the column's type, and SQL kept as it is?"""
    value = bound(timedelta(1), models.Everything.span)
    assert isinstance(value.type, sa.Interval)
    assert isinstance(value, sa.BindParameter)
    for expression in (sa.func.now(), models.Everything.at):
        kept = bound(expression, models.Everything.at)
        assert not isinstance(kept, sa.BindParameter)
        assert "bindparam" not in str(kept.compile(dialect=DIALECTS["sqlite"]))
        assert isinstance(kept.type, sa.DateTime)


# Groups

items: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries(
        {"title": st.text(max_size=2)},
        optional={"body": st.none() | st.text(max_size=2), "done": st.booleans()},
    ),
    max_size=9,
)


@given(items)
def test_every_row_is_in_one_group(data: list[dict[str, Any]]) -> None:
    """Are rows sorted by what they name, each with its place, defaults filled in?"""
    groups = insertion_groups(NOTE, data)
    placed = {
        place: row for places, rows in groups for place, row in zip(places, rows, strict=True)
    }
    assert sorted(placed) == [*range(len(data))]
    for place, row in placed.items():
        assert row == {"done": False, "body": None} | data[place]
    named = [frozenset(rows[0]) for _, rows in groups]
    assert len(named) == len({*named})
    for _, rows in groups:
        assert {frozenset(row) for row in rows} == {frozenset(rows[0])}
    for places, _ in groups:
        assert places == sorted(places)


def test_defaults_of_the_application_are_filled_in() -> None:
    """Is each made for its row, and left to the statement where only that can make it?"""
    info = inspect_model(samples.Defaults)
    ((_, (first, second)),) = insertion_groups(info, [{"none": 1}, {"none": 2}])
    made = {"none", "scalar", "falsy", "called", "made"}
    empty = {"null", "touched"}
    assert first.keys() == second.keys() == made | empty
    assert {first[name] for name in empty} == {None}
    assert first["called"] != second["called"]
    assert (first["scalar"], first["falsy"]) == (3, False)


numbers = count(1)


def sql_at_times() -> Any:
    """A number, but SQL for every third row."""
    number = next(numbers)
    return number if number % 3 else sa.func.now()


class Base(DeclarativeBase):
    """Models of this file alone."""


class Row(Base):
    """Whose defaults are not always of one kind."""

    __tablename__ = "rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="plain")
    first: Mapped[int] = mapped_column(default=lambda: next(numbers))
    second: Mapped[int] = mapped_column(default=sql_at_times)


def test_defaults_are_made_once_for_each_row_in_order() -> None:
    """Is each called once, column by column, row by row, and SQL left to a statement of its own?"""
    info = inspect_model(Row)
    first = next(numbers)
    groups = insertion_groups(info, [{"name": f"{n}"} for n in range(6)])
    made = {
        place: [row[name] - first for name in ("first", "second") if name in row]
        for places, rows in groups
        for place, row in zip(places, rows, strict=True)
    }
    assert [number for place in range(6) for number in made[place]] == [
        n for n in range(1, 13) if n % 2 or (first + n) % 3
    ]
    assert [[*rows[0]] for _, rows in groups].count(["kind", "first", "name"]) == 1
    assert len(groups) == 2
    assert next(numbers) == first + 13


def test_nothing_is_left_to_the_default() -> None:
    """Is None of a column with a default, or one that is counted up, the same as leaving it out?"""
    info = inspect_model(Row)
    full = {"name": "x", "kind": "own", "first": 1, "second": 2}
    rows: list[dict[str, Any]] = [{**full, "kind": None}, {"id": None, **full, "kind": None}, full]
    ((places, complete),) = insertion_groups(info, rows)
    assert places == [0, 1, 2]
    assert complete == [{**full, "kind": "plain"}, {**full, "kind": "plain"}, full]
    assert [completed(info, row) for row in rows] == complete


def test_rows_of_one_kind_share_a_group_wherever_they_are() -> None:
    """Are rows that name the same in another order, or between others, one statement?"""
    data: list[dict[str, Any]] = [
        {"title": "a"},
        {"id": 7, "title": "b"},
        {"done": True, "title": "c"},
        {"title": "d"},
    ]
    groups = insertion_groups(NOTE, data)
    assert [places for places, _ in groups] == [[0, 2, 3], [1]]

"""Rows that nobody else can change until the transaction ends."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Database, LockTimeout, Repository
from fastapi_crud.columns import inspect_model
from fastapi_crud.integrity import translated
from fastapi_crud.locks import Held, begin_to_write, locked
from tests import deletable_models as deletable, models
from tests.conftest import counted, rows_of, tables_of
from tests.strategies import DIALECTS
from tests.test_repository import add_notes

IMPATIENCE: dict[str, tuple[str, str]] = {
    "sqlite": ("PRAGMA busy_timeout=0", "PRAGMA busy_timeout=5000"),
    "postgresql": ("SET lock_timeout='1ms'", "SET lock_timeout=0"),
    "mysql": ("SET innodb_lock_wait_timeout=0", "SET innodb_lock_wait_timeout=DEFAULT"),
}
"""Dialect → how a session gives up at once on what others hold, and how it waits again."""


@asynccontextmanager
async def impatient(database: Database) -> AsyncGenerator[AsyncSession]:
    """A second session, which does not wait for the first."""
    hurry, wait = IMPATIENCE[database.engine.dialect.name]
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql(hurry)
        await connection.commit()
        async with AsyncSession(connection) as session:
            yield session
            await session.rollback()
        await connection.exec_driver_sql(wait)
        await connection.commit()


async def test_a_locked_row_waits_for_the_end_of_the_transaction(db: Database) -> None:
    """Can nobody change, delete or lock a row that is locked: alone, with others, by a batch?"""
    async with db.session() as session:
        held, other = await add_notes(session, "a", "b")
    ways: dict[str, Callable[[Any], Any]] = {
        "one": lambda notes: notes.get_for_update(held.id),
        "several": lambda notes: notes.lock_multi([held.id]),
        "batch": lambda notes: notes.batch_update([(held.id, {}), (other.id, {"body": "y"})]),
    }
    for name, lock in ways.items():
        async with AsyncSession(db.engine) as session:
            await lock(Repository[models.Note](session))
            async with impatient(db) as second:
                notes = Repository[models.Note](second)
                writes: list[Callable[[Any], Any]] = [
                    lambda it: it.update(held.id, {"body": "x"}),
                    lambda it: it.delete(held.id),
                    lambda it: it.get_for_update(held.id),
                    lambda it: it.batch_delete([other.id, held.id]),
                ]
                for work in writes:
                    with pytest.raises(LockTimeout):
                        await work(notes)
                    await second.rollback()
                seen = await notes.get(held.id)  # reading is free
                assert seen is not None
                assert (seen.title, seen.body) == ("a", None), name
    async with impatient(db) as second:
        assert await Repository[models.Note](second).update(held.id, {"body": "x"})
        await second.commit()
    assert {row.title: row.body for row in await rows_of(db, models.Note)} == {"a": "x", "b": None}


async def test_every_table_of_a_row_is_locked(db: Database) -> None:
    """Can nobody change what a locked row has in the table of its parent class?"""
    async with db.session() as session:
        manager = await Repository[models.Manager](session).create({"name": "Ann", "budget": 1})
    async with AsyncSession(db.engine) as session:
        assert await Repository[models.Manager](session).get_for_update(manager.id)
        async with impatient(db) as second:
            renamed = sa.update(models.Employee).where(models.Employee.id == manager.id)
            with pytest.raises(LockTimeout), translated():
                await second.execute(renamed.values(name="Bob"))


async def test_a_held_row_is_read_once_in_a_transaction(db: Database) -> None:
    """Is it read anew in the next transaction, and each row of a batch only if it is not held?"""
    async with db.session() as session:
        first, second = await add_notes(session, "a", "b")
    async with AsyncSession(db.engine, expire_on_commit=False) as session:
        notes = Repository[models.Note](session)
        row = await notes.get_for_update(first.id)
        with counted(db.engine) as statements:
            assert await notes.get_for_update(first.id) is row
            assert await notes.lock_multi([first.id]) == [row]
        assert statements.verbs == []
        with counted(db.engine) as statements:
            assert [it.title for it in await notes.lock_multi([second.id, first.id])] == ["b", "a"]
        assert statements.verbs == ["SELECT"]
        with counted(db.engine) as statements:
            await notes.batch_update([(first.id, {}), (second.id, {})])
        assert "SELECT" not in statements.verbs
        await session.commit()
        async with db.session() as other:
            await Repository[models.Note](other).update(first.id, {"title": "c"})
        again = await notes.get_for_update(first.id)
        assert again is row
        assert again is not None
        assert again.title == "c"
        await session.rollback()
        with counted(db.engine) as statements:
            await notes.get_for_update(first.id)
        assert "SELECT" in statements.verbs


async def test_a_lock_within_a_savepoint_ends_with_it(db: Database) -> None:
    """Is a row locked again, if the savepoint in which it was locked is undone?"""
    async with db.session() as session:
        (note,) = await add_notes(session, "a")
    async with AsyncSession(db.engine) as session:
        notes = Repository[models.Note](session)
        await notes.get(note.id)
        savepoint = await session.begin_nested()
        await notes.get_for_update(note.id)
        await savepoint.rollback()
        await notes.get_for_update(note.id)
        async with impatient(db) as second:
            with pytest.raises(LockTimeout):
                await Repository[models.Note](second).update(note.id, {"title": "b"})


async def test_a_row_that_is_gone_is_not_held(db: Database) -> None:
    """Is a locked row not given any more once it was deleted, by whichever way?"""
    for model, data in ((models.Note, {"title": "a"}), (models.Ticket, {"text": "a"})):
        ways: dict[str, Callable[[Any, Any, Any], Any]] = {
            "delete": lambda rows, key, _: rows.delete(key),
            "delete the row": lambda rows, key, _: rows.delete(rows._held.get((key,))),
            "purge": lambda rows, key, _: rows.purge(key),
            "batch": lambda rows, key, other: rows.batch_delete([key, other]),
            "batch of one": lambda rows, key, _: rows.batch_delete([key]),
        }
        for name, work in ways.items():
            async with AsyncSession(db.engine) as session:
                generic: Any = Repository
                rows: Repository[Any] = generic[model](session)
                more = {key: f"{value}b" for key, value in data.items()}
                row, other = [(await rows.create(it)).id for it in (data, more)]
                assert await rows.get_for_update(row)
                await work(rows, row, other)
                assert await rows.get_for_update(row) is None, (model.__name__, name)
                assert await rows.update(row, data) is None, (model.__name__, name)


async def test_a_row_with_an_outer_join_can_be_locked(db: Database) -> None:
    """Is only the row itself locked, where it is loaded with others that need not be there?"""
    async with tables_of(db, deletable.Base.metadata) as own:
        async with own.session() as session:
            sticker = await Repository[deletable.Sticker](session).create({"slug": "a"})
        async with own.session() as session:
            row = await Repository[deletable.Sticker](session).get_for_update(sticker.id)
            assert row is not None
            assert row.volume is None


async def test_sqlite_is_locked_as_a_whole(sqlite: Database) -> None:
    """Does who is going to write keep all others from writing, asked once or twice?"""
    mapper = inspect_model(models.Note).mapper
    async with AsyncSession(sqlite.engine) as session:
        for _ in range(2):
            await begin_to_write(session, mapper)
            async with impatient(sqlite) as second:
                with pytest.raises(LockTimeout), translated():
                    await begin_to_write(second, mapper)


async def test_other_databases_lock_rows_only(db: Database) -> None:
    """May two sessions be about to write, where rows are locked one by one?"""
    if db.engine.dialect.name == "sqlite":
        pytest.skip("it is locked as a whole")
    mapper = inspect_model(models.Note).mapper
    async with AsyncSession(db.engine) as session, impatient(db) as second:
        await begin_to_write(session, mapper)
        await begin_to_write(second, mapper)
        await add_notes(second, "a")


@pytest.mark.parametrize(
    ("dialect", "ending"),
    [("sqlite", "FROM notes"), ("postgresql", "FOR UPDATE OF notes"), ("mysql", "FOR UPDATE")],
)
def test_how_rows_are_locked(dialect: str, ending: str) -> None:
    """What does a statement say that locks its rows, and does it read them anew?"""
    statement = locked(sa.select(models.Note), inspect_model(models.Note).mapper, dialect)
    assert str(statement.compile(dialect=DIALECTS[dialect])).endswith(ending)
    assert statement.get_execution_options()["populate_existing"]


async def test_held_rows_are_those_of_one_transaction(sqlite: Database) -> None:
    """Are rows remembered until they are dropped, or the transaction ends?"""
    async with AsyncSession(sqlite.engine) as session:
        held = Held(session)
        held.add((1,), "early")
        assert held.get((1,)) == "early"
        await session.begin()
        assert held.get((1,)) is None
        held.add((1,), "one")
        held.add((2,), "two")
        held.drop((1,))
        held.drop((3,))
        assert (held.get((1,)), held.get((2,))) == (None, "two")
        await session.rollback()
        assert held.get((2,)) is None

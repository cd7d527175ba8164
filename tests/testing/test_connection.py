"""The one connection of a test: what commits on it, and what is left of it."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from fastapi_crud import (
    ConfigurationError,
    Database,
    DatabaseUnavailable,
    Repository,
    UniqueViolation,
)
from fastapi_crud.database import after_commit
from fastapi_crud.testing import count_statements
from fastapi_crud.testing.connection import SinglePool, Transactions
from tests.conftest import rows_of
from tests.models import Note, Tag


@pytest.fixture
async def transactions(backend: URL, db: Database) -> AsyncIterator[Transactions]:
    """The transactions of a test, which is over at the end: nothing is left then."""
    engine = Database(backend, poolclass=SinglePool).engine
    transactions = Transactions(engine)
    transactions.open()
    yield transactions
    await transactions.close()
    assert await rows_of(db, Note) == []
    assert await rows_of(db, Tag) == []


@pytest.fixture
def app_database(transactions: Transactions) -> Database:
    """The database as the app has it in a test."""
    return Database(engine=transactions.engine)


async def titles(database: Database) -> list[str]:
    """The titles of all notes."""
    async with database.session() as session:
        return [*await session.scalars(sa.select(Note.title).order_by(Note.title))]


async def test_what_is_committed_is_seen_by_all(app_database: Database) -> None:
    """Do the callbacks of a commit run, and later sessions see the row?"""
    told: list[str] = []
    async with app_database.session() as session:
        session.add(Note(title="a"))
        after_commit(session, lambda: told.append("stored"))
        assert told == []
    assert told == ["stored"]
    assert await titles(app_database) == ["a"]


async def test_what_is_rolled_back_is_gone(app_database: Database) -> None:
    """Is a failed transaction undone, and the one before it not?"""
    async with app_database.session() as session:
        session.add(Note(title="a"))
    async with app_database.sessionmaker() as session:
        session.add(Note(title="b"))
        await session.flush()
        await session.rollback()
    assert await titles(app_database) == ["a"]


async def test_a_refused_row_harms_nothing(app_database: Database) -> None:
    """Does work go on after the database has refused a row, also within a savepoint?"""
    async with app_database.session() as session:
        session.add(Tag(slug="a", label="a"))
    with pytest.raises(UniqueViolation):
        async with app_database.session() as session:
            await Repository[Tag](session).create({"slug": "a", "label": "b"})
    async with app_database.session() as session:
        with pytest.raises(UniqueViolation):
            async with session.begin_nested():
                await Repository[Tag](session).create({"slug": "a", "label": "b"})
        await Repository[Tag](session).create({"slug": "b", "label": "b"})
    async with app_database.session() as session:
        assert await Repository[Tag](session).count() == 2


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_transactions_need_not_end_in_order(app_database: Database, ending: str) -> None:
    """Is what an inner session commits kept, though the outer one, which only read, ends first?"""
    async with app_database.sessionmaker() as inner:
        async with app_database.sessionmaker() as outer:
            await outer.scalars(sa.select(Note))
            inner.add(Note(title="a"))
            await inner.flush()
            await getattr(outer, ending)()
        await inner.commit()
    assert await titles(app_database) == ["a"]


async def test_a_commit_that_cannot_hold_says_so(app_database: Database) -> None:
    """Is it an error to commit what an outer transaction has undone?"""
    outer, inner = app_database.sessionmaker(), app_database.sessionmaker()
    for title, session in (("a", outer), ("b", inner)):
        session.add(Note(title=title))
        await session.flush()
    await outer.rollback()
    with pytest.raises(ConfigurationError, match="rolled back by a transaction that began earlier"):
        await inner.commit()
    for session in (inner, outer):
        await session.close()
    assert await titles(app_database) == []


async def test_the_engine_survives_its_disposal(app_database: Database) -> None:
    """Is the connection kept where the lifespan of an app ends before the test?"""
    async with app_database.session() as session:
        session.add(Note(title="a"))
    await app_database.engine.dispose()
    assert await titles(app_database) == ["a"]


async def test_only_the_work_is_counted(app_database: Database) -> None:
    """Are statements counted, but not what begins and ends transactions?"""
    with count_statements(app_database) as statements:
        await titles(app_database)
        assert len(statements) == 1
        async with app_database.session() as session:
            await session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
            session.add(Note(title="a"))
    assert statements.verbs == ["SELECT", "INSERT"]
    await titles(app_database)
    assert len(statements) == 2


async def test_there_is_no_connection_outside_of_tests(sqlite: Database) -> None:
    """Is it an error that names the fix, where no test is about to undo what is done?"""
    transactions = Transactions(Database("sqlite://", poolclass=SinglePool).engine)
    database = Database(engine=transactions.engine)
    with pytest.raises(ConfigurationError, match="let the test ask for"):
        await database.ping()
    transactions.open()
    await transactions.close()


async def test_what_begins_a_transaction_is_no_statement(sqlite: Database) -> None:
    """Is it left out on a database outside of the plugin as well?"""
    async with sqlite.session() as session:
        with count_statements(sqlite) as statements:
            async with session.begin_nested():
                await session.execute(sa.select(Note))
    assert statements.verbs == ["SAVEPOINT", "SELECT", "RELEASE"]


async def test_a_server_that_is_away_is_told() -> None:
    """Is the error the same as without the plugin?"""
    nowhere = Database("sqlite:////nowhere/at/all.db", poolclass=SinglePool)
    transactions = Transactions(nowhere.engine)
    transactions.open()
    with pytest.raises(DatabaseUnavailable):
        await nowhere.ping()
    await transactions.close()


async def test_a_connection_that_is_lost_is_forgotten(sqlite: Database) -> None:
    """Does a test end quietly whose connection was given up?"""
    transactions = Transactions(Database("sqlite://", poolclass=SinglePool).engine)
    transactions.open()
    async with transactions.engine.connect() as connection:
        await connection.invalidate()
    await transactions.close()

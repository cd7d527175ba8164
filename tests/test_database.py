"""Engine, sessions, and the one place that commits."""

import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidRequestError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import (
    ConfigurationError,
    Database,
    DatabaseUnavailable,
    Settings,
    Unavailable,
    UniqueViolation,
)
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import (
    STATE_KEY,
    after_commit,
    commit,
    rollback,
    transaction,
)
from tests.conftest import counted


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Box(Base):
    __tablename__ = "boxes_of_test_database"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(10), unique=True)


@pytest.fixture
async def boxes(backend: URL) -> AsyncIterator[Database]:
    """An empty table of this module, on each backend."""
    database = Database(backend, metadata=Base.metadata)
    await database.create_all()
    yield database
    await database.drop_all()
    await database.engine.dispose()


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Database]:
    """A SQLite database of this test alone, for what is the same on every backend."""
    database = Database(f"sqlite:///{tmp_path}/own.db", metadata=Base.metadata)
    await database.create_all()
    yield database
    await database.engine.dispose()


@pytest.fixture
def app() -> Any:
    """As much of an app as a lifespan needs."""
    return SimpleNamespace(state=SimpleNamespace())


async def names_in(database: Database) -> list[str]:
    async with AsyncSession(database.engine) as session:
        return list(await session.scalars(sa.select(Box.name).order_by(Box.name)))


# Sessions


async def test_a_session_commits(boxes: Database) -> None:
    """Is what the block did stored when it ends?"""
    async with boxes.session() as session:
        session.add(Box(name="a"))
    assert await names_in(boxes) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
async def test_a_session_rolls_back(boxes: Database, error: type[BaseException]) -> None:
    """Is nothing stored when the block fails, and is the error the block's own?"""

    async def fail() -> None:
        async with boxes.session() as session:
            session.add(Box(name="a"))
            await session.flush()
            raise error

    with pytest.raises(error):
        await fail()
    assert await names_in(boxes) == []


async def test_a_commit_that_fails_is_translated(boxes: Database) -> None:
    """Is what the database refuses only at the commit an error of ours, and nothing stored?"""
    with pytest.raises(UniqueViolation) as caught:
        async with boxes.session() as session:
            session.add_all([Box(name="a"), Box(name="a")])
    assert caught.value.__cause__ is not None
    assert await names_in(boxes) == []


async def test_a_flush_that_fails_is_translated(boxes: Database) -> None:
    """Is what the database refuses within the block an error of ours as well?"""

    async def fail() -> None:
        async with boxes.session() as session:
            session.add_all([Box(name="a"), Box(name="a")])
            await session.flush()

    with pytest.raises(UniqueViolation):
        await fail()


async def test_rows_outlive_their_session(boxes: Database) -> None:
    """May a row be used after the commit, without another statement?"""
    async with boxes.session() as session:
        box = Box(name="a")
        session.add(box)
    with counted(boxes.engine) as sent:
        assert box.name == "a"
    assert not sent


async def test_a_session_that_did_nothing_sends_nothing(own: Database) -> None:
    """Does an unused session not even connect?"""
    with counted(own.engine) as sent:
        async with own.session():
            pass
    assert not sent


async def test_a_transaction_names_the_fields_of_its_model(own: Database) -> None:
    """Does a transaction for a model tell which field was wrong?"""
    async with AsyncSession(own.engine) as session:
        with pytest.raises(UniqueViolation) as caught:
            async with transaction(session, inspect_model(Box)):
                session.add_all([Box(name="a"), Box(name="a")])
        assert caught.value.fields == ("name",)
        assert not session.in_transaction()


async def test_a_transaction_takes_any_session(own: Database) -> None:
    """Does a session that expires its rows, and one used before, commit all the same?"""
    async with AsyncSession(own.engine, expire_on_commit=True) as session:
        session.add(Box(name="before"))
        await session.flush()
        async with transaction(session):
            session.add(Box(name="within"))
        assert (await session.scalars(sa.select(sa.func.count()).select_from(Box))).one() == 2


# After the commit


class Calls(list[str]):
    """Notes who was called."""

    def note(self, name: str) -> Any:
        return lambda: self.append(name)

    def note_later(self, name: str) -> Any:
        async def call() -> None:
            self.append(name)

        return call


async def test_callbacks_run_after_the_commit_in_order(own: Database) -> None:
    """Do functions and coroutine functions run once each, and not before the data is stored?"""
    calls = Calls()

    async def look() -> None:
        async with AsyncSession(own.engine) as other:
            calls.extend(await other.scalars(sa.select(Box.name)))

    async with own.session() as session:
        session.add(Box(name="stored"))
        after_commit(session, calls.note("first"))
        after_commit(session, calls.note_later("second"))
        after_commit(session, look)
        await session.flush()
        assert calls == []
    assert calls == ["first", "second", "stored"]


async def test_callbacks_run_once(own: Database) -> None:
    """Does a second commit of the same session not run them again?"""
    calls = Calls()
    async with AsyncSession(own.engine) as session:
        after_commit(session, calls.note("a"))
        await commit(session)
        await commit(session)
    assert calls == ["a"]


@pytest.mark.parametrize("when", ["block", "commit", "rollback", "session"])
async def test_callbacks_do_not_run_after_a_rollback(own: Database, when: str) -> None:
    """Does nothing run where nothing was stored, nor with the next commit of the same session?"""
    calls = Calls()
    async with AsyncSession(own.engine, expire_on_commit=False) as session:
        session.add(Box(name="a"))
        await session.flush()
        after_commit(session, calls.note("a"))
        if when == "block":
            with pytest.raises(ValueError, match="in the block"):
                async with transaction(session):
                    raise ValueError("in the block")
        elif when == "commit":
            session.add_all([Box(name="b"), Box(name="b")])
            with pytest.raises(UniqueViolation):
                async with transaction(session):
                    pass
        elif when == "rollback":
            await rollback(session)
        else:
            await session.rollback()
        await commit(session)
    assert calls == []


async def test_callbacks_wait_for_the_outermost_commit(own: Database) -> None:
    """Does a savepoint not count as a commit?"""
    calls = Calls()
    async with own.session() as session:
        async with session.begin_nested():
            after_commit(session, calls.note("a"))
        assert calls == []
    assert calls == ["a"]


async def test_a_callback_that_fails_is_logged_only(
    own: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Is the data stored, the next callback run, and nothing raised?"""
    calls = Calls()

    async def fail() -> None:
        raise RuntimeError("mail server down")

    with caplog.at_level(logging.ERROR, "fastapi_crud.database"):
        async with own.session() as session:
            session.add(Box(name="a"))
            after_commit(session, fail)
            after_commit(session, calls.note("next"))
    assert calls == ["next"]
    (record,) = caplog.records
    assert "fail" in record.getMessage()
    assert record.exc_info is not None
    async with AsyncSession(own.engine) as other:
        assert await other.scalar(sa.select(Box.name)) == "a"


# Tables


async def test_tables_come_and_go(backend: URL) -> None:
    """Are missing tables created, present ones left alone, and all dropped again?"""
    database = Database(backend, metadata=Base.metadata)
    await database.create_all()
    async with database.session() as session:
        session.add(Box(name="a"))
    await database.create_all()
    assert await names_in(database) == ["a"]
    await database.drop_all()
    async with database.engine.connect() as connection:
        assert not await connection.run_sync(lambda c: sa.inspect(c).has_table(Box.__tablename__))
    await database.engine.dispose()


@pytest.mark.parametrize("method", ["create_all", "drop_all"])
async def test_without_metadata_there_are_no_tables(tmp_path: Path, method: str) -> None:
    """Is it told what is missing, before anything is done?"""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(ConfigurationError, match=r"Database\(metadata=Base.metadata\)"):
        await getattr(database, method)()
    await database.engine.dispose()


def test_create_all_needs_metadata() -> None:
    """Is that told when the database is made?"""
    with pytest.raises(ConfigurationError, match=r"create_all=True needs the tables"):
        Database("sqlite://", create_all=True)


# Health


async def test_a_database_that_answers(database: Database) -> None:
    """Does one statement tell that it is there?"""
    with counted(database.engine) as sent:
        await database.ping()
    assert len(sent) == 1


async def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    """Is one that is not there an error that says so, and when to try again?"""
    database = Database(f"sqlite:///{tmp_path}/missing/a.db")
    with pytest.raises(DatabaseUnavailable) as caught:
        await database.ping()
    assert caught.value.retry_after > 0
    assert "missing" not in str(caught.value)
    await database.engine.dispose()


# Lifespan


async def test_a_lifespan_leaves_the_database_in_the_state(own: Database, app: Any) -> None:
    """Do the app and its requests find the database, and is the pool closed at the end?"""
    before = own.engine.pool
    async with own.lifespan(app) as state:
        assert state == {STATE_KEY: own}
        assert getattr(app.state, STATE_KEY) is own
        await own.ping()
    assert own.engine.pool is not before


async def test_a_lifespan_closes_the_pool_when_the_app_fails(own: Database, app: Any) -> None:
    """Is the pool closed even then?"""
    before = own.engine.pool
    with pytest.raises(RuntimeError, match="crash"):
        async with own.lifespan(app):
            raise RuntimeError("crash")
    assert own.engine.pool is not before


@pytest.mark.parametrize("create_all", [True, False])
async def test_a_lifespan_creates_tables_where_it_is_told_to(
    tmp_path: Path, app: Any, create_all: bool
) -> None:
    """Are missing tables created for demos, and only for them?"""
    database = Database(f"sqlite:///{tmp_path}/a.db", metadata=Base.metadata, create_all=create_all)
    async with database.lifespan(app), database.engine.connect() as connection:
        there = await connection.run_sync(lambda c: sa.inspect(c).has_table(Box.__tablename__))
    assert there is create_all


async def test_a_lifespan_asks_what_must_hold_first(
    own: Database, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Does a check of a layer above see the app, and stop the start?"""
    seen: list[Any] = []

    def refuse(started: Any, dialect: str) -> None:
        seen.extend([started, dialect])
        raise ConfigurationError("two routers of one name")

    monkeypatch.setattr("fastapi_crud.database.startup_checks", [refuse])
    with pytest.raises(ConfigurationError, match="two routers"):
        async with own.lifespan(app):
            pytest.fail("must not start")
    assert seen == [app, "sqlite"]
    assert not hasattr(app.state, STATE_KEY)


async def test_lifespans_nest(own: Database, app: Any) -> None:
    """May an app have a lifespan of its own around ours?"""
    async with (
        own.lifespan(app) as state,
        own.lifespan(SimpleNamespace(state=app.state)) as inner,
    ):
        assert state == inner


# URLs and engines


async def test_the_url_comes_from_the_settings(tmp_path: Path) -> None:
    """Is the settings' URL used where none is given, and `debug` the logging of SQL?"""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/a.db", debug=True)
    database = Database(settings=settings)
    assert database.engine.url.database == f"{tmp_path}/a.db"
    assert database.engine.echo is True
    given_one = Database("sqlite://", settings=settings, echo=False)
    assert given_one.engine.url.database is None
    assert given_one.engine.echo is False


async def test_an_app_without_a_url_has_the_environment_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is the environment read where neither a URL nor settings are given?"""
    from fastapi_crud import get_settings

    get_settings.cache_clear()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/env.db")
    try:
        assert Database().engine.url.database == f"{tmp_path}/env.db"
    finally:
        get_settings.cache_clear()


async def test_engine_options_reach_the_engine(tmp_path: Path) -> None:
    """Can the pool be configured?"""
    pool: Any = Database(f"sqlite:///{tmp_path}/a.db", pool_size=3, max_overflow=0).engine.pool
    assert pool.size() == 3


async def test_an_engine_of_one_s_own() -> None:
    """Is a ready engine used as it is?"""
    engine = create_async_engine("sqlite+aiosqlite://")
    assert Database(engine=engine).engine is engine


def test_a_driver_that_cannot_wait_is_refused() -> None:
    """Is a synchronous driver told by SQLAlchemy itself?"""
    with pytest.raises(InvalidRequestError, match="async driver"):
        Database("sqlite+pysqlite://")


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 1), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
async def test_sqlite_is_prepared(own: Database, pragma: str, value: str | int) -> None:
    """Do all connections have what makes SQLite safe and fast?"""
    for _ in range(2):
        async with own.engine.connect() as connection:
            assert await connection.scalar(sa.text(f"PRAGMA {pragma}")) == value
        await own.engine.dispose()


async def test_a_savepoint_that_is_undone_takes_its_callbacks_along(sqlite: Database) -> None:
    """Do callbacks of a savepoint run if it was released, and not if it was rolled back?"""
    told: list[str] = []
    async with sqlite.session() as session:
        await session.execute(sa.text("SELECT 1"))
        after_commit(session, lambda: told.append("outer"))
        undone = await session.begin_nested()
        after_commit(session, lambda: told.append("undone"))
        await undone.rollback()
        async with session.begin_nested():
            after_commit(session, lambda: told.append("released"))
        assert told == []
    assert told == ["outer", "released"]


async def test_a_rollback_that_fails_is_told(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is it an error where the connection lives on, with what was not undone?"""
    async with sqlite.sessionmaker() as session:

        async def fail() -> None:
            raise OperationalError("ROLLBACK", None, Exception("no"), connection_invalidated=False)

        monkeypatch.setattr(session, "rollback", fail)
        with pytest.raises(OperationalError):
            await rollback(session)
        monkeypatch.undo()


async def test_a_sqlite_file_that_is_locked_is_unavailable(tmp_path: Path) -> None:
    """Is it told that a file cannot be prepared, unless nobody may write to it?"""
    with closing(sqlite3.connect(tmp_path / "held.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        database = Database(f"sqlite:///{tmp_path}/held.db", connect_args={"timeout": 0})
        with pytest.raises(Unavailable):
            await database.ping()
        holder.execute("COMMIT")
        await database.ping()
        await database.engine.dispose()

"""Statements that are compiled once: what can be, where they may run, and what they say."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from fastapi_crud import Database, get_settings
from fastapi_crud.hops import READERS
from fastapi_crud.plan import Plan, plan_of
from fastapi_crud.plans import CROWDED, RUNNERS, Plans, read_sqlite, write_sqlite
from tests.models import Everything, Note

NOTES: Any = Note.__table__
INTEGER = sa.Integer()
TITLE = sa.bindparam("title", type_=sa.String())
STORE = sa.insert(NOTES).values({NOTES.c.title: TITLE, NOTES.c.done: sa.false()})
BY_TITLE = sa.select(NOTES.c.id, NOTES.c.title).where(NOTES.c.title == TITLE)

pytestmark = pytest.mark.usefixtures("every_lane")


@pytest.fixture
def plans(db: Database) -> Plans:
    """Plans on a database whose driver runs them."""
    if db.engine.dialect.driver not in RUNNERS:
        pytest.skip("this driver runs no plans")
    return Plans(db.engine)


def planned(plans: Plans, statement: Any) -> Plan:
    """Compile a statement that can be compiled."""
    plan = plan_of(statement, plans.engine.dialect)
    assert plan is not None
    return plan


async def test_a_plan_does_what_the_statement_does(plans: Plans) -> None:
    """Are rows stored and found, committed, and the same as SQLAlchemy gives?"""
    assert plans.usable
    stored = await plans.fetch(planned(plans, STORE.returning(NOTES.c.title)), {"title": "a"})
    assert [tuple(row) for row in stored] == [("a",)]
    for _ in range(2):  # what converts the columns is found out by the first
        found = await plans.fetch(planned(plans, BY_TITLE), {"title": "a"})
        async with plans.engine.connect() as connection:
            expected = (await connection.execute(BY_TITLE, {"title": "a"})).all()
        assert [tuple(row) for row in found] == [tuple(row) for row in expected]
    constant = planned(plans, BY_TITLE.where(NOTES.c.done == sa.literal(True)))
    assert await plans.fetch(constant, {"title": "a"}) == []


class Committing(sqlite3.Connection):
    """A connection that begins transactions by itself, as Python 3.12 can."""

    autocommit = False  # type: ignore[assignment, unused-ignore]


@pytest.mark.parametrize("kind", [sqlite3.Connection, Committing])
@pytest.mark.parametrize("level", [None, "", "IMMEDIATE"])
async def test_what_is_written_to_a_file(
    kind: type[sqlite3.Connection], level: str | None, tmp_path: Path
) -> None:
    """Is it committed, or undone, however the connection begins its transactions?"""
    url = f"sqlite+aiosqlite:///{tmp_path}/a.db"
    engine = create_async_engine(url, connect_args={"factory": kind, "isolation_level": level})
    store = Plan(
        "INSERT INTO a VALUES (?) RETURNING b", [("b", None, None)], [INTEGER], writes=True
    )
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE a (b INTEGER PRIMARY KEY)")
    for number in (1, 2):
        assert await Plans(engine).fetch(store, {"b": number}) == [(number,)]
    with pytest.raises(IntegrityError):
        await Plans(engine).fetch(store, {"b": 2})
    other = create_async_engine(url)
    async with other.begin() as connection:
        assert (await connection.exec_driver_sql("SELECT b FROM a")).all() == [(1,), (2,)]
        await connection.exec_driver_sql("DELETE FROM a")
    async with engine.begin() as connection:
        await connection.exec_driver_sql("INSERT INTO a VALUES (3)")
        await connection.rollback()
    async with engine.connect() as connection:
        rows = (await connection.exec_driver_sql("SELECT b FROM a")).all()
    assert rows == ([(3,)] if level is None else [])
    await other.dispose()
    await engine.dispose()


@pytest.mark.parametrize("kind", [sqlite3.Connection, Committing])
def test_what_is_run_in_a_thread(kind: type[sqlite3.Connection], tmp_path: Path) -> None:
    """Is a change committed or undone at once, and what is read left as it is?"""
    store = "INSERT INTO a VALUES (?) RETURNING b"
    with (
        closing(sqlite3.connect(tmp_path / "a.db", factory=kind)) as connection,
        closing(sqlite3.connect(tmp_path / "a.db")) as other,
    ):
        connection.execute("CREATE TABLE a (b INTEGER PRIMARY KEY)")
        assert write_sqlite(connection, store, [1]) == [(1,)]
        with pytest.raises(sqlite3.IntegrityError):
            write_sqlite(connection, store, [1])
        assert not connection.in_transaction
        assert read_sqlite(connection, "SELECT b FROM a", []) == [(1,)]
        assert other.execute("SELECT b FROM a").fetchall() == [(1,)]


async def test_many_pages_at_a_time(plans: Plans) -> None:
    """Does each page come, however many wait for theirs?"""
    plan = plan_of(BY_TITLE, plans.engine.dialect, many=True)
    assert plan is not None
    fresh = create_async_engine(plans.engine.url)
    fetch, pool = Plans(fresh).fetch, cast("Any", fresh.pool)
    pages = await asyncio.gather(*(fetch(plan, {"title": "a"}) for _ in range(9)))
    assert pages == [[]] * 9
    if fresh.dialect.driver in CROWDED:
        assert pool.checkedin() <= READERS
    await fresh.dispose()


async def test_many_changes_at_a_time(plans: Plans) -> None:
    """Is each stored, however many wait for their turn?"""
    plan = planned(plans, STORE.returning(NOTES.c.title))
    titles = [str(number) for number in range(9)]
    fresh = create_async_engine(plans.engine.url)
    fetch, pool = Plans(fresh).fetch, cast("Any", fresh.pool)
    stored = await asyncio.gather(*(fetch(plan, {"title": title}) for title in titles))
    assert [title for ((title,),) in stored] == titles
    if fresh.dialect.driver in CROWDED:
        assert pool.checkedin() == 1
    await fresh.dispose()


async def test_values_of_every_type_come_back_as_they_are(plans: Plans) -> None:
    """Are values converted both ways as their types say?"""
    table: Any = Everything.__table__
    async with plans.engine.begin() as connection:
        await connection.execute(sa.insert(table).values(id=1))
        row = (await connection.execute(sa.select(table))).one()
    found = await plans.fetch(planned(plans, sa.select(table)), {})
    assert [tuple(each) for each in found] == [tuple(row)]


async def test_what_the_database_refuses(plans: Plans) -> None:
    """Is an error what SQLAlchemy makes of it, and the connection as good as before?"""
    plan = planned(plans, STORE.returning(NOTES.c.id))
    await plans.fetch(plan, {"title": "a"})
    with pytest.raises(IntegrityError) as raised:
        await plans.fetch(plan, {"title": "a"})
    with pytest.raises(IntegrityError) as expected:
        async with plans.engine.begin() as connection:
            await connection.execute(STORE, {"title": "a"})
    assert type(raised.value.orig) is type(expected.value.orig)
    assert raised.value.orig is not None
    assert str(raised.value.orig) == str(expected.value.orig)
    assert raised.value.params is None, "values are nobody's business"
    assert not raised.value.connection_invalidated
    assert len(await plans.fetch(planned(plans, BY_TITLE), {"title": "a"})) == 1


async def test_values_that_the_driver_cannot_send(plans: Plans) -> None:
    """Does an error of the driver's own pass, as it does from SQLAlchemy, and the pool recover?"""
    plan = planned(
        plans, sa.select(NOTES.c.id).where(NOTES.c.id == sa.bindparam("id", type_=sa.Integer))
    )
    errors: list[type[BaseException]] = []
    with pytest.raises(Exception) as raised:
        await plans.fetch(plan, {"id": 2**80})
    errors.append(type(raised.value))
    with pytest.raises(Exception) as raised:
        async with plans.engine.connect() as connection:
            await connection.execute(sa.select(NOTES.c.id).where(NOTES.c.id == 2**80))
    assert errors == [type(raised.value)]
    assert await plans.fetch(plan, {"id": 1}) == []


async def test_a_cancelled_call_leaves_a_working_pool(db: Database, plans: Plans) -> None:
    """Is the connection of a cancelled call given up, and the next one replaced?"""
    slow = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 3000000",
        "postgresql": "SELECT pg_sleep(5)",
    }[db.engine.dialect.name]
    plan = Plan(slow, (), [sa.Integer()], writes=False, many=True)
    task = asyncio.create_task(plans.fetch(plan, {}))
    while not db.engine.pool.checkedout():  # type: ignore[attr-defined]
        await asyncio.wait([task], timeout=0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert await plans.fetch(planned(plans, BY_TITLE), {"title": "a"}) == []


async def test_pools_that_ask_before_they_lend(plans: Plans) -> None:
    """Do plans run where a connection is tried before each use?"""
    engine = create_async_engine(plans.engine.url, pool_pre_ping=True)
    for _ in range(3):
        assert await Plans(engine).fetch(planned(plans, BY_TITLE), {"title": "a"}) == []
    await engine.dispose()


async def test_broken_connections_are_replaced(plans: Plans) -> None:
    """Does a call meet no connection that was found broken meanwhile?"""
    plan = planned(plans, BY_TITLE)
    for _ in range(40):  # until nothing is doubtful
        await plans.fetch(plan, {"title": "a"})
    async with plans.engine.connect() as connection:
        await connection.invalidate()
    for _ in range(40):
        assert await plans.fetch(plan, {"title": "a"}) == []


def memory() -> AsyncEngine:
    """An engine as most people have it, but with no database behind it."""
    return create_async_engine("sqlite+aiosqlite:///nothing.db")


ENGINES: dict[str, tuple[Callable[[], AsyncEngine], bool]] = {
    "plain": (memory, True),
    "in memory": (lambda: create_async_engine("sqlite+aiosqlite://"), False),
    "another pool": (
        lambda: create_async_engine("sqlite+aiosqlite:///nothing.db", poolclass=NullPool), False,
    ),
    "echo": (lambda: create_async_engine("sqlite+aiosqlite:///nothing.db", echo=True), False),
    "isolation level": (
        lambda: create_async_engine("sqlite+aiosqlite:///nothing.db", isolation_level="READ UNCOMMITTED"),
        False,
    ),
    "options": (
        lambda: create_async_engine(
            "sqlite+aiosqlite:///nothing.db", execution_options={"schema_translate_map": {None: "a"}}
        ),
        False,
    ),
    "another driver": (
        lambda: create_async_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing"), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENGINES)
def test_where_plans_may_run(name: str) -> None:
    """Are they left alone wherever only SQLAlchemy's own execution does what was asked?"""
    make, usable = ENGINES[name]
    assert Plans(make()).usable is usable


@pytest.mark.parametrize("name", ["before_cursor_execute", "begin", "commit"])
def test_listeners_hear_of_every_statement(name: str) -> None:
    """Are plans left alone as long as somebody listens?"""
    engine = memory()
    plans = Plans(engine)

    def hear(*said: object) -> None:
        del said

    event.listen(engine.sync_engine, name, hear)
    assert not plans.usable
    event.remove(engine.sync_engine, name, hear)
    assert plans.usable


@pytest.mark.parametrize("many", [True, False])
async def test_a_database_that_is_away(many: bool, tmp_path: Any) -> None:
    """Is the error of a connection that cannot be made SQLAlchemy's?"""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/nowhere/a.db")
    plan = Plan("SELECT 1", (), [sa.Integer()], writes=False, many=many)
    with pytest.raises(OperationalError):
        await Plans(engine).fetch(plan, {})


async def test_connections_that_were_lost(plans: Plans, db: Database) -> None:
    """Is a lost connection told as such, and not given out again?"""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("only servers lose connections")
    plan = Plan("SELECT pg_terminate_backend(pg_backend_pid())", (), [sa.Boolean()], writes=False)
    with pytest.raises(DBAPIError) as raised:
        await plans.fetch(plan, {})
    assert raised.value.connection_invalidated
    assert await plans.fetch(planned(plans, BY_TITLE), {"title": "a"}) == []


def test_echo_is_off_by_default() -> None:
    """Does the plain app log no SQL, so that plans may run?"""
    assert not get_settings().debug

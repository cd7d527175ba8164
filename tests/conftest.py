"""Databases, apps and clients for all tests.

Servers are found by environment variables and skipped with a reason where none answers; with
`CI=true` a missing server fails. `TEST_BACKENDS` may name fewer of them: `sqlite postgresql`.
`HYPOTHESIS_PROFILE=few` looks at fewer examples. `TEST_LANES=session` does everything in sessions,
`TEST_LANES=rows` nothing by compiled plans: all tests hold either way.
Each run makes databases of its own name and drops them.
"""

import asyncio
import os
import shutil
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from hypothesis import settings
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from fastapi_crud import Database, add_exception_handlers
from fastapi_crud.database import STATE_KEY
from fastapi_crud.plans import Plans
from tests import deletable_models as deletable
from tests.browsing import chromium as chromium, page as page, screenshots as screenshots
from tests.models import Base
from tests.npm import packages as packages

POSTGRESQL_URL = os.environ.get(
    "TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
MYSQL_URL = os.environ.get("TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/test")

settings.register_profile("few", max_examples=15, deadline=None)
if "HYPOTHESIS_PROFILE" in os.environ:
    settings.load_profile(os.environ["HYPOTHESIS_PROFILE"])

SERVERS = {
    "postgresql": make_url(POSTGRESQL_URL).set(drivername="postgresql+asyncpg"),
    "psycopg": make_url(POSTGRESQL_URL).set(drivername="postgresql+psycopg"),
    "mariadb": make_url(MYSQL_URL).set(drivername="mysql+asyncmy"),
}
BACKENDS = os.environ.get("TEST_BACKENDS", " ".join(["sqlite", *SERVERS])).split()

LANES = os.environ.get("TEST_LANES", "")
PLAIN, USABLE = vars(Database)["plain"], vars(Plans)["usable"]

Client = httpx2.AsyncClient
Serve = Callable[..., Client]


def pytest_configure() -> None:
    """Let no coverage be measured in the threads of aiosqlite.

    Python 3.11 can stay in a loop for ever where a second thread that was traced has ended while
    it notices the end of the first, and only these end in numbers. What runs in them is tried
    without them as well.
    """
    measure = threading.gettrace()
    if measure is None:
        return

    def measure_others(frame: Any, event: Any, argument: Any) -> Any:
        target = getattr(threading.current_thread(), "_target", None)
        if getattr(target, "__module__", "") != "aiosqlite.core":
            return measure(frame, event, argument)
        sys.settrace(None)
        return None

    threading.settrace(measure_others)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run on each database; all others are the same on every one."""
    for item in items:
        if "backend" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session", autouse=True)
def lanes() -> Iterator[None]:
    """The ways that requests may go."""
    with pytest.MonkeyPatch.context() as patch:
        if LANES == "session":
            patch.setattr(Database, "plain", False)
        if LANES == "rows":
            patch.setattr(Plans, "usable", False)
        yield


@pytest.fixture
def every_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """All ways, whatever this run is about."""
    monkeypatch.setattr(Database, "plain", PLAIN)
    monkeypatch.setattr(Plans, "usable", USABLE)


@pytest.fixture(scope="session", params=BACKENDS)
async def backend(request: pytest.FixtureRequest, tmp_path_factory: Any) -> AsyncIterator[URL]:
    """The URL of an empty database of this run's own, on each backend in turn."""
    name: str = request.param
    if name == "sqlite":
        yield make_url(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('sqlite')}/test.db")
        return
    async with empty_database(SERVERS[name]) as url:
        yield url


@asynccontextmanager
async def empty_database(server: URL) -> AsyncGenerator[URL]:
    """A database of its own on a server, dropped at the end."""
    own = f"fastapi_crud_{token_hex(6)}"
    await execute_on_server(server, f"CREATE DATABASE {own}")
    if server.get_backend_name() == "postgresql":  # which need not survive a loss of power
        await execute_on_server(server, f"ALTER DATABASE {own} SET synchronous_commit = off")
    try:
        yield server.set(database=own)
    finally:
        await drop_database(server, own)


@pytest.fixture(scope="session")
async def database(backend: URL) -> AsyncIterator[Database]:
    """A database with the sample models' tables."""
    database = Database(backend, metadata=Base.metadata, pool_size=10)
    await database.create_all()
    yield database
    await database.engine.dispose()


@pytest.fixture
async def db(database: Database) -> Database:
    """The database, with all tables empty."""
    await empty_tables(database)
    return database


@pytest.fixture(scope="session")
async def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the sample models' tables; to copy it is faster than to make it."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    database = Database(f"sqlite:///{path}", metadata=Base.metadata)
    await database.create_all()
    await database.engine.dispose()
    return path


@pytest.fixture
async def sqlite(empty_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A SQLite database of this test alone, for what is the same on every backend."""
    path = shutil.copyfile(empty_file, tmp_path / "own.db")
    database = Database(f"sqlite:///{path}", metadata=Base.metadata)
    yield database
    await database.engine.dispose()


@asynccontextmanager
async def tables_of(database: Database, metadata: sa.MetaData) -> AsyncGenerator[Database]:
    """The same database with other tables: dropped at the end."""
    own = Database(engine=database.engine, metadata=metadata)
    await own.create_all()
    try:
        yield own
    finally:
        await own.drop_all()


@pytest.fixture(scope="module")
async def deletable_tables(database: Database) -> AsyncIterator[Database]:
    """Tables whose rows are deleted softly, on each backend."""
    async with tables_of(database, deletable.Base.metadata) as own:
        yield own


@pytest.fixture
async def store(deletable_tables: Database) -> Database:
    """The database, with those tables empty."""
    return await deletable.emptied(deletable_tables)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Make clients of apps: `serve(db, make_crud_router(Note))`."""
    clients: list[Client] = []

    def make(database: Database | None, *routers: APIRouter, app: FastAPI | None = None) -> Client:
        served = app or FastAPI()
        for router in routers:
            served.include_router(router)
        if app is None:
            add_exception_handlers(served)
        if database is not None:
            setattr(served.state, STATE_KEY, database)
        client = client_of(served)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


def client_of(app: FastAPI) -> Client:
    """A client that talks to an app in this process; errors of the app become 500."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return Client(transport=transport, base_url="http://test")


@dataclass
class Statements:
    """The statements that went to the driver."""

    texts: list[str] = field(default_factory=list[str])

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def verbs(self) -> list[str]:
        """The first word of each."""
        return [text.split()[0].upper() for text in self.texts]


@contextmanager
def counted(engine: AsyncEngine) -> Generator[Statements]:
    """Collect the statements that go to the driver within the block."""
    statements = Statements()

    def note(_: Any, __: Any, text: str, *___: Any) -> None:
        if text != "BEGIN IMMEDIATE":  # drivers begin transactions unseen
            statements.texts.append(text)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


async def execute_on_server(url: URL, statement: str) -> None:
    """Run a statement outside of any transaction; skip the test where no server answers."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text(statement))
    except (OSError, SQLAlchemyError) as error:
        reason = f"no {url.get_backend_name()} server at {url.host}:{url.port}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}: {error}")
        pytest.skip(reason)
    finally:
        await engine.dispose()


async def drop_database(server: URL, name: str) -> None:
    """Drop a database of this run; where the server is held up by something else, leave it.

    PostgreSQL refuses while a statement that was given up still runs there, unless it is forced.
    """
    forced = " WITH (FORCE)" if server.get_backend_name() == "postgresql" else ""
    with suppress(TimeoutError):
        async with asyncio.timeout(20):
            await execute_on_server(server, f"DROP DATABASE {name}{forced}")


TABLES = {table.name: table for table in reversed(Base.metadata.sorted_tables)}
FILLED = sa.union_all(
    *(
        sa.select(sa.literal(name)).where(sa.exists(sa.select(sa.literal(1)).select_from(table)))
        for name, table in TABLES.items()
    )
)


async def empty_tables(database: Database) -> None:
    """Delete all rows of all sample tables."""
    async with database.engine.begin() as connection:
        filled = {*(await connection.scalars(FILLED))}
        if not filled:
            return
        mysql = connection.dialect.name in {"mysql", "mariadb"}
        if mysql:
            await connection.execute(sa.text("SET FOREIGN_KEY_CHECKS = 0"))
        for name in (name for name in TABLES if name in filled):
            await connection.execute(TABLES[name].delete())
        if mysql:
            await connection.execute(sa.text("SET FOREIGN_KEY_CHECKS = 1"))


async def rows_of(database: Database, model: type[Any]) -> list[Any]:
    """All rows of a model, read past the library."""
    async with AsyncSession(database.engine) as session:
        return list((await session.scalars(sa.select(model))).unique())

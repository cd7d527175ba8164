"""The databases of a test session: empty, with all tables, and dropped at the end."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from fastapi_crud.database import Database
from fastapi_crud.engines import async_url
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.models import Base
from fastapi_crud.testing.connection import SinglePool, Transactions

VARIABLE = "TEST_DATABASE_URL"
"""The environment variable that names a server to make databases on; SQLite in memory unless set."""


@dataclass(eq=False)
class Store:
    """A database of the test session, which takes the place of one that the app names.

    Args:
        name: Its name; no other has it.
        server: Where it is made; None for memory.
    """

    name: str
    server: URL | None
    tables: set[sa.MetaData] = field(default_factory=set[sa.MetaData])
    _anchor: sqlite3.Connection | None = None

    def __post_init__(self) -> None:
        """Make the engine that all tests share, each with a connection of its own."""
        self.engine: AsyncEngine = self._database(poolclass=SinglePool).engine
        self.transactions: Transactions = Transactions(self.engine)

    @property
    def url(self) -> URL:
        """Where it is."""
        if self.server is not None:
            return async_url(self.server).set(database=self.name)
        query = {"mode": "memory", "cache": "shared", "uri": "true"}
        return URL.create("sqlite+aiosqlite", database=f"file:{self.name}", query=query)

    async def create(self) -> None:
        """Make it."""
        if self.server is None:  # it lasts as long as somebody has it open
            memory = f"file:{self.name}?mode=memory&cache=shared"
            self._anchor = sqlite3.connect(memory, uri=True, check_same_thread=False)
            return
        await self._tell(f"CREATE DATABASE {self.name}")

    async def create_tables(self, metadata: sa.MetaData) -> None:
        """Make tables in it, once."""
        if metadata in self.tables:
            return
        own = self._database(metadata, poolclass=NullPool)
        await own.create_all()
        await own.engine.dispose()
        self.tables.add(metadata)

    async def drop(self) -> None:
        """Drop it."""
        if self._anchor is not None:
            self._anchor.close()
            return
        forced = " WITH (FORCE)" if self.engine.dialect.name == "postgresql" else ""
        await self._tell(f"DROP DATABASE {self.name}{forced}")

    def _database(self, metadata: sa.MetaData | None = None, **options: Any) -> Database:  # noqa: ANN401 - of the engine
        return Database(self.url, metadata=metadata, **options)

    async def _tell(self, statement: str) -> None:
        assert self.server is not None  # noqa: S101 - the caller asked
        server = async_url(self.server)
        engine = create_async_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        async with engine.connect() as connection:
            await connection.execute(sa.text(statement))


@dataclass(eq=False)
class Stores:
    """Gives the databases of an app other engines, and theirs back at the end.

    Args:
        server: Where databases are made; None for memory.
    """

    server: URL | None = None
    _stores: dict[URL, Store] = field(default_factory=dict[URL, Store])
    _apps: WeakSet[object] = field(default_factory=WeakSet[object])
    _adopted: dict[Database, AsyncEngine] = field(default_factory=dict[Database, AsyncEngine])

    @classmethod
    def from_environment(cls) -> "Stores":
        """Give those that the environment asks for."""
        url = os.environ.get(VARIABLE)
        parsed = None if not url else make_url(url)
        in_memory = parsed is None or parsed.get_backend_name() == "sqlite"
        return cls(None if in_memory else parsed)

    async def adopt(self, app: object, databases: Iterable[Database]) -> None:
        """Let the databases of an app work in stores: those with the same URL in the same one.

        Args:
            app: The app. What is made once it was asked for is not its own.
            databases: All databases that there are.

        Raises:
            ConfigurationError: If nobody knows the tables of one.
        """
        if app in self._apps:
            return
        own = {*databases} - self._adopted.keys()
        stores = {database: await self._store(database) for database in own}
        for database, store in stores.items():  # all or none: no test works in a real database
            self._adopted[database] = database.engine
            _give(database, store.engine)
        self._apps.add(app)

    async def _store(self, database: Database) -> Store:
        tables = _tables_of(database)
        store = self._stores.get(database.engine.url)
        if store is None:
            store = Store(f"test_{token_hex(6)}", self.server)
            await store.create()
            self._stores[database.engine.url] = store
        await store.create_tables(tables)
        return store

    @asynccontextmanager
    async def test(self) -> AsyncGenerator[None]:
        """Undo at the end what is done within the block."""
        stores = [*self._stores.values()]
        for store in stores:
            store.transactions.open()
        try:
            yield
        finally:
            for store in stores:
                await store.transactions.close()

    def drop(self) -> None:
        """Drop all, and give the databases their own engines back."""
        for database, engine in self._adopted.items():
            _give(database, engine)
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            for store in self._stores.values():
                runner.run(store.drop())


def _give(database: Database, engine: AsyncEngine) -> None:
    database.engine = engine
    database.sessionmaker.configure(bind=engine)


def _tables_of(database: Database) -> sa.MetaData:
    metadata = database.metadata or Base.metadata
    if not metadata.tables:
        msg = "a Database knows no tables for its tests: say Database(metadata=Base.metadata)"
        raise ConfigurationError(msg)
    return metadata

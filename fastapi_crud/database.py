"""The database: engine, sessions, and the one place that commits."""

import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
)
from sqlalchemy.orm import Session, SessionTransaction

from fastapi_crud.columns import ModelInfo
from fastapi_crud.engines import make_engine
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.integrity import translated
from fastapi_crud.settings import Settings, get_settings
from fastapi_crud.slow_queries import warn_of_slow_queries

__all__ = ["AsyncSession", "Database", "after_commit", "commit", "transaction"]

logger: logging.Logger = logging.getLogger(__name__)

STATE_KEY = "fastapi_crud_database"
"""Name under which `Database.lifespan` leaves itself in the state of the app and of requests."""

AFTER_COMMIT = "fastapi_crud.after_commit"

Callback = Callable[[], Awaitable[None] | None]
StartupCheck = Callable[[Any, str], None]

startup_checks: list[StartupCheck] = []
"""Called with the app and the dialect of its database when that opens: layers above add what must
hold by then."""

databases: WeakSet["Database"] = WeakSet()
"""All that there are: tests give them other engines."""


class Database:
    """An engine with its sessions, opened and closed by the app's lifespan.

    Args:
        url: Where the data is; from the settings unless given. Plain `sqlite://`,
            `postgresql://`, `mysql://` and `mariadb://` get the async driver of our extras.
        metadata: The tables, for `create_all` and `drop_all`.
        create_all: Whether `lifespan` creates missing tables: for demos and tests. Real apps
            migrate with Alembic.
        settings: Read instead of `get_settings()`.
        engine: An engine of your own, in place of the URL.
        slow_query: Seconds after which a statement is logged as slow; unless given, 0.2 where
            statements are logged, as in debug, and never elsewhere.
        **engine_options: Passed to `create_async_engine`, such as `pool_size`. Unless said here,
            pools lend the connection that was used last (`pool_use_lifo`), and replace those to
            servers after half an hour (`pool_recycle`).

    Raises:
        ConfigurationError: If the driver is not installed.
    """

    def __init__(
        self,
        url: str | URL | None = None,
        *,
        metadata: sa.MetaData | None = None,
        create_all: bool = False,
        settings: Settings | None = None,
        engine: AsyncEngine | None = None,
        slow_query: float | None = None,
        **engine_options: Any,  # noqa: ANN401 - as create_async_engine takes them
    ) -> None:
        if create_all and metadata is None:
            msg = "create_all=True needs the tables: Database(metadata=Base.metadata)"
            raise ConfigurationError(msg)
        self.metadata = metadata
        self.engine: AsyncEngine = engine or make_engine(
            url, settings or get_settings(), engine_options
        )
        warn_of_slow_queries(self.engine, slow_query)
        self._own = async_sessionmaker(self.engine, expire_on_commit=False)
        self.sessionmaker: async_sessionmaker[AsyncSession] = self._own
        self._create_all = create_all
        databases.add(self)

    @property
    def plain(self) -> bool:
        """Whether its sessions are the library's own, and nobody listens to any session."""
        return self.sessionmaker is self._own and not any(_heard())

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncGenerator[dict[str, "Database"]]:  # noqa: ANN401
        """Serve an app: `FastAPI(lifespan=db.lifespan)`. Closes the pool at the end.

        Lifespans nest: `async with db.lifespan(app) as state, other(app): yield state`.
        """
        for check in startup_checks:
            check(app, self.engine.dialect.name)
        if self._create_all:
            await self.create_all()
        setattr(app.state, STATE_KEY, self)
        try:
            yield {STATE_KEY: self}
        finally:
            await self.engine.dispose()

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncSession]:
        """Open a session: commits if the block succeeds, rolls back if it raises.

        Raises:
            CrudError: If the commit fails, as the database's error means.
        """
        async with self.sessionmaker() as session, transaction(session):
            yield session

    async def create_all(self) -> None:
        """Create the tables that are missing."""
        async with self.engine.begin() as connection:
            await connection.run_sync(self._tables().create_all)

    async def drop_all(self) -> None:
        """Drop the tables, and all that is in them."""
        async with self.engine.begin() as connection:
            await connection.run_sync(self._tables().drop_all)

    async def ping(self) -> None:
        """Check that the database answers.

        Raises:
            DatabaseUnavailable: If it does not.
        """
        with translated():
            async with self.engine.connect() as connection:
                await connection.execute(sa.select(1))

    def _tables(self) -> sa.MetaData:
        if self.metadata is None:
            msg = "this Database knows no tables: Database(metadata=Base.metadata)"
            raise ConfigurationError(msg)
        return self.metadata


@cache
def _heard() -> list[Any]:
    """Give the listeners that every session has, by what they listen to; kept up to date."""
    dispatch: Any = Session().dispatch
    names: Sequence[str] = dispatch._event_names  # noqa: SLF001
    return [getattr(dispatch, name).parent_listeners for name in names]


@asynccontextmanager
async def transaction(session: AsyncSession, info: ModelInfo | None = None) -> AsyncGenerator[None]:
    """Commit what the block did; roll it back if the block or the commit fails.

    Args:
        session: Any `AsyncSession`.
        info: The model at work, to name the fields of a violation.

    Raises:
        CrudError: If the database refused, as its error means.
    """
    try:
        with translated(info):
            yield
        await commit(session, info)
    except BaseException:
        await rollback(session)
        raise


async def commit(session: AsyncSession, info: ModelInfo | None = None) -> None:
    """Commit, then run the callbacks of `after_commit`. The library commits nowhere else.

    Args:
        session: Any `AsyncSession`.
        info: The model at work, to name the fields of a violation.

    Raises:
        CrudError: If the database refused, as its error means.
    """
    with translated(info):
        await session.commit()
    callbacks = session.info.get(AFTER_COMMIT, [])
    while callbacks:
        _, callback = callbacks.pop(0)
        try:
            result = callback()
            if inspect.isawaitable(result):
                await result
        except Exception:
            logger.exception("after_commit callback %r failed", callback)
    if session.in_transaction():
        try:
            await session.commit()
        except Exception:
            logger.exception("what after_commit callbacks did could not be committed")
            await rollback(session)


async def rollback(session: AsyncSession) -> None:
    """Roll back, and forget the callbacks of `after_commit`."""
    session.info.get(AFTER_COMMIT, []).clear()
    try:
        await session.rollback()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        logger.warning("rolled back by the end of the connection: %s", error)


def after_commit(session: AsyncSession, callback: Callback) -> None:
    """Run a callback once the session has committed; not at all if it rolls back.

    Args:
        session: The session to wait for.
        callback: A function or coroutine function without arguments. If it fails, that is
            logged: the data is stored, and the answer stays what it is.
    """
    if AFTER_COMMIT not in session.info:
        session.info[AFTER_COMMIT] = []
        event.listen(session.sync_session, "after_soft_rollback", _forget_callbacks)
    inner = session.sync_session.get_nested_transaction() or session.sync_session.get_transaction()
    session.info[AFTER_COMMIT].append((inner, callback))


def _forget_callbacks(session: Session, transaction: SessionTransaction) -> None:
    """Forget what was asked for in a transaction, or in a savepoint within it, that is undone."""
    callbacks = session.info.get(AFTER_COMMIT, [])
    callbacks[:] = [each for each in callbacks if transaction not in _with_parents(each[0])]


def _with_parents(transaction: SessionTransaction | None) -> list[SessionTransaction]:
    chain: list[SessionTransaction] = []
    while transaction is not None:
        chain.append(transaction)
        transaction = transaction.parent
    return chain

"""Engines: the driver of a URL, and what a database is told when a connection opens."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.settings import Settings

DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "mysql": "mysql+asyncmy",
    "mariadb": "mariadb+asyncmy",
}
"""Scheme of a URL → the async driver that our extra brings."""

EXTRAS = {"aiosqlite": "", "asyncpg": "[postgresql]", "asyncmy": "[mysql]"}

MAX_AGE = 1800
"""Seconds after which a connection to a server is replaced, unless said otherwise."""

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",  # readers do not block the writer
    "PRAGMA synchronous=NORMAL",  # safe with WAL
    "PRAGMA foreign_keys=ON",  # off by default, for history's sake
    "PRAGMA busy_timeout=5000",  # milliseconds to wait for the writer before us
)


def make_engine(url: str | URL | None, settings: Settings, options: dict[str, Any]) -> AsyncEngine:
    """Make an engine that is set up for its database.

    Args:
        url: Where the database is; as the settings say unless given.
        settings: Say where the database is, and whether statements are echoed.
        options: As `create_async_engine` takes them.

    Raises:
        ConfigurationError: If its driver is not installed; the message names the extra.
    """
    full_url = async_url(url or settings.database_url)
    options.setdefault("echo", settings.debug)
    try:
        engine = create_async_engine(full_url, **_pool_options(full_url, options) | options)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(error.name or "")
        fix = (
            "install its driver" if extra is None else f"pip install 'fastapi-crud-factory{extra}'"
        )
        msg = f"no driver for {full_url.drivername}://: {fix}"
        raise ConfigurationError(msg) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "savepoint", _begin_sqlite)
    return engine


def _pool_options(url: URL, options: Mapping[str, Any]) -> dict[str, Any]:
    """Tell a pool to lend the connection that was used last: few are used, and the server knows them.

    Those that are seldom used then may be cut off meanwhile, so none becomes old; a file stays.
    """
    dialect: Any = url.get_dialect()
    kind = options.get("poolclass") or dialect.get_pool_class(url)
    if "pool" in options or not issubclass(kind, QueuePool):
        return {}
    aging = {} if dialect.name == "sqlite" else {"pool_recycle": MAX_AGE}
    return {"pool_use_lifo": True, **aging}


def async_url(url: str | URL) -> URL:
    """Give a plain URL the async driver of our extras; leave a URL that names a driver."""
    parsed = make_url(url)
    return parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))


def _begin_sqlite(connection: sa.Connection, name: str) -> None:
    """Begin a transaction before a savepoint: without one, releasing the savepoint would commit."""
    del name
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(connection: Any, record: object) -> None:  # noqa: ANN401 - a DBAPI connection
    del record
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        try:
            cursor.execute(pragma)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_READONLY":
                raise
    cursor.close()

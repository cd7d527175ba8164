"""Sessions as FastAPI dependencies: one session per request, whoever asks for it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from fastapi_crud.database import STATE_KEY, AsyncSession, Database, rollback, transaction
from fastapi_crud.exceptions import ConfigurationError

SESSIONS_KEY = "fastapi_crud.sessions"
"""Where the sessions of a request are kept, in its ASGI scope."""


async def get_db(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """Give the session of this request, whose connection FastAPI passes in.

    All dependencies and endpoints of one request share it. It commits when the dependency ends:
    with `DbSession` before the answer is sent, so that a failed commit is an error the client
    sees; with a plain `Depends(get_db)` after it was sent, as FastAPI does. The endpoints of
    `make_crud_router` commit by themselves either way. Override it in tests:
    `app.dependency_overrides[get_db] = ...`.

    Raises:
        ConfigurationError: If no database was opened; the message names the fix.
    """
    async with opened(connection, database_of(connection)) as session:
        yield session


DbSession = Annotated[AsyncSession, Depends(get_db, scope="function")]
"""The session of this request, for endpoints of your own: commits before the answer is sent."""


def session_dependency(database: Database | None) -> Callable[..., Any]:
    """Give the dependency of a router: `get_db`, or one for a database of the router's own."""
    if database is None:
        return get_db

    async def get_own_db(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
        async with opened(connection, database) as session:
            yield session

    return get_own_db


async def abandon_sessions(connection: HTTPConnection) -> None:
    """Roll back what this request has not committed: it has failed."""
    for session in connection.scope.get(SESSIONS_KEY, {}).values():
        await rollback(session)


def is_open(connection: HTTPConnection, database: Database) -> bool:
    """Tell whether this request has a session on a database already."""
    return database in connection.scope.get(SESSIONS_KEY, ())


@asynccontextmanager
async def opened(connection: HTTPConnection, database: Database) -> AsyncGenerator[AsyncSession]:
    """Open the session of a request, or give the one that it has; commits at the end.

    Args:
        connection: The request.
        database: The database.
    """
    sessions: dict[Database, AsyncSession] = connection.scope.setdefault(SESSIONS_KEY, {})
    if (shared := sessions.get(database)) is not None:
        async with transaction(shared):
            yield shared
        return
    async with database.session() as session:
        sessions[database] = session
        try:
            yield session
        finally:
            sessions.pop(database, None)


def database_of(connection: HTTPConnection) -> Database:
    """Find the database of an app.

    Raises:
        ConfigurationError: If none was opened; the message names the fix.
    """
    state: dict[str, Any] = connection.scope.get("state", {})
    database: Database | None = state.get(STATE_KEY)
    if database is None:
        database = getattr(connection.scope["app"].state, STATE_KEY, None)
    if database is not None:
        return database
    msg = (
        "no database: open one with FastAPI(lifespan=db.lifespan), "
        "give the router its own with make_crud_router(..., database=db), "
        "or override get_db in app.dependency_overrides"
    )
    raise ConfigurationError(msg)

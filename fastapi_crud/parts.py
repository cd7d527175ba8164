"""The rows of a statement as the driver gives them, part by part.

SQLAlchemy's own rows are left out: what it would do to each value is told by column instead, which
suits those who write whole columns. This room knows inner parts of its results.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from fastapi_crud.plan import Processor, Row

Part = tuple[Sequence[Row], Sequence[Processor | None]]
"""Rows, and what makes values of what is in their columns."""
FIRST = 50
"""How many rows SQLAlchemy has from asyncpg once a statement has run."""


async def parts_of(
    connection: AsyncConnection, statement: sa.Executable, size: int
) -> AsyncGenerator[Part]:
    """Run a statement and give its rows; the next part is on its way while one is looked at.

    Args:
        connection: The connection. Nothing else may use it before the end.
        statement: The statement.
        size: How many rows a part has at most.

    Raises:
        DBAPIError: If the database refuses, as SQLAlchemy raises it.
    """
    result: Any = await connection.run_sync(_opened, statement)
    processors: Sequence[Processor | None] = result._metadata._processors  # noqa: SLF001
    direct = connection.dialect.driver == "asyncpg"
    fetch = _fetch_asyncpg if direct else _fetch
    coming = asyncio.ensure_future(_fetch(connection, result, FIRST if direct else size))
    try:
        while rows := await coming:
            coming = asyncio.ensure_future(fetch(connection, result, size))
            await asyncio.sleep(0)
            yield rows, processors
    finally:
        await asyncio.gather(coming, return_exceptions=True)
        await connection.run_sync(_closed, result)


async def _fetch(connection: AsyncConnection, result: Any, size: int) -> Sequence[Row]:  # noqa: ANN401
    return await connection.run_sync(_fetched, result, size)


async def _fetch_asyncpg(connection: AsyncConnection, result: Any, size: int) -> Sequence[Row]:  # noqa: ANN401
    """Ask once, where SQLAlchemy asks for fifty rows first, and then for the others."""
    cursor = result.cursor
    if cursor is None:
        return ()
    try:
        rows: Sequence[Row] = await cursor._cursor.fetch(size)  # noqa: SLF001
    except BaseException as error:  # noqa: BLE001 - it is raised again
        return await connection.run_sync(_failed, result, error)
    return rows


def _opened(connection: sa.Connection, statement: sa.Executable) -> Any:  # noqa: ANN401
    return connection.execute(statement, execution_options={"stream_results": True})


def _fetched(_: sa.Connection, result: Any, size: int) -> Sequence[Row]:  # noqa: ANN401
    rows: Sequence[Row] = result.cursor_strategy.fetchmany(result, result.cursor, size)
    return rows


def _failed(_: sa.Connection, result: Any, error: BaseException) -> NoReturn:  # noqa: ANN401
    """Let SQLAlchemy do what it does after errors; it raises what they are to it."""
    try:
        if isinstance(error, Exception):
            result.cursor._adapt_connection._handle_exception(error)  # noqa: SLF001
        raise error  # noqa: TRY301 - SQLAlchemy looks at what is being handled
    except BaseException as cause:  # noqa: BLE001 - it is raised again
        handle: Callable[..., NoReturn] = result.cursor_strategy.handle_exception
        handle(result, result.cursor, cause)


def _closed(_: sa.Connection, result: Any) -> None:  # noqa: ANN401
    result.close()

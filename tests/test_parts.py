"""Rows by parts: all of them, once, as the driver gives them; and what is left when it ends early."""

import asyncio
from contextlib import aclosing
from decimal import Decimal
from secrets import randbits
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from fastapi_crud import Database, Repository
from fastapi_crud.parts import FIRST, parts_of
from fastapi_crud.rows import Rows
from tests import models

SIZE = 2 * FIRST


async def filled(db: Database, count: int) -> None:
    async with db.session() as session:
        data = ({"title": f"t{i:04}", "done": bool(i % 2)} for i in range(count))
        await Repository[models.Note](session).create_multi(data)


def notes() -> sa.Executable:
    columns = models.Note.__table__.c
    return sa.select(columns.title, columns.done).order_by(columns.title)


@pytest.mark.parametrize("count", [0, 1, FIRST - 1, FIRST, FIRST + 1, SIZE, 3 * SIZE + FIRST, 401])
async def test_all_rows_come_once(db: Database, count: int) -> None:
    """Is each row there, in order, in parts that are never empty, wherever they end?"""
    await filled(db, count)
    async with db.engine.connect() as connection:
        parts = [part async for part in parts_of(connection, notes(), SIZE)]
    assert all(0 < len(rows) <= SIZE for rows, _ in parts)
    assert len(parts) <= count / SIZE + 2
    found = [
        (each.title, each.done)
        for rows, processors in parts
        for each in Rows(("title", "done"), rows, frozenset(), processors)
    ]
    assert found == [(f"t{i:04}", bool(i % 2)) for i in range(count)]


async def test_values_are_made_by_column(db: Database) -> None:
    """Is what SQLAlchemy would make of each value told, by column, where there is anything?"""
    async with db.session() as session:
        data = {"price": Decimal("1.50"), "color": models.Color.RED}
        await Repository[models.Everything](session).create(data)
    columns = models.Everything.__table__.c
    async with db.engine.connect() as connection:
        chosen = sa.select(columns.price, columns.color, columns.text)
        ((rows, processors),) = [part async for part in parts_of(connection, chosen, SIZE)]
    (row,) = Rows(("price", "color", "text"), rows, frozenset(), processors)
    assert (str(row.price), row.color, row.text) == ("1.50", models.Color.RED, None)


async def test_nobody_need_read_to_the_end(db: Database) -> None:
    """Is the connection free for other statements, though a part was on its way?"""
    await filled(db, 5 * SIZE)
    async with db.engine.connect() as connection:
        async with aclosing(parts_of(connection, notes(), SIZE)) as parts:
            rows, _ = await anext(parts)
            assert 0 < len(rows) <= SIZE
        assert await connection.scalar(sa.text("SELECT 1")) == 1


@pytest.fixture
def postgresql(db: Database) -> Database:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL computes row by row, and has locks to wait for")
    return db


@pytest.mark.parametrize("fails_at", [FIRST + 2, 3 * SIZE])
async def test_an_error_is_raised_where_it_comes(postgresql: Database, fails_at: int) -> None:
    """Is it SQLAlchemy's, after the rows before it, and the connection of use afterwards?"""
    text = f"SELECT 1 / ({fails_at} - n) FROM generate_series(1, 10000) AS numbers (n)"
    seen: list[int] = []

    async def read(connection: AsyncConnection) -> None:
        async for rows, _ in parts_of(connection, textual(text), SIZE):
            seen.append(len(rows))

    async with postgresql.engine.connect() as connection:
        with pytest.raises(DBAPIError, match="division by zero"):
            await read(connection)
        await connection.rollback()
        assert await connection.scalar(sa.text("SELECT 1")) == 1
    assert fails_at - SIZE <= sum(seen) < fails_at


async def test_the_next_part_is_on_its_way(postgresql: Database) -> None:
    """Is it asked for while one is looked at, and not only afterwards?"""
    lock = randbits(31)
    async with (
        postgresql.engine.connect() as other,
        postgresql.engine.connect() as connection,
        asyncio.timeout(10),
    ):
        await other.execute(sa.text(f"SELECT pg_advisory_xact_lock({lock})"))
        async with aclosing(parts_of(connection, held_by(lock), SIZE)) as parts:
            rows, _ = await anext(parts)
            await somebody_waits_for(lock, other)
            await other.rollback()
            assert len(rows) + sum([len(more) async for more, _ in parts]) == 1000


async def test_who_waits_for_a_part_can_be_cancelled(postgresql: Database) -> None:
    """Does it end at once, and leave no connection behind that nobody can use?"""
    lock = randbits(31)

    async def read() -> None:
        async with postgresql.engine.connect() as connection:
            async for _ in parts_of(connection, held_by(lock), SIZE):
                pass

    async with postgresql.engine.connect() as other:
        await other.execute(sa.text(f"SELECT pg_advisory_xact_lock({lock})"))
        reading = asyncio.create_task(read())
        await somebody_waits_for(lock, other)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(reading, 10)
    pool: Any = postgresql.engine.pool
    assert pool.checkedout() == 0
    async with postgresql.engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT 1")) == 1


def held_by(lock: int) -> sa.Executable:
    """A thousand rows, of which all but the first wait for a lock."""
    return textual(
        f"""SELECT CASE WHEN n > {SIZE} THEN pg_advisory_xact_lock_shared({lock})::text END
        FROM generate_series(1, 1000) AS numbers (n)"""
    )


async def somebody_waits_for(lock: int, connection: AsyncConnection) -> None:
    """Look until a statement waits for a lock."""
    waits = sa.text(f"SELECT count(*) FROM pg_locks WHERE NOT granted AND objid = {lock}")
    while not await connection.scalar(waits):  # noqa: ASYNC110 - the server makes it so
        await asyncio.sleep(0)


def textual(text: str) -> sa.Executable:
    """A statement that only this database knows."""
    return sa.text(text).columns(sa.column("it", sa.String))

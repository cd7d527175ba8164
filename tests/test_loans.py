"""Connections that are lent for one statement: from the pool, and back to it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from fastapi_crud import Database
from fastapi_crud.loans import Loan, give_back, lent, lent_at_once
from fastapi_crud.plans import RUNNERS


@pytest.fixture
async def engine(db: Database) -> AsyncIterator[AsyncEngine]:
    """An engine that keeps one connection, and may open two more."""
    if db.engine.dialect.driver not in RUNNERS:
        pytest.skip("this driver lends nothing at once")
    engine = create_async_engine(db.engine.url, pool_size=1, max_overflow=2)
    yield engine
    await engine.dispose()


async def test_a_free_connection_is_lent_at_once(engine: AsyncEngine) -> None:
    """Does a connection go back where it came from, and is it the same the next time?"""
    pool: Any = engine.pool
    assert lent_at_once(pool) is None, "there is none yet"
    first = await lent(pool)
    assert not isinstance(first, Loan), "it is SQLAlchemy's own"
    connection = first.driver_connection
    assert lent_at_once(pool) is None, "it is not free"
    await give_back(first)
    again = lent_at_once(pool)
    assert again is not None
    assert again.driver_connection is connection
    assert (pool.checkedin(), pool.checkedout()) == (0, 1)
    await give_back(again)
    assert (pool.checkedin(), pool.checkedout()) == (1, 0)


async def test_connections_beyond_the_size_of_the_pool(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """Are they closed when they come back, without a complaint?"""
    pool: Any = engine.pool
    with caplog.at_level(logging.WARNING):
        loans = await asyncio.gather(*(lent(pool) for _ in range(3)))
        for loan in loans:
            await give_back(loan)
        loans = [lent_at_once(pool), await lent(pool)]
        for loan in reversed(loans):
            await give_back(loan)
    assert (pool.checkedin(), pool.checkedout()) == (1, 0)
    assert not caplog.records


async def test_what_is_given_up_is_replaced(engine: AsyncEngine) -> None:
    """Does the place of a broken connection stay, and the next borrower get a new one?"""
    pool: Any = engine.pool
    await give_back(await lent(pool))
    loan = lent_at_once(pool)
    assert loan is not None
    await greenlet_spawn(loan.invalidate)
    assert (pool.checkedin(), pool.checkedout()) == (1, 0)
    assert lent_at_once(pool) is None, "a new one has to be opened"
    fresh = await lent(pool)
    assert fresh.driver_connection is not loan.driver_connection
    await give_back(fresh)
    await give_back(lent_at_once(pool))
    assert (pool.checkedin(), pool.checkedout()) == (1, 0)


async def test_an_old_connection_is_replaced(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is a connection lent at once while it is young, and replaced later?"""
    aging = create_async_engine(engine.url, pool_recycle=100)
    pool: Any = aging.pool
    await give_back(await lent(pool))
    loan = lent_at_once(pool)
    assert loan is not None
    await give_back(loan)
    later = time.time() + 101
    monkeypatch.setattr(time, "time", lambda: later)
    assert lent_at_once(pool) is None, "a new one has to be opened"
    fresh = await lent(pool)
    assert fresh.driver_connection is not loan.driver_connection
    await give_back(fresh)
    await aging.dispose()


@pytest.mark.parametrize("name", ["checkout", "checkin", "reset"])
async def test_listeners_of_a_pool_hear_of_every_loan(engine: AsyncEngine, name: str) -> None:
    """Is a connection lent in SQLAlchemy's way where somebody listens?"""
    pool: Any = engine.pool
    await give_back(await lent(pool))
    heard: list[object] = []

    def hear(*said: object) -> None:
        heard.append(said)

    event.listen(engine.sync_engine, name, hear)
    assert lent_at_once(pool) is None
    await give_back(await lent(pool))
    assert len(heard) == 1

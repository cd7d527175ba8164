"""Hops: what waits for the thread of a connection goes there together, each for itself."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fastapi_crud import hops
from fastapi_crud.hops import MOST, Errand, Hops, Work, ways_of, work_off
from fastapi_crud.loans import give_back, lent, lent_at_once

STORE = "INSERT INTO a VALUES (?) RETURNING b"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An engine on a file with a table of numbers, all different."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db", isolation_level=None)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE a (b INTEGER UNIQUE)")
    yield engine
    await engine.dispose()


@pytest.fixture
def hopped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to threads."""
    seen: list[str] = []
    execute = vars(aiosqlite.Connection)["_execute"]

    def note(connection: Any, work: Any, *arguments: Any, **named: Any) -> Any:
        seen.append(getattr(work, "__name__", ""))
        return execute(connection, work, *arguments, **named)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", note)
    return seen


def storing(number: Any, connection: Any) -> Sequence[Any]:
    """Store a number, in the thread of a connection."""
    rows: Sequence[Any] = connection.execute(STORE, [number]).fetchall()
    connection.commit()
    return rows


async def test_what_a_thread_takes() -> None:
    """Does it run what waits, in its order, but what was given up; and is it done at some time?"""

    def fail(_: Any) -> Any:
        raise ValueError

    future = asyncio.get_running_loop().create_future

    def find(_: Any) -> Any:
        return [(1,)]

    works: list[Work] = [find, fail, fail, *[find] * MOST]
    errands = deque(Errand("", work, future()) for work in works)
    given_up = errands[1]
    given_up.outcome.cancel()
    taken: list[Errand] = []
    work_off(None, errands, taken)
    assert (len(taken), len(errands)) == (MOST - 1, len(works) - MOST)
    assert given_up not in taken
    assert taken[0].rows == [(1,)]
    assert [type(each.error) for each in taken[:3]] == [type(None), ValueError, type(None)]
    work_off(None, errands, taken)
    assert (len(taken), len(errands)) == (len(works) - 1, 0)


class Stuck:
    """A statement that does not end until it may."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, connection: Any) -> Sequence[Any]:
        del connection
        self.begun.set()
        assert self.may_end.wait(30)
        return ["stuck"]


async def numbers(engine: AsyncEngine) -> list[int]:
    """Read what is stored."""
    async with engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT b FROM a ORDER BY b")
        return [*rows.scalars()]


async def driver_of(engine: AsyncEngine) -> Any:
    """Tell which connection is lent next."""
    loan = await lent(engine.pool)
    driver = loan.driver_connection
    await give_back(loan)
    return driver


def run(engine: AsyncEngine, ways: Hops, work: Any) -> Any:
    """Run something by the next hop."""
    return ways.run(engine.sync_engine, STORE, work)


async def test_what_comes_together_goes_together(engine: AsyncEngine, hopped: list[str]) -> None:
    """Does each get its own rows, in a hop for many of them?"""
    ways, many = ways_of(engine.sync_engine).writes, 2 * MOST + 3
    hopped.clear()
    stored = await asyncio.gather(*(run(engine, ways, partial(storing, i)) for i in range(many)))
    assert stored == [[(i,)] for i in range(many)]
    assert await numbers(engine) == [*range(many)]
    assert hopped.count("work_off") == 3


async def test_one_that_fails_fails_alone(engine: AsyncEngine) -> None:
    """Are the others stored, and the connection as good as before?"""
    ways = ways_of(engine.sync_engine).writes
    works = [partial(storing, i) for i in (1, 2, 2, 3)]
    given = await asyncio.gather(*(run(engine, ways, it) for it in works), return_exceptions=True)
    assert [it for it in given if not isinstance(it, Exception)] == [[(1,)], [(2,)], [(3,)]]
    assert isinstance(given[2], IntegrityError)
    assert given[2].statement == STORE
    assert await numbers(engine) == [1, 2, 3]
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_an_error_that_is_not_the_database_s(engine: AsyncEngine) -> None:
    """Does it pass, and is its connection given up?"""
    ways = ways_of(engine.sync_engine).writes

    def fail(connection: Any) -> Sequence[Any]:
        del connection
        raise ZeroDivisionError

    before = await driver_of(engine)
    with pytest.raises(ZeroDivisionError):
        await run(engine, ways, fail)
    assert await run(engine, ways, partial(storing, 1)) == [(1,)]
    assert await driver_of(engine) is not before


async def test_who_gives_up_before_the_hop_stores_nothing(engine: AsyncEngine) -> None:
    """Is what nobody waits for left out, and what is under way done?"""
    ways, stuck = ways_of(engine.sync_engine).writes, Stuck()
    first = asyncio.create_task(run(engine, ways, stuck))
    await asyncio.to_thread(stuck.begun.wait)
    others = [asyncio.create_task(run(engine, ways, partial(storing, i))) for i in range(3)]
    await asyncio.sleep(0)
    for task in (first, others[1]):
        task.cancel()
    stuck.may_end.set()
    given = await asyncio.gather(first, *others, return_exceptions=True)
    assert [type(it) for it in given] == [
        asyncio.CancelledError,
        list,
        asyncio.CancelledError,
        list,
    ]
    assert await numbers(engine) == [0, 2]


async def test_nobody_waits_long_behind_another(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Do those that have waited too long go on ways of their own?"""
    monkeypatch.setattr(hops, "PATIENCE", 0.01)
    ways, stuck = ways_of(engine.sync_engine).writes, Stuck()
    first = asyncio.create_task(run(engine, ways, stuck))
    for round_ in range(2):  # those that come later as well
        works = [partial(storing, 2 * round_ + i) for i in range(2)]
        await asyncio.gather(*(run(engine, ways, it) for it in works))
    assert not first.done()
    stuck.may_end.set()
    assert await first == ["stuck"]
    assert await numbers(engine) == [0, 1, 2, 3]


async def test_where_there_is_no_way(tmp_path: Path) -> None:
    """Is everybody told, whoever asked for the connection?"""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/nowhere/a.db")
    ways = ways_of(engine.sync_engine).reads
    works = [run(engine, ways, partial(storing, i)) for i in range(3)]
    given = await asyncio.gather(*works, return_exceptions=True)
    assert [type(it) for it in given] == [OperationalError] * 3
    assert all(isinstance(it, DBAPIError) and it.statement is None for it in given)


async def test_a_connection_that_was_closed(engine: AsyncEngine) -> None:
    """Is everybody told, and the next one given another?"""
    ways, loan = ways_of(engine.sync_engine).reads, lent_at_once(engine.pool)
    assert loan is not None
    await loan.driver_connection.close()
    await give_back(loan)
    works = [run(engine, ways, partial(storing, i)) for i in range(2)]
    given = await asyncio.gather(*works, return_exceptions=True)
    assert [type(it) for it in given] == [OperationalError] * 2
    assert await run(engine, ways, partial(storing, 2)) == [(2,)]
    assert await numbers(engine) == [2]


@pytest.mark.parametrize("begun", [True, False])
async def test_loops_that_end(engine: AsyncEngine, begun: bool) -> None:
    """Does nobody wait for ever, and is the connection given up?"""
    ways, stuck = ways_of(engine.sync_engine).writes, Stuck()
    tasks = [asyncio.create_task(run(engine, ways, work)) for work in (stuck, partial(storing, 1))]
    await asyncio.sleep(0)
    if begun:
        await asyncio.to_thread(stuck.begun.wait)
    going = next(it for it in asyncio.all_tasks() if it.get_name() == hops.NAME)
    going.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await going
    stuck.may_end.set()
    assert all(isinstance(it, asyncio.CancelledError) for it in await outcomes(tasks))
    assert await run(engine, ways, partial(storing, 2)) == [(2,)]
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_a_loop_that_ends_before_there_is_a_connection(engine: AsyncEngine) -> None:
    """Does nobody wait for ever, and is no connection lost?"""
    small = create_async_engine(engine.url, pool_size=1, max_overflow=0)
    ways, loan = ways_of(small.sync_engine).writes, await lent(small.pool)
    task = asyncio.create_task(run(small, ways, partial(storing, 1)))
    for _ in range(5):
        await asyncio.sleep(0)
    next(it for it in asyncio.all_tasks() if it.get_name() == hops.NAME).cancel()
    assert [type(it) for it in await outcomes([task])] == [asyncio.CancelledError]
    await give_back(loan)
    assert await run(small, ways, partial(storing, 2)) == [(2,)]
    await small.dispose()


async def outcomes(tasks: Sequence[Any]) -> list[Any]:
    """Wait for all."""
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_loop_has_ways_of_its_own(engine: AsyncEngine) -> None:
    """Does nobody wait in one event loop for what goes on in another?"""
    ways = ways_of(engine.sync_engine)
    assert ways_of(engine.sync_engine) is ways

    async def other() -> Any:
        found = ways_of(engine.sync_engine)
        return found, await run(engine, found.writes, partial(storing, 1))

    others, stored = await asyncio.to_thread(lambda: asyncio.run(other()))
    assert others.loop is not ways.loop
    assert stored == [(1,)]
    assert await run(engine, ways_of(engine.sync_engine).writes, partial(storing, 2)) == [(2,)]

"""Jobs in real workers, relays and servers, which are killed at each step: none is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.engine import URL

from fastapi_crud import Database
from fastapi_crud.tasks import Relay, task
from fastapi_crud.tasks.outbox import claim
from tests.conftest import SERVERS, empty_database
from tests.tasks import shop as goods
from tests.tasks.fleet import (
    RABBITMQ_URL,
    REDIS_URL,
    Shop,
    bindings_kept,
    need_broker,
    open_shop,
)

pytestmark = pytest.mark.slow

BROKERS = {"redis": REDIS_URL, "rabbitmq": RABBITMQ_URL}
FLEETS = [
    ("prefork", "redis", "postgresql"),
    ("threads", "redis", "postgresql"),
    ("solo", "redis", "sqlite"),
    ("prefork", "rabbitmq", "postgresql"),
]
"""Pool, broker and database of workers. On RabbitMQ other pools work as well, but Celery may look
for messages every ten seconds only if its heartbeat is off."""


INTERRUPTING = [each for each in FLEETS if each[0] == "prefork"]
"""Those whose tasks Celery interrupts, when a soft limit is over."""
BACKENDS = pytest.mark.parametrize("backend", ["postgresql", "sqlite", "mariadb"])

calls: Counter[int] = Counter()


@task("failures.counted")
async def counted(number: int) -> None:
    calls[number] += 1


@pytest.fixture(scope="module", autouse=True)
def kept() -> Iterator[None]:
    """Tasks know nothing of these Celery apps afterwards."""
    with bindings_kept():
        yield


@pytest.fixture(scope="module")
async def postgresql() -> AsyncIterator[URL]:
    """A PostgreSQL database of these tests alone."""
    async with empty_database(SERVERS["postgresql"]) as url:
        yield url


@pytest.fixture(scope="module", params=FLEETS, ids="-".join)
async def fleet(request: pytest.FixtureRequest, tmp_path_factory: Any) -> AsyncIterator[Shop]:
    """A shop with a worker that runs, of each pool, on each broker and database."""
    pool, broker, backend = request.param
    need_broker(BROKERS[broker])
    folder = tmp_path_factory.mktemp(pool)
    async with AsyncExitStack() as stack:
        url: URL | str = f"sqlite:///{folder}/shop.db"
        if backend != "sqlite":
            url = await stack.enter_async_context(empty_database(SERVERS[backend]))
        shop = await stack.enter_async_context(open_shop(url, BROKERS[broker], folder))
        await stack.enter_async_context(shop.worker(pool))
        yield shop


def once(count: int, *, start: int = 0) -> list[tuple[int, int]]:
    """The effects of jobs that each ran once, in their first attempt."""
    return [(number, 1) for number in range(start, start + count)]


async def test_jobs_run_in_workers(fleet: Shop) -> None:
    """Do fifty async jobs run in a worker of each pool, all right, and plain ones too?"""
    relay = fleet.relay()
    async with relay.lifespan():
        await fleet.order(goods.note, *range(50))
        await fleet.order(goods.tally, *range(10))
        await fleet.settled()
    assert await fleet.effects("noted") == once(50)
    assert await fleet.effects("tallied") == once(10)


async def test_messages_that_come_twice(fleet: Shop) -> None:
    """Does a job run once, if its message arrives three times?"""
    keys = await fleet.order(goods.note, *range(100, 110))
    relay = fleet.relay()
    async with fleet.database.session() as session:
        jobs = await claim(session, 10, relay.lease, state="sent")
    assert {job.id for job in jobs} == {*keys}
    for _ in range(3):
        await fleet.dispatcher.dispatch(jobs)
    await fleet.order(goods.note, 110)
    async with relay.lifespan():
        await fleet.settled()
    assert [each for each in await fleet.effects("noted") if each[0] >= 100] == once(11, start=100)


async def test_limits_hold_in_workers(fleet: Shop) -> None:
    """Is a job that takes too long rolled back, and tried again, on each pool?"""
    async with fleet.relay().lifespan():
        await fleet.order(goods.slow, 1)
        await fleet.settled()
    assert await fleet.effects("slow") == [(1, 2)]


async def test_plain_celery_calls(fleet: Shop) -> None:
    """Do calls by `delay` run without an outbox, and are they tried again after an error?"""
    goods.flaky.bind(fleet.send(goods.flaky))
    await asyncio.to_thread(goods.flaky.delay, 1)
    await fleet.done("flaky", 1)
    assert await fleet.effects("flaky") == [(1, 2)]


@pytest.mark.parametrize("fleet", INTERRUPTING, ids="-".join, indirect=True)
async def test_soft_limits_reach_coroutines(fleet: Shop) -> None:
    """Does Celery's soft limit cancel the coroutine that a plain task waits for?"""
    await asyncio.to_thread(fleet.celery.send_task, "shop.patient", args=[1])
    await fleet.done("SoftTimeLimitExceede", 1)
    assert await fleet.effects("cancelled") == [(1, 1)]


@pytest.fixture
async def shop(postgresql: URL, tmp_path: Any) -> AsyncIterator[Shop]:
    """A shop without a worker, whose leases are short."""
    need_broker(REDIS_URL)
    async with open_shop(postgresql, REDIS_URL, tmp_path, lease=2) as opened:
        yield opened


async def test_workers_that_die(shop: Shop) -> None:
    """Does another worker do the job again, of one that was killed in the middle of it?"""
    async with shop.relay().lifespan():
        await shop.order(goods.stuck, 1)
        async with shop.worker() as first:
            await shop.done("begun", 1)
            first.kill()
        async with shop.worker():
            await shop.settled()
    assert await shop.effects("begun") == [(1, 1), (1, 2)]
    assert await shop.effects("ended") == [(1, 2)]


async def test_workers_that_are_stopped(shop: Shop) -> None:
    """Does a worker that is told to stop end its job before?"""
    async with shop.relay().lifespan(), shop.worker("prefork") as worker:
        await shop.order(goods.gated, 1)
        await shop.done("begun", 1)
        worker.running.terminate()
        await shop.open_gate()
        await shop.settled()
        assert await worker.ended() == 0
    assert await shop.effects("passed") == [(1, 1)]


async def test_relays_that_die_before_they_send(shop: Shop) -> None:
    """Are jobs sent by another relay, after the lease of one that was killed before it sent them?"""
    await shop.order(goods.note, 1, 2, 3)
    async with shop.program("tests.tasks.shop", "claimed") as relay:
        await relay.says("claimed")
        relay.kill()
    other = Relay(shop.database)
    assert await other.drain() == 0  # as long as the lease lasts
    async with other.lifespan():
        await shop.settled()
    assert await shop.effects("noted") == once(3, start=1)


async def test_relays_that_die_at_work(shop: Shop) -> None:
    """Does another relay do the job again, of one that was killed in the middle of it?"""
    await shop.order(goods.stuck, 1)
    command = ("fastapi_crud.tasks", "tests.tasks.shop:inline")
    async with shop.program(*command) as first:
        await shop.done("begun", 1)
        first.kill()
    async with shop.program(*command):
        await shop.settled()
    assert await shop.effects("ended") == [(1, 2)]


@pytest.mark.parametrize(("where", "effects"), [("stored", []), ("committed", [(1, 1)])])
async def test_servers_that_die(shop: Shop, where: str, effects: list[tuple[int, int]]) -> None:
    """Does a job run if its server is killed after the commit, and never if before?"""
    async with shop.program("tests.tasks.shop", where) as server:
        await server.says(where)
        server.kill()
    await Relay(shop.database).drain()
    assert await shop.effects("noted") == effects
    assert (await Relay(shop.database).health()).depth == 0


@asynccontextmanager
async def tables_on(backend: str, folder: Any) -> AsyncGenerator[Shop]:
    async with AsyncExitStack() as stack:
        url: URL | str = f"sqlite:///{folder}/shop.db"
        if backend != "sqlite":
            url = await stack.enter_async_context(empty_database(SERVERS[backend]))
        yield await stack.enter_async_context(open_shop(url, "memory://", folder))


@BACKENDS
async def test_rollbacks(backend: str, tmp_path: Any) -> None:
    """Does nothing run of what a transaction, or a savepoint within it, has undone?"""
    async with tables_on(backend, tmp_path) as shop:
        async with shop.database.session() as session:
            async with session.begin_nested() as savepoint:
                await goods.note.enqueue(session, 1)
                await savepoint.rollback()
            async with session.begin_nested():
                await goods.note.enqueue(session, 2)
        async with shop.database.session() as session:
            async with session.begin_nested():
                await goods.note.enqueue(session, 3)
            await goods.note.enqueue(session, 4)
            await session.rollback()
        assert await Relay(shop.database).drain() == 1
        assert await shop.effects("noted") == [(2, 1)]


@pytest.mark.parametrize(
    ("backend", "count"), [("postgresql", 1000), ("sqlite", 200), ("mariadb", 200)]
)
async def test_relays_side_by_side(backend: str, count: int, tmp_path: Any) -> None:
    """Do four relays run each of many jobs once, while more are asked for?"""
    async with tables_on(backend, tmp_path) as shop:
        others = [Database(shop.database.engine.url) for _ in range(4)]
        async with AsyncExitStack() as stack:
            for each in others:
                stack.push_async_callback(each.engine.dispose)
                await stack.enter_async_context(
                    Relay(each, concurrency=4, poll=0.05, grace=60).lifespan()
                )
            for first in range(0, count, 50):
                await shop.order(counted, *range(first, first + 50))
            await shop.settled()
        assert Counter(range(count)) == calls
        calls.clear()

"""Brokers that are away for a while: requests go on, and all jobs run afterwards, once."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from statistics import quantiles
from typing import Any

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import make_crud_router
from tests.conftest import SERVERS, Client, Serve, empty_database, tables_of
from tests.tasks import shop as goods
from tests.tasks.fleet import (
    RABBITMQ_URL,
    REDIS_URL,
    Shop,
    bindings_kept,
    free_port,
    need_broker,
    open_shop,
    paced,
    redis_server,
)
from tests.tasks.line import Line

pytestmark = pytest.mark.slow

BROKERS = {"redis": REDIS_URL, "rabbitmq": RABBITMQ_URL}
PROMPT = 0.5
"""Seconds that storing a job may take on a busy machine; a broker that is away costs more."""

OUTAGE = 30
"""Seconds that the broker is away."""
RATE = 10
"""Requests per second."""
NORMAL = 0.25
"""Seconds that all but a few requests take at most."""
LEASE = 60
"""Seconds after which a job is sent again that nobody has begun."""
RECOVERY = 60
"""Seconds until all is done; Celery may rest for half of them, before it tries again to connect."""


class Base(DeclarativeBase):
    """Tables of this module alone."""


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    article: Mapped[str]


@pytest.fixture(scope="module", autouse=True)
def kept() -> Iterator[None]:
    """Tasks know nothing of these Celery apps afterwards."""
    with bindings_kept():
        yield


@pytest.fixture
async def shop(tmp_path: Any) -> AsyncIterator[Shop]:
    """A shop in a database of its own, which takes orders; its leases are short."""
    need_broker(REDIS_URL)
    async with (
        empty_database(SERVERS["postgresql"]) as url,
        open_shop(url, REDIS_URL, tmp_path, lease=2) as opened,
        tables_of(opened.database, Base.metadata),
    ):
        yield opened


@pytest.fixture(params=BROKERS)
async def queueing(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    """That shop with its queue in each broker, and longer leases."""
    shop.broker, shop.lease = BROKERS[request.param], LEASE
    need_broker(shop.broker)
    return shop


async def test_brokers_that_forget(shop: Shop) -> None:
    """Are requests as fast as ever while Redis is away, and all jobs done when it is back, empty?"""
    port = free_port()
    shop.broker = f"redis://127.0.0.1:{port}/0"
    folder = shop.folder
    async with shop.relay().lifespan():
        assert await slowest_order(shop, 0) < PROMPT
        async with redis_server(port, folder) as server, shop.worker():
            await shop.settled()
            server.kill()
            assert await slowest_order(shop, 20) < PROMPT
            async with redis_server(port, folder):
                await shop.settled()
    assert await shop.effects("noted") == once(40)


async def slowest_order(shop: Shop, start: int) -> float:
    """Ask for twenty jobs, one by one, and give the seconds that the slowest took."""
    slowest = 0.0
    for number in range(start, start + 20):
        began = time.perf_counter()
        await shop.order(goods.note, number)
        slowest = max(slowest, time.perf_counter() - began)
    return slowest


async def test_lines_that_are_cut_at_work(queueing: Shop) -> None:
    """Does a worker come back that could not acknowledge any of the jobs that it was at?"""
    line = Line(queueing.broker)
    await line.mend()
    beyond = replace(queueing, broker=line.url)
    async with beyond.relay().lifespan(), beyond.worker("prefork") as worker:
        await queueing.order(goods.gated, 1, 2)  # as many as it has processes
        await queueing.done("begun", 2)
        line.cut()
        await queueing.open_gate()
        await queueing.done("passed", 2)
        await worker.says("Connection to broker lost")
        await line.mend()
        await queueing.order(goods.note, 3)
        await queueing.settled(within=RECOVERY)
    line.cut()
    assert await queueing.effects("passed") == once(2, start=1)
    assert await queueing.effects("noted") == once(1, start=3)


async def test_half_a_minute_without_a_broker(queueing: Shop, serve: Serve) -> None:
    """Are requests answered as ever while a broker is away, and their jobs run once afterwards?"""
    line = Line(queueing.broker)
    beyond = replace(queueing, broker=line.url)
    client = serve(queueing.database, make_crud_router(Order, on_created=goods.note))
    async with beyond.relay().lifespan():
        first = await seconds_of_orders(client, within=1)
        await line.mend()
        async with beyond.worker("prefork"):
            before = await seconds_of_orders(client, within=3)
            await queueing.settled()
            line.cut()
            during = await seconds_of_orders(client, within=OUTAGE)
            ran = len(await queueing.effects("noted"))
            await line.mend()
            await queueing.settled(within=RECOVERY)
    line.cut()
    assert len(during) == OUTAGE * RATE
    assert ran == len(first + before)
    assert all_but_a_few(during) < max(NORMAL, 2 * all_but_a_few(before))
    assert await queueing.effects("noted") == once(len(first + before + during), start=1)


async def seconds_of_orders(client: Client, *, within: float) -> list[float]:
    """Order at a steady pace, whether or not there were answers; give the seconds of each."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(seconds_of_order(client)) async for _ in paced(RATE, within)]
    return [each.result() for each in asked]


async def seconds_of_order(client: Client) -> float:
    """Order something, and give the seconds until the answer."""
    began = time.perf_counter()
    answer = await client.post("/orders", json={"article": "pen"})
    assert answer.status_code == 201
    return time.perf_counter() - began


def all_but_a_few(seconds: list[float]) -> float:
    """Give what 95 of 100 took at most."""
    return quantiles(seconds, n=20)[-1]


def once(count: int, *, start: int = 0) -> list[tuple[int, int]]:
    """The effects of jobs that each ran once, in their first attempt."""
    return [(number, 1) for number in range(start, start + count)]

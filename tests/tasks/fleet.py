"""Brokers, workers, relays and servers that tests start for themselves, and end as they like."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import Any, cast
from uuid import UUID

import pytest
import redis
import sqlalchemy as sa
from kombu.connection import Connection  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy.engine import URL

from fastapi_crud import Database
from fastapi_crud.tasks import Relay, Task
from fastapi_crud.tasks.celery import CeleryDispatcher
from fastapi_crud.tasks.task import binders, registry
from tests.tasks.shop import EFFECTS, METADATA, celery_at, effect

REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
RABBITMQ_URL = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
ROOT = Path(__file__).parents[2]
PATIENCE = 30
"""Seconds after which what should happen does not."""

Condition = Callable[[], Awaitable[bool]]


async def until(condition: Condition, *, within: float = PATIENCE) -> None:
    """Wait for something to be so."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - it is other processes that make it so
            await asyncio.sleep(0.05)


async def paced(rate: float, seconds: float) -> AsyncGenerator[None]:
    """Be there at a steady pace, for some seconds: the one place where time itself is tested."""
    clock = asyncio.get_running_loop().time
    start = clock()
    for number in range(1, round(rate * seconds) + 1):
        yield
        await asyncio.sleep(start + number / rate - clock())


def missing(what: str) -> None:
    """Skip a test that needs something; fail where all must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def bindings_kept() -> Generator[None]:
    """Have tasks know in the end of the Celery apps that they knew before, and of no others."""
    before, bound = [*binders], {name: {**_bound(name)} for name in registry}
    try:
        yield
    finally:
        binders[:] = before
        for name in registry:
            _bound(name).clear()
            _bound(name).update(bound.get(name, {}))


def _bound(name: str) -> dict[str, Any]:
    known: Any = registry[name]
    return cast("dict[str, Any]", known._bound)


def connected(broker: str) -> Any:
    """A connection to a broker; not open yet."""
    make: Any = Connection
    return make(broker, connect_timeout=2)


def need_broker(url: str) -> None:
    """Skip a test where no broker answers."""
    with connected(url) as connection:
        try:
            connection.connect()
            connection.channel().close()
        except (*connection.connection_errors, OSError) as error:
            missing(f"no broker at {connection.as_uri()}: {type(error).__name__}")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Program:
    """A process of a test's own, in a group of its own."""

    running: subprocess.Popen[bytes]
    log: Path

    async def says(self, text: str) -> None:
        """Wait until it has said something."""

        async def said() -> bool:
            if text in self.log.read_text(errors="replace"):
                return True
            assert self.running.poll() is None, self.log.read_text(errors="replace")
            return False

        await until(said)

    def kill(self) -> None:
        """Kill it, and all processes that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()

    async def ended(self) -> int:
        """Wait until it has ended by itself, and give its exit code."""

        async def has_ended() -> bool:
            return self.running.poll() is not None

        await until(has_ended)
        return self.running.returncode


@dataclass
class Shop:
    """A database and a queue, and what works on them."""

    database: Database
    broker: str
    folder: Path
    queue: str = field(default_factory=lambda: f"fastapi_crud_{token_hex(6)}")
    lease: float = 60

    @cached_property
    def celery(self) -> Any:
        """The Celery app of its workers, in this process."""
        return celery_at(self.broker, self.queue, self.database, timedelta(seconds=self.lease))

    @cached_property
    def dispatcher(self) -> CeleryDispatcher:
        return CeleryDispatcher(self.celery, lease=timedelta(seconds=self.lease))

    def send(self, asked: "Task[...]") -> Callable[[Mapping[str, Any]], Any]:
        """What lets `delay` of a task send to its workers."""
        return lambda payload: self.celery.tasks[asked.name].apply_async(kwargs={**payload})

    async def open_gate(self) -> None:
        """Let those pass who wait."""
        async with self.database.session() as session:
            await session.execute(effect("open", 0))

    def relay(self, *, broker: str | None = None) -> Relay:
        """A relay of this process."""
        lease = timedelta(seconds=self.lease)
        at_broker: Any = celery_at(broker or self.broker, self.queue, self.database, lease)
        dispatcher = CeleryDispatcher(at_broker, lease=lease)
        return Relay(self.database, dispatcher=dispatcher, poll=0.1, lease=lease)

    @asynccontextmanager
    async def program(self, *arguments: str) -> AsyncGenerator[Program]:
        """Run a program, as `python -m …`; it is killed at the end if it is still there."""
        log = self.folder / f"{token_hex(4)}.log"
        with log.open("wb") as output:
            running = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        program = Program(running, log)
        try:
            yield program
        finally:
            program.kill()

    @asynccontextmanager
    async def worker(self, pool: str = "solo") -> AsyncGenerator[Program]:
        """Run a Celery worker, from when it is ready on."""
        options = ("--pool", pool, "--concurrency", "2", "--loglevel", "INFO")
        quiet = ("--without-mingle", "--without-gossip", "--without-heartbeat")
        command = ("celery", "-A", "tests.tasks.shop:celery", "worker", *options, *quiet)
        async with self.program(*command) as program:
            await program.says(" ready.")
            yield program

    @property
    def _environment(self) -> Mapping[str, str]:
        return {
            "SHOP_DATABASE_URL": self.database.engine.url.render_as_string(hide_password=False),
            "SHOP_BROKER_URL": self.broker,
            "SHOP_QUEUE": self.queue,
            "SHOP_LEASE": str(self.lease),
            "PYTHONPATH": str(ROOT),
        }

    async def order(self, asked: "Task[[int]] | Task[...]", *numbers: int) -> list[UUID]:
        """Ask for a call with each of some numbers."""
        async with self.database.session() as session:
            keys = [await asked.enqueue(session, number) for number in numbers]
        return [key for key in keys if key is not None]

    async def effects(self, what: str) -> list[tuple[int, int]]:
        """What was done: each number, with the attempt that did it."""
        wanted = sa.select(EFFECTS.c.number, EFFECTS.c.attempt).where(EFFECTS.c.what == what)
        async with self.database.session() as session:
            found = await session.execute(wanted.order_by(EFFECTS.c.number, EFFECTS.c.attempt))
            return [(number, attempt) for number, attempt in found]

    async def done(self, what: str, count: int, *, within: float = PATIENCE) -> None:
        """Wait for some effects."""

        async def all_done() -> bool:
            return len(await self.effects(what)) >= count

        await until(all_done, within=within)

    async def settled(self, *, within: float = PATIENCE) -> None:
        """Wait until no job waits, is on its way or runs."""
        relay = Relay(self.database)

        async def idle() -> bool:
            return not (await relay.health()).depth

        await until(idle, within=within)


@asynccontextmanager
async def open_shop(
    url: URL | str, broker: str, folder: Path, *, lease: float = 60
) -> AsyncGenerator[Shop]:
    """A shop with empty tables; its queues are deleted at the end, if its broker still answers."""
    shop = Shop(Database(url, metadata=METADATA), broker, folder, lease=lease)
    await shop.database.create_all()
    try:
        yield shop
    finally:
        await shop.database.drop_all()
        await shop.database.engine.dispose()
        with suppress(OSError, redis.ConnectionError):
            _clean(shop.broker, shop.queue)


def _clean(broker: str, queue: str) -> None:
    if broker.startswith("redis"):
        client: Any
        with cast("Any", redis.Redis).from_url(broker) as client:
            for key in client.scan_iter(f"{queue}.*"):
                client.delete(key)
    if broker.startswith("amqp"):
        with connected(broker) as connection:
            connection.default_channel.queue_delete(queue)
            connection.default_channel.exchange_delete(queue)
            _clean_delays(connection)


DELAYS = [f"celery_delayed_{level}" for level in range(28)]
"""Where RabbitMQ keeps messages that have to wait, for all Celery apps alike."""


def _clean_delays(connection: Any) -> None:
    """Delete what workers leave behind, unless the queue of an app is still bound to it.

    Tests that run at the same time have such apps.
    """
    try:
        connection.channel().exchange_delete("celery_delayed_delivery", if_unused=True)
    except connection.channel_errors:
        return
    for name in DELAYS:
        connection.default_channel.queue_delete(name)
        connection.default_channel.exchange_delete(name)


@asynccontextmanager
async def redis_server(port: int, folder: Path) -> AsyncGenerator[Program]:
    """A Redis server of a test's own, which keeps nothing."""
    binary = shutil.which("redis-server")
    if binary is None:
        missing("no redis-server is installed")
        return
    log = folder / f"redis_{token_hex(4)}.log"
    where = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    with log.open("wb") as output:
        running = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            [binary, *where, "--save", "", "--appendonly", "no"],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    program = Program(running, log)
    try:
        await program.says("eady to accept connections")
        yield program
    finally:
        program.kill()

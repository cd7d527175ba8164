"""The relay: runs jobs or has them sent, wakes up in time, and stops gracefully."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from fastapi_crud import Database
from fastapi_crud.models import utc_now, uuid7
from fastapi_crud.tasks import Permanent, Relay, TaskContext, outbox, task
from fastapi_crud.tasks.outbox import OUTBOX, Health, Job
from fastapi_crud.tasks.task import wakers
from tests.tasks.conftest import METADATA, columns, effects, let_time_pass, note

NEVER = 3600.0
"""Seconds between looks that no test waits for."""
LEASE = timedelta(minutes=1)


@task("relay.write")
async def write(context: TaskContext, what: str) -> None:
    await note(context.session, what)


@task("relay.chain")
async def chain(context: TaskContext, left: int) -> None:
    """Ask for the next one."""
    await note(context.session, f"{left}")
    if left:
        await chain.enqueue(context.session, left - 1)


@task("relay.give_up")
async def give_up() -> None:
    raise Permanent("no")


class Gate:
    """A task that tells when it has begun, and waits to be let through."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.opened = asyncio.Event()
        self.task = task("relay.gated")(self._pass)

    async def _pass(self, context: TaskContext, what: str) -> None:
        self.begun.release()
        await self.opened.wait()
        await note(context.session, what)  # only now: SQLite has one writer at a time


class Sender:
    """A dispatcher that keeps the ids that it sends, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[list[UUID]] = []
        self.called = asyncio.Semaphore(0)

    async def dispatch(self, jobs: Sequence[Job]) -> None:
        self.called.release()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the broker is away")
        self.sent.append([job.id for job in jobs])


class Clock(SimpleNamespace):
    """The time of the relay: it stands still until it is moved; each look at it is counted."""

    def __init__(self) -> None:
        super().__init__(now=time.monotonic(), looks=asyncio.Semaphore(0))

    def monotonic(self) -> float:
        self.looks.release()
        return float(self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the relay goes by."""
    made = Clock()
    monkeypatch.setattr("fastapi_crud.tasks.relay.time", made)
    return made


async def asked(database: Database, wanted: Any, *values: Any) -> list[UUID]:
    """Ask for a call with each value, in one transaction."""
    async with database.session() as session:
        return [await wanted.enqueue(session, value) for value in values]


@asynccontextmanager
async def soon() -> AsyncGenerator[None]:
    """Fail instead of waiting forever."""
    async with asyncio.timeout(20):
        yield


# Running


async def test_jobs_run_beside_an_app(jobs: Database) -> None:
    """Are jobs run from the beginning of a lifespan to its end, those asked for before too?"""
    gate = Gate()
    gate.opened.set()
    await asked(jobs, gate.task, "before")
    async with soon(), Relay(jobs, poll=NEVER).lifespan(object()):
        await gate.begun.acquire()
        for what in ("a", "b"):
            await asked(jobs, gate.task, what)
            await gate.begun.acquire()
    assert sorted(await effects(jobs)) == ["a", "b", "before"]
    assert await columns(jobs, "state") == [("done",)] * 3
    assert wakers == []


async def test_jobs_of_others_are_found(lite: Database) -> None:
    """Does a relay find jobs that were stored elsewhere, by looking now and then?"""
    gate = Gate()
    gate.opened.set()
    other = Database(engine=lite.engine, metadata=METADATA)
    relay = Relay(lite, poll=0.01)
    async with soon(), relay.lifespan():
        await asked(lite, gate.task, "a")
        await gate.begun.acquire()
        async with other.sessionmaker() as session:  # commits without telling anybody
            await gate.task.enqueue(session, "b")
            await session.commit()
        await gate.begun.acquire()
    assert sorted(await effects(lite)) == ["a", "b"]


async def test_no_more_jobs_run_at_once_than_allowed(jobs: Database) -> None:
    """Do jobs wait while as many are at work as may be?"""
    gate = Gate()
    await asked(jobs, gate.task, "a", "b", "c")
    async with soon(), Relay(jobs, poll=NEVER, concurrency=2).lifespan():
        await gate.begun.acquire()
        await gate.begun.acquire()
        states = [each[0] for each in await columns(jobs, "state")]
        assert sorted(states) == ["new", "running", "running"]
        gate.opened.set()
        await gate.begun.acquire()
    assert await columns(jobs, "state") == [("done",)] * 3


async def test_jobs_and_their_jobs_are_drained(jobs: Database) -> None:
    """Does a test get all that is due run, and what that asks for, but nothing that waits?"""
    await asked(jobs, chain, 2)
    await asked(jobs, write.later(delay=60), "later")
    assert await Relay(jobs).drain() == 3
    assert await effects(jobs) == ["2", "1", "0"]


# Stopping


async def test_jobs_at_work_may_end(jobs: Database) -> None:
    """Does a relay that stops wait for its jobs, and take no more?"""
    gate = Gate()
    relay = Relay(jobs, poll=NEVER, concurrency=1)
    await asked(jobs, gate.task, "a", "b")
    running = asyncio.create_task(relay.run())
    async with soon():
        await gate.begun.acquire()
        relay.stop()
        gate.opened.set()
        await running
    assert await effects(jobs) == ["a"]
    assert await columns(jobs, "state") == [("done",), ("new",)]


async def test_jobs_that_take_too_long_are_put_back(jobs: Database) -> None:
    """Is a job that does not end in time undone, and left for another relay?"""
    gate = Gate()
    await asked(jobs, gate.task, "a")
    async with soon(), Relay(jobs, poll=NEVER, grace=0.01).lifespan():
        await gate.begun.acquire()
    assert await effects(jobs) == []
    assert await columns(jobs, "state", "attempts", "lease", "last_error") == [
        ("new", 1, None, "Retry: interrupted: the worker stopped")
    ]
    gate.opened.set()
    await let_time_pass(jobs)
    assert await Relay(jobs).drain() == 1
    assert await effects(jobs) == ["a"]


async def test_a_relay_can_start_again(lite: Database) -> None:
    """Does a relay that was stopped run jobs in its next lifespan?"""
    relay = Relay(lite, poll=NEVER)
    gate = Gate()
    gate.opened.set()
    for what in ("a", "b"):
        async with soon(), relay.lifespan():
            await asked(lite, gate.task, what)
            await gate.begun.acquire()
    assert await effects(lite) == ["a", "b"]


async def test_an_app_that_fails_stops_its_relay(lite: Database) -> None:
    """Does the relay end with the app, whatever happens in there?"""
    with pytest.raises(LookupError):
        async with soon(), Relay(lite, poll=NEVER).lifespan():
            raise LookupError
    assert wakers == []


# A database that is away


async def test_a_database_that_is_away_is_waited_for(
    tmp_path: Any, caplog: pytest.LogCaptureFixture, own_tasks: None
) -> None:
    """Does a relay go on once the database is there, and tell that it was not?"""
    database = Database(f"sqlite:///{tmp_path}/late.db", metadata=METADATA)
    failed, gate = asyncio.Event(), Gate()
    gate.opened.set()

    def tell(_: Any) -> None:
        failed.set()

    event.listen(database.engine.sync_engine, "handle_error", tell)
    async with soon(), Relay(database, poll=0.01).lifespan():
        await failed.wait()
        await database.create_all()
        await asked(database, gate.task, "a")
        await gate.begun.acquire()
    assert await effects(database) == ["a"]
    assert {*caplog.messages} == {"the outbox cannot be read; trying again"}
    await database.engine.dispose()


# Dispatchers


async def test_jobs_are_sent(jobs: Database) -> None:
    """Are jobs sent instead of run, together, and once; and can they be begun then?"""
    sender = Sender()
    keys = await asked(jobs, write, "a", "b")
    relay = Relay(jobs, dispatcher=sender)
    assert await relay.drain() == 2
    assert await relay.drain() == 0
    [sent] = sender.sent
    assert sorted(sent) == sorted(keys)
    assert await effects(jobs) == []
    assert await columns(jobs, "state", "attempts") == [("sent", 0), ("sent", 0)]
    async with jobs.session() as session:
        job = await outbox.start(session, keys[0], LEASE)
    assert job is not None


async def test_jobs_are_sent_beside_an_app(lite: Database) -> None:
    """Are jobs sent as soon as they are stored?"""
    sender = Sender()
    async with soon(), Relay(lite, dispatcher=sender, poll=NEVER).lifespan():
        first = await asked(lite, write, "a")
        await sender.called.acquire()
        second = await asked(lite, write, "b")
        await sender.called.acquire()
    assert sender.sent == [first, second]


async def test_jobs_whose_worker_is_silent_are_sent_again(lite: Database) -> None:
    """Is a message that was lost sent again after the lease?"""
    sender = Sender()
    keys = await asked(lite, write, "a")
    relay = Relay(lite, dispatcher=sender)
    await relay.drain()
    await let_time_pass(lite)
    await relay.drain()
    assert sender.sent == [keys, keys]


async def test_jobs_that_cannot_be_sent_wait(
    lite: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Do jobs wait longer each time the broker fails, up to a bound, and not after a success?"""
    relay = Relay(lite, dispatcher=Sender(failures=4))
    await asked(lite, write, "a")
    for pause in (1, 2, 4, 5):
        before = utc_now()
        assert await relay.drain() == 1
        [(state, attempts, lease, at)] = await columns(
            lite, "state", "attempts", "lease", "available_at"
        )
        assert (state, attempts, lease) == ("new", 0, None)
        assert before <= at - timedelta(seconds=pause) <= utc_now()
        clock.now += pause
        await let_time_pass(lite)
    assert {*caplog.messages} == {"1 jobs cannot be sent; trying again"}
    assert await relay.drain() == 1
    assert await columns(lite, "state") == [("sent",)]
    relay.dispatcher = Sender(failures=1)
    await asked(lite, write, "b")
    before = utc_now()
    await relay.drain()
    [_, (at,)] = await columns(lite, "available_at")
    assert before <= at - timedelta(seconds=1) <= utc_now()


async def test_failures_at_the_same_time_are_one(lite: Database, clock: Clock) -> None:
    """Do jobs that fail within a rest wait for its end, and not longer?"""
    relay = Relay(lite, dispatcher=Sender(failures=2))
    await asked(lite, write, "a")
    await relay.drain()
    clock.now += 0.75
    await let_time_pass(lite)
    before = utc_now()
    await relay.drain()
    [(at,)] = await columns(lite, "available_at")
    assert before <= at - timedelta(seconds=0.25) <= utc_now()


async def test_a_relay_rests_while_its_broker_is_away(lite: Database, clock: Clock) -> None:
    """Are no jobs taken in the rest after a failure, though they are due, and all of them then?"""
    sender = Sender(failures=1)
    keys = await asked(lite, write, "a")
    async with soon(), Relay(lite, dispatcher=sender, poll=0.01).lifespan():
        await sender.called.acquire()
        keys += await asked(lite, write, "b")
        clock.looks = asyncio.Semaphore(0)
        for _ in range(5):
            await clock.looks.acquire()
        assert sender.sent == []
        await let_time_pass(lite)
        clock.now += 1
        await sender.called.acquire()
    assert sorted(key for each in sender.sent for key in each) == sorted(keys)


# Looking after it


async def test_dead_jobs_are_listed_and_replayed(jobs: Database) -> None:
    """Can somebody look at what was given up, and have it tried again?"""
    async with jobs.session() as session:
        keys = [await give_up.enqueue(session) for _ in range(2)]
    relay = Relay(jobs, concurrency=1)
    await relay.drain()
    assert [(each.id, each.last_error) for each in await relay.dead()] == [
        (key, "Permanent: no") for key in reversed(keys)
    ]
    assert len(await relay.dead(limit=1)) == 1
    assert keys[0] is not None
    assert await relay.replay(keys[0])
    assert not await relay.replay(uuid7())
    health = await relay.health()
    assert (health.depth, health.due, health.dead) == (1, 1, 1)
    assert await relay.drain() == 1
    assert len(await relay.dead()) == 2


async def test_jobs_that_ended_are_pruned(lite: Database) -> None:
    """Are jobs that ended well kept for a week, or as long as is said?"""
    await asked(lite, write, "a")
    relay = Relay(lite)
    await relay.drain()
    assert await relay.prune() == 0
    assert await relay.prune(older_than=timedelta(0)) == 1
    await asked(lite, write, "b")
    await relay.drain()
    async with lite.session() as session:
        week = timedelta(days=7, seconds=1)
        await session.execute(OUTBOX.update().values(finished_at=utc_now() - week))
    assert await relay.prune() == 1
    assert await relay.health() == Health(depth=0, due=0, oldest_seconds=0, dead=0)


async def test_ends_that_cannot_be_stored_are_logged(
    lite: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Does a relay go on, and tell, where the end of a job could not even be written down?"""
    failed = asyncio.Event()

    async def fail(*_: object) -> None:
        failed.set()
        raise ConnectionError("away")

    monkeypatch.setattr("fastapi_crud.tasks.relay.execute", fail)
    async with soon(), Relay(lite, poll=NEVER).lifespan():
        await asked(lite, write, "a")
        await failed.wait()
        failed.clear()
        await asked(lite, write, "b")
        await failed.wait()
    assert [it.message for it in caplog.records].count("the end of a job could not be stored") == 2

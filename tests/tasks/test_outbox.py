"""The outbox: jobs are stored, claimed, begun and ended, each step by one alone."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from fastapi_crud import Database
from fastapi_crud.exceptions import CrudError
from fastapi_crud.models import utc_now, uuid7
from fastapi_crud.tasks import outbox
from fastapi_crud.tasks.outbox import OUTBOX, Health, Job, outbox_table
from tests.tasks.conftest import columns, let_time_pass

MINUTE = timedelta(minutes=1)
SECRET = "tangerine-42"


def job_values(**changes: Any) -> dict[str, Any]:
    """A row of the outbox that is due."""
    now = utc_now()
    return {
        "id": uuid7(),
        "name": "outbox.any",
        "payload": {"number": 1},
        "state": "new",
        "priority": 0,
        "attempts": 0,
        "available_at": now,
        "dedupe_key": None,
        "created_at": now,
        **changes,
    }


async def stored(database: Database, **changes: Any) -> UUID | None:
    """Store a job, and give its key; None if it was refused."""
    values = job_values(**changes)
    async with database.session() as session:
        return values["id"] if await outbox.insert_job(session, values) else None


async def claimed(
    database: Database,
    most: int = 10,
    *,
    lease: timedelta = MINUTE,
    state: Literal["sent", "running"] = "running",
) -> list[Job]:
    async with database.session() as session:
        return await outbox.claim(session, most, lease, state=state)


async def ended(database: Database, job: Job, state: outbox.State, **values: Any) -> bool:
    async with database.session() as session:
        return await outbox.end(session, job, state, **values)


async def died(database: Database, *, at: datetime, reason: str) -> UUID:
    """A job that was given up."""
    await stored(database)
    [job] = await claimed(database)
    assert await ended(database, job, "dead", last_error=reason, finished_at=at)
    return job.id


def test_a_table_belongs_to_its_metadata() -> None:
    """Does each metadata have one table, in its schema?"""
    metadata, own = sa.MetaData(), sa.MetaData(schema="own")
    assert outbox_table(metadata) is outbox_table(metadata)
    assert outbox_table(own) is outbox_table(own)
    assert [*metadata.tables, *own.tables] == ["task_outbox", "own.task_outbox"]


# Storing


async def test_a_dedupe_key_is_taken_until_it_is_pruned(jobs: Database) -> None:
    """Is a second job refused as long as the first is kept, even if that is done?"""
    assert await stored(jobs, dedupe_key="once")
    assert await stored(jobs, dedupe_key="once") is None
    assert await stored(jobs, dedupe_key="other")
    for job in await claimed(jobs):
        assert await ended(jobs, job, "done", finished_at=utc_now())
    assert await stored(jobs, dedupe_key="once") is None
    async with jobs.session() as session:
        assert await outbox.prune(session, older_than=timedelta(0)) == 2
    assert await stored(jobs, dedupe_key="once")


async def test_a_refused_job_leaves_the_transaction_alone(jobs: Database) -> None:
    """Is what stands before and after a refused job stored?"""
    await stored(jobs, dedupe_key="once")
    async with jobs.session() as session:
        assert await outbox.insert_job(session, job_values(name="before"))
        assert not await outbox.insert_job(session, job_values(dedupe_key="once"))
        assert await outbox.insert_job(session, job_values(name="after"))
    names = {each[0] for each in await columns(jobs, "name")}
    assert names == {"outbox.any", "before", "after"}


async def test_jobs_without_a_dedupe_key_are_all_stored(jobs: Database) -> None:
    """Is a job without a key never taken for another?"""
    assert await stored(jobs)
    assert await stored(jobs)
    assert len(await claimed(jobs)) == 2


async def test_errors_do_not_tell_what_a_job_is_about(lite: Database) -> None:
    """Does the error about a job that cannot be stored keep its payload to itself?"""
    with pytest.raises(CrudError) as error:
        await stored(lite, payload={"password": SECRET}, name=None)
    assert isinstance(error.value.__cause__, StatementError)
    assert SECRET not in f"{error.value}{error.value.__cause__}"


# Claiming


async def test_a_job_is_claimed_once(jobs: Database) -> None:
    """Does a job go to the first who asks, with all that is known of it?"""
    key = await stored(jobs)
    [job] = await claimed(jobs)
    assert job.lease is not None
    assert job == Job(
        id=job.id, name="outbox.any", payload={"number": 1}, attempts=1, lease=job.lease
    )
    assert job.id == key
    assert await claimed(jobs) == []


async def test_nobody_gets_what_is_not_due(jobs: Database) -> None:
    """Do jobs wait for their time, and is nothing claimed of what has ended?"""
    await stored(jobs, available_at=utc_now() + MINUTE)
    await stored(jobs, state="done")
    await stored(jobs, state="dead")
    assert await claimed(jobs) == []


async def test_jobs_go_in_order(jobs: Database) -> None:
    """Do the more urgent jobs go first, then those that have waited longer?"""
    now = utc_now()
    for name, priority, age in (("late", 0, 1), ("early", 0, 5), ("last", -1, 9), ("top", 5, 0)):
        await stored(jobs, name=name, priority=priority, available_at=now - age * MINUTE)
    order: Sequence[str] = [(await claimed(jobs, 1))[0].name for _ in range(4)]
    assert order == ["top", "early", "late", "last"]


async def test_relays_pass_each_other(jobs: Database) -> None:
    """Does nobody wait for a relay that claims, neither others nor who stores, nor get its jobs?"""
    if jobs.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    keys = [await stored(jobs), await stored(jobs)]
    async with asyncio.timeout(10), jobs.session() as first:
        mine = await outbox.claim(first, 1, MINUTE, state="sent")
        others = await claimed(jobs, 2, state="sent")  # MariaDB locks all that it sorts
        keys.append(await stored(jobs))
    rest = await claimed(jobs, state="sent")
    assert len(mine) == 1
    assert Counter(job.id for job in (*mine, *others, *rest)) == Counter(keys)


@pytest.mark.parametrize(("state", "attempts"), [("running", [1, 2]), ("sent", [0, 0])])
async def test_silence_ends_a_lease(
    jobs: Database, state: Literal["sent", "running"], attempts: list[int]
) -> None:
    """Does a job whose lease is over go to another, and only then count as one more attempt?"""
    await stored(jobs)
    [first] = await claimed(jobs, state=state)
    await let_time_pass(jobs)
    [second] = await claimed(jobs, state=state)
    assert first.lease != second.lease
    assert [first.attempts, second.attempts] == attempts
    assert not await ended(jobs, first, "done")
    assert await ended(jobs, second, "done")


async def test_a_sent_job_is_begun_once(jobs: Database) -> None:
    """Is a message that comes twice, or too late, no second attempt?"""
    await stored(jobs)
    [sent] = await claimed(jobs, state="sent")
    async with jobs.session() as session:
        job = await outbox.start(session, sent.id, MINUTE)
    assert job is not None
    assert (job.id, job.attempts) == (sent.id, 1)
    assert job.lease not in {None, sent.lease}
    for _ in range(2):
        async with jobs.session() as session:
            assert await outbox.start(session, sent.id, MINUTE) is None
        await ended(jobs, job, "done")
    assert not await ended(jobs, sent, "new")


# Looking after it


async def test_dead_jobs_are_listed(jobs: Database) -> None:
    """Are jobs that were given up listed with all that is known, the last one first?"""
    now = utc_now().replace(microsecond=0)
    await stored(jobs, available_at=now + MINUTE)
    keys = [await died(jobs, at=now - age * MINUTE, reason=f"{age}") for age in (2, 1, 3)]
    async with jobs.session() as session:
        dead = await outbox.dead_jobs(session)
        [last] = await outbox.dead_jobs(session, limit=1)
    assert [(each.id, each.last_error) for each in dead] == [
        (keys[1], "1"), (keys[0], "2"), (keys[2], "3"),
    ]  # fmt: skip
    assert last == dead[0]
    assert (last.name, last.payload, last.attempts) == ("outbox.any", {"number": 1}, 1)
    assert last.finished_at == now - MINUTE


async def test_dead_jobs_are_tried_again(jobs: Database) -> None:
    """Does a job start anew if it is replayed, and no other?"""
    key = await died(jobs, at=utc_now(), reason="no")
    async with jobs.session() as session:
        assert await outbox.replay(session, key)
        assert not await outbox.replay(session, key)
        assert not await outbox.replay(session, uuid7())
        assert await outbox.dead_jobs(session) == []
    [job] = await claimed(jobs)
    assert (job.id, job.attempts) == (key, 1)


async def test_only_what_ended_well_is_pruned(jobs: Database) -> None:
    """Are jobs kept that wait, were given up, or ended a short time ago?"""
    now = utc_now()
    await died(jobs, at=now - 10 * MINUTE, reason="no")
    for state, age in (("done", 10), ("done", 1)):
        await stored(jobs, state=state, available_at=now)
        async with jobs.session() as session:
            change = OUTBOX.update().where(OUTBOX.c.state == state, OUTBOX.c.finished_at.is_(None))
            await session.execute(change.values(finished_at=now - age * MINUTE))
    await stored(jobs)
    async with jobs.session() as session:
        assert await outbox.prune(session) == 0
        assert await outbox.prune(session, older_than=5 * MINUTE) == 1
    assert [each[0] for each in await columns(jobs, "state")] == ["dead", "done", "new"]


async def test_health_of_an_empty_outbox(jobs: Database) -> None:
    """Are the figures of a queue without jobs zeros?"""
    async with jobs.session() as session:
        assert await outbox.health(session) == Health(depth=0, due=0, oldest_seconds=0, dead=0)


async def test_health(jobs: Database) -> None:
    """Do the figures tell what waits, for how long, and what was given up?"""
    began, old = utc_now(), 7 * MINUTE
    for state in ("new", "sent", "running", "done", "dead"):
        await stored(jobs, state=state, available_at=began - old)
    await stored(jobs, available_at=began + MINUTE)
    async with jobs.session() as session:
        found = await outbox.health(session)
    assert (found.depth, found.due, found.dead) == (4, 2, 1)
    assert 420 <= found.oldest_seconds <= 420 + (utc_now() - began).total_seconds() + 1

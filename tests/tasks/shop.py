"""An app as workers, relays and servers of the tests load it: the environment tells where all is.

`python -m tests.tasks.shop stored` is a server that hangs before it commits a job, `committed` one
that hangs after, and `claimed` a relay that hangs between its claim and sending.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from celery import Celery  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from fastapi_crud import Database
from fastapi_crud.tasks import Relay, RetryPolicy, TaskContext, outbox_table, task
from fastapi_crud.tasks.celery import make_celery, run_async
from fastapi_crud.tasks.outbox import Job
from fastapi_crud.tasks.settings import TaskSettings

METADATA = sa.MetaData()
OUTBOX = outbox_table(METADATA)
EFFECTS = sa.Table(
    "effects",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("what", sa.String(20), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
)
"""What tasks have done; nothing keeps them from doing it twice."""

AT_ONCE = RetryPolicy(base=0.01)


def celery_at(broker: str, queue: str, database: Database, lease: timedelta) -> Celery:
    """A Celery app with queues and keys of its own."""
    celery: Any = make_celery(TaskSettings(broker_url=broker), database=database, lease=lease)
    celery.conf.update(
        task_default_queue=queue,
        task_default_exchange=queue,
        task_default_routing_key=queue,
        worker_enable_remote_control=False,
    )
    if broker.startswith("redis"):
        options: Mapping[str, Any] = celery.conf.broker_transport_options
        celery.conf.broker_transport_options = {**options, "global_keyprefix": f"{queue}."}
    celery.task(name="shop.patient", soft_time_limit=0.5, shared=False)(patient)
    return celery


LEASE = timedelta(seconds=float(os.environ.get("SHOP_LEASE", "60")))
database = Database(os.environ.get("SHOP_DATABASE_URL", "sqlite://"), metadata=METADATA)
inline = Relay(database, poll=0.1, lease=LEASE)


@task("shop.note", retry=AT_ONCE)
async def note(context: TaskContext, number: int) -> None:
    """Take part in the transaction of the job, after a query."""
    await context.session.scalar(sa.select(sa.func.count()).select_from(EFFECTS))
    await context.session.execute(effect("noted", number, context.attempt))


@task("shop.tally", retry=AT_ONCE)
def tally(number: int) -> None:
    """Work in plain code, past the transaction of the job."""
    run_async(store("tallied", number))


@task("shop.flaky", retry=RetryPolicy(max_attempts=2, base=0.01))
async def flaky(context: TaskContext, number: int) -> None:
    """Succeed in the second attempt only."""
    await context.session.execute(effect("flaky", number, context.attempt))
    if context.attempt == 1:
        raise LookupError


@task("shop.slow", retry=AT_ONCE, time_limit=0.2)
async def slow(context: TaskContext, number: int) -> None:
    """Take longer than is allowed, except in the second attempt."""
    await context.session.execute(effect("slow", number, context.attempt))
    if context.attempt == 1:
        await asyncio.Event().wait()


@task("shop.stuck", retry=AT_ONCE)
async def stuck(context: TaskContext, number: int) -> None:
    """Begin, and hang in the first attempt."""
    await store("begun", number, context.attempt)
    if context.attempt == 1:
        await asyncio.Event().wait()
    await context.session.execute(effect("ended", number, context.attempt))


@task("shop.gated", retry=AT_ONCE)
async def gated(context: TaskContext, number: int) -> None:
    """Begin, and end when the gate is open."""
    await store("begun", number)
    wanted = sa.select(EFFECTS.c.id).where(EFFECTS.c.what == "open")
    while True:
        async with database.session() as session:
            if await session.scalar(wanted):
                break
        await asyncio.sleep(0.05)
    await context.session.execute(effect("passed", number, context.attempt))


def patient(number: int) -> None:
    """Wait for ever, as a plain Celery task with a soft time limit."""
    try:
        run_async(_wait(number))
    except BaseException as error:
        run_async(store(type(error).__name__[:20], number))
        raise


def effect(what: str, number: int, attempt: int = 1) -> sa.Insert:
    return EFFECTS.insert().values(what=what, number=number, attempt=attempt)


async def store(what: str, number: int, attempt: int = 1) -> None:
    async with database.session() as session:
        await session.execute(effect(what, number, attempt))


async def _wait(number: int) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await store("cancelled", number)


class _Hanging:
    """A broker's client that never comes back."""

    async def dispatch(self, jobs: Sequence[Job]) -> None:
        say("claimed")
        await asyncio.Event().wait()


def say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def _die(where: str) -> None:
    if where == "claimed":
        await Relay(database, dispatcher=_Hanging(), lease=LEASE).run()
    async with database.session() as session:
        await note.enqueue(session, 1)
        if where == "stored":
            say(where)
            await asyncio.Event().wait()
    say(where)
    await asyncio.Event().wait()


if "SHOP_BROKER_URL" in os.environ:  # a program of its own, not the tests themselves
    celery = celery_at(os.environ["SHOP_BROKER_URL"], os.environ["SHOP_QUEUE"], database, LEASE)

if __name__ == "__main__":
    asyncio.run(_die(sys.argv[1]))

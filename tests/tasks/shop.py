"""An app as workers, relays and servers of the tests load it: told by the environment where all is.

`python -m tests.tasks.shop order 3` is a server that stores three jobs and then hangs;
`python -m tests.tasks.shop claim` is a relay that hangs between its claim and sending.
"""

import asyncio
import os
from datetime import timedelta

import sqlalchemy as sa

from fastapi_crud import Database
from fastapi_crud.tasks import TaskContext, outbox_table, task
from fastapi_crud.tasks.celery import run_async

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
"""What tasks have done; there is nothing that keeps them from doing it twice."""

LEASE = timedelta(seconds=float(os.environ.get("SHOP_LEASE", "60")))
DATABASE_URL = os.environ.get("SHOP_DATABASE_URL", "sqlite://")
QUEUE = os.environ.get("SHOP_QUEUE", "shop")

database = Database(DATABASE_URL, metadata=METADATA)


def effect(what: str, number: int, attempt: int = 1) -> sa.Insert:
    return EFFECTS.insert().values(what=what, number=number, attempt=attempt)


@task("shop.note")
async def note(context: TaskContext, number: int) -> None:
    """Take part in the transaction of the job, with a query before and after."""
    await context.session.scalar(sa.select(sa.func.count()).select_from(EFFECTS))
    await context.session.execute(effect("noted", number, context.attempt))


@task("shop.tally")
def tally(number: int) -> None:
    """Do the same in plain code, past the transaction."""
    run_async(_store("tallied", number))


@task("shop.stuck")
async def stuck(context: TaskContext, number: int) -> None:
    """Begin, and hang in the first attempt."""
    await _store("begun", number)
    if context.attempt == 1:
        await asyncio.Event().wait()
    await context.session.execute(effect("ended", number, context.attempt))


@task("shop.slow", time_limit=0.2)
async def slow(context: TaskContext, number: int) -> None:
    """Take longer than is allowed, except in the second attempt."""
    await context.session.execute(effect("slow", number, context.attempt))
    if context.attempt == 1:
        await asyncio.Event().wait()


async def _store(what: str, number: int) -> None:
    async with database.session() as session:
        await session.execute(effect(what, number))

"""An outbox for the tests of tasks, with a table of what tasks have done."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Database
from fastapi_crud.models import utc_now
from fastapi_crud.tasks import outbox_table
from fastapi_crud.tasks.outbox import OUTBOX
from fastapi_crud.tasks.task import registry
from tests.conftest import tables_of

METADATA = sa.MetaData()
outbox_table(METADATA)
EFFECTS = sa.Table(
    "task_effects",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("what", sa.String(50), nullable=False),
)


@pytest.fixture(scope="module")
async def outbox_tables(database: Database) -> AsyncIterator[Database]:
    """The tables of these tests, on each backend."""
    async with tables_of(database, METADATA) as own:
        yield own


@pytest.fixture
async def jobs(outbox_tables: Database, own_tasks: None) -> Database:
    """A database without jobs and effects, on each backend."""
    async with outbox_tables.session() as session:
        await session.execute(OUTBOX.delete())
        await session.execute(EFFECTS.delete())
    return outbox_tables


@pytest.fixture
async def lite(tmp_path: Path, own_tasks: None) -> AsyncIterator[Database]:
    """A SQLite database of this test alone, for what is the same on every backend."""
    database = Database(f"sqlite:///{tmp_path}/tasks.db", metadata=METADATA)
    await database.create_all()
    yield database
    await database.engine.dispose()


@pytest.fixture
def own_tasks() -> Iterator[None]:
    """Forget the tasks that a test defines."""
    known = {**registry}
    yield
    registry.clear()
    registry.update(known)


async def note(session: AsyncSession, what: str) -> None:
    """Write down what a task did."""
    await session.execute(EFFECTS.insert().values(what=what))


async def effects(database: Database) -> list[str]:
    """What tasks have done, in that order."""
    async with database.session() as session:
        return [*await session.scalars(sa.select(EFFECTS.c.what).order_by(EFFECTS.c.id))]


async def columns(database: Database, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of all jobs, in the order of asking."""
    wanted = sa.select(*(OUTBOX.c[name] for name in names)).order_by(OUTBOX.c.id)
    async with database.session() as session:
        return [tuple(each) for each in await session.execute(wanted)]


async def let_time_pass(database: Database) -> None:
    """Make all jobs due, and end all leases."""
    async with database.session() as session:
        await session.execute(OUTBOX.update().values(available_at=utc_now()))

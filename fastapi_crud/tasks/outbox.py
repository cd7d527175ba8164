"""The outbox: a table of jobs that are stored, or not, with the transaction that asks for them."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud.exceptions import UniqueViolation
from fastapi_crud.idempotency import Claim
from fastapi_crud.integrity import translated
from fastapi_crud.models import UTCDateTime, utc_now, uuid7

State = Literal["new", "sent", "running", "done", "dead"]
"""`new` waits for its time; `sent` is on its way to a worker; `dead` is not tried any more."""
MAX_ERROR = 1000
"""Characters that are kept of an error."""


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """Give the table of the jobs, `task_outbox`; the same for the same metadata.

    Args:
        metadata: Where your models' tables are: migrations and `create_all` then see it as well.
    """
    return sa.Table(
        "task_outbox",
        metadata,
        sa.Column("id", sa.Uuid, primary_key=True, default=uuid7),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("available_at", UTCDateTime, nullable=False),
        sa.Column("lease", sa.Uuid),
        sa.Column("dedupe_key", sa.String(200), unique=True),
        sa.Column("last_error", sa.String(MAX_ERROR)),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("finished_at", UTCDateTime),
        sa.Index("ix_task_outbox_state_available_at", "state", "available_at"),
        keep_existing=True,
    )


OUTBOX = outbox_table(sa.MetaData())
"""The table as statements name it, whatever metadata it was created by."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row of the outbox.

    Args:
        id: Its key; the same in every attempt.
        name: The name of its task.
        payload: The arguments, as JSON.
        attempts: How often it was begun, this time included.
        lease: Whose turn it is: only who holds it may say how the job ended.
    """

    id: UUID
    name: str
    payload: Mapping[str, Any]
    attempts: int
    lease: UUID | None


@dataclass(frozen=True, kw_only=True)
class DeadJob:
    """A job that is not tried any more.

    Args:
        id: Its key.
        name: The name of its task.
        payload: The arguments, as JSON.
        attempts: How often it was begun.
        last_error: How the last attempt ended.
        finished_at: When it was given up.
    """

    id: UUID
    name: str
    payload: Mapping[str, Any]
    attempts: int
    last_error: str | None
    finished_at: datetime


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a queue is doing.

    Args:
        depth: Jobs that wait, are on their way or run.
        due: Of these, jobs whose time has come and that nobody has begun.
        oldest_seconds: For how many seconds the one that is due the longest has been.
        dead: Jobs that were given up.
    """

    depth: int
    due: int
    oldest_seconds: float
    dead: int


async def insert_job(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """Store a job with the transaction of a session; False if its `dedupe_key` is taken."""
    mysql = session.get_bind().dialect.name in {"mysql", "mariadb"}
    insert: Any = (sa.insert if mysql or not values["dedupe_key"] else Claim)(OUTBOX)
    statement = insert.values({**values}).execution_options(preserve_rowcount=True)
    try:
        with translated(), _discreet():
            return bool(cast("Any", await session.execute(statement)).rowcount)
    except UniqueViolation:  # on MySQL and MariaDB, which go on with the transaction
        return False


@contextmanager
def _discreet() -> Generator[None]:
    """Keep what a job is about out of the messages of database errors, and so out of logs."""
    try:
        yield
    except StatementError as error:
        error.hide_parameters = True
        raise


async def claim(
    session: AsyncSession, most: int, lease: timedelta, *, state: Literal["sent", "running"]
) -> list[Job]:
    """Claim jobs that are due, and those whose worker has been silent for too long.

    Of several relays at the same time each gets others: rows that are locked are passed over.

    Args:
        session: The session to work in, which has done nothing yet. Whoever opened it commits it.
        most: How many to claim.
        lease: For how long they are claimed.
        state: Whether they are sent to a worker, or begun here and now.
    """
    now, row = utc_now(), OUTBOX.c
    with translated():
        returning = session.get_bind().dialect.update_returning
        if not returning:  # MySQL and MariaDB lock gaps otherwise, where others store jobs
            await session.connection(execution_options={"isolation_level": "READ COMMITTED"})
        due = (
            sa.select(row.id)
            .where(row.state.in_(["new", "sent", "running"]), row.available_at <= now)
            .order_by(row.priority.desc(), row.available_at, row.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        begun = row.attempts + 1 if state == "running" else row.attempts
        values = {"state": state, "available_at": now + lease, "lease": uuid7(), "attempts": begun}
        change = sa.update(OUTBOX).values(values)
        if returning:
            # A CTE runs once; PostgreSQL may run a subquery for each row, and claim them all.
            once = due.cte("due")
            change = change.where(row.id.in_(sa.select(once.c.id))).returning(*_of_job())
            return [_job(each) for each in (await session.execute(change)).mappings()]
        keys = (await session.scalars(due)).all()
        await session.execute(change.where(row.id.in_(keys)))
        found = await session.execute(sa.select(*_of_job()).where(row.id.in_(keys)))
        return [_job(each) for each in found.mappings()]


async def start(session: AsyncSession, job_id: UUID, lease: timedelta) -> Job | None:
    """Begin a job that was sent; None if it has been begun, or has ended, meanwhile."""
    now, row = utc_now(), OUTBOX.c
    values = {
        "state": "running",
        "available_at": now + lease,
        "lease": uuid7(),
        "attempts": row.attempts + 1,
    }
    with translated():
        change = sa.update(OUTBOX).where(row.id == job_id, row.state == "sent").values(values)
        begun: Any = await session.execute(change)
        if not begun.rowcount:
            return None
        found = await session.execute(sa.select(*_of_job()).where(row.id == job_id))
        return _job(found.mappings().one())


async def end(session: AsyncSession, job: Job, state: State, **values: Any) -> bool:  # noqa: ANN401
    """Say how a job ended; False if somebody else has taken it over.

    Args:
        session: The session to work in. Whoever opened it commits it.
        job: The job, as it was claimed.
        state: What it is now.
        **values: More columns.
    """
    same = (OUTBOX.c.id == job.id, OUTBOX.c.lease == job.lease)
    change = sa.update(OUTBOX).where(*same).values(state=state, lease=None, **values)
    with translated():
        changed: Any = await session.execute(change)
    return bool(changed.rowcount)


async def dead_jobs(session: AsyncSession, *, limit: int = 100) -> list[DeadJob]:
    """List the jobs that were given up, the last one first."""
    row = OUTBOX.c
    names = ("id", "name", "payload", "attempts", "last_error", "finished_at")
    wanted = sa.select(*(row[name] for name in names)).where(row.state == "dead")
    found = await session.execute(wanted.order_by(row.finished_at.desc(), row.id).limit(limit))
    return [DeadJob(**each) for each in found.mappings()]


async def replay(session: AsyncSession, job_id: UUID) -> bool:
    """Let a job that was given up be tried again from the start; False if there is none."""
    row = OUTBOX.c
    values = {"state": "new", "attempts": 0, "available_at": utc_now(), "finished_at": None}
    change = sa.update(OUTBOX).where(row.id == job_id, row.state == "dead").values(values)
    changed: Any = await session.execute(change)
    return bool(changed.rowcount)


async def prune(session: AsyncSession, *, older_than: timedelta = timedelta(days=7)) -> int:
    """Delete jobs that ended well long ago, and tell how many: call it now and then.

    Until then their `dedupe_key` is taken.
    """
    row = OUTBOX.c
    ended = (row.state == "done", row.finished_at <= utc_now() - older_than)
    gone: Any = await session.execute(sa.delete(OUTBOX).where(*ended))
    return int(gone.rowcount)


async def health(session: AsyncSession) -> Health:
    """Tell how the queue is doing, for readiness and metrics."""
    row, now = OUTBOX.c, utc_now()
    waits = sa.and_(row.state.in_(["new", "sent"]), row.available_at <= now)

    def count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    oldest = sa.func.min(sa.case((waits, row.available_at)), type_=UTCDateTime())
    figures = sa.select(
        count(row.state.in_(["new", "sent", "running"])), count(waits), count(row.state == "dead"),
        oldest,
    ).where(row.state != "done")  # fmt: skip
    depth, due, dead, since = (await session.execute(figures)).one()
    age = 0.0 if since is None else max(0.0, (now - since).total_seconds())
    return Health(depth=int(depth), due=int(due), oldest_seconds=age, dead=int(dead))


def _of_job() -> Sequence[sa.Column[Any]]:
    row = OUTBOX.c
    return (row.id, row.name, row.payload, row.attempts, row.lease)


def _job(row: sa.RowMapping) -> Job:
    return Job(**row)

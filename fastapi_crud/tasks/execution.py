"""One attempt at a job: what it does and that it is done are committed together."""

import asyncio
import logging
from datetime import timedelta

from fastapi_crud.database import AsyncSession, Database
from fastapi_crud.models import utc_now
from fastapi_crud.tasks.exceptions import LeaseLost, Permanent, Retry
from fastapi_crud.tasks.outbox import MAX_ERROR, Job, end
from fastapi_crud.tasks.task import RetryPolicy, TaskContext, registry

logger: logging.Logger = logging.getLogger(__name__)


async def execute(database: Database, job: Job) -> None:
    """Make an attempt at a job that was begun, and write down how it ended.

    Args:
        database: Where the outbox is.
        job: The job, as it was claimed or begun.
    """
    asked = registry.get(job.name)
    if asked is None:
        await _bury(database, job, f"there is no task called {job.name}")
        return
    if job.attempts > asked.retry.max_attempts:  # whoever ran it died each time
        await _bury(database, job, "the worker ended before the job did, each time")
        return
    try:
        async with asyncio.timeout(asked.time_limit), database.session() as session:
            context = TaskContext(job_id=job.id, attempt=job.attempts, session=session)
            await asked.call(context, job.payload)
            await _finish(session, job)
    except LeaseLost:
        logger.warning("job %s (%s) was taken over by another worker", job.id, job.name)
    except Permanent as error:
        await _bury(database, job, described(error))
    except asyncio.CancelledError:
        await _put_back(database, job, Retry("interrupted: the worker stopped"), asked.retry)
        raise
    except Exception as error:
        logger.exception("job %s (%s) failed, attempt %d", job.id, job.name, job.attempts)
        await _put_back(database, job, error, asked.retry)


async def _finish(session: AsyncSession, job: Job) -> None:
    if not await end(session, job, "done", finished_at=utc_now(), last_error=None):
        raise LeaseLost


async def _put_back(database: Database, job: Job, error: Exception, retry: RetryPolicy) -> None:
    if job.attempts >= retry.max_attempts:
        await _bury(database, job, described(error))
        return
    pause = retry.delay(job.attempts)
    if isinstance(error, Retry) and error.after is not None:
        pause = timedelta(seconds=error.after)
    async with database.session() as session:
        values = {"available_at": utc_now() + pause, "last_error": described(error)}
        await end(session, job, "new", **values)


async def _bury(database: Database, job: Job, reason: str) -> None:
    logger.error("job %s (%s) is given up: %s", job.id, job.name, reason)
    async with database.session() as session:
        await end(session, job, "dead", last_error=reason, finished_at=utc_now())


def described(error: BaseException) -> str:
    """Say what went wrong, short enough to keep."""
    return f"{type(error).__name__}: {error}"[:MAX_ERROR]

"""The relay: looks for jobs whose time has come, and has them run."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any, Literal, Protocol
from uuid import UUID

from fastapi_crud.database import Database
from fastapi_crud.models import utc_now
from fastapi_crud.tasks import outbox
from fastapi_crud.tasks.execution import execute
from fastapi_crud.tasks.outbox import DeadJob, Health, Job
from fastapi_crud.tasks.task import wakers

logger: logging.Logger = logging.getLogger(__name__)

MARGIN = timedelta(seconds=30)
"""How much longer than its time limit a job is nobody else's."""
LEASE = timedelta(seconds=300) + MARGIN
"""How long a job is given to whoever has it."""
LONGEST_REST = 5
"""Seconds that a relay sends nothing, at most, while its broker is away."""


class Dispatcher(Protocol):
    """Sends jobs to workers, such as those of Celery."""

    async def dispatch(self, jobs: Sequence[Job]) -> None:
        """Send jobs; only their ids leave the database.

        Args:
            jobs: Those that this relay has claimed.

        Raises:
            Exception: If they could not be sent: they stay, and are sent again later.
        """
        ...


class Relay:
    """Runs the jobs of a database, in this process or by a dispatcher. Several may run at once.

    Use it as a lifespan, `async with db.lifespan(app) as state, relay.lifespan(app): yield state`,
    as a command, `python -m fastapi_crud.tasks app:relay`, or by `drain()` in tests.

    Args:
        database: Where the outbox is.
        dispatcher: Sends jobs to workers; without one they run in this process.
        concurrency: How many run, or are sent, at the same time.
        poll: Seconds between two looks at an outbox that had nothing to do.
        lease: Seconds that a job is given to whoever has it; longer than any task's `time_limit`.
        grace: Seconds that jobs at work are given when the relay stops.
    """

    def __init__(
        self,
        database: Database,
        *,
        dispatcher: Dispatcher | None = None,
        concurrency: int = 10,
        poll: float = 0.5,
        lease: timedelta = LEASE,
        grace: float = 10,
    ) -> None:
        self.database = database
        self.dispatcher = dispatcher
        self.concurrency = concurrency
        self.poll = poll
        self.lease = lease
        self.grace = grace
        self._awake = asyncio.Event()
        self._stopping = False
        self._failures = 0
        self._rest_until = 0.0

    @asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncGenerator[None]:  # noqa: ANN401
        """Run beside an app, or anything else, and stop gracefully at the end."""
        del app
        self._stopping = False
        running = asyncio.create_task(self.run())
        try:
            yield
        finally:
            self.stop()
            await running

    def stop(self) -> None:
        """Take no more jobs, and let those at work end."""
        self._stopping = True
        self._awake.set()

    async def run(self) -> None:
        """Run jobs until `stop` is called. A database that is away is waited for."""
        loop = asyncio.get_running_loop()
        self._awake = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(self._awake.set)

        wakers.append(wake)
        at_work: set[asyncio.Task[None]] = set()
        try:
            while not self._stopping:
                await self._look(at_work)
        finally:
            wakers.remove(wake)
            await self._finish(at_work)

    async def drain(self) -> int:
        """Run all jobs that are due, and those that they ask for; tell how many. For tests.

        Jobs that have to wait, for a delay or another attempt, are left.
        """
        count = 0
        while jobs := await self._claim(self.concurrency):
            await self._work_on(jobs)
            count += len(jobs)
        return count

    async def dead(self, *, limit: int = 100) -> list[DeadJob]:
        """List the jobs that were given up, the last one first.

        Args:
            limit: How many to list at most.
        """
        async with self.database.session() as session:
            return await outbox.dead_jobs(session, limit=limit)

    async def replay(self, job_id: UUID) -> bool:
        """Let a job that was given up be tried again; False if there is none.

        Args:
            job_id: The job.
        """
        async with self.database.session() as session:
            return await outbox.replay(session, job_id)

    async def health(self) -> Health:
        """Tell how the queue is doing, for readiness and metrics."""
        async with self.database.session() as session:
            return await outbox.health(session)

    async def prune(self, *, older_than: timedelta = timedelta(days=7)) -> int:
        """Delete jobs that ended well long ago, and tell how many: call it now and then.

        Args:
            older_than: How long ago they ended; until then their `dedupe_key` is taken.
        """
        async with self.database.session() as session:
            return await outbox.prune(session, older_than=older_than)

    async def _look(self, at_work: set[asyncio.Task[None]]) -> None:
        """Begin what is due, then wait for something to happen."""
        self._awake.clear()
        resting = time.monotonic() < self._rest_until
        free = 0 if resting else self.concurrency - len(at_work)
        jobs: list[Job] = []
        try:
            jobs = await self._claim(free) if free else []
        except Exception:
            logger.exception("the outbox cannot be read; trying again")
        for part in self._parts(jobs):
            begun = asyncio.create_task(self._work_on(part))
            at_work.add(begun)
            begun.add_done_callback(partial(self._ended, at_work))
        if len(jobs) < free or not free:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), self.poll)

    def _ended(self, at_work: set[asyncio.Task[None]], ended: asyncio.Task[None]) -> None:
        """Make room for another; what could not even be written down is run again later."""
        at_work.discard(ended)
        self._awake.set()
        error = None if ended.cancelled() else ended.exception()
        if error is not None:
            logger.error("the end of a job could not be stored", exc_info=error)

    async def _claim(self, most: int) -> list[Job]:
        state: Literal["sent", "running"] = "sent" if self.dispatcher else "running"
        async with self.database.session() as session:
            return await outbox.claim(session, most, self.lease, state=state)

    def _parts(self, jobs: Sequence[Job]) -> list[Sequence[Job]]:
        """Split jobs into what is worked on together: all are sent at once, but run one by one."""
        if self.dispatcher is None:
            return [[job] for job in jobs]
        return [jobs] if jobs else []

    async def _work_on(self, jobs: Sequence[Job]) -> None:
        if self.dispatcher is None:
            await asyncio.gather(*(execute(self.database, job) for job in jobs))
            return
        try:
            await self.dispatcher.dispatch(jobs)
            self._failures = 0
        except Exception:
            logger.exception("%d jobs cannot be sent; trying again", len(jobs))
            again = utc_now() + timedelta(seconds=self._rest())
            async with self.database.session() as session:
                for job in jobs:
                    await outbox.end(session, job, "new", available_at=again)

    def _rest(self) -> float:
        """Take no jobs for a while, longer each time; give the seconds that are left of it."""
        now = time.monotonic()
        if now >= self._rest_until:
            self._rest_until = now + min(LONGEST_REST, 2.0 ** min(self._failures, 8))
            self._failures += 1
        return self._rest_until - now

    async def _finish(self, at_work: set[asyncio.Task[None]]) -> None:
        """Give jobs at work some time; what is left is rolled back, and run again later."""
        if not at_work:
            return
        _, late = await asyncio.wait(at_work, timeout=self.grace)
        for each in late:
            each.cancel()
        await asyncio.gather(*late, return_exceptions=True)

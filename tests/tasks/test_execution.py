"""One attempt at a job: it is done together with what it did, or not at all."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fastapi_crud import Database
from fastapi_crud.models import utc_now
from fastapi_crud.tasks import Permanent, Retry, RetryPolicy, TaskContext, outbox, task
from fastapi_crud.tasks.execution import described, execute
from fastapi_crud.tasks.outbox import MAX_ERROR, OUTBOX, Job
from tests.tasks.conftest import columns, effects, let_time_pass, note

LEASE = timedelta(minutes=1)
SURE = RetryPolicy(base=60)
STATE = ("state", "attempts", "last_error")


class Broken(Exception):
    """What a task may fail with."""


@task("execution.write", retry=SURE)
async def write(context: TaskContext, what: str) -> None:
    await note(context.session, what)


@task("execution.fail", retry=SURE)
async def fail(context: TaskContext, why: str) -> None:
    """Do something, and fail."""
    await note(context.session, "undone")
    raise {
        "retry": Retry("later", after=5),
        "retry by policy": Retry(),
        "permanent": Permanent(),
    }.get(why, Broken(why))


@task("execution.hang", retry=SURE, time_limit=0.01)
async def hang(context: TaskContext) -> None:
    await note(context.session, "undone")
    await asyncio.Event().wait()


async def begun(database: Database, asked: Any, *args: Any) -> Job:
    """Ask for a call, and claim it."""
    async with database.session() as session:
        await asked.enqueue(session, *args)
    return await claimed(database)


async def claimed(database: Database) -> Job:
    async with database.session() as session:
        [job] = await outbox.claim(session, 1, LEASE, state="running")
    return job


async def pause_of(database: Database, job: Job) -> tuple[timedelta, timedelta]:
    """Make an attempt, and give the bounds of the time until the next: at least, and at most."""
    before = utc_now()
    await execute(database, job)
    after = utc_now()
    [(at,)] = await columns(database, "available_at")
    return at - after, at - before


async def test_a_job_is_done_with_what_it_did(jobs: Database) -> None:
    """Is a job done once what it did is stored?"""
    await execute(jobs, await begun(jobs, write, "a"))
    assert await effects(jobs) == ["a"]
    [(state, lease, error, finished)] = await columns(
        jobs, "state", "lease", "last_error", "finished_at"
    )
    assert (state, lease, error) == ("done", None, None)
    assert finished <= utc_now()


@pytest.mark.parametrize("asked", [fail, hang], ids=["error", "time limit"])
async def test_a_failure_undoes_what_a_job_did(jobs: Database, asked: Any) -> None:
    """Is nothing left of an attempt that failed, and is the job tried again later?"""
    job = await begun(jobs, asked, *(["odd"] if asked is fail else []))
    await execute(jobs, job)
    assert await effects(jobs) == []
    [(state, lease, attempts)] = await columns(jobs, "state", "lease", "attempts")
    assert (state, lease, attempts) == ("new", None, 1)


async def test_a_job_that_was_taken_over_is_undone(
    jobs: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Is the work of who lost the lease rolled back, and that of the other one kept?"""
    slow = await begun(jobs, write, "a")
    await let_time_pass(jobs)
    other = await claimed(jobs)
    await execute(jobs, slow)
    assert await effects(jobs) == []
    assert caplog.messages == [f"job {slow.id} (execution.write) was taken over by another worker"]
    assert await columns(jobs, "state", "lease") == [("running", other.lease)]
    await execute(jobs, other)
    assert await effects(jobs) == ["a"]


async def test_a_failure_after_the_lease_changes_nothing(lite: Database) -> None:
    """Does who failed too late leave the job to who has it?"""
    slow = await begun(lite, fail, "odd")
    await let_time_pass(lite)
    other = await claimed(lite)
    await execute(lite, slow)
    assert await columns(lite, "state", "lease") == [("running", other.lease)]


async def test_a_commit_that_fails_is_a_failure(
    lite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is a job tried again if its end could not be stored?"""

    async def broken(*_: Any, **__: Any) -> bool:
        monkeypatch.undo()
        raise Broken("no database")

    job = await begun(lite, write, "a")
    monkeypatch.setattr("fastapi_crud.tasks.execution.end", broken)
    await execute(lite, job)
    assert await effects(lite) == []
    assert await columns(lite, *STATE) == [("new", 1, "Broken: no database")]


# How attempts end


@pytest.mark.parametrize(
    ("why", "error"),
    [("odd", "Broken: odd"), ("retry by policy", "Retry: asked for another attempt")],
)
async def test_errors_are_tried_again_by_the_policy(
    lite: Database, why: str, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Does a job that failed wait no longer than the policy says, with its error kept?"""
    job = await begun(lite, fail, why)
    at_least, at_most = await pause_of(lite, job)
    assert at_least <= timedelta(seconds=60)
    assert at_most >= timedelta(0)
    assert await columns(lite, *STATE) == [("new", 1, error)]
    assert caplog.messages == [f"job {job.id} (execution.fail) failed, attempt 1"]
    assert caplog.records[0].exc_info is not None


async def test_tasks_say_when_to_try_again(lite: Database) -> None:
    """Does a task that asks for another attempt in five seconds get it then?"""
    at_least, at_most = await pause_of(lite, await begun(lite, fail, "retry"))
    assert at_least <= timedelta(seconds=5) <= at_most
    assert await columns(lite, *STATE) == [("new", 1, "Retry: later")]


async def test_permanent_errors_are_not_tried_again(
    lite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Is a job dead at once that can never succeed, and is that told?"""
    job = await begun(lite, fail, "permanent")
    await execute(lite, job)
    assert await columns(lite, *STATE) == [("dead", 1, "Permanent: ")]
    assert await effects(lite) == []
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"job {job.id} (execution.fail) is given up: Permanent: "
    async with lite.session() as session:
        [dead] = await outbox.dead_jobs(session)
    assert (dead.id, dead.finished_at <= utc_now()) == (job.id, True)


@pytest.mark.parametrize("why", ["odd", "retry"])
async def test_there_is_a_last_attempt(lite: Database, why: str) -> None:
    """Is a job given up after as many attempts as the policy allows, whatever the error?"""
    twice = task("execution.twice", retry=RetryPolicy(max_attempts=2))(fail.function)
    job = await begun(lite, twice, why)
    await execute(lite, job)
    assert [each[0] for each in await columns(lite, "state")] == ["new"]
    await let_time_pass(lite)
    await execute(lite, await claimed(lite))
    assert await columns(lite, "state", "attempts") == [("dead", 2)]


async def test_success_forgets_the_error(lite: Database) -> None:
    """Is there no error of a job that succeeded in the end?"""
    job = await begun(lite, write, "a")
    async with lite.session() as session:
        await session.execute(OUTBOX.update().values(last_error="Broken: odd"))
    await execute(lite, job)
    assert await columns(lite, *STATE) == [("done", 1, None)]


async def test_a_job_that_kills_its_worker_is_given_up(lite: Database) -> None:
    """Is a job dead, and not run again, whose worker died in all attempts?"""
    once = task("execution.once", retry=RetryPolicy(max_attempts=1))(write.function)
    await begun(lite, once, "a")
    await let_time_pass(lite)
    await execute(lite, await claimed(lite))
    assert await effects(lite) == []
    assert await columns(lite, *STATE) == [
        ("dead", 2, "the worker ended before the job did, each time")
    ]


async def test_an_unknown_task_is_given_up(lite: Database, own_tasks: None) -> None:
    """Is a job kept for somebody to look at, whose task is not there any more?"""
    job = await begun(lite, write, "a")
    gone = replace(job, name="execution.gone")
    await execute(lite, gone)
    assert await columns(lite, *STATE) == [("dead", 1, "there is no task called execution.gone")]


async def test_arguments_that_do_not_fit_any_more_are_an_error(lite: Database) -> None:
    """Is a job tried again if the task has changed since, and does the log keep its arguments?"""
    job = await begun(lite, write, "a")
    await execute(lite, replace(job, payload={"what": ["tangerine-42"]}))
    [(state, error)] = await columns(lite, "state", "last_error")
    assert state == "new"
    assert error.startswith("ValidationError")
    assert "tangerine" not in error


async def test_jobs_have_a_time_limit(lite: Database) -> None:
    """Is the error of a job that took too long a timeout?"""
    await execute(lite, await begun(lite, hang))
    assert await columns(lite, *STATE) == [("new", 1, "TimeoutError: ")]


@pytest.mark.parametrize(("most", "state"), [(2, "new"), (1, "dead")], ids=["again", "last"])
async def test_a_worker_that_stops_puts_its_job_back(lite: Database, most: int, state: str) -> None:
    """Is a job that was interrupted undone and tried again, if that was not its last attempt?"""
    running = asyncio.Event()

    async def wait(context: TaskContext) -> None:
        await note(context.session, "undone")
        running.set()
        await asyncio.Event().wait()

    job = await begun(lite, task("execution.wait", retry=RetryPolicy(max_attempts=most))(wait))
    attempt = asyncio.create_task(execute(lite, job))
    await running.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert await effects(lite) == []
    assert await columns(lite, *STATE) == [(state, 1, "Retry: interrupted: the worker stopped")]


async def test_long_errors_are_cut(lite: Database) -> None:
    """Is as much kept of an error as there is room for?"""
    await execute(lite, await begun(lite, fail, "x" * 2 * MAX_ERROR))
    [(error,)] = await columns(lite, "last_error")
    assert error == described(Broken("x" * 2 * MAX_ERROR))
    assert len(error) == MAX_ERROR
    assert error.startswith("Broken: xxx")

"""Tasks: what they are called with, when they run, and who is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.database import AsyncSession
from fastapi_crud.models import utc_now, uuid7
from fastapi_crud.tasks import Relay, RetryPolicy, Task, TaskContext, enqueue, task
from fastapi_crud.tasks.task import TaskOptions, binders, registry, wakers
from tests.conftest import counted
from tests.tasks.conftest import columns, effects, note

pytestmark = pytest.mark.usefixtures("own_tasks")

SECRET = "tangerine-42"


class Color(Enum):
    RED = "red"


class Address(BaseModel):
    street: str
    since: date | None = None


@dataclass
class Point:
    x: int
    y: int = 0


@task("task.write")
async def write(context: TaskContext, what: str) -> None:
    await note(context.session, what)


@task("task.add")
def add(number: int, *, more: int = 1) -> None:
    """Nothing to see."""


@task("task.nothing")
async def nothing() -> None:
    """Nothing to see."""


# When to try again


@given(
    st.integers(1, 1000),
    st.floats(0, 1e6, allow_nan=False),
    st.floats(0, 1e6, allow_nan=False),
)
def test_pauses_grow_within_bounds(attempts: int, base: float, cap: float) -> None:
    """Is a pause never negative, nor longer than the bound that doubles, nor than the cap?"""
    pause = RetryPolicy(base=base, cap=cap).delay(attempts)
    bound = min(cap, base * 2.0 ** (attempts - 1))
    assert timedelta(0) <= pause <= timedelta(seconds=bound)


# Asking for a call


async def test_a_call_that_is_stored_is_run_once(jobs: Database) -> None:
    """Does a call run once after the commit, by either way to ask for it?"""
    async with jobs.session() as session:
        first = await write.enqueue(session, "a")
        second = await enqueue(session, write, what="b")
    assert await effects(jobs) == []
    assert await Relay(jobs, concurrency=1).drain() == 2
    assert await Relay(jobs).drain() == 0
    assert await effects(jobs) == ["a", "b"]
    assert await columns(jobs, "id") == [(first,), (second,)]


async def test_a_call_that_is_undone_never_runs(jobs: Database) -> None:
    """Does nothing run, and nobody wake up, after a rollback, or one to a savepoint?"""
    with suppress(LookupError):
        async with jobs.session() as session:
            await write.enqueue(session, "rolled back")
            raise LookupError
    async with jobs.session() as session:
        with suppress(LookupError):
            async with session.begin_nested():
                await write.enqueue(session, "savepoint")
                raise LookupError
        await write.enqueue(session, "kept")
    assert await Relay(jobs).drain() == 1
    assert await effects(jobs) == ["kept"]


async def test_a_call_costs_one_statement(jobs: Database) -> None:
    """Does asking send one statement, and no other before the commit?"""
    async with jobs.session() as session:
        with counted(jobs.engine) as statements:
            await write.enqueue(session, "a")
        assert statements.verbs == ["INSERT"]


async def test_a_repeated_call_is_not_stored(jobs: Database) -> None:
    """Is there None for a call whose key is taken, and does its transaction go on?"""
    once = write.later(dedupe_key="once")
    async with jobs.session() as session:
        assert await once.enqueue(session, "a")
    async with jobs.session() as session:
        assert await once.enqueue(session, "b") is None
        await write.enqueue(session, "c")
    await Relay(jobs, concurrency=1).drain()
    assert await effects(jobs) == ["a", "c"]


async def test_calls_go_by_priority_then_time(jobs: Database) -> None:
    """Do urgent calls run first, and others in the order of their time?"""
    now = utc_now()
    async with jobs.session() as session:
        await write.later(at=now - timedelta(seconds=1)).enqueue(session, "late")
        await write.later(at=now - timedelta(seconds=9)).enqueue(session, "early")
        await write.later(priority=1).enqueue(session, "urgent")
        await write.later(delay=60).enqueue(session, "not yet")
    assert await Relay(jobs, concurrency=1).drain() == 3
    assert await effects(jobs) == ["urgent", "early", "late"]


@pytest.mark.parametrize("delay", [90, 90.0, timedelta(seconds=90)], ids=["int", "float", "span"])
async def test_calls_can_wait(lite: Database, delay: timedelta | float) -> None:
    """Is the time of a call that much later than the asking?"""
    before = utc_now()
    async with lite.session() as session:
        await add.later(delay=delay).enqueue(session, 1)
    [(at,)] = await columns(lite, "available_at")
    assert before <= at - timedelta(seconds=90) <= utc_now()


async def test_calls_have_a_time(lite: Database) -> None:
    """Is a call stored for exactly the time that it is wanted at?"""
    wanted = datetime.fromisoformat("2050-01-02T03:04:05+02:00")
    async with lite.session() as session:
        await add.later(at=wanted).enqueue(session, 1)
    assert await columns(lite, "available_at") == [(wanted,)]
    assert await Relay(lite).drain() == 0


def test_later_changes_nothing_else() -> None:
    """Is the task of later calls the same, and the task itself as it was?"""
    changed = add.later(delay=5, priority=2, dedupe_key="k")
    assert (changed.name, changed.function, changed.retry) == (add.name, add.function, add.retry)
    assert changed.options == TaskOptions(
        delay=timedelta(seconds=5), priority=2, dedupe_key="k", at=None
    )
    assert add.options == TaskOptions()


@pytest.fixture
def woken() -> Iterator[list[str]]:
    """Whoever is told of stored calls writes it down here."""
    told: list[str] = []

    def wake() -> None:
        told.append("woken")

    wakers.append(wake)
    yield told
    wakers.remove(wake)


async def test_relays_wake_after_the_commit(lite: Database, woken: list[str]) -> None:
    """Are the relays of this process told after the commit, and of nothing that is undone?"""
    async with lite.session() as session:
        await nothing.enqueue(session)
        assert woken == []
    assert woken == ["woken"]
    with suppress(LookupError):
        async with lite.session() as session:
            await nothing.enqueue(session)
            raise LookupError
    assert woken == ["woken"]


# Arguments

WRONG: dict[str, tuple[Task[...], tuple[Any, ...], dict[str, Any]]] = {
    "another type": (add, (SECRET,), {}),
    "another type, by name": (add, (1,), {"more": SECRET}),
    "none at all": (add, (), {}),
    "too many": (add, (1, SECRET), {}),
    "an unknown name": (add, (1,), {"other": SECRET}),
    "twice": (add, (1,), {"number": SECRET}),
    "some where there are none": (nothing, (SECRET,), {}),
    "a context": (write, (SECRET, "a"), {}),
}


@pytest.mark.parametrize(("asked", "args", "kwargs"), WRONG.values(), ids=WRONG)
async def test_wrong_arguments_are_refused(
    lite: Database, asked: Task[...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Is a call refused at once, naming the task and not what it was called with?"""
    async with lite.session() as session:
        with pytest.raises(ConfigurationError, match="does not take these arguments") as error:
            await asked.enqueue(session, *args, **kwargs)
    assert str(error.value).startswith(asked.name)
    assert SECRET not in f"{error.value}{error.value.__cause__}"
    assert await columns(lite, "id") == []


VALUES: dict[str, tuple[Any, Any]] = {
    "int": (int, 2**70),
    "str": (str, "Zoë\N{SNOWMAN}'\"\\"),
    "float": (float, 0.1),
    "None": (int | None, None),
    "date": (date, date(2024, 2, 29)),
    "datetime": (datetime, datetime.fromisoformat("2024-02-29T12:00:00.000001+02:00")),
    "timedelta": (timedelta, timedelta(days=1, microseconds=1)),
    "Decimal": (Decimal, Decimal("0.10")),
    "UUID": (UUID, uuid7()),
    "Enum": (Color, Color.RED),
    "list": (list[UUID], [uuid7()]),
    "dict": (dict[str, Decimal], {"a": Decimal("1.50")}),
    "model": (Address, Address(street="Ring", since=date(2024, 1, 1))),
    "dataclass": (Point, Point(1, 2)),
}


@pytest.mark.parametrize(("kind", "value"), VALUES.values(), ids=VALUES)
async def test_arguments_arrive_as_they_were(lite: Database, kind: Any, value: Any) -> None:
    """Does a function get the values, and types, that its call was asked for with?"""
    arrived: list[Any] = []

    async def keep(value: Any) -> None:
        arrived.append(value)

    keep.__annotations__["value"] = kind
    known: Task[...] = task("task.keep")(keep)
    async with lite.session() as session:
        await known.enqueue(session, value)
    assert await Relay(lite).drain() == 1
    assert arrived == [value]
    assert type(arrived[0]) is type(value)


async def test_arguments_without_a_type_and_with_defaults(lite: Database) -> None:
    """Are arguments without a type kept as JSON, and those that are left out by default?"""
    arrived: list[Any] = []

    def keep(anything: Any, model_config: Any = None, more: int = 5) -> None:
        arrived.append((anything, model_config, more))

    keep.__annotations__.clear()
    asked: Task[...] = task("task.keep")(keep)
    async with lite.session() as session:
        await asked.enqueue(session, {"a": [1, None]}, more=6)
    await Relay(lite).drain()
    assert arrived == [({"a": [1, None]}, None, 6)]


# Functions


def functions(seen: list[Any]) -> dict[str, Callable[..., Any]]:
    """A function of each kind, which writes down its thread and what it got."""

    async def with_context(context: TaskContext, number: int) -> None:
        seen.append((threading.get_ident(), context, number))

    async def without(number: int) -> None:
        seen.append((threading.get_ident(), None, number))

    def plain_with_context(context: TaskContext, number: int) -> None:
        seen.append((threading.get_ident(), context, number))

    def plain(number: int) -> None:
        seen.append((threading.get_ident(), None, number))

    every = (with_context, without, plain_with_context, plain)
    return {each.__name__: each for each in every}


@pytest.mark.parametrize("kind", [*functions([])])
async def test_functions_of_each_kind(lite: Database, kind: str) -> None:
    """Is a function called with its arguments, in a thread if it would block the loop?"""
    seen: list[Any] = []
    async with lite.session() as session:
        job_id = await task("task.kind")(functions(seen)[kind]).enqueue(session, 5)
    assert await Relay(lite).drain() == 1
    [(thread, context, number)] = seen
    assert number == 5
    assert (thread == threading.get_ident()) is not kind.startswith("plain")
    if kind.endswith("context"):
        assert (context.job_id, context.attempt) == (job_id, 1)
        assert isinstance(context.session, AsyncSession)
    assert await columns(lite, "state") == [("done",)]


def test_names_are_unique() -> None:
    """Is another function of the same name refused, and the same one, loaded again, not?"""

    def other(number: int) -> None:
        """Nothing to see."""

    with pytest.raises(ConfigurationError, match=r"two tasks are called task\.add"):
        task("task.add")(other)
    assert registry["task.add"] is add
    again = task("task.add")(add.function)
    assert registry["task.add"] is again


def test_new_tasks_are_made_known() -> None:
    """Is whoever wants to know of tasks told of each that is defined?"""
    known: list[str] = []

    def tell(made: Task[...]) -> None:
        known.append(made.name)

    binders.append(tell)
    try:
        task("task.new", retry=RetryPolicy(max_attempts=3), time_limit=5)(nothing.function)
    finally:
        binders.remove(tell)
    assert known == ["task.new"]
    made = registry["task.new"]
    assert (made.retry.max_attempts, made.time_limit) == (3, 5)


def test_delay_needs_celery() -> None:
    """Does the error tell what to do, where no Celery app is known?"""
    alone = Task[...](name="task.alone", function=nothing.function)
    with pytest.raises(ConfigurationError, match=r"task\.alone\.delay needs Celery: call make_"):
        alone.delay()


def test_delay_sends_checked_arguments() -> None:
    """Do arguments go where the task is bound to, as JSON, and wrong ones nowhere?"""
    sent: list[Any] = []
    bound = Task[...](name="task.bound", function=add.function)

    def send(payload: Any) -> str:
        sent.append(payload)
        return "result"

    bound.bind(send)
    assert bound.delay(1) == "result"
    with pytest.raises(ConfigurationError, match="does not take"):
        bound.delay(SECRET)
    assert bound.later(priority=5).delay(2, more=3) == "result"
    assert sent == [{"number": 1, "more": 1}, {"number": 2, "more": 3}]


def _starred(*numbers: int) -> None: ...


def _named_by_nobody(**numbers: int) -> None: ...


def _by_position(number: int, /) -> None: ...


@pytest.mark.parametrize("function", [_starred, _named_by_nobody, _by_position])
def test_arguments_have_names(function: Any) -> None:
    """Is a task refused, when it is defined, whose arguments cannot be kept by their names?"""
    with pytest.raises(ConfigurationError, match="name them all"):
        task("tests.nameless")(function)

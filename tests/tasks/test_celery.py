"""The Celery app: safe, aware of all tasks, and sending no more than it must."""

import asyncio
import json
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import celery.exceptions  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import pytest
import sqlalchemy as sa

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.tasks import Permanent, Relay, Retry, RetryPolicy, TaskContext, task
from fastapi_crud.tasks.celery import (
    RELAY,
    RUN,
    CeleryDispatcher,
    beat_relay,
    make_celery,
    run_async,
    signals,
)
from fastapi_crud.tasks.outbox import Job, claim
from fastapi_crud.tasks.portal import close
from fastapi_crud.tasks.settings import TaskSettings
from tests.tasks import shop as goods
from tests.tasks.fleet import bindings_kept, free_port

LEASE = timedelta(seconds=60)
MEMORY = TaskSettings(broker_url="memory://")

called: list[tuple[UUID, int]] = []
"""Job and attempt of each call of `called_with`."""


@task("celery.errors", retry=RetryPolicy(max_attempts=3, base=0.01))
async def errors(context: TaskContext, kind: str) -> None:
    """Fail in a way of the caller's choice."""
    called.append((context.job_id, context.attempt))
    if kind == "twice" and context.attempt == 3:
        return
    if kind == "later":
        raise Retry(after=42)
    if kind == "never":
        raise Permanent
    raise LookupError(kind)


@task("celery.endless", time_limit=0.05, retry=RetryPolicy(max_attempts=1))
async def endless() -> None:
    await asyncio.Event().wait()


@task("celery.asks", retry=RetryPolicy(max_attempts=3, base=0.01))
async def asks(context: TaskContext) -> None:
    called.append((context.job_id, context.attempt))
    await context.session.execute(sa.select(sa.literal(1)))


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    """Nothing remains of apps and calls."""
    called.clear()
    with bindings_kept():
        yield
    close()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """An empty database, used by the portal only."""
    database = Database(f"sqlite:///{tmp_path}/shop.db", metadata=goods.METADATA)
    run_async(database.create_all())
    return database


@pytest.fixture
def app(database: Database) -> Any:
    """An app with a queue in memory."""
    return in_memory(make_celery(MEMORY, database=database))


def in_memory(app: Any) -> Any:
    app.conf.update(task_default_queue=token_hex(6))
    return app


def messages(app: Any) -> list[Any]:
    """Take what waits in the queue of an app."""
    found: list[Any] = []
    with app.connection() as connection:
        queue = connection.SimpleQueue(app.conf.task_default_queue)
        while len(queue):
            found.append(queue.get_nowait())
            found[-1].ack()
        queue.close()
    return found


async def effects(database: Database) -> list[tuple[str, int]]:
    async with database.session() as session:
        found = await session.execute(sa.select(goods.EFFECTS.c.what, goods.EFFECTS.c.number))
        return [(what, number) for what, number in found]


async def ordered(database: Database, *numbers: int) -> list[Job]:
    """Jobs as a relay has claimed them, to be sent."""
    async with database.session() as session:
        for number in numbers:
            await goods.note.enqueue(session, number)
    async with database.session() as session:
        return await claim(session, 100, LEASE, state="sent")


def job(name: str = "shop.note") -> Job:
    return Job(id=uuid4(), name=name, payload={"number": 7}, attempts=0, lease=uuid4())


def test_it_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is the broker that of the environment, unless settings are given?"""
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6380/3")
    app: Any = make_celery()
    assert app.main == "worker"
    assert app.conf.broker_url == "redis://elsewhere:6380/3"
    assert app.conf.task_time_limit == 300
    named: Any = make_celery(MEMORY, name="shop")
    assert (named.main, named.conf.broker_url) == ("shop", "memory://")


async def sleepy(self: Any = None) -> None:
    pytest.fail("it is refused")


async def stream() -> Any:
    yield 1


def by_class(app: Any, function: Any) -> None:
    type("Sleepy", (app.Task,), {"run": function, "name": "celery.sleepy"})


WAYS: dict[str, Callable[[Any, Any], object]] = {
    "bare": lambda app, function: app.task(function),
    "named": lambda app, function: app.task(name="celery.sleepy")(function),
    "bound": lambda app, function: app.task(bind=True)(function),
    "pydantic": lambda app, function: app.task(pydantic=True)(function),
    "class": by_class,
}


@pytest.mark.parametrize("define", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("function", [sleepy, stream])
def test_async_functions_are_refused(app: Any, define: Any, function: Any) -> None:
    """Is an `async def` refused where it is defined, and the fix named?"""
    with pytest.raises(ConfigurationError, match=r"@task\(…\) of fastapi_crud.tasks, or call run_"):
        define(app, function)


def test_plain_functions_are_as_ever(app: Any) -> None:
    """Are plain functions Celery tasks as they always were?"""

    def add(x: int, y: int = 1) -> int:
        return x + y

    assert app.task(add).apply(args=[1]).get() == 2
    assert app.task(name="celery.add")(add).apply(args=[1], kwargs={"y": 2}).get() == 3


def test_all_tasks_are_known(app: Any) -> None:
    """Does an app know tasks by their names, those defined after it and those defined again too?"""

    def later(number: int) -> None:
        called.append((uuid4(), number))

    first = task("celery.later")(later)
    again = task("celery.later")(later)
    assert {"shop.note", "celery.later", RUN} <= {*app.tasks}
    for each in (first, again, again.later(delay=5)):
        each.delay(1)
    assert [each.headers["task"] for each in messages(app)] == ["celery.later"] * 3


@pytest.mark.parametrize("arguments", [((7,), {}), ((), {"number": "7"})], ids=["place", "name"])
def test_delay_is_plain_celery(app: Any, arguments: Any) -> None:
    """Does `delay` send what a task is called with, and does nothing but the body show it?"""
    args, kwargs = arguments
    goods.note.delay(*args, **kwargs)
    (message,) = messages(app)
    assert json.loads(message.body)[:2] == [[], {"number": 7}]
    assert message.content_type == "application/json"
    assert "7" not in message.headers["argsrepr"] + message.headers["kwargsrepr"]
    assert message.headers["timelimit"] == [315, 305]


def test_delay_takes_what_the_task_takes(app: Any) -> None:
    """Are arguments refused that the task does not take, before anything is sent?"""
    with pytest.raises(ConfigurationError, match="does not take these arguments"):
        goods.note.delay("seven")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert messages(app) == []


@pytest.mark.parametrize(
    "call", [{"args": [1]}, {"kwargs": {"number": 1}}, {"args": ["1"]}], ids=str
)
def test_calls_are_committed(app: Any, database: Database, call: Any) -> None:
    """Does a plain call have a session, which is committed at its end?"""
    app.tasks["shop.note"].apply(**call, throw=True)
    assert run_async(effects(database)) == [("noted", 1)]


@pytest.mark.parametrize(
    ("kind", "attempts", "state"),
    [
        ("twice", 3, "SUCCESS"),
        ("always", 3, "FAILURE"),
        ("later", 3, "FAILURE"),
        ("never", 1, "FAILURE"),
    ],
)
def test_calls_are_tried_again(app: Any, kind: str, attempts: int, state: str) -> None:
    """Is a call that fails made again as its policy says, with the same id?"""
    key = uuid4()
    result = app.tasks["celery.errors"].apply(args=[kind], task_id=str(key))
    assert called == [(key, attempt) for attempt in range(1, attempts + 1)]
    assert result.state == state


@pytest.mark.parametrize(("kind", "pauses"), [("later", {42}), ("always", {0, 1})])
def test_pauses_are_whole_seconds(app: Any, kind: str, pauses: set[int]) -> None:
    """Is the pause before another call what was asked for, else random, and is nothing shown?"""
    known = app.tasks["celery.errors"]
    known.push_request(id=str(uuid4()), args=[kind], kwargs={}, called_directly=False)
    try:
        with pytest.raises(celery.exceptions.Retry) as raised:
            known.run(kind)
    finally:
        known.pop_request()
    retry: Any = raised.value
    assert retry.when in pauses
    (message,) = messages(app)
    assert message.headers["retries"] == 1
    assert kind not in message.headers["argsrepr"] + message.headers["kwargsrepr"]


def test_wrong_calls_are_not_tried_again(app: Any) -> None:
    """Does a message whose arguments the task does not take fail at once?"""
    result = app.tasks["celery.errors"].apply(kwargs={"other": 1})
    assert (result.state, called) == ("FAILURE", [])
    assert isinstance(result.result, ConfigurationError)


def test_calls_have_a_limit(app: Any) -> None:
    """Does a plain call end when its time is over, in workers that Celery cannot interrupt too?"""
    assert isinstance(app.tasks["celery.endless"].apply().result, TimeoutError)


@pytest.mark.parametrize("name", [RUN, "celery.asks"])
def test_databases_are_asked_for(name: str) -> None:
    """Is the fix named where a session is needed, but no database was given?"""
    app: Any = make_celery(MEMORY)
    given = [str(uuid4())] if name == RUN else []
    result = app.tasks[name].apply(args=given)
    assert isinstance(result.result, ConfigurationError)
    assert "make_celery(database=…)" in str(result.result)
    assert len(called) <= 1


def test_tasks_without_sessions_need_no_database() -> None:
    """Does a plain call run without a database, if it does not ask for one?"""
    app: Any = make_celery(MEMORY)
    assert app.tasks["celery.errors"].apply(args=["twice"]).state == "SUCCESS"


def test_jobs_run_once(app: Any, database: Database) -> None:
    """Does a job of the outbox run once, however often its message comes, and no other?"""
    (sent,) = run_async(ordered(database, 1))
    for key in (sent.id, sent.id, uuid4()):
        app.tasks[RUN].apply(args=[str(key)], throw=True)
    assert run_async(effects(database)) == [("noted", 1)]
    assert run_async(Relay(database).health()).depth == 0


async def test_messages_hold_ids_only(app: Any) -> None:
    """Is nothing of a job in its message but its id, and the limits of its task?"""
    jobs = [job(), job("celery.endless"), job("unknown")]
    await CeleryDispatcher(app, lease=timedelta(seconds=60)).dispatch(jobs)
    found = messages(app)
    assert [json.loads(each.body)[:2] for each in found] == [[[str(each.id)], {}] for each in jobs]
    limits = [each.headers["timelimit"] for each in found]
    assert limits == [[315, 305], [16, 6], [None, None]]
    for each in found:
        assert each.headers["task"] == RUN
        assert each.headers["expires"] is not None
        assert "number" not in str(each.body) + json.dumps(each.headers)


async def test_brokers_that_refuse() -> None:
    """Does it raise if nobody listens where the broker should be?"""
    settings = TaskSettings(broker_url=f"redis://127.0.0.1:{free_port()}/0")
    dispatcher = CeleryDispatcher(make_celery(settings))
    with pytest.raises(celery.exceptions.OperationalError):
        await dispatcher.dispatch([job()])


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
async def test_brokers_that_say_nothing(scheme: str) -> None:
    """Does it give up in time on a broker that never answers, while the event loop goes on?"""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = TaskSettings(broker_url=f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/")
        app: Any = make_celery(settings)
        app.conf.broker_connection_timeout = 1  # the thread that is left behind ends soon
        app.conf.broker_transport_options = {"socket_timeout": 1, "socket_connect_timeout": 1}
        ticking = asyncio.create_task(tick())
        with pytest.raises(TimeoutError):
            await CeleryDispatcher(app, timeout=0.3).dispatch([job()])
        ticking.cancel()
    assert ticks > 5


def test_beat_runs_a_relay(app: Any, database: Database) -> None:
    """Does beat have a relay send what is due, every few seconds and never twice at a time?"""
    beat_relay(app, Relay(database, dispatcher=CeleryDispatcher(app)), every=2)
    entry = app.conf.beat_schedule[RELAY]
    assert (entry["task"], entry["schedule"], entry["options"]) == (RELAY, 2, {"expires": 2})

    async def order() -> None:
        async with database.session() as session:
            for number in range(25):
                await goods.note.enqueue(session, number)

    run_async(order())
    app.tasks[RELAY].apply(throw=True)
    assert len(messages(app)) == 25


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package `rooms` with a module `tasks`, and one `floors` with a package of that name."""
    for place in ("rooms", "floors", "floors/tasks"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "__init__.py").touch()
    for place in ("rooms/tasks", "rooms/models", "floors/tasks/first", "floors/tasks/second"):
        (tmp_path / f"{place}.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield
    for name in [*sys.modules]:
        if name.partition(".")[0] in {"rooms", "floors"}:
            del sys.modules[name]


def test_tasks_are_discovered(packages: None) -> None:
    """Does a worker import the modules of tasks: `tasks` of a package, or all in `tasks`?"""
    app: Any = make_celery(MEMORY, autodiscover=["rooms", "rooms.tasks", "floors.tasks"])
    assert "rooms" not in sys.modules
    app.loader.import_default_modules()
    names = {name for name in sys.modules if name.startswith(("rooms.", "floors."))}
    assert names == {"rooms.tasks", "floors.tasks", "floors.tasks.first", "floors.tasks.second"}


def test_packages_that_are_missing() -> None:
    """Does a worker not start if a package that it should search is not there?"""
    app: Any = make_celery(MEMORY, autodiscover=["nowhere.tasks"])
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        app.loader.import_default_modules()


@pytest.mark.parametrize("name", ["worker_process_shutdown", "worker_shutdown"])
def test_workers_close_the_portal(name: str, database: Database) -> None:
    """Are connections closed when a worker, or a process of it, ends?"""
    app: Any = in_memory(make_celery(MEMORY, database=database))
    run_async(effects(database))
    pool: Any = database.engine.sync_engine.pool
    assert pool.checkedin() == 1
    getattr(signals, name).send(sender=app)
    assert database.engine.sync_engine.pool is not pool


def test_no_error_of_an_acknowledgement_is_ignored() -> None:
    """Does a worker hear of any error, when the message of a job cannot be acknowledged?"""
    app: Any = make_celery(TaskSettings(broker_url="memory://"))
    headers = {"task": RUN, "id": "1", "root_id": "1"}
    message: Any = SimpleNamespace(
        headers=headers, properties={}, delivery_info={}, body=b"", content_type="", payload=((), {}, {}),
        content_encoding="",
    )  # fmt: skip
    ignored: list[Any] = []
    made: Any = app.tasks[RUN].Request

    def acknowledge(_: Any, errors: Any) -> None:
        ignored.append(errors)

    request = made(message, app=app, connection_errors=(OSError,), on_ack=acknowledge)
    request.acknowledge()
    assert ignored == [()]

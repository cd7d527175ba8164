"""Celery: an app with safe settings, whose workers run the jobs of the outbox."""

import asyncio
import inspect
import logging
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from uuid import UUID

import anyio
import anyio.to_thread
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud.database import Database
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.tasks import outbox
from fastapi_crud.tasks.brokers import BrokerSettings, configuration
from fastapi_crud.tasks.exceptions import Permanent, Retry
from fastapi_crud.tasks.execution import execute
from fastapi_crud.tasks.outbox import Job
from fastapi_crud.tasks.portal import close, register, run_async as run_async
from fastapi_crud.tasks.relay import LEASE, Relay
from fastapi_crud.tasks.settings import TaskSettings
from fastapi_crud.tasks.task import Task, TaskContext, binders, registry

if TYPE_CHECKING:  # Celery has no types; with stubs, write `celery: Celery = make_celery()`
    Celery: TypeAlias = Any
    CeleryApp: TypeAlias = object
    CeleryRequest: TypeAlias = object
    CeleryTask: TypeAlias = object
    signals: Any = ...
else:
    try:
        from celery import Celery, Celery as CeleryApp, Task as CeleryTask, signals
        from celery.worker.request import Request as CeleryRequest
    except ImportError as error:  # pragma: no cover - tests have the extra, or are other processes
        msg = "Celery is not installed: pip install 'fastapi-crud-factory[celery]'"
        raise ConfigurationError(msg) from error

logger: logging.Logger = logging.getLogger(__name__)

RUN = "fastapi_crud.run"
"""The Celery task that runs a job of the outbox."""
RELAY = "fastapi_crud.relay"
"""The Celery task that beat sends: it has a relay look for jobs once."""

SOFT, HARD = 5, 15
"""Seconds after a job's own time limit that it is interrupted, and that its worker is killed."""

THREADS = 4
"""How many publish at the same time; those that a broker leaves hanging included."""

NO_DATABASE = "jobs and sessions need a database: make_celery(database=…)"
HIDDEN = {"argsrepr": "(…)", "kwargsrepr": "{…}"}
"""What logs and events show of the arguments."""


class AnxiousRequest(CeleryRequest):
    """A message at work; if it cannot be acknowledged, its worker connects again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        # Celery would go on; on Redis, it would in the end receive nothing any more.
        cast("Any", super()).__init__(*args, **{**kwargs, "connection_errors": ()})


class CheckedTask(CeleryTask):
    """The base of plain Celery tasks: refuses what Celery would never run."""

    Request = AnxiousRequest
    retry_backoff = True
    retry_backoff_max = 900
    retry_jitter = True

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401, D105
        super().__init_subclass__(**options)
        _refuse_async(cast("Any", cls).run)


class CheckedCelery(CeleryApp):
    """A Celery app that refuses an `async def`, where it is defined."""

    def task(self, *functions: Any, **options: Any) -> Any:  # noqa: ANN401 - Celery's
        """Make a plain Celery task, as Celery does.

        Raises:
            ConfigurationError: If the function is async.
        """
        made = cast("Any", super()).task
        if functions:
            _refuse_async(functions[0])
            return made(*functions, **options)

        def decorate(function: Callable[..., Any]) -> Any:  # noqa: ANN401
            _refuse_async(function)
            return made(**options)(function)

        return decorate


def make_celery(
    settings: BrokerSettings | None = None,
    *,
    database: Database | None = None,
    name: str = "worker",
    autodiscover: Sequence[str] = (),
    lease: timedelta = LEASE,
) -> Celery:
    """Make a Celery app with safe settings, which knows all tasks of `task`.

    Its workers run what a relay with a `CeleryDispatcher` sends, and what `delay` of a task sends:
    `celery -A app:celery worker`. Change a setting with `celery.conf.update(…)`.

    Args:
        settings: Where the broker is; a `TaskSettings` read from the environment unless given.
        database: Where the outbox is, and what the sessions of tasks are for.
        name: The name of the app.
        autodiscover: Packages whose module `tasks` a worker imports. A package that is itself
            called `tasks` is imported with all its modules.
        lease: Seconds that a job is given to the worker that begins it; longer than any `time_limit`.
    """
    app: Any = cast("Any", CheckedCelery)(name, task_cls=CheckedTask)
    app.conf.update(configuration(settings or TaskSettings()))
    if autodiscover:
        app.autodiscover_tasks([*autodiscover])
        search = partial(_import_rooms, autodiscover)
        signals.import_modules.connect(search, sender=app, weak=False)
    if database is not None:
        register(database)
    _add_run(app, database, lease)
    adopt = partial(_adopt, app, database, {})
    for known in [*registry.values()]:
        adopt(known)
    binders.append(adopt)
    return app


class CeleryDispatcher:
    """Sends jobs to Celery workers, for a `Relay`: messages hold the id of a job, and no more.

    Args:
        celery: The app, as `make_celery` gives it.
        timeout: Seconds that sending may take; the relay tries again later.
        lease: Seconds, as the relay's: it sends a job again once that has passed, so workers drop messages
            that are older.
    """

    def __init__(self, celery: Celery, *, timeout: float = 5, lease: timedelta = LEASE) -> None:
        self._celery: Any = celery
        self._timeout = timeout
        self._lease = lease
        self._threads = anyio.CapacityLimiter(THREADS)

    async def dispatch(self, jobs: Sequence[Job]) -> None:
        """Send jobs, in a thread: the event loop never waits for the broker.

        Raises:
            TimeoutError: If it takes too long.
            Exception: If the broker cannot be reached.
        """
        async with asyncio.timeout(self._timeout):
            await anyio.to_thread.run_sync(
                self._publish, jobs, limiter=self._threads, abandon_on_cancel=True
            )

    def _publish(self, jobs: Sequence[Job]) -> None:
        options: dict[str, Any] = {
            "expires": self._lease.total_seconds(),
            "ignore_result": True,
            "retry": True,  # a pooled connection may have been closed meanwhile
            "retry_policy": {"max_retries": 1, "interval_start": 0},
            "confirm_timeout": self._timeout,
        }
        with self._celery.producer_or_acquire() as producer:
            for job in jobs:
                known = registry.get(job.name)
                limits = _limits(known) if known else {}
                self._celery.send_task(
                    RUN, args=[str(job.id)], producer=producer, **limits, **options
                )


def beat_relay(celery: Celery, relay: Relay, *, every: float = 5) -> None:
    """Have Celery beat run a relay now and then, in place of one that runs all the time.

    Args:
        celery: The app, as `make_celery` gives it.
        relay: A relay with a `CeleryDispatcher`; without one the jobs run within this one task.
        every: Seconds between two looks at the outbox.
    """
    app: Any = celery
    register(relay.database)

    def look() -> None:
        run_async(relay.drain())

    app.task(name=RELAY, shared=False, ignore_result=True)(look)
    entry = {"task": RELAY, "schedule": every, "options": {"expires": every}}
    app.conf.beat_schedule = {**app.conf.beat_schedule, RELAY: entry}


def _add_run(app: Any, database: Database | None, lease: timedelta) -> None:  # noqa: ANN401
    def run(job_id: str) -> None:
        if database is None:
            raise ConfigurationError(NO_DATABASE)
        run_async(_attempt(database, UUID(job_id), lease))

    app.task(name=RUN, shared=False, ignore_result=True)(run)


async def _attempt(database: Database, job_id: UUID, lease: timedelta) -> None:
    async with database.session() as session:
        job = await outbox.start(session, job_id, lease)
    if job is not None:
        await execute(database, job)
        return
    logger.info("job %s was sent twice, or has been taken back: nothing to do", job_id)


def _adopt(
    app: Any,  # noqa: ANN401
    database: Database | None,
    adopted: dict[str, Any],
    asked: "Task[...]",
) -> None:
    """Give a task a Celery task of its name, for `delay`; one that is defined again has it yet."""
    name = asked.name
    if name not in adopted:
        make = app.task(name=name, bind=True, shared=False, **_limits(asked))
        adopted[name] = make(_caller(name, database))
    asked.bind(lambda payload: adopted[name].apply_async(kwargs={**payload}, **HIDDEN))


def _caller(name: str, database: Database | None) -> Callable[..., None]:
    def call(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        known, attempt = registry[name], self.request.retries + 1
        payload = known.payload(*args, **kwargs)
        context = {"job_id": UUID(self.request.id), "attempt": attempt}
        try:
            run_async(_call(known, database, context, payload))
        except (Permanent, ConfigurationError):
            raise
        except Exception as error:
            pause = known.retry.delay(attempt).total_seconds()
            if isinstance(error, Retry) and error.after is not None:
                pause = error.after
            most = known.retry.max_attempts - 1
            wait = math.ceil(pause)  # on RabbitMQ, Celery loses what waits for less than a second
            raise self.retry(exc=error, countdown=wait, max_retries=most, **HIDDEN) from error

    return call


async def _call(
    asked: "Task[...]",
    database: Database | None,
    context: Mapping[str, Any],
    payload: Mapping[str, Any],
) -> None:
    opened = AsyncSession() if database is None else database.session()
    try:
        async with asyncio.timeout(asked.time_limit), opened as session:
            await asked.call(TaskContext(session=session, **context), payload)
    except UnboundExecutionError as error:
        raise ConfigurationError(NO_DATABASE) from error


def _limits(asked: "Task[...]") -> dict[str, int]:
    limit = math.ceil(asked.time_limit)
    return {"soft_time_limit": limit + SOFT, "time_limit": limit + HARD}


def _refuse_async(function: Callable[..., Any]) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        msg = (
            f"{getattr(function, '__qualname__', function)} is async, and Celery would never run it: make it a task with "
            "@task(…) of fastapi_crud.tasks, or call run_async(…) in a plain function"
        )
        raise ConfigurationError(msg)


def _import_rooms(packages: Sequence[str], **_: Any) -> None:  # noqa: ANN401
    for name in packages:
        if name.rpartition(".")[2] == "tasks":
            path = getattr(import_module(name), "__path__", ())
            for each in pkgutil.iter_modules(path, f"{name}."):
                import_module(each.name)


def _close(**_: Any) -> None:  # noqa: ANN401
    close()


signals.worker_process_shutdown.connect(_close)
signals.worker_shutdown.connect(_close)

"""Tasks: functions that run later, once what asked for them is stored."""

import inspect
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, Concatenate, Generic, ParamSpec, get_type_hints, overload
from uuid import UUID

import anyio.to_thread
from pydantic import BaseModel, ConfigDict, create_model
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud.database import after_commit
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.models import utc_now, uuid7
from fastapi_crud.tasks.outbox import insert_job

P = ParamSpec("P")
NAMELESS = frozenset(
    {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    }
)
"""Kinds of parameters that JSON cannot name."""

registry: dict[str, "Task[...]"] = {}
"""Name → task, of this process."""
binders: list[Callable[["Task[...]"], object]] = []
"""Called with each task that is defined: they make it known to Celery."""
wakers: list[Callable[[], object]] = []
"""Called after a local commit that stored jobs: relays that need not wait for their next look."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When to try a job again, and how often.

    The pause before an attempt is random, up to a bound that doubles each time: jobs that failed
    together do not come back together (full jitter).

    Args:
        max_attempts: How often it is tried in all.
        base: Seconds to wait at most before the second attempt.
        cap: Seconds to wait at most before any.
    """

    max_attempts: int = 8
    base: float = 2
    cap: float = 900

    def delay(self, attempts: int) -> timedelta:
        """Give a pause after some attempts."""
        bound = min(self.cap, self.base * 2.0 ** min(attempts - 1, 32))
        return timedelta(seconds=random.uniform(0, bound))  # noqa: S311 - only jitter


@dataclass(frozen=True, kw_only=True)
class TaskContext:
    """What a task can ask about the attempt that it is run in.

    Args:
        job_id: The job; the same in every attempt, so it serves as an idempotency key.
        attempt: Which attempt it is, from 1.
        session: Its session. What is done in it is committed together with the end of the job:
            both, or neither.
    """

    job_id: UUID
    attempt: int
    session: AsyncSession


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How a job is stored.

    Args:
        delay: How long to wait before the first attempt.
        at: When to make it instead.
        dedupe_key: As long as a job with this key is kept, no other is stored.
        priority: Jobs with a higher one go first.
    """

    delay: timedelta = timedelta(0)
    at: datetime | None = None
    dedupe_key: str | None = None
    priority: int = 0


@dataclass(frozen=True, eq=False)
class Task(Generic[P]):
    """A function that can be called later; see `task`.

    Args:
        name: Its name, in the outbox and for Celery.
        function: The function.
        retry: When to try it again.
        time_limit: Seconds that one attempt may take.
        options: How its jobs are stored.
    """

    name: str
    function: Callable[..., Any]
    retry: RetryPolicy = RetryPolicy()
    time_limit: float = 300
    options: TaskOptions = TaskOptions()
    _bound: dict[str, Any] = field(default_factory=dict[str, Any])

    async def enqueue(
        self, session: AsyncSession, *args: P.args, **kwargs: P.kwargs
    ) -> UUID | None:
        """Ask for a call, with the transaction of a session: nothing runs if that rolls back.

        Args:
            session: The session to store the job in. Whoever opened it commits it.
            *args: What to call the function with.
            **kwargs: What to call it with, by name.

        Returns:
            The job; None if there is one with the same `dedupe_key`.

        Raises:
            ConfigurationError: If the function does not take these arguments.
        """
        job_id, now, said = uuid7(), utc_now(), self.options
        values = {
            "id": job_id,
            "name": self.name,
            "payload": self.payload(*args, **kwargs),
            "state": "new",
            "priority": said.priority,
            "attempts": 0,
            "available_at": said.at or now + said.delay,
            "dedupe_key": said.dedupe_key,
            "created_at": now,
        }
        if not await insert_job(session, values):
            return None
        after_commit(session, _wake)
        return job_id

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - Celery's result
        """Call it by Celery at once, as plain Celery tasks are: outside of any transaction.

        Raises:
            ConfigurationError: If `make_celery` has not bound it.
        """
        send = self._bound.get("send")
        if send is None:
            msg = f"{self.name}.delay needs Celery: call make_celery(settings) before"
            raise ConfigurationError(msg)
        return send(self.payload(*args, **kwargs))

    def bind(self, send: Callable[[Mapping[str, Any]], Any]) -> None:
        """Let `delay` send its arguments somewhere."""
        self._bound["send"] = send

    def later(
        self,
        *,
        delay: timedelta | float = 0,
        at: datetime | None = None,
        dedupe_key: str | None = None,
        priority: int = 0,
    ) -> "Task[P]":
        """Give the same task, whose jobs are stored otherwise: `welcome.later(delay=60).enqueue(…)`.

        Args:
            delay: How long to wait before the first attempt; seconds, or a duration.
            at: When to make it instead.
            dedupe_key: As long as a job with this key is kept, no other is stored.
            priority: Jobs with a higher one go first.
        """
        pause = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)
        options = TaskOptions(delay=pause, at=at, dedupe_key=dedupe_key, priority=priority)
        return replace(self, options=options)

    def payload(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """Write arguments as JSON.

        Raises:
            ConfigurationError: If the function does not take them.
        """
        try:
            bound = self._signature.bind(*args, **kwargs)
            return self.arguments.model_validate(bound.arguments).model_dump(mode="json")
        except (TypeError, ValueError) as error:
            msg = f"{self.name} does not take these arguments: {type(error).__name__}"
            raise ConfigurationError(msg) from error

    async def call(self, context: TaskContext, payload: Mapping[str, Any]) -> None:
        """Call the function: where it is synchronous, in a thread."""
        read = self.arguments.model_validate(payload)
        given = {name: getattr(read, name) for name in type(read).model_fields}
        bound = partial(self.function, context) if self._wants_context else self.function
        if inspect.iscoroutinefunction(self.function):
            work: Callable[..., Awaitable[Any]] = bound
            await work(**given)
            return
        await anyio.to_thread.run_sync(partial(bound, **given), abandon_on_cancel=True)

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The schema of its arguments."""
        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {
            name: (hints.get(name, Any), ... if each.default is each.empty else each.default)
            for name, each in self._signature.parameters.items()
        }
        config = ConfigDict(extra="forbid", hide_input_in_errors=True, protected_namespaces=())
        return create_model(f"{self.name} arguments", __config__=config, **fields)

    @cached_property
    def _signature(self) -> inspect.Signature:
        """Its parameters, without the context."""
        plain = inspect.signature(self.function)
        parameters = [*plain.parameters.values()][1 if self._wants_context else 0 :]
        return plain.replace(parameters=parameters)

    @cached_property
    def _wants_context(self) -> bool:
        first = next(iter(inspect.signature(self.function).parameters), None)
        hints = get_type_hints(self.function)
        return first is not None and hints.get(first) is TaskContext


class TaskDecorator:
    """What `task(...)` gives: makes a task of a function, with or without a context."""

    def __init__(self, name: str, retry: RetryPolicy, time_limit: float) -> None:
        self._said: dict[str, Any] = {"name": name, "retry": retry, "time_limit": time_limit}

    @overload
    def __call__(self, function: Callable[Concatenate[TaskContext, P], Any]) -> Task[P]: ...
    @overload
    def __call__(self, function: Callable[P, Any]) -> Task[P]: ...
    def __call__(self, function: Callable[..., Any]) -> Task[...]:
        """Make a task of a function.

        Raises:
            ConfigurationError: If another function has its name, or its arguments have no names.
        """
        made: Task[...] = Task(function=function, **self._said)
        kinds = {each.kind for each in inspect.signature(function).parameters.values()}
        if kinds & NAMELESS:
            msg = f"{made.name} takes *args, **kwargs or a positional-only argument: name them all"
            raise ConfigurationError(msg)
        known = registry.get(made.name)
        if known is not None and known.function.__qualname__ != function.__qualname__:
            msg = f"two tasks are called {made.name}: give one of them another name"
            raise ConfigurationError(msg)
        registry[made.name] = made
        for binder in binders:
            binder(made)
        return made


def task(name: str, *, retry: RetryPolicy | None = None, time_limit: float = 300) -> TaskDecorator:
    """Make a task of a function, which may be async or not: `@task("mail.welcome")`.

    Its arguments are kept as JSON, and checked when it is asked for and when it is run: types that
    pydantic knows. Keep secrets out of them: pass ids, and look up. If its first parameter is a
    `TaskContext`, it gets one.

    Args:
        name: Its name; it must not change while there are jobs.
        retry: When to try again after an error, and how often.
        time_limit: Seconds that one attempt may take.
    """
    return TaskDecorator(name, retry or RetryPolicy(), time_limit)


async def enqueue(
    session: AsyncSession, asked: Task[P], *args: P.args, **kwargs: P.kwargs
) -> UUID | None:
    """Ask for a call of a task, with the transaction of a session; see `Task.enqueue`.

    Args:
        session: The session to store the job in. Whoever opened it commits it.
        asked: The task.
        *args: What to call it with.
        **kwargs: What to call it with, by name.
    """
    return await asked.enqueue(session, *args, **kwargs)


def _wake() -> None:
    for waker in wakers:
        waker()

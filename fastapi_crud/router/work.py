"""The work of a request: one transaction, committed before the answer leaves."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import Response

from fastapi_crud.database import AsyncSession, transaction
from fastapi_crud.exceptions import (
    ConfigurationError,
    ConstraintViolation,
    TransactionConflict,
    UniqueViolation,
)
from fastapi_crud.idempotency import StoredAnswer
from fastapi_crud.lane import Lane
from fastapi_crud.operations import REMOVING, Operation
from fastapi_crud.router.callers import Sight
from fastapi_crud.router.dependencies import database_of, is_open, opened
from fastapi_crud.router.idempotency import fingerprint_of, principal_of, read_key, scope_of
from fastapi_crud.router.preferences import Preferences, preferences
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.responses import Answer
from fastapi_crud.service import Service

ResultT = TypeVar("ResultT")
AnyService = Service[Any, Any, Any]

ATTEMPTS = 3
"""How often an operation of a single statement is tried when another transaction wins."""
BACKOFF = 0.01
"""Seconds to wait at most before the second attempt; twice as long before the third."""
NOTHING_HIDDEN: frozenset[str] = frozenset()
NO_SESSION: Any = None
"""What a service works in where it needs no session."""


class Raced(UniqueViolation):
    """A row with this key has appeared meanwhile."""


async def write(
    resource: Resource,
    request: Request,
    session: AsyncSession | None,
    operation: Operation,
    work: Callable[[AnyService], Awaitable[Answer]],
    sight: Sight,
    *,
    plain: bool = True,
) -> Response:
    """Do the work of an operation that writes, and answer as the client prefers.

    Args:
        resource: What is worked on.
        request: The request.
        session: The session of the request, if one is open.
        operation: Which operation it is.
        work: The work; it gives the answer.
        sight: What this caller may see and write.
        plain: Whether the work is just the operation, without looking at the row before.
    """
    wishes = preferences(request, *(() if operation in REMOVING else ("return",)))
    if wishes.given:
        work = _wished(work, wishes)
    if resource.store is not None and request.method == "POST":
        work = await _once(resource, request, sight, work)
    answer = await run(resource, request, session, operation, work, sight, plain=plain)
    return answer.response()


def _wished(
    work: Callable[[AnyService], Awaitable[Answer]], wishes: Preferences
) -> Callable[[AnyService], Awaitable[Answer]]:
    """Answer as the client prefers."""

    async def wished(service: AnyService) -> Answer:
        answer = await work(service)
        answer = answer.minimal() if wishes.minimal else answer
        return answer._replace(headers={**answer.headers, **wishes.applied})

    return wished


async def _once(
    resource: Resource,
    request: Request,
    sight: Sight,
    work: Callable[[AnyService], Awaitable[Answer]],
) -> Callable[[AnyService], Awaitable[Answer]]:
    """Do the work only if no request with this idempotency key has done it; else answer the same.

    Raises:
        InvalidIdempotencyKey: If the key is malformed, or missing where it is required.
    """
    key = read_key(request, required=resource.options.idempotency == "required")
    if key is None:
        return work
    store, mapper = resource.store, resource.info.mapper
    assert store is not None  # noqa: S101 - the caller asked
    scope = scope_of(request, principal_of(request, sight.actor), key)
    fingerprint = await fingerprint_of(request)

    async def wanted(service: AnyService) -> Answer:
        stored = await store.claim(service.session, scope, fingerprint, mapper=mapper)
        if stored is not None:
            headers = {**stored.headers, "Idempotency-Replayed": "true"}
            return Answer(stored.status, stored.body, headers)
        answer = await work(service)
        kept = StoredAnswer(answer.status, answer.headers, answer.content)
        await store.finish(service.session, scope, kept, mapper=mapper)
        return answer

    return wanted


async def run(
    resource: Resource,
    request: Request,
    session: AsyncSession | None,
    operation: Operation,
    work: Callable[[AnyService], Awaitable[ResultT]],
    sight: Sight,
    *,
    plain: bool = True,
) -> ResultT:
    """Do the work of an operation in a transaction that is committed before the answer leaves.

    Args:
        resource: What is worked on.
        request: The request.
        session: The session of the request, if one is open.
        operation: Which operation it is.
        work: The work; it returns what the answer needs, already written.
        sight: What this caller may see and write.
        plain: Whether the work is just the operation, and asks for nothing that needs instances.
    """
    if session is not None:
        return await _in_session(resource, session, operation, work, sight)
    database = resource.options.database or database_of(request)
    plain = plain and sight is resource.callers.same_for_all
    if plain and not is_open(request, database):
        lane = resource.lanes.find(operation, database)
        if lane is not None:
            return await _in_lane(resource, lane, work)
    async with opened(request, database) as own:
        lane = resource.lanes.within(operation, database, own) if plain else None
        return await _in_session(resource, own, operation, work, sight, lane)


def _in_lane(
    resource: Resource, lane: Lane, work: Callable[[AnyService], Awaitable[ResultT]]
) -> Awaitable[ResultT]:
    """Do the work the short way."""

    def attempt() -> Awaitable[ResultT]:
        service = resource.service(NO_SESSION)
        service.lane = lane
        return work(service)

    return _persistently(resource, attempt, NOTHING_HIDDEN)


async def _in_session(
    resource: Resource,
    session: AsyncSession,
    operation: Operation,
    work: Callable[[AnyService], Awaitable[ResultT]],
    sight: Sight,
    lane: Lane | None = None,
) -> ResultT:
    """Do the work in a session.

    Tried again where another transaction won, if nothing else could have happened in between:
    the service is the library's own, and the transaction began here.
    """

    async def attempt() -> ResultT:
        service = service_in(resource, session, sight, lane)
        async with transaction(session, resource.info):
            return await work(service)

    rules = resource.service.overrides(operation) or resource.options.announced
    alone = not session.in_transaction() and not rules
    hidden = sight.rights.hidden
    return await _persistently(resource, attempt, hidden, ATTEMPTS if alone else 1)


def service_in(
    resource: Resource, session: AsyncSession, sight: Sight, lane: Lane | None
) -> AnyService:
    """Make the service that works for a caller in a session.

    Raises:
        ConfigurationError: If it cannot be told what the caller may see.
    """
    service = resource.service(session)
    service.repository.view, service.rights = sight.view, sight.rights
    service.actor, service.announced = sight.actor, resource.options.announced
    service.lane = lane
    if service.repository.view is not sight.view:
        name = type(service).__name__
        msg = f"repository of {name} is made anew each time: use cached_property"
        raise ConfigurationError(msg)
    return service


class discreet:  # noqa: N801 - used like a function
    """Say nothing in errors of what a client does not know of.

    Args:
        resource: What is worked on.
        hidden: Columns that this caller may not see.
    """

    __slots__ = ("_hidden", "_resource")

    def __init__(self, resource: Resource, hidden: frozenset[str]) -> None:
        self._resource, self._hidden = resource, hidden

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        """Raise an error that says less, if there was one that says too much."""
        if isinstance(error, ConstraintViolation):
            concealed = self._resource.concealed(error.fields, self._hidden)
            if concealed:
                raise error.without(concealed) from error


async def _persistently(
    resource: Resource,
    attempt: Callable[[], Awaitable[ResultT]],
    hidden: frozenset[str],
    attempts: int = ATTEMPTS,
) -> ResultT:
    """Try again where another transaction won; say nothing of what a client does not know of."""
    number = 1
    while True:
        try:
            return await attempt()
        except (TransactionConflict, ConstraintViolation) as error:
            if number >= attempts or not isinstance(error, (TransactionConflict, Raced)):
                with discreet(resource, hidden):
                    raise
        await asyncio.sleep(random.uniform(0, BACKOFF * number))  # noqa: S311 - only jitter
        number += 1

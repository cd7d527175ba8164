"""One builder per operation: it ties the HTTP side to the service. No rule, no SQL."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response

from fastapi_crud.database import AsyncSession, transaction
from fastapi_crud.exceptions import NotFound, TransactionConflict
from fastapi_crud.options import Operation
from fastapi_crud.query.parsing import parse_query
from fastapi_crud.router.parameters import KEY_PARAMETER
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.responses import json_response, location
from fastapi_crud.router.route import query_parameters_of
from fastapi_crud.service import Service

Endpoint = Callable[..., Awaitable[Response]]
ResultT = TypeVar("ResultT")
AnyService = Service[Any, Any, Any]

ATTEMPTS = 3
"""How often an operation of a single statement is tried when another transaction wins."""
BACKOFF = 0.01
"""Seconds to wait at most before the second attempt; twice as long before the third."""


def list_rows(resource: Resource) -> Endpoint:
    """Build `GET /users`."""
    foreign: WeakKeyDictionary[FastAPI, frozenset[str]] = WeakKeyDictionary()

    async def endpoint(request: Request, session: AsyncSession) -> Response:
        pairs = request.query_params.multi_items()
        others: frozenset[str] = frozenset()
        if not resource.parameters.keys() >= {name for name, _ in pairs}:
            if request.app not in foreign:
                foreign[request.app] = query_parameters_of(request.app, endpoint)
            others = foreign[request.app]
        query = parse_query(pairs, resource.parameters, others)

        async def work(service: AnyService) -> bytes:
            return resource.writer.page(await service.get_page(query))

        return json_response(await run(resource, session, "list", work))

    return endpoint


def get_row(resource: Resource) -> Endpoint:
    """Build `GET /users/{id}`."""

    async def endpoint(session: AsyncSession, **path: Any) -> Response:  # noqa: ANN401
        key = read_key(resource, path)

        async def work(service: AnyService) -> bytes:
            return resource.writer.row(found(resource, path, await service.get(key)))

        return json_response(await run(resource, session, "get", work))

    return endpoint


def create_row(resource: Resource) -> Endpoint:
    """Build `POST /users`."""

    async def endpoint(request: Request, session: AsyncSession, data: BaseModel) -> Response:
        async def work(service: AnyService) -> tuple[bytes, list[str]]:
            row = await service.create(data)
            return resource.writer.row(row), resource.info.key_text(row)

        content, key = await run(resource, session, "create", work)
        return json_response(content, 201, Location=location(request, key))

    return endpoint


def update_row(resource: Resource) -> Endpoint:
    """Build `PATCH /users/{id}`."""
    return _change_row(resource, "update")


def replace_row(resource: Resource) -> Endpoint:
    """Build `PUT /users/{id}`."""
    return _change_row(resource, "replace")


def _change_row(resource: Resource, operation: Literal["update", "replace"]) -> Endpoint:
    async def endpoint(session: AsyncSession, data: BaseModel, **path: Any) -> Response:  # noqa: ANN401
        key = read_key(resource, path)

        async def work(service: AnyService) -> bytes:
            change = getattr(service, operation)
            return resource.writer.row(found(resource, path, await change(key, data)))

        return json_response(await run(resource, session, operation, work))

    return endpoint


def delete_row(resource: Resource) -> Endpoint:
    """Build `DELETE /users/{id}`."""

    async def endpoint(session: AsyncSession, **path: Any) -> Response:  # noqa: ANN401
        key = read_key(resource, path)

        async def work(service: AnyService) -> None:
            found(resource, path, await service.delete(key) or None)

        await run(resource, session, "delete", work)
        return Response(status_code=204)

    return endpoint


async def run(
    resource: Resource,
    session: AsyncSession,
    operation: Operation,
    work: Callable[[AnyService], Awaitable[ResultT]],
) -> ResultT:
    """Do the work of an operation in a transaction that is committed before the answer leaves.

    Tried again where another transaction won, if nothing else could have happened in between:
    the service is the library's own, and the transaction began here.

    Args:
        resource: What is worked on.
        session: The session of the request.
        operation: Which operation it is.
        work: The work; it returns what the answer needs, already written.
    """
    alone = not session.in_transaction() and not resource.service.overrides(operation)
    for attempt in range(1, ATTEMPTS if alone else 1):
        try:
            return await _attempt(resource, session, work)
        except TransactionConflict:
            await asyncio.sleep(random.uniform(0, BACKOFF * attempt))  # noqa: S311 - only jitter
    return await _attempt(resource, session, work)


async def _attempt(
    resource: Resource,
    session: AsyncSession,
    work: Callable[[AnyService], Awaitable[ResultT]],
) -> ResultT:
    service = resource.service(session)
    if resource.also_load:
        service.repository.also_load = resource.also_load
    async with transaction(session, resource.info):
        return await work(service)


def read_key(resource: Resource, path: dict[str, str]) -> Any:  # noqa: ANN401 - one value or several
    """Read the key from the path.

    Raises:
        NotFound: If no row can have it: an id that cannot exist does not exist.
    """
    parts = [path[KEY_PARAMETER.format(i)] for i in range(len(resource.info.key))]
    key = resource.info.parse_key(parts)
    if key is None:
        raise _not_found(resource, path)
    return key[0] if len(resource.info.key) == 1 else key


def found(resource: Resource, path: dict[str, str], row: ResultT | None) -> ResultT:
    """Give the row.

    Raises:
        NotFound: If there is none.
    """
    if row is None:
        raise _not_found(resource, path)
    return row


def _not_found(resource: Resource, path: dict[str, str]) -> NotFound:
    parts = (path[KEY_PARAMETER.format(i)] for i in range(len(resource.info.key)))
    return NotFound(resource.info.name, "/".join(parts))

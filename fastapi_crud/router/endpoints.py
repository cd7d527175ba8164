"""One builder per operation: it ties the HTTP side to the service. No rule, no SQL."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from fastapi_crud.database import AsyncSession, transaction
from fastapi_crud.exceptions import ConfigurationError, InvalidQuery, NotFound, TransactionConflict
from fastapi_crud.operations import Operation
from fastapi_crud.router.asking import Asker, Wanted, check_body
from fastapi_crud.router.callers import Sight
from fastapi_crud.router.parameters import KEY_PARAMETER
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.responses import (
    AnyPage,
    json_response,
    link_header,
    location,
    total_headers,
)
from fastapi_crud.router.views import Selection
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
    asker = Asker(resource, "list", resource.vocabulary)

    async def endpoint(request: Request, session: AsyncSession, **given: Any) -> Response:  # noqa: ANN401
        asked = asker.read(request, given, endpoint)
        page, content = await _page(resource, session, "list", asked)
        links = link_header(request, asked.query, page)
        return json_response(content, 200, {**links, **total_headers(page), **asked.applied})

    return endpoint


def search_rows(resource: Resource) -> Endpoint:
    """Build `POST /users:search`."""
    asker = Asker(resource, "search", resource.vocabulary)

    async def endpoint(
        request: Request,
        session: AsyncSession,
        data: Any,  # noqa: ANN401 - JSON
        **given: Any,  # noqa: ANN401
    ) -> Response:
        asked = asker.read_body(request, given, data)
        try:
            page, content = await _page(resource, session, "search", asked)
        except InvalidQuery as error:  # a cursor, which is only read beside the rows
            issues = [replace(issue, loc=("body", *issue.loc[1:])) for issue in error.issues]
            raise InvalidQuery(issues) from error
        return json_response(content, 200, {**total_headers(page), **asked.applied})

    return endpoint


async def _page(
    resource: Resource, session: AsyncSession, operation: Operation, asked: Wanted
) -> tuple[AnyPage, bytes]:
    query = replace(asked.query, include=())  # loaded here, whatever page a service gives

    async def work(service: AnyService) -> tuple[AnyPage, bytes]:
        walks = query.cursor is not None
        page = await (service.get_cursor_page(query) if walks else service.get_page(query))
        await service.repository.embed(page.items, asked.query.include)
        return page, resource.writer.page(page, asked.selection)

    return await run(resource, session, operation, work, asked.sight)


def get_row(resource: Resource) -> Endpoint:
    """Build `GET /users/{id}`."""
    asker = Asker(resource, "get", resource.vocabulary.only("fields", "include"))

    async def endpoint(request: Request, session: AsyncSession, **given: Any) -> Response:  # noqa: ANN401
        key = read_key(resource, given)
        asked = asker.read(request, given, endpoint)

        async def work(service: AnyService) -> bytes:
            row = found(resource, given, await service.get(key))
            await service.repository.embed([row], asked.query.include)
            return resource.writer.row(row, asked.selection)

        content = await run(resource, session, "get", work, asked.sight)
        return json_response(content, 200, asked.applied)

    return endpoint


def create_row(resource: Resource) -> Endpoint:
    """Build `POST /users`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        data: BaseModel,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        sight = resource.callers.sight(given)
        check_body(data, sight.rights, ignores=False)

        async def work(service: AnyService) -> tuple[bytes, list[str]]:
            row = await service.create(data)
            written = resource.writer.row(row, Selection(hidden=sight.rights.hidden))
            return written, resource.info.key_text(row)

        content, key = await run(resource, session, "create", work, sight)
        return json_response(content, 201, {"Location": location(request, key)})

    return endpoint


def update_row(resource: Resource) -> Endpoint:
    """Build `PATCH /users/{id}`."""
    return _change_row(resource, "update")


def replace_row(resource: Resource) -> Endpoint:
    """Build `PUT /users/{id}`."""
    return _change_row(resource, "replace")


def _change_row(resource: Resource, operation: Literal["update", "replace"]) -> Endpoint:
    async def endpoint(session: AsyncSession, data: BaseModel, **given: Any) -> Response:  # noqa: ANN401
        key = read_key(resource, given)
        sight = resource.callers.sight(given)
        check_body(data, sight.rights, ignores=True)

        async def work(service: AnyService) -> bytes:
            change = getattr(service, operation)
            row = found(resource, given, await change(key, data))
            return resource.writer.row(row, Selection(hidden=sight.rights.hidden))

        return json_response(await run(resource, session, operation, work, sight))

    return endpoint


def delete_row(resource: Resource) -> Endpoint:
    """Build `DELETE /users/{id}`."""

    async def endpoint(session: AsyncSession, **given: Any) -> Response:  # noqa: ANN401
        key = read_key(resource, given)
        sight = resource.callers.sight(given)

        async def work(service: AnyService) -> None:
            found(resource, given, await service.delete(key) or None)

        await run(resource, session, "delete", work, sight)
        return Response(status_code=204)

    return endpoint


async def run(
    resource: Resource,
    session: AsyncSession,
    operation: Operation,
    work: Callable[[AnyService], Awaitable[ResultT]],
    sight: Sight,
) -> ResultT:
    """Do the work of an operation in a transaction that is committed before the answer leaves.

    Tried again where another transaction won, if nothing else could have happened in between:
    the service is the library's own, and the transaction began here.

    Args:
        resource: What is worked on.
        session: The session of the request.
        operation: Which operation it is.
        work: The work; it returns what the answer needs, already written.
        sight: What this caller may see and write.
    """
    alone = not session.in_transaction() and not resource.service.overrides(operation)
    for attempt in range(1, ATTEMPTS if alone else 1):
        try:
            return await _attempt(resource, session, work, sight)
        except TransactionConflict:
            await asyncio.sleep(random.uniform(0, BACKOFF * attempt))  # noqa: S311 - only jitter
    return await _attempt(resource, session, work, sight)


async def _attempt(
    resource: Resource,
    session: AsyncSession,
    work: Callable[[AnyService], Awaitable[ResultT]],
    sight: Sight,
) -> ResultT:
    service = resource.service(session)
    service.repository.view, service.rights = sight.view, sight.rights
    if service.repository.view is not sight.view:
        msg = f"repository of {type(service).__name__} is made anew each time: use cached_property"
        raise ConfigurationError(msg)
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

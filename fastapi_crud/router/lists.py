"""One builder per operation on the list of rows: pages of it, as the client asks."""

from dataclasses import replace
from typing import Any

from fastapi import Request
from starlette.responses import Response

from fastapi_crud.database import AsyncSession
from fastapi_crud.exceptions import InvalidQuery
from fastapi_crud.lane import Lane
from fastapi_crud.operations import Operation
from fastapi_crud.router.asking import Asker, Wanted
from fastapi_crud.router.endpoints import Endpoint
from fastapi_crud.router.export import VARY, Exporter
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.responses import AnyPage, json_response, link_header, total_headers
from fastapi_crud.router.work import AnyService, run


def list_rows(resource: Resource) -> Endpoint:
    """Build `GET /users`."""
    asker = Asker(resource, "list", resource.vocabulary)
    exporter = Exporter(resource) if resource.options.export else None
    varying = {} if exporter is None else VARY
    wire = resource.wire

    async def endpoint(
        request: Request,
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        if exporter is not None and (form := exporter.format_of(request)) is not None:
            return exporter.answer(request, session, given, endpoint, form)
        asked = asker.read(request, given, endpoint)
        page, content = await _page(resource, request, session, "list", asked)
        if wire is None:
            headers = {**link_header(request, asked.query, page), **total_headers(page)}
        else:
            headers = wire.page_headers(asked.query, page)
        return json_response(content, 200, {**headers, **asked.applied, **varying})

    return endpoint


def search_rows(resource: Resource) -> Endpoint:
    """Build `POST /users:search`."""
    asker = Asker(resource, "search", resource.vocabulary)

    async def endpoint(
        request: Request,
        data: Any,  # noqa: ANN401 - JSON
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        asked = asker.read_body(request, given, data)
        try:
            page, content = await _page(resource, request, session, "search", asked)
        except InvalidQuery as error:  # a cursor, which is only read beside the rows
            issues = [replace(issue, loc=("body", *issue.loc[1:])) for issue in error.issues]
            raise InvalidQuery(issues) from error
        return json_response(content, 200, {**total_headers(page), **asked.applied})

    return endpoint


async def _page(
    resource: Resource,
    request: Request,
    session: AsyncSession | None,
    operation: Operation,
    asked: Wanted,
) -> tuple[AnyPage, bytes]:
    query = asked.query
    if query.include:
        query = replace(query, include=())  # loaded here, whatever page a service gives

    async def work(service: AnyService) -> tuple[AnyPage, bytes]:
        walks = query.cursor is not None
        page = await (service.get_cursor_page(query) if walks else service.get_page(query))
        if asked.query.include:
            await service.repository.embed(page.items, asked.query.include)
        return page, resource.writer.page(page, asked.selection)

    plain = Lane.answers(asked.query)
    return await run(resource, request, session, operation, work, asked.sight, plain=plain)

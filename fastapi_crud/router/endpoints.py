"""One builder per operation on a row: it ties HTTP to the service. No rule, no SQL."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from fastapi_crud.database import AsyncSession
from fastapi_crud.exceptions import NotFound, PreconditionRequired, UniqueViolation
from fastapi_crud.router.asking import Asker, check_body
from fastapi_crud.router.callers import Sight
from fastapi_crud.router.conditional import Preconditions, preconditions
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.responses import Answer, json_response, location
from fastapi_crud.router.views import WHOLE, Selection
from fastapi_crud.router.work import AnyService, Raced, run, write

Endpoint = Callable[..., Awaitable[Response]]
ResultT = TypeVar("ResultT")


def get_row(resource: Resource) -> Endpoint:
    """Build `GET /users/{id}`."""
    asker = Asker(resource, "get", resource.vocabulary.only("fields", "include", "deleted"))

    async def endpoint(
        request: Request,
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        key = read_key(resource, given)
        asked = asker.read(request, given, endpoint)

        async def work(service: AnyService) -> tuple[bytes, str]:
            row = found(resource, given, await service.get(key))
            if asked.query.include:
                await service.repository.embed([row], asked.query.include)
            content = resource.writer.row(row, asked.selection)
            return content, resource.tagger.tag(row, content, asked.selection)

        plain = not asked.query.include
        content, tag = await run(resource, request, session, "get", work, asked.sight, plain=plain)
        headers = {"ETag": tag, **asked.applied}
        if preconditions(request, whole=True).knows(tag):
            return Response(status_code=304, headers=headers)
        return json_response(content, 200, headers)

    return endpoint


def create_row(resource: Resource) -> Endpoint:
    """Build `POST /users`."""

    async def endpoint(
        request: Request,
        data: BaseModel,
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        sight = resource.callers.sight(given)
        check_body(data, sight.rights, ignores=False)

        async def work(service: AnyService) -> Answer:
            row = await service.create(data)
            place = location(request, resource.info.key_text(row))
            return shown(resource, row, sight, 201, {"Location": place})

        return await write(resource, request, session, "create", work, sight)

    return endpoint


def update_row(resource: Resource) -> Endpoint:
    """Build `PATCH /users/{id}`."""
    merger = resource.merger

    async def endpoint(
        request: Request,
        data: Any,  # noqa: ANN401 - a validated body, or JSON where the model has JSON columns
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        key = read_key(resource, given)
        sight = resource.callers.sight(given)
        demands = demanded(resource, request)
        merges = merger is not None and merger.merges(request, data)
        looks = demands.given or merges

        def read(body: Any) -> BaseModel:  # noqa: ANN401
            valid: BaseModel = body if merger is None else merger.read(body)
            check_body(valid, sight.rights, ignores=True)
            return valid

        valid = data if merges else read(data)

        async def work(service: AnyService) -> Answer:
            patch = valid
            if looks:
                row = found(resource, given, await service.get_for_update(key))
                demands.check(resource.tagger.state(row, sight.rights.hidden))
                if merger is not None and merges:
                    patch = read(merger.merged(data, row))
            return shown(resource, found(resource, given, await service.update(key, patch)), sight)

        return await write(resource, request, session, "update", work, sight, plain=not looks)

    return endpoint


def replace_row(resource: Resource) -> Endpoint:
    """Build `PUT /users/{id}`."""

    async def endpoint(
        request: Request,
        data: BaseModel,
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        key = read_key(resource, given)
        sight = resource.callers.sight(given)
        check_body(data, sight.rights, ignores=True)
        demands = demanded(resource, request)

        async def work(service: AnyService) -> Answer:
            if resource.options.upsert and await service.get(key) is None:
                demands.check(None)
                return await _created_under(resource, service, key, data, sight)
            if demands.given:
                row = found(resource, given, await service.get_for_update(key))
                demands.check(resource.tagger.state(row, sight.rights.hidden))
            row = found(resource, given, await service.replace(key, data))
            return shown(resource, row, sight)

        plain = not demands.given
        return await write(resource, request, session, "replace", work, sight, plain=plain)

    return endpoint


async def _created_under(
    resource: Resource,
    service: AnyService,
    key: Any,  # noqa: ANN401 - any key
    data: BaseModel,
    sight: Sight,
) -> Answer:
    """Create the row that a PUT names, unless somebody else just did."""
    names = {column.name for column in resource.info.key}
    try:
        return shown(resource, await service.create_under(key, data), sight, 201)
    except UniqueViolation as error:
        if names >= {*error.fields}:
            raise Raced(str(error), fields=error.fields) from error
        raise


def delete_row(resource: Resource) -> Endpoint:
    """Build `DELETE /users/{id}`."""
    return _remove_row(resource, "delete")


def purge_row(resource: Resource) -> Endpoint:
    """Build `POST /users/{id}:purge`."""
    return _remove_row(resource, "purge")


def _remove_row(resource: Resource, operation: Literal["delete", "purge"]) -> Endpoint:
    wire = resource.wire

    async def endpoint(
        request: Request,
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        key = read_key(resource, given)
        sight = resource.callers.sight(given)
        demands = demanded(resource, request) if operation == "delete" else Preconditions()

        async def work(service: AnyService) -> Answer:
            if demands.given:
                row = found(resource, given, await service.get_for_update(key))
                demands.check(resource.tagger.state(row, sight.rights.hidden))
            found(resource, given, await getattr(service, operation)(key) or None)
            return Answer(204) if wire is None else Answer(200, wire.removed(key))

        plain = not demands.given
        return await write(resource, request, session, operation, work, sight, plain=plain)

    return endpoint


def restore_row(resource: Resource) -> Endpoint:
    """Build `POST /users/{id}:restore`."""

    async def endpoint(
        request: Request,
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        key = read_key(resource, given)
        sight = resource.callers.sight(given)

        async def work(service: AnyService) -> Answer:
            return shown(resource, found(resource, given, await service.restore(key)), sight)

        return await write(resource, request, session, "restore", work, sight)

    return endpoint


def shown(
    resource: Resource,
    row: Any,  # noqa: ANN401 - a row
    sight: Sight,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Answer with a row that was just written."""
    selection = Selection(hidden=sight.rights.hidden) if sight.rights.hidden else WHOLE
    content = resource.writer.row(row, selection)
    tag = resource.tagger.tag(row, content, selection)
    return Answer(status, content, {**(headers or {}), "ETag": tag})


def demanded(resource: Resource, request: Request) -> Preconditions:
    """Read what a client demands of the row that it changes.

    Raises:
        PreconditionRequired: If it must demand something, and does not.
    """
    demands = preconditions(request)
    if resource.options.require_if_match and not demands.certain:
        raise PreconditionRequired
    return demands


def read_key(resource: Resource, path: dict[str, str]) -> Any:  # noqa: ANN401 - one value or several
    """Read the key from the path.

    Raises:
        NotFound: If no row can have it: an id that cannot exist does not exist.
    """
    parts = [path[name] for name in resource.key_parameters]
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
    parts = (path[name] for name in resource.key_parameters)
    return NotFound(resource.info.name, "/".join(parts))

"""One builder per operation on several rows: all or none, in the order of the request."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import MISSING
from starlette.responses import Response

from fastapi_crud.database import AsyncSession
from fastapi_crud.exceptions import (
    CrudError,
    Issue,
    PreconditionFailed,
    PreconditionRequired,
    about_item,
)
from fastapi_crud.router.asking import check_body
from fastapi_crud.router.callers import Sight
from fastapi_crud.router.endpoints import Endpoint
from fastapi_crud.router.problems import code_of
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.responses import Answer
from fastapi_crud.router.views import Selection
from fastapi_crud.router.work import AnyService, write
from fastapi_crud.schemas import key_fields

Body = Any
"""A validated body."""
Given = Any
"""What the dependencies of a request gave."""


def batch_create(resource: Resource) -> Endpoint:
    """Build `POST /users:batchCreate`."""

    async def endpoint(
        request: Request, data: Body, session: AsyncSession | None = None, **given: Given
    ) -> Response:
        sight = resource.callers.sight(given)
        _check_items(data.items, sight, ignores=False)

        async def work(service: AnyService) -> Answer:
            with located("items"):
                return _shown(resource, await service.batch_create(data.items), sight, 201)

        return await write(resource, request, session, "batch_create", work, sight)

    return endpoint


def batch_update(resource: Resource) -> Endpoint:
    """Build `POST /users:batchUpdate`."""
    names = [*key_fields(resource.info)]

    async def endpoint(
        request: Request, data: Body, session: AsyncSession | None = None, **given: Given
    ) -> Response:
        sight = resource.callers.sight(given)
        _check_items(data.items, sight, ignores=True)
        keys = [_key(item, names) for item in data.items]

        async def work(service: AnyService) -> Answer:
            with located("items"):
                if resource.version is not None:
                    stored = await service.repository.lock_multi(keys)
                    _check_versions(resource, data.items, stored)
                rows = await service.batch_update([*zip(keys, data.items, strict=True)])
                return _shown(resource, rows, sight)

        return await write(resource, request, session, "batch_update", work, sight)

    return endpoint


def batch_delete(resource: Resource) -> Endpoint:
    """Build `POST /users:batchDelete`."""
    names = [*key_fields(resource.info)]

    async def endpoint(
        request: Request, data: Body, session: AsyncSession | None = None, **given: Given
    ) -> Response:
        sight = resource.callers.sight(given)
        keys = [_key(each, names) if len(names) > 1 else each for each in data.ids]

        async def work(service: AnyService) -> Answer:
            with located("ids"):
                await service.batch_delete(keys)
            return Answer(204)

        return await write(resource, request, session, "batch_delete", work, sight)

    return endpoint


def upsert(resource: Resource) -> Endpoint:
    """Build `POST /users:upsert`."""
    targets = [{*key} for key in resource.upsert_targets]

    async def endpoint(
        request: Request, data: Body, session: AsyncSession | None = None, **given: Given
    ) -> Response:
        sight = resource.callers.sight(given)
        if {*data.on_conflict} not in targets:
            text = "Must name the columns of one unique key"
            place = ("body", "on_conflict")
            raise RequestValidationError([{"type": "not_unique", "loc": place, "msg": text}])
        _check_items(data.items, sight, ignores=False)

        async def work(service: AnyService) -> Answer:
            with located("items"):
                rows = await service.upsert(
                    data.items, on_conflict=data.on_conflict, mode=data.mode
                )
                return _shown(resource, rows, sight)

        return await write(resource, request, session, "upsert", work, sight)

    return endpoint


@contextmanager
def located(name: str) -> Generator[None]:
    """Point errors about one item at its place in the body.

    Args:
        name: The key of the list in the body.
    """
    try:
        yield
    except CrudError as error:
        if error.index is not None:
            place = ("body", name, error.index)
            below = name == "items"  # what stands in a list of keys has no parts
            moved = [Issue(it.type, (*place, *it.loc[1:]), it.msg) for it in error.issues if below]
            error.issues = tuple(moved) or (Issue(code_of(error), place, str(error)),)
        raise


def _check_items(items: Sequence[Any], sight: Sight, *, ignores: bool) -> None:
    for i, item in enumerate(items):
        check_body(item, sight.rights, ignores=ignores, at=("items", i))


def _check_versions(resource: Resource, items: Sequence[Any], rows: Sequence[Any]) -> None:
    """Refuse rows whose version is not the one that an item says.

    Raises:
        PreconditionFailed: If it is another.
        PreconditionRequired: If an item says none, and must.
    """
    version = str(resource.version)
    for i, (item, row) in enumerate(zip(items, rows, strict=True)):
        with about_item(i):
            said = getattr(item, version, MISSING)
            if said is MISSING and resource.options.require_if_match:
                msg = f"Send the {version} of the row"
                raise PreconditionRequired(msg)
            if said is not MISSING and said != getattr(row, version):
                raise PreconditionFailed


def _shown(resource: Resource, rows: Sequence[Any], sight: Sight, status: int = 200) -> Answer:
    selection = Selection(hidden=sight.rights.hidden)
    return Answer(status, resource.writer.items(rows, selection))


def _key(item: Any, names: Sequence[str]) -> Any:  # noqa: ANN401 - one value or several
    values = [getattr(item, name) for name in names]
    return tuple(values) if len(values) > 1 else values[0]

"""Files as new rows: all of a file or nothing, with what is wrong line by line."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from fastapi_crud.batches import CHUNK
from fastapi_crud.database import AsyncSession
from fastapi_crud.exceptions import ContentTooLarge, CrudError, Issue, UnsupportedMediaType
from fastapi_crud.lines import Item, Line, Mistakes, check_lines, read_csv, read_ndjson
from fastapi_crud.router.asking import check_body
from fastapi_crud.router.callers import Sight
from fastapi_crud.router.direct import again
from fastapi_crud.router.endpoints import Endpoint
from fastapi_crud.router.formats import CSV, NDJSON
from fastapi_crud.router.headers import media_type_of
from fastapi_crud.router.problems import code_of
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.responses import Answer
from fastapi_crud.router.work import AnyService, write
from fastapi_crud.schemas import OutputSchema


class Imported(OutputSchema):
    """What an import has done."""

    created: int = Field(description="How many rows were stored.")


def _csv(resource: Resource, content: bytes) -> Iterator[Line]:
    create, formulas = resource.schemas.create, resource.options.csv_formulas
    return read_csv(BytesIO(content), create, resource.info, formulas=formulas)


def _ndjson(resource: Resource, content: bytes) -> Iterator[Line]:
    del resource
    return read_ndjson(BytesIO(content))


READERS: Mapping[str, Callable[[Resource, bytes], Iterator[Line]]] = MappingProxyType(
    {CSV: _csv, NDJSON: _ndjson}
)
"""Media type of a body → what reads its lines."""


def import_rows(resource: Resource) -> Endpoint:
    """Build `POST /users:import`."""

    async def endpoint(
        request: Request,
        session: AsyncSession | None = None,
        **given: Any,  # noqa: ANN401
    ) -> Response:
        sight = resource.callers.sight(given)
        media_type = media_type_of(request.scope)
        if media_type not in READERS:
            text = f"The body must be a file: send Content-Type: {' or '.join(READERS)}"
            raise UnsupportedMediaType(text, accepted=[*READERS])
        content = await _content(request, resource.options.limits.max_import_bytes)
        items = _checked(resource, READERS[media_type](resource, content), sight)

        async def work(service: AnyService) -> Answer:
            for start in range(0, len(items), CHUNK):
                several = items[start : start + CHUNK]
                with on_line(several):
                    await service.batch_create([item.data for item in several])
            return Answer(201, b'{"created":%d}' % len(items))

        message = {"type": "http.request", "body": content, "more_body": False}
        request = Request(request.scope, again([message], request.receive))
        return await write(resource, request, session, "import", work, sight)

    return endpoint


@contextmanager
def on_line(items: Sequence[Item]) -> Generator[None]:
    """Point errors about one item at its line.

    Args:
        items: The rows that are stored together.
    """
    try:
        yield
    except CrudError as error:
        if error.index is not None:
            item = items[error.index]
            place = ("body", item.index)
            moved = [Issue(i.type, (*place, *i.loc[1:]), i.msg, item.number) for i in error.issues]
            error.issues = tuple(moved) or (Issue(code_of(error), place, str(error), item.number),)
        raise


def _checked(resource: Resource, lines: Iterator[Line], sight: Sight) -> list[Item]:
    """Check all lines.

    Raises:
        InvalidLines: With what is wrong with which.
        ContentTooLarge: If there are too many.
    """
    most = resource.options.limits.max_import
    mistakes, items = Mistakes(), list[Item]()
    for item in check_lines(_bounded(lines, most), resource.schemas.create, mistakes):
        try:
            check_body(item.data, sight.rights, ignores=False)
        except RequestValidationError as error:
            issues = [Issue(it["type"], tuple(it["loc"][1:]), it["msg"]) for it in error.errors()]
            mistakes.note(item.index, item.number, issues)
        else:
            items.append(item)
    mistakes.check()
    return items


def _bounded(lines: Iterator[Line], most: int) -> Iterator[Line]:
    for count, line in enumerate(lines):
        if count >= most:
            raise ContentTooLarge(f"The file may have {most} rows at most")
        yield line


async def _content(request: Request, most: int) -> bytes:
    """Read the body.

    Raises:
        ContentTooLarge: As soon as it is known to be too long.
    """
    said = request.headers.get("content-length", "")
    text = f"The file may have {most} bytes at most"
    if said.isdecimal() and int(said) > most:
        raise ContentTooLarge(text)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise ContentTooLarge(text)
            chunks.append(chunk)
    except ClientDisconnect:
        raise HTTPException(400, "The body is not complete") from None
    return b"".join(chunks)

"""From rows to bytes, once: bodies, `Location`."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from fastapi_crud.query.pagination import Page

JSON = "application/json"


class RowWriter:
    """Writes rows as JSON by the read schema.

    Args:
        read: The schema of one row; filled from its attributes.
    """

    def __init__(self, read: type[BaseModel]) -> None:
        self._row: TypeAdapter[Any] = TypeAdapter(read)
        self._rows: TypeAdapter[Any] = TypeAdapter(list[read])  # type: ignore[valid-type]

    def row(self, row: object) -> bytes:
        """Write one row."""
        return _write(self._row, row)

    def page(self, page: Page[Any]) -> bytes:
        """Write a page of rows and their total."""
        return b'{"items":%b,"total":%d}' % (_write(self._rows, page.items), page.total)


def json_response(content: bytes, status: int = 200, **headers: str) -> Response:
    """Answer with JSON that is already written."""
    return Response(content, status, headers, media_type=JSON)


def location(request: Request, key: Sequence[str]) -> str:
    """Give the path of a row, from the path of its collection.

    Args:
        request: What was asked of the collection.
        key: The texts of the row's key.
    """
    parts = (quote(part, safe="") for part in key)
    return "/".join((quote(request.scope["path"].rstrip("/")), *parts))


def _write(adapter: TypeAdapter[Any], rows: object) -> bytes:
    return adapter.dump_json(adapter.validate_python(rows, from_attributes=True), by_alias=True)

"""From rows to bytes, once: bodies, `Location`, `Link` and totals."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import BaseModel, TypeAdapter
from pydantic_core import SchemaSerializer, to_json
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from fastapi_crud.cells import Column
from fastapi_crud.columns import ModelInfo
from fastapi_crud.query.clauses import Query
from fastapi_crud.query.loading import attributes_of
from fastapi_crud.query.pagination import CursorPage, Page
from fastapi_crud.query.vocabulary import Pagination
from fastapi_crud.router.tables import TableWriter
from fastapi_crud.router.views import WHOLE, Included, Selection, is_derived, record_type, shape_of
from fastapi_crud.rows import Record, Rows

JSON = "application/json"
MAX_LINKS = 256
"""How many questions the links of their pages are remembered for."""
MAX_REMEMBERED = 200
"""How long such a question is at most."""
MAX_FIELDS = 256
"""For how many header fields it is remembered how their names are written."""
MAX_SHAPES = 256
"""How many selections of fields a writer remembers."""

PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")
PLAIN_PATH = re.compile(r"[A-Za-z0-9_.~/-]+")
"""What stands in a URL as it is (RFC 3986 §2.3): most keys, and most paths."""

AnyPage = Page[Any] | CursorPage[Any]


class RowWriter:
    """Writes rows as JSON by the read schema.

    Args:
        info: The model.
        read: The schema of one row; filled from its attributes.
        included: The schemas of included rows.
        pagination: Whether pages have a total, cursors, or both.
    """

    def __init__(
        self,
        info: ModelInfo,
        read: type[BaseModel],
        included: Included,
        pagination: Pagination = "offset",
    ) -> None:
        self._info, self._read, self._included = info, read, included
        self._pagination = pagination
        self._derived = is_derived(read)
        self.json_names: frozenset[str] = frozenset(
            name
            for attribute, name in attributes_of(read).items()
            if attribute in info.columns and info.columns[attribute].kind.name == "json"
        )
        """What is any JSON."""
        self._adapters = lru_cache(MAX_SHAPES)(self._make_adapters)
        self._records = lru_cache(MAX_SHAPES)(self._make_record_writers)
        self._shape = lru_cache(MAX_SHAPES)(self._make_shape)

    def row(self, row: object, selection: Selection = WHOLE) -> bytes:
        """Write one row."""
        if type(row) is Record and self._derived:
            records = self._whole_records if selection is WHOLE else self._records(selection)
            return records[0].to_json(row, by_alias=True, warnings=False)
        one, _, left_out = self._adapters(selection)
        return one.dump_json(_read(one, row), by_alias=True, exclude=left_out)

    def items(self, rows: Sequence[object], selection: Selection = WHOLE) -> bytes:
        """Write several rows."""
        return b'{"items":%b}' % self._several(rows, selection)

    def page(self, page: AnyPage, selection: Selection = WHOLE) -> bytes:
        """Write a page of rows and what leads on from it."""
        items = self._several(page.items, selection)
        rest = b"".join(
            b',"%b":%b' % (key.encode(), to_json(value)) for key, value in self._rest(page)
        )
        return b'{"items":%b%b}' % (items, rest)

    def lines(self, rows: Sequence[object], selection: Selection = WHOLE) -> bytes:
        """Write each row on a line of its own."""
        if type(rows) is Rows and self._derived:
            return self._table.lines(rows)
        one, several, left_out = self._adapters(selection)
        write = one.serializer.to_json
        read = _read(several, rows)
        return b"\n".join([write(row, by_alias=True, exclude=left_out) for row in read]) + b"\n"

    def columns(self, rows: Sequence[object], selection: Selection = WHOLE) -> Mapping[str, Column]:
        """Give the columns, by name."""
        if type(rows) is Rows and self._derived:
            return self._table.columns(rows)
        _, several, _ = self._adapters(selection)
        plain: list[dict[str, Any]]
        plain = several.dump_python(_read(several, rows), mode="json", by_alias=True)
        return {name: Column([row.get(name) for row in plain]) for name in self.names(selection)}

    def names(self, selection: Selection = WHOLE) -> list[str]:
        """Name what is written of a row, in the order of the schema."""
        schema, left_out = self._shape(selection)
        fields = schema.model_fields.items()
        shown = {name: it for name, it in fields if name not in left_out and not it.exclude}
        computed = schema.model_computed_fields.items()
        return [
            *(it.serialization_alias or it.alias or name for name, it in shown.items()),
            *(it.alias or name for name, it in computed),
        ]

    def attributes(self, selection: Selection = WHOLE) -> list[str]:
        """Name what is read of a row."""
        return [*attributes_of(self._shape(selection)[0])]

    def _several(self, rows: Sequence[object], selection: Selection) -> bytes:
        if not rows:
            return b"[]"
        if self._derived and (type(rows) is Rows or type(rows[0]) is Record):
            plain = rows.dicts() if type(rows) is Rows else rows
            return self._records(selection)[1].to_json(plain, by_alias=True, warnings=False)
        _, several, left_out = self._adapters(selection)
        exclude = {"__all__": left_out} if left_out else None
        return several.dump_json(_read(several, rows), by_alias=True, exclude=exclude)

    def _rest(self, page: AnyPage) -> list[tuple[str, Any]]:
        rest: list[tuple[str, Any]] = []
        if self._pagination != "cursor":
            rest.append(("total", page.total))
        if self._pagination != "offset":
            rest += [(key, getattr(page, key, None)) for key in ("next_cursor", "prev_cursor")]
        return rest

    @cached_property
    def _table(self) -> TableWriter:
        return TableWriter(self._read)

    @cached_property
    def _whole_records(self) -> tuple[SchemaSerializer, SchemaSerializer]:
        return self._records(WHOLE)

    def _make_shape(self, selection: Selection) -> tuple[type[BaseModel], frozenset[str]]:
        shape = shape_of(self._info, self._read, selection, self._included)
        return shape.schema, shape.left_out

    def _make_adapters(
        self, selection: Selection
    ) -> tuple[TypeAdapter[Any], TypeAdapter[Any], set[str] | None]:
        shape = shape_of(self._info, self._read, selection, self._included)
        schema: Any = shape.schema
        rows: TypeAdapter[Any] = TypeAdapter(list[schema])  # pyright: ignore[reportInvalidTypeForm]
        return TypeAdapter(schema), rows, {*shape.left_out} or None

    def _make_record_writers(
        self, selection: Selection
    ) -> tuple[SchemaSerializer, SchemaSerializer]:
        """Write what came from the database by its columns' types, without checking it again."""
        shape = shape_of(self._info, self._read, selection, self._included)
        record: Any = record_type(shape.schema)
        records: TypeAdapter[Any] = TypeAdapter(list[record])  # pyright: ignore[reportInvalidTypeForm]
        one: TypeAdapter[Any] = TypeAdapter(record)
        return one.serializer, records.serializer


class Answer(NamedTuple):
    """What is answered once everything is stored.

    Args:
        status: The HTTP status.
        content: The body, as JSON; none if empty.
        headers: Headers beside that of the media type.
    """

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})

    def minimal(self) -> "Answer":
        """Leave the body out (RFC 7240 §4.2)."""
        return Answer(204 if self.status == HTTPStatus.OK else self.status, b"", self.headers)

    def response(self) -> Response:
        """Send it."""
        if self.content:
            return JSONAnswer(self.content, self.status, self.headers)
        return Response(None, self.status, self.headers)


class JSONAnswer(Response):
    """Sends JSON that is already written.

    Args:
        content: The JSON.
        status: The HTTP status.
        headers: Headers beside those of the body.
    """

    media_type = JSON

    def __init__(self, content: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.status_code: int = status
        self.body: bytes = content
        self.background: BackgroundTask | None = None
        self.raw_headers: list[tuple[bytes, bytes]] = [
            (_field_name(name), value.encode("latin-1")) for name, value in headers.items()
        ]
        length = b"%d" % len(content)
        self.raw_headers += (b"content-length", length), (b"content-type", JSON.encode())


@lru_cache(MAX_FIELDS)
def _field_name(name: str) -> bytes:
    """Write the name of a header field as servers have it."""
    return name.lower().encode("latin-1")


def json_response(
    content: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON that is already written."""
    return JSONAnswer(content, status, headers or {})


def location(request: Request, key: Sequence[str]) -> str:
    """Give the path of a row, from the path of its collection.

    Args:
        request: What was asked of the collection.
        key: The texts of the row's key.
    """
    parts = [part if PLAIN.fullmatch(part) else quote(part, safe="") for part in key]
    path: str = request.scope["path"].rstrip("/")
    return "/".join((path if PLAIN_PATH.fullmatch(path) else quote(path), *parts))


def total_headers(page: AnyPage) -> dict[str, str]:
    """Tell the total in headers, where it is known."""
    if page.total is None:
        return {}
    kind = {"X-Total-Count-Kind": "estimated"} if page.estimated else {}
    return {"X-Total-Count": str(page.total), **kind}


def link_header(request: Request, query: Query, page: AnyPage) -> dict[str, str]:
    """Lead to the neighbours of a page (RFC 8288); all other parameters are kept."""
    links = _cursor_links(page) if isinstance(page, CursorPage) else _offset_links(query, page)
    path, text = request.scope["path"], request.scope["query_string"]
    short = len(path) + len(text) <= MAX_REMEMBERED
    start = _link_start(path, text) if short else _link_start.__wrapped__(path, text)
    written = [f'<{start}{place}>; rel="{relation}"' for relation, place in links.items()]
    return {"Link": ", ".join(written)}


@lru_cache(MAX_LINKS)
def _link_start(path: str, query: bytes) -> str:
    """Write what the links of a page have in common: all that was asked but for the place."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in {"skip", "cursor"}]
    return f"{quote(path)}?{urlencode(kept)}{'&' if kept else ''}"


def _cursor_links(page: CursorPage[Any]) -> dict[str, str]:
    cursors = {"first": "", "prev": page.prev_cursor, "next": page.next_cursor}
    return {
        name: f"cursor={quote(text, safe='')}" for name, text in cursors.items() if text is not None
    }


def _offset_links(query: Query, page: Page[Any]) -> dict[str, str]:
    places = {"first": 0}
    if query.skip:
        places["prev"] = max(query.skip - query.limit, 0)
    if page.more:
        places["next"] = query.skip + query.limit
    if page.total is not None and not page.estimated:
        places["last"] = max(page.total - 1, 0) // query.limit * query.limit
    return {name: f"skip={skip}" for name, skip in places.items()}


def _read(adapter: TypeAdapter[Any], rows: object) -> Any:  # noqa: ANN401 - instances of the schema
    if type(rows) is Rows:
        rows = rows.records
    return adapter.validate_python(rows, from_attributes=True)

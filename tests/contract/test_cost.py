"""What a request costs, in calls of functions: the same on every machine, whatever else it does.

Times are for `tests/benchmarks`; these bounds tell when a request begins to do much more than it
must, which is what the same endpoint by hand does.
"""

import sys
from collections.abc import AsyncIterator
from types import FrameType
from typing import Any

import aiosqlite
import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from pydantic_core import from_json, to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from fastapi_crud import Database, Repository, Service, make_crud_router
from fastapi_crud.database import STATE_KEY
from tests.models import Note

pytestmark = pytest.mark.usefixtures("every_lane")

SQL = {
    "list": "SELECT id, title, body, done, (SELECT count(*) FROM notes) FROM notes LIMIT ?",
    "get": "SELECT id, title, body, done FROM notes WHERE id = ?",
    "create": "INSERT INTO notes (title, done) VALUES (?, 0) RETURNING id, title, body, done",
    "PATCH": "UPDATE notes SET body = ? WHERE id = ? RETURNING id, title, body, done",
}


def by_hand(connection: aiosqlite.Connection) -> Starlette:
    """The endpoints of notes, with nothing that is not needed."""

    def shown(row: Any) -> dict[str, Any]:
        return dict(zip(("id", "title", "body", "done"), row, strict=False))

    async def list_notes(request: Request) -> Response:
        limit = int(request.query_params["limit"])
        rows = [*await connection.execute_fetchall(SQL["list"], (limit,))]
        return JSONResponse({"items": [*map(shown, rows)], "total": rows[0][-1]})

    async def get(request: Request) -> Response:
        (row,) = await connection.execute_fetchall(SQL["get"], (int(request.path_params["id"]),))
        return JSONResponse(shown(row))

    async def create(request: Request) -> Response:
        title = (await request.json())["title"]
        (row,) = await connection.execute_fetchall(SQL["create"], (title,))
        await connection.commit()
        return JSONResponse(shown(row), 201)

    async def update(request: Request) -> Response:
        body, key = (await request.json())["body"], int(request.path_params["id"])
        (row,) = await connection.execute_fetchall(SQL["PATCH"], (body, key))
        await connection.commit()
        return JSONResponse(shown(row))

    return Starlette(
        routes=[
            Route("/notes", list_notes, methods=["GET"]),
            Route("/notes", create, methods=["POST"]),
            Route("/notes/{id}", get, methods=["GET"]),
            Route("/notes/{id}", update, methods=["PATCH"]),
        ]
    )


class Hooked(Service[Note, BaseModel, BaseModel]):
    async def before_create(self, values: dict[str, Any]) -> None: ...

    async def before_update(self, id: Any, values: dict[str, Any]) -> None: ...


async def nobody() -> None: ...


@pytest.fixture
async def connection(sqlite: Database) -> AsyncIterator[aiosqlite.Connection]:
    """A connection to a database with a hundred notes."""
    async with sqlite.session() as session:
        notes = [{"title": f"note {number}"} for number in range(100)]
        await Repository[Note](session).create_multi(notes)
    async with aiosqlite.connect(str(sqlite.engine.url.database)) as connection:
        yield connection


def ours(database: Database, **options: Any) -> FastAPI:
    """The same endpoints, made."""
    app = FastAPI()
    app.include_router(make_crud_router(Note, **options))
    setattr(app.state, STATE_KEY, database)
    return app


CALLS: dict[str, tuple[str, str, bytes, Any]] = {
    "list": ("GET", "/notes", b"limit=20", None),
    "get": ("GET", "/notes/1", b"", None),
    "create": ("POST", "/notes", b"", {"title": "new {}"}),
    "PATCH": ("PATCH", "/notes/1", b"", {"body": "new {}"}),
}


async def ask(app: ASGIApp, number: int, method: str, path: str, query: bytes, body: Any) -> Any:
    """Make a request, without a client that would do more than the app; what was answered."""
    json = b"" if body is None else to_json({k: text.format(number) for k, text in body.items()})
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": json, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "scheme": "http",
        "raw_path": path.encode(), "query_string": query, "root_path": "", "client": ("test", 1),
        "server": ("test", 80), "headers": [(b"content-type", b"application/json")] * bool(json),
    }  # fmt: skip
    if json:
        scope["headers"] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(json)).encode()),
        ]
    await app(scope, receive, send)
    assert sent[0]["status"] in {200, 201}, sent
    answer = from_json(sent[1]["body"])
    assert answer
    return answer


async def calls_of(app: ASGIApp, call: tuple[str, str, bytes, Any], first: int = 0) -> int:
    """Count the calls of Python functions by one request, in this thread, when all is warm."""
    for number in range(first, first + 30):
        await ask(app, number, *call)
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        del frame, argument
        calls += event == "call"

    sys.setprofile(count)
    try:
        await ask(app, first + 99, *call)
    finally:
        sys.setprofile(None)
    return calls


MOST: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "as made": ({}, {"list": 2.9, "get": 3.5, "create": 2.4, "PATCH": 2.5}),
    "with a dependency": (
        {"dependencies": [Depends(nobody)]},
        {"list": 3.8, "get": 4.5, "create": 3.1, "PATCH": 3.1},
    ),
    "with hooks": (
        {"service": Hooked},
        {"list": 2.9, "get": 3.5, "create": 8.9, "PATCH": 8.7},
    ),
}
"""What a router is made with → how many times the calls of the same request by hand, at most.

A quarter more than it was when this was written.
"""


@pytest.mark.parametrize("name", MOST)
async def test_how_much_dearer_than_by_hand(
    sqlite: Database, connection: aiosqlite.Connection, name: str
) -> None:
    """Are requests not much dearer than the same ones by hand?"""
    options, most = MOST[name]
    made, hand = ours(sqlite, **options), by_hand(connection)
    for operation, call in CALLS.items():
        plain = await calls_of(hand, call)
        assert await calls_of(made, call, first=1000) <= most[operation] * plain, operation


@pytest.mark.usefixtures("connection")
async def test_rows_cost_no_calls(sqlite: Database) -> None:
    """Are rows read and written without calling anything for each?"""
    app = ours(sqlite)
    few = await calls_of(app, ("GET", "/notes", b"limit=2", None))
    many = await calls_of(app, ("GET", "/notes", b"limit=90", None))
    assert abs(many - few) < 90 - 2


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("sort", ["id", "-title", "done,-title", "body", "-body"])
@pytest.mark.parametrize("count", ["none", "exact"])
async def test_a_page_by_cursor_costs_about_a_page(sqlite: Database, sort: str, count: str) -> None:
    """Is the way to a page by cursor not made anew for each request, whatever it is sorted by?"""
    app = ours(sqlite, pagination="both", count=("exact", "none"))
    query = f"limit=20&count={count}&sort={sort}".encode()
    by_skip = await calls_of(app, ("GET", "/notes", query, None))
    first = await calls_of(app, ("GET", "/notes", query + b"&cursor=", None))
    cursor = (await ask(app, 0, "GET", "/notes", query + b"&cursor=", None))["next_cursor"]
    further = await calls_of(app, ("GET", "/notes", query + b"&cursor=" + cursor.encode(), None))
    assert first <= 1.7 * by_skip
    assert further <= 1.7 * by_skip

"""Each request has an id, which its answer and its log records tell."""

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.types import Message, Scope

from fastapi_crud import (
    Settings,
    add_cors,
    add_exception_handlers,
    add_request_ids,
    current_request_id,
)
from tests.conftest import client_of


def make_app() -> FastAPI:
    """An app whose answers tell the id, or that fails."""
    router = APIRouter()

    @router.get("/id")
    async def tell() -> str | None:
        return current_request_id()

    @router.get("/error")
    async def fail() -> None:
        raise LookupError

    @router.websocket("/socket")
    async def greet(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(current_request_id() or "")
        await socket.close()

    app = FastAPI()
    app.include_router(router)
    add_exception_handlers(app)
    add_request_ids(app)
    return app


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a1.B-2_c:3", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ('a"b', False),
        ("é", False),
        (None, False),
    ],
)
async def test_well_formed_ids_are_kept(given: str | None, kept: bool) -> None:
    """Does the answer tell the id that came, or a new one where none or no good one came?"""
    headers = [] if given is None else [(b"x-request-id", given.encode())]
    async with client_of(make_app()) as client:
        answers = [await client.get("/id", headers=headers) for _ in range(2)]
    for answer in answers:
        assert answer.json() == answer.headers["x-request-id"]
    ids = {answer.json() for answer in answers}
    assert ids == {given} if kept else (len(ids) == 2 and given not in ids)
    assert current_request_id() is None


async def test_errors_that_nobody_expects_have_the_id() -> None:
    """Does a 500 tell the id, although it is written outside of the middleware?"""
    async with client_of(make_app()) as client:
        failed = await client.get("/error", headers={"x-request-id": "r-1"})
    assert (failed.status_code, failed.headers["x-request-id"]) == (500, "r-1")


async def test_an_app_within_an_app_keeps_the_id() -> None:
    """Is one id told where the mounted app adds ids as well?"""
    app = make_app()
    app.mount("/inner", make_app())
    async with client_of(app) as client:
        answer = await client.get("/inner/id")
    assert answer.headers.get_list("x-request-id") == [answer.json()]


async def test_websockets_have_ids() -> None:
    """Does the handshake of a socket tell the id that its records have?"""
    sent: list[Message] = []
    received: list[Message] = [{"type": "websocket.connect"}]

    async def receive() -> Message:
        return received.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "websocket", "path": "/socket", "query_string": b"", "headers": []}
    await make_app()(scope, receive, send)
    (told,) = [value for name, value in sent[0]["headers"] if name == b"x-request-id"]
    assert sent[1]["text"] == told.decode()


async def test_the_lifespan_is_left_alone() -> None:
    """Does the app start and stop?"""
    app = make_app()
    sent: list[str] = []
    received = ["lifespan.shutdown", "lifespan.startup"]

    async def receive() -> Message:
        return {"type": received.pop()}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_browsers_may_see_the_id() -> None:
    """Is the header exposed to scripts of other origins?"""
    app = make_app()
    add_cors(app, Settings(allowed_origins=["https://app.example"]))
    async with client_of(app) as client:
        answer = await client.get("/id", headers={"origin": "https://app.example"})
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]

"""Requests that are answered at once are answered as FastAPI would."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header
from starlette.types import Message

from fastapi_crud import Database, make_crud_router
from fastapi_crud.router import route
from fastapi_crud.router.direct import TELEMETRY, Direct, direct_of
from tests.conftest import Serve
from tests.models import Line, Note

JSON = {"content-type": "application/json"}

CALLS: tuple[tuple[str, str, bytes, dict[str, str]], ...] = (
    ("POST", "/notes", b'{"title": "a"}', JSON),
    ("POST", "/notes", b'{"title": "b"}', {"content-type": "application/json; charset=utf-8"}),
    ("POST", "/notes", b'{"title": "c"}', {"content-type": "application/vnd.note+json"}),
    ("POST", "/notes", b'{"title": "d"}', {"content-type": "text/plain"}),
    ("POST", "/notes", b'{"title": "e"}', {}),
    ("POST", "/notes", b"", JSON),
    ("POST", "/notes", b"null", JSON),
    ("POST", "/notes", b"[]", JSON),
    ("POST", "/notes", b'{"title": "f"', JSON),
    ("POST", "/notes", b"\xff\xfe", JSON),
    ("POST", "/notes", b'{"title": NaN}', JSON),
    ("POST", "/notes", b'{"title": "\\ud800"}', JSON),
    ("POST", "/notes", b'{"title": "g", "title": "h"}', JSON),
    ("POST", "/notes", b'{"title": 5, "nothing": 1}', JSON),
    ("POST", "/notes", '{"title": "ü"}'.encode("utf-16"), JSON),
    ("POST", "/notes", b'{"title": "i", "done": "true"}', JSON),
    ("PATCH", "/notes/1", b'{"body": "x"}', JSON),
    ("PATCH", "/notes/1", b'{"body": "y"}', {"content-type": "application/merge-patch+json"}),
    ("PATCH", "/notes/1", b'{"title": null}', JSON),
    ("PATCH", "/notes/99", b'{"body": "x"}', JSON),
    ("PUT", "/notes/1", b'{"title": "z"}', JSON),
    ("GET", "/notes/1", b"", {}),
    ("GET", "/notes/1/", b"", {}),
    ("HEAD", "/notes/1", b"", {}),
    ("GET", "/notes/none", b"", {}),
    ("GET", "/notes?limit=x", b"", {}),
    ("DELETE", "/notes/1", b"", {}),
    ("TRACE", "/notes/1", b"", {}),
    ("POST", "/lines", b'{"order_id": 1, "line_no": 2}', JSON),
    ("GET", "/lines/1/2", b"", {}),
)


async def told(serve: Serve, database: Database) -> list[str]:
    """Make all calls on empty tables; what was answered to each."""
    await database.drop_all()
    await database.create_all()
    client = serve(database, make_crud_router(Note), make_crud_router(Line, client_ids=True))
    answers: list[str] = []
    for method, path, body, headers in CALLS:
        answer = await client.request(method, path, content=body, headers=headers)
        answers.append(
            f"{method} {path} {body!r}: {answer.status_code} {answer.headers} {answer.text}"
        )
    return answers


async def test_answers_are_those_of_fastapi(
    sqlite: Database, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Are status, headers and bytes the same, for good requests and for bad ones?"""
    at_once = await told(serve, sqlite)

    def never(*said: object) -> None:
        del said

    monkeypatch.setattr(route, "direct_of", never)
    assert at_once == await told(serve, sqlite)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were answered at once."""
    paths: list[str] = []
    original = Direct.answer

    async def note(direct: Direct, scope: Any, receive: Any) -> Any:
        paths.append(scope["path"])
        return await original(direct, scope, receive)

    monkeypatch.setattr(Direct, "answer", note)
    return paths


async def heard(x_tenant: str = Header("none")) -> str:
    return x_tenant


async def test_who_has_a_say_is_heard(sqlite: Database, serve: Serve, answered: list[str]) -> None:
    """Is nothing passed over: dependencies of a router, of what includes it, of the app?"""
    own = make_crud_router(Note, name="own", singular="own", dependencies=[Depends(heard)])
    outer = APIRouter(prefix="/outer", dependencies=[Depends(heard)])
    outer.include_router(make_crud_router(Note, name="outer", singular="outer"))
    tenants = APIRouter(prefix="/tenants/{tenant}")
    tenants.include_router(make_crud_router(Note, name="theirs", singular="theirs"))
    client = serve(sqlite, own, outer, tenants, make_crud_router(Note))
    for path in ("/own", "/outer/outer", "/tenants/7/theirs", "/notes"):
        assert (await client.get(path)).status_code == 200
    assert answered == ["/tenants/7/theirs", "/notes"]
    app = FastAPI(dependencies=[Depends(heard)])
    app.include_router(make_crud_router(Note))
    assert (await serve(sqlite, app=app).get("/notes")).status_code == 200
    assert len(answered) == 2


def test_what_is_observed_goes_through_fastapi() -> None:
    """Is a request left to FastAPI where that records what it does?"""
    found = SimpleNamespace(direct=object())
    assert direct_of(found, {}) is found.direct
    assert direct_of(found, {TELEMETRY: object()}) is None


async def test_a_client_that_goes_away(sqlite: Database) -> None:
    """Is a body that never comes an error of the client's, as with FastAPI?"""
    app = FastAPI()
    app.include_router(make_crud_router(Note, database=sqlite))
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/notes",
        "raw_path": b"/notes", "query_string": b"", "headers": headers, "root_path": "",
        "scheme": "http", "server": ("test", 80), "client": ("test", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 400


async def test_a_body_in_pieces(sqlite: Database, serve: Serve) -> None:
    """Is a body read whole, and read again where FastAPI has to?"""

    async def pieces(text: bytes) -> AsyncIterator[bytes]:
        for byte in text:
            yield bytes([byte])

    client = serve(sqlite, make_crud_router(Note))
    right = await client.post("/notes", content=pieces(b'{"title": "a"}'), headers=JSON)
    assert right.status_code == 201
    wrong = await client.post("/notes", content=pieces(b'{"title": 1}'), headers=JSON)
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/title")


async def test_bodies_that_are_too_large(
    sqlite: Database, serve: Serve, answered: list[str]
) -> None:
    """Does the app's bound of a body hold?"""
    app = FastAPI()
    try:
        app.include_router(make_crud_router(Note), max_body_size=20)  # type: ignore[call-arg, unused-ignore]
    except TypeError:
        pytest.skip("this FastAPI bounds no bodies")
    client = serve(sqlite, app=app)
    answer = await client.post("/notes", json={"title": "a" * 20})
    assert answer.status_code == 413
    assert answered == []

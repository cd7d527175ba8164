"""Requests that are answered at once are answered as FastAPI would."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import wraps
from inspect import signature
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Request,
    Response,
)
from starlette.types import Message, Receive, Scope

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


async def heard(x_tenant: str = Header("none")) -> str:
    return x_tenant


async def numbered(request: Request, number: int = Header()) -> int:
    await request.body()
    return number


async def refused(number: Annotated[int, Depends(numbered)]) -> None:
    if number == 2:
        raise HTTPException(403, "not for 2", {"X-Why": "two"})


def at_rest(number: Annotated[int, Depends(numbered)]) -> int:
    return number


class Bounded:
    async def __call__(self, limit: int = 0) -> int:
        return limit


DEPENDENCIES: dict[str, list[Callable[..., Any]]] = {
    "none": [],
    "one that reads": [numbered],
    "some that refuse": [heard, numbered, refused],
    "one in a thread": [at_rest],
    "an object": [Bounded()],
}


async def told(serve: Serve, database: Database, dependencies: Sequence[Any] = ()) -> list[str]:
    """Make all calls on empty tables; what was answered to each."""
    await database.drop_all()
    await database.create_all()
    notes = make_crud_router(Note, dependencies=dependencies)
    lines = make_crud_router(Line, client_ids=True, dependencies=dependencies)
    client = serve(database, notes, lines)
    answers: list[str] = []
    for said in ({}, {"number": "1"}, {"number": "2"}, {"number": "x"}) if dependencies else ({},):
        for method, path, body, headers in CALLS:
            answer = await client.request(method, path, content=body, headers=headers | said)
            answers.append(
                f"{method} {path} {body!r}: {answer.status_code} {answer.headers} {answer.text}"
            )
    return answers


@pytest.mark.parametrize("name", DEPENDENCIES)
async def test_answers_are_those_of_fastapi(
    name: str, sqlite: Database, serve: Serve, monkeypatch: pytest.MonkeyPatch, answered: list[str]
) -> None:
    """Are status, headers and bytes the same, for good requests and for bad ones?"""
    dependencies = [Depends(each) for each in DEPENDENCIES[name]]
    at_once = await told(serve, sqlite, dependencies)
    many = len(answered)
    assert many

    def never(*said: object) -> None:
        del said

    monkeypatch.setattr(route, "direct_of", never)
    assert at_once == await told(serve, sqlite, dependencies)
    assert len(answered) == many


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were answered at once."""
    paths: list[str] = []
    original = Direct.read

    async def note(direct: Direct, scope: Scope, receive: Receive) -> Any:
        read = await original(direct, scope, receive)
        paths.append(scope["path"])
        return read

    monkeypatch.setattr(Direct, "read", note)
    return paths


async def test_who_has_a_say_is_heard(sqlite: Database, serve: Serve, answered: list[str]) -> None:
    """Is nothing passed over: dependencies of a router, of what includes it, of the app?"""
    told: list[str] = []

    async def hear(x_tenant: str = Header("none")) -> None:
        told.append(x_tenant)

    own = make_crud_router(Note, name="own", singular="own", dependencies=[Depends(hear)])
    outer = APIRouter(prefix="/outer", dependencies=[Depends(hear)])
    outer.include_router(make_crud_router(Note, name="outer", singular="outer"))
    tenants = APIRouter(prefix="/tenants/{tenant}")
    tenants.include_router(make_crud_router(Note, name="theirs", singular="theirs"))
    client = serve(sqlite, own, outer, tenants, make_crud_router(Note))
    paths = ["/own", "/outer/outer", "/tenants/7/theirs", "/notes"]
    for path in paths:
        assert (await client.get(path, headers={"X-Tenant": path})).status_code == 200
    assert (answered, told) == (paths, paths[:2])
    app = FastAPI(dependencies=[Depends(hear)])
    app.include_router(make_crud_router(Note))
    assert (await serve(sqlite, app=app).get("/notes")).status_code == 200
    assert told[2:] == ["none"]


def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
    """Hide what a function is."""

    @wraps(call)
    def wrapper(*said: Any, **more: Any) -> Any:
        return call(*said, **more)

    return wrapper


def held() -> Iterator[str]:
    yield "it"


async def held_below(it: Annotated[str, Depends(held)]) -> str:
    return it


class Holding:
    async def __call__(self) -> AsyncIterator[str]:
        yield "it"


async def adds_a_header(response: Response) -> None:
    response.headers["X-Seen"] = "yes"


async def works_later(tasks: BackgroundTasks) -> None:
    tasks.add_task(held)


@pytest.mark.parametrize(
    "dependency",
    [held, wrapped(held), held_below, Holding(), adds_a_header, works_later],
    ids=["ends later", "wrapped", "below", "an object", "adds to the answer", "works later"],
)
async def test_what_is_left_to_be_done_afterwards(
    dependency: Callable[..., Any], sqlite: Database, serve: Serve, answered: list[str]
) -> None:
    """Is FastAPI asked wherever a dependency is not over when the endpoint begins?"""
    client = serve(sqlite, make_crud_router(Note, dependencies=[Depends(dependency)]))
    assert (await client.get("/notes")).status_code == 200
    assert answered == []


async def test_dependencies_that_an_app_overrides(
    sqlite: Database, serve: Serve, answered: list[str]
) -> None:
    """Is another dependency called where an app says so, whatever that one is?"""
    app = FastAPI()
    app.include_router(make_crud_router(Note, dependencies=[Depends(numbered)]))
    client = serve(sqlite, app=app)
    assert (await client.get("/notes")).status_code == 422
    app.dependency_overrides[numbered] = held
    assert (await client.get("/notes")).status_code == 200
    assert answered == ["/notes"]
    app.dependency_overrides.clear()
    assert (await client.get("/notes", headers={"Number": "1"})).status_code == 200
    assert len(answered) == 2


class OutOfStock(Exception):
    """An error of an app's own."""


async def test_errors_that_an_app_handles(
    sqlite: Database, serve: Serve, answered: list[str]
) -> None:
    """Does the app's handler see the request, with the body that was read already?"""

    async def fail() -> None:
        raise OutOfStock

    app = FastAPI()
    app.include_router(make_crud_router(Note, dependencies=[Depends(fail)]))

    @app.exception_handler(OutOfStock)
    async def answer(request: Request, error: OutOfStock) -> Response:
        return Response(await request.body(), 418)

    response = await serve(sqlite, app=app).post("/notes", json={"title": "a"})
    assert (response.status_code, response.json()) == (418, {"title": "a"})
    assert answered == ["/notes"]


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


@pytest.mark.skipif(
    "max_body_size" not in signature(FastAPI).parameters, reason="this FastAPI bounds no bodies"
)
@pytest.mark.parametrize("whose", ["app", "router"])
async def test_bodies_that_are_too_large(whose: str, sqlite: Database, serve: Serve) -> None:
    """Does the bound of a body hold, whoever sets it, and is it told as everything else?"""
    bound: dict[str, Any] = {"max_body_size": 20}
    app = FastAPI(**bound if whose == "app" else {})
    app.include_router(make_crud_router(Note), **bound if whose == "router" else {})
    client = serve(sqlite, app=app)

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"title": "'
        yield b"a" * 20
        yield b'"}'

    whole = await client.post("/notes", json={"title": "a" * 20})
    in_pieces = await client.post("/notes", content=pieces(), headers=JSON)
    assert (whole.status_code, in_pieces.status_code) == (413, 413)
    assert in_pieces.json()["status"] == 413

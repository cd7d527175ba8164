"""Requests are answered by the route that FastAPI would have chosen."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse
from starlette.routing import Match

from fastapi_crud import CrudRouter, Database, make_crud_router
from fastapi_crud.router.direct import FASTAPI, TELEMETRY
from fastapi_crud.router.matching import FOUND, Found, hand_over
from tests.conftest import Client, Serve
from tests.models import Note

Router = CrudRouter[Any, Any, Any, Any]


class Picky(APIRoute):
    """A route that leaves some paths alone, whatever its own path says."""

    def matches(self, scope: Any) -> Any:
        return (Match.NONE, {}) if scope["path"].endswith("/7") else super().matches(scope)


def alone(router: Router) -> None:
    """Nothing is added."""
    del router


def own_first(router: Router) -> None:
    """An endpoint of the developer's own comes before those of the library."""

    async def first(note: str) -> str:
        return f"own {note}"

    router.add_api_route("/{note}", first)
    router.routes.insert(0, router.routes.pop())


def own_last(router: Router) -> None:
    """It comes after them."""

    async def last() -> str:
        return "own"

    router.add_api_route("/1/lines", last)


def other_kinds(router: Router) -> None:
    """A route that is not FastAPI's comes first."""
    router.add_route("/notes/8", lambda _: PlainTextResponse("plain"), methods=["GET"])
    router.routes.insert(0, router.routes.pop())


def picky(router: Router) -> None:
    """A route with a rule of its own comes first."""

    async def picked(note: int) -> str:
        return f"picked {note}"

    router.routes.insert(0, Picky("/notes/{note}", picked, methods=["GET"]))


def nested(router: Router) -> None:
    """Another router is within it."""
    inner = APIRouter()
    inner.add_api_route("/9/inner", lambda: "inner")
    router.include_router(inner)


ASKED = [
    ("GET", "/notes"), ("GET", "/notes/"), ("HEAD", "/notes"), ("OPTIONS", "/notes"),
    ("POST", "/notes"), ("PUT", "/notes"), ("GET", "/notes/1"), ("GET", "/notes/7"),
    ("GET", "/notes/8"), ("GET", "/notes/x/"), ("DELETE", "/notes/1"), ("TRACE", "/notes/1"),
    ("GET", "/notes/1/lines"), ("POST", "/notes/1/lines"), ("GET", "/notes/9/inner"),
    ("GET", "/none"), ("PATCH", "/notes/1"),
]  # fmt: skip


async def told(client: Client) -> list[tuple[int, str, str]]:
    answers = [await client.request(method, path) for method, path in ASKED]
    return [(it.status_code, it.headers.get("allow", ""), it.text) for it in answers]


included = pytest.mark.skipif(
    not hasattr(APIRouter, "matches"), reason="before 0.137, FastAPI copies the routes"
)

CHANGES: list[tuple[Callable[[Router], None], str, str]] = [
    (alone, "/notes/7", "not_found"),
    (own_first, "/notes/7", "own 7"),
    (own_last, "/notes/1/lines", "own"),
    (other_kinds, "/notes/8", "plain"),
    (picky, "/notes/8", "picked 8"),
    (nested, "/notes/9/inner", "inner"),
]
"""What is changed → what is then answered to a GET."""


@included
@pytest.mark.parametrize(("change", "path", "text"), CHANGES)
async def test_the_route_is_the_one_that_fastapi_finds(
    sqlite: Database,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Router], None],
    path: str,
    text: str,
) -> None:
    """Is the same route found as by asking all of them in turn?"""
    router = make_crud_router(Note)
    change(router)
    outer = APIRouter()
    outer.include_router(router)
    app = FastAPI()
    app.include_router(router)
    app.include_router(outer, prefix="/outer")
    client = serve(sqlite, app=app)
    quick = await told(client)
    assert text in (await client.get(path)).text
    monkeypatch.setattr(CrudRouter, "matches", APIRouter.matches, raising=False)
    assert await told(client) == quick


@included
async def test_routes_may_come_later(sqlite: Database, serve: Serve) -> None:
    """Is an endpoint found that is added after the first request?"""
    router = make_crud_router(Note)
    app = FastAPI()
    app.include_router(router)
    client = serve(sqlite, app=app)
    assert (await client.get("/notes/1/lines")).status_code == 404
    own_last(router)
    assert (await client.get("/notes/1/lines")).json() == "own"


@pytest.mark.parametrize(
    "scope",
    [{}, {FASTAPI: {}, FOUND: {}}, {FASTAPI: {}, FOUND: {id(None): Found(None, {})}, TELEMETRY: 1}],
    ids=["nothing was looked for", "nothing was found", "requests are observed"],
)
def test_what_is_left_to_fastapi(scope: dict[str, Any]) -> None:
    """Is nothing handed over that was not found, or that FastAPI observes?"""
    assert hand_over(scope) is None

"""Requests find their router without asking all others, in whatever order they stand."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.routing import Mount

from fastapi_crud import CrudRouter, CrudRouters, Database, make_crud_router
from tests import models
from tests.conftest import Client, Serve, client_of
from tests.strategies import model_of

MANY = 50


@contextmanager
def asked(kind: Any) -> Generator[list[Any]]:
    """What is asked whether it matches."""
    calls: list[Any] = []
    if not hasattr(kind, "matches"):  # pragma: no cover - FastAPI before 0.137
        yield calls
        return
    matches = kind.matches

    def noted(self: Any, scope: Any) -> Any:
        calls.append(self)
        return matches(self, scope)

    with patch.object(kind, "matches", noted):
        yield calls


def resources() -> list[CrudRouter[Any, Any, Any, Any]]:
    model = model_of(sa.Column("name", sa.String(50)))
    return [make_crud_router(model, name=f"resource_{i:02}") for i in range(MANY)]


def one_by_one(app: FastAPI) -> None:
    for router in resources():
        app.include_router(router)


def in_one_parent(app: FastAPI) -> None:
    parent = APIRouter()
    for router in resources():
        parent.include_router(router)
    app.include_router(parent)


def in_a_directory(app: FastAPI) -> None:
    parent = CrudRouters()
    for router in resources():
        parent.include_router(router)
    app.include_router(parent)


@pytest.mark.parametrize("include", [one_by_one, in_one_parent, in_a_directory])
async def test_routes_of_other_resources_are_not_looked_at(include: Any, serve: Serve) -> None:
    """Are only its own routes matched for a request to the last of many resources?"""
    app = FastAPI()
    include(app)
    client = serve(None, app=app)
    with asked(APIRoute) as first:
        assert (await client.options("/resource_00")).status_code == 204
    with asked(APIRoute) as last:
        assert (await client.options(f"/resource_{MANY - 1}")).status_code == 204
    assert 1 <= len(last) == len(first) <= 3 * 6, "all six routes: each time it is asked"


async def test_a_directory_does_not_ask_the_other_routers(serve: Serve) -> None:
    """Is the last of many routers found without asking those before it?"""
    app = FastAPI()
    in_a_directory(app)
    client = serve(None, app=app)
    with asked(CrudRouter) as routers:
        answer = await client.options(f"/resource_{MANY - 1}:search")
        assert answer.status_code == 404
        routers.clear()
        answer = await client.options(f"/resource_{MANY - 1}/1/")
        assert answer.headers["allow"].startswith("GET, ")
    assert {router.prefix for router in routers} <= {f"/resource_{MANY - 1}"}
    assert len(routers) <= 2


@pytest.fixture(params=[APIRouter, CrudRouters])
def parent(request: pytest.FixtureRequest) -> APIRouter:
    """A directory, and what it must behave like."""
    made: APIRouter = request.param(prefix="/{tenant}")
    return made


async def test_a_directory_behaves_like_any_router(
    sqlite: Database, serve: Serve, parent: APIRouter
) -> None:
    """Do prefixes with parameters, suffixes, slashes, HEAD, OPTIONS, 405 and 404 work in it?"""
    parent.include_router(make_crud_router(models.Note, operations=["list", "get", "search"]))
    parent.include_router(make_crud_router(models.Account), prefix="/of/{country}")
    app = FastAPI()
    app.include_router(parent, prefix="/v1")
    app.include_router(parent, prefix="/v2")
    client = serve(sqlite, app=app)
    assert await statuses(client) == STATUSES


async def test_a_directory_works_below_other_apps(sqlite: Database, parent: APIRouter) -> None:
    """Does it work in a mounted app, whose paths have more in front?"""
    parent.include_router(make_crud_router(models.Note, operations=["list", "get", "search"]))
    parent.include_router(make_crud_router(models.Account), prefix="/of/{country}")
    app = FastAPI(lifespan=sqlite.lifespan)
    between = APIRouter()
    between.include_router(parent)
    app.include_router(between, prefix="/v1")
    outer: Any = Starlette(routes=[Mount("/notes", app=app)])
    async with sqlite.lifespan(app), client_of(outer) as client:
        assert (await client.get("/notes/v1/a/notes")).status_code == 200
        assert (await client.get("/notes/v1/a/notes/1")).status_code == 404
        assert (await client.get("/notes/v1/a/of/b/accounts")).status_code == 200
        assert (await client.delete("/notes/v1/a/notes")).status_code == 405


STATUSES = {
    "GET /v1/a/notes": 200,
    "GET /v2/a/notes/": 200,
    "HEAD /v1/notes/notes": 200,
    "OPTIONS /v1/a/notes": 204,
    "DELETE /v1/a/notes": 405,
    "QUERY /v1/a/notes": 415,
    "POST /v1/a/notes:search": 415,
    "GET /v1/a/notes:search": 405,
    "GET /v1/a/notes/1": 404,
    "GET /v1/notes": 404,
    "GET /v1/a/notes/1/2": 404,
    "GET /v1/a/accounts": 404,
    "GET /v2/a/of/b/accounts": 200,
    "GET /v2/notes/of/notes/accounts": 200,
    "GET /v3/a/notes": 404,
}


async def statuses(client: Client) -> dict[str, int]:
    answers: dict[str, int] = {}
    for request in STATUSES:
        method, path = request.split()
        content = b"x" if method in {"POST", "QUERY"} else b""
        answers[request] = (await client.request(method, path, content=content)).status_code
    return answers


async def test_the_order_counts(sqlite: Database, serve: Serve, parent: APIRouter) -> None:
    """Do endpoints of the parent itself, and of other routers, come before what is below them?"""
    other = APIRouter()
    notes = make_crud_router(models.Note)

    @other.get("/notes/5")
    async def before(tenant: str) -> str:  # pyright: ignore[reportUnusedFunction]
        return f"before of {tenant}"

    parent.include_router(other)

    @parent.get("/notes/6")
    async def own() -> str:  # pyright: ignore[reportUnusedFunction]
        return "own"

    parent.include_router(notes)

    @parent.put("/notes/{id}/title")
    async def after(id: int) -> str:  # pyright: ignore[reportUnusedFunction]
        return f"after {id}"

    @other.put("/notes")
    async def method() -> str:  # pyright: ignore[reportUnusedFunction]
        return "not shadowed"

    client = serve(sqlite, parent)
    assert (await client.get("/a/notes/5")).json() == "before of a"
    assert (await client.get("/a/notes/6")).json() == "own"
    assert (await client.get("/a/notes/7")).status_code == 404
    assert (await client.put("/a/notes/7/title")).json() == "after 7"
    assert (await client.get("/a/notes")).json()["items"] == []
    assert (await client.delete("/a/notes/5")).status_code == 404, "the resource deletes"

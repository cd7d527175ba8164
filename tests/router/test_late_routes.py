"""Routes are read on first use, are the same then, and what may be wrong is told before."""

import copy
from typing import Any, cast

import pytest
from fastapi import Depends, FastAPI
from fastapi.exceptions import FastAPIError
from fastapi.routing import APIRoute
from httpx2 import ASGITransport, AsyncClient

from fastapi_crud import Database, make_crud_router
from fastapi_crud.router.route import CrudRoute
from tests import models

SAID = (
    "path", "endpoint", "name", "methods", "status_code", "summary", "description", "tags",
    "response_model", "responses", "operation_id", "unique_id", "path_format", "openapi_extra",
)  # fmt: skip


class Unknown:
    pass


def wrong(value: Unknown) -> bool:
    return bool(value)


def routes_of(**options: Any) -> list[CrudRoute]:
    return [cast("CrudRoute", route) for route in make_crud_router(models.Note, **options).routes]


def is_read(route: CrudRoute) -> bool:
    return "dependant" in vars(route)


def test_an_included_route_is_not_read_for_itself() -> None:
    """Does an app read the routes once, and know all that was said of them?"""
    router = make_crud_router(models.Note)
    app = FastAPI()
    app.include_router(router, prefix="/v1")
    assert app.openapi()["paths"].keys() == {"/v1/notes", "/v1/notes/{id}"}
    assert not any(is_read(cast("CrudRoute", route)) for route in router.routes)


def test_a_route_that_was_read_is_as_fastapi_makes_it() -> None:
    """Has a route what one has that is read at once?"""
    for route in routes_of():
        made = APIRoute(
            **{
                name: getattr(route, name)
                for name in SAID
                if name not in {"unique_id", "path_format"}
            }
        )
        known = {name: getattr(route, name) for name in SAID}
        assert not is_read(route)
        assert route.dependant.path == made.dependant.path
        assert is_read(route)
        assert vars(made).keys() <= vars(route).keys()
        assert {name: getattr(route, name) for name in SAID} == known
        assert {name: getattr(made, name) for name in SAID} == known


def test_what_was_set_before_stays() -> None:
    """Does reading a route leave alone what the developer has changed?"""
    route = routes_of()[0]
    route.summary = "Mine"
    route.read()
    assert is_read(route)
    assert route.summary == "Mine"
    dependant = route.dependant
    route.read()
    assert route.dependant is dependant


def test_a_route_has_no_other_attributes() -> None:
    """Is a missing attribute missed, before and after a route is read, and in a copy of it?"""
    for route in (routes_of()[0], copy.copy(routes_of()[0])):
        for _ in range(2):
            assert not hasattr(route, "__nothing__")
            assert not hasattr(route, "nothing")
            assert is_read(route)


async def test_routes_that_are_not_included_answer(db: Database) -> None:
    """Does a router answer by itself?"""
    router = make_crud_router(models.Note, database=db)
    async with AsyncClient(transport=ASGITransport(router), base_url="http://test") as client:
        answer = await client.get("/notes")
    assert answer.json() == {"items": [], "total": 0}


@pytest.mark.parametrize(
    "options",
    [{"dependencies": [Depends(wrong)]}, {"scope": wrong}, {"readable_by": {"body": wrong}}],
    ids=lambda options: next(iter(options)),
)
def test_wrong_dependencies_are_told_at_once(options: dict[str, Any]) -> None:
    """Is a dependency that FastAPI cannot read refused while the router is built?"""
    with pytest.raises(FastAPIError):
        make_crud_router(models.Note, **options)


def test_dependencies_are_read_at_once() -> None:
    """Is a route with dependencies read when it is made, since they can be wrong?"""
    assert all(map(is_read, routes_of(dependencies=[Depends(lambda: None)])))
    assert all(map(is_read, routes_of(scope=lambda: True)))

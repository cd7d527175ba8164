"""What describes the answers of routes is made once, and the document is the same."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import create_model

from fastapi_crud import make_crud_router
from fastapi_crud.router import answers, documentation
from fastapi_crud.router.problems import Problem, ValidationProblem
from fastapi_crud.router.route import iter_routes
from tests import models


def routes_of(*routers: APIRouter) -> list[Any]:
    app = FastAPI(openapi_url=None)
    for prefix in ("/a", "/b"):
        for router in routers:
            app.include_router(router, prefix=prefix)
    return [route for router in routers for route in router.routes] + [*iter_routes(app.routes)]


def test_problems_of_all_routes_have_the_same_fields() -> None:
    """Is there one field for each schema of problems, whatever is included how often?"""
    routers = make_crud_router(models.Note), make_crud_router(models.Account)
    fields = {
        id(field): field.field_info.annotation
        for route in routes_of(*routers)
        for field in route.response_fields.values()
    }
    assert sorted(it.__name__ for it in fields.values()) == ["Problem", "ValidationProblem"]
    assert {*fields.values()} == {Problem, ValidationProblem}


def test_fastapi_makes_them_where_it_hides_what_it_includes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Is the document the same where FastAPI has to make the fields?"""
    documents: list[Any] = []
    for shared in (True, False):
        monkeypatch.setattr(answers, "SHARED", shared)
        if not shared:
            monkeypatch.setattr(documentation, "problem", documentation.problem.__wrapped__)
            plain = APIRoute.get_route_handler
            monkeypatch.setattr(answers.AnsweringRoute, "get_route_handler", plain)
        app = FastAPI()
        app.include_router(make_crud_router(models.Note))
        documents.append(app.openapi())
    assert documents[0] == documents[1]
    assert {"Problem", "ValidationProblem"} <= documents[0]["components"]["schemas"].keys()


def test_documents_keep_what_fastapi_adds_to_themselves() -> None:
    """Does an app with a schema of the same name leave the documents of others alone?"""
    plain, clashing = FastAPI(), FastAPI()
    for app in (plain, clashing):
        app.include_router(make_crud_router(models.Note, export=True))
    before = plain.openapi()

    own = create_model("Problem", text=(str, ...))
    clashing.add_api_route("/own", lambda: {"text": ""}, response_model=own)
    names = {name for name in clashing.openapi()["components"]["schemas"] if "Problem" in name}
    assert names
    assert "Problem" not in names
    plain.openapi_schema = None
    assert plain.openapi() == before

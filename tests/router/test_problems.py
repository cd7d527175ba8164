"""Errors as problem details: a superset of FastAPI's body that echoes nothing."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

from fastapi_crud import (
    Conflict,
    CrudError,
    Database,
    PermissionDenied,
    Service,
    add_exception_handlers,
    exceptions,
    make_crud_router,
)
from fastapi_crud.router.problems import STATUSES, Problem, ValidationProblem
from tests import models
from tests.conftest import Serve, client_of

SECRET = "hunter2-hunter2-hunter2"


def test_every_public_error_has_a_status() -> None:
    """Is there a row for every error, except misuse by the developer?"""
    public = {
        value
        for value in vars(exceptions).values()
        if isinstance(value, type) and issubclass(value, CrudError)
    }
    assert public - STATUSES.keys() == {exceptions.ConfigurationError}


async def test_validation_problem_is_what_fastapi_clients_expect(
    sqlite: Database, serve: Serve
) -> None:
    """Does a 422 hold the list in `detail` and in `errors`, with pointers, and no input?"""
    client = serve(sqlite, make_crud_router(models.Note))
    answer = await client.post("/notes", json={"title": [SECRET], "a/b~c": SECRET})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "status_code": 422,
        "code": "validation_error",
        "detail": problem["errors"],
        "instance": "/notes",
        "errors": [
            {
                "type": "string_type",
                "loc": ["body", "title"],
                "msg": "Input should be a valid string",
                "pointer": "#/title",
            },
            {
                "type": "extra_forbidden",
                "loc": ["body", "a/b~c"],
                "msg": "Extra inputs are not permitted",
                "pointer": "#/a~1b~0c",
            },
        ],
    }
    assert SECRET not in answer.text
    ValidationProblem.model_validate(problem)


async def test_not_found_problem(sqlite: Database, serve: Serve) -> None:
    """Has a 404 the seed's keys and the RFC's?"""
    answer = await serve(sqlite, make_crud_router(models.Note)).get("/notes/nonexistent-id")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "status_code": 404,
        "code": "not_found",
        "detail": "Note 'nonexistent-id' not found",
        "instance": "/notes/nonexistent-id",
    }
    Problem.model_validate(answer.json())


async def test_style_is_the_developers(sqlite: Database, serve: Serve) -> None:
    """Do `validation_detail` and `problem_base` change what they say?"""
    router = make_crud_router(
        models.Note, validation_detail="text", problem_base="https://errors.example/"
    )
    problem = (await serve(sqlite, router).post("/notes", json={})).json()
    assert problem["detail"] == "Invalid request"
    assert problem["type"] == "https://errors.example/validation_error"
    assert problem["errors"][0]["loc"] == ["body", "title"]


async def refuse(code: int) -> None:
    """A dependency that refuses in many ways."""
    details: dict[int, Any] = {401: "who?", 403: {"why": "because"}, 599: "odd", 304: None}
    raise HTTPException(code, details[code], headers={"WWW-Authenticate": "Bearer"})


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [(401, "unauthorized", "who?"), (403, "forbidden", {"why": "because"}), (599, "error", "odd")],
)
async def test_http_exceptions_of_dependencies_keep_what_they_say(
    sqlite: Database, serve: Serve, status: int, code: str, detail: Any
) -> None:
    """Do status, detail and headers of an `HTTPException` survive?"""
    client = serve(sqlite, make_crud_router(models.Note, dependencies=[Depends(refuse)]))
    answer = await client.get(f"/notes?code={status}")
    assert answer.status_code == status
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (answer.json()["code"], answer.json()["detail"]) == (code, detail)


async def needs_header(x_tenant: Annotated[str, Header()]) -> None:
    """A dependency that wants a header."""


async def test_missing_header_has_neither_pointer_nor_parameter(
    sqlite: Database, serve: Serve
) -> None:
    """Is a fault outside body and query told without a place in either?"""
    client = serve(sqlite, make_crud_router(models.Note, dependencies=[Depends(needs_header)]))
    answer = await client.get("/notes")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"type": "missing", "loc": ["header", "x-tenant"], "msg": "Field required"}
    ]


async def test_status_without_content_has_none(sqlite: Database, serve: Serve) -> None:
    """Is a 304 sent without a body?"""
    client = serve(sqlite, make_crud_router(models.Note, dependencies=[Depends(refuse)]))
    answer = await client.get("/notes?code=304")
    assert (answer.status_code, answer.content) == (304, b"")


class Full(Conflict):
    """The shelf is full."""

    code = "shelf_full"


class Overfull(Full):
    """The shelf is more than full."""


class Plain(Conflict):
    """Something else is in the way."""


class Lapsed(CrudError):
    """The subscription has lapsed."""

    code = "lapsed"


class Nameless(CrudError):
    """It failed."""


class Teapot(HTTPException):
    """An error of HTTP with a code of its own."""

    code = "short_and_stout"

    def __init__(self) -> None:
        super().__init__(418, "No coffee here", headers={"Retry-After": "5"})


class Other(HTTPException):
    """One without."""

    def __init__(self) -> None:
        super().__init__(409, "No")


OWN_ERRORS: dict[str, tuple[Exception, int, str, str]] = {
    "code of its own": (Full(), 409, "shelf_full", "The shelf is full"),
    "code of its parent": (Overfull(), 409, "shelf_full", "The shelf is more than full"),
    "code of ours": (Plain(), 409, "conflict", "Something else is in the way"),
    "code under the root": (Lapsed(), 400, "lapsed", "The subscription has lapsed"),
    "no code": (Nameless(), 400, "bad_request", "It failed"),
    "code of HTTP": (Teapot(), 418, "short_and_stout", "No coffee here"),
    "no code of HTTP": (Other(), 409, "conflict", "No"),
}


class Failing(Service[models.Note]):
    """Refuses new notes, in as many ways."""

    async def before_create(self, values: dict[str, Any]) -> None:
        raise OWN_ERRORS[values["title"]][0]


@pytest.mark.parametrize(
    ("title", "status", "code", "detail"),
    [(title, *answer) for title, (_, *answer) in OWN_ERRORS.items()],
    ids=OWN_ERRORS,
)
async def test_errors_of_ones_own_have_codes_of_their_own(
    sqlite: Database, serve: Serve, title: str, status: int, code: str, detail: str
) -> None:
    """Is the `code` of a class answered, with the status of what it is a kind of?"""
    router = make_crud_router(models.Note, service=Failing, problem_base="https://e.example/")
    answer = await serve(sqlite, router).post("/notes", json={"title": title})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["detail"]) == (status, code, detail)
    assert problem["type"] == f"https://e.example/{code}"
    assert answer.headers.get("retry-after") == ("5" if status == 418 else None)


async def test_items_of_a_batch_have_codes_of_ones_own(sqlite: Database, serve: Serve) -> None:
    """Does the place of an error of a batch tell the same code?"""
    router = make_crud_router(models.Note, service=Failing, operations=["batch_create"])
    body = {"items": [{"title": "code of its own"}]}
    problem = (await serve(sqlite, router).post("/notes:batchCreate", json=body)).json()
    assert problem["code"] == "shelf_full"
    assert [(it["type"], it["pointer"]) for it in problem["errors"]] == [
        ("shelf_full", "#/items/0")
    ]


class Body(BaseModel):
    age: int


own = APIRouter()


@own.post("/own")
async def own_route(body: Body) -> None:
    """An endpoint of one's own that fails in many ways."""
    failures = {1: PermissionDenied(), 2: CrudError("Just no"), 3: RuntimeError(SECRET)}
    raise failures[body.age]


@pytest.mark.parametrize(
    ("body", "status", "code", "detail"),
    [
        ({"age": 1}, 403, "forbidden", "This change is not allowed"),
        ({"age": 2}, 400, "bad_request", "Just no"),
        ({"age": 3}, 500, "internal_server_error", "Something went wrong on our side"),
        ({"age": 4}, 500, "internal_server_error", "Something went wrong on our side"),
    ],
)
async def test_handlers_cover_the_whole_app(
    serve: Serve, body: Any, status: int, code: str, detail: str
) -> None:
    """Does `add_exception_handlers` give own routes the same format, 500 included?"""
    answer = await serve(None, own).post("/own", json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["detail"]) == (status, code, detail)
    assert SECRET not in answer.text


async def test_handlers_cover_validation_404_and_405(serve: Serve) -> None:
    """Have unknown paths, methods and bad bodies of own routes the format too?"""
    client = serve(None, own)
    assert (await client.get("/nowhere")).json()["code"] == "not_found"
    assert (await client.get("/own")).json()["code"] == "method_not_allowed"
    invalid = await client.post("/own", json={"age": SECRET})
    assert invalid.json()["errors"][0]["pointer"] == "#/age"
    assert SECRET not in invalid.text


async def test_without_handlers_own_routes_stay_as_they_are(sqlite: Database) -> None:
    """Does a router change nothing outside its own routes?"""
    app = FastAPI()
    app.include_router(make_crud_router(models.Note, database=sqlite))
    app.include_router(own)
    async with client_of(app) as client:
        assert (await client.get("/nowhere")).json() == {"detail": "Not Found"}
        assert "input" in (await client.post("/own", json={"age": "x"})).json()["detail"][0]
        assert (await client.get("/notes/x")).json()["code"] == "not_found"


async def test_handlers_take_a_style_of_their_own() -> None:
    """Do the handlers take the same two options?"""
    app = FastAPI()
    app.include_router(own)
    add_exception_handlers(app, validation_detail="text", problem_base="https://e.example/")
    async with client_of(app) as client:
        problem = (await client.post("/own", json={})).json()
    assert problem["detail"] == "Invalid request"
    assert problem["type"] == "https://e.example/validation_error"

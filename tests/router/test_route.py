"""HEAD, OPTIONS, `Allow`, 405, 415, trailing slashes: what HTTP expects of every path."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Path, Query, Request, Response
from pydantic import BaseModel

from fastapi_crud import ConfigurationError, Database, DbSession, Repository, make_crud_router
from fastapi_crud.router.route import check_app, problems_of
from tests import models
from tests.conftest import Client, Serve, client_of

COLLECTION = "GET, POST, HEAD, OPTIONS"
ROW = "GET, PATCH, PUT, DELETE, HEAD, OPTIONS"


@pytest.fixture
async def client(sqlite: Database, serve: Serve) -> Client:
    """A client of an app with one note."""
    client = serve(sqlite, make_crud_router(models.Note))
    assert (await client.post("/notes", json={"title": "a"})).status_code == 201
    return client


@pytest.mark.parametrize(("path", "allow"), [("/notes", COLLECTION), ("/notes/1", ROW)])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_options_lists_all_methods(client: Client, path: str, allow: str, slash: str) -> None:
    """Does OPTIONS tell all that the path can do, not just its first route?"""
    answer = await client.options(path + slash)
    assert answer.status_code == 204
    assert answer.headers["allow"] == allow
    assert ("accept-patch" in answer.headers) == ("PATCH" in allow)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/notes", COLLECTION),
        ("DELETE", "/notes/", COLLECTION),
        ("POST", "/notes/1", ROW),
        ("TRACE", "/notes/1", ROW),
    ],
)
async def test_other_methods_are_405_with_the_full_allow(
    client: Client, method: str, path: str, allow: str
) -> None:
    """Does a method that is not there give 405 and name all that are (RFC 9110 §15.5.6)?"""
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/notes", "/notes/", "/notes/1", "/notes?limit=1", "/notes/99"])
async def test_head_is_get_without_the_body(client: Client, path: str) -> None:
    """Does HEAD send what GET would, headers and all, but no content (RFC 9110 §9.3.2)?"""
    got, head = await client.get(path), await client.head(path)
    assert head.status_code == got.status_code
    assert dict(head.headers) == dict(got.headers)
    assert head.content == b""
    assert got.content


@pytest.mark.parametrize("path", ["/notes/", "/notes/1/"])
async def test_slash_at_the_end_changes_nothing(client: Client, path: str) -> None:
    """Do both forms answer alike, without a redirect?"""
    slashed, plain = await client.get(path), await client.get(path.rstrip("/"))
    assert slashed.status_code == plain.status_code == 200
    assert slashed.json() == plain.json()


MEDIA_TYPES = [
    ("application/json", True),
    ("application/json; charset=utf-8", True),
    ("APPLICATION/JSON", True),
    ("application/merge-patch+json", True),
    ("text/plain", False),
    ("application/xml", False),
    ("application/x-www-form-urlencoded", False),
    ("text/vnd.x+json", False),
    ("", False),
    (None, False),
]


@pytest.mark.parametrize(("media_type", "accepted"), MEDIA_TYPES)
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
async def test_only_json_bodies(
    client: Client, method: str, media_type: str | None, accepted: bool
) -> None:
    """Is a body that does not say it is JSON refused with 415, naming what is accepted?"""
    path = "/notes" if method == "POST" else "/notes/1"
    headers = {} if media_type is None else {"content-type": media_type}
    answer = await client.request(method, path, content=b'{"title": "b"}', headers=headers)
    if accepted:
        assert answer.status_code in {200, 201}
    else:
        assert answer.status_code == 415
        assert ("accept-patch" in answer.headers) == (method == "PATCH")
        assert answer.headers["accept"] == "application/json"


async def test_streamed_body_without_length_is_checked_too(client: Client) -> None:
    """Is a chunked body that is not JSON refused as well?"""

    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"title": "b"}'

    answer = await client.post("/notes", content=chunks(), headers={"content-type": "text/plain"})
    assert answer.status_code == 415


async def test_delete_with_a_useless_content_type(client: Client) -> None:
    """Does a DELETE with `Content-Type: text/plain` and no body work, as admin clients send it?"""
    answer = await client.request("DELETE", "/notes/1", headers={"content-type": "text/plain"})
    assert answer.status_code == 204
    assert answer.content == b""


async def test_missing_body_is_422(client: Client) -> None:
    """Is no body at all a validation error, not a crash?"""
    answer = await client.post("/notes")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#"


async def test_own_routes_on_the_same_paths_stay_reachable(sqlite: Database) -> None:
    """Can people add other methods to our paths, before and after our router?"""
    app = FastAPI()

    @app.put("/notes")
    async def before() -> str:  # pyright: ignore[reportUnusedFunction]
        return "before"

    app.include_router(make_crud_router(models.Note, database=sqlite))

    @app.post("/notes/{id}")
    async def after(id: int) -> str:  # pyright: ignore[reportUnusedFunction]
        return f"after {id}"

    async with client_of(app) as client:
        assert (await client.put("/notes")).json() == "before"
        assert (await client.post("/notes/5")).json() == "after 5"
        assert (await client.get("/notes")).status_code == 200


async def test_own_endpoints_on_the_router(sqlite: Database, serve: Serve) -> None:
    """Can people add endpoints of their own to the router they get?"""
    router = make_crud_router(models.Note)

    @router.get("/{id}/title")
    async def title(id: int, session: DbSession) -> str:  # pyright: ignore[reportUnusedFunction]
        note = await Repository[models.Note](session).get(id)
        assert note is not None
        return note.title

    client = serve(sqlite, router)
    await client.post("/notes", json={"title": "a"})
    assert (await client.get("/notes/1/title")).json() == "a"
    assert (await client.get("/notes/1")).status_code == 200


async def test_routes_beside_the_prefix(sqlite: Database, serve: Serve) -> None:
    """Are routes found that do not begin with the router's prefix, added early or late?"""

    async def plain(_: Request) -> Response:
        return Response("plain")

    router = make_crud_router(models.Note)
    router.add_route("/early", plain)
    client = serve(sqlite, router)
    assert (await client.get("/early")).text == "plain"
    assert (await client.get("/late")).status_code == 404
    router = make_crud_router(models.Note)
    client = serve(sqlite, router)
    assert (await client.get("/late")).status_code == 404
    router.add_route("/late", plain)
    assert (await serve(sqlite, router).get("/late")).text == "plain"
    assert (await client.get("/notes")).status_code == 200


class Paging(BaseModel):
    colour: str = "red"
    shade: int = Query(1, alias="Shade")


async def tenant(tenant: str = "x") -> None:
    """A dependency with a parameter of its own."""


async def paging(paging: Annotated[Paging, Query()]) -> None:
    """A dependency with a parameter model."""


async def test_parameters_of_own_dependencies_keep_working(sqlite: Database) -> None:
    """Does strictness spare what dependencies declare, wherever they are attached?"""
    app = FastAPI(dependencies=[Depends(tenant)])
    router = make_crud_router(
        models.Note, database=sqlite, dependencies={"list": [Depends(paging)]}
    )
    app.include_router(router, prefix="/v1")
    async with client_of(app) as client:
        fine = await client.get("/v1/notes?tenant=a&colour=b&Shade=2&limit=1")
        assert fine.status_code == 200
        assert (await client.get("/v1/notes?tenant=a")).status_code == 200
        wrong = await client.get("/v1/notes?tenent=a")
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["msg"] == "Unknown parameter; did you mean tenant?"


def test_one_operation_id_twice_is_refused_at_start() -> None:
    """Are two mounts of one model without names of their own found when the app starts?"""
    app = FastAPI()
    app.include_router(make_crud_router(models.Note), prefix="/a")
    app.include_router(make_crud_router(models.Note), prefix="/b")
    with pytest.raises(ConfigurationError, match=r"list_notes.*name="):
        check_app(app, "sqlite")


async def test_one_router_included_twice_is_fine(sqlite: Database) -> None:
    """May one and the same router be included at two prefixes?"""
    app = FastAPI(lifespan=sqlite.lifespan)
    router = make_crud_router(models.Note)
    app.include_router(router, prefix="/a")
    app.include_router(router, prefix="/b")
    async with sqlite.lifespan(app), client_of(app) as client:
        assert (await client.get("/a/notes")).status_code == 200
        assert (await client.get("/b/notes")).status_code == 200


async def test_two_mounts_of_one_model_with_names(sqlite: Database) -> None:
    """Do two mounts with different options live side by side, in OpenAPI too?"""
    app = FastAPI(lifespan=sqlite.lifespan)
    app.include_router(make_crud_router(models.Account))
    app.include_router(
        make_crud_router(models.Account, name="staff_accounts", writable=["is_superuser"])
    )
    async with sqlite.lifespan(app):
        document = app.openapi()
    schemas = document["components"]["schemas"]
    assert "is_superuser" not in schemas["AccountCreate"]["properties"]
    assert "is_superuser" in schemas["StaffAccountCreate"]["properties"]
    ids = [op["operationId"] for path in document["paths"].values() for op in path.values()]
    assert len(ids) == len(set(ids)) == 12
    assert not [name for name in schemas if "__" in name]


# What dependencies say of their refusals


async def caller() -> str:
    return "ann"


async def admin(caller: Annotated[str, Depends(caller)]) -> None:
    """Lets some callers in."""


async def silent(admin: Annotated[None, Depends(admin)], id: Annotated[int, Path()]) -> None:
    """Says nothing of its own, and wants a part of the path."""


for _dependency, _status in ((caller, 401), (admin, 403)):
    setattr(_dependency, "crud_problems", (_status,))  # noqa: B010 - functions have no such attribute


class Limited:
    """A dependency that is an object."""

    crud_problems = (429,)

    async def __call__(self) -> None:
        return None


@pytest.mark.parametrize(
    ("dependencies", "statuses"),
    [
        ([], set[int]()),
        ([paging], set[int]()),
        ([caller], {401}),
        ([Depends(caller)], {401}),
        ([admin], {401, 403}),
        ([Depends(silent)], {401, 403}),
        ([Limited(), caller], {401, 429}),
        ([Depends()], set[int]()),
    ],
    ids=["none", "silent", "own", "in Depends", "below", "two below", "object", "empty"],
)
def test_dependencies_say_with_which_statuses_they_refuse(
    dependencies: list[Any], statuses: set[int]
) -> None:
    """Are those of the dependencies, and of all below them, known?"""
    assert problems_of(dependencies) == statuses

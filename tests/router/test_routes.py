"""The table of endpoints: paths that shadow no row, and the methods that each of them has."""

from typing import Any

from fastapi_crud import Database, make_crud_router
from fastapi_crud.operations import DEFAULT_OPERATIONS, OPERATIONS
from fastapi_crud.router.routes import BATCH_BODIES, ROUTES
from tests import models
from tests.conftest import Serve


def test_every_operation_has_a_route_of_its_own() -> None:
    """Is there one route for each operation, with a path, a name and a known body?"""
    assert ROUTES.keys() == {*OPERATIONS}
    places = {(row.method, row.on_row, row.suffix) for row in ROUTES.values()}
    names = {row.name for row in ROUTES.values()}
    assert len(places) == len(names) == len(ROUTES)
    bodies = {row.body for row in ROUTES.values() if row.body}
    assert bodies == {"create", "update", "replace", "search", *BATCH_BODIES}


async def test_methods_are_told_for_each_path(sqlite: Database, serve: Serve) -> None:
    """Do OPTIONS and 405 list just what a path has, by default and with all operations?"""
    all_of_them: Any = OPERATIONS
    client = serve(
        sqlite,
        make_crud_router(models.Article, operations=all_of_them),
        make_crud_router(models.Article, name="few"),
    )
    for path, allowed in {
        "/articles": {"GET", "HEAD", "POST", "QUERY", "OPTIONS"},
        "/articles/1": {"GET", "HEAD", "PATCH", "PUT", "DELETE", "OPTIONS"},
        **{
            f"/articles{verb}": {"POST", "OPTIONS"}
            for verb in ("/1:restore", "/1:purge", ":search", ":batchCreate", ":batchUpdate",
                         ":batchDelete", ":upsert")
        },
        "/few": {"GET", "HEAD", "POST", "OPTIONS"},
    }.items():  # fmt: skip
        for method, status in (("OPTIONS", 204), ("TRACE", 405)):
            answer = await client.request(method, path)
            assert answer.status_code == status, (method, path)
            assert {*answer.headers["allow"].split(", ")} == allowed, path
        assert (await client.options(path + "/")).headers["allow"] == answer.headers["allow"]
    for row in ROUTES.values():
        if row.suffix:
            path = f"/few/1{row.suffix}" if row.on_row else f"/few{row.suffix}"
            assert (await client.post(path, json={})).status_code in {404, 405}, path
    assert len(DEFAULT_OPERATIONS) == 6


async def test_verbs_shadow_no_row(sqlite: Database, serve: Serve) -> None:
    """Can a row be called like a verb, or end in one, and still be got and deleted?"""
    operations: Any = [it for it in OPERATIONS if it != "restore"]
    client = serve(sqlite, make_crud_router(models.Tag, operations=operations))
    for slug in (":upsert", "batchCreate", "a:purge", ":purge", "a:restore"):
        created = await client.post("/tags", json={"slug": slug})
        path = created.headers["location"]
        assert (await client.get(path)).json()["slug"] == slug, path
        assert (await client.patch(path, json={"label": "x"})).json()["label"] == "x"
        assert (await client.post(f"{path}:purge")).status_code == 204, path
        assert (await client.get(path)).status_code == 404

"""Soft deletion as clients see it: what is deleted is not there, until it is restored or purged."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, Header, HTTPException

from fastapi_crud import Database, make_crud_router
from fastapi_crud.operations import OPERATIONS
from tests import models
from tests.conftest import Client, Serve, rows_of, tables_of
from tests.deletable_models import Base as DeletableBase, Shelf, Volume

ALL: Any = OPERATIONS


async def titles(client: Client, path: str) -> list[Any]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return [row["slug"] for row in answer.json()["items"]]


@pytest.fixture
async def articles(db: Database, serve: Serve) -> tuple[Client, str]:
    """A client of a list of three articles, and the path of the second, which is deleted."""
    router = make_crud_router(
        models.Article, operations=ALL, pagination="both", search=["slug"], show_deleted=True
    )
    client = serve(db, router)
    body = {"items": [{"slug": "a1"}, {"slug": "a2"}, {"slug": "a3"}]}
    rows = (await client.post("/articles:batchCreate", json=body)).json()["items"]
    path = f"/articles/{rows[1]['id']}"
    gone = await client.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    return client, path


Articles = tuple[Client, str]


async def test_a_deleted_row_is_not_there(articles: Articles) -> None:
    """Is it 404 for each method on it, in no list, total, search, cursor walk or batch?"""
    client, path = articles
    id_ = int(path.rpartition("/")[2])
    for method, body in (
        ("GET", None), ("HEAD", None), ("PATCH", {}), ("PATCH", {"title": "x"}),
        ("PUT", {"slug": "x"}), ("DELETE", None),
    ):  # fmt: skip
        for headers in ({}, {"If-Match": "*"}, {"If-None-Match": '"x"'}):
            answer = await client.request(method, path, json=body, headers=headers)
            assert answer.status_code == 404, (method, body)
    assert await titles(client, "/articles") == ["a1", "a3"]
    page = (await client.get("/articles?skip=9")).json()
    assert (page["items"], page["total"]) == ([], 2)
    assert await titles(client, "/articles?search=a&slug__in=a2&slug__in=a3") == ["a3"]
    assert (await client.post("/articles:search", json={"slug": "a2"})).json()["total"] == 0
    first = (await client.get("/articles?cursor=&limit=1")).json()
    assert await titles(client, f"/articles?limit=1&cursor={first['next_cursor']}") == ["a3"]
    for verb, batch in (
        ("batchUpdate", {"items": [{"id": id_, "title": "x"}]}), ("batchDelete", {"ids": [id_]}),
    ):  # fmt: skip
        answer = await client.post(f"/articles:{verb}", json=batch)
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["pointer"] in {"#/items/0", "#/ids/0"}


async def test_deleted_rows_can_be_asked_for(articles: Articles) -> None:
    """Does `deleted=` show them as well, or them alone, in lists, walks, searches and on its own?"""
    client, path = articles
    assert await titles(client, "/articles?deleted=include") == ["a1", "a2", "a3"]
    assert await titles(client, "/articles?deleted=only") == ["a2"]
    assert await titles(client, "/articles?deleted=exclude") == ["a1", "a3"]
    assert await titles(client, "/articles?deleted=only&cursor=") == ["a2"]
    only = await client.post("/articles:search", json={"deleted": "only"})
    assert only.json()["total"] == 1
    row = (await client.get(f"{path}?deleted=include")).json()
    assert (row["slug"], row["version"]) == ("a2", 2)
    assert row["deleted_at"].endswith("Z")
    live = path.replace(str(row["id"]), str(row["id"] - 1))
    assert (await client.get(f"{live}?deleted=only")).status_code == 404
    for query in ("deleted=", "deleted=yes", "deleted=only&deleted=only"):
        for where in ("/articles", path):
            assert (await client.get(f"{where}?{query}")).status_code == 422, query


async def test_a_deletion_can_be_undone(articles: Articles) -> None:
    """Is a row restored as it was, once, unless another one has taken its place?"""
    client, path = articles
    restored = await client.post(f"{path}:restore")
    assert restored.status_code == 200
    row = restored.json()
    assert (row["slug"], row["deleted_at"], row["version"]) == ("a2", None, 3)
    assert restored.headers["etag"] == (await client.get(path)).headers["etag"]
    again = await client.post(f"{path}:restore")
    assert (again.status_code, again.json()["code"]) == (409, "not_deleted")
    for missing in ("/articles/0:restore", "/articles/x:restore"):
        assert (await client.post(missing)).status_code == 404, missing


async def test_live_rows_alone_are_unique(articles: Articles, db: Database) -> None:
    """Is the key of a deleted row free for another, and restoring it a conflict then?"""
    client, path = articles
    answer = await client.post("/articles", json={"slug": "a2"})
    if db.engine.dialect.name == "mysql":  # it has no partial indexes
        assert answer.status_code == 409
        return
    assert answer.status_code == 201
    clash = await client.post(f"{path}:restore")
    assert (clash.status_code, clash.json()["code"]) == (409, "unique_violation")
    assert clash.json()["errors"][0]["pointer"] == "#/slug"
    assert (await client.delete(answer.headers["location"])).status_code == 204
    assert (await client.post(f"{path}:restore")).status_code == 200


async def test_a_row_can_be_purged(articles: Articles, db: Database) -> None:
    """Is it gone for good, deleted before or not, and then neither restored nor purged?"""
    client, path = articles
    id_ = int(path.rpartition("/")[2])
    for where in (path, f"/articles/{id_ + 1}"):
        purged = await client.post(f"{where}:purge")
        assert (purged.status_code, purged.content) == (204, b"")
        for verb in (":purge", ":restore"):
            assert (await client.post(where + verb)).status_code == 404
    assert [row.slug for row in await rows_of(db, models.Article)] == ["a1"]


async def test_clients_cannot_mark_rows(articles: Articles, db: Database) -> None:
    """Is the mark refused in what creates, and passed over in what changes?"""
    client, path = articles
    live = int(path.rpartition("/")[2]) - 1
    mark = {"deleted_at": "2024-01-01T00:00:00Z"}
    for where, body in (
        ("/articles", {"slug": "n", **mark}), ("/articles:batchCreate", {"items": [{"slug": "n", **mark}]}),
        ("/articles:upsert", {"items": [{"slug": "n", **mark}], "on_conflict": ["slug"]}),
    ):  # fmt: skip
        if db.engine.dialect.name != "mysql" or "upsert" not in where:
            assert (await client.post(where, json=body)).status_code == 422, where
    for answer in (
        await client.patch(f"/articles/{live}", json={"title": "t", **mark}),
        await client.put(f"/articles/{live}", json={"slug": "n", **mark}),
    ):
        assert (answer.status_code, answer.json()["deleted_at"]) == (200, None)
    item = {"items": [{"id": live, **mark}]}
    answer = await client.post("/articles:batchUpdate", json=item)
    assert answer.json()["items"][0]["deleted_at"] is None


async def is_admin(role: Annotated[str, Header()] = "") -> bool:
    return role == "admin"


async def only_admins(role: Annotated[str, Header()] = "") -> None:
    if role != "admin":
        raise HTTPException(401)


ADMIN = {"role": "admin"}


async def test_deleted_rows_are_not_for_all(sqlite: Database, serve: Serve) -> None:
    """Is `deleted=` unknown unless it is allowed, and 403 for those whom a dependency denies it?"""
    client = serve(
        sqlite,
        make_crud_router(models.Article, operations=ALL),
        make_crud_router(models.Article, name="some", operations=ALL, show_deleted=is_admin),
    )
    path = (await client.post("/articles", json={"slug": "a"})).headers["location"]
    assert (await client.delete(path)).status_code == 204
    for where in ("/articles", path):
        unknown = await client.get(f"{where}?deleted=include")
        assert unknown.status_code == 422 if where == "/articles" else 404
    assert (await client.post("/articles:search", json={"deleted": "only"})).status_code == 422
    path = path.replace("articles", "some")
    for where in ("/some", path):
        assert (await client.get(f"{where}?deleted=include")).status_code == 403
        assert (await client.get(f"{where}?deleted=include", headers=ADMIN)).status_code == 200
    assert (await client.get("/some?deleted=exclude")).status_code == 200
    body = {"deleted": "only"}
    assert (await client.post("/some:search", json=body)).status_code == 403
    assert (await client.post("/some:search", json=body, headers=ADMIN)).json()["total"] == 1


async def test_restoring_and_purging_are_guarded(sqlite: Database, serve: Serve) -> None:
    """Has each its own dependencies, and `:restore` those of `delete` unless it is listed?"""
    guards = [Depends(only_admins)]
    client = serve(
        sqlite,
        make_crud_router(
            models.Article, operations=ALL, dependencies={"delete": guards, "purge": []}
        ),
        make_crud_router(
            models.Article, name="own", operations=ALL,
            dependencies={"delete": guards, "restore": [], "purge": guards},
        ),
    )  # fmt: skip
    path = (await client.post("/articles", json={"slug": "a"})).headers["location"]
    for name, restore, purge in (("own", 200, 401), ("articles", 401, 204)):
        where = path.replace("articles", name)
        assert (await client.delete(where)).status_code == 401
        assert (await client.delete(where, headers=ADMIN)).status_code == 204
        assert (await client.post(f"{where}:restore")).status_code == restore, name
        assert (await client.post(f"{where}:purge")).status_code == purge, name


async def own_articles(owner: Annotated[str, Header()] = "") -> Any:
    return models.Article.title == owner


async def test_scopes_hold_for_deleted_rows(db: Database, serve: Serve) -> None:
    """Is a deleted row of somebody else's neither seen, restored nor purged?"""
    client = serve(
        db,
        make_crud_router(models.Article, operations=ALL, scope=own_articles, show_deleted=True),
    )
    ann, bob = {"owner": "ann"}, {"owner": "bob"}
    created = await client.post("/articles", json={"slug": "a", "title": "ann"}, headers=ann)
    path = created.headers["location"]
    assert (await client.delete(path, headers=ann)).status_code == 204
    assert (await client.get(f"{path}?deleted=include", headers=bob)).status_code == 404
    assert (await client.get("/articles?deleted=only", headers=bob)).json()["total"] == 0
    for verb in (":restore", ":purge"):
        assert (await client.post(path + verb, headers=bob)).status_code == 404
    assert (await client.post(f"{path}:restore", headers=ann)).status_code == 200


async def test_a_router_may_delete_softly_by_itself(db: Database, serve: Serve) -> None:
    """Does `soft_delete=` mark rows by a flag for its own clients, and really delete for others?"""
    router = make_crud_router(
        models.Note, name="soft", soft_delete="done", operations=ALL, show_deleted=True
    )
    client = serve(db, router, make_crud_router(models.Note))
    path = (await client.post("/soft", json={"title": "a"})).headers["location"]
    assert (await client.post("/soft", json={"title": "b", "done": True})).status_code == 422
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.get("/soft?deleted=only")).json()["items"][0]["done"] is True
    assert (await client.get("/notes")).json()["total"] == 1
    replaced = await client.post(f"{path}:restore")
    assert (replaced.status_code, replaced.json()["done"]) == (200, False)
    assert (await client.put(path, json={"title": "c", "done": True})).json()["done"] is False
    assert (await client.delete(path)).status_code == 204
    hard = path.replace("soft", "notes")
    assert (await client.delete(hard)).status_code == 204
    assert await rows_of(db, models.Note) == []


async def test_deleted_relations_are_not_there(db: Database, serve: Serve) -> None:
    """Are deleted rows in no include and no filter over relations, whichever side is deleted?"""
    async with tables_of(db, DeletableBase.metadata) as own:
        shelves = make_crud_router(
            Shelf, include=["volumes"], filters={"*": ..., "volumes.slug": ...}
        )
        volumes = make_crud_router(
            Volume, include=["shelf"], filters={"shelf.slug": ...}, fields=True
        )
        client = serve(own, shelves, volumes)
        shelf = (await client.post("/shelves", json={"slug": "s"})).json()["id"]
        first, second = [
            (await client.post("/volumes", json={"slug": slug, "shelf_id": shelf})).json()["id"]
            for slug in ("v1", "v2")
        ]
        assert (await client.delete(f"/volumes/{first}")).status_code == 204
        seen = (await client.get(f"/shelves/{shelf}?include=volumes")).json()
        assert [row["slug"] for row in seen["volumes"]] == ["v2"]
        assert await titles(client, "/shelves?volumes__slug=v1") == []
        assert await titles(client, "/shelves?volumes__slug=v2") == ["s"]
        assert (await client.delete(f"/shelves/{shelf}")).status_code == 204
        row = (await client.get(f"/volumes/{second}?include=shelf&fields=slug")).json()
        assert row == {"id": second, "slug": "v2", "shelf": None}
        assert await titles(client, "/volumes?shelf__slug=s") == []
        refused = await client.post("/volumes", json={"slug": "v3", "shelf_id": shelf})
        assert refused.status_code in {201, 409}  # the row is there, whoever may see it


async def test_a_key_that_is_deleted_is_taken(db: Database, serve: Serve) -> None:
    """Is a PUT that would create under the key of a deleted row a conflict, until it is purged?"""
    router = make_crud_router(models.Article, operations=ALL, upsert=True, client_ids=True)
    client = serve(db, router)
    assert (await client.put("/articles/907", json={"slug": "a"})).status_code == 201
    assert (await client.delete("/articles/907")).status_code == 204
    refused = await client.put("/articles/907", json={"slug": "b"})
    assert (refused.status_code, refused.json()["code"]) == (409, "unique_violation")
    assert (await client.post("/articles/907:purge")).status_code == 204
    assert (await client.put("/articles/907", json={"slug": "b"})).status_code == 201

"""Details of writing that are easily lost."""

from typing import Any

from fastapi_crud import Service, make_crud_router
from fastapi_crud.database import Database
from tests.conftest import Serve
from tests.models import Article, Note


class Titled(Service[Note]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["title"] = "taken"


async def test_hidden_columns_are_not_named(sqlite: Database, serve: Serve) -> None:
    """Does a violation of a column that clients do not know of keep its name?"""
    client = serve(sqlite, make_crud_router(Note, hidden=["title"], service=Titled))
    assert (await client.post("/notes", json={})).status_code == 201
    answer = await client.post("/notes", json={})
    assert answer.status_code == 409
    assert answer.json()["code"] == "unique_violation"
    assert "errors" not in answer.json()
    assert answer.json()["detail"] == "A row with these values already exists"
    shown = await serve(sqlite, make_crud_router(Note)).post("/notes", json={"title": "taken"})
    assert shown.json()["errors"][0]["pointer"] == "#/title"


async def test_json_tells_one_from_true(sqlite: Database, serve: Serve) -> None:
    """Is a change stored that Python takes for none?"""
    client = serve(sqlite, make_crud_router(Article))
    await client.post("/articles", json={"slug": "a", "meta": {"a": 1}})
    answer = await client.patch("/articles/1", json={"meta": {"a": True}})
    assert answer.json()["meta"]["a"] is True
    answer = await client.get("/articles/1")
    assert answer.json()["meta"]["a"] is True


async def test_bottomless_patches_are_refused(sqlite: Database, serve: Serve) -> None:
    """Is nesting that JSON columns cannot store a 422 that names the column, nothing written?"""
    client = serve(sqlite, make_crud_router(Article))
    await client.post("/articles", json={"slug": "a", "meta": {"a": 1}})
    deep = '{"meta": ' + '{"a": ' * 200 + "1" + "}" * 201
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = await client.patch("/articles/1", content=deep, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/meta"
    assert (await client.get("/articles/1")).json()["meta"] == {"a": 1}

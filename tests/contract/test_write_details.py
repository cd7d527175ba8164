"""Details of writing that are easily lost."""

from fastapi_crud import make_crud_router
from fastapi_crud.database import Database
from tests.conftest import Serve
from tests.models import Account, Article


async def test_hidden_columns_are_not_named(sqlite: Database, serve: Serve) -> None:
    """Does a violation of a column that clients do not know of keep its name?"""
    router = make_crud_router(Account, hidden=["email"], operations=["list"])
    assert router.schemas.read.model_fields.keys().isdisjoint({"email"})
    client = serve(sqlite, make_crud_router(Account))
    body = {"email": "a@example.com"}
    assert (await client.post("/accounts", json=body)).status_code == 201
    answer = await client.post("/accounts", json=body)
    assert answer.json()["errors"][0]["pointer"] == "#/email"


async def test_json_tells_one_from_true(sqlite: Database, serve: Serve) -> None:
    """Is a change stored that Python takes for none, and is bottomless nesting refused?"""
    client = serve(sqlite, make_crud_router(Article))
    await client.post("/articles", json={"slug": "a", "meta": {"a": 1}})
    answer = await client.patch("/articles/1", json={"meta": {"a": True}})
    assert answer.json()["meta"]["a"] is True
    answer = await client.get("/articles/1")
    assert answer.json()["meta"]["a"] is True
    deep = '{"meta": ' + '{"a": ' * 200 + "1" + "}" * 201
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = await client.patch("/articles/1", content=deep, headers=headers)
    assert answer.status_code == 422

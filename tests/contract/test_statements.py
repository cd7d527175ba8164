"""How many statements an operation costs, counted at the driver."""

from typing import Any

import pytest
from pydantic import BaseModel

from fastapi_crud import Database, make_crud_router
from tests import models
from tests.conftest import Serve, counted


class BookOut(BaseModel):
    id: int
    title: str


class AuthorOut(BaseModel):
    id: int
    name: str
    books: list[BookOut]


PLAIN = {
    "create": ["INSERT"],
    "get": ["SELECT"],
    "list_short": ["SELECT"],
    "list_full": ["SELECT"],
    "list_past_end": ["SELECT", "SELECT"],
    "patch": ["UPDATE"],
    "patch_empty": ["SELECT"],
    "put": ["UPDATE"],
    "delete": ["DELETE"],
    "get_missing": ["SELECT"],
    "patch_missing": ["UPDATE"],
    "delete_missing": ["DELETE"],
}
NO_UPDATE_RETURNING = {
    "patch": ["SELECT", "UPDATE"],
    "put": ["SELECT", "UPDATE"],
    "patch_missing": ["SELECT"],
}

REQUESTS: dict[str, tuple[str, str, Any]] = {
    "create": ("POST", "/notes", {"title": "new"}),
    "get": ("GET", "/notes/{id}", None),
    "list_short": ("GET", "/notes?limit=2", None),
    "list_full": ("GET", "/notes?limit=1", None),
    "list_past_end": ("GET", "/notes?skip=9", None),
    "patch": ("PATCH", "/notes/{id}", {"title": "other", "body": "b"}),
    "patch_empty": ("PATCH", "/notes/{id}", {}),
    "put": ("PUT", "/notes/{id}", {"title": "third"}),
    "delete": ("DELETE", "/notes/{id}", None),
    "get_missing": ("GET", "/notes/0", None),
    "patch_missing": ("PATCH", "/notes/0", {"title": "x"}),
    "delete_missing": ("DELETE", "/notes/0", None),
}


@pytest.mark.parametrize("operation", PLAIN)
async def test_plain_model(db: Database, serve: Serve, operation: str) -> None:
    """Does each operation cost one statement, and only a total past the end two? No SAVEPOINT, no refresh."""
    client = serve(db, make_crud_router(models.Note))
    path = (await client.post("/notes", json={"title": "old"})).headers["location"]
    method, url, body = REQUESTS[operation]
    expected = PLAIN[operation]
    if not db.engine.dialect.update_returning:
        expected = NO_UPDATE_RETURNING.get(operation, expected)

    with counted(db.engine) as statements:
        where = url.replace("{id}", path.rpartition("/")[2])
        answer = await client.request(method, where, json=body)
    assert answer.status_code in {200, 201, 204, 404}
    assert statements.verbs == expected, statements.texts


@pytest.mark.parametrize(
    ("model", "body", "patch", "most"),
    [
        (models.Account, {"email": "a@example.com"}, {"email": "b@example.com"}, 1),
        (models.Tag, {"slug": "a"}, {"label": "b"}, 1),
        (models.Line, {"order_id": 1, "line_no": 1}, {"quantity": 2}, 1),
        (models.Clerk, {"name": "a"}, {"desk": "b"}, 1),
        (models.Ticket, {"text": "a"}, {"text": "b"}, 2),
        (models.Checked, {"name": "a"}, {"name": "b"}, 2),
        (models.Hero, {"name": "a"}, {"age": 2}, 1),
        (models.Coin, {"name": "a"}, {"value": 2}, 1),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
async def test_patch_of_other_models(
    db: Database, serve: Serve, model: type[Any], body: Any, patch: Any, most: int
) -> None:
    """Is PATCH one statement, and two only where the row must be loaded first?"""
    client = serve(db, make_crud_router(model, name="things"))
    path = (await client.post("/things", json=body)).headers["location"]
    with counted(db.engine) as statements:
        assert (await client.patch(path, json=patch)).status_code == 200
    assert len(statements) <= (most if db.engine.dialect.update_returning else 2), statements.texts


async def test_embedded_rows_cost_one_statement_each(db: Database, serve: Serve) -> None:
    """Does a read schema with a relationship load it for all rows at once?"""
    client = serve(
        db,
        make_crud_router(models.Author, read_schema=AuthorOut),
        make_crud_router(models.Book),
    )
    for name in ("Ann", "Bob", "Cid"):
        author = (await client.post("/authors", json={"name": name})).json()
        assert author["books"] == []
        for title in ("x", "y"):
            book = {"title": title, "author_id": author["id"]}
            assert (await client.post("/books", json=book)).status_code == 201

    with counted(db.engine) as statements:
        page = (await client.get("/authors")).json()
    assert [len(author["books"]) for author in page["items"]] == [2, 2, 2]
    assert len(statements) == 2, statements.texts

    with counted(db.engine) as statements:
        patched = await client.patch(f"/authors/{page['items'][0]['id']}", json={"name": "Anna"})
    assert len(patched.json()["books"]) == 2

"""How many statements an operation costs, counted at the driver."""

from typing import Any

import pytest
from pydantic import BaseModel

from fastapi_crud import Database, make_crud_router
from fastapi_crud.operations import OPERATIONS
from tests import models
from tests.conftest import Client, Serve, counted


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


LISTS: dict[str, tuple[str, int]] = {
    "full page": ("/authors?limit=2", 1),
    "short page": ("/authors?limit=9", 1),
    "past the end": ("/authors?skip=99", 2),
    "filtered": ("/authors?name__icontains=a&books__title=x&limit=1", 1),
    "searched": ("/authors?search=a", 1),
    "not counted": ("/authors?limit=2&count=none", 1),
    "not counted, past the end": ("/authors?skip=99&count=none", 1),
    "estimated, short": ("/authors?count=estimated", 1),
    "estimated": ("/authors?limit=1&count=estimated", 2),
    "first by cursor": ("/authors?cursor=&limit=1", 1),
    "by cursor, counted": ("/authors?cursor=&limit=1&count=exact", 1),
    "by cursor, estimated": ("/authors?cursor=&limit=1&count=estimated", 2),
    "by cursor, estimated, all of it": ("/authors?cursor=&count=estimated", 1),
    "with an include": ("/authors?include=books", 2),
    "with nested includes": ("/authors?include=books.author&limit=1", 3),
    "few fields": ("/authors?fields=name", 1),
}
"""A list, and how many statements it costs at most."""


async def test_what_lists_cost(db: Database, serve: Serve) -> None:
    """Is it one statement with the total, and one more for each include, for any number of rows?"""
    router = make_crud_router(
        models.Author,
        filters={"*": ..., "books.title": ...},
        search=["name"],
        include=["books", "books.author"],
        fields=True,
        pagination="both",
        count=["exact", "estimated", "none"],
    )
    client = serve(db, router)
    for rows in (3, 30):
        async with db.session() as session:
            session.add_all(
                models.Author(name=f"Ann {n}", books=[models.Book(title=title) for title in "xy"])
                for n in range(rows)
            )
        for name, (path, most) in LISTS.items():
            with counted(db.engine) as statements:
                answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            assert len(statements) == most, (name, statements.texts)


async def test_a_scope_costs_one_look_after_a_write(db: Database, serve: Serve) -> None:
    """Is a scope part of every statement, and only a written row looked at once more?"""

    async def unfinished() -> Any:
        return models.Note.done.is_(False)

    client = serve(db, make_crud_router(models.Note, scope=unfinished))
    with counted(db.engine) as statements:
        created = await client.post("/notes", json={"title": "a"})
    assert statements.verbs == ["INSERT", "SELECT"]
    path = created.headers["location"]
    costs: dict[str, int] = {}
    for method, body in (("GET", None), ("PATCH", {"title": "b"}), ("PATCH", {}), ("DELETE", None)):
        with counted(db.engine) as statements:
            await client.request(method, path, json=body)
        costs[f"{method} {body}"] = len(statements)
    extra = 0 if db.engine.dialect.update_returning else 1
    assert [*costs.values()] == [1, 2 + extra, 1, 1]


async def test_what_states_and_deletions_cost(db: Database, serve: Serve) -> None:
    """Is a condition on the state one look at the row, and a deletion that is soft one change?"""
    operations: Any = {*OPERATIONS} - {"upsert"}
    client = serve(
        db, make_crud_router(models.Note), make_crud_router(models.Article, operations=operations)
    )
    begin = ["BEGIN"] if db.engine.dialect.name == "sqlite" else []
    for collection, body in (("/notes", {"title": "a"}), ("/articles", {"slug": "a"})):
        created = await client.post(collection, json=body)
        path, tag = created.headers["location"], created.headers["etag"]
        versioned = collection == "/articles"
        reread = ["SELECT"] if versioned and not db.engine.dialect.update_returning else []
        look = [*begin, "SELECT"]
        requests: list[tuple[str, str, Any, str | None, list[str]]] = [
            ("PATCH", path, {}, tag, look), ("PATCH", path, {}, '"x"', look),
            ("PATCH", f"{collection}/0", body, tag, look),
            ("GET", path, None, tag, ["SELECT"]),
            ("PATCH", path, {**body, "title": "b"}, tag, [*look, "UPDATE", *reread]),
            ("DELETE", path, None, "*", [*look, "UPDATE" if versioned else "DELETE", *reread]),
        ]  # fmt: skip
        if versioned:
            requests += [
                ("POST", f"{path}:restore", None, None, [*look, "UPDATE", *reread]),
                ("DELETE", path, None, None, [*look, "UPDATE", *reread]),
                ("POST", f"{path}:purge", None, None, [*look, "DELETE"]),
            ]
        for method, url, sent, match, verbs in requests:
            headers = {} if match is None else {"If-Match": match}
            with counted(db.engine) as statements:
                answer = await client.request(method, url, json=sent, headers=headers)
            assert answer.status_code < 500, answer.text
            assert len(statements) <= len(verbs), (method, url, match, statements.texts)


BATCHES: dict[type[Any], dict[str, Any]] = {
    models.Note: {"title": "{}"}, models.Article: {"slug": "{}", "meta": {"a": 1}},
    models.Line: {"order_id": 1, "line_no": 0}, models.Account: {"email": "{}"},
}  # fmt: skip
"""Model → a row of several."""


async def test_several_rows_cost_no_more_than_few(db: Database, serve: Serve) -> None:
    """Do 30 rows cost as many statements as 3, to create, change, upsert and delete?"""
    for model, body in BATCHES.items():
        by_one_key = model is not models.Article or db.engine.dialect.name != "mysql"
        operations: Any = {*OPERATIONS[:9]} - {"restore", "purge"} | {*OPERATIONS[9:]}
        operations -= set() if by_one_key else {"upsert"}
        client = serve(db, make_crud_router(model, name="things", operations=operations))
        costs: dict[int, list[int]] = {}
        for count in (3, 30):
            items = [
                {k: n + count if k == "line_no" else f"{v}".format(f"{count} {n}") if v == "{}" else v
                 for k, v in body.items()}
                for n in range(count)
            ]  # fmt: skip
            costs[count] = await cost_of(db, client, items, upsert=by_one_key)
        assert costs[3] == costs[30], (model, costs)
        assert max(costs[30]) <= 6, (model, costs)


async def cost_of(db: Database, client: Client, items: list[Any], *, upsert: bool) -> list[int]:
    """Create, change, upsert and delete rows, and tell how many statements each has cost."""
    costs: list[int] = []

    async def ask(verb: str, body: Any) -> Any:
        with counted(db.engine) as statements:
            answer = await client.post(f"/things:{verb}", json=body)
        assert answer.status_code < 300, answer.text
        costs.append(len(statements))
        return answer.json()["items"] if answer.content else None

    rows = await ask("batchCreate", {"items": items})
    names = ["order_id", "line_no"] if "line_no" in items[0] else ["id"]
    keys = [{name: row[name] for name in names} for row in rows]
    value = next(iter(items[0].keys() - {*names} or {"quantity"}))
    changes = [
        {**key, value: f"x{len(items)}{n}" if value in items[0] else n}
        for n, key in enumerate(keys)
    ]
    await ask(
        "batchUpdate",
        {"items": changes if value != "meta" else [{**key, "meta": {}} for key in keys]},
    )
    if upsert:
        unique = ["order_id", "line_no"] if "line_no" in items[0] else [next(iter(items[0]))]
        await ask("upsert", {"items": items, "on_conflict": unique})
    await ask("batchDelete", {"ids": keys if len(names) > 1 else [key["id"] for key in keys]})
    return costs

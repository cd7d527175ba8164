"""Several rows in one request: all or none, in its order, and each error at its place."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, Header, HTTPException

from fastapi_crud import Conflict, Database, Limits, Service, make_crud_router
from fastapi_crud.operations import OPERATIONS
from tests import models
from tests.conftest import Client, Serve, rows_of

OPTIONS: Any = {"operations": [it for it in OPERATIONS if it not in {"restore", "purge"}]}


def serve_all(db: Database, serve: Serve, *kinds: type[Any]) -> Client:
    return serve(db, *(make_crud_router(kind, **OPTIONS) for kind in kinds))


async def stored(db: Database, model: type[Any], *names: str) -> list[tuple[Any, ...]]:
    rows = [tuple(getattr(row, name) for name in names) for row in await rows_of(db, model)]
    return sorted(rows, key=repr)


async def test_rows_come_back_in_the_order_of_the_request(db: Database, serve: Serve) -> None:
    """Do create, update, upsert and delete work on just the rows that are named, in their order?"""
    client = serve_all(db, serve, models.Article)
    items: list[Any] = [{"slug": "c"}, {"slug": "a", "stock": 2}, {"slug": "b", "title": "t"}]
    created = await client.post("/articles:batchCreate", json={"items": items})
    assert created.status_code == 201, created.text
    rows = created.json()["items"]
    assert [row["slug"] for row in rows] == ["c", "a", "b"]
    assert rows == [(await client.get(f"/articles/{row['id']}")).json() for row in rows]
    c, a, b = (row["id"] for row in rows)
    changes = [{"id": b, "title": None, "stock": 7}, {"id": c}, {"id": a, "slug": "z"}]
    updated = (await client.post("/articles:batchUpdate", json={"items": changes})).json()["items"]
    assert [(row["id"], row["slug"], row["title"], row["stock"]) for row in updated] == [
        (b, "b", None, 7), (c, "c", None, 0), (a, "z", None, 2),
    ]  # fmt: skip
    assert [row["version"] for row in updated] == [2, 1, 2]
    deleted = await client.post("/articles:batchDelete", json={"ids": [b, c]})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [row["id"] for row in (await client.get("/articles")).json()["items"]] == [a]


async def test_composite_keys(db: Database, serve: Serve) -> None:
    """Are rows named by all parts of their key, in every one of the bodies?"""
    client = serve_all(db, serve, models.Line)
    items = [{"order_id": 1, "line_no": n, "quantity": n} for n in (3, 1, 2)]
    assert (await client.post("/lines:batchCreate", json={"items": items})).json()["items"] == items
    changes = [{"order_id": 1, "line_no": n, "quantity": 9} for n in (2, 3)]
    updated = await client.post("/lines:batchUpdate", json={"items": changes})
    assert updated.json()["items"] == changes
    ids = [{"order_id": 1, "line_no": n} for n in (1, 2)]
    assert (await client.post("/lines:batchDelete", json={"ids": ids})).status_code == 204
    assert await stored(db, models.Line, "line_no", "quantity") == [(3, 9)]
    upserted = await client.post(
        "/lines:upsert", json={"items": items, "on_conflict": ["line_no", "order_id"]}
    )
    assert upserted.json()["items"] == items
    missing = await client.post(
        "/lines:batchDelete", json={"ids": [ids[0], {**ids[1], "line_no": 9}]}
    )
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (404, "#/ids/1")


FAILURES: list[tuple[str, Any, int, str, str]] = [
    ("authors:batchCreate", [{"name": "Cid"}, {"name": 5}], 422, "validation_error", "#/items/1/name"),
    ("authors:batchCreate", [{"name": "Cid"}, {"nope": 5, "name": "Dan"}], 422, "validation_error", "#/items/1/nope"),
    ("authors:batchCreate", [{"name": "Cid"}, {"name": "x"}], 422, "check_violation", "#/items/1"),
    ("books:batchCreate", [{"title": "n", "author_id": 901}, {"title": "x", "author_id": 901}], 409, "unique_violation", "#/items/1/author_id"),
    ("books:batchCreate", [{"title": "n", "author_id": 901}, {"title": "n", "author_id": 901}], 409, "unique_violation", "#/items/1/author_id"),
    ("books:batchCreate", [{"title": "n", "author_id": 901}, {"title": "o", "author_id": 999}], 409, "foreign_key_violation", "#/items/1/author_id"),
    ("books:batchUpdate", [{"id": 901, "title": "n"}, {"id": 999, "title": "o"}], 404, "not_found", "#/items/1"),
    ("books:batchUpdate", [{"id": 902, "title": "n"}, {"id": 901, "author_id": 999}], 409, "foreign_key_violation", "#/items/1/author_id"),
    ("books:batchUpdate", [{"id": 901, "title": "n"}, {"id": 902, "title": "n"}], 409, "unique_violation", "#/items/1/author_id"),
    ("books:batchUpdate", [{"id": 901}, {"id": 902, "title": None}], 422, "validation_error", "#/items/1/title"),
    ("books:batchUpdate", [{"id": 901}, {"title": "n"}], 422, "validation_error", "#/items/1/id"),
    ("books:batchUpdate", [{"id": 901}, {"id": "2"}], 422, "validation_error", "#/items/1/id"),
    ("books:batchUpdate", [{"id": 901, "title": "n"}, {"id": 901}], 422, "duplicate_item", "#/items/1/id"),
    ("books:batchDelete", [901, 999], 404, "not_found", "#/ids/1"),
    ("books:batchDelete", [901, 902, 901], 422, "duplicate_item", "#/ids/2"),
    ("books:batchDelete", [901, None], 422, "validation_error", "#/ids/1"),
    ("books:batchDelete", [901, 2**31], 422, "validation_error", "#/ids/1"),
    ("authors:batchDelete", [902, 901], 409, "foreign_key_violation", "#/ids/1"),
    ("books:upsert", [{"title": "n", "author_id": 901}, {"title": "o", "author_id": 999}], 409, "foreign_key_violation", "#/items/1/author_id"),
    ("books:upsert", [{"title": "x", "author_id": 901}, {"title": "x", "author_id": 901}], 422, "duplicate_item", "#/items/1/author_id"),
]  # fmt: skip
"""What is asked (author 901 has books 901 and 902, `x` and `y`), and how it is refused."""


async def test_one_bad_item_is_told_and_nothing_is_stored(db: Database, serve: Serve) -> None:
    """Does each error point at its item, with the status of a single row, and is all undone?"""
    few: Any = {"operations": [it for it in OPTIONS["operations"] if it != "upsert"]}
    client = serve(
        db, make_crud_router(models.Author, **few), make_crud_router(models.Book, **OPTIONS)
    )
    async with db.session() as session:
        session.add_all(models.Author(id=n, name=name) for n, name in ((901, "Ann"), (902, "Bob")))
        session.add_all(
            models.Book(id=n, title=t, author_id=901) for n, t in ((901, "x"), (902, "y"))
        )
    for path, items, status, code, pointer in FAILURES:
        body: Any = {"ids" if "Delete" in path else "items": items}
        if "upsert" in path:
            body["on_conflict"] = ["author_id", "title"]
        answer = await client.post(f"/{path}", json=body)
        told = (answer.status_code, answer.json()["code"], answer.json()["errors"][0]["pointer"])
        assert told == (status, code, pointer), (path, items, answer.text)
    assert await stored(db, models.Book, "id", "title", "author_id") == [
        (901, "x", 901),
        (902, "y", 901),
    ]
    assert await stored(db, models.Author, "name") == [("Ann",), ("Bob",)]


async def test_batches_are_bounded(sqlite: Database, serve: Serve) -> None:
    """Is a batch of none refused, and one of more than `max_batch`?"""
    options: Any = {**OPTIONS, "limits": Limits(max_batch=2)}
    client = serve(sqlite, make_crud_router(models.Tag, **options))
    for path, one in (
        ("batchCreate", {"slug": "{}"}), ("batchUpdate", {"slug": "{}"}), ("upsert", {"slug": "{}"}),
        ("batchDelete", "{}"),
    ):  # fmt: skip
        name = "ids" if path == "batchDelete" else "items"
        for count, status in ((0, 422), (3, 422), (2, 204 if name == "ids" else 200)):
            texts = [str(n) for n in range(count)]
            items = [text if one == "{}" else {"slug": text} for text in texts]
            answer = await client.post(f"/tags:{path}", json={name: items})
            expected = 201 if (path, count) == ("batchCreate", 2) else status
            assert answer.status_code == expected, (path, count, answer.text)
            if status == 422:
                assert answer.json()["errors"][0]["pointer"] == f"#/{name}"


async def test_versions_in_the_items(db: Database, serve: Serve) -> None:
    """Is each row changed only if it has the version that its item says, where it says one?"""
    options: Any = {"operations": ["batch_create", "batch_update"]}
    strict: Any = {**options, "name": "strict", "require_if_match": True}
    client = serve(
        db, make_crud_router(models.Ticket, **options), make_crud_router(models.Ticket, **strict)
    )
    body: Any = {"items": [{"text": "a"}, {"text": "b"}]}
    a, b = (await client.post("/tickets:batchCreate", json=body)).json()["items"]
    cases: list[tuple[str, Any, Any, int]] = [
        ("tickets", {}, {}, 200), ("tickets", {"version": 2}, {}, 200),
        ("tickets", {"version": 3}, {"version": 2}, 412), ("tickets", {}, {"version": None}, 412),
        ("tickets", {}, {"version": "3"}, 412), ("tickets", {}, {"version": {}}, 412),
        ("strict", {"version": 3}, {}, 428), ("strict", {"version": 3}, {"version": 2}, 412),
        ("strict", {"version": 3}, {"version": 3}, 200),
    ]  # fmt: skip
    for number, (path, first, second, status) in enumerate(cases):
        items = [
            {"id": row["id"], "text": f"{number}", **it} for row, it in ((a, first), (b, second))
        ]
        answer = await client.post(f"/{path}:batchUpdate", json={"items": items})
        assert answer.status_code == status, (number, answer.text)
        if status != 200:
            assert answer.json()["errors"][0]["pointer"] == "#/items/1"
    assert await stored(db, models.Ticket, "text", "version") == [("8", 4), ("8", 4)]


class Picky(Service[models.Note]):
    """Refuses by hooks, with errors of its own and of FastAPI."""

    async def before_create(self, values: dict[str, Any]) -> None:
        if values["title"] == "bad":
            raise Conflict
        values["body"] = "made"

    async def after_update(self, row: models.Note, values: Any) -> None:
        if row.title == "bad":
            raise Conflict

    async def before_delete(self, id: Any) -> None:
        if id == 2:
            raise Conflict

    async def before_upsert(self, values: dict[str, Any]) -> None:
        if values["title"] == "teapot":
            raise HTTPException(418)
        values["body"] = "upserted"


async def test_hooks_run_for_each(sqlite: Database, serve: Serve) -> None:
    """Do the hooks of single rows see each of several, and is an error of theirs told by item?"""
    client = serve(sqlite, make_crud_router(models.Note, service=Picky, **OPTIONS))
    made = await client.post("/notes:batchCreate", json={"items": [{"title": "a"}, {"title": "b"}]})
    assert [row["body"] for row in made.json()["items"]] == ["made", "made"]
    refused: list[tuple[str, Any, str]] = [
        ("batchCreate", {"items": [{"title": "x"}, {"title": "bad"}]}, "#/items/1"),
        ("batchUpdate", {"items": [{"id": 1, "title": "x"}, {"id": 2, "title": "bad"}]}, "#/items/1"),
        ("batchDelete", {"ids": [1, 2]}, "#/ids/1"),
    ]  # fmt: skip
    for path, sent, pointer in refused:
        answer = await client.post(f"/notes:{path}", json=sent)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, pointer), path
    body: Any = {"items": [{"title": "a"}, {"title": "teapot"}], "on_conflict": ["title"]}
    assert (await client.post("/notes:upsert", json=body)).status_code == 418
    assert await stored(sqlite, models.Note, "title", "body") == [("a", "made"), ("b", "made")]
    body["items"] = [{"title": "a", "done": True}]
    upserted = await client.post("/notes:upsert", json=body)
    assert upserted.json()["items"][0]["body"] == "upserted"


class Whole(Service[models.Note]):
    """With batches of its own making."""

    async def batch_create(self, items: Any) -> list[models.Note]:
        raise Conflict


async def test_an_error_may_be_about_all(sqlite: Database, serve: Serve) -> None:
    """Is an error of a batch as a whole told without a place?"""
    client = serve(sqlite, make_crud_router(models.Note, service=Whole, **OPTIONS))
    answer = await client.post("/notes:batchCreate", json={"items": [{"title": "a"}]})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "errors" not in answer.json()


async def own_notes(owner: Annotated[str, Header()] = "nobody") -> Any:
    return models.Note.body == owner


async def every_note() -> Any:
    return True


async def is_boss(owner: Annotated[str, Header()] = "nobody") -> bool:
    return owner == "boss"


async def test_scopes_and_rights_hold_for_each(db: Database, serve: Serve) -> None:
    """May a caller do to several rows just what it may do to each, and see no more of them?"""
    client = serve(
        db,
        make_crud_router(models.Note, scope=own_notes, **OPTIONS),
        make_crud_router(
            models.Note, name="read", scope={"get": every_note, "update": own_notes}, **OPTIONS
        ),
        make_crud_router(
            models.Note, name="part", readable_by={"body": is_boss}, writable_by={"done": is_boss},
            **OPTIONS,
        ),
    )  # fmt: skip
    async with db.session() as session:
        session.add_all(models.Note(id=n, title=t, body=t) for n, t in ((901, "ann"), (902, "bob")))
    new, ids = {"title": "c", "body": "ann"}, [{"id": 901, "title": "x"}, {"id": 902, "title": "y"}]
    on_title: Any = {"on_conflict": ["title"]}
    cases: list[tuple[str, Any, int, str]] = [
        ("notes:batchCreate", {"items": [new, {"title": "d", "body": "bob"}]}, 403, "#/items/1"),
        ("notes:batchUpdate", {"items": ids}, 404, "#/items/1"),
        ("notes:batchUpdate", {"items": [{"id": 901, "body": "bob"}]}, 403, "#/items/0"),
        ("notes:batchDelete", {"ids": [901, 902]}, 404, "#/ids/1"),
        ("notes:upsert", {"items": [new, {"title": "d", "body": "bob"}], **on_title}, 403, "#/items/1"),
        ("read:batchUpdate", {"items": ids}, 403, "#/items/1"),
        ("read:batchDelete", {"ids": [901, 902]}, 403, "#/ids/1"),
        ("part:batchCreate", {"items": [{"title": "c"}, {"title": "d", "body": "x"}]}, 422, "#/items/1/body"),
        ("part:batchCreate", {"items": [{"title": "c"}, {"title": "d", "done": True}]}, 422, "#/items/1/done"),
        ("part:batchUpdate", {"items": [{"id": 901}, {"id": 902, "body": "x"}]}, 422, "#/items/1/body"),
        ("part:upsert", {"items": [{"title": "c", "done": True}], **on_title}, 422, "#/items/0/done"),
    ]  # fmt: skip
    for path, body, status, pointer in cases:
        answer = await client.post(f"/{path}", json=body, headers={"owner": "ann"})
        told = (answer.status_code, answer.json().get("errors", [{"pointer": ""}])[0]["pointer"])
        assert told == (status, pointer), (path, body, answer.text)
    taken = {"items": [{"title": "bob", "body": "ann"}], **on_title}
    answer = await client.post("/notes:upsert", json=taken, headers={"owner": "ann"})
    assert answer.status_code in {403, 409}, answer.text
    assert await stored(db, models.Note, "title", "body") == [("ann", "ann"), ("bob", "bob")]
    changed = {"items": [{"id": 902, "done": True, "title": "new"}]}
    for owner, row in (
        ("ann", {"id": 902, "title": "new", "done": False}),
        ("boss", {"id": 902, "title": "new", "done": True, "body": "bob"}),
    ):
        answer = await client.post("/part:batchUpdate", json=changed, headers={"owner": owner})
        assert answer.json()["items"] == [row]


async def test_none_is_a_way_around_another(sqlite: Database, serve: Serve) -> None:
    """Are several rows guarded as single ones are, unless they are listed themselves?"""

    def guard(status: int) -> Any:
        async def refuse() -> None:
            raise HTTPException(status)

        return [Depends(refuse)]

    guards: Any = {"create": guard(401), "update": guard(403), "delete": guard(402)}
    own: Any = {**guards, "batch_create": [], "upsert": guard(418)}
    client = serve(
        sqlite,
        make_crud_router(models.Tag, dependencies=guards, **OPTIONS),
        make_crud_router(models.Tag, name="own", dependencies=own, **OPTIONS),
    )
    bodies: Any = {
        "batchCreate": {"items": [{"slug": "a"}]}, "upsert": {"items": [{"slug": "a"}]},
        "batchUpdate": {"items": [{"slug": "a"}]}, "batchDelete": {"ids": ["a"]},
    }  # fmt: skip
    for path, statuses in {
        "tags": {"batchCreate": 401, "upsert": 401, "batchUpdate": 403, "batchDelete": 402},
        "own": {"batchCreate": 201, "upsert": 418, "batchUpdate": 403, "batchDelete": 402},
    }.items():
        for verb, status in statuses.items():
            answer = await client.post(f"/{path}:{verb}", json=bodies[verb])
            assert answer.status_code == status, (path, verb)


async def test_upsert_stores_or_merges(db: Database, serve: Serve) -> None:
    """Are rows stored or changed by the key that is named, and what is not sent left alone?"""
    client = serve_all(db, serve, models.Note, models.Tag)
    first = {"items": [{"title": "a", "body": "x"}, {"title": "b"}], "on_conflict": ["title"]}
    a, b = (await client.post("/notes:upsert", json=first)).json()["items"]
    second: Any = {"items": [{"title": "b", "done": True}, {"title": "c"}, {"title": "a"}]}
    second["on_conflict"] = ["title"]
    merged = (await client.post("/notes:upsert", json=second)).json()["items"]
    assert (merged[0], merged[1]["title"], merged[2]) == ({**b, "done": True}, "c", a)
    second = {"items": [{"title": "a", "body": "y"}, {"title": "d"}], "on_conflict": ["title"]}
    ignored = await client.post("/notes:upsert", json={**second, "mode": "ignore"})
    assert [row["body"] for row in ignored.json()["items"]] == ["x", None]
    assert len(await rows_of(db, models.Note)) == 4
    for label in ("x", "y"):
        default = await client.post("/tags:upsert", json={"items": [{"slug": "s", "label": label}]})
        assert default.json()["items"] == [{"slug": "s", "label": label}]


async def test_upserts_go_by_unique_keys_alone(sqlite: Database, serve: Serve) -> None:
    """Is a key that is not unique, is not there or is not sent, a mode that is none, refused?"""
    options: Any = {**OPTIONS, "client_ids": True}
    client = serve(
        sqlite,
        make_crud_router(models.Note, **options),
        make_crud_router(models.Article, **options),
    )
    note = {"title": "a"}
    cases: list[tuple[Any, str]] = [
        ({"items": [note]}, "#/on_conflict"),
        ({"items": [note], "on_conflict": ["title", "id"]}, "#/on_conflict"),
        ({"items": [note], "on_conflict": ["body"]}, "#/on_conflict/0"),
        ({"items": [note], "on_conflict": ["id); --"]}, "#/on_conflict/0"),
        ({"items": [note], "on_conflict": []}, "#/on_conflict"),
        ({"items": [note], "on_conflict": "title"}, "#/on_conflict"),
        ({"items": [note], "on_conflict": [["title"]]}, "#/on_conflict/0"),
        ({"items": [note], "on_conflict": None}, "#/on_conflict"),
        ({"items": [{**note, "id": 5}, note], "on_conflict": ["id"]}, "#/items/1/id"),
        ({"items": [note], "on_conflict": ["title"], "mode": "replace"}, "#/mode"),
        ({"items": [note], "on_conflict": ["title"], "more": 1}, "#/more"),
    ]
    for body, pointer in cases:
        answer = await client.post("/notes:upsert", json=body)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["errors"][0]["pointer"] == pointer, (body, answer.text)
    assert await rows_of(sqlite, models.Note) == []
    twice = {"items": [note], "on_conflict": ["title", "title"]}
    assert (await client.post("/notes:upsert", json=twice)).status_code in {200, 422}
    gone = (await client.post("/articles", json={"slug": "a"})).headers["location"]
    await client.delete(gone)
    new: Any = {"items": [{"slug": "a", "stock": 3}], "on_conflict": ["slug"]}
    row = (await client.post("/articles:upsert", json=new)).json()["items"][0]
    assert (row["stock"], row["version"], gone.endswith(f"/{row['id']}")) == (3, 1, False)
    new["items"][0]["stock"] = 4
    again = (await client.post("/articles:upsert", json=new)).json()["items"][0]
    assert (again["id"], again["stock"], again["version"]) == (row["id"], 4, 2)
    new = {"items": [{"slug": "z", "id": int(gone.rpartition("/")[2])}], "on_conflict": ["id"]}
    assert (await client.post("/articles:upsert", json=new)).status_code == 409


@pytest.mark.parametrize("verb", ["batchCreate", "batchUpdate", "upsert"])
async def test_answers_show_what_may_be_read(sqlite: Database, serve: Serve, verb: str) -> None:
    """Are hidden and write-only columns in no answer, though they were just written?"""
    options: Any = {**OPTIONS, "client_ids": True}
    client = serve(sqlite, make_crud_router(models.Account, **options))
    key = "00000000-0000-7000-8000-000000000001"
    await client.post("/accounts", json={"id": key, "email": "a"})
    email = {"email": "a" if verb != "batchCreate" else "b"}
    body: Any = {"items": [{**email, "pin_note": "secret"}]}
    body |= {"on_conflict": ["email"]} if verb == "upsert" else {}
    body["items"][0] |= {"id": key} if verb == "batchUpdate" else {}
    answer = await client.post(f"/accounts:{verb}", json=body)
    assert answer.json()["items"][0]["email"] == email["email"], answer.text
    assert "secret" not in answer.text
    assert "secret" in [row.pin_note for row in await rows_of(sqlite, models.Account)]

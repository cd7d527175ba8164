"""What each operation does with what it is asked, by the HTTP contract."""

from typing import Any

import pytest
from fastapi import Depends, HTTPException

from fastapi_crud import Database, make_crud_router
from fastapi_crud.options import Limits
from tests import models
from tests.conftest import Client, Serve, rows_of


@pytest.fixture
async def notes(db: Database, serve: Serve) -> Client:
    """A client of an app with three notes."""
    client = serve(db, make_crud_router(models.Note))
    for title in ("a", "b", "c"):
        assert (await client.post("/notes", json={"title": title})).status_code == 201
    return client


async def test_create_answers_with_the_row_and_its_place(notes: Client) -> None:
    """Is the answer to POST what GET at its `Location` says?"""
    created = await notes.post("/notes", json={"title": "d"})
    assert created.status_code == 201
    assert created.json() == {"id": created.json()["id"], "title": "d", "body": None, "done": False}
    assert created.headers["location"] == f"/notes/{created.json()['id']}"
    assert (await notes.get(created.headers["location"])).json() == created.json()


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["a", "b", "c"]),
        ("?limit=2", ["a", "b"]),
        ("?skip=1", ["b", "c"]),
        ("?skip=1&limit=1", ["b"]),
        ("?skip=3", []),
        ("?skip=9223372036854775807&limit=1000", []),
    ],
)
async def test_list_pages_in_key_order_with_the_total(
    notes: Client, query: str, titles: list[str]
) -> None:
    """Does every page hold its rows in a stable order, and the total of all, past the end too?"""
    answer = await notes.get(f"/notes{query}")
    assert answer.status_code == 200
    assert answer.json().keys() == {"items", "total"}
    assert [row["title"] for row in answer.json()["items"]] == titles
    assert answer.json()["total"] == 3


async def test_limits_are_the_developers(sqlite: Database, serve: Serve) -> None:
    """Does `limits=` set the default and the largest page?"""
    router = make_crud_router(models.Note, limits=Limits(default_limit=1, max_limit=2))
    client = serve(sqlite, router)
    for title in ("a", "b", "c"):
        await client.post("/notes", json={"title": title})
    assert len((await client.get("/notes")).json()["items"]) == 1
    assert len((await client.get("/notes?limit=2")).json()["items"]) == 2
    assert (await client.get("/notes?limit=3")).status_code == 422


async def test_patch_changes_what_it_names(notes: Client) -> None:
    """Does absent mean unchanged, null mean NULL, and nothing mean nothing?"""
    path = (await notes.post("/notes", json={"title": "x", "body": "y"})).headers["location"]
    assert (await notes.patch(path, json={"done": True})).json()["body"] == "y"
    assert (await notes.patch(path, json={"body": None})).json()["body"] is None
    before = (await notes.get(path)).json()
    unchanged = await notes.patch(path, json={})
    assert unchanged.status_code == 200
    assert unchanged.json() == before


async def test_nothing_is_written_for_nothing(db: Database, serve: Serve) -> None:
    """Does an empty PATCH leave version and clock alone, and is null in its place refused?"""
    client = serve(db, make_crud_router(models.Article))
    created = await client.post("/articles", json={"slug": "a", "title": "t", "meta": {"a": 1}})
    path, row = created.headers["location"], created.json()
    for media_type in ("application/json", "application/merge-patch+json"):
        headers = {"content-type": media_type}
        unchanged = await client.patch(path, content=b"{}", headers=headers)
        assert (unchanged.status_code, unchanged.json()) == (200, row)
        refused = await client.patch(path, content=b'{"slug": null}', headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/slug")
    ignored = await client.patch(path, json={"version": 9, "updated_at": None, "id": row["id"]})
    assert (ignored.status_code, ignored.json()) == (200, row)
    changed = (await client.patch(path, json={"title": None, "meta": None})).json()
    assert (changed["title"], changed["meta"], changed["version"]) == (None, None, 2)
    assert changed["updated_at"] != row["updated_at"]


async def test_put_creates_where_that_is_asked_for(db: Database, serve: Serve) -> None:
    """Is a row created under the key in the path, once, and only where `upsert=True` says so?"""
    client = serve(
        db,
        make_crud_router(models.Line, upsert=True),
        make_crud_router(models.Note, upsert=True, client_ids=True),
        make_crud_router(models.Tag),
    )
    for path, body, key in (
        ("/lines/7/8", {"quantity": 2}, {"order_id": 7, "line_no": 8}),
        ("/notes/907", {"title": "a"}, {"id": 907}),
    ):
        created = await client.put(path, json=body)
        assert created.status_code == 201, created.text
        assert created.json().items() >= {**body, **key}.items()
        again = await client.put(path, json={**body, **key})
        assert (again.status_code, again.json()) == (200, created.json())
        other = path[:-1] + "9"
        wrong = await client.put(other, json={**body, **key})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "pk_mismatch")
        assert wrong.json()["errors"][-1]["pointer"] == f"#/{[*key][-1]}"
        assert (await client.get(other)).status_code == 404
    assert (await client.put("/notes/x", json={"title": "b"})).status_code == 404
    taken = await client.put("/notes/908", json={"title": "a"})
    assert (taken.status_code, taken.json()["errors"][0]["pointer"]) == (409, "#/title")
    assert (await client.put("/notes/908", json={"title": 5})).status_code == 422
    assert (await client.put("/tags/a", json={})).status_code == 404


async def test_put_is_no_way_around_create(sqlite: Database, serve: Serve) -> None:
    """Do dependencies and scope of `create` hold for a PUT that may create?"""

    async def refuse() -> None:
        raise HTTPException(401)

    async def none() -> bool:
        return False

    client = serve(
        sqlite,
        make_crud_router(models.Tag, upsert=True, dependencies={"create": [Depends(refuse)]}),
        make_crud_router(models.Tag, name="scoped", upsert=True, scope={"create": none}),
    )
    for path, status in (("/tags", 401), ("/scoped", 403)):
        assert (await client.post(path, json={"slug": "a"})).status_code == status
        assert (await client.put(f"{path}/a", json={})).status_code == status
    assert await rows_of(sqlite, models.Tag) == []


async def test_put_sets_everything(notes: Client) -> None:
    """Does what PUT leaves out go back to its default?"""
    created = await notes.post("/notes", json={"title": "x", "body": "y", "done": True})
    replaced = await notes.put(created.headers["location"], json={"title": "z"})
    assert replaced.status_code == 200
    assert replaced.json() == created.json() | {"title": "z", "body": None, "done": False}
    missing = await notes.put(created.headers["location"], json={"body": "only"})
    assert missing.status_code == 422
    assert missing.json()["errors"][0]["pointer"] == "#/title"


async def test_put_resets_server_defaults_and_keeps_what_is_not_readable(
    db: Database, serve: Serve
) -> None:
    """Does PUT restore a server default, and leave write-only and hidden columns alone?"""
    client = serve(db, make_crud_router(models.Tag), make_crud_router(models.Account))
    path = (await client.post("/tags", json={"slug": "a", "label": "mine"})).headers["location"]
    assert (await client.put(path, json={})).json() == {"slug": "a", "label": "new"}

    body = {"email": "a@example.com", "pin_note": "keep"}
    created = await client.post("/accounts", json=body)
    assert "pin_note" not in created.json()
    path = created.headers["location"]
    assert (await client.put(path, json={"email": "b@example.com"})).status_code == 200
    assert (await rows_of(db, models.Account))[0].pin_note == "keep"


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_readable_read_only_keys_are_ignored(db: Database, serve: Serve, method: str) -> None:
    """May a client send back what it read, and change nothing it may not?"""
    client = serve(db, make_crud_router(models.Account))
    created = await client.post("/accounts", json={"email": "a@example.com"})
    path, row = created.headers["location"], created.json()
    sent = row | {"is_superuser": True, "role": "admin", "created_at": "never", "email": "b@b.b"}
    answer = await client.request(method, path, json=sent)
    assert answer.status_code == 200
    assert answer.json()["email"] == "b@b.b"
    assert answer.json()["is_superuser"] is False
    assert answer.json()["role"] == "member"
    assert answer.json()["created_at"] == row["created_at"]
    hidden = await client.request(method, path, json=row | {"hashed_password": "x"})
    assert hidden.status_code == 422


@pytest.mark.parametrize(
    "body",
    [{"id": "0191f6a0-0000-7000-8000-000000000000"}, {"is_superuser": True}, {"role": "x"},
     {"hashed_password": "x"}, {"created_at": "2024-01-01T00:00:00Z"}],
    ids=str,
)  # fmt: skip
async def test_create_refuses_what_clients_may_not_set(
    db: Database, serve: Serve, body: dict[str, Any]
) -> None:
    """Is a read-only or hidden key in POST a 422, not silently dropped?"""
    client = serve(db, make_crud_router(models.Account))
    answer = await client.post("/accounts", json={"email": "a@example.com"} | body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["type"] == "extra_forbidden"
    assert await rows_of(db, models.Account) == []


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    ("given", "status"), [("same", 200), ("as text", 200), ("other", 422), ("nonsense", 422)]
)
async def test_key_in_the_body_must_be_the_one_in_the_path(
    notes: Client, method: str, given: str, status: int
) -> None:
    """Is a body that names another row refused with `pk_mismatch`?"""
    row = (await notes.post("/notes", json={"title": "x"})).json()
    keys: dict[str, Any] = {
        "same": row["id"],
        "as text": str(row["id"]),
        "other": row["id"] + 1,
        "nonsense": {},
    }
    answer = await notes.request(
        method, f"/notes/{row['id']}", json={"title": "x", "id": keys[given]}
    )
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["code"] == "pk_mismatch"
        assert answer.json()["errors"][0]["pointer"] == "#/id"


INTEGRITY = [
    (
        "POST",
        "/books",
        {"title": "x", "author_id": 999},
        409,
        "foreign_key_violation",
        "#/author_id",
    ),
    ("PATCH", "/books/{book}", {"author_id": 999}, 409, "foreign_key_violation", "#/author_id"),
    ("POST", "/books", {"title": "taken"}, 409, "unique_violation", "#/author_id"),
    ("DELETE", "/authors/{author}", None, 409, "foreign_key_violation", None),
    ("POST", "/authors", {"name": "A"}, 422, "check_violation", None),
    ("PATCH", "/authors/{author}", {"name": "A"}, 422, "check_violation", None),
    ("POST", "/tags", {"slug": "taken"}, 409, "unique_violation", "#/slug"),
    ("POST", "/lines", {"order_id": 1, "line_no": 1}, 409, "unique_violation", "#/order_id"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "pointer"), INTEGRITY)
async def test_constraints_become_typed_errors(
    db: Database,
    serve: Serve,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    status: int,
    code: str,
    pointer: str | None,
) -> None:
    """Does each violated constraint give its status and code, and name the field?"""
    resources = (models.Author, models.Book, models.Tag, models.Line)
    client = serve(db, *(make_crud_router(model) for model in resources))
    author = (await client.post("/authors", json={"name": "Ann"})).json()["id"]
    book = await client.post("/books", json={"title": "taken", "author_id": author})
    await client.post("/tags", json={"slug": "taken"})
    await client.post("/lines", json={"order_id": 1, "line_no": 1})
    if path == "/books" and body is not None:
        body = {"author_id": author} | body

    where = path.format(author=author, book=book.json()["id"])
    answer = await client.request(method, where, json=body)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["code"] == code
    assert (problem["errors"][0]["pointer"] if "errors" in problem else None) == pointer
    for leak in ("INSERT", "UPDATE", "SQL", "999", "taken"):
        assert leak not in answer.text


async def test_client_ids_let_clients_choose(sqlite: Database, serve: Serve) -> None:
    """Does `client_ids=True` open the key in POST, and only there?"""
    client = serve(sqlite, make_crud_router(models.Note, client_ids=True))
    created = await client.post("/notes", json={"id": 7, "title": "a"})
    assert created.headers["location"] == "/notes/7"
    assert (await client.post("/notes", json={"title": "b"})).json()["id"] == 8
    assert (await client.patch("/notes/7", json={"id": 9})).status_code == 422


async def test_hybrids_and_deferred_columns_where_asked_for(db: Database, serve: Serve) -> None:
    """Are hybrids shown only on request, and deferred columns without one statement per row?"""
    client = serve(
        db,
        make_crud_router(models.Author, hybrids=["shout"]),
        make_crud_router(models.Book),
    )
    author = (await client.post("/authors", json={"name": "Ann"})).json()
    assert author["shout"] == "ANN"
    assert author["book_count"] == 0
    assert author["name_length"] == 3
    book = {"title": "x", "author_id": author["id"], "blurb": "long"}
    created = await client.post("/books", json=book)
    assert created.json()["blurb"] == "long"
    patched = await client.patch(created.headers["location"], json={"title": "y"})
    assert patched.json()["blurb"] == "long"
    assert (await client.get("/books")).json()["items"] == [patched.json()]
    assert (await client.get(f"/authors/{author['id']}")).json()["book_count"] == 1


async def test_inherited_rows(db: Database, serve: Serve) -> None:
    """Do routers of a base and its subclasses see the rows they should, and delete all of them?"""
    routers = (make_crud_router(m, name=n) for m, n in (
        (models.Employee, "employees"), (models.Manager, "managers"), (models.Clerk, "clerks"),
    ))  # fmt: skip
    client = serve(db, *routers)
    manager = (await client.post("/managers", json={"name": "Meg", "budget": 5})).json()
    clerk = (await client.post("/clerks", json={"name": "Cy", "desk": "d"})).json()
    assert (manager["kind"], clerk["kind"]) == ("manager", "clerk")
    kinds = [row["kind"] for row in (await client.get("/employees")).json()["items"]]
    assert kinds == ["manager", "clerk"]
    assert (await client.get("/managers")).json()["total"] == 1
    assert (await client.get(f"/clerks/{manager['id']}")).status_code == 404
    assert (await client.patch(f"/clerks/{manager['id']}", json={"desk": "x"})).status_code == 404
    assert (await client.delete(f"/clerks/{manager['id']}")).status_code == 404
    renamed = await client.patch(f"/employees/{manager['id']}", json={"name": "Max"})
    assert renamed.json()["name"] == "Max"
    assert (await client.delete(f"/employees/{manager['id']}")).status_code == 204
    assert await rows_of(db, models.Manager) == []


async def test_delete_cascades_as_the_model_says(db: Database, serve: Serve) -> None:
    """Does deleting a row delete what its model cascades to in Python?"""
    client = serve(db, make_crud_router(models.Folder), make_crud_router(models.File))
    folder = (await client.post("/folders", json={"name": "a"})).json()["id"]
    assert (await client.post("/files", json={"folder_id": folder})).status_code == 201
    assert (await client.delete(f"/folders/{folder}")).status_code == 204
    assert await rows_of(db, models.File) == []


async def test_validators_and_versions_hold_for_patch(db: Database, serve: Serve) -> None:
    """Do `@validates` and the version column work, though PATCH is one statement elsewhere?"""
    client = serve(db, make_crud_router(models.Checked), make_crud_router(models.Ticket))
    checked = await client.post("/checked", json={"name": "ABC"})
    assert checked.json()["name"] == "abc"
    patched = await client.patch(checked.headers["location"], json={"name": "DEF"})
    assert patched.json()["name"] == "def"
    ticket = await client.post("/tickets", json={"text": "a"})
    assert ticket.json()["version"] == 1
    patched = await client.patch(ticket.headers["location"], json={"text": "b", "version": 9})
    assert patched.json()["version"] == 2

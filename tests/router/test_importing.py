"""Files as new rows: all or none, each mistake at its line."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, Header, HTTPException, Request
from hypothesis import HealthCheck, assume, example, given, settings, strategies as st
from pydantic import BaseModel

from fastapi_crud import (
    Database,
    Filter,
    Limits,
    PermissionDenied,
    Service,
    idempotency_table,
    make_crud_router,
)
from fastapi_crud.owners import Owner, owning
from tests import models
from tests.conftest import Client, Serve, client_of, counted, rows_of
from tests.router.test_export import EVERYTHING, app_of
from tests.strategies import iso_dates, json_values

CSV = {"Content-Type": "text/csv; charset=utf-8"}
NDJSON = {"Content-Type": "application/x-ndjson"}
OPERATIONS: Any = ("list", "create", "get", "import")


def notes(db: Database, serve: Serve, **options: Any) -> Client:
    router = make_crud_router(models.Note, **{"operations": OPERATIONS, **options})
    return serve(db, router, make_crud_router(models.Book, operations=OPERATIONS))


async def titles(db: Database) -> list[str]:
    return sorted(note.title for note in await rows_of(db, models.Note))


async def test_both_formats_make_rows(db: Database, serve: Serve) -> None:
    """Are rows stored from either format, and counted in the answer?"""
    client = notes(db, serve)
    answer = await client.post(
        "/notes:import", content="title,done\r\na,true\r\nb,\r\n", headers=CSV
    )
    assert (answer.status_code, answer.json()) == (201, {"created": 2})
    lines = b'{"title":"c","body":null}\n{"title":"d","done":true}\n'
    answer = await client.post("/notes:import", content=lines, headers=NDJSON)
    assert (answer.status_code, answer.json()) == (201, {"created": 2})
    stored = [(it.title, it.done) for it in await rows_of(db, models.Note)]
    assert sorted(stored) == [("a", True), ("b", False), ("c", False), ("d", True)]


async def test_many_rows_take_few_statements(db: Database, serve: Serve) -> None:
    """Is a row of a large file far from a statement of its own?"""
    text = "title\n" + "".join(f"t{i}\n" for i in range(2500))
    client = notes(db, serve)
    with counted(db.engine) as statements:
        answer = await client.post("/notes:import", content=text, headers=CSV)
    assert answer.json() == {"created": 2500}
    assert len(statements) < 40


@pytest.mark.parametrize("headers", [CSV, NDJSON], ids=["csv", "ndjson"])
async def test_nothing_is_stored_of_a_bad_file(
    db: Database, serve: Serve, headers: dict[str, str]
) -> None:
    """Are all bad lines told, with line and pointer, and is no good one stored?"""
    csv = "title,done\na,true\n,true\nb,yes\nc,false\n"
    lines = '{"title":"a"}\n{"done":true}\n{"title":"b","done":"yes"}\n{"title":"c"}\n'
    content = csv if headers is CSV else lines
    answer = await notes(db, serve).post("/notes:import", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_lines")
    first = 2 if headers is CSV else 1
    assert [(it["pointer"], it["line"]) for it in answer.json()["errors"]] == [
        ("#/1/title", first + 1),
        ("#/2/done", first + 2),
    ]
    assert answer.json()["detail"] == answer.json()["errors"]
    assert await titles(db) == []


@pytest.mark.parametrize("rows", [2, 1200])
async def test_conflicts_are_told_at_their_line(db: Database, serve: Serve, rows: int) -> None:
    """Is the line named where the database refuses, in the first part and in later ones?"""
    client = notes(db, serve)
    await client.post("/notes", json={"title": "taken"})
    good = "".join(f"t{i}\n" for i in range(rows))
    answer = await client.post("/notes:import", content=f"title\n{good}taken\n", headers=CSV)
    assert (answer.status_code, answer.json()["code"]) == (409, "unique_violation")
    (told,) = answer.json()["errors"]
    assert (told["pointer"], told["line"]) == (f"#/{rows}/title", rows + 2)
    assert await titles(db) == ["taken"]
    missing = {"title": "x", "author_id": 999}
    answer = await client.post("/books:import", content=json.dumps(missing), headers=NDJSON)
    assert (answer.status_code, answer.json()["errors"][0]["line"]) == (409, 1)


@pytest.mark.parametrize(
    ("content", "headers", "limits", "status", "code"),
    [
        ("[]", {"Content-Type": "application/json"}, {}, 415, "unsupported_media_type"),
        ("title\na\n", {}, {}, 415, "unsupported_media_type"),
        ("title\n" + "a\n" * 4, CSV, {"max_import": 3}, 413, "content_too_large"),
        ("title\n" + "a" * 20, CSV, {"max_import_bytes": 10}, 413, "content_too_large"),
        ([b"title\n", b"a" * 20], CSV, {"max_import_bytes": 10}, 413, "content_too_large"),
        ("", CSV, {}, 422, "invalid_lines"),
    ],
)
async def test_bounds(
    sqlite: Database, serve: Serve, content: Any, headers: Any, limits: Any, status: int, code: str
) -> None:
    """Is a file of another type, or of too many rows or bytes, refused with a status of its own?"""
    client = notes(sqlite, serve, limits=Limits(**limits))

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in content:
            yield chunk

    body = chunks() if isinstance(content, list) else content.encode()
    answer = await client.post("/notes:import", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 415:
        assert answer.headers["accept"] == "text/csv, application/x-ndjson"


async def test_an_empty_file_makes_no_rows(sqlite: Database, serve: Serve) -> None:
    """Is nothing to do no error?"""
    for content, headers in (("title\n", CSV), ("", NDJSON)):
        answer = await notes(sqlite, serve).post("/notes:import", content=content, headers=headers)
        assert (answer.status_code, answer.json()) == (201, {"created": 0})


async def test_a_client_that_breaks_off_stores_nothing(sqlite: Database) -> None:
    """Is half a file no file?"""
    app = app_of(sqlite, make_crud_router(models.Note, operations=OPERATIONS))
    sent: list[Any] = []
    messages: Any = iter(
        [
            {"type": "http.request", "body": b"title\na\n", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http", "method": "POST", "path": "/notes:import", "raw_path": b"/notes:import",
        "headers": [(b"content-type", b"text/csv")], "query_string": b"", "scheme": "http",
        "server": ("test", 80), "root_path": "", "http_version": "1.1", "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert await titles(sqlite) == []


def bearer(who: Annotated[str, Header()] = "") -> str:
    return who


@owning("body")
def own(who: Annotated[str, Depends(bearer)]) -> Owner:
    return Owner("body", who)


async def test_rules_hold_as_for_one_row(db: Database, serve: Serve) -> None:
    """Do hooks, owners, rights and dependencies of `create` hold for each line?"""

    class Shouting(Service[models.Note, BaseModel, BaseModel]):
        async def before_create(self, values: dict[str, Any]) -> None:
            if values["title"] == "bad":
                raise HTTPException(400, "bad")
            values["title"] = values["title"].upper()

    def key(token: Annotated[str, Header()] = "") -> None:
        if token != "good":
            raise HTTPException(401)

    client = notes(
        db,
        serve,
        service=Shouting,
        scope=own,
        writable_by={"done": lambda: False},
        dependencies={"create": [Depends(key)]},
    )
    headers = {**CSV, "who": "ann", "token": "good"}
    assert (
        await client.post("/notes:import", content="title\na\n", headers=CSV)
    ).status_code == 401
    answer = await client.post("/notes:import", content="title\na\n", headers=headers)
    assert answer.json() == {"created": 1}
    (row,) = await rows_of(db, models.Note)
    assert (row.title, row.body) == ("A", "ann")
    for content, status in [
        ("title\nb\nbad\n", 400),
        ("title,done\nb,true\n", 422),
        ("title,body\nb,x\n", 422),
    ]:
        answer = await client.post("/notes:import", content=content, headers=headers)
        assert answer.status_code == status
    answer = await client.post("/notes:import", content="title,done\nb,true\n", headers=headers)
    (told,) = answer.json()["errors"]
    assert (told["type"], told["pointer"], told["line"]) == ("extra_forbidden", "#/0/done", 2)
    assert await titles(db) == ["A"]


async def test_an_error_about_no_line_stays_as_it_is(sqlite: Database, serve: Serve) -> None:
    """Is an error that is about the whole told without a line?"""

    class Closed(Service[models.Note, BaseModel, BaseModel]):
        async def batch_create(self, items: Any) -> Any:
            raise PermissionDenied

    client = notes(sqlite, serve, service=Closed)
    answer = await client.post("/notes:import", content="title\na\n", headers=CSV)
    assert (answer.status_code, answer.json().get("errors")) == (403, None)


async def test_rows_outside_the_scope_are_refused(db: Database, serve: Serve) -> None:
    """Is a row that its caller could not write told at its line?"""
    scope = {"import": lambda: [Filter("done", "eq", False)], "list": lambda: True}
    client = notes(db, serve, scope=scope)
    content = "title,done\na,false\nb,true\n"
    answer = await client.post("/notes:import", content=content, headers=CSV)
    assert (answer.status_code, answer.json()["errors"][0]["line"]) == (403, 3)
    assert await titles(db) == []


async def test_imports_may_be_repeated(db: Database, serve: Serve) -> None:
    """Does an idempotency key stand for the whole file?"""
    client = notes(db, serve, idempotency=True)
    table = idempotency_table(models.Base.metadata)
    async with db.engine.begin() as connection:
        await connection.run_sync(lambda c: table.create(c, checkfirst=True))
    headers = {**CSV, "Idempotency-Key": "k1"}
    first = await client.post("/notes:import", content="title\na\n", headers=headers)
    again = await client.post("/notes:import", content="title\na\n", headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post("/notes:import", content="title\nb\n", headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"
    assert await titles(db) == ["a"]


async def test_a_dependency_may_have_read_the_body(sqlite: Database, serve: Serve) -> None:
    """Is a body that was read before still there, to check its signature, say?"""

    async def sign(request: Request) -> None:
        assert await request.body()

    client = notes(sqlite, serve, dependencies=[Depends(sign)])
    answer = await client.post("/notes:import", content="title\na\n", headers=CSV)
    assert answer.json() == {"created": 1}


ROWS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries(
        dict[str, Any](),
        optional={
            "medium": st.none() | st.integers(-(2**31), 2**31 - 1),
            "ratio": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "flag": st.none() | st.booleans(),
            "text": st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(["=1", "'=1", "'", "\r", "\n", ",", '"']),
            "day": st.none() | iso_dates,
            "data": json_values,
            "labels": st.none() | st.lists(st.sampled_from(["a", "=b", ""]), max_size=2),
        },
    ),
    max_size=4,
)  # fmt: skip


async def shown(client: Client) -> list[Any]:
    rows: list[Any] = (await client.get("/everything")).json()["items"]
    return rows


async def clear(client: Client) -> None:
    if ids := [row["id"] for row in await shown(client)]:
        await client.post("/everything:batchDelete", json={"ids": ids})


@pytest.mark.parametrize("kind", ["text/csv", "application/x-ndjson"])
@settings(  # each example is five requests
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=min(25, settings().max_examples),
)
@example(rows=[EVERYTHING])
@given(rows=ROWS)
async def test_an_export_can_be_imported(sqlite: Database, kind: str, rows: list[Any]) -> None:
    """Are rows the same after an export and an import, and the file of the next export as well?"""
    options: Any = {"operations": ("list", "batch_create", "batch_delete", "import")}
    router = make_crud_router(models.Everything, export=True, client_ids=True, **options)
    client = client_of(app_of(sqlite, router))
    await clear(client)
    items = [{"id": i + 1, **row} for i, row in enumerate(rows)]
    body = json.dumps({"items": items})
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/everything:batchCreate", content=body, headers=headers)
    assume(answer.status_code == 201)  # not all JSON may be stored
    before = await shown(client)
    file = (await client.get("/everything", headers={"Accept": kind})).content
    await clear(client)
    answer = await client.post("/everything:import", content=file, headers={"Content-Type": kind})
    assert answer.json() == {"created": len(rows)}, answer.text
    if kind == "text/csv":  # where empty text is NULL
        before = [{**row, "text": row["text"] or None} for row in before]
    assert await shown(client) == before
    assert (await client.get("/everything", headers={"Accept": kind})).content == file

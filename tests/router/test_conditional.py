"""Entity tags: one for each state of a row, and what clients may demand of it (RFC 9110 §13)."""

from typing import Any

import pytest
from fastapi import Request
from pydantic import BaseModel, computed_field

from fastapi_crud import Database, make_crud_router
from fastapi_crud.operations import OPERATIONS
from fastapi_crud.router.conditional import preconditions
from tests import models
from tests.conftest import Client, Serve, rows_of
from tests.router.test_factory import ROUND_TRIPS

STATES: dict[type[Any], tuple[dict[str, Any], dict[str, Any]]] = ROUND_TRIPS | {
    models.Article: ({"slug": "a", "meta": {"b": [1.5]}}, {"title": "t"}),
    models.Team: ({"name": "a"}, {"name": "b"}),
}
"""Model → a new row, and a change."""
ODD: list[dict[str, Any]] = [
    {"ratio": 1e-7, "single": 0.1, "price": "1.50"}, {"ratio": 0.1 + 0.2, "single": 1e38},
    {"price": -0.1, "ratio": -0.0}, {"at": "2024-01-31T12:00:00.123456+05:30"},
    {"local": "2024-01-31T12:00:00.000001", "hour": "23:59:59.999999"},
    {"span": "-PT0.5S", "raw": "", "labels": []}, {"data": {"b": 1e-9, "a": None}}, {"data": 0},
]  # fmt: skip
"""Values that a database may store otherwise than they are sent."""


async def test_one_state_has_one_tag(db: Database, serve: Serve) -> None:
    """Is the tag the same after every method, and another after every change, for every model?"""
    cases = [(model, *it) for model, it in STATES.items()]
    cases += [(models.Everything, body, {"code": "x"}) for body in ODD]
    routers = [make_crud_router(model, name=f"{model.__name__}s") for model in STATES]
    client = serve(db, *routers)
    for model, body, patch in cases:
        created = await client.post(f"/{model.__name__}s", json=body)
        assert created.status_code == 201, created.text
        path, row = created.headers["location"], created.json()
        same = [created, await client.get(path), await client.head(path)]
        same.append(await client.patch(path, json={}))
        if not {"version", "updated_at"} & row.keys():
            same.append(await client.put(path, json=row))
            assert same[-1].json() == row
        assert len({answer.headers["etag"] for answer in same}) == 1, (model, body)
        patched = await client.patch(path, json=patch)
        assert patched.headers["etag"] not in {created.headers["etag"], ""}, (model, body)
        assert (await client.get(path)).headers["etag"] == patched.headers["etag"], (model, body)
        stale = await client.delete(path, headers={"If-Match": created.headers["etag"]})
        fresh = await client.delete(path, headers={"If-Match": patched.headers["etag"]})
        assert (stale.status_code, fresh.status_code) == (412, 204), (model, body)


async def test_restored_rows_have_the_tag_of_their_state(db: Database, serve: Serve) -> None:
    """Is the tag after `:restore` that of GET, and another than before the deletion?"""
    client = serve(db, make_crud_router(models.Article, operations=OPERATIONS))
    created = await client.post("/articles", json={"slug": "a"})
    path = created.headers["location"]
    assert (await client.delete(path)).status_code == 204
    restored = await client.post(f"{path}:restore")
    assert restored.headers["etag"] == (await client.get(path)).headers["etag"]
    assert restored.headers["etag"] != created.headers["etag"]


@pytest.fixture
async def note(sqlite: Database, serve: Serve) -> tuple[Client, str, str]:
    """A client, the path of a note, and its tag."""
    client = serve(sqlite, make_crud_router(models.Note, fields=True))
    created = await client.post("/notes", json={"title": "a"})
    return client, created.headers["location"], created.headers["etag"]


Note = tuple[Client, str, str]


async def test_clients_need_not_get_what_they_have(note: Note) -> None:
    """Is GET, or HEAD, of a state that a client knows answered 304 with the tag and no body?"""
    client, path, tag = note
    known = [tag, f"W/{tag}", f'"x", {tag}', "*", f'{tag[:-1]}-gzip"', tag.strip('"')]
    for header, status in {**dict.fromkeys(known, 304), '"x"': 200, "": 200, ",,": 200}.items():
        for method in ("GET", "HEAD"):
            answer = await client.request(method, path, headers={"If-None-Match": header})
            assert answer.status_code == status, (header, method)
            assert answer.headers["etag"] == tag
            assert bool(answer.content) is (status == 200 and method == "GET")
    several = [("If-None-Match", '"x"'), ("If-None-Match", tag)]
    assert (await client.get(path, headers=several)).status_code == 304
    assert (await client.get("/notes/0", headers={"If-None-Match": "*"})).status_code == 404


async def test_variants_have_tags_of_their_own(note: Note) -> None:
    """Does a choice of fields have the state and more in its tag, known for itself alone?"""
    client, path, tag = note
    variants = [await client.get(f"{path}?fields={names}") for names in ("title", "title,done")]
    tags = [tag, *(answer.headers["etag"] for answer in variants)]
    assert len({*tags}) == 3
    assert all(each.startswith(f"{tag[:-1]}.") for each in tags[1:])
    known = {"If-None-Match": tags[1]}
    assert (await client.get(f"{path}?fields=title", headers=known)).status_code == 304
    assert (await client.get(path, headers=known)).status_code == 200
    changed = await client.patch(path, json={"done": True}, headers={"If-Match": tags[2]})
    assert changed.status_code == 200
    assert (await client.get(f"{path}?fields=title")).headers["etag"] != tags[1]


async def test_a_change_is_made_to_the_state_that_is_meant(db: Database, serve: Serve) -> None:
    """Does each form of `If-Match` let just the right state through, and is nothing written else?"""
    client = serve(db, make_crud_router(models.Note), make_crud_router(models.Ticket))
    for collection, body in (("/notes", {"title": "a"}), ("/tickets", {"text": "a"})):
        created = await client.post(collection, json=body)
        path, tag = created.headers["location"], created.headers["etag"]
        refusing = [
            [("If-Match", it)] for it in (f"W/{tag}", '"x"', "x", "", '""', ",", "\t", "\\")
        ]
        refusing += [[("If-None-Match", it)] for it in ("*", tag, f"W/{tag}")]
        refusing += [[("If-Match", tag), ("If-None-Match", tag)]]
        for headers in refusing:
            for method in ("PATCH", "PUT", "DELETE"):
                answer = await client.request(
                    method, path, headers=headers, json=None if method == "DELETE" else body
                )
                assert answer.status_code == 412, (headers, method)
                assert answer.json()["code"] == "precondition_failed"
        assert (await client.get(path)).headers["etag"] == tag
        for header in ("*", f'"x", {tag}', f"{tag},", f'{tag[:-1]}-br"', tag.strip('"')):
            answer = await client.put(path, json=body, headers={"If-Match": header})
            assert answer.status_code == 200, header
            tag = answer.headers["etag"]
        lines = [("If-Match", '"x"'), ("If-Match", tag)]
        assert (await client.patch(path, json={}, headers=lines)).headers["etag"] == tag
        unlike = [("If-None-Match", '"x"'), ("If-Match", tag)]
        assert (await client.delete(path, headers=unlike)).status_code == 204


async def test_a_row_that_is_not_there_is_not_found(note: Note) -> None:
    """Is it 404 before 412 (RFC 9110 §13.2.1), and a bad body no reason to write?"""
    client, path, _ = note
    headers = {"If-Match": '"x"'}
    for method, body in (("PATCH", {"title": "b"}), ("PUT", {"title": "b"}), ("DELETE", None)):
        answer = await client.request(method, "/notes/0", json=body, headers=headers)
        assert answer.status_code == 404, method
    wrong = await client.patch(path, json={"title": 5}, headers=headers)
    assert wrong.status_code == 422


async def test_a_state_can_be_required(sqlite: Database, serve: Serve) -> None:
    """Is a change of no certain state refused with 428, by every method, where that is demanded?"""
    client = serve(sqlite, make_crud_router(models.Note, require_if_match=True))
    created = await client.post("/notes", json={"title": "a"})
    path, tag = created.headers["location"], created.headers["etag"]
    for method, body in (("PATCH", {"done": True}), ("PUT", {"title": "b"}), ("DELETE", None)):
        for headers in ({}, {"If-None-Match": '"x"'}):
            answer = await client.request(method, path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")
    assert (await client.get(path)).headers["etag"] == tag
    changed = await client.patch(path, json={"done": True}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert (await client.delete(path, headers={"If-Match": tag})).status_code == 412
    assert (await client.delete(path, headers={"If-Match": "*"})).status_code == 204


async def test_a_put_can_be_made_to_create_only(db: Database, serve: Serve) -> None:
    """Does `If-None-Match: *` create a row, and never replace one?"""
    router = make_crud_router(models.Tag, upsert=True, require_if_match=True)
    client = serve(db, router)
    only_new = {"If-None-Match": "*"}
    assert (await client.put("/tags/a", json={"label": "x"})).status_code == 428
    missing = await client.put("/tags/a", json={"label": "x"}, headers={"If-Match": "*"})
    assert missing.status_code == 412
    created = await client.put("/tags/a", json={"label": "x"}, headers=only_new)
    assert created.status_code == 201
    assert (await client.put("/tags/a", json={"label": "y"}, headers=only_new)).status_code == 412
    match = {"If-Match": created.headers["etag"]}
    assert (await client.put("/tags/a", json={"label": "z"}, headers=match)).status_code == 200
    assert [(row.slug, row.label) for row in await rows_of(db, models.Tag)] == [("a", "z")]


async def no_one() -> bool:
    return False


async def test_what_is_hidden_leaves_no_trace(sqlite: Database, serve: Serve) -> None:
    """Is the tag the same, whatever stands in columns that a caller may not read?"""
    client = serve(
        sqlite,
        make_crud_router(models.Note),
        make_crud_router(models.Note, name="partial", readable_by={"body": no_one}),
        make_crud_router(models.Note, name="without", hidden=["body"]),
    )
    path = (await client.post("/notes", json={"title": "a"})).headers["location"]
    others = [path.replace("notes", name) for name in ("partial", "without")]
    before = [(await client.get(each)).headers["etag"] for each in (path, *others)]
    patched = await client.patch(path, json={"body": "secret"}, headers={"If-Match": before[0]})
    assert patched.status_code == 200
    after = [(await client.get(each)).headers["etag"] for each in (path, *others)]
    assert after[0] != before[0]
    assert after[1:] == before[1:]
    for each, tag in zip(others, before[1:], strict=True):
        changed = await client.patch(each, json={"done": True}, headers={"If-Match": tag})
        assert changed.status_code == 200, each
        assert (await client.get(each)).headers["etag"] == changed.headers["etag"] != tag
        await client.patch(each, json={"done": False})


class Loud(BaseModel):
    """A read schema of somebody's own: it computes, and knows only part of the row."""

    id: int
    title: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def loud(self) -> str:
        return self.title.upper()


class BookOut(BaseModel):
    title: str


class AuthorOut(BaseModel):
    id: int
    name: str
    books: list[BookOut]


async def test_tags_of_other_schemas(db: Database, serve: Serve) -> None:
    """Does the tag tell the whole answer apart, related rows and expressions as well?"""
    client = serve(
        db,
        make_crud_router(models.Note, read_schema=Loud),
        make_crud_router(models.Author, include=["books"]),
        make_crud_router(models.Author, name="writers", read_schema=AuthorOut),
        make_crud_router(models.Book),
    )
    created = await client.post("/notes", json={"title": "a"})
    path, tag = created.headers["location"], created.headers["etag"]
    assert (await client.get(path)).headers["etag"] == tag
    unseen = await client.patch(path, json={"body": "b"}, headers={"If-Match": tag})
    assert (unseen.status_code, unseen.headers["etag"]) == (200, tag)
    assert (await client.patch(path, json={"title": "b"})).headers["etag"] != tag

    ann = (await client.post("/authors", json={"name": "Ann"})).json()["id"]
    paths = [f"/authors/{ann}", f"/authors/{ann}?include=books", f"/writers/{ann}"]
    tags = [[(await client.get(each)).headers["etag"] for each in paths]]
    book = (await client.post("/books", json={"title": "x", "author_id": ann})).headers["location"]
    tags.append([(await client.get(each)).headers["etag"] for each in paths])
    assert (await client.patch(book, json={"title": "y"})).status_code == 200
    tags.append([(await client.get(each)).headers["etag"] for each in paths])
    counts, included, embedded = zip(*tags, strict=True)
    assert (len({*counts}), len({*included}), len({*embedded})) == (2, 3, 3)
    for each in (*tags[2], tags[0][0]):  # the row itself has not changed
        where = "/writers" if each == embedded[2] else "/authors"
        answer = await client.patch(f"{where}/{ann}", json={}, headers={"If-Match": each})
        assert answer.status_code == 200, each


def test_what_is_read_of_the_headers() -> None:
    """Are lists, weak tags, lost quotes and suffixes of codings understood?"""
    cases: dict[str, tuple[set[str], set[str]]] = {
        "*": ({"*"}, {"*"}),
        '"a", W/"b" ,"c.1"': ({"a", "c"}, {"a", "b", "c"}),
        '"a-gzip","b-zstd", c-deflate': ({"a", "b", "c"}, {"a", "b", "c"}),
        '"a,b"': ({"a,b"}, {"a,b"}),
        "": (set(), set()),
    }
    for text, (strong, any_strength) in cases.items():
        headers = [(b"if-match", text.encode()), (b"if-none-match", text.encode())]
        read = preconditions(Request({"type": "http", "headers": headers}))
        assert (read.match, read.none_match) == (frozenset(strong), frozenset(any_strength)), text
    nothing = preconditions(Request({"type": "http", "headers": []}))
    assert not nothing.given
    assert not nothing.knows('"a"')

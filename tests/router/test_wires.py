"""Routers for admin frontends: what their clients send, and what they are answered.

The requests are those that ra-data-simple-rest 5.15, ra-data-json-server 5.15 and
@refinedev/simple-rest 6.0 send; `tests/contract/test_admin_clients.py` drives the clients.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from fastapi import Depends, FastAPI, Header, HTTPException, Query as FromQuery
from openapi_spec_validator import validate
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import (
    ConfigurationError,
    CrudOptions,
    Database,
    Limits,
    SoftDelete,
    Timestamps,
    make_crud_router,
)
from fastapi_crud.schemas import OutputSchema
from tests import models
from tests.conftest import Client, client_of, counted

WIRES = ("simple-rest", "json-server")


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20))


class Post(Timestamps, Base):
    """With columns that are called like parameters and suffixes."""

    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(10), unique=True)
    body: Mapped[str | None]
    size: Mapped[int] = mapped_column(default=0)
    size_gte: Mapped[int] = mapped_column(default=0)
    sort: Mapped[int] = mapped_column(default=0)
    q: Mapped[str | None]
    live: Mapped[bool] = mapped_column(default=False)
    rank: Mapped[float | None]
    extra: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    author_id: Mapped[int | None] = mapped_column(sa.ForeignKey("authors.id"))
    author: Mapped[Author | None] = relationship()


class Label(Base):
    """Whose key is not called id."""

    __tablename__ = "labels"

    slug: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(20), default="new")


class Draft(SoftDelete, Base):
    """Deleted softly."""

    __tablename__ = "drafts"

    id: Mapped[int] = mapped_column(primary_key=True)


OPTIONS: dict[str, Any] = {
    "search": ["title", "body"],
    "include": ["author"],
    "filters": {"*": ..., "author.name": ["eq", "icontains"]},
}

ROWS = (
    {"title": "one", "size": 1, "sort": 3, "rank": 0.5, "live": True, "q": "x", "author_id": 1},
    {"title": "two", "size": 2, "sort": 2, "size_gte": 7, "body": "One", "author_id": 1},
    {"title": "three", "size": 3, "sort": 1, "body": "", "q": "y", "author_id": 2},
)


@pytest.fixture(scope="module")
async def stored(tmp_path_factory: Any) -> AsyncIterator[Database]:
    """A database with three posts, by two authors."""
    folder: Path = tmp_path_factory.mktemp("wires")
    database = Database(f"sqlite:///{folder}/wires.db", metadata=Base.metadata)
    await database.create_all()
    async with database.session() as session:
        session.add_all([Author(id=1, name="Ann"), Author(id=2, name="Bob")])
        await session.flush()
        session.add_all(Post(id=number, **row) for number, row in enumerate(ROWS, 1))
    yield database
    await database.engine.dispose()


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Database]:
    """A database without rows."""
    database = Database(f"sqlite:///{tmp_path}/wires.db", metadata=Base.metadata)
    await database.create_all()
    yield database
    await database.engine.dispose()


def served(database: Database, wire: Any, model: type[Any] = Post, **options: Any) -> Client:
    """A client of a router on a wire."""
    app = FastAPI()
    router = make_crud_router(model, wire=wire, database=database, **options)
    app.include_router(router)
    return client_of(app)


def simple(**said: Any) -> str:
    """A query string of simple-rest: each value is JSON."""
    return urlencode({name: json.dumps(value) for name, value in said.items()})


# Lists

SIMPLE_REST = [
    ("", "1 2 3", "0-2/3"),
    (simple(filter={}, range=[0, 1], sort=["id", "ASC"]), "1 2", "0-1/3"),
    (simple(filter={}, range=[1, 1], sort=["title", "DESC"]), "3", "1-1/3"),
    (simple(filter={}, range=[0, 999], sort=["sort", "asc"]), "3 2 1", "0-2/3"),
    (simple(filter={}, range=[5, 9]), "", "*/3"),
    (simple(filter={"id": [3, 1]}), "1 3", "0-1/2"),
    (simple(filter={"id": ["3", "9"]}), "3", "0-0/1"),
    (simple(filter={"id": 2}), "2", "0-0/1"),
    (simple(filter={"author_id": 1}, range=[0, 24], sort=["id", "DESC"]), "2 1", "0-1/2"),
    (simple(filter={"q": "one"}), "1 2", "0-1/2"),
    (simple(filter={"title": ["one", "three"]}), "1 3", "0-1/2"),
    (simple(filter={"live": True}), "1", "0-0/1"),
    (simple(filter={"rank": 0.5}), "1", "0-0/1"),
    (simple(filter={"body": None}), "1", "0-0/1"),
    (simple(filter={"body": ""}), "3", "0-0/1"),
    (simple(filter={"size__gte": 2, "title__icontains": "TW"}), "2", "0-0/1"),
    (simple(filter={"size": {"gt": 1, "lt": 3}}), "2", "0-0/1"),
    (simple(filter={"size__not_in": [1, 3]}), "2", "0-0/1"),
    (simple(filter={"id__ne": 2}), "1 3", "0-1/2"),
    (simple(filter={"author": {"name": "Bob"}}), "3", "0-0/1"),
    (simple(filter={"author.name": "Bob"}), "3", "0-0/1"),
    (simple(filter={"author.name__icontains": "AN"}), "1 2", "0-1/2"),
    (simple(filter={"sort": 2}), "2", "0-0/1"),
    (simple(filter={"sort": [1, 2]}), "2 3", "0-1/2"),
    (simple(filter={"q__eq": "y"}), "3", "0-0/1"),
    (simple(filter={"size_gte": 7}), "2", "0-0/1"),
]

JSON_SERVER = [
    ("", "1 2 3", "0-2/3"),
    ("_start=0&_end=2&_sort=id&_order=ASC", "1 2", "0-1/3"),
    ("_start=1&_end=2&_sort=title&_order=desc", "3", "1-1/3"),
    ("_start=1", "2 3", "1-2/3"),
    ("_end=1", "1", "0-0/3"),
    ("_sort=live,sort&_order=desc,asc", "1 3 2", "0-2/3"),
    ("_sort=live,sort&_order=desc", "1 3 2", "0-2/3"),
    ("_sort=sort", "3 2 1", "0-2/3"),
    ("_order=ASC&_start=5&_end=9", "", "*/3"),
    ("id=3&id=1", "1 3", "0-1/2"),
    ("id=2", "2", "0-0/1"),
    ("author_id=1&_start=0&_end=25&_sort=id&_order=DESC", "2 1", "0-1/2"),
    ("q=one", "1 2", "0-1/2"),
    ("title=one&title=three", "1 3", "0-1/2"),
    ("live=true", "1", "0-0/1"),
    ("body", "1", "0-0/1"),
    ("body=", "3", "0-0/1"),
    ("title_like=TH", "3", "0-0/1"),
    ("size_lte=2", "1 2", "0-1/2"),
    ("size_gte=7", "2", "0-0/1"),
    ("size_gte_gte=7", "2", "0-0/1"),
    ("size_ne=2", "1 3", "0-1/2"),
    ("id_ne=2", "1 3", "0-1/2"),
    ("size__gt=1&size__lt=3", "2", "0-0/1"),
    ("author.name=Bob", "3", "0-0/1"),
    ("author__name_like=ann", "", "*/0"),
    ("sort=2", "2", "0-0/1"),
    ("q__eq=y", "3", "0-0/1"),
    ("q__eq=y&q__eq=x", "1 3", "0-1/2"),
    ("title=a%26b+c", "", "*/0"),
]


@pytest.mark.parametrize(
    ("wire", "query", "ids", "place"),
    [(wire, *case) for wire, cases in zip(WIRES, (SIMPLE_REST, JSON_SERVER), strict=True) for case in cases],
)  # fmt: skip
async def test_lists(stored: Database, wire: str, query: str, ids: str, place: str) -> None:
    """Is each question answered by a bare array, with where it stands and the total?"""
    options: Any = OPTIONS
    if "author__name_like" in query:
        options = {**OPTIONS, "filters": {"author.name": ["icontains"]}}
        ids, place = "1 2", "0-1/2"
    answer = await served(stored, wire, **options).get(f"/posts?{query}")
    assert answer.status_code == 200, answer.text
    assert " ".join(str(row["id"]) for row in answer.json()) == ids
    assert answer.headers["content-range"] == f"posts {place}"
    assert answer.headers["x-total-count"] == place.partition("/")[2]
    assert "link" not in answer.headers


FILTER, RANGE, SORT = ("filter",), ("range",), ("sort",)
MISTAKES = [
    ("simple-rest", "filter={", [FILTER]),
    ("simple-rest", "filter=[1]", [FILTER]),
    ("simple-rest", 'filter={"titel":1}', [("filter", "titel")]),
    ("simple-rest", 'filter={"token":1}', [("filter", "token")]),
    ("simple-rest", 'filter={"skip":1}', [("filter", "skip")]),
    ("simple-rest", 'filter={"title":null}', [("filter", "title")]),
    ("simple-rest", 'filter={"title":[]}', [("filter", "title")]),
    ("simple-rest", 'filter={"title":[null]}', [("filter", "title")]),
    ("simple-rest", 'filter={"title":{}}', [("filter", "title")]),
    ("simple-rest", 'filter={"size":"x","live":3}', [("filter", "size"), ("filter", "live")]),
    ("simple-rest", 'filter={"size":1e999}', [("filter", "size")]),
    ("simple-rest", 'filter={"size__gte":[1,2]}', [("filter", "size__gte")]),
    ("simple-rest", 'filter={"title":"%00"}', [FILTER]),
    ("simple-rest", f'filter={{"size":{"1" * 4000}}}', [("filter", "size")]),
    ("simple-rest", "filter={}&filter={}", [FILTER]),
    ("simple-rest", f"filter={'[' * 300}", [FILTER]),
    ("simple-rest", "range=[0,1000]", [RANGE]),
    ("simple-rest", "range=[5,3]", [RANGE]),
    ("simple-rest", "range=[-1,3]", [RANGE]),
    ("simple-rest", "range=[0]", [RANGE]),
    ("simple-rest", "range=[false,true]", [RANGE]),
    ("simple-rest", f"range=[0,{'9' * 4300}]", [RANGE]),
    ("simple-rest", 'sort=["titel","ASC"]', [SORT]),
    ("simple-rest", 'sort=["title","UP"]', [SORT]),
    ("simple-rest", 'sort=["title"]', [SORT]),
    ("simple-rest", 'embed=["books"]', [("embed",)]),
    ("simple-rest", "embed=[1]", [("embed",)]),
    ("simple-rest", "title=one", [("title",)]),
    ("simple-rest", "limit=5", [("limit",)]),
    ("simple-rest", 'range=[0]&sort=7&filter={"x":1}', [SORT, RANGE, ("filter", "x")]),
    ("json-server", "_start=x&_end=5", [("_start",)]),
    ("json-server", "_start=0&_end=x", [("_end",)]),
    ("json-server", "_start=-1&_end=5", [("_start",)]),
    ("json-server", "_start=5&_end=3", [("_end",)]),
    ("json-server", "_start=0&_end=1001", [("_end",)]),
    ("json-server", "_start=0&_start=1", [("_start",)]),
    ("json-server", f"_start=0&_end={'9' * 30}", [("_start",)]),
    ("json-server", "_sort=titel", [("_sort",)]),
    ("json-server", "_sort=title&_order=up", [("_order",)]),
    ("json-server", "_sort=title&_order=asc,asc", [("_order",)]),
    ("json-server", "titel=one", [("titel",)]),
    ("json-server", "title", [("title",)]),
    ("json-server", "body&body=x", [("body",)]),
    ("json-server", "size=x", [("size",)]),
    ("json-server", "size_gt=1", [("size_gt",)]),
    ("json-server", "size_lte=1&size_lte=2", [("size_lte",)]),
    ("json-server", "limit=5", [("limit",)]),
    ("json-server", "_embed=books", [("_embed",)]),
]  # fmt: skip


async def token(token: Annotated[str | None, FromQuery()] = None) -> None:
    """A dependency that has a parameter of its own."""


@pytest.mark.parametrize(("wire", "query", "places"), MISTAKES)
async def test_mistakes_are_told_where_the_client_made_them(
    stored: Database, wire: str, query: str, places: list[tuple[str, ...]]
) -> None:
    """Is each mistake a 422 that names the client's own parameter?"""
    client = served(stored, wire, dependencies=[Depends(token)], **OPTIONS)
    answer = await client.get(f"/posts?{query}")
    assert answer.status_code == 422, answer.text
    told = [(*issue["loc"][1:],) for issue in answer.json()["detail"]]
    assert sorted(told) == sorted(places)
    assert answer.json()["message"]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        ("token=x", {}, 200),
        ("utm_source=x", {}, 200),
        ("other=x", {}, 422),
        ("other=x", {"Prefer": "handling=lenient"}, 200),
        ("limit=x", {"Prefer": "handling=lenient"}, 200),
    ],
)
async def test_parameters_of_others_pass(
    stored: Database, wire: str, query: str, header: dict[str, str], status: int
) -> None:
    """Do names of dependencies, and those to pass over, pass as on any router?"""
    options: Any = {"dependencies": [Depends(token)], "allow_params": ["utm_*"]}
    answer = await served(stored, wire, **options).get(f"/posts?{query}", headers=header)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("wire", "one", "several"),
    [
        ("simple-rest", simple(embed="author"), simple(embed=["author"], filter={"id": [1]})),
        ("simple-rest", "include=author", "include=author"),
        ("json-server", "_embed=author", "_embed=author&id=1"),
    ],
)
async def test_related_rows_are_embedded(
    stored: Database, wire: str, one: str, several: str
) -> None:
    """Does `meta: {embed}` of React-admin show related rows?"""
    client = served(stored, wire, **OPTIONS)
    row = (await client.get(f"/posts/1?{one}")).json()
    assert row["author"] == {"id": 1, "name": "Ann"}
    assert (await client.get(f"/posts?{several}")).json()[0] == row


@pytest.mark.parametrize(
    ("wire", "query"), [("simple-rest", 'embed=["x"]'), ("json-server", "_embed=x")]
)
async def test_nothing_is_embedded_unasked(stored: Database, wire: str, query: str) -> None:
    """Is the parameter unknown where the router has no `include`?"""
    answer = await served(stored, wire).get(f"/posts?{query}")
    assert answer.json()["detail"][0]["type"] == "unknown_parameter"


@pytest.mark.parametrize("wire", WIRES)
async def test_one_row_knows_no_parameters_of_lists(stored: Database, wire: str) -> None:
    """Is a parameter of the list an error on one row?"""
    client = served(stored, wire, **OPTIONS)
    for query in ("range=[0,1]", "_start=0", "title=one"):
        assert (await client.get(f"/posts/1?{query}")).status_code == 422
    assert (await served(stored, wire).get("/posts/1?title=one")).status_code == 200


@pytest.mark.parametrize("wire", WIRES)
async def test_rows_by_their_keys_are_all_there(empty: Database, wire: str) -> None:
    """Does a lookup by keys bring more rows than a page and a filter have, up to `max_limit`?"""
    async with empty.session() as session:
        session.add_all(Author(id=n, name=str(n)) for n in range(1, 251))
    client = served(empty, wire, Author, filters=["name"], sort=["name"])

    def by_keys(keys: list[int]) -> str:
        if wire == "simple-rest":
            return simple(filter={"id": keys})
        return urlencode({"id": keys}, doseq=True)

    answer = await client.get(f"/authors?{by_keys([*range(1, 1001)])}")
    assert [row["id"] for row in answer.json()] == [*range(1, 251)]
    answer = await client.get(f"/authors?{by_keys([*range(1, 1002)])}")
    assert answer.status_code == 422
    assert len((await client.get("/authors")).json()) == 100


async def test_questions_are_remembered(stored: Database) -> None:
    """Is the same query string answered again, and by one statement for rows and total each?"""
    client = served(stored, "json-server")
    for _ in range(2):
        with counted(stored.engine) as statements:
            assert len((await client.get("/posts?_start=0&_end=2")).json()) == 2
        assert len(statements) <= 2


# Rows


@pytest.mark.parametrize("wire", WIRES)
async def test_put_merges_what_was_read(empty: Database, wire: str) -> None:
    """May a client send back a whole row with what it does not know, or a part of it?"""
    client = served(empty, wire, **OPTIONS)
    created = await client.post("/posts", json={"title": "a", "body": "b", "extra": {"x": 1}})
    assert created.status_code == 201
    row = created.json()
    assert created.headers["location"] == f"/posts/{row['id']}"
    whole = {**row, "title": "c", "created_at": "nonsense", "author": {"id": 1}, "unknown": 1}
    changed = await client.put("/posts/1", json=whole)
    assert changed.status_code == 200, changed.text
    assert changed.json() == {**row, "title": "c", "updated_at": changed.json()["updated_at"]}
    part = await client.put("/posts/1", json={"live": True})
    assert part.json() == {**changed.json(), "live": True, "updated_at": part.json()["updated_at"]}
    patched = await client.patch("/posts/1", json={"size": 5, "unknown": 1})
    assert (patched.json()["size"], patched.json()["body"]) == (5, "b")
    assert (await client.put("/posts/1", json={"id": 2})).json()["code"] == "pk_mismatch"
    assert (await client.put("/posts/9", json={"title": "z"})).status_code == 404


@pytest.mark.parametrize("wire", WIRES)
async def test_delete_tells_the_id(empty: Database, wire: str) -> None:
    """Is DELETE answered with the id, although its request has a type and no body?"""
    client = served(empty, wire, Author)
    await client.post("/authors", json={"name": "a"})
    headers = {"Content-Type": "text/plain"}
    gone = await client.delete("/authors/1", headers=headers)
    assert (gone.status_code, gone.json()) == (200, {"id": 1})
    assert (await client.delete("/authors/1", headers=headers)).status_code == 404
    assert (await client.get("/authors/1")).status_code == 404


@pytest.mark.parametrize("wire", WIRES)
async def test_the_key_is_also_the_id(empty: Database, wire: str) -> None:
    """Have rows an `id` everywhere, can be asked by it and sorted by it, whatever the key's name?"""
    client = served(empty, wire, Label)
    for slug in ("a", "b"):
        answer = await client.post("/labels", json={"slug": slug})
        assert answer.json() == {"id": slug, "slug": slug, "text": "new"}
    a, b = {"id": "a", "slug": "a", "text": "new"}, {"id": "b", "slug": "b", "text": "new"}
    assert (await client.get("/labels/a")).json() == a
    assert (await client.put("/labels/a", json={**a, "text": "old"})).json() == {**a, "text": "old"}
    assert (await client.put("/labels/a", json=a)).json() == a
    by_id = {"simple-rest": simple(filter={"id": ["a", "b"]}, sort=["id", "DESC"])}
    query = by_id.get(wire, "id=a&id=b&_sort=id&_order=DESC")
    assert (await client.get(f"/labels?{query}")).json() == [b, a]
    other = {"simple-rest": simple(filter={"id__ne": "a"})}.get(wire, "slug_ne=a")
    assert (await client.get(f"/labels?{other}")).json() == [b]
    assert (await client.delete("/labels/a")).json() == {"id": "a"}


class Bare(OutputSchema):
    """A read schema that shows nothing of the key."""

    text: str | None = None


class Nothing(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Renamed(BaseModel):
    """A read schema that calls the key `id` itself."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(validation_alias="slug")
    text: str


@pytest.mark.parametrize(
    ("schema", "row"),
    [
        (Bare, {"id": "a", "text": "new"}),
        (Nothing, {"id": "a"}),
        (Renamed, {"id": "a", "text": "new"}),
    ],
)
async def test_read_schemas_of_ones_own(empty: Database, schema: Any, row: Any) -> None:
    """Is the `id` there once, whatever the developer's schema shows?"""
    client = served(empty, "simple-rest", Label, read_schema=schema)
    assert (await client.post("/labels", json={"slug": "a"})).json() == row
    assert (await client.get("/labels/a")).json() == row
    answer = await client.get(f"/labels?{simple(filter={'id': ['a']}, sort=['id', 'ASC'])}")
    assert answer.json() == [row]


class Strict(BaseModel):
    """An update schema of the developer's own."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=5)


async def test_update_schemas_of_ones_own(empty: Database) -> None:
    """Do the developer's bounds hold, while unknown keys are ignored?"""
    client = served(empty, "json-server", Author, update_schema=Strict)
    await client.post("/authors", json={"name": "a"})
    assert (await client.put("/authors/1", json={"id": 1, "name": "b"})).json()["name"] == "b"
    assert (await client.put("/authors/1", json={"name": "long-name"})).status_code == 422


async def test_deleted_rows_may_be_asked_for(empty: Database) -> None:
    """Do parameters that the wire has no word for keep ours?"""
    client = served(empty, "simple-rest", Draft, show_deleted=True)
    for _ in range(2):
        assert (await client.post("/drafts", json={})).status_code == 201
    assert (await client.delete("/drafts/1")).json() == {"id": 1}
    assert [row["id"] for row in (await client.get("/drafts")).json()] == [2]
    assert [row["id"] for row in (await client.get("/drafts?deleted=only")).json()] == [1]


# Errors


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "errors"),
    [
        ("POST", "", {"title": "x" * 11, "size": "a"}, 422, {"title", "size"}),
        ("POST", "", {}, 422, {"title"}),
        ("POST", "", {"title": "a", "unknown": 1}, 422, {"unknown"}),
        ("POST", "", {"title": "one"}, 409, {"title"}),
        ("PUT", "/2", {"title": "one"}, 409, {"title"}),
        ("PUT", "/2", {"title": None, "live": "x"}, 422, {"title", "live"}),
        ("PATCH", "/2", {"author_id": 99}, 409, {"author_id"}),
        ("POST", "", [1], 422, None),
        ("GET", "/9", None, 404, None),
        ("DELETE", "/9", None, 404, None),
        ("POST", "/2", {}, 405, None),
    ],
)
async def test_errors_are_what_forms_show(
    stored: Database, wire: str, method: str, path: str, body: Any, status: int, errors: Any
) -> None:
    """Has every error a message, and one text for each field, beside what problems have?"""
    client = served(stored, wire)
    answer = await client.request(method, f"/posts{path}", json=body)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert problem.keys() >= {"type", "title", "detail", "code", "instance"}
    assert problem["message"]
    assert problem.get("errors", {}).keys() == (errors or set())
    assert all(isinstance(text, str) for text in problem.get("errors", {}).values())


async def test_malformed_bodies_have_a_message_only(stored: Database) -> None:
    """Is no position in a text taken for a field?"""
    headers = {"Content-Type": "application/json"}
    answer = await served(stored, "simple-rest").post("/posts", content="{", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["message"] == "Invalid request"
    assert "errors" not in answer.json()


# Rights


async def signed_in(role: Annotated[str | None, Header()] = None) -> None:
    """Whoever changes rows must be an editor."""
    if role != "editor":
        raise HTTPException(401, "Who are you?")


async def own(author: Annotated[int | None, Header()] = None) -> Any:
    """The rows of one author."""
    return True if author is None else Post.author_id == author


async def is_editor(role: Annotated[str | None, Header()] = None) -> bool:
    """Whether the caller is an editor."""
    return role == "editor"


@pytest.mark.parametrize("wire", WIRES)
async def test_put_is_guarded_as_an_update(empty: Database, wire: str) -> None:
    """Is PUT, which merges, no way around what guards PATCH?"""
    client = served(empty, wire, dependencies={"update": [Depends(signed_in)]})
    await client.post("/posts", json={"title": "a"})
    for method in ("PUT", "PATCH"):
        refused = await client.request(method, "/posts/1", json={"title": "b"})
        assert (refused.status_code, refused.json()["message"]) == (401, "Who are you?")
        headers = {"role": "editor"}
        allowed = await client.request(method, "/posts/1", json={"title": "b"}, headers=headers)
        assert allowed.status_code == 200


@pytest.mark.parametrize("wire", WIRES)
async def test_scopes_and_column_rights_hold(stored: Database, wire: str) -> None:
    """Are rows and columns that a caller may not see unknown on a wire, too?"""
    client = served(stored, wire, scope=own, readable_by={"size": is_editor})
    query = {"simple-rest": simple(filter={"id": [1, 3]})}.get(wire, "id=1&id=3")
    rows = (await client.get(f"/posts?{query}", headers={"author": "2"})).json()
    assert [row["id"] for row in rows] == [3]
    assert "size" not in rows[0]
    query = {"simple-rest": simple(filter={"size": 1})}.get(wire, "size=1")
    assert (await client.get(f"/posts?{query}")).status_code == 422
    assert (await client.get(f"/posts?{query}", headers={"role": "editor"})).status_code == 200
    assert (await client.put("/posts/1", json={"size": 1})).status_code == 422


# Building


class Odd(BaseModel):
    """What it calls `id` is not the key."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(validation_alias="text")


@pytest.mark.parametrize(
    ("model", "options", "fix"),
    [
        (models.Note, {"wire": "odata"}, "one of native, simple-rest, json-server"),
        (models.Line, {}, "key of one column"),
        (models.Note, {"operations": ["list", "search"]}, "leave it out of operations="),
        (models.Note, {"operations": ["list", "replace"]}, "name update in operations="),
        (models.Note, {"pagination": "cursor"}, 'pagination="offset"'),
        (models.Note, {"count": ["none"]}, 'count=\\["exact"\\]'),
        (models.Note, {"limits": Limits(max_limit=200)}, "max_limit"),
        (models.Note, {"require_if_match": True}, "require_if_match=False"),
        (models.Note, {"idempotency": "required"}, "idempotency=True"),
        (models.Note, {"upsert": True}, "upsert=False"),
        (models.Note, {"export": True}, "export=False"),
        (Label, {"read_schema": Odd}, "alias"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)  # fmt: skip
def test_misuse_is_told_when_the_router_is_built(model: Any, options: Any, fix: str) -> None:
    """Does what a wire cannot carry raise, naming the fix?"""
    with pytest.raises(ConfigurationError, match=fix):
        served(Database("sqlite://"), model=model, **{"wire": "simple-rest", **options})


def test_only_what_is_asked_for_is_there() -> None:
    """Does PUT come with `update`, and nothing with what is left out?"""
    app = FastAPI()
    app.include_router(make_crud_router(Post, wire="simple-rest", operations=["list", "update"]))
    paths = app.openapi()["paths"]
    assert {path: [*methods] for path, methods in paths.items()} == {
        "/posts": ["get"],
        "/posts/{id}": ["patch", "put"],
    }


async def test_a_native_router_stands_beside_it(stored: Database) -> None:
    """Are two routers of one model independent, each in its own words?"""
    app = FastAPI()
    app.include_router(make_crud_router(Post, database=stored))
    app.include_router(
        make_crud_router(Post, database=stored, name="admin_posts", wire="simple-rest")
    )
    client = client_of(app)
    assert (await client.get("/posts?limit=1")).json()["total"] == 3
    assert len((await client.get(f"/admin_posts?{simple(range=[0, 1])}")).json()) == 2
    assert (await client.delete("/posts/9")).json().keys().isdisjoint({"message", "errors"})
    schemas = app.openapi()["components"]["schemas"]
    assert {"PostRead", "AdminPostRead", "AdminPostDeleted", "FormProblem", "Problem"} <= {*schemas}
    validate(app.openapi())


def test_the_model_may_ask_for_it() -> None:
    """Does `__crud__` choose a wire as well as a router?"""
    assert CrudOptions(wire="json-server").wire == "json-server"


# OpenAPI


@pytest.mark.parametrize("wire", WIRES)
def test_the_document_is_true(wire: Any) -> None:
    """Does OpenAPI tell the parameters, bodies and answers of the wire, and no others?"""
    app = FastAPI()
    app.include_router(make_crud_router(Label, wire=wire))
    app.include_router(make_crud_router(Post, wire=wire, **OPTIONS))
    document = app.openapi()
    validate(document)
    paths = document["paths"]
    listed = paths["/labels"]["get"]
    names = {parameter["name"] for parameter in listed["parameters"]}
    assert names == NAMES[wire]
    answer = listed["responses"]["200"]
    items = answer["content"]["application/json"]["schema"]
    assert (items["type"], items["items"]) == ("array", {"$ref": "#/components/schemas/LabelRead"})
    assert {"Content-Range", "X-Total-Count"} <= answer["headers"].keys()
    assert "Link" not in answer["headers"]
    schemas = document["components"]["schemas"]
    assert schemas["LabelRead"]["properties"].keys() == {"id", "slug", "text"}
    assert "additionalProperties" not in schemas["LabelUpdate"]
    assert schemas["LabelCreate"]["additionalProperties"] is False
    changed = paths["/labels/{slug}"]
    body = {"$ref": "#/components/schemas/LabelUpdate"}
    assert changed["put"]["requestBody"]["content"]["application/json"]["schema"] == body
    assert changed["put"]["operationId"] == "replace_label"
    gone = changed["delete"]["responses"]
    assert "204" not in gone
    assert schemas["LabelDeleted"]["properties"].keys() == {"id"}
    assert {it["name"] for it in changed["delete"]["parameters"]} == {"slug", "If-Match"}
    embed = {"simple-rest": "embed", "json-server": "_embed"}[wire]
    assert embed in {it["name"] for it in paths["/posts"]["get"]["parameters"]}
    assert embed in {it["name"] for it in paths["/posts/{id}"]["get"]["parameters"]}


NAMES = {
    "simple-rest": {"filter", "range", "sort"},
    "json-server": {
        "_start", "_end", "_sort", "_order", "id", "slug_ne", "slug_like", "slug__not_in",
        "slug__contains", "slug__startswith", "text", "text_ne", "text_like", "text__not_in",
        "text__contains", "text__startswith",
    },
}  # fmt: skip


def test_the_filter_of_simple_rest_is_described() -> None:
    """Does the schema of `filter` tell each filter once: one value, several, or null?"""
    app = FastAPI()
    app.include_router(make_crud_router(Post, wire="simple-rest", **OPTIONS))
    (said, *_) = app.openapi()["paths"]["/posts"]["get"]["parameters"]
    properties = said["content"]["application/json"]["schema"]["properties"]
    kinds = {name: [it["type"] for it in spec.get("anyOf", [spec])] for name, spec in properties.items()}  # fmt: skip
    assert kinds["id"] == ["integer", "array"]
    assert kinds["body"] == ["string", "array", "null"]
    assert kinds["size__gte"] == ["integer"]
    assert kinds["q"] == ["string"]
    assert kinds["author__name"] == ["string"]
    assert not [name for name in kinds if name.endswith(("__eq", "__in")) and name != "q__eq"]

"""Pages of rows over HTTP: what they hold, what leads on from them, and whose rules they follow."""

from typing import Any

import pytest
import sqlalchemy as sa

from fastapi_crud import (
    CursorPage,
    Database,
    FullText,
    Limits,
    Page,
    PostgreSQLFullText,
    Query,
    Service,
    SQLiteFullText,
    make_crud_router,
)
from fastapi_crud.operations import DEFAULT_OPERATIONS
from tests.conftest import Client, Serve, counted
from tests.models import Author, Book, Note

ALL = (*DEFAULT_OPERATIONS, "search")


async def with_notes(db: Database, count: int) -> None:
    """Notes 0, 1, 2 …, every other one done."""
    async with db.session() as session:
        session.add_all(Note(title=f"{n:02}", done=n % 2 == 0) for n in range(count))


async def titles(client: Client, query: str) -> list[str]:
    answer = await client.get(f"/notes?{query}")
    assert answer.status_code == 200, answer.text
    return [row["title"] for row in answer.json()["items"]]


def links(answer: Any) -> dict[str, str]:
    """The targets of a `Link` header by relation."""
    return {
        relation: link["url"].removeprefix("http://test") for relation, link in answer.links.items()
    }


# Pages


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "limit=2",
            {"first": "limit=2&skip=0", "next": "limit=2&skip=2", "last": "limit=2&skip=4"},
        ),
        (
            "limit=2&skip=2",
            {
                "first": "limit=2&skip=0",
                "prev": "limit=2&skip=0",
                "next": "limit=2&skip=4",
                "last": "limit=2&skip=4",
            },
        ),
        ("limit=2&skip=1", {"prev": "limit=2&skip=0", "next": "limit=2&skip=3"}),
        (
            "limit=2&skip=4",
            {"first": "limit=2&skip=0", "prev": "limit=2&skip=2", "last": "limit=2&skip=4"},
        ),
        ("skip=9", {"first": "skip=0", "prev": "skip=0", "last": "skip=0"}),
        ("done=true&sort=-title&limit=2", {"next": "done=true&sort=-title&limit=2&skip=2"}),
        ("title__in=00&title__in=01", {"first": "title__in=00&title__in=01&skip=0"}),
        (
            "title=%C3%A9%26+x",
            {"first": "title=%C3%A9%26+x&skip=0", "last": "title=%C3%A9%26+x&skip=0"},
        ),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
async def test_links_lead_to_the_neighbours(
    sqlite: Database, serve: Serve, query: str, expected: dict[str, str]
) -> None:
    """Does `Link` lead to the pages there are, with all other parameters kept?"""
    await with_notes(sqlite, 5)
    client = serve(sqlite, make_crud_router(Note))
    found = links(await client.get(f"/notes?{query}"))
    assert {key: found[key] for key in expected} == {
        key: f"/notes?{rest}" for key, rest in expected.items()
    }
    if {"first", "last"} <= expected.keys():
        assert found.keys() == expected.keys()


async def test_pages_link_up(sqlite: Database, serve: Serve) -> None:
    """Does following `next` lead through all rows, and `prev` back, by offset and by cursor?"""
    await with_notes(sqlite, 7)
    client = serve(sqlite, make_crud_router(Note, pagination="both"))
    for start in ("/notes?limit=3", "/notes?limit=3&cursor=&sort=-done"):
        pages: list[list[str]] = []
        url: str | None = start
        answer: Any = None
        while url is not None:
            answer = await client.get(url)
            pages.append([row["title"] for row in answer.json()["items"]])
            url = links(answer).get("next")
        assert sorted(title for page in pages for title in page) == [f"{n:02}" for n in range(7)]
        back = await client.get(links(answer)["prev"])
        assert [row["title"] for row in back.json()["items"]] == pages[-2]


PAGES: list[tuple[Any, Any, str, set[str], int | None]] = [
    ("offset", ["exact"], "", {"items", "total"}, 5),
    ("offset", ["exact"], "skip=9", {"items", "total"}, 5),
    ("offset", ["exact"], "limit=2&done=true", {"items", "total"}, 3),
    ("offset", ["none"], "limit=2", {"items", "total"}, None),
    ("offset", ["exact", "none"], "limit=2&count=none", {"items", "total"}, None),
    ("offset", ["none", "exact"], "limit=2&count=exact", {"items", "total"}, 5),
    ("offset", ["estimated"], "limit=2", {"items", "total"}, 5),
    ("offset", ["estimated"], "limit=9", {"items", "total"}, 5),
    ("offset", ["estimated"], "skip=9", {"items", "total"}, 5),
    ("cursor", ["exact"], "limit=2", {"items", "next_cursor", "prev_cursor"}, None),
    ("cursor", ["exact"], "cursor=", {"items", "next_cursor", "prev_cursor"}, None),
    ("both", ["exact"], "", {"items", "total", "next_cursor", "prev_cursor"}, 5),
    ("both", ["exact"], "cursor=", {"items", "total", "next_cursor", "prev_cursor"}, None),
    ("both", ["exact", "none"], "cursor=&limit=1&count=exact", {"items", "total", "next_cursor", "prev_cursor"}, 5),
]  # fmt: skip
"""How a router pages and counts, a query, the keys of the answer, and its total."""


async def test_what_a_page_has(db: Database, serve: Serve) -> None:
    """Are totals right and cursors there, as the router and the client say?"""
    await with_notes(db, 5)
    clients: dict[str, Client] = {}
    for pagination, count, query, keys, total in PAGES:
        key = f"{pagination} {count}"
        if key not in clients:
            router = make_crud_router(Note, pagination=pagination, count=count)
            clients[key] = serve(db, router)
        client = clients[key]
        answer = await client.get(f"/notes?{query}")
        assert answer.json().keys() == keys, (pagination, count, query)
        assert answer.json().get("total") == total, (pagination, count, query)
        known = None if total is None else str(total)
        assert answer.headers.get("X-Total-Count") == known, (pagination, count, query)
        assert "X-Total-Count-Kind" not in answer.headers


async def test_estimates_say_so(db: Database, serve: Serve) -> None:
    """Is a total beyond the bound marked, and at least the bound?"""
    await with_notes(db, 9)
    router = make_crud_router(Note, count=["estimated"], limits=Limits(max_exact_count=5))
    client = serve(db, router)
    for query in ("limit=2", "limit=2&done=false&skip=1"):
        answer = await client.get(f"/notes?{query}")
        few = "done" in query
        assert answer.json()["total"] == 4 if few else answer.json()["total"] >= 5
        assert answer.headers.get("X-Total-Count-Kind") == (None if few else "estimated")
        assert ("last" in links(answer)) is few
        assert "next" in links(answer)


async def test_signed_cursors_are_the_servers_own(sqlite: Database, serve: Serve) -> None:
    """Does a router with a secret refuse the cursors of one without, and of another secret?"""
    await with_notes(sqlite, 5)
    routers = [
        make_crud_router(Note, name=f"notes_{secret}", pagination="cursor", cursor_secret=secret)
        for secret in (None, "a", "b")
    ]
    client = serve(sqlite, *routers)
    paths = ["/notes_None", "/notes_a", "/notes_b"]
    cursors = [(await client.get(f"{path}?limit=2")).json()["next_cursor"] for path in paths]
    for path, own in zip(paths, cursors, strict=True):
        for cursor in cursors:
            answer = await client.get(path, params={"limit": 2, "cursor": cursor})
            assert answer.status_code == (200 if cursor == own else 422)
            if cursor != own:
                assert answer.json()["errors"] == [
                    {
                        "type": "invalid_cursor", "loc": ["query", "cursor"], "parameter": "cursor",
                        "msg": "Not a cursor of this list, sort order and filters",
                    }
                ]  # fmt: skip


SEARCHES: list[tuple[str, list[str]]] = [
    ("milk", ["Buy milk", "MILK shake", "oat milk 100%"]),
    ("MILK buy", ["Buy milk"]),
    ('"oat milk"', ["oat milk 100%"]),
    ('"milk oat"', []),
    ("100%", ["oat milk 100%"]),
    ("_", []),
    ("crème", ["Crème brûlée"]),
    ("CRÈME", ["Crème brûlée"]),
    ("creme", []),
    ('"', ["Buy milk", "Crème brûlée", "MILK shake", "oat milk 100%"]),
    ("  ", ["Buy milk", "Crème brûlée", "MILK shake", "oat milk 100%"]),
    ("shake cold", ["MILK shake"]),
]


async def test_words_and_phrases(db: Database, serve: Serve) -> None:
    """Must every word occur in some field, in any case, with nothing special about any letter?"""
    async with db.session() as session:
        rows = {"Buy milk": None, "oat milk 100%": "", "MILK shake": "Cold!", "Crème brûlée": "x"}
        session.add_all(Note(title=title, body=body) for title, body in rows.items())
    client = serve(db, make_crud_router(Note, search=["title", "body"]))
    for text, expected in SEARCHES:
        answer = await client.get("/notes", params={"search": text})
        assert sorted(row["title"] for row in answer.json()["items"]) == expected, text


async def test_full_text_by_an_index(db: Database, serve: Serve) -> None:
    """Does a search go through the index that the developer has, on SQLite and PostgreSQL?"""
    dialect = db.engine.dialect.name
    if dialect == "mysql":
        pytest.skip("there is no class for MariaDB's indexes: any FullText will do")
    index: FullText
    if dialect == "sqlite":
        index = SQLiteFullText("notes_fts")
        made = [
            "CREATE VIRTUAL TABLE notes_fts USING fts5(title, content='notes', content_rowid='id')"
        ]
        filled = ["INSERT INTO notes_fts(rowid, title) SELECT id, title FROM notes"]
        gone = ["DROP TABLE notes_fts"]
    else:
        index = PostgreSQLFullText("body_vector", "english")
        made = [
            "ALTER TABLE notes ADD body_vector tsvector GENERATED ALWAYS AS (to_tsvector('english', title)) STORED"
        ]
        filled = []
        gone = ["ALTER TABLE notes DROP body_vector"]
    await execute(db, made)
    try:
        async with db.session() as session:
            session.add_all(Note(title=title) for title in ("running shoes", "a runner", "shoes"))
        await execute(db, filled)
        client = serve(db, make_crud_router(Note, search=index))
        assert await titles(client, "search=shoes&sort=title") == ["running shoes", "shoes"]
        assert await titles(client, "search=shoes+running") == ["running shoes"]
        for odd in ("%22", "*", "AND", "a OR", "-", "'", "%28", "title:x", "NEAR(", "\\", "^a", ""):
            assert (await client.get(f"/notes?search={odd}")).status_code == 200, odd
    finally:
        await execute(db, gone)


async def execute(db: Database, statements: list[str]) -> None:
    async with db.engine.begin() as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))


# Services


class Counted(Service[Note]):
    """With a list of its own, from before there were queries."""

    async def get_multi(
        self, *, skip: int = 0, limit: int = 100, **more: Any
    ) -> tuple[list[Note], int]:
        rows, total = await super().get_multi(skip=skip, limit=limit, **more)
        return rows[:1], total + 100


class Paged(Service[Note]):
    """With pages of its own."""

    async def get_page(self, query: Query) -> Page[Note]:
        return Page((await super().get_page(query)).items, 7)

    async def get_cursor_page(self, query: Query) -> CursorPage[Note]:
        page = await super().get_cursor_page(query)
        return CursorPage(page.items[:1], page.next_cursor)


async def test_lists_of_a_service_are_used(sqlite: Database, serve: Serve) -> None:
    """Do rules of a service hold for lists and searches, with filters and sort orders?"""
    await with_notes(sqlite, 4)
    client = serve(sqlite, make_crud_router(Note, service=Counted, operations=ALL))
    page = (await client.get("/notes?done=true&sort=-title&limit=3")).json()
    assert ([row["title"] for row in page["items"]], page["total"]) == (["02"], 102)
    assert (await client.post("/notes:search", json={})).json()["total"] == 104
    client = serve(sqlite, make_crud_router(Note, service=Paged, pagination="both"))
    assert (await client.get("/notes")).json()["total"] == 7
    assert len((await client.get("/notes?cursor=")).json()["items"]) == 1


async def test_a_list_may_have_but_one_order(db: Database, serve: Serve) -> None:
    """Can sorting be left to the developer, by cursor as well?"""
    async with db.session() as session:
        session.add_all(Note(title=title) for title in "bac")
    client = serve(db, make_crud_router(Note, sort=[], default_sort="title", pagination="cursor"))
    assert [row["title"] for row in (await client.get("/notes")).json()["items"]] == ["a", "b", "c"]
    assert (await client.get("/notes?sort=id")).status_code == 422


class OwnPage(Service[Author]):
    """With pages of its own making, which load no relationship."""

    async def get_page(self, query: Query) -> Page[Author]:
        rows = await self.repository.get_multi(where=query.where)
        return Page(rows, len(rows))


async def test_pages_of_a_service_need_not_load_what_is_included(
    db: Database, serve: Serve
) -> None:
    """Are includes there whatever page a service gives, for one statement each?"""
    async with db.session() as session:
        session.add(Author(name="Ann", books=[Book(title="t")]))
    client = serve(db, make_crud_router(Author, service=OwnPage, include=["books"]))
    with counted(db.engine) as statements:
        rows = (await client.get("/authors?include=books")).json()["items"]
    assert [book["title"] for book in rows[0]["books"]] == ["t"]
    assert len(statements) == 2


async def test_relations_never_multiply_rows(db: Database, serve: Serve) -> None:
    """Does a row with several fitting related rows stand once in the list and in the total?"""
    async with db.session() as session:
        session.add_all(
            Author(name=name, books=[Book(title=f"{name} {n}") for n in range(3)])
            for name in ("Ann", "Bob")
        )
    client = serve(db, make_crud_router(Author, filters={"*": ..., "books.title": ...}))
    answer = (await client.get("/authors?books__title__contains=n&limit=1")).json()
    assert ([row["name"] for row in answer["items"]], answer["total"]) == (["Ann"], 1)
    both = (await client.get("/authors?books__title=Ann 1&books__title__endswith=2")).json()
    assert both["errors"][0]["type"] == "unknown_parameter"
    two = (await client.get("/authors?books__title=Ann 1&books__title__contains=2")).json()
    assert two["total"] == 1

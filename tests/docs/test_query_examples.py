"""The examples about lists and callers do what their pages say."""

import json
import re
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from fastapi_crud import Database, Limits, get_settings
from tests.conftest import Client, Serve, empty_database
from tests.docs.conftest import DOCS, Load, Visit

HOW_TO = DOCS / "how-to"


async def store_books(relations: Any) -> None:
    """Three books: by Ann, by Bob, by nobody; five reviews and one."""
    async with relations.db.session() as session:
        for name in ("Ann", "Bob"):
            session.add(relations.Author(name=name, email=f"{name}@example.com"))
        await session.flush()
        for title, author_id in (("Emma", 1), ("Persuasion", 2), ("Beowulf", None)):
            session.add(relations.Book(title=title, author_id=author_id))
        await session.flush()
        for book_id, stars, approved in (
            *((1, stars, True) for stars in (1, 2, 3, 4)),
            (1, 5, False),
            (2, 5, True),
        ):
            session.add(relations.Review(book_id=book_id, stars=stars, approved=approved))


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("author__name=Ann", ["Emma"]),
        ("author__name__icontains=B", ["Persuasion"]),
        ("author__name__isnull=true", ["Beowulf"]),
        ("reviews__stars__gte=4", ["Emma", "Persuasion"]),
        ("reviews__stars__gte=5", ["Persuasion"]),
        ("title__startswith=E&author__name=Bob", []),
    ],
)
async def test_relations_are_filtered_by(
    visit: Visit, load: Load, query: str, titles: list[str]
) -> None:
    """Is a book given once where a related row fits, and only rows within their scope do?"""
    async with visit("relations") as client:
        await store_books(load("relations"))
        answer = (await client.get(f"/api/v1/books?{query}")).json()
        assert [book["title"] for book in answer["items"]] == titles
        assert answer["total"] == len(titles)


async def test_relations_are_included_as_their_models_say(visit: Visit, load: Load) -> None:
    """Are hidden columns and rows left out, and is the bound kept?"""
    async with visit("relations") as client:
        await store_books(load("relations"))
        first, _, last = await items(client, "/api/v1/books?include=author,reviews")
        assert first["author"] == {"id": 1, "name": "Ann"}
        assert [review["stars"] for review in first["reviews"]] == [4, 3, 2]
        assert (last["author"], last["reviews"]) == (None, [])
        one = await client.get("/api/v1/books/1?include=author")
        assert one.json() == {key: first[key] for key in one.json()}
        assert one.json().keys() == {"id", "title", "author_id", "author"}
        for query in ("author__email=a", "include=author.email", "sort=author.name"):
            assert (await client.get(f"/api/v1/books?{query}")).status_code == 422


NO_CHANGE: dict[str, Any] = {}
ARTICLES: list[dict[str, Any]] = [
    {"title": "Soft cotton shirts", "body": "Blue and soft"},
    {"title": "Cotton, soft", "body": "Green"},
    {"title": "Linen", "body": "Blue trousers"},
]


async def store_articles(client: Client, *changes: dict[str, Any]) -> None:
    """Store all articles, with changes."""
    for article, change in zip_longest(ARTICLES, changes, fillvalue=NO_CHANGE):
        await client.post("/api/v1/articles", json={**article, **change})


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("blue", [1, 3]),
        ("BLUE soft", [1]),
        ('"soft cotton"', [1]),
        ("rous", [3]),
        ("éclair", [2]),
        ("", [1, 2, 3]),
    ],
)
async def test_search_articles_finds_words(visit: Visit, text: str, ids: list[int]) -> None:
    """Must all words occur, each anywhere, in any case?"""
    async with visit("search_articles") as client:
        await client.post("/api/v1/authors", json={"name": "Ann Éclair"})
        await store_articles(client, NO_CHANGE, {"author_id": 1})
        answer = await client.get("/api/v1/articles", params={"search": text})
        assert [article["id"] for article in answer.json()["items"]] == ids


async def test_search_articles_takes_the_body_of_the_page(visit: Visit) -> None:
    """Does it mean what the page says, by POST and by QUERY, and is its depth bounded?"""
    fence = re.search(r"^```json\n(.*?)^```", page("search.md"), re.DOTALL | re.MULTILINE)
    assert fence
    body = json.loads(fence[1])
    async with visit("search_articles") as client:
        for name in ("Ann", "Bob"):
            await client.post("/api/v1/authors", json={"name": name})
        await store_articles(
            client,
            {"views": 10, "author_id": 1},
            {"views": 200, "author_id": 2},
            {"views": 30, "author_id": 2},
        )
        answer = await client.post("/api/v1/articles:search", json=body)
        assert [article["id"] for article in answer.json()["items"]] == [3, 1]
        by_query = await client.request("QUERY", "/api/v1/articles", json=body)
        assert by_query.json() == answer.json()
        deep: dict[str, Any] = {"views": 1}
        for _ in range(Limits().max_depth + 1):
            deep = {"not": deep}
        refused = await client.post("/api/v1/articles:search", json=deep)
        assert refused.json()["errors"][0]["type"] == "too_deep"


FULL_TEXT: list[tuple[str, list[int]]] = [
    ("blue", [1, 3]),
    ("BLUE cotton", [1]),
    ('"soft cotton"', [1]),
    ("cott", []),
    ("NEAR(", []),
    ("wool", []),
]


async def found(client: Client, text: str) -> list[int]:
    """The keys of the articles that a search gives."""
    rows = await items(client, f"/api/v1/articles?search={text}")
    return [row["id"] for row in rows]


async def test_full_text_follows_the_rows(visit: Visit) -> None:
    """Does the index find words, and know of rows that are new, changed and gone?"""
    async with visit("full_text") as client:
        await store_articles(client)
        for text, ids in FULL_TEXT:
            assert await found(client, text) == ids, text
        await client.patch("/api/v1/articles/3", json={"title": "Wool"})
        assert (await found(client, "wool"), await found(client, "linen")) == ([3], [])
        await client.delete("/api/v1/articles/3")
        assert await found(client, "wool") == []


async def test_full_text_postgresql_is_not_shown(visit: Visit, load: Load) -> None:
    """Is the vector kept out of bodies and answers, on a router that can be searched?"""
    schemas = load("full_text_postgresql").app.openapi()
    assert schemas["components"]["schemas"]["ArticleRead"]["properties"].keys() == {
        "id",
        "title",
        "body",
    }
    parameters = schemas["paths"]["/api/v1/articles"]["get"]["parameters"]
    assert "search" in {parameter["name"] for parameter in parameters}


async def test_full_text_postgresql_finds_words(load: Load, serve: Serve, backend: URL) -> None:
    """Does PostgreSQL find words in their forms, and what people write on the web?"""
    if backend.get_backend_name() != "postgresql":
        pytest.skip("it is PostgreSQL's own")
    example = load("full_text_postgresql")
    async with empty_database(backend) as url:
        database = Database(url, metadata=example.Base.metadata)
        await database.create_all()
        client = serve(database, app=example.app)
        await store_articles(client)
        extra = [("shirt", [1]), ("linen or green", [2, 3]), ("blue -trousers", [1])]
        for text, ids in [*FULL_TEXT, *extra]:
            assert await found(client, text) == ids, text
        await client.patch("/api/v1/articles/3", json={"title": "Wool"})
        assert await found(client, "wool") == [3]
        await database.engine.dispose()


async def store_events(client: Client, number: int) -> None:
    """Store events of two kinds, some at the same time."""
    for i in range(number):
        event = {"kind": "ab"[i % 2], "happened_at": f"2030-01-{1 + i // 2:02}T12:00:00Z"}
        await client.post("/api/v1/events", json=event)


async def test_cursor_paging_walks_through_everything(visit: Visit) -> None:
    """Does following `next_cursor` give each row once, the newest first, and then null?"""
    async with visit("cursor_paging") as client:
        await store_events(client, 7)
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "2", "cursor": cursor}
            answer = (await client.get("/api/v1/events", params=query)).json()
            assert answer.keys() == {"items", "next_cursor", "prev_cursor"}
            seen += [event["id"] for event in answer["items"]]
            cursor = answer["next_cursor"]
        assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_cursor_paging_refuses_foreign_cursors(visit: Visit) -> None:
    """Is a cursor bound to its filters, signed, and free in its limit? Is `Link` complete?"""
    async with visit("cursor_paging") as client:
        await store_events(client, 5)
        first = await client.get("/api/v1/events", params={"limit": 2})
        cursor = first.json()["next_cursor"]
        followed = await client.get(first.links["next"]["url"])
        assert [event["id"] for event in followed.json()["items"]] == [3, 2]
        more = await client.get("/api/v1/events", params={"limit": 9, "cursor": cursor})
        assert [event["id"] for event in more.json()["items"]] == [3, 2, 1]
        unsigned = (await client.get("/api/v1/event_table?limit=2&cursor=")).json()["next_cursor"]
        for query in (
            {"cursor": cursor, "kind": "a"},
            {"cursor": cursor, "sort": "happened_at"},
            {"cursor": unsigned},
        ):
            refused = await client.get("/api/v1/events", params=query)
            assert refused.json()["errors"][0]["type"] == "invalid_cursor"


async def test_cursor_paging_counts_as_asked(visit: Visit, load: Load) -> None:
    """Is the total exact, estimated beyond the bound, or not counted at all?"""
    example = load("cursor_paging")
    async with visit("cursor_paging") as client:
        await store_events(client, 3)
        few = await client.get("/api/v1/event_table")
        assert (few.json()["total"], "x-total-count-kind" in few.headers) == (3, False)
        async with example.db.session() as session:
            moment = few.json()["items"][0]["happened_at"]
            values = {"kind": "c", "happened_at": example.datetime.fromisoformat(moment)}
            session.add_all(example.Event(**values) for _ in range(1000))
        many = await client.get("/api/v1/event_table")
        assert many.json()["total"] == 1000
        assert many.headers["x-total-count-kind"] == "estimated"
        assert "last" not in many.links
        exact = await client.get("/api/v1/event_table?count=exact")
        assert exact.json()["total"] == 1003
        for query in ("count=none", "cursor="):
            answer = await client.get(f"/api/v1/event_table?{query}")
            assert answer.json()["total"] is None
            assert "x-total-count" not in answer.headers


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("equipment__has=5", ["Red", "Green"]),
        ("equipment__has=2", ["Green"]),
        ("equipment__has=0&name__ne=Red", ["Blue", "Green"]),
        ("equipment=1", ["Blue"]),
    ],
)
async def test_own_operator_compares(visit: Visit, query: str, names: list[str]) -> None:
    """Does the operator of the page find rooms, beside the built-in ones?"""
    async with visit("own_operator") as client:
        for name, equipment in (("Blue", 1), ("Red", 5), ("Green", 7)):
            await client.post("/api/v1/rooms", json={"name": name, "equipment": equipment})
        rooms = await items(client, f"/api/v1/rooms?{query}")
        assert [room["name"] for room in rooms] == names


@pytest.mark.parametrize("query", ["equipment__has=x", "equipment__gt=1", "equipment__hass=1"])
async def test_own_operator_is_checked(visit: Visit, query: str) -> None:
    """Is its value checked, is the list of operators complete, are its mistakes told?"""
    async with visit("own_operator") as client:
        assert (await client.get(f"/api/v1/rooms?{query}")).status_code == 422


async def test_query_from_python_prints(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Does each function of the page give what it should?"""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/employees.db")
    script = load("query_from_python")
    get_settings.cache_clear()
    await script.main()
    get_settings.cache_clear()
    assert capsys.readouterr().out.splitlines() == [
        "Ann Tea",
        "of 1",
        "Short names: 2",
        "Not adult: 2",
        "Tea: True",
        "['Ann', 'Bob', 'Cleo']",
        "['Dan']",
        "Ann",
        "Dan",
    ]


def page(name: str) -> str:
    """The text of a how-to page."""
    return (HOW_TO / name).read_text()


async def items(client: Client, path: str) -> list[dict[str, Any]]:
    """The rows of a list."""
    rows: list[dict[str, Any]] = (await client.get(path)).json()["items"]
    return rows

"""Two ways to the rows, one meaning: the same answers whichever way a request goes."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest

from fastapi_crud import CrudRouter, Database, make_crud_router, plan
from fastapi_crud.plans import Plans
from fastapi_crud.query.clauses import CountMode
from fastapi_crud.query.operators import OPERATORS
from tests import models
from tests.conftest import Serve, empty_tables

pytestmark = pytest.mark.usefixtures("every_lane")

ROUTERS: tuple[Callable[[], CrudRouter[Any, Any, Any, Any]], ...] = (
    lambda: make_crud_router(models.Note, client_ids=True, fields=True, pagination="both"),
    lambda: make_crud_router(models.Everything, client_ids=True, search=("text",)),
    lambda: make_crud_router(models.Account, count=("exact", "none")),
    lambda: make_crud_router(models.Tag, client_ids=True),
    lambda: make_crud_router(models.Line, client_ids=True),
    lambda: make_crud_router(models.Article, soft_delete="deleted_at"),
    lambda: make_crud_router(models.Ticket),
    lambda: make_crud_router(models.Coin, client_ids=True),
    lambda: make_crud_router(models.Author, client_ids=True, include=("books",)),
)

EVERYTHING: dict[str, Any] = {
    "id": 1, "small": -3, "medium": 2**31 - 1, "large": 2**62, "ratio": 0.1, "single": 1.5,
    "price": "12.50", "flag": True, "code": "ab", "text": "Ä \u2028 <&>", "color": "blue",
    "size": "M", "at": "2026-01-02T03:04:05.678901+02:00", "local": "2026-01-02T03:04:05",
    "day": "2026-01-02", "hour": "03:04:05", "span": "-P1DT2H3M4.5S", "raw": "AQID",
    "token_id": "00000000-0000-4000-8000-000000000001",
    "token_text": "00000000-0000-4000-8000-000000000002",
    "data": {"a": [1, 1.0, None, True, "x"]}, "labels": ["x", "y"],
}  # fmt: skip

UNSORTED = {"raw", "data", "labels"}
COUNTS: tuple[CountMode, ...] = ("none", "exact")

OTHER = {
    **EVERYTHING, "id": 3, "small": 7, "medium": 2, "large": -(2**62), "ratio": 2.5, "single": 0.25,
    "price": "0.75", "flag": False, "code": "AB", "text": "50% off_", "color": "red", "size": "S",
    "at": "2026-01-02T01:04:05.678902Z", "local": "2025-01-02T03:04:05.5", "day": "2026-01-03",
    "hour": "03:04:06", "span": "PT0.000001S",
    "token_id": "00000000-0000-4000-8000-000000000003",
}  # fmt: skip
"""Differs in every column that can be compared."""


def filtered() -> Iterator[str]:
    """Ask for each column with each operator twice: with another value, the SQL is the same."""
    for name, operator in product(OTHER, (*OPERATORS, "eq")):
        for row in (EVERYTHING, OTHER, EVERYTHING):
            value = str(row[name]).lower() if operator != "isnull" else "true"
            yield f"/everything?{urlencode({f'{name}__{operator}': value, 'sort': '-id'})}"
    for name in ("small", "text", "flag"):
        yield f"/everything?{name}__isnull=false&limit=1&skip=1"
    for low, high in ((-5, 5), (5, 9), (-5, 9)):
        yield f"/everything?small__gte={low}&small__lte={high}&sort=text,-small&limit=1"
    for number in (1, 2):
        yield f"/notes?fields=title&id__lte={number}&skip={number - 1}"
        yield f"/notes?cursor=&limit=1&id__gte={number}"
        yield f"/accounts?count=none&email__ne={number}@example.com"
        yield f"/articles?title__ne={number}"


Call = tuple[str, str, Any]
CALLS: tuple[Call, ...] = (
    ("POST", "/notes", {"id": 1, "title": "a"}),
    ("POST", "/notes", {"id": 2, "title": "b", "body": None, "done": True}),
    ("POST", "/notes", {"id": 3, "title": "a"}),
    ("POST", "/notes", {"id": 1, "title": "c"}),
    ("POST", "/notes", {"title": 5}),
    ("GET", "/notes", None),
    ("GET", "/notes?limit=1", None),
    ("GET", "/notes?skip=1&limit=1&sort=-title", None),
    ("GET", "/notes?skip=7", None),
    ("GET", "/notes?title__contains=a&done=false", None),
    ("GET", "/notes?title=%C3%84", None),
    ("GET", "/notes?fields=title", None),
    ("GET", "/notes?cursor=&limit=1", None),
    ("GET", "/notes?limit=0", None),
    ("GET", "/notes?nothing=1", None),
    ("GET", "/notes/1", None),
    ("GET", "/notes/1?fields=body", None),
    ("HEAD", "/notes/1", None),
    ("OPTIONS", "/notes/1", None),
    ("GET", "/notes/9", None),
    ("GET", "/notes/x", None),
    ("PATCH", "/notes/1", {"body": "new"}),
    ("PATCH", "/notes/1", {}),
    ("PATCH", "/notes/1", {"title": "b"}),
    ("PATCH", "/notes/1", {"title": None}),
    ("PATCH", "/notes/9", {"body": "new"}),
    ("PUT", "/notes/2", {"title": "put"}),
    ("PUT", "/notes/9", {"title": "put"}),
    ("DELETE", "/notes/2", None),
    ("DELETE", "/notes/2", None),
    ("POST", "/everything", EVERYTHING),
    ("POST", "/everything", {"id": 2}),
    ("GET", "/everything/1", None),
    ("GET", "/everything?sort=-at", None),
    ("GET", "/everything?price__gte=12&search=Ä", None),
    ("PATCH", "/everything/1", {"data": None, "labels": None, "price": "1.10", "color": None}),
    ("PATCH", "/everything/1", {"at": "2026-07-01T00:00:00Z", "span": "PT0S", "raw": ""}),
    ("GET", "/everything", None),
    ("POST", "/accounts", {"email": "a@example.com", "pin_note": "x"}),
    ("POST", "/accounts", {"email": "a@example.com"}),
    ("GET", "/accounts?count=none", None),
    ("POST", "/tags", {"slug": "a"}),
    ("POST", "/tags", {"slug": "a/b"}),
    ("PATCH", "/tags/a", {"label": "x"}),
    ("PUT", "/tags/a", {}),
    ("POST", "/lines", {"order_id": 1, "line_no": 2}),
    ("GET", "/lines/1/2", None),
    ("PATCH", "/lines/1/2", {"quantity": 3}),
    ("DELETE", "/lines/1/2", None),
    ("POST", "/articles", {"title": "a"}),
    ("GET", "/articles", None),
    ("POST", "/tickets", {"title": "a"}),
    ("POST", "/coins", {"id": 1, "name": "Penny"}),
    ("GET", "/coins/1", None),
    ("POST", "/authors", {"id": 1, "name": "Ann"}),
    ("PATCH", "/authors/1", {"name": "Bob"}),
    ("GET", "/authors?include=books", None),
    ("DELETE", "/authors/1", None),
)

OF_THE_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]{17}"
    r'|(?<=/accounts )"[0-9a-f]{24}"'
)
"""Times and keys that the application makes."""


async def told(serve: Serve, db: Database, calls: Sequence[Call]) -> list[str]:
    """Make calls; what was answered to each."""
    await empty_tables(db)
    client = serve(db, *(make() for make in ROUTERS))
    answers: list[str] = []
    for method, path, body in calls:
        answer = await client.request(method, path, json=body)
        headers = {
            k: v for k, v in answer.headers.items() if "/accounts" not in path or k != "etag"
        }
        text = f"{method} {path}: {answer.status_code} {headers} {answer.text}"
        answers.append(OF_THE_MOMENT.sub("?", text))
    return answers


FILLED: tuple[Call, ...] = (
    ("POST", "/everything", EVERYTHING),
    ("POST", "/everything", OTHER),
    ("POST", "/notes", {"id": 1, "title": "a"}),
    ("POST", "/notes", {"id": 2, "title": "b"}),
    ("POST", "/accounts", {"email": "1@example.com"}),
    ("POST", "/articles", {"title": "1"}),
)
FILTERS: tuple[Call, ...] = (*FILLED, *(("GET", path, None) for path in filtered()))


MIXED = ("price,-at", "-color,text", "-flag,-single,-price", "flag,single,price")
WALKS = [
    *(f"{sign}{name}" for sign in ("", "-") for name in OTHER if name not in UNSORTED),
    *(f"{sort}{condition}" for sort in MIXED for condition in ("", "&id__lte=4", "&id__gte=2")),
    "price&count=exact", "-price,at&count=exact&id__lte=4",
]  # fmt: skip
"""Lists to walk through, in every order, with conditions that differ in their values only."""


async def walked(serve: Serve, db: Database) -> list[str]:
    """Walk through lists to the end and back again; what was answered at each step."""
    await empty_tables(db)
    client = serve(
        db, make_crud_router(models.Everything, client_ids=True, pagination="both", count=COUNTS)
    )
    for number, row in enumerate((EVERYTHING, {}, OTHER, {}, EVERYTHING), 1):
        answer = await client.post("/everything", json={**row, "id": number})
        assert answer.status_code == 201, answer.text
    answers: list[str] = []
    for path in (f"/everything?limit=2&sort={walk}" for walk in WALKS):
        last = ""
        for way in ("next_cursor", "prev_cursor"):
            cursor: str | None = last
            while cursor is not None:
                last = cursor
                answer = await client.get(f"{path}&cursor={cursor}")
                answers.append(f"{path} {answer.status_code} {answer.headers} {answer.text}")
                cursor = answer.json()[way]
    return answers


async def in_all_ways(
    tell: Callable[[], Awaitable[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], list[str], list[str]]:
    """What is told by plans, by plain rows, and in a session."""
    by_plans = await tell()
    monkeypatch.setattr(Plans, "usable", False)
    by_rows = await tell()
    monkeypatch.setattr(Database, "plain", False)
    return by_plans, by_rows, await tell()


@pytest.mark.parametrize("calls", [CALLS, FILTERS], ids=["all kinds", "filters"])
async def test_both_ways_tell_the_same(
    calls: Sequence[Call], db: Database, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Are status, headers and bytes the same by plans, by plain rows, and in a session?"""
    by_plans, by_rows, in_session = await in_all_ways(lambda: told(serve, db, calls), monkeypatch)
    assert by_rows == in_session
    assert by_plans == in_session


async def test_no_plan_is_made_where_none_is_run(
    db: Database, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is a statement compiled by SQLAlchemy alone while somebody listens to the engine, say?"""
    made: list[object] = []

    def plan_of(sql: object, *_: object, **__: object) -> None:
        made.append(sql)

    monkeypatch.setattr(plan, "plan_of", plan_of)
    monkeypatch.setattr(Plans, "usable", False)
    await told(serve, db, FILTERS)
    assert not made


async def test_both_ways_walk_the_same(
    db: Database, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Are pages by cursor the same, in every order, forwards and backwards?"""
    by_plans, by_rows, in_session = await in_all_ways(lambda: walked(serve, db), monkeypatch)
    assert len(in_session) > 4 * len(WALKS)
    assert by_rows == in_session
    assert by_plans == in_session

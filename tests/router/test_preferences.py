"""Preferences of clients (RFC 7240): what is answered less, and what says that it was."""

from typing import Any

from fastapi import Request

from fastapi_crud import Database, make_crud_router
from fastapi_crud.operations import OPERATIONS
from fastapi_crud.router.preferences import preferences
from tests.conftest import Serve
from tests.models import Article

MINIMAL = {"Prefer": "return=minimal"}


async def test_less_is_answered_where_less_is_preferred(sqlite: Database, serve: Serve) -> None:
    """Has no write a body then, and does it still tell the place and the state of the row?"""
    client = serve(
        sqlite, make_crud_router(Article, operations=OPERATIONS, client_ids=True, upsert=True)
    )
    article: Any = {"slug": "a", "title": "t"}
    requests: list[tuple[str, str, Any, int, set[str]]] = [
        ("POST", "/articles", {**article, "id": 1}, 201, {"location", "etag"}),
        ("PATCH", "/articles/1", {"title": "u"}, 204, {"etag"}),
        ("PATCH", "/articles/1", {}, 204, {"etag"}),
        ("PUT", "/articles/1", article, 204, {"etag"}),
        ("PUT", "/articles/2", {"slug": "b"}, 201, {"etag"}),
        ("DELETE", "/articles/2", None, 204, set()),
        ("POST", "/articles/2:restore", None, 204, {"etag"}),
        ("POST", "/articles:batchCreate", {"items": [{"slug": "c"}]}, 201, set()),
        ("POST", "/articles:batchUpdate", {"items": [{"id": 1, "title": "v"}]}, 204, set()),
        ("POST", "/articles:upsert", {"items": [article], "on_conflict": ["slug"]}, 204, set()),
    ]
    for method, path, body, status, headers in requests:
        answer = await client.request(method, path, json=body, headers=MINIMAL)
        assert (answer.status_code, answer.content) == (status, b""), (method, path, answer.text)
        applied = None if method == "DELETE" else "return=minimal"
        assert answer.headers.get("preference-applied") == applied, (method, path)
        assert answer.headers.keys() & {"location", "etag"} == headers, (method, path)
        assert "content-type" not in answer.headers
        if "etag" in headers:
            now = await client.get(answer.headers.get("location", path.removesuffix(":restore")))
            assert now.headers["etag"] == answer.headers["etag"]
    refused = await client.post("/articles", json={"slug": 5}, headers=MINIMAL)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")
    assert "preference-applied" not in refused.headers


async def test_only_what_is_honoured_is_confirmed(sqlite: Database, serve: Serve) -> None:
    """Are unknown preferences passed over, and those that do not concern the method?"""
    client = serve(sqlite, make_crud_router(Article))
    for number, (prefer, applied) in enumerate(
        {
            "return=representation": "return=representation",
            'wait=10, Return="representation"; x=1': "return=representation",
            "return=odd, respond-async": None,
            "handling=lenient": None,
            "": None,
        }.items()
    ):
        headers = {"Prefer": prefer}
        created = await client.post("/articles", json={"slug": f"{number}"}, headers=headers)
        assert created.json()["slug"] == f"{number}"
        assert created.headers.get("preference-applied") == applied, prefer
    row = (await client.get("/articles")).json()["items"][0]
    read = await client.get(f"/articles/{row['id']}", headers=MINIMAL)
    assert read.json() == row
    assert "preference-applied" not in read.headers


def test_what_is_read_of_the_header() -> None:
    """Does the first of several count, in any case and any line, and only what is known?"""
    cases: list[tuple[list[str], dict[str, str]]] = [
        (["return=minimal"], {"return": "minimal"}),
        (["return=minimal, return=representation"], {"return": "minimal"}),
        (["wait=1", "RETURN = minimal;q=1 , handling=strict"], {"return": "minimal", "handling": "strict"}),
        (["return", "return=minimal"], {}),
        (["return=", "=minimal", ",;,="], {}),
        ([], {}),
    ]  # fmt: skip
    for lines, given in cases:
        headers = [(b"prefer", line.encode()) for line in lines]
        wishes = preferences(Request({"type": "http", "headers": headers}), "return", "handling")
        assert wishes.given == given, lines
        assert bool(wishes.applied) is bool(given)
        assert wishes.minimal is (given.get("return") == "minimal")
        assert not wishes.lenient

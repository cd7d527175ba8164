"""No value that a client sends can reach the driver and fail there: bad input is always 4xx."""

import base64
import json
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

import pytest
from fastapi import FastAPI

from fastapi_crud import Database, make_crud_router
from tests import models
from tests.conftest import Client, Serve, rows_of

BAD_FIELDS: dict[str, list[Any]] = {
    "small": [2**15, -(2**15) - 1, 1.0, 1.5, "1", True, [1]],
    "medium": [2**31, -(2**31) - 1, "x"],
    "large": [2**63, -(2**63) - 1, 10**30],
    "ratio": [float("nan"), float("inf"), "1.5", True, 10**400],
    "single": [1e39, -1e39, 3.5e38],
    "price": ["1.234", "123456789", 123456789, 1.234, "abc", "NaN", "1e3", " 1", True, 1e300],
    "flag": [1, 0, "true", "yes"],
    "code": ["123456", "a\x00b", "\ud800", 5, ["a"]],
    "text": ["\x00", "a\udfff", True],
    "color": ["RED", "green", 1],
    "size": ["L", "s", 0],
    "at": [
        "2024-01-31T12:00:00", "2024-01-31", 1700000000, "1700000000", "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00", "2024-02-30T00:00:00Z", "noon", 1e300,
    ],
    "local": ["2024-01-31T12:00:00Z", "2024-01-31T12:00:00+02:00", 0, "2024-13-01T00:00:00"],
    "day": [20240131, "2024-02-30", "2024-01-31T10:00:00", "0000-01-01", True],
    "hour": ["25:00", "12:00:00Z", 12, "noon"],
    "span": [60, "P1X", "P999999999D", "60", "P1Y", "1 day, 2:00:00", "P", "PT", "P400000D"],
    "raw": ["AAE", "!!!!", "AAAAAAAAAAAAAAAA", 5],
    "token_id": ["abc", 5, "0191f6a0-0000-7000-8000-00000000000g"],
    "token_text": ["abc", 5],
    "data": [{"a": float("nan")}, {"a\x00": 1}, ["\ud800"], {"a": "\x00"}],
    "labels": [[1], "a", {"a": 1}, ["\x00"]],
    "id": [1, -1, "x"],
    "nope": [1],
}  # fmt: skip
CASES = [(name, value) for name, values in BAD_FIELDS.items() for value in values]

BAD_BODIES = [
    b"", b"null", b"[]", b'"x"', b"5", b"{", b"\xff\xfe", b'{"medium": 1' + b"0" * 5000 + b"}",
    b'{"data": ' + b"[" * 50 + b"[" * 50 + b"]" * 100 + b"}",
    b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]  # fmt: skip

BAD_QUERIES = [
    "limit=0", "limit=1001", "limit=-1", "limit=abc", "limit=", "limit=1.0", "limit=%201",
    "limit=1_0", "limit=+1", "limit=01", "limit=99999999999999999999999", "skip=-1",
    "skip=9223372036854775808", "skip=NaN", "limit=%00", "limit=1&limit=2", "lmit=1", "x=%00",
    "password__startswith=a", "sort=nope", "%ED%A0%80=1", "limit=%ED%A0%80",
]  # fmt: skip

BAD_KEYS = [
    "0x1", "1.0", " 1", "+1", "1_0", "abc", "9223372036854775808", "-9223372036854775809",
    "9" * 400, "null", "true", "\x00", "é", "1;drop", "%ff", "1e3", "١",
]  # fmt: skip


def case_id(value: Any) -> str:
    """A short, printable name for a value."""
    return ascii(value)[:40]


APPS: WeakKeyDictionary[Database, FastAPI] = WeakKeyDictionary()


def serve_everything(database: Database, serve: Serve) -> Client:
    """A client of the one app that serves the model with every column type."""
    if database not in APPS:
        APPS[database] = FastAPI()
        APPS[database].include_router(make_crud_router(models.Everything, database=database))
    return serve(None, app=APPS[database])


def encode(body: dict[str, Any]) -> bytes:
    """JSON as a careless client would send it: NaN and lone surrogates included."""
    return json.dumps(body, allow_nan=True).encode()


@pytest.mark.parametrize(("name", "value"), CASES, ids=case_id)
async def test_bad_field_is_422_and_stores_nothing(
    db: Database, serve: Serve, name: str, value: Any
) -> None:
    """Is a bad value of any type refused by POST, PATCH and PUT, without an echo?"""
    client = serve_everything(db, serve)
    path = (await client.post("/everything", json={})).headers["location"]
    before = (await client.get(path)).json()
    headers = {"content-type": "application/json"}

    posted = await client.post("/everything", content=encode({name: value}), headers=headers)
    assert posted.status_code == 422, posted.text
    assert [error["loc"][:2] for error in posted.json()["errors"]] == [["body", name]] * len(
        posted.json()["errors"]
    )
    if name != "id" or value != before["id"]:
        for method in ("PATCH", "PUT"):
            answer = await client.request(
                method, path, content=encode({name: value}), headers=headers
            )
            assert answer.status_code == 422, answer.text
    assert (await client.get(path)).json() == before
    assert len(await rows_of(db, models.Everything)) == 1


@pytest.mark.parametrize("content", BAD_BODIES, ids=case_id)
async def test_bad_body_is_4xx(db: Database, serve: Serve, content: bytes) -> None:
    """Is a body that is no JSON object of this form refused by POST, PATCH and PUT?"""
    client = serve_everything(db, serve)
    path = (await client.post("/everything", json={})).headers["location"]

    for method, url in (("POST", "/everything"), ("PATCH", path), ("PUT", path)):
        answer = await client.request(
            method, url, content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code in {400, 422}, (method, answer.status_code, answer.text[:200])
        assert answer.headers["content-type"] == "application/problem+json"
    assert len(await rows_of(db, models.Everything)) == 1


@pytest.mark.parametrize("query", BAD_QUERIES)
async def test_bad_query_is_422_naming_the_parameter(
    db: Database, serve: Serve, query: str
) -> None:
    """Is a bad, unknown or repeated parameter refused, and named?"""
    client = serve_everything(db, serve)
    answer = await client.get(f"/everything?{query}")
    assert answer.status_code == 422
    assert all("parameter" in error for error in answer.json()["errors"])


@pytest.mark.parametrize("key", BAD_KEYS, ids=case_id)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "PUT", "DELETE"])
async def test_key_that_cannot_exist_is_404(
    db: Database, serve: Serve, method: str, key: str
) -> None:
    """Is an id that no row can have simply not found, whatever the method?"""
    client = serve_everything(db, serve)
    body: dict[str, Any] | None = {} if method in {"PATCH", "PUT"} else None
    answer = await client.request(method, f"/everything/{quote(key)}", json=body)
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (models.Account, "/accounts/nonexistent-id"),
        (models.Account, "/accounts/0191f6a0-0000-7000-8000-00000000000g"),
        (models.Tag, "/tags/" + "x" * 31),
        (models.Tag, "/tags/%00"),
        (models.Line, "/lines/1/x"),
        (models.Line, "/lines/1/3000000000"),
        (models.Line, "/lines/1"),
        (models.Note, "/notes/2147483648"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
async def test_foreign_key_types_are_404_too(
    db: Database, serve: Serve, model: type[Any], path: str
) -> None:
    """Does that hold for UUID, text, composite and 32-bit keys?"""
    assert (await serve(db, make_crud_router(model)).get(path)).status_code == 404


@pytest.mark.parametrize("slug", ["", ".", "..", "a/b", "x" * 31, "\x00", None, 5])
async def test_text_key_must_fit_into_a_path(db: Database, serve: Serve, slug: Any) -> None:
    """Is a key refused at creation that no URL could name afterwards?"""
    client = serve(db, make_crud_router(models.Tag))
    assert (await client.post("/tags", json={"slug": slug})).status_code == 422


@pytest.mark.parametrize("slug", ["é😀", "a b", "a?b#c", "100%", "a;b", "a:b", "ä+ö", "%2F"])
async def test_text_key_may_be_anything_else(db: Database, serve: Serve, slug: str) -> None:
    """Does `Location` find the row again, whatever the key?"""
    client = serve(db, make_crud_router(models.Tag))
    created = await client.post("/tags", json={"slug": slug})
    assert created.status_code == 201
    assert (await client.get(created.headers["location"])).json()["slug"] == slug


GARBAGE = [
    "\x00", "\ud800", "é😀", "' OR 1=1 --", "10" * 10, str(10**20), str(-(10**20)), "1e400", "NaN",
    "null", "[]", "%", "a" * 10_000, "9" * 10_000, "-" * 1_000, ",,,", " ", "true\x00",
    "2024-02-30T00:00:00Z", "9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00", "１", "1_000",
]  # fmt: skip
NAMES = [
    *("skip", "limit", "cursor", "count", "sort", "search", "fields", "include"),
    *(
        "medium",
        "medium__gte",
        "medium__in",
        "ratio",
        "price__lt",
        "flag",
        "color",
        "size",
        "at__gte",
    ),
    *(
        "local",
        "day",
        "hour",
        "span",
        "token_id",
        "token_text",
        "code",
        "text__contains",
        "data__isnull",
    ),
]
VALID = {
    ("ratio", "10" * 10), ("ratio", str(10**20)), ("ratio", str(-(10**20))),
    ("day", "0001-01-01T00:00:00+10:00"),
}  # fmt: skip
TEXTUAL = {"search", "text__contains", "code", "token_text"}
"""Parameters that take almost any text: there, most of the garbage is a value like any other."""


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_garbage_in_a_parameter_is_4xx(db: Database, serve: Serve, method: str) -> None:
    """Is any text in any parameter, in query string and body, answered in the error format?"""
    router = make_crud_router(
        models.Everything,
        operations=["list", "search"],
        pagination="both",
        count=["exact", "none"],
        search=["text", "code"],
        fields=True,
    )
    client = serve(db, router)
    for name in NAMES:
        for text in GARBAGE:
            if method == "GET":
                encoded = quote(text, errors="surrogatepass")
                answer = await client.get(f"/everything?{name}={encoded}")
            else:
                headers = {"content-type": "application/json"}
                body = encode({name: [text]} if name.endswith("__in") else {name: text})
                answer = await client.post("/everything:search", content=body, headers=headers)
            if answer.status_code == 200 and (name in TEXTUAL or (name, text) in VALID):
                continue
            assert answer.status_code == 422, (name, text[:20], answer.text[:200])
            assert answer.headers["content-type"] == "application/problem+json"
            assert all(error["loc"][1] == name for error in answer.json()["errors"])
            assert text not in answer.text or len(text) < 5, (name, text[:20])


async def test_many_parameters_are_4xx(db: Database, serve: Serve) -> None:
    """Are 200 parameters, known or not, refused with a bounded answer?"""
    client = serve(db, make_crud_router(models.Note))
    for query in (
        "&".join(f"x{n}=1" for n in range(200)),
        "&".join(f"id__in={n}" for n in range(200)),
        "&".join("id=1" for _ in range(200)),
        "&".join(f"{'x' * 1000}{n}=1" for n in range(20)),
        "id__in=" + ",".join(map(str, range(101))),
    ):
        answer = await client.get(f"/notes?{query}")
        assert answer.status_code == 422
        assert 1 <= len(answer.json()["errors"]) <= 20


@pytest.mark.parametrize("secret", [None, "secret"], ids=["plain", "signed"])
async def test_tampered_cursors_are_4xx(db: Database, serve: Serve, secret: str | None) -> None:
    """Does no change to a cursor lead to anything but a page or 422?"""
    router = make_crud_router(models.Everything, pagination="cursor", cursor_secret=secret)
    client = serve(db, router)
    for n in range(3):
        body = {"at": f"2024-01-0{n + 1}T00:00:00Z", "price": n, "code": "é"}
        assert (await client.post("/everything", json=body)).status_code == 201
    sort = "at,-price,code,ratio"
    params = {"sort": sort, "limit": "1"}
    cursor: str = (await client.get("/everything", params=params)).json()["next_cursor"]
    content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[16 if secret else 0 :]
    good: dict[str, Any] = json.loads(content)
    values: list[Any] = good["k"]
    bad_first: list[Any] = ["x", 5, [], {}, True, "2024-13-01", "\x00"]
    bad_last: list[Any] = ["x", None, 10**30, 1.5, True, []]
    bad_decimal: list[Any] = ["NaN", "x", 5, "1e999", "sNaN", []]
    bad_text: list[Any] = ["\x00", "\ud800", 5]
    changed: list[Any] = [
        {**good, "v": 2}, {**good, "q": "x"}, {**good, "b": 2}, {**good, "k": []}, {**good, "k": {}},
        {**good, "k": values[:-1]}, {**good, "k": [*values, 1]}, {"k": values}, [], None, 5,
        *({**good, "k": [bad, *values[1:]]} for bad in bad_first),
        *({**good, "k": [*values[:-1], bad]} for bad in bad_last),
        *({**good, "k": [values[0], bad, *values[2:]]} for bad in bad_decimal),
        *({**good, "k": [*values[:2], bad, *values[3:]]} for bad in bad_text),
    ]  # fmt: skip
    texts = [
        *(base64.urlsafe_b64encode(json.dumps(it).encode()).decode().rstrip("=") for it in changed),
        *(cursor[:n] for n in range(1, len(cursor), 7)),
        *(
            cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :]
            for n in range(0, len(cursor), 5)
        ),
        *("=", "é", "\x00", "a" * 9000, cursor + "=", cursor + "A" * 4, cursor.upper()),
    ]
    for text in texts:
        answer = await client.get("/everything", params={**params, "cursor": text})
        if answer.status_code != 200 or secret:
            assert answer.status_code == 422, (text, answer.text)
            mistakes = [error["parameter"] for error in answer.json().get("errors", ())]
            assert mistakes == ["cursor"], (text, answer.text)
    assert (await client.get("/everything", params={**params, "cursor": cursor})).status_code == 200

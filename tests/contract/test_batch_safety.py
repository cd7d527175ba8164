"""Nothing that a client sends about several rows, or in headers, leads to anything but 4xx."""

from typing import Any
from urllib.parse import quote

import pytest

from fastapi_crud import Database, make_crud_router
from fastapi_crud.operations import OPERATIONS
from tests.conftest import Client, Serve, rows_of
from tests.contract.test_input_safety import BAD_BODIES, BAD_KEYS, encode
from tests.models import Article

VERBS = [":batchCreate", ":batchUpdate", ":batchDelete", ":upsert"]
NO_LISTS: list[Any] = [
    None, [], {}, "", "x", 1.5, True, {"a": 1}, [None], ["x"], [{}], [[]], [True], [1.0],
]  # fmt: skip
NO_VALUES: list[Any] = [
    None, "1", 1.0, True, [], {}, 2**31, -(2**70), "\x00", "\ud800", float("nan"),
]  # fmt: skip
BODIES: list[Any] = [
    None, [], {}, "x", 5, True, {"items": None}, {"ids": None}, {"x": 1},
    *({name: bad} for name in ("items", "ids") for bad in NO_LISTS),
    *({"items": [{"id": bad, "slug": bad}]} for bad in NO_VALUES),
    *({"ids": [1, bad]} for bad in NO_VALUES),
    *({"items": [{"slug": "n"}], "on_conflict": bad} for bad in NO_VALUES),
    *({"items": [{"slug": "n"}], "on_conflict": [bad], "mode": bad} for bad in NO_VALUES),
    *({"items": [{"slug": "n", "meta": {"a": bad}, "stock": "x"}]} for bad in NO_VALUES),
]  # fmt: skip
CONTENTS = [*map(encode, BODIES), *(content for content in BAD_BODIES if content)]


@pytest.fixture
async def article(db: Database, serve: Serve) -> tuple[Client, str]:
    """A client of everything that there is to do with articles, and the path of one."""
    operations: Any = {*OPERATIONS} - ({"upsert"} if db.engine.dialect.name == "mysql" else set())
    client = serve(db, make_crud_router(Article, operations=operations))
    return client, (await client.post("/articles", json={"slug": "a"})).headers["location"]


async def test_garbage_about_several_rows_is_4xx(db: Database, article: tuple[Client, str]) -> None:
    """Is any JSON in place of a body, a list, an item, a key or a mode refused, in our format?"""
    client, path = article
    before = (await client.get(path)).json()
    json, text = ({"content-type": it} for it in ("application/json", "text/plain"))
    for verb in VERBS:
        if verb == ":upsert" and db.engine.dialect.name == "mysql":
            continue  # it goes by no key that MySQL could tell from others
        for content in CONTENTS:
            answer = await client.post(f"/articles{verb}", content=content, headers=json)
            told = (verb, content[:80], answer.text[:200])
            assert answer.status_code in {400, 422}, told
            assert answer.headers["content-type"] == "application/problem+json", told
        refused = await client.post(f"/articles{verb}", content=b"5", headers=text)
        assert refused.status_code == 415, verb
    assert (await client.get(path)).json() == before
    assert len(await rows_of(db, Article)) == 1


async def test_keys_that_cannot_exist_are_404(article: tuple[Client, str]) -> None:
    """Can no key that no row can have be restored or purged?"""
    client, _ = article
    for key in BAD_KEYS:
        for verb in (":restore", ":purge"):
            answer = await client.post(f"/articles/{quote(key)}{verb}")
            assert answer.status_code == 404, (key, verb)


async def test_garbage_in_headers_is_no_error_of_ours(article: tuple[Client, str]) -> None:
    """Is any text in a conditional header, or a preference, a mismatch at worst?"""
    client, path = article
    for text in ("", "x", "é", '"', "*, x", "W/", ",,,", "a" * 9000, "\t", "=;,=", "return"):
        for name in ("If-Match", "If-None-Match", "Prefer"):
            headers = [(name.encode(), text.encode())]
            answer = await client.patch(path, json={}, headers=headers)
            assert answer.status_code in {200, 412}, (name, text)
            assert (await client.get(path, headers=headers)).status_code in {200, 304}, (name, text)

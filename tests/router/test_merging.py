"""JSON merge patch (RFC 7396): members of JSON columns change, and the rest of them stays."""

from typing import Any

import pytest
from sqlalchemy import JSON, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, Service, make_crud_router
from fastapi_crud.router.merging import MERGE_PATCH, merge
from tests import models
from tests.conftest import Serve, rows_of

MERGE = {"Content-Type": MERGE_PATCH}
APPENDIX_A: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
"""What is there, the patch, and what comes of it (RFC 7396 appendix A)."""


def test_the_examples_of_the_rfc() -> None:
    """Does each example give what the RFC says, and leave what it was made of alone?"""
    for target, patch, result in APPENDIX_A:
        before = repr((target, patch))
        assert merge(target, patch) == result, (target, patch)
        assert repr((target, patch)) == before


async def test_json_columns_are_merged_or_replaced(db: Database, serve: Serve) -> None:
    """Does the media type decide, for each example of the RFC, and is nothing else touched?"""
    client = serve(db, make_crud_router(models.Everything))
    examples = [*APPENDIX_A, (None, {"a": {"b": 1, "c": None}}, {"a": {"b": 1}})]
    for target, patch, result in examples:
        created = await client.post("/everything", json={"data": target, "code": "x"})
        path = created.headers["location"]
        merged = await client.patch(path, json={"data": patch}, headers=MERGE)
        assert merged.status_code == 200, merged.text
        assert merged.json() == {**created.json(), "data": result}, (target, patch)
        replaced = await client.patch(path, json={"data": patch})
        assert replaced.json() == {**created.json(), "data": patch}, (target, patch)
        assert (await client.get(path)).headers["etag"] == replaced.headers["etag"]


async def test_a_merge_sees_the_row_as_it_is(db: Database, serve: Serve) -> None:
    """Does a merge count up the version once, go by `If-Match`, and change other columns too?"""
    client = serve(db, make_crud_router(models.Article))
    created = await client.post("/articles", json={"slug": "a", "meta": {"a": 1, "b": {"c": 2}}})
    path, stale = created.headers["location"], created.headers["etag"]
    patch = {"title": "t", "meta": {"b": {"d": 3}, "a": None}}
    first = await client.patch(path, json=patch, headers={**MERGE, "If-Match": stale})
    assert (first.json()["meta"], first.json()["title"]) == ({"b": {"c": 2, "d": 3}}, "t")
    assert first.json()["version"] == 2
    refused = await client.patch(path, json=patch, headers={**MERGE, "If-Match": stale})
    assert refused.status_code == 412
    same = await client.patch(path, json={"title": "u"}, headers=MERGE)
    assert (same.json()["meta"], same.json()["title"]) == (first.json()["meta"], "u")
    assert (await client.patch("/articles/0", json=patch, headers=MERGE)).status_code == 404
    assert (await client.patch(path, json={"meta": None}, headers=MERGE)).json()["meta"] is None


class Base(DeclarativeBase):
    metadata = MetaData()


class Profile(Base):
    """With JSON of a type, of several, and of a name that is none in Python."""

    __tablename__ = "profiles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    scores: Mapped[dict[str, int]] = mapped_column(JSON)
    model_config: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Shouting(Service[Profile]):
    async def before_update(self, id: Any, values: dict[str, Any]) -> None:
        values["name"] = repr(sorted(values))


async def test_what_is_merged_is_checked(sqlite: Database, serve: Serve) -> None:
    """Must the whole fit the type of the column, or is it refused with its place and not stored?"""
    own = Database(engine=sqlite.engine, metadata=Base.metadata)
    await own.create_all()
    client = serve(own, make_crud_router(Profile, service=Shouting))
    body = {"name": "a", "scores": {"x": 1, "y": 2}, "model_config": {"k": 1}}
    created = await client.post("/profiles", json=body)
    assert created.status_code == 201, created.text
    path = created.headers["location"]
    cases: list[tuple[Any, str]] = [
        ({"scores": {"z": "many"}}, "#/scores/z"), ({"scores": {"x": {"y": 1}}}, "#/scores/x"),
        ({"scores": None}, "#/scores"), ({"scores": []}, "#/scores"),
        ({"scores": {"z": 1}, "name": 5}, "#/name"), ({"scores": {"z": 1}, "nope": 5}, "#/nope"),
        ({"scores": {"z": 1}, "id": 5}, "#/id"), ([], "#"), ("x", "#"), (None, "#"),
    ]  # fmt: skip
    for patch, pointer in cases:
        for headers in (MERGE, {}):
            answer = await client.patch(path, json=patch, headers=headers)
            assert answer.status_code == 422, (patch, answer.text)
            assert answer.json()["errors"][0]["pointer"] == pointer, (patch, answer.text)
    assert (await client.get(path)).json() == created.json()
    patch = {"scores": {"x": None, "z": 3}, "model_config": {"l": 2}}
    merged = (await client.patch(path, json=patch, headers=MERGE)).json()
    assert merged["scores"] == {"y": 2, "z": 3}
    assert merged["model_config"] == {"k": 1, "l": 2}
    assert merged["name"] == "['model_config', 'scores']"


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


async def test_a_merge_is_bounded(sqlite: Database, serve: Serve) -> None:
    """Is a patch that nests too deeply, or holds what JSON does not, refused?"""
    client = serve(sqlite, make_crud_router(models.Article))
    created = await client.post("/articles", json={"slug": "a", "meta": nested(5)})
    path = created.headers["location"]
    bad = [f'{{"meta": {{"a": {it}}}}}' for it in ("NaN", "1e999", r'"\ud800"', r'"\u0000"')]
    texts = ["{" * 500, "5", '{"meta": {"a": 1}', "", *bad]
    texts += [f'{{"meta": {repr(nested(n)).replace(chr(39), chr(34))}}}' for n in (150, 600)]
    for text in texts:
        answer = await client.patch(path, content=text, headers=MERGE)
        assert answer.status_code in {400, 422}, (text[:80], answer.status_code)
    assert (await client.get(path)).json() == created.json()


async def test_other_media_types_are_refused(sqlite: Database, serve: Serve) -> None:
    """Is what is no JSON 415, and does the answer say which patches are understood?"""
    client = serve(sqlite, make_crud_router(models.Article))
    path = (await client.post("/articles", json={"slug": "a"})).headers["location"]
    for media_type in ("text/plain", "application/xml", "multipart/form-data", "", "merge-patch"):
        headers = {"Content-Type": media_type}
        for method, where in (("PATCH", path), ("PUT", path), ("POST", "/articles")):
            answer = await client.request(method, where, content=b'{"slug": "b"}', headers=headers)
            assert answer.status_code == 415, (method, media_type)
            accepted = "application/json, application/merge-patch+json"
            assert answer.headers.get("accept-patch") == (accepted if method == "PATCH" else None)
    for media_type in (f"{MERGE_PATCH}; charset=utf-8", MERGE_PATCH.title(), "application/x+json"):
        headers = {"Content-Type": media_type}
        answer = await client.patch(path, content=b'{"meta": {"a": 1}}', headers=headers)
        assert answer.status_code == 200, media_type
    (row,) = await rows_of(sqlite, models.Article)
    assert row.meta == {"a": 1}


async def may_not() -> bool:
    return False


@pytest.mark.parametrize("option", ["readable_by", "writable_by"])
async def test_a_merge_shows_nothing(sqlite: Database, serve: Serve, option: str) -> None:
    """Do rights hold for what is merged: unreadable columns refused, read-only ones left alone?"""
    extra: Any = {option: {"meta": may_not}}
    open_to_all = make_crud_router(models.Article, name="all")
    client = serve(sqlite, make_crud_router(models.Article, **extra), open_to_all)
    path = (await client.post("/all", json={"slug": "a", "meta": {"a": 1}})).headers["location"]
    path = path.replace("all", "articles")
    answer = await client.patch(path, json={"meta": {"b": 1}}, headers=MERGE)
    assert answer.status_code == (422 if option == "readable_by" else 200)
    assert (await rows_of(sqlite, models.Article))[0].meta == {"a": 1}

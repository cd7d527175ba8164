"""Real concurrency: constraints decide races, nothing is lost or doubled, nothing is a 5xx.

Every race is run by two apps, each with a pool of its own, on one database.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter

from fastapi_crud import Database, idempotency_table, make_crud_router
from fastapi_crud.operations import DEFAULT_OPERATIONS
from tests import models
from tests.conftest import Client, Serve, rows_of

ROUNDS = 4
CALLERS = 6

Answer = httpx2.Response
Call = Callable[[Client, int], Awaitable[Answer]]

NAMES = {models.Note: "title", models.Article: "slug"}
KINDS = pytest.mark.parametrize("model", NAMES, ids=lambda model: model.__name__)


class Apps:
    """Two apps on one database, and clients of both."""

    def __init__(self, serve: Serve, databases: tuple[Database, Database]) -> None:
        self._serve, self._databases = serve, databases
        self.clients: list[Client] = []

    def run(self, router: APIRouter) -> Client:
        """Start both; give a client of the first."""
        self.clients = [self._serve(database, router) for database in self._databases]
        return self.clients[0]

    async def race(self, call: Call, callers: int = CALLERS) -> list[Answer]:
        """Let callers do the same at once, by turns at either app."""
        calls = [call(self.clients[i % 2], i) for i in range(callers)]
        answers = await asyncio.gather(*calls)
        assert [answer.text for answer in answers if answer.status_code >= 500] == []
        return answers


@pytest.fixture
async def apps(db: Database, serve: Serve) -> AsyncIterator[Apps]:
    """Two apps without endpoints yet."""
    other = Database(db.engine.url, pool_size=CALLERS)
    yield Apps(serve, (db, other))
    await other.engine.dispose()


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_one_of_many_equal_creates_wins(db: Database, apps: Apps) -> None:
    """Does one of six POSTs of one value win, and the rest learn that it is taken?"""
    apps.run(make_crud_router(models.Note))
    for i in range(ROUNDS):
        answers = await apps.race(lambda c, _: c.post("/notes", json={"title": f"t{i}"}))  # noqa: B023
        assert statuses(answers) == {201: 1, 409: CALLERS - 1}
    assert len(await rows_of(db, models.Note)) == ROUNDS


@KINDS
async def test_one_of_many_with_one_tag_wins(apps: Apps, model: type[Any]) -> None:
    """Does one of six PATCHes with the same `If-Match` win, and is the row as it says?"""
    name = NAMES[model]
    client = apps.run(make_crud_router(model, name="things"))
    made = await client.post("/things", json={name: "t"})
    path, tag = made.headers["location"], made.headers["etag"]
    for i in range(ROUNDS):

        async def patch(client: Client, n: int, i: int = i, tag: str = tag) -> Answer:
            return await client.patch(path, json={name: f"{i}.{n}"}, headers={"If-Match": tag})

        answers = await apps.race(patch)
        assert statuses(answers) == {200: 1, 412: CALLERS - 1}
        (won,) = (answer for answer in answers if answer.status_code == 200)
        assert (await client.get(path)).json() == won.json()
        tag = won.headers["etag"]


@KINDS
async def test_patches_without_a_tag_all_count(apps: Apps, model: type[Any]) -> None:
    """Do six PATCHes at once all succeed, and does a version count each?"""
    name = NAMES[model]
    client = apps.run(make_crud_router(model, name="things"))
    path = (await client.post("/things", json={name: "t"})).headers["location"]
    for i in range(ROUNDS):
        answers = await apps.race(lambda c, n: c.patch(path, json={name: f"{i}.{n}"}))  # noqa: B023
        assert statuses(answers) == {200: CALLERS}
        row = (await client.get(path)).json()
        assert row in [answer.json() for answer in answers]
        assert row.get("version", 1 + (i + 1) * CALLERS) == 1 + (i + 1) * CALLERS


COLUMNS = {
    models.Note: {"body": "b", "done": True},
    models.Article: {"title": "t", "stock": 7, "meta": {"a": 1}},
}


@pytest.mark.parametrize("model", COLUMNS, ids=lambda model: model.__name__)
async def test_patches_of_other_columns_keep_each_other(apps: Apps, model: type[Any]) -> None:
    """Does a PATCH write only what it names, so that it never undoes another?"""
    client = apps.run(make_crud_router(model, name="things"))
    parts = [{name: value} for name, value in COLUMNS[model].items()]
    for i in range(ROUNDS):
        made = await client.post("/things", json={NAMES[model]: f"t{i}"})
        path = made.headers["location"]
        answers = await apps.race(lambda c, n: c.patch(path, json=parts[n]), len(parts))  # noqa: B023
        assert statuses(answers) == {200: len(parts)}
        row = (await client.get(path)).json()
        assert row == {**row, **COLUMNS[model]}


@pytest.mark.parametrize("key", ["title", "id"])
async def test_upserts_of_one_row_all_succeed(db: Database, apps: Apps, key: str) -> None:
    """Do six upserts of one key all succeed, be it new or there, and is there one row?"""
    model = models.Note if key == "title" else models.Line
    keys = {"title": "t"} if key == "title" else {"order_id": 1, "line_no": 1}
    client = apps.run(make_crud_router(model, name="rows", operations=["upsert", "list"]))
    value = "body" if key == "title" else "quantity"

    async def upsert(client: Client, n: int) -> Answer:
        items = [{**keys, value: str(n) if value == "body" else n + 2}]
        mode = "ignore" if n == 5 else "merge"
        body = {"items": items, "on_conflict": [*keys], "mode": mode}
        return await client.post("/rows:upsert", json=body)

    for _ in range(ROUNDS):
        for _ in ("new", "there"):
            assert statuses(await apps.race(upsert)) == {200: CALLERS}
            assert (await client.get("/rows")).json()["total"] == 1
        async with db.session() as session:
            await session.delete(await session.merge((await rows_of(db, model))[0]))


@KINDS
async def test_one_of_many_deletes_wins(db: Database, apps: Apps, model: type[Any]) -> None:
    """Does a row that is deleted by several at once go exactly once?"""
    client = apps.run(make_crud_router(model, name="things"))
    for i in range(ROUNDS):
        made = await client.post("/things", json={NAMES[model]: f"t{i}"})
        path = made.headers["location"]
        answers = await apps.race(lambda c, _: c.delete(path))  # noqa: B023
        assert statuses(answers) == {204: 1, 404: CALLERS - 1}
    assert [row.version for row in await rows_of(db, model) if model is models.Article] == (
        [2] * ROUNDS if model is models.Article else []
    )


@KINDS
async def test_patch_against_delete(apps: Apps, model: type[Any]) -> None:
    """Is a PATCH that meets a DELETE either 200 before it or 404 after it?"""
    client = apps.run(make_crud_router(model, name="things"))
    for i in range(ROUNDS):
        made = await client.post("/things", json={NAMES[model]: f"t{i}"})
        path = made.headers["location"]

        async def change(client: Client, n: int, path: str = path, i: int = i) -> Answer:
            if n == 1:
                return await client.delete(path)
            return await client.patch(path, json={NAMES[model]: f"u{i}.{n}"})

        answers = await apps.race(change, 4)
        assert answers.pop(1).status_code == 204
        assert {answer.status_code for answer in answers} <= {200, 404}
        assert (await client.get(path)).status_code == 404


async def test_one_of_many_restorations_wins(apps: Apps) -> None:
    """Is a row restored once, and live for all others?"""
    client = apps.run(make_crud_router(models.Article, operations=[*DEFAULT_OPERATIONS, "restore"]))
    path = (await client.post("/articles", json={"slug": "a"})).headers["location"]
    for i in range(ROUNDS):
        assert (await client.delete(path)).status_code == 204
        answers = await apps.race(lambda c, _: c.post(f"{path}:restore"))
        assert statuses(answers) == {200: 1, 409: CALLERS - 1}
        assert (await client.get(path)).json()["version"] == 3 + 2 * i


@pytest.fixture
async def keys(db: Database) -> AsyncIterator[None]:
    """The table of idempotency keys, for one test."""
    table = idempotency_table(models.Base.metadata)
    async with db.engine.begin() as connection:
        await connection.run_sync(table.create, checkfirst=True)
    yield
    async with db.engine.begin() as connection:
        await connection.run_sync(table.drop)


async def test_what_is_sent_several_times_is_done_once(
    db: Database, apps: Apps, keys: None
) -> None:
    """Does one key make one row, and is every answer that row or "in progress"?"""
    apps.run(make_crud_router(models.Ticket, idempotency=True))
    waits = db.engine.dialect.name == "sqlite"
    for i in range(ROUNDS):

        async def send(client: Client, n: int, i: int = i) -> Answer:
            headers = {"Idempotency-Key": f"k{i}"}
            return await client.post("/tickets", json={"text": f"t{i}"}, headers=headers)

        for again in (False, True):
            answers = await apps.race(send)
            made = [answer for answer in answers if answer.status_code == 201]
            replayed = [it for it in made if it.headers.get("Idempotency-Replayed") == "true"]
            refused = [answer.json()["code"] for answer in answers if answer not in made]
            assert {*refused} <= ({"request_in_progress"} if not waits else set())
            assert len({answer.content for answer in made}) == 1
            assert len(made) - len(replayed) == (0 if again else 1)
        assert len(await rows_of(db, models.Ticket)) == i + 1


@pytest.mark.parametrize("model", [models.Tag, models.Article], ids=lambda model: model.__name__)
async def test_one_of_many_puts_creates(db: Database, apps: Apps, model: type[Any]) -> None:
    """Does one of six PUTs of a new row create it, and do the others replace it?"""
    apps.run(make_crud_router(model, name="things", upsert=True, client_ids=True))
    body = {"label": "l"} if model is models.Tag else {"slug": "s"}
    for i in range(ROUNDS):
        answers = await apps.race(lambda c, n: c.put(f"/things/{i + 1}", json=values(body, i, n)))  # noqa: B023
        counts = statuses(answers)
        assert counts[201] == 1
        assert counts[200] + counts[409] == CALLERS - 1
        assert len(await rows_of(db, model)) == i + 1


def values(body: dict[str, str], i: int, n: int) -> dict[str, str]:
    """A body of this round and caller."""
    return {name: f"{value}{i}.{n}" for name, value in body.items()}


@KINDS
async def test_batches_in_opposite_order_do_not_lock_each_other(
    apps: Apps, model: type[Any]
) -> None:
    """Do batches over the same rows, in either order, all succeed and all count?"""
    name = NAMES[model]
    router = make_crud_router(model, name="things", operations=["create", "list", "batch_update"])
    client = apps.run(router)
    ids = [(await client.post("/things", json={name: f"t{i}"})).json()["id"] for i in range(4)]
    for i in range(ROUNDS):

        async def update(client: Client, n: int, i: int = i) -> Answer:
            items = [{"id": key, name: f"{i}.{n}.{key}"} for key in ids]
            return await client.post("/things:batchUpdate", json={"items": items[:: (-1) ** n]})

        assert statuses(await apps.race(update)) == {200: CALLERS}
        rows = (await client.get("/things")).json()["items"]
        assert len({row[name].rpartition(".")[0] for row in rows}) == 1
        assert {row.get("version", 1 + (i + 1) * CALLERS) for row in rows} == {
            1 + (i + 1) * CALLERS
        }


async def test_one_of_two_batches_that_clash_is_stored(db: Database, apps: Apps) -> None:
    """Of batches with a value in common, is one stored whole and nothing of the other?"""
    apps.run(make_crud_router(models.Note, operations=["batch_create"]))
    for i in range(ROUNDS):

        async def create(client: Client, n: int, i: int = i) -> Answer:
            titles = [f"{i}.a", f"{i}.{n}", f"{i}.b"]
            items = [{"title": title} for title in titles[:: (-1) ** n]]
            return await client.post("/notes:batchCreate", json={"items": items})

        assert statuses(await apps.race(create)) == {201: 1, 409: CALLERS - 1}
        assert len(await rows_of(db, models.Note)) == 3 * (i + 1)

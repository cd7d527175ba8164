"""Real concurrency: constraints decide races, nothing is lost or doubled, nothing is a 5xx."""

import asyncio
from collections import Counter

import pytest

from fastapi_crud import Database, make_crud_router
from tests import models
from tests.conftest import Serve, rows_of

ROUNDS = 15
CALLERS = 6


async def test_one_of_many_equal_creates_wins(db: Database, serve: Serve) -> None:
    """Do 15 rounds of 6 concurrent POSTs of one value give 15 × 201 and 75 × 409?"""
    client = serve(db, make_crud_router(models.Note))
    counts: Counter[int] = Counter()
    for i in range(ROUNDS):
        calls = [client.post("/notes", json={"title": f"t{i}"}) for _ in range(CALLERS)]
        answers = await asyncio.gather(*calls)
        counts.update(answer.status_code for answer in answers)
    assert counts == {201: ROUNDS, 409: ROUNDS * (CALLERS - 1)}
    assert len(await rows_of(db, models.Note)) == ROUNDS


async def test_concurrent_patches_of_other_columns_both_count(db: Database, serve: Serve) -> None:
    """Does a PATCH write only what it names, so that it never undoes another?"""
    client = serve(db, make_crud_router(models.Note))
    for i in range(ROUNDS):
        path = (await client.post("/notes", json={"title": f"t{i}"})).headers["location"]
        answers = await asyncio.gather(
            client.patch(path, json={"body": "b"}), client.patch(path, json={"done": True})
        )
        assert [answer.status_code for answer in answers] == [200, 200], answers[1].text
        row = (await client.get(path)).json()
        assert (row["body"], row["done"]) == ("b", True)


async def test_one_of_many_deletes_wins(db: Database, serve: Serve) -> None:
    """Does a row that is deleted by several at once go exactly once?"""
    client = serve(db, make_crud_router(models.Note))
    for i in range(ROUNDS):
        path = (await client.post("/notes", json={"title": f"t{i}"})).headers["location"]
        answers = await asyncio.gather(*(client.delete(path) for _ in range(CALLERS)))
        counts = Counter(answer.status_code for answer in answers)
        assert counts == {204: 1, 404: CALLERS - 1}


@pytest.mark.parametrize("model", [models.Ticket, models.Note], ids=lambda m: m.__name__)
async def test_patch_against_delete(
    db: Database, serve: Serve, model: type[models.Ticket] | type[models.Note]
) -> None:
    """Is a PATCH that meets a DELETE either 200 before it or 404 after it?"""
    client = serve(db, make_crud_router(model, name="things"))
    column = "text" if model is models.Ticket else "title"
    for i in range(ROUNDS):
        path = (await client.post("/things", json={column: f"t{i}"})).headers["location"]
        patched, deleted = await asyncio.gather(
            client.patch(path, json={column: f"u{i}"}), client.delete(path)
        )
        assert patched.status_code in {200, 404}
        assert deleted.status_code == 204
        assert (await client.get(path)).status_code == 404


async def test_versions_count_every_update(db: Database, serve: Serve) -> None:
    """Do concurrent updates of a versioned row all count, each once?"""
    client = serve(db, make_crud_router(models.Ticket))
    path = (await client.post("/tickets", json={"text": "a"})).headers["location"]
    answers = await asyncio.gather(
        *(client.patch(path, json={"text": f"b{i}"}) for i in range(CALLERS))
    )
    won = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert won
    assert (await client.get(path)).json()["version"] == 1 + len(won)

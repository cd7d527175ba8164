"""What the tests of such an app do with the plugin; run by `test_fixtures.py`."""

import asyncio
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.tasks import EmailMessage
from fastapi_crud.testing import Accounts, Outbox, count_statements
from tests.testing.shop import Article, User, add, celery, log, parts, script_db

pytestmark = pytest.mark.asyncio
celery.set_current()  # this process may have made others since
PEN = {"name": "pen"}


@pytest.mark.parametrize("number", [1, 2])
async def test_each_begins_with_what_the_lifespan_did(
    client: httpx2.AsyncClient, number: int
) -> None:
    created = await client.post("/articles", json=PEN)
    assert created.status_code == 201
    assert [row["name"] for row in (await client.get("/articles")).json()["items"]] == [
        "first",
        "pen",
    ]
    assert (await client.post("/articles", json=PEN)).status_code == 409
    assert (await client.get("/articles")).json()["total"] == 2


@pytest.mark.parametrize("number", [1, 2])
async def test_other_databases_are_empty_as_well(client: httpx2.AsyncClient, number: int) -> None:
    assert (await client.post("/entries", json={"text": "a"})).status_code == 201
    async with log.session() as session:
        assert await session.scalar(sa.text("SELECT count(*) FROM entries")) == 1


async def test_the_session_and_the_app_see_each_other(
    client: httpx2.AsyncClient, db: AsyncSession
) -> None:
    db.add(Article(name="pad"))
    await db.commit()
    await client.post("/articles", json=PEN)
    assert [*await db.scalars(sa.select(Article.name).order_by(Article.id))][1:] == ["pad", "pen"]


async def test_several_sessions_in_one_request(
    client: httpx2.AsyncClient, auth_headers: dict[str, str]
) -> None:
    assert (await client.post("/copies", headers=auth_headers)).json() == 2
    names = [row["name"] for row in (await client.get("/articles")).json()["items"]]
    assert names == ["first", "copy of first"]


async def test_requests_and_jobs_at_the_same_time_take_turns(
    client: httpx2.AsyncClient, outbox: Outbox, mails: list[EmailMessage]
) -> None:
    names = ["a", "b", "c", "a", "b", "c"]
    answers = await asyncio.gather(*(client.post("/articles", json={"name": it}) for it in names))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    assert (await client.get("/articles")).json()["total"] == 4
    assert await outbox.run() == 6
    assert sorted(mail.text for mail in mails) == ["a", "b", "c"]


async def test_two_databases_with_one_url_are_one(client: httpx2.AsyncClient) -> None:
    await client.post("/articles", json=PEN)
    async with script_db.session() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Article)) == 2


async def test_a_user_calls(
    client: httpx2.AsyncClient, user: User, auth_headers: dict[str, str]
) -> None:
    assert (await client.get("/me")).status_code == 401
    assert (await client.get("/me", headers=auth_headers)).json() == [user.name, "shop"]
    assert user.name == "Name 1"


async def test_users_are_made(client: httpx2.AsyncClient, make_user: Accounts) -> None:
    ann = await make_user(name="Ann", is_superuser=True)
    bob = await make_user(User, password="correct horse")
    assert (await client.get("/me", headers=await make_user.log_in(ann))).json()[0] == "Ann"
    form = {"username": bob.email, "password": "correct horse"}
    assert (await client.post("/auth/login", data=form)).status_code == 200


async def test_jobs_wait_until_they_are_run(
    client: httpx2.AsyncClient, outbox: Outbox, mails: list[EmailMessage]
) -> None:
    pen = (await client.post("/articles", json=PEN)).json()
    (job,) = await outbox.jobs()
    assert (job.name, job.state) == ("testing.shop.announce", "new")
    assert job.payload == {"id": pen["id"]}
    assert mails == []
    assert await outbox.run() == 2
    assert [(mail.to, mail.text) for mail in mails] == [("ann@example.com", "pen")]
    assert [job.state for job in await outbox.jobs()] == ["done", "done"]


async def test_a_failed_job_is_told(client: httpx2.AsyncClient, outbox: Outbox) -> None:
    await client.post("/articles", json={"name": "bad"})
    with pytest.raises(AssertionError, match=r"shop\.announce: ValueError: bad"):
        await outbox.run()


async def test_statements_are_counted(client: httpx2.AsyncClient, database: Database) -> None:
    with count_statements(database) as statements:
        await client.get("/entries/1")
        await client.get("/articles")
    assert statements.verbs == ["SELECT"]


async def test_what_nobody_catches_is_raised(client: httpx2.AsyncClient) -> None:
    with pytest.raises(ZeroDivisionError):
        await client.get("/broken")


async def test_celery_works_at_once(celery_eager: Any) -> None:
    parts.clear()
    assert add.delay(2).get() == 2
    with pytest.raises(ValueError, match="-1"):
        add.delay(-1)


async def test_nothing_is_done_to_the_database_behind_the_back_of_a_test() -> None:
    with pytest.raises(ConfigurationError, match="let the test ask for"):
        await log.ping()

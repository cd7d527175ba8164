"""An orchestrator learns whether the app serves, and whether what it needs answers."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from fastapi_crud import ConfigurationError, Database, add_exception_handlers, make_health_router
from fastapi_crud.database import STATE_KEY
from fastapi_crud.health import Check
from tests.conftest import Client, client_of


def client_for(database: Database | None = None, **options: Any) -> Client:
    """A client of an app with the router."""
    app = FastAPI()
    app.include_router(make_health_router(**options))
    add_exception_handlers(app)
    if database is not None:
        setattr(app.state, STATE_KEY, database)
    return client_of(app)


@pytest.fixture
async def away(tmp_path: Any) -> AsyncIterator[Database]:
    """A database that does not answer."""
    database = Database(f"sqlite:///{tmp_path}/nowhere/x.db")
    yield database
    await database.engine.dispose()


async def answers() -> None:
    """A check of something that answers."""


async def fails() -> None:
    """A check of something that does not."""
    msg = "secret://user:password@host"
    raise OSError(msg)


async def hangs() -> None:
    """A check of something that says nothing."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_serves_is_healthy(away: Database, method: str) -> None:
    """Is the process well although the database is away?"""
    async with client_for(away) as client:
        answer = await client.request(method, "/healthz")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert method == "HEAD" or answer.json() == {"status": "ok"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_can_work_is_ready(sqlite: Database, method: str) -> None:
    """Is the app ready once its database and its checks answer?"""
    async with client_for(sqlite, checks={"redis": answers}) as client:
        answer = await client.request(method, "/readyz")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


async def test_what_does_not_answer_is_named_and_nothing_else(away: Database) -> None:
    """Are the names of what failed told, in the error format, and not why?"""
    checks: dict[str, Check] = {"redis": answers, "mail": fails, "search": hangs}
    async with client_for(away, checks=checks, timeout=0.5) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "no-store"
    problem = answer.json()
    assert problem["code"] == "not_ready"
    assert problem["detail"] == "Not ready: database, mail, search"
    assert problem["errors"] == [
        {"type": "unavailable", "loc": ["checks", "database"], "msg": "does not answer"},
        {"type": "unavailable", "loc": ["checks", "mail"], "msg": "does not answer"},
        {
            "type": "unavailable",
            "loc": ["checks", "search"],
            "msg": "no answer within 0.5 seconds",
        },
    ]
    assert "secret" not in answer.text


async def test_named_databases_take_the_place_of_the_apps_own(
    sqlite: Database, away: Database
) -> None:
    """Are exactly those asked that are named?"""
    async with client_for(databases={"main": sqlite, "archive": away}) as client:
        assert (await client.get("/readyz")).json()["detail"] == "Not ready: archive"
    async with client_for(databases={}) as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_an_app_without_a_database_has_to_say_so() -> None:
    """Is it an error of the app, not of its database, if none was opened?"""
    async with client_for() as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")


async def test_only_changes_are_logged(sqlite: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Is a failure logged once, with its reason, and its end once?"""
    state = {"fails": True}

    async def check() -> None:
        if state["fails"]:
            await fails()

    with caplog.at_level(logging.INFO, logger="fastapi_crud.health"):
        async with client_for(sqlite, checks={"redis": check}) as client:
            statuses = [(await client.get("/readyz")).status_code for _ in range(2)]
            state["fails"] = False
            statuses += [(await client.get("/readyz")).status_code for _ in range(2)]
    assert statuses == [503, 503, 200, 200]
    records = [r for r in caplog.records if r.name == "fastapi_crud.health"]
    assert [(r.levelname, r.getMessage()) for r in records] == [
        ("WARNING", "not ready: redis: does not answer"),
        ("INFO", "redis answers again"),
    ]
    assert records[0].exc_info


async def test_the_endpoints_are_documented_unless_hidden(sqlite: Database) -> None:
    """Does the OpenAPI document have them, with the problem, where it shall?"""
    async with client_for(sqlite) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert paths.keys() == {"/healthz", "/readyz"}
    assert paths["/readyz"]["get"]["responses"].keys() == {"200", "503"}
    content = paths["/readyz"]["get"]["responses"]["503"]["content"]
    assert content.keys() == {"application/problem+json"}
    async with client_for(sqlite, include_in_schema=False) as client:
        assert (await client.get("/openapi.json")).json()["paths"] == {}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"checks": {"database": answers}}, "database is a database already"),
        ({"databases": {"a": object()}, "checks": {"a": answers}}, "a is a database already"),
        ({"timeout": 0}, "more than 0"),
    ],
    ids=["own name", "given name", "timeout"],
)
def test_mistakes_are_told_when_it_is_made(options: dict[str, Any], says: str) -> None:
    """Is a name that is used twice, or no time, refused at once?"""
    with pytest.raises(ConfigurationError, match=says):
        make_health_router(**options)

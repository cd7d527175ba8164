"""Statements that take long are told, when somebody wants to know."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from fastapi_crud import Database, Settings, add_request_ids, make_crud_router
from fastapi_crud.plans import Plans
from fastapi_crud.slow_queries import MAX_STATEMENT
from tests.conftest import client_of
from tests.models import Base, Note


@pytest.fixture
async def slow(tmp_path: Any) -> AsyncIterator[Database]:
    """A database to which every statement is slow."""
    database = Database(f"sqlite:///{tmp_path}/slow.db", metadata=Base.metadata, slow_query=0)
    await database.create_all()
    yield database
    await database.engine.dispose()


async def test_the_statement_is_told_and_its_values_are_not(
    slow: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Does the warning have the text and the time, and nothing that was sent?"""
    app = FastAPI()
    app.include_router(make_crud_router(Note, database=slow))
    add_request_ids(app)
    caplog.clear()
    async with client_of(app) as client:
        stored = await client.post("/notes", json={"title": "secret"})
    assert stored.status_code == 201
    (record,) = [r for r in caplog.records if r.name == "fastapi_crud.slow_queries"]
    told: Any = record
    assert record.levelno == logging.WARNING
    assert told.statement.startswith("INSERT INTO notes")
    assert told.duration_ms >= 0
    assert record.getMessage() == f"slow query: {told.duration_ms} ms: {told.statement}"
    assert "secret" not in str(vars(record))


async def test_long_statements_are_cut(slow: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Is a statement of any length a record of bounded length?"""
    caplog.clear()
    async with slow.session() as session:
        await session.execute(sa.text(f"SELECT 1 -- {'x' * 9000}"))
    assert len(caplog.messages[-1]) < MAX_STATEMENT + 100


@pytest.mark.parametrize(
    ("debug", "slow_query", "usable"),
    [(False, None, True), (False, 60, False), (True, None, False)],
    ids=["off", "asked for", "debug"],
)
async def test_nobody_pays_who_did_not_ask(
    every_lane: None,
    tmp_path: Any,
    caplog: pytest.LogCaptureFixture,
    debug: bool,
    slow_query: float | None,
    usable: bool,
) -> None:
    """Does the short way stay open by default, and is what is quick not told?"""
    settings = Settings(debug=debug)
    database = Database(f"sqlite:///{tmp_path}/x.db", settings=settings, slow_query=slow_query)
    await database.ping()
    assert Plans(database.engine).usable is usable
    assert not [r for r in caplog.records if r.name == "fastapi_crud.slow_queries"]
    await database.engine.dispose()


async def test_debug_warns(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Is there a limit in debug, where none was given?"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastapi_crud.slow_queries.DEFAULT_LIMIT", 0)
        database = Database(f"sqlite:///{tmp_path}/x.db", settings=Settings(debug=True))
    await database.ping()
    await database.engine.dispose()
    assert any(r.name == "fastapi_crud.slow_queries" for r in caplog.records)

"""What the errors of a driver are to SQLAlchemy, and what becomes of their connections."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fastapi_crud.loans import lent, lent_at_once
from fastapi_crud.refusals import Refusal, give_back_after, refusal_of

TAKEN = sqlite3.IntegrityError("UNIQUE constraint failed")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An engine."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    yield engine
    await engine.dispose()


@pytest.mark.parametrize(
    ("error", "kind", "lost", "broken"),
    [
        (TAKEN, IntegrityError, False, False),
        (ValueError("no active connection"), OperationalError, False, True),
        (ZeroDivisionError(), ZeroDivisionError, True, False),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Exception) else "",
)
async def test_what_an_error_means(
    engine: AsyncEngine, error: Exception, kind: type[Exception], lost: bool, broken: bool
) -> None:
    """Is it what SQLAlchemy would raise, is its cause told, and what becomes of the connection?"""
    loan = await lent(engine.pool)
    refusal = refusal_of(loan, engine.dialect, "SELECT 1", error)
    assert type(refusal.error) is kind
    assert (refusal.lost, refusal.broken) == (lost, broken)
    if kind is not type(error):
        told: Any = refusal.error
        assert (told.statement, told.__cause__) == ("SELECT 1", error)
    await give_back_after(loan, [Refusal(TAKEN, TAKEN), refusal])
    again = lent_at_once(engine.pool)
    assert (again is not None) is not (lost or broken)
    if again is not None:
        await give_back_after(again, [])
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_no_connection_could_be_had(engine: AsyncEngine) -> None:
    """Is no statement told that was never sent?"""
    refusal = refusal_of(None, engine.dialect, "SELECT 1", sqlite3.OperationalError("away"))
    told: Any = refusal.error
    assert isinstance(told, OperationalError)
    assert told.statement is None

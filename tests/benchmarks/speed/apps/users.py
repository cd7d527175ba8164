"""The table of users that all ways share, and its engine."""

import sqlite3
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi.telemetry import TelemetryConfig
from pydantic import EmailStr
from sqlalchemy import DateTime, MetaData, String, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud.engines import SQLITE_PRAGMAS

POOL_SIZE = 16
POOL: dict[str, Any] = {"pool_size": POOL_SIZE, "max_overflow": 0}
"""How many connections each way may open: as engines take it."""

UNOBSERVED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""What is said to every FastAPI: it need not look for OpenTelemetry at each request, which bare
Starlette does not know."""


def fake_hash(password: str) -> str:
    """Stand in for a hash, at no cost."""
    return f"hashed:{password}"


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    metadata = MetaData()


class UserColumns:
    """All columns but the address."""

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    name: Mapped[str] = mapped_column(String(100), info={"min_length": 2})
    hashed_password: Mapped[str] = mapped_column(
        String(255), default=lambda: fake_hash("password123")
    )
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now, onupdate=now)


class User(UserColumns, Base):
    __tablename__ = "users"

    email: Mapped[EmailStr] = mapped_column(String(255), unique=True)


class PlainBase(DeclarativeBase):
    metadata = MetaData()


class PlainUser(UserColumns, PlainBase):
    """The same table for those who take addresses as text."""

    __tablename__ = "users"

    email: Mapped[str] = mapped_column(String(255), unique=True)


def make_engine(url: str) -> AsyncEngine:
    """Make the engine of an app; SQLite is set up as `Database` does it."""
    engine = create_async_engine(url, **POOL)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    del record
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()

"""Users as JSON, straight from the drivers: one statement for each operation."""

import sqlite3
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import uuid4

from sqlalchemy import make_url

from fastapi_crud.engines import SQLITE_PRAGMAS
from tests.benchmarks.speed.apps.users import POOL_SIZE, fake_hash

asyncpg: Any = import_module("asyncpg")  # has no types

COLUMNS = "id, email, name, is_active, created_at, updated_at"
INSERTED = "id, email, name, hashed_password, is_active, created_at, updated_at"


class PostgreSQLStore:
    """On a pool of asyncpg's."""

    ROW = f"""json_build_object({", ".join(f"'{name}', {name}" for name in COLUMNS.split(", "))})"""
    PAGE = f"""
        SELECT json_build_object(
            'items', (SELECT coalesce(json_agg(page), '[]') FROM (
                SELECT {COLUMNS} FROM users ORDER BY id LIMIT $1 OFFSET $2
            ) AS page),
            'total', (SELECT count(*) FROM users)
        )"""
    GET = f"SELECT {ROW} FROM users WHERE id = $1"
    CREATE = f"INSERT INTO users ({INSERTED}) VALUES ($1, $2, $3, $4, true, $5, $5) RETURNING {ROW}"
    RENAME = f"UPDATE users SET name = $2, updated_at = $3 WHERE id = $1 RETURNING {ROW}"

    pool: Any

    def __init__(self, url: str) -> None:
        plain = make_url(url).set(drivername="postgresql")
        self.url = plain.render_as_string(hide_password=False)

    async def open(self) -> None:
        self.pool = await asyncpg.create_pool(
            self.url, min_size=1, max_size=POOL_SIZE, reset=_leave
        )

    async def close(self) -> None:
        await self.pool.close()

    async def page(self, skip: int, limit: int) -> bytes:
        return _encoded(await self.pool.fetchval(self.PAGE, limit, skip)) or b""

    async def get(self, user_id: str) -> bytes | None:
        return _encoded(await self.pool.fetchval(self.GET, user_id))

    async def create(self, email: str, name: str, password: str) -> bytes | None:
        values = str(uuid4()), email, name, fake_hash(password), datetime.now(UTC)
        try:
            return _encoded(await self.pool.fetchval(self.CREATE, *values))
        except asyncpg.UniqueViolationError:
            return None

    async def rename(self, user_id: str, name: str) -> bytes | None:
        row = await self.pool.fetchval(self.RENAME, user_id, name, datetime.now(UTC))
        return _encoded(row)


async def _leave(connection: object) -> None:
    """Spare the round trip that resets a connection: nothing here leaves anything behind."""


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


class SQLiteStore:
    """On one connection, in the thread of the event loop: nothing is quicker."""

    ROW = """json_object('id', id, 'email', email, 'name', name,
        'is_active', json(iif(is_active, 'true', 'false')),
        'created_at', created_at, 'updated_at', updated_at)"""
    PAGE = f"""
        SELECT json_object(
            'items', (SELECT json_group_array({ROW}) FROM (
                SELECT {COLUMNS} FROM users ORDER BY id LIMIT ? OFFSET ?
            )),
            'total', (SELECT count(*) FROM users)
        )"""
    GET = f"SELECT {ROW} FROM users WHERE id = ?"
    CREATE = f"INSERT INTO users ({INSERTED}) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5) RETURNING {ROW}"
    RENAME = f"UPDATE users SET name = ?2, updated_at = ?3 WHERE id = ?1 RETURNING {ROW}"

    connection: sqlite3.Connection

    def __init__(self, url: str) -> None:
        self.path = make_url(url).database or ""

    async def open(self) -> None:
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        for pragma in SQLITE_PRAGMAS:
            self.connection.execute(pragma)

    async def close(self) -> None:
        self.connection.close()

    async def page(self, skip: int, limit: int) -> bytes:
        return self._value(self.PAGE, limit, skip) or b""

    async def get(self, user_id: str) -> bytes | None:
        return self._value(self.GET, user_id)

    async def create(self, email: str, name: str, password: str) -> bytes | None:
        try:
            return self._value(self.CREATE, str(uuid4()), email, name, fake_hash(password), _now())
        except sqlite3.IntegrityError:
            return None

    async def rename(self, user_id: str, name: str) -> bytes | None:
        return self._value(self.RENAME, user_id, name, _now())

    def _value(self, statement: str, *values: object) -> bytes | None:
        rows = self.connection.execute(statement, values).fetchall()
        return rows[0][0].encode() if rows else None


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

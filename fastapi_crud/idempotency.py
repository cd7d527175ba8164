"""Answers kept under an idempotency key, in the transaction of the write: both, or neither."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapper

from fastapi_crud.exceptions import (
    ConfigurationError,
    IdempotencyKeyReused,
    LockTimeout,
    RequestInProgress,
    UniqueViolation,
)
from fastapi_crud.integrity import translated
from fastapi_crud.locks import begin_to_write
from fastapi_crud.models import UTCDateTime, utc_now

Scope = Sequence[str]
"""A key, and what it belongs to."""

BATCH = 1000  # expired keys that are looked up at a time


def idempotency_table(metadata: sa.MetaData) -> sa.Table:
    """Give the table of the keys, `idempotency_keys`; the same for the same metadata.

    Args:
        metadata: Where your models' tables are: migrations and `create_all` then see it as well.
    """
    return sa.Table(
        "idempotency_keys",
        metadata,
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.JSON(none_as_null=True)),
        sa.Column("body", sa.LargeBinary(2**24 - 1)),  # MEDIUMBLOB on MySQL and MariaDB
        sa.Column("expires_at", UTCDateTime, nullable=False, index=True),
        keep_existing=True,
    )


@dataclass(frozen=True)
class StoredAnswer:
    """An answer as it was first given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, eq=False)
class IdempotencyStore:
    """Keeps answers in a table.

    Args:
        table: The table, as `idempotency_table` gives it.
        lifetime: How long an answer is kept; afterwards its key is as good as new.
    """

    table: sa.Table
    lifetime: timedelta = timedelta(hours=24)

    async def claim(
        self, session: AsyncSession, scope: Scope, fingerprint: str, *, mapper: Mapper[Any]
    ) -> StoredAnswer | None:
        """Claim a key, or give the answer that is stored under it.

        A claim lasts as long as the transaction: whoever commits it calls `finish` before.

        Args:
            session: The session to work in. Roll it back if this raises.
            scope: The key, and what it belongs to.
            fingerprint: Tells requests apart: 64 characters at most.
            mapper: Whose database it is.

        Returns:
            The answer; None if the claim is ours and the work is still to be done.

        Raises:
            RequestInProgress: If another transaction works on the same key.
            IdempotencyKeyReused: If the key belongs to another request.
            CrudError: If the database refused, as its error means.
        """
        digest, end = _digest(scope), utc_now() + self.lifetime
        values = {"id": digest.hex(), "fingerprint": fingerprint, "expires_at": end}
        with translated():
            await begin_to_write(session, mapper)
            connection = await session.connection(bind_arguments={"mapper": mapper})
            alone = await _is_alone(connection, digest)
            if alone and await self._insert(connection, values):
                return None
            row = await self._read(connection, digest.hex())
            if row is not None and row.expires_at <= utc_now():
                if alone and await self._take_over(connection, values):
                    return None
                row = None
        return _answer_in(row, fingerprint)

    async def finish(
        self, session: AsyncSession, scope: Scope, answer: StoredAnswer, *, mapper: Mapper[Any]
    ) -> None:
        """Store the answer to the request whose key was claimed in this transaction.

        Raises:
            ConfigurationError: If nothing was claimed, or the claim has been rolled back.
            CrudError: If the database refused, as its error means.
        """
        change = self.table.update().where(self.table.c.id == _digest(scope).hex())
        values = {"status": answer.status, "headers": {**answer.headers}, "body": answer.body}
        with translated():
            connection = await session.connection(bind_arguments={"mapper": mapper})
            result = await connection.execute(change.values(values))
        if not result.rowcount:
            msg = "finish() without claim(): was the transaction that claimed rolled back?"
            raise ConfigurationError(msg)

    async def _insert(self, connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
        insert = Claim(self.table).values(values).execution_options(preserve_rowcount=True)
        try:
            with translated():
                return bool((await connection.execute(insert)).rowcount)
        except UniqueViolation:  # on MySQL and MariaDB, which go on with the transaction
            return False
        except LockTimeout as error:  # MariaDB at once, MySQL in the end
            raise RequestInProgress from error

    async def _read(self, connection: AsyncConnection, key: str) -> sa.Row[Any] | None:
        statement = sa.select(self.table).where(self.table.c.id == key)
        if connection.dialect.name in {"mysql", "mariadb"}:
            # The snapshot of a repeatable read may be older than the row; a lock reads past it.
            statement = statement.with_for_update(read=True)
        return (await connection.execute(statement)).one_or_none()

    async def _take_over(self, connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
        same = self.table.c.id == values["id"]
        change = self.table.update().where(same, self.table.c.expires_at <= utc_now())
        change = change.values({**values, **dict.fromkeys(("status", "headers", "body"))})
        return bool((await connection.execute(change)).rowcount)


async def prune_idempotency_keys(session: AsyncSession, table: sa.Table) -> int:
    """Delete the keys that have expired, and tell how many: call it now and then.

    Args:
        session: The session to work in. Whoever opened it commits it.
        table: The table of the keys.
    """
    key, count, last = table.c.id, 0, ""
    expired = table.c.expires_at <= utc_now()
    page = sa.select(key).where(expired).order_by(key).limit(BATCH)
    # One by one: to delete several, MariaDB may lock the whole table, and new keys look taken.
    delete = table.delete().where(key == sa.bindparam("key"), expired)
    with translated():
        while keys := (await session.scalars(page.where(key > last))).all():
            await session.execute(delete, [{"key": each} for each in keys])
            count, last = count + len(keys), keys[-1]
    return count


class Claim(sa.Insert):
    """An INSERT that yields to the row that is there, and on MariaDB never waits for it."""

    inherit_cache: bool | None = True


@compiles(Claim)
def _compile(element: Claim, compiler: Any, **options: Any) -> str:  # noqa: ANN401
    insert: str = compiler.visit_insert(element, **options)
    if compiler.dialect.name not in {"mysql", "mariadb"}:
        return f"{insert} ON CONFLICT DO NOTHING"
    # Not INSERT IGNORE: it cuts values short, and asyncmy logs each row that is there.
    at_once = "SET STATEMENT innodb_lock_wait_timeout=0 FOR " if compiler.dialect.is_mariadb else ""
    return at_once + insert


async def _is_alone(connection: AsyncConnection, digest: bytes) -> bool:
    """Keep others from working on a key until the transaction ends; only PostgreSQL needs it."""
    if connection.dialect.name != "postgresql":
        return True
    number = sa.literal(int.from_bytes(digest[:8], signed=True), sa.BigInteger)
    return bool(await connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(number))))


def _answer_in(row: sa.Row[Any] | None, fingerprint: str) -> StoredAnswer:
    if row is not None and row.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    if row is None or row.status is None:  # committed without `finish`: nobody knows how it ended
        raise RequestInProgress
    return StoredAnswer(row.status, row.headers, row.body)


def _digest(scope: Scope) -> bytes:
    return hashlib.sha256(json.dumps([*scope]).encode()).digest()

"""Attempts slowed down: counted in the database, and before a password is checked."""

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from fastapi_crud.auth.exceptions import TooManyAttempts
from fastapi_crud.database import commit, transaction
from fastapi_crud.exceptions import ConfigurationError, TransactionConflict, UniqueViolation
from fastapi_crud.idempotency import Claim
from fastapi_crud.integrity import translated
from fastapi_crud.models import UTCDateTime, utc_now

Key = Sequence[str]
"""What is counted together, such as an account and an address."""

ROUNDS = 5  # how often something is tried that others may forestall
BATCH = 1000  # keys that are looked up at a time


def throttle_table(metadata: sa.MetaData, name: str = "auth_throttle") -> sa.Table:
    """Give the table of the counts; the same for the same metadata and name."""
    return sa.Table(
        name,
        metadata,
        sa.Column("key", sa.String(64), primary_key=True),  # a SHA-256, no address in clear
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("blocked_until", UTCDateTime),
        sa.Column("updated_at", UTCDateTime, nullable=False, index=True),
        keep_existing=True,
    )


UNKNOWN = datetime.min.replace(tzinfo=UTC)
"""The end of a wait of what nobody has counted yet."""


@dataclass(frozen=True)
class Allowance:
    """How many attempts may fail in a row, and how long the next ones wait.

    Args:
        free: How many may fail before there is a wait.
        first_wait: The wait after these; each further failure doubles it.
        max_wait: The longest wait.
        forget_after: After how long without an attempt the count starts anew. It is at least
            twice the longest wait, for else waiting would be enough.

    Raises:
        ConfigurationError: If nothing is free, or the waits are not in order.
    """

    free: int
    first_wait: timedelta = timedelta(seconds=1)
    max_wait: timedelta = timedelta(minutes=15)
    forget_after: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        """Check what would let nobody in, or double for ever."""
        if self.free < 1 or not timedelta(0) < self.first_wait <= self.max_wait:
            msg = "an allowance needs free >= 1 and 0 < first_wait <= max_wait"
            raise ConfigurationError(msg)

    def waits(self) -> Mapping[int, timedelta]:
        """Give the wait after each number of failures up to the longest, which then remains."""
        waits = {self.free: self.first_wait}
        failures = self.free
        while waits[failures] < self.max_wait:
            waits[failures + 1] = min(2 * waits[failures], self.max_wait)
            failures += 1
        return waits


@dataclass(frozen=True)
class Attempt:
    """An attempt that was counted.

    Args:
        key: Where it counts.
        at: When it was counted; the database knows it again by this.
    """

    key: tuple[str, ...]
    at: datetime


class Throttle(Protocol):
    """Counts attempts, and lets those wait that follow too many failures.

    All but `check` commits. Call `admit` before anything else is done with the session, and make each
    key of parts that an attacker cannot choose for others: an account alone would let anybody lock
    its owner out, an account with an address cannot.
    """

    async def check(self, session: AsyncSession, key: Key) -> None:
        """Tell whether an attempt has to wait: neither counts nor commits.

        Raises:
            TooManyAttempts: If it has to wait.
        """
        ...

    async def admit(self, session: AsyncSession, key: Key, allowance: Allowance) -> Attempt:
        """Count an attempt as a failure before it is made; one that has to wait does not count.

        Raises:
            TooManyAttempts: If it has to wait.
        """
        ...

    async def forget(self, session: AsyncSession, key: Key) -> None:
        """Forget all failures of a key: whoever succeeded is trusted with all of it."""
        ...

    async def take_back(self, session: AsyncSession, attempt: Attempt) -> None:
        """Take one attempt back that succeeded, and its wait; other failures still count."""
        ...


class DatabaseThrottle:
    """A `Throttle` that counts in a table, so that it holds for all processes of all servers.

    Each statement is about one row and has a transaction of its own, which also ends the one that
    the session is in: what is pending is committed with it.

    Args:
        table: The table, as `throttle_table` gives it.
    """

    def __init__(self, table: sa.Table) -> None:
        self._table = table

    async def check(self, session: AsyncSession, key: Key) -> None:
        """Tell whether an attempt has to wait: neither counts nor commits.

        Raises:
            TooManyAttempts: If it has to wait.
        """
        with translated():
            connection = await session.connection(bind_arguments={"clause": self._table})
            _refuse(await self._end_of_wait(connection, key), utc_now())

    async def admit(self, session: AsyncSession, key: Key, allowance: Allowance) -> Attempt:
        """Count an attempt as a failure before it is made; one that has to wait does not count.

        Args:
            session: The session to work in. Whatever this raises, nothing is left to roll back.
            key: Where the attempt counts.
            allowance: How many may fail, and how long the next ones wait.

        Raises:
            TooManyAttempts: If it has to wait, or too many at once want to be counted.
            CrudError: If the database refused, as its error means.
        """
        for _ in range(ROUNDS):
            attempt = Attempt((*key,), utc_now())
            with suppress(TransactionConflict):
                if await self._counts(session, attempt, allowance):
                    return attempt
        raise TooManyAttempts(1)

    async def forget(self, session: AsyncSession, key: Key) -> None:
        """Forget all failures of a key: whoever succeeded is trusted with all of it.

        Raises:
            CrudError: If the database refused, as its error means.
        """
        change = self._table.update().where(self._table.c.key == _digest(key))
        # Not deleted: whoever is counted at the same time would have to look again and again.
        await self._change_in_the_end(session, change.values(failures=0, blocked_until=None))

    async def take_back(self, session: AsyncSession, attempt: Attempt) -> None:
        """Take one attempt back that succeeded, and its wait; other failures still count.

        A wait that a later attempt has caused remains.

        Raises:
            CrudError: If the database refused, as its error means.
        """
        row = self._table.c
        change = self._table.update().where(row.key == _digest(attempt.key), row.failures > 0)
        last = row.updated_at == attempt.at
        ends = sa.case((last, sa.null()), else_=row.blocked_until)
        values = {"blocked_until": ends, "failures": row.failures - 1}
        await self._change_in_the_end(session, change.values(values))

    async def prune(
        self, session: AsyncSession, *, unused_for: timedelta = timedelta(days=1)
    ) -> int:
        """Delete counts that matter no more, and tell how many: call it now and then.

        Args:
            session: The session to work in. Whoever opened it commits it.
            unused_for: How long ago the last attempt was: no less than the longest
                `forget_after`.
        """
        row, now, count, last = self._table.c, utc_now(), 0, ""
        ended = sa.func.coalesce(row.blocked_until, row.updated_at) <= now
        unused = (row.updated_at <= now - unused_for, ended)
        page = sa.select(row.key).where(*unused).order_by(row.key).limit(BATCH)
        # One by one: to delete several, MariaDB may lock the whole table, and logins wait.
        delete = self._table.delete().where(row.key == sa.bindparam("digest"), *unused)
        with translated():
            while keys := (await session.scalars(page.where(row.key > last))).all():
                await session.execute(delete, [{"digest": each} for each in keys])
                count, last = count + len(keys), keys[-1]
        return count

    async def _counts(self, session: AsyncSession, attempt: Attempt, allowance: Allowance) -> bool:
        """Count an attempt; False if others have changed the count meanwhile."""
        async with self._alone(session) as connection:
            end = await self._end_of_wait(connection, attempt.key)
        if end is UNKNOWN:
            return await self._begin(session, attempt, allowance)
        _refuse(end, attempt.at)
        return await self._change(session, self._one_more(attempt, allowance))

    async def _end_of_wait(self, connection: AsyncConnection, key: Key) -> datetime | None:
        """Give when a wait ends; None where there is none, `UNKNOWN` where nothing is counted."""
        row = self._table.c
        found = await connection.execute(
            sa.select(row.blocked_until).where(row.key == _digest(key))
        )
        count = found.one_or_none()
        return UNKNOWN if count is None else count.blocked_until

    async def _begin(self, session: AsyncSession, attempt: Attempt, allowance: Allowance) -> bool:
        wait = allowance.waits().get(1)
        values = {
            "key": _digest(attempt.key),
            "failures": 1,
            "blocked_until": wait and attempt.at + wait,
            "updated_at": attempt.at,
        }
        async with self._alone(session) as connection:
            plain = connection.dialect.name in {"mysql", "mariadb"}  # Claim would not wait there
            insert = (sa.Insert if plain else Claim)(self._table).values(values)
            insert = insert.execution_options(preserve_rowcount=True)
            try:
                with translated():
                    return bool((await connection.execute(insert)).rowcount)
            except UniqueViolation:  # on MySQL and MariaDB, which go on with the transaction
                return False

    def _one_more(self, attempt: Attempt, allowance: Allowance) -> sa.Update:
        """Count on from whatever the number is by then, unless there is a wait by then."""
        row, now = self._table.c, attempt.at
        memory = max(allowance.forget_after, 2 * allowance.max_wait)
        failures = sa.case((row.updated_at <= now - memory, 1), else_=row.failures + 1)
        ends = {n: sa.literal(now + wait, UTCDateTime) for n, wait in allowance.waits().items()}
        longest = sa.literal(now + allowance.max_wait, UTCDateTime)
        blocked_until = sa.case(
            (failures < allowance.free, sa.null()),
            else_=sa.case(ends, value=failures, else_=longest),
        )
        free = sa.or_(row.blocked_until.is_(None), row.blocked_until <= now)
        change = self._table.update().where(row.key == _digest(attempt.key), free)
        # MySQL and MariaDB assign one after the other: a column is read before it is assigned.
        return change.ordered_values(
            (row.blocked_until, blocked_until), (row.failures, failures), (row.updated_at, now)
        )

    async def _change_in_the_end(self, session: AsyncSession, change: sa.Update) -> None:
        """Change a row; tried again where another change won, as it may on some isolation levels."""
        for _ in range(ROUNDS - 1):
            with suppress(TransactionConflict):
                await self._change(session, change)
                return
        await self._change(session, change)

    async def _change(self, session: AsyncSession, change: sa.Update) -> bool:
        async with self._alone(session) as connection:
            return bool((await connection.execute(change)).rowcount)

    @asynccontextmanager
    async def _alone(self, session: AsyncSession) -> AsyncGenerator[AsyncConnection]:
        """Work in a transaction of its own: no older snapshot, no lock that is held any longer."""
        await commit(session)
        async with transaction(session):
            yield await session.connection(bind_arguments={"clause": self._table})


def _refuse(end: datetime | None, now: datetime) -> None:
    if end is not None and end > now:
        raise TooManyAttempts(ceil((end - now).total_seconds()))


def _digest(key: Key) -> str:
    return hashlib.sha256(json.dumps([*key]).encode()).hexdigest()

"""Rows locked until the transaction ends, so that what was read is still so when it is written."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, SessionTransaction


async def begin_to_write(session: AsyncSession, mapper: Mapper[Any]) -> None:
    """Lock a SQLite database for writing: what is read afterwards stays so until it is written.

    SQLite has no locks on rows, and Python's driver begins a transaction only with the first
    change. Other databases lock the rows instead; see `locked`.

    Args:
        session: The session to work in.
        mapper: Whose database it is.
    """
    connection = await session.connection(bind_arguments={"mapper": mapper})
    if connection.dialect.name != "sqlite":
        return
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if not driver.in_transaction:
        await connection.exec_driver_sql("BEGIN IMMEDIATE")


def locked(statement: sa.Select[Any], mapper: Mapper[Any], dialect: str) -> sa.Select[Any]:
    """Let a statement lock the rows that it selects, and read them anew.

    Args:
        statement: The statement.
        mapper: Whose rows they are.
        dialect: The database's name.
    """
    fresh = statement.execution_options(populate_existing=True)
    if dialect == "sqlite":
        return fresh
    # PostgreSQL cannot lock the optional side of an outer join, so it is told what to lock.
    return fresh.with_for_update(of=mapper.tables if dialect == "postgresql" else None)


def altered(session: AsyncSession, rows: Iterable[object]) -> None:
    """Tell a session that a statement has changed rows: undoing it must undo what they say.

    SQLAlchemy does so itself for the statements that it synchronizes with the rows.
    """
    unit: Any = session.sync_session
    unit._register_altered([sa.inspect(row) for row in rows])  # noqa: SLF001


class Held:
    """The rows that a session has locked in its current transaction.

    Args:
        session: The session.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._rows: dict[tuple[Any, ...], Any] = {}
        self._transaction: SessionTransaction | None = None
        self._listens = False

    def add(self, key: tuple[Any, ...], row: object) -> None:
        """Remember a row."""
        if not self._listens:
            event.listen(self._session.sync_session, "after_soft_rollback", self._forget)
            self._listens = True
        self._current()[key] = row

    def get(self, key: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a row, or None
        """Give the row with this key, if it is locked."""
        return self._current().get(key)

    def drop(self, key: tuple[Any, ...]) -> None:
        """Forget a row: it is there no more."""
        self._current().pop(key, None)

    def _forget(self, *_: object) -> None:
        """Forget all rows: a savepoint that is undone takes its locks along."""
        self._rows = {}

    def _current(self) -> dict[tuple[Any, ...], Any]:
        transaction = self._session.sync_session.get_transaction()
        if transaction is not self._transaction:
            self._rows, self._transaction = {}, transaction
        return self._rows

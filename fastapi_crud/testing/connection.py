"""The one connection of a test: whatever commits on it ends within a transaction of the test's."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import greenlet_spawn
from typing_extensions import override

from fastapi_crud.exceptions import ConfigurationError

BEGINNINGS: Mapping[str, str] = MappingProxyType(
    {"sqlite": "BEGIN IMMEDIATE", "mysql": "START TRANSACTION", "mariadb": "START TRANSACTION"}
)
"""Dialect → what begins the transaction of a test, where the driver does not do so by itself."""

CLOSED = (
    "there is no connection outside of a test that works with the database: "
    "let the test ask for `client`, `db` or `database`"
)
LOST = (
    "rolled back by a transaction that began earlier: in a test all work on one connection, so "
    "transactions at the same time are nested"
)


class SinglePool(StaticPool):
    """Lends the one connection of a test to everybody, as long as the test runs."""

    is_open: bool = False

    @override
    def _do_get(self) -> Any:
        if not self.is_open:
            raise ConfigurationError(CLOSED)
        return super()._do_get()

    @override
    def dispose(self) -> None:
        """Keep the connection: the lifespan of an app ends before the test does."""

    @override
    def recreate(self) -> "SinglePool":
        """Go on: nothing was disposed of."""
        return self

    def shut(self) -> None:
        """Undo what the test did, and close the connection."""
        self.is_open = False
        if "connection" in vars(self):
            driver = self.connection.dbapi_connection
            if driver is not None:
                driver.rollback()
            super().dispose()
            vars(self).pop("connection", None)


@dataclass(eq=False)
class Part:
    """A transaction of the app: a savepoint in that of the test.

    Args:
        lent: The connection, as it was lent to whoever began.
        name: The name of the savepoint.
        changed: Whether there may be something to undo.
        ended: Whether it was committed, and waits for those that began within it.
    """

    lent: object
    name: str
    changed: bool = False
    ended: bool = False


class Transactions:
    """Has the transactions on an engine begin and end as savepoints.

    Args:
        engine: An engine with a `SinglePool`.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._engine = engine.sync_engine
        self._parts: list[Part] = []
        self._numbers = count(1)
        self._begun = False
        dialect: Any = self._engine.dialect
        dialect.do_begin = self._begin
        dialect.do_commit = self._commit
        dialect.do_rollback = self._rollback
        # Some end a transaction by it, and others must not be told within one.
        dialect.set_isolation_level = dialect.reset_isolation_level = _leave
        event.listen(self._engine, "before_cursor_execute", self._note)
        event.listen(self._engine, "handle_error", self._note_error)

    def open(self) -> None:
        """Let a test begin."""
        self._parts.clear()
        self._begun = False
        self._pool.is_open = True

    async def close(self) -> None:
        """Undo all that was done since."""
        await greenlet_spawn(self._pool.shut)

    @property
    def _pool(self) -> Any:  # noqa: ANN401 - a SinglePool, once it is open
        return self._engine.pool

    def _begin(self, lent: Any) -> None:  # noqa: ANN401 - a connection of the pool
        beginning = BEGINNINGS.get(self._engine.dialect.name)
        if beginning is not None and not self._begun:
            _run(lent, beginning)
        self._begun = True
        part = Part(lent, f"test_{next(self._numbers)}")
        _run(lent, f"SAVEPOINT {part.name}")
        self._parts.append(part)

    def _commit(self, lent: Any) -> None:  # noqa: ANN401 - a connection of the pool
        part = self._part(lent)
        if part is None:
            raise ConfigurationError(LOST)
        self._end(part)

    def _rollback(self, lent: Any) -> None:  # noqa: ANN401 - a connection of the pool
        part = self._part(lent)
        if part is None:
            return
        if part.changed:
            _run(lent, f"ROLLBACK TO SAVEPOINT {part.name}")
            del self._parts[self._parts.index(part) + 1 :]
        self._end(part)

    def _end(self, part: Part) -> None:
        """End a part, and with it those that waited for it: savepoints end in order."""
        part.ended = True
        while self._parts and self._parts[-1].ended:
            last = self._parts.pop()
            _run(part.lent, f"RELEASE SAVEPOINT {last.name}")

    def _part(self, lent: object) -> Part | None:
        parts = (part for part in self._parts if part.lent is lent and not part.ended)
        return next(parts, None)

    def _note(self, connection: Any, _: object, text: str, *__: object) -> None:  # noqa: ANN401 - SQLAlchemy's
        if not text.lstrip("( \n").upper().startswith("SELECT"):
            self._change(connection)

    def _note_error(self, context: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        if context.connection is not None and not context.connection.invalidated:
            self._change(context.connection)  # PostgreSQL goes on only after a rollback

    def _change(self, connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        part = self._part(connection.connection)
        if part is not None:
            part.changed = True


def _run(lent: Any, statement: str) -> None:  # noqa: ANN401 - a connection of the pool
    cursor = lent.cursor()
    try:
        cursor.execute(statement)
    finally:
        cursor.close()


def _leave(*_: object) -> None:
    """Leave the isolation level as it is."""

"""Plans are run on the driver's own connection: the short way to the rows.

SQLAlchemy compiles a statement, converts what goes in and what comes out, and lends a connection
of its pool; what its execution adds to each call is left out. This room, `plan` and `loans` are
the ones that know inner parts of SQLAlchemy and of drivers. Where anything is there that only the
ordinary way honours, such as listeners, `echo`, or another driver, `Plans` says that it is not
`usable`.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from fastapi_crud.gates import Gate
from fastapi_crud.loans import give_back, lent, lent_at_once
from fastapi_crud.plan import Plan, Row

heard_of: Callable[[Any], Sequence[Any]] = attrgetter(
    "before_execute", "after_execute", "before_cursor_execute", "after_cursor_execute",
    "begin", "commit", "rollback", "engine_connect",
)  # fmt: skip
"""Gives what listeners of an engine may want to hear of a statement."""


async def _run_asyncpg(
    loan: Any,  # noqa: ANN401 - a connection of the pool
    plan: Plan,
    arguments: Sequence[Any],
) -> tuple[Sequence[Row], Sequence[Any]]:
    connection = loan.driver_connection
    if plan.processors:
        return await connection.fetch(plan.text, *arguments), ()
    name = loan.dbapi_connection._prepared_statement_name_func()  # noqa: SLF001 - the developer's
    prepared = await connection.prepare(plan.text, name=name)
    codes = [attribute.type.oid for attribute in prepared.get_attributes()]
    return await prepared.fetch(*arguments), codes


async def _run_aiosqlite(
    loan: Any,  # noqa: ANN401 - a connection of the pool
    plan: Plan,
    arguments: Sequence[Any],
) -> tuple[Sequence[Row], Sequence[Any]]:
    connection = loan.driver_connection
    run = _write_sqlite if plan.writes else _read_sqlite
    rows = await connection._execute(run, connection._conn, plan.text, arguments)  # noqa: SLF001
    return rows, [None] * len(plan.types)


def _read_sqlite(connection: sqlite3.Connection, text: str, arguments: Sequence[Any]) -> list[Row]:
    return connection.execute(text, arguments).fetchall()


def _write_sqlite(connection: sqlite3.Connection, text: str, arguments: Sequence[Any]) -> list[Row]:
    if getattr(connection, "autocommit", None) is False:  # as sqlite3 has it since Python 3.12
        with connection:
            return connection.execute(text, arguments).fetchall()
    level, connection.isolation_level = connection.isolation_level, None
    try:  # the statement begins and commits its transaction itself
        return connection.execute(text, arguments).fetchall()
    finally:
        connection.isolation_level = level


Runner = Callable[[Any, Plan, Sequence[Any]], Awaitable[tuple[Sequence[Row], Sequence[Any]]]]

RUNNERS: Mapping[str, Runner] = MappingProxyType(
    {"asyncpg": _run_asyncpg, "aiosqlite": _run_aiosqlite}
)
"""Driver → how it runs a statement that is a transaction of its own, in one go."""


CROWDED = frozenset({"aiosqlite"})
"""Drivers with a thread for each connection, that lets go of the interpreter at each row: several
of them read many rows no faster than one after the other, but wake each other up all the time. Those
that write wait for each other in any case, and SQLite looks ever more seldom whether it is their turn."""
READERS = 2
"""How many of them read many rows at a time."""
WRITERS = 1
"""How many of them write at a time."""

gates: WeakKeyDictionary[Any, tuple[Gate, Gate]] = WeakKeyDictionary()
"""Pool → where those wait that read many rows, and those that write."""


@dataclass(frozen=True, eq=False)
class Plans:
    """Runs plans on one engine.

    Args:
        engine: The engine.
    """

    engine: AsyncEngine

    @property
    def usable(self) -> bool:
        """Whether the short way does all that the ordinary way would do, at this moment."""
        engine: Any = self.engine.sync_engine
        if not self._fits or type(engine.pool) is not AsyncAdaptedQueuePool:
            return False
        heard = engine._has_events and any(heard_of(engine.dispatch))  # noqa: SLF001
        return not (heard or engine._should_log_info())  # noqa: SLF001

    @cached_property
    def _fits(self) -> bool:
        engine: Any = self.engine.sync_engine
        dialect = engine.dialect
        leveled = dialect._on_connect_isolation_level is not None  # noqa: SLF001
        special = leveled or engine.get_execution_options() or dialect.loaded_dbapi is None
        return dialect.driver in RUNNERS and not special

    async def fetch(self, plan: Plan, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run a plan, as a transaction of its own.

        Args:
            plan: The plan.
            values: The values of its parameters.

        Raises:
            DBAPIError: If the database refuses, as SQLAlchemy raises it.
        """
        engine: Any = self.engine.sync_engine
        if engine.dialect.driver not in CROWDED or not (plan.many or plan.writes):
            return await self._fetch(engine, plan, values)
        if engine.pool not in gates:
            gates[engine.pool] = Gate(READERS), Gate(WRITERS)
        async with gates[engine.pool][plan.writes].passed():
            return await self._fetch(engine, plan, values)

    async def _fetch(self, engine: Any, plan: Plan, values: Mapping[str, Any]) -> Sequence[Row]:  # noqa: ANN401
        dialect = engine.dialect
        arguments = plan.arguments(values)
        try:
            loan = lent_at_once(engine.pool) or await lent(engine.pool)
        except dialect.loaded_dbapi.Error as error:
            raise _refused(dialect, None, error, broken=False) from error
        try:
            rows, codes = await RUNNERS[dialect.driver](loan, plan, arguments)
        except Exception as error:
            raise await _failed(loan, dialect, plan, error) from error
        except BaseException:
            loan.invalidate()  # cancelled: nobody knows what it is doing
            raise
        await give_back(loan)
        return plan.converted(rows, dialect, codes)


async def _failed(loan: Any, dialect: Any, plan: Plan, error: Exception) -> Exception:  # noqa: ANN401
    """Give back a connection on which a statement has failed; the error as SQLAlchemy has it."""
    adapted, known = loan.dbapi_connection, error
    try:
        adapted._handle_exception(error)  # noqa: SLF001
    except Exception as raised:  # noqa: BLE001 - it raises what the error is to SQLAlchemy
        known = raised
    if not isinstance(known, dialect.loaded_dbapi.Error):
        loan.invalidate(known)
        return known
    broken: bool = dialect.is_disconnect(known, adapted, None)
    if broken:
        loan._pool._invalidate(loan, known)  # noqa: SLF001 - and those that are as old
    else:
        await give_back(loan)
    return _refused(dialect, plan.text, known, broken=broken)


def _refused(dialect: Any, text: str | None, error: Exception, *, broken: bool) -> Exception:  # noqa: ANN401
    """Make SQLAlchemy's error of the driver's."""
    found: Any = DBAPIError.instance(
        text,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=broken,
        dialect=dialect,
    )
    refused: Exception = found
    return refused

"""Plans are run on the driver's own connection: the short way to the rows.

SQLAlchemy compiles a statement, converts what goes in and what comes out, and lends a connection
of its pool; what its execution adds to each call is left out. This room, `plan`,
`loans`, `hops`, `refusals` and `parts` are the ones that know inner parts of SQLAlchemy and of
drivers. Where anything is there that only the
ordinary way honours, such as listeners, `echo`, or another driver, `Plans` says that it is not
`usable`.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from fastapi_crud.hops import ways_of
from fastapi_crud.loans import give_back, lent, lent_at_once
from fastapi_crud.plan import Plan, Row
from fastapi_crud.refusals import give_back_after, refusal_of

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
    work = partial(read_sqlite, text=plan.text, arguments=arguments)
    rows = await connection._execute(work, connection._conn)  # noqa: SLF001
    return rows, _no_codes(plan)


def _no_codes(plan: Plan) -> Sequence[None]:
    """Give what SQLite says of the types of columns: nothing."""
    return [None] * len(plan.types)


def read_sqlite(connection: sqlite3.Connection, text: str, arguments: Sequence[Any]) -> list[Row]:
    """Run a statement that only reads, in the thread of its connection."""
    return connection.execute(text, arguments).fetchall()


def write_sqlite(connection: sqlite3.Connection, text: str, arguments: Sequence[Any]) -> list[Row]:
    """Run a statement as a transaction of its own, in the thread of its connection."""
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
"""Drivers with a thread for each connection. In many threads at a time, statements are no faster
than one after the other; and where they write, SQLite looks ever more seldom whose turn it is."""


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

    def fetch(self, plan: Plan, values: Mapping[str, Any]) -> Coroutine[Any, Any, Sequence[Row]]:
        """Run a plan, as a transaction of its own.

        Args:
            plan: The plan.
            values: The values of its parameters.

        Raises:
            DBAPIError: If the database refuses, as SQLAlchemy raises it.
        """
        engine: Any = self.engine.sync_engine
        run = self._fetch_crowded if engine.dialect.driver in CROWDED else self._fetch
        return run(engine, plan, values)

    async def _fetch_crowded(
        self,
        engine: Any,  # noqa: ANN401
        plan: Plan,
        values: Mapping[str, Any],
    ) -> Sequence[Row]:
        ways = ways_of(engine)
        if plan.many:
            async with ways.pages:
                return await self._fetch(engine, plan, values)
        hops, run = (ways.writes, write_sqlite) if plan.writes else (ways.reads, read_sqlite)
        work = partial(run, text=plan.text, arguments=plan.arguments(values))
        rows = await hops.run(engine, plan.text, work)
        return plan.converted(rows, engine.dialect, _no_codes(plan))

    async def _fetch(self, engine: Any, plan: Plan, values: Mapping[str, Any]) -> Sequence[Row]:  # noqa: ANN401
        dialect = engine.dialect
        arguments = plan.arguments(values)
        try:
            loan = lent_at_once(engine.pool) or await lent(engine.pool)
        except dialect.loaded_dbapi.Error as error:
            raise refusal_of(None, dialect, None, error).error from error
        try:
            rows, codes = await RUNNERS[dialect.driver](loan, plan, arguments)
        except Exception as error:  # noqa: BLE001 - SQLAlchemy's is raised in its place
            refusal = refusal_of(loan, dialect, plan.text, error)
            await give_back_after(loan, [refusal])
            raise refusal.error from refusal.error.__cause__
        except BaseException:
            loan.invalidate()  # cancelled: nobody knows what it is doing
            raise
        await give_back(loan)
        return plan.converted(rows, dialect, codes)

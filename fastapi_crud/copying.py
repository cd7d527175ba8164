"""COPY: how PostgreSQL takes many new rows with the least effort.

It stores what an INSERT would store, where nothing but the table has a say in that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.util import await_

from fastapi_crud.columns import ModelInfo
from fastapi_crud.plans import Plans

FEWEST = 100
"""With fewer rows an INSERT is as quick."""
MAX_COPIES = 256
PLAIN = sa.text(
    "SELECT relkind IN ('r', 'p') AND NOT relrowsecurity AND NOT relhasrules "
    "FROM pg_class WHERE oid = CAST(:name AS regclass)"
)
"""Whether COPY can fill a table as INSERT does
(https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9)."""

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Copy:
    """Which columns of a table are filled, and with what.

    Args:
        table: The table.
        names: The attributes.
        columns: Their columns.
        dialect: What converts values for the driver.
    """

    table: Any
    names: Sequence[str]
    columns: Sequence[sa.Column[Any]]
    dialect: Dialect

    @property
    def full_name(self) -> str:
        """The name of the table, quoted."""
        return self.dialect.identifier_preparer.format_table(self.table)

    def records(self, rows: Sequence[Row]) -> Sequence[Sequence[Any]]:
        """Give rows as the driver takes them."""
        values = [map(itemgetter(name), rows) for name in self.names]
        for i, convert in self._converts:
            values[i] = map(convert, values[i])
        return [*zip(*values, strict=True)]

    @cached_property
    def _converts(self) -> Sequence[tuple[int, Callable[[Any], Any]]]:
        """The places of the columns whose values are converted, and what converts them."""
        types: list[Any] = [column.type for column in self.columns]
        converts = [each._cached_bind_processor(self.dialect) for each in types]  # noqa: SLF001
        return [(i, convert) for i, convert in enumerate(converts) if convert is not None]

    def run(self, connection: Connection, records: Sequence[Sequence[Any]]) -> None:
        """Store records on a connection whose transaction has begun.

        Raises:
            DBAPIError: If the database refuses, as an INSERT raises it.
        """
        adapted: Any = connection.connection.dbapi_connection
        work = adapted.driver_connection.copy_records_to_table(
            self.table.name,
            schema_name=self.table.schema,
            columns=[column.name for column in self.columns],
            records=records,
        )
        try:
            await_(work)
        except Exception as error:  # noqa: BLE001 - it is raised as what it is to SQLAlchemy
            _refuse(connection, adapted, error)


class Copies:
    """Stores new rows of one model by COPY, where that is the same as by INSERT.

    Made for one call: the database is asked once whether its table is plain. Who has written to a
    table in a transaction has a lock, so that nobody else makes it other than plain.

    Args:
        session: Where; its transaction has begun.
        info: The model.
    """

    def __init__(self, session: AsyncSession, info: ModelInfo) -> None:
        self._session = session
        self._info = info
        self._plain: bool | None = None

    async def store(self, rows: Sequence[Row]) -> bool:
        """Store new rows, if COPY stores the same.

        Args:
            rows: Value by attribute name, all with the same names.

        Returns:
            Whether they are stored.
        """
        session, info = self._session, self._info
        engine = session.get_bind(info.mapper).engine
        copy = copy_of(info, frozenset(rows[0]), engine.dialect) if len(rows) >= FEWEST else None
        heard: Any = session.sync_session.dispatch
        if copy is None or heard.do_orm_execute or not Plans(AsyncEngine(engine)).usable:
            return False
        await session.flush()
        connection = await session.connection(bind_arguments={"mapper": info.mapper})
        if self._plain is None:
            self._plain = bool(await connection.scalar(PLAIN, {"name": copy.full_name}))
        if self._plain:
            await connection.run_sync(copy.run, copy.records(rows))
        return self._plain


@lru_cache(MAX_COPIES)
def copy_of(info: ModelInfo, names: frozenset[str], dialect: Dialect) -> Copy | None:
    """Prepare to fill columns.

    Args:
        info: The model.
        names: The attributes that are given.
        dialect: The dialect.

    Returns:
        None where only a statement knows what is stored: on other databases, where SQL or the
        mapper fills in columns, where types have SQL of their own.
    """
    mapper: Any = info.mapper
    table: Any = mapper.local_table
    single = isinstance(mapper.local_table, sa.Table)
    if dialect.driver != "asyncpg" or not single:
        return None
    columns: list[Any] = [info.columns[name].columns[0] for name in names]
    made: set[Any] = {it for it in table.columns if it.default is not None} - {*columns}
    types: list[Any] = [it.type for it in columns]
    said = any(each._has_bind_expression for each in types)  # noqa: SLF001
    numbered = any(it.identity is not None and it.identity.always for it in columns)
    mapped = mapper.version_id_col is not None or mapper.polymorphic_on is not None
    if made or said or numbered or mapped or not columns:
        return None
    return Copy(table, [*names], columns, dialect)


def _refuse(connection: Any, adapted: Any, error: Exception) -> None:  # noqa: ANN401
    """Raise an error of the driver as SQLAlchemy raises it."""
    known = error
    if isinstance(error, TypeError | ValueError | OverflowError):  # it cannot be sent
        known = adapted.dbapi.DataError(str(error))
    else:
        try:
            adapted._handle_exception(error)  # noqa: SLF001 - the way of all its errors
        except Exception as raised:  # noqa: BLE001 - it raises what the error is to SQLAlchemy
            known = raised
    connection._handle_dbapi_exception(known, "COPY", None, None, None)  # noqa: SLF001

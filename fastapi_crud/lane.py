"""The short way to rows: columns in place of instances, one statement each, and no session.

What it does is what `Repository` does; it stands in for one where the rules of a service, of a
session or of a mapped class have no part in an operation: see `reads_plainly` and `writes_plainly`
of `unit_of_work`.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from typing_extensions import override

from fastapi_crud.changes import insertion_groups
from fastapi_crud.columns import MISSING_DEFAULT, ColumnInfo, ModelInfo
from fastapi_crud.construction import default_of
from fastapi_crud.integrity import translated
from fastapi_crud.models import UTCDateTime
from fastapi_crud.plans import Plan, Plans, plan_of
from fastapi_crud.query.clauses import CountMode, Deleted, OrderBy, Query, Where
from fastapi_crud.query.conditions import needs_lower
from fastapi_crud.query.loading import View
from fastapi_crud.query.statements import Statements
from fastapi_crud.reader import Reader
from fastapi_crud.values import assume_utc

MAX_STATEMENTS = 256
"""How many statements are remembered for one model and engine."""


Form = tuple[str, Any]
"""An attribute that is set: and the SQL, where that is set instead of a value."""


class Record(dict[str, Any]):
    """The columns of a row, by attribute name: read like an instance of the model."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any value of a column
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is run again and again.

    Args:
        sql: What to run.
        names: What its first columns are.
        plan: The same, compiled, where that is possible.
    """

    sql: Any
    names: Sequence[str]
    plan: Plan | None


class Lane(Reader[Any]):
    """The rows of one model, as records; each operation is a transaction of its own.

    Args:
        info: The model.
        names: The attributes that are read.
        engine: Where the rows are.
        view: Which rows there are; the same for every caller.
    """

    def __init__(
        self, info: ModelInfo, names: Iterable[str], engine: AsyncEngine, view: View
    ) -> None:
        self.model = info.model
        self.view = view
        self._names = tuple(names)
        self._engine = engine
        self._plans = Plans(engine)
        self._session: AsyncSession | None = None
        remembered = lru_cache(MAX_STATEMENTS)
        self._paging = remembered(self._make_paging)
        self._inserting = remembered(self._make_inserting)
        self._updating = remembered(self._make_updating)

    def within(self, session: AsyncSession) -> Self:
        """Go this way in the transaction of a session."""
        lane = copy(self)
        lane._session = session
        return lane

    @property
    def is_crowded(self) -> bool:
        """Whether its session holds instances: they would not know of what is written."""
        session = self._session
        return session is not None and bool(session.identity_map or session.new)

    @staticmethod
    def answers(query: Query) -> bool:
        """Tell whether a page can be read this way."""
        special = query.include or query.count == "estimated"
        return not (special or needs_lower(query.where, {}))

    @override
    async def get(self, id: object) -> Any:
        key = self.info.as_key(id)
        return None if key is None else await self._one(self._getting, _values_of_key(key))

    async def create(self, data: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a record
        """Store a new row; see `Repository.create`."""
        ((_, (values,)),) = insertion_groups(self.info, [data])
        forms = _forms(values)
        make = self._make_inserting if _has_sql(forms) else self._inserting
        return await self._one(make(*forms), _bound_values(values))

    async def update(self, id: object, data: Mapping[str, Any]) -> Any:  # noqa: A002, ANN401
        """Change a row; see `Repository.update`."""
        return await self._set(id, data) if data else await self.get(id)

    async def delete(self, id: object) -> bool:  # noqa: A002 - the field's word
        """Delete a row, or mark it as deleted; see `Repository.delete`."""
        deletion = self._translator.deletion(self.info)
        if deletion is not None:
            return await self._set(id, deletion.deleted()) is not None
        key = self.info.as_key(id)
        return key is not None and bool(await self._run(self._deleting, _values_of_key(key)))

    async def _set(self, id: object, data: Mapping[str, Any]) -> Any:  # noqa: A002, ANN401
        key = self.info.as_key(id)
        if key is None:
            return None
        made = {it.name: _made_by_update(it) for it in self._touched if it.name not in data}
        values = {n: it for n, it in made.items() if it is not MISSING_DEFAULT} | {**data}
        forms = _forms(values)
        make = self._make_updating if _has_sql(forms) else self._updating
        return await self._one(make(*forms), _bound_values(values) | _values_of_key(key))

    async def _one(self, statement: Statement, values: Mapping[str, Any]) -> Any:  # noqa: ANN401
        rows = await self._run(statement, values)
        return self._record(rows[0], statement.names) if rows else None

    @override
    async def _page(self, query: Query) -> Sequence[Any]:
        if query.where or not all(isinstance(it, OrderBy) for it in query.order_by):
            return await super()._page(query)
        more = int(query.count != "exact")
        form = (query.order_by, query.count, query.deleted, query.fields, query.skip > 0)
        statement = self._paging(*form)
        bounds = {"crud_skip": query.skip, "crud_limit": query.limit + more}
        return self._paired(await self._run(statement, bounds), statement.names)

    @override
    async def _rows(self, statement: sa.Select[Any], where: Sequence[Where]) -> Sequence[Any]:
        rows = await self._run(Statement(statement, self._names, None), {})
        return self._paired(rows, self._names)

    @override
    async def _scalar(self, statement: sa.Select[Any], where: Sequence[Where]) -> Any:
        return (await self._run(Statement(statement, (), None), {}))[0][0]

    async def _run(self, statement: Statement, values: Mapping[str, Any]) -> Sequence[Any]:
        with translated(self.info):
            if self._session is not None:
                return await self._session.run_sync(
                    _execute, self.info.mapper, statement.sql, values
                )
            if statement.plan is not None and self._plans.usable:
                return await self._plans.fetch(statement.plan, values)
            async with self._engine.connect() as connection:
                rows = (await connection.execute(statement.sql, values)).all()
                await connection.commit()
                return rows

    def _paired(self, rows: Sequence[Any], names: Sequence[str]) -> Sequence[Any]:
        """Make a record of the first columns of each row; what else there is comes after it."""
        width = len(names)
        return [(self._record(row, names), *row[width:]) for row in rows]

    def _record(self, row: Sequence[Any], names: Sequence[str]) -> Record:
        record = Record(zip(names, row))  # noqa: B905 - the rest of the row is no column
        for name in self._zoneless:
            if name in record:
                record[name] = assume_utc(record[name])
        return record

    def _make_paging(
        self,
        order_by: tuple[OrderBy, ...],
        count: CountMode,
        deleted: Deleted,
        fields: tuple[str, ...] | None,
        skips: bool,  # noqa: FBT001 - part of a key
    ) -> Statement:
        names = self._names
        if fields is not None:
            names = tuple(dict.fromkeys([*(it.name for it in self.info.key), *fields]))
        sql = self._statements(deleted, names).page(Query(order_by=order_by, count=count))
        sql = sql.limit(sa.bindparam("crud_limit", type_=sa.BigInteger()))
        if skips:
            sql = sql.offset(sa.bindparam("crud_skip", type_=sa.BigInteger()))
        return self._made(sql, names)

    def _make_inserting(self, *forms: Form) -> Statement:
        sql = sa.insert(self._table).values(self._bound(forms)).returning(*self._returned)
        return self._made(sql, self._names)

    def _make_updating(self, *forms: Form) -> Statement:
        deletion = self._translator.deletion(self.info)
        live = [] if deletion is None else [deletion.is_live(self.model)]
        conditions = [*self._is_key, *live]
        sql = sa.update(self._table).where(*conditions).values(self._bound(forms))
        return self._made(sql.returning(*self._returned), self._names)

    @cached_property
    def _getting(self) -> Statement:
        conditions = (*self._translator.where(self.info, ()), *self._is_key)
        return self._made(sa.select(*self._selected(self._names)).where(*conditions), self._names)

    @cached_property
    def _deleting(self) -> Statement:
        key = [column.columns[0] for column in self.info.key]
        return self._made(sa.delete(self._table).where(*self._is_key).returning(*key), ())

    def _made(self, sql: Any, names: Sequence[str]) -> Statement:  # noqa: ANN401 - a statement
        return Statement(sql, names, plan_of(sql, self._engine.dialect))

    def _bound(self, forms: Iterable[Form]) -> dict[Any, Any]:
        """Say what columns are set to: values that come with each call, or SQL."""
        columns = [(self.info.columns[name].columns[0], sql) for name, sql in forms]
        return {
            column: sa.bindparam(f"crud_value_{i}", type_=column.type) if sql is None else sql
            for i, (column, sql) in enumerate(columns)
        }

    @cached_property
    def _is_key(self) -> list[Any]:
        columns = [column.columns[0] for column in self.info.key]
        return [
            column == sa.bindparam(f"crud_key_{i}", type_=column.type)
            for i, column in enumerate(columns)
        ]

    @cached_property
    def _table(self) -> Any:  # noqa: ANN401 - a table
        return self.info.mapper.local_table

    @cached_property
    def _returned(self) -> list[Any]:
        return [self.info.columns[name].columns[0].label(name) for name in self._names]

    def _selected(self, names: Iterable[str]) -> list[Any]:
        return [getattr(self.model, name).label(name) for name in names]

    @cached_property
    def _touched(self) -> list[ColumnInfo]:
        """The columns that the application sets at each update."""
        return [
            it
            for it in self.info.columns.values()
            if it.columns and it.columns[0].onupdate is not None
        ]

    @cached_property
    def _zoneless(self) -> list[str]:
        """The columns that come without a zone, or in one of the server's."""
        zoned = [it for it in self.info.columns.values() if it.kind.name in {"datetime", "time"}]
        exact = self._engine.dialect.driver == "asyncpg"
        return [
            it.name
            for it in zoned
            if not exact and not (it.columns and isinstance(it.columns[0].type, UTCDateTime))
        ]

    @property
    @override
    def _dialect(self) -> str:
        return self._engine.dialect.name

    @override
    def _statements(
        self, deleted: Deleted = "exclude", names: Sequence[str] | None = None
    ) -> Statements:
        translator = replace(self._translator, deleted=deleted)
        return Statements(self.info, translator, columns=self._selected(names or self._names))


def _execute(session: Session, mapper: Any, sql: Any, values: Mapping[str, Any]) -> Sequence[Any]:  # noqa: ANN401
    return session.connection({"mapper": mapper}).execute(sql, values).all()


def _forms(values: Mapping[str, Any]) -> list[Form]:
    return [(n, it if isinstance(it, sa.ClauseElement) else None) for n, it in values.items()]


def _has_sql(forms: Iterable[Form]) -> bool:
    return any(sql is not None for _, sql in forms)


def _bound_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"crud_value_{i}": value
        for i, value in enumerate(values.values())
        if not isinstance(value, sa.ClauseElement)
    }


def _values_of_key(key: Sequence[Any]) -> dict[str, Any]:
    return {f"crud_key_{i}": value for i, value in enumerate(key)}


def _made_by_update(column: ColumnInfo) -> Any:  # noqa: ANN401 - any value
    """What an update sets a column to; SQL, and what needs the statement, is left to that."""
    made: Any = column.columns[0].onupdate
    return MISSING_DEFAULT if made.is_clause_element else default_of(made)

"""The short way to rows: columns in place of instances, one statement each, and no session.

What it does is what `Repository` does; it stands in for one where the rules of a service, of a
session or of a mapped class have no part in an operation: see `reads_plainly` and `writes_plainly`
of `unit_of_work`. Keys are those that the router has read, and are not checked again.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any, Self, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from typing_extensions import override

from fastapi_crud.changes import completed
from fastapi_crud.columns import MISSING_DEFAULT, ModelInfo
from fastapi_crud.construction import default_of
from fastapi_crud.integrity import translated
from fastapi_crud.models import UTCDateTime
from fastapi_crud.pages import Pages
from fastapi_crud.parts import parts_of
from fastapi_crud.plan import Row, Statement
from fastapi_crud.plans import Plans
from fastapi_crud.prepared import Prepared
from fastapi_crud.query.clauses import Deleted, Query, Where
from fastapi_crud.query.conditions import needs_lower
from fastapi_crud.query.cursors import Cursor
from fastapi_crud.query.loading import View
from fastapi_crud.query.ordering import SortKey
from fastapi_crud.query.statements import Selected, Statements, labelled
from fastapi_crud.rows import Rows, records_of
from fastapi_crud.streams import STREAM_CHUNK, Streams


class Lane(Streams[Any]):
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
        self.model: Any = info.model
        self._info = info
        self.view = view
        self._names = tuple(names)
        self._engine = engine
        self._plans = Plans(engine)
        self.session: Any = None
        self._prepared = Prepared(info, self._names, self._translator, engine.dialect)
        self._pages = Pages(info, self._names, self._translator, engine.dialect)

    def within(self, session: AsyncSession) -> Self:
        """Go this way in the transaction of a session."""
        lane = copy(self)
        lane.session = session
        return lane

    @property
    def is_crowded(self) -> bool:
        """Whether its session holds changes, or rows of the model, which would not hear of any."""
        session = self.session
        if session is None:
            return False
        pending = session.new or session.dirty or session.deleted
        return bool(pending) or any(
            isinstance(each, self.model) for each in session.identity_map.values()
        )

    @property
    @override
    def info(self) -> ModelInfo:
        return self._info

    @staticmethod
    def answers(query: Query) -> bool:
        """Tell whether a page can be read this way."""
        special = query.include or query.count == "estimated"
        return not (special or needs_lower(query.where, {}))

    @override
    async def get(self, id: object) -> Any:
        return await self._one(self._prepared.get, self._prepared.with_key(_as_tuple(id)))

    async def create(self, data: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a record
        """Store a new row; see `Repository.create`."""
        return await self._one(*self._prepared.insert(completed(self._info, data)))

    async def update(self, id: object, data: Mapping[str, Any]) -> Any:  # noqa: A002, ANN401
        """Change a row; see `Repository.update`."""
        return await self._set(id, data) if data else await self.get(id)

    async def delete(self, id: object) -> bool:  # noqa: A002 - the field's word
        """Delete a row, or mark it as deleted; see `Repository.delete`."""
        deletion = self._translator.deletion(self.info)
        if deletion is not None:
            return await self._set(id, deletion.deleted()) is not None
        found = await self._run(self._prepared.delete, self._prepared.with_key(_as_tuple(id)))
        return bool(found)

    async def _set(self, id: object, data: Mapping[str, Any]) -> Any:  # noqa: A002, ANN401
        values = {**data}
        for name, default in self._touched:
            if name not in data and (made := default_of(default)) is not MISSING_DEFAULT:
                values[name] = made
        return await self._one(*self._prepared.update(_as_tuple(id), values))

    async def _one(self, statement: Statement, values: Mapping[str, Any]) -> Any:  # noqa: ANN401
        records = records_of(statement.names, await self._run(statement, values), self._zoneless)
        return records[0] if records else None

    @override
    async def _page(self, query: Query) -> tuple[list[Any], int | None]:
        found = self._pages.page(query, planned=self._planned)
        if found is None:
            return await super()._page(query)
        statement, values = found
        rows = await self._run(statement, values)
        total = rows[0][len(statement.names)] if rows and query.count == "exact" else None
        items: Any = Rows(statement.names, rows, self._zoneless)  # only to be written
        return items, total

    @override
    async def _beyond(self, query: Query, keys: Sequence[SortKey], place: Cursor) -> Sequence[Any]:
        found = self._pages.walk(query, keys, place, planned=self._planned)
        if found is None:
            return await super()._beyond(query, keys, place)
        statement, values = found
        return self._found(await self._run(statement, values))

    @override
    async def _rows(self, statement: Selected, where: Sequence[Where]) -> Sequence[Any]:
        return self._found(await self._run(Statement(statement, self._names), {}))

    def _found(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Put a record in the place of the columns that are an attribute."""
        width, records = len(self._names), records_of(self._names, rows, self._zoneless)
        return [(it, *row[width:]) for it, row in zip(records, rows, strict=True)]

    @override
    async def _scalar(self, statement: sa.Select[Any], where: Sequence[Where]) -> Any:
        return (await self._run(Statement(statement, ()), {}))[0][0]

    async def _run(self, statement: Statement, values: Mapping[str, Any]) -> Sequence[Any]:
        with translated(self._info):
            if self.session is not None:
                session: AsyncSession = self.session
                return await session.run_sync(_execute, self.info.mapper, statement.sql, values)
            if self._planned and statement.plan is not None:
                return await self._plans.fetch(statement.plan, values)
            async with self._engine.connect() as connection:
                rows = (await connection.execute(statement.sql, values)).all()
                await connection.commit()
                return rows

    @property
    def _planned(self) -> bool:
        """Whether plans are run, where statements have one."""
        return self.session is None and self._plans.usable

    @override
    def _apart(self) -> list[Any]:
        return []

    @override
    async def _parts(
        self, statement: sa.Select[Any]
    ) -> AsyncGenerator[tuple[Sequence[Row], Sequence[Any]]]:
        """Ask the connection: a session would look at each row, though nothing is to be done."""
        connection = await self.session.connection(bind_arguments={"mapper": self.info.mapper})
        async with aclosing(parts_of(connection, statement, STREAM_CHUNK)) as parts:
            async for rows, processors in parts:
                yield rows, Rows(self._names, rows, self._zoneless, processors)

    @cached_property
    def _touched(self) -> list[tuple[str, Any]]:
        """What the application sets at each update; SQL is left to the statement."""
        columns = self.info.columns.items()
        made: list[tuple[str, Any]] = [
            (n, it.columns[0].onupdate) for n, it in columns if it.columns
        ]
        return [(n, it) for n, it in made if it is not None and not it.is_clause_element]

    @cached_property
    def _zoneless(self) -> frozenset[str]:
        """The columns that come without a zone, or in one of the server's."""
        zoned = [it for it in self.info.columns.values() if it.kind.name in {"datetime", "time"}]
        exact = self._engine.dialect.driver == "asyncpg"
        return frozenset(
            it.name
            for it in zoned
            if not exact and not (it.columns and isinstance(it.columns[0].type, UTCDateTime))
        )

    @override
    def _sort_keys(self, order_by: Sequence[Any]) -> Sequence[SortKey]:
        return self._pages.sort_keys(order_by)

    @property
    @override
    def _dialect(self) -> str:
        return self._engine.dialect.name

    @override
    def _statements(self, deleted: Deleted = "exclude") -> Statements:
        translator = replace(self._translator, deleted=deleted)
        return Statements(self.info, translator, columns=labelled(self.info, self._names))


def _as_tuple(key: Any) -> Sequence[Any]:  # noqa: ANN401 - one value, or several
    """Give the parts of a key."""
    return cast("Sequence[Any]", key) if isinstance(key, tuple) else (key,)


def _execute(session: Session, mapper: Any, sql: Any, values: Mapping[str, Any]) -> Sequence[Any]:  # noqa: ANN401
    return session.connection({"mapper": mapper}).execute(sql, values).all()

"""Rows of one model: get, list, count, create, update, delete. One statement each; never commits."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Generic, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstanceState
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ModelInfo, inspect_model
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.integrity import translated
from fastapi_crud.models import ForModel, ModelT
from fastapi_crud.query.clauses import DEFAULT_LIMIT, Query
from fastapi_crud.query.pagination import Page
from fastapi_crud.query.statements import key_equals, loading, select_count, select_page
from fastapi_crud.unit_of_work import needs_unit_of_work, stores_less

STREAM_CHUNK = 1000
"""How many rows `stream` holds in memory."""


class Repository(ForModel, Generic[ModelT]):
    """The rows of one model, through one session: `Repository[User](session)`.

    Flushes but never commits: whoever opened the session does. Conditions are plain SQLAlchemy
    expressions. Keys are values, or tuples in the mapper's order where they are composite; a key
    that cannot exist, such as text for an integer, is simply not found.

    Args:
        session: The session to work in.

    Raises:
        CrudError: From every method, where the database refuses; see `fastapi_crud.exceptions`.
    """

    model: type[ModelT]
    also_load: Collection[str] = ()
    """Relationships and deferred columns to load with every row."""

    def __init__(self, session: AsyncSession) -> None:
        if getattr(type(self), "model", None) is None:
            msg = f"which model? Write {type(self).__name__}[User](session), or subclass that"
            raise ConfigurationError(msg)
        self.session = session

    @property
    def info(self) -> ModelInfo:
        """What the model consists of."""
        return inspect_model(self.model)

    async def get(self, id: object) -> ModelT | None:  # noqa: A002 - the field's word
        """Give the row with this primary key.

        Args:
            id: The key; a tuple where it is composite.
        """
        key = self._key(id)
        if key is None:
            return None
        return await self._first(*key_equals(self.info, key))

    async def get_by(self, **columns: object) -> ModelT | None:
        """Give the row with these values; the first by key if there are several.

        Args:
            **columns: Value by attribute name, such as `email="a@example.com"`.
        """
        return await self._first(*(getattr(self.model, k) == v for k, v in columns.items()))

    async def get_multi(
        self,
        *,
        skip: int = 0,
        limit: int = DEFAULT_LIMIT,
        where: Sequence[ColumnElement[bool]] = (),
        order_by: Sequence[Any] = (),
    ) -> list[ModelT]:
        """Give rows in a stable order: the primary key always comes last.

        Args:
            skip: How many rows to pass over.
            limit: How many rows to give at most.
            where: Conditions that all must hold.
            order_by: What to sort by.
        """
        query = Query(skip=skip, limit=limit, where=tuple(where), order_by=tuple(order_by))
        return await self._rows(query)

    async def get_page(self, query: Query) -> Page[ModelT]:
        """Give a page of rows and how many there are in all.

        A page that ends before its limit tells the total by itself; otherwise it is counted.
        """
        items = await self._rows(query)
        if len(items) < query.limit and (items or not query.skip):
            return Page(items, query.skip + len(items))
        return Page(items, await self.count(*query.where))

    async def count(self, *where: ColumnElement[bool]) -> int:
        """Count the rows for which all conditions hold."""
        with translated(self.info):
            return cast("int", await self.session.scalar(select_count(self.info, where)))

    async def exists(self, *where: ColumnElement[bool]) -> bool:
        """Tell whether a row exists for which all conditions hold."""
        statement = sa.select(sa.exists(sa.select(self.model).where(*where)))
        with translated(self.info):
            return bool(await self.session.scalar(statement))

    async def stream(
        self, *, where: Sequence[ColumnElement[bool]] = (), order_by: Sequence[Any] = ()
    ) -> AsyncIterator[ModelT]:
        """Give all rows one by one, holding few of them in memory.

        Args:
            where: Conditions that all must hold.
            order_by: What to sort by; the primary key always comes last.
        """
        query = Query(where=tuple(where), order_by=tuple(order_by))
        statement = select_page(self.info, query).limit(None)
        with translated(self.info):
            rows = await self.session.stream_scalars(
                statement.execution_options(yield_per=STREAM_CHUNK)
            )
            async for row in rows:
                yield row

    async def create(self, data: Mapping[str, Any]) -> ModelT:
        """Store a new row.

        Args:
            data: Value by attribute name.

        Raises:
            UniqueViolation: If a unique rule is violated; nothing is checked beforehand.
            ForeignKeyViolation: If it refers to a row that does not exist.
            InvalidData: If the values cannot be stored.
        """
        row = self.info.constructor(data)
        self.session.add(row)
        with translated(self.info):
            await self.session.flush()
            return await self._settle(row)

    async def create_multi(self, data: Sequence[Mapping[str, Any]]) -> list[ModelT]:
        """Store new rows with as few statements as the database allows; the order is kept.

        Args:
            data: Value by attribute name, for each row.
        """
        rows = [self.info.constructor(values) for values in data]
        self.session.add_all(rows)
        with translated(self.info):
            await self.session.flush()
            return [await self._settle(row) for row in rows]

    async def update(self, obj_or_id: object, data: Mapping[str, Any]) -> ModelT | None:
        """Change a row.

        Args:
            obj_or_id: The row, or its primary key.
            data: New value by attribute name; without any, nothing is written.

        Returns:
            The row as it is now, or None if there is none with this key.
        """
        if isinstance(obj_or_id, self.model):
            return await self._write(obj_or_id, data)
        if not data:
            return await self.get(obj_or_id)
        if needs_unit_of_work(self.info, self.session, "update"):
            row = await self.get(obj_or_id)
            return None if row is None else await self._write(row, data)
        key = self._key(obj_or_id)
        return None if key is None else await self._update(key, data)

    async def delete(self, obj_or_id: object) -> bool:
        """Delete a row.

        Args:
            obj_or_id: The row, or its primary key.

        Returns:
            Whether there was one.

        Raises:
            ForeignKeyViolation: If other rows still refer to it.
        """
        by_row = isinstance(obj_or_id, self.model)
        if by_row or needs_unit_of_work(self.info, self.session, "delete"):
            row = obj_or_id if by_row else await self.get(obj_or_id)
            if row is None:
                return False
            with translated(self.info):
                await self.session.delete(row)
                await self.session.flush()
            return True
        key = self._key(obj_or_id)
        return key is not None and await self._delete(key)

    async def _first(self, *where: ColumnElement[bool]) -> ModelT | None:
        rows = await self._rows(Query(limit=1, where=where))
        return rows[0] if rows else None

    async def _rows(self, query: Query) -> list[ModelT]:
        statement = select_page(self.info, query).options(*loading(self.info, self.also_load))
        with translated(self.info):
            return list((await self.session.scalars(statement)).unique())

    async def _update(self, key: Sequence[Any], data: Mapping[str, Any]) -> ModelT | None:
        statement = (
            sa.update(self.model)
            .where(*key_equals(self.info, key))
            .values(dict(data))
            .returning(self.model)
            .execution_options(populate_existing=True, synchronize_session=False)
        )
        with translated(self.info):
            row = await self.session.scalar(statement)
            return None if row is None else await self._settle(row)

    async def _delete(self, key: Sequence[Any]) -> bool:
        statement = sa.delete(self.model).where(*key_equals(self.info, key))
        with translated(self.info):
            result = await self.session.execute(statement)
        return cast("CursorResult[Any]", result).rowcount > 0

    async def _write(self, row: ModelT, data: Mapping[str, Any]) -> ModelT:
        for name, value in data.items():
            setattr(row, name, value)
        with translated(self.info):
            await self.session.flush()
            return await self._settle(row)

    async def _settle(self, row: ModelT) -> ModelT:
        """Load what only the database knows of a row that was just written, if anything."""
        state: InstanceState[Any] = sa.inspect(row)
        expressions = {name for name, column in self.info.columns.items() if not column.columns}
        unknown = state.expired_attributes | expressions | set(self.also_load)
        dialect = self.session.get_bind(self.info.mapper).dialect
        if state.unloaded & unknown or stores_less(self.info, dialect):
            statement = (
                sa.select(self.model)
                .where(*key_equals(self.info, self.info.key_of(row)))
                .options(*loading(self.info, self.also_load))
                .execution_options(populate_existing=True)
            )
            await self.session.scalars(statement)
        return row

    def _key(self, id: object) -> tuple[Any, ...] | None:  # noqa: A002 - the field's word
        return self.info.as_key(id)

"""Rows of one model: what `Reader` reads, and create, update, delete. Never commits."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import InstanceState
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.exceptions import PermissionDenied
from fastapi_crud.integrity import translated
from fastapi_crud.models import ModelT
from fastapi_crud.query.conditions import Translator
from fastapi_crud.query.loading import options
from fastapi_crud.query.statements import is_one_of, key_equals
from fastapi_crud.reader import KEYS_CHUNK, Reader
from fastapi_crud.unit_of_work import needs_unit_of_work, stores_less


class Repository(Reader[ModelT], Generic[ModelT]):
    """The rows of one model, through one session: `Repository[User](session)`.

    Flushes but never commits: whoever opened the session does. Conditions are clauses such as
    `Filter("age", "gte", 18)`, or plain SQLAlchemy expressions. Keys are values, or tuples in the
    mapper's order where they are composite; a key that cannot exist, such as text for an
    integer, is simply not found.

    Args:
        session: The session to work in.

    Raises:
        CrudError: From every method, where the database refuses; see `fastapi_crud.exceptions`.
    """

    async def create(self, data: Mapping[str, Any]) -> ModelT:
        """Store a new row.

        Args:
            data: Value by attribute name.

        Raises:
            UniqueViolation: If a unique rule is violated; nothing is checked beforehand.
            ForeignKeyViolation: If it refers to a row that does not exist.
            InvalidData: If the values cannot be stored.
            PermissionDenied: If the row lies outside the scope of this caller.
        """
        row = self.info.constructor(data)
        self.session.add(row)
        with translated(self.info):
            await self.session.flush()
            await self._stay_in_scope([row])
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
            await self._stay_in_scope(rows)
            return [await self._settle(row) for row in rows]

    async def update(self, obj_or_id: object, data: Mapping[str, Any]) -> ModelT | None:
        """Change a row.

        Args:
            obj_or_id: The row, or its primary key.
            data: New value by attribute name; without any, nothing is written.

        Returns:
            The row as it is now, or None if there is none with this key.

        Raises:
            PermissionDenied: If this caller may read the row but not write it, or not so.
        """
        if isinstance(obj_or_id, self.model):
            await self._stay_in_scope([obj_or_id])
            return await self._write(obj_or_id, data)
        key = self.info.as_key(obj_or_id)
        if key is None:
            return None
        if not data or needs_unit_of_work(self.info, self.session, "update"):
            row = await self._writable(key)
            return row if row is None or not data else await self._write(row, data)
        return await self._update(key, data)

    async def delete(self, obj_or_id: object) -> bool:
        """Delete a row.

        Args:
            obj_or_id: The row, or its primary key.

        Returns:
            Whether there was one.

        Raises:
            ForeignKeyViolation: If other rows still refer to it.
            PermissionDenied: If this caller may read the row but not delete it.
        """
        if isinstance(obj_or_id, self.model):
            await self._stay_in_scope([obj_or_id])
            return await self._remove(obj_or_id)
        key = self.info.as_key(obj_or_id)
        if key is None:
            return False
        if needs_unit_of_work(self.info, self.session, "delete"):
            row = await self._writable(key)
            return row is not None and await self._remove(row)
        return await self._delete(key)

    async def _update(self, key: Sequence[Any], data: Mapping[str, Any]) -> ModelT | None:
        await self._prepare(())
        statement = (
            sa.update(self.model)
            .where(*key_equals(self.info, key), *self._write_conditions())
            .values(dict(data))
            .returning(self.model)
            .execution_options(populate_existing=True, synchronize_session=False)
        )
        with translated(self.info):
            row = await self.session.scalar(statement)
            if row is None:
                await self._refuse_if_readable(key)
                return None
            await self._stay_in_scope([row])
            return await self._settle(row)

    async def _delete(self, key: Sequence[Any]) -> bool:
        await self._prepare(())
        conditions = (*key_equals(self.info, key), *self._write_conditions())
        with translated(self.info):
            result = await self.session.execute(sa.delete(self.model).where(*conditions))
        if cast("CursorResult[Any]", result).rowcount > 0:
            return True
        await self._refuse_if_readable(key)
        return False

    async def _writable(self, key: Sequence[Any]) -> ModelT | None:
        """Give a row that this caller may write."""
        row = await self._first(*key_equals(self.info, key), *self._write_conditions())
        if row is None:
            await self._refuse_if_readable(key)
        return row

    async def _write(self, row: ModelT, data: Mapping[str, Any]) -> ModelT:
        for name, value in data.items():
            setattr(row, name, value)
        with translated(self.info):
            await self.session.flush()
            await self._stay_in_scope([row])
            return await self._settle(row)

    async def _remove(self, row: ModelT) -> bool:
        with translated(self.info):
            await self.session.delete(row)
            await self.session.flush()
        return True

    def _write_conditions(self) -> list[ColumnElement[bool]]:
        every = Translator(self._dialect)  # a scope itself sees all rows
        return [every.test(self.info, each) for each in self.view.write_scope]

    async def _refuse_if_readable(self, key: Sequence[Any]) -> None:
        """Tell "not yours to change" from "not there": only for rows that the caller may read.

        Raises:
            PermissionDenied: If there is such a row.
        """
        if self.view.write_scope and await self.exists(*key_equals(self.info, key)):
            raise PermissionDenied

    async def _stay_in_scope(self, rows: Sequence[ModelT]) -> None:
        """Refuse rows that this caller could not write, or not read any more.

        Raises:
            PermissionDenied: If there is one; whoever opened the session rolls back.
        """
        conditions = self._write_conditions()
        if not conditions or not rows:
            return
        await self._prepare(())
        key = [getattr(self.model, column.name) for column in self.info.key]
        keys = [self.info.key_of(row) for row in rows]
        for start in range(0, len(keys), KEYS_CHUNK):
            chunk = keys[start : start + KEYS_CHUNK]
            within = sa.select(sa.func.count()).select_from(self.model)
            found = await self.session.scalar(within.where(is_one_of(key, chunk), *conditions))
            if found != len(chunk):
                raise PermissionDenied

    async def _settle(self, row: ModelT) -> ModelT:
        """Load what only the database knows of a row that was just written, if anything."""
        state: InstanceState[Any] = sa.inspect(row)
        expressions = {name for name, column in self.info.columns.items() if not column.columns}
        unknown = state.expired_attributes | expressions | self.view.loads.keys()
        dialect = self.session.get_bind(self.info.mapper).dialect
        if state.unloaded & unknown or stores_less(self.info, dialect):
            statement = (
                sa.select(self.model)
                .where(*key_equals(self.info, self.info.key_of(row)))
                .options(*options(self.info, self.view.loads, self._translator))
                .execution_options(populate_existing=True)
            )
            await self.session.scalars(statement)
        return row

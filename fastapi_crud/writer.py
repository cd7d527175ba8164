"""Single rows of one model, to write: create, update, delete, restore, purge. Never commits."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.changes import Change
from fastapi_crud.exceptions import ConfigurationError, NotDeleted, PermissionDenied
from fastapi_crud.integrity import translated
from fastapi_crud.locks import Held, altered, begin_to_write, locked
from fastapi_crud.models import ModelT
from fastapi_crud.query.clauses import Deleted, Query
from fastapi_crud.query.statements import key_equals
from fastapi_crud.settling import Settling
from fastapi_crud.unit_of_work import needs_unit_of_work


class Writer(Settling[ModelT], Generic[ModelT]):
    """The half of `Repository` that writes single rows."""

    async def create(self, data: Mapping[str, Any]) -> ModelT:
        """Store a new row.

        Args:
            data: Value by attribute name. Of a relationship to many-to-many rows, their primary
                keys; of one to rows that are created with this one, a mapping for each.

        Raises:
            UniqueViolation: If a unique rule is violated; nothing is checked beforehand.
            ForeignKeyViolation: If it refers to a row that does not exist, or not for this caller.
            InvalidData: If the values cannot be stored.
            PermissionDenied: If the row lies outside the scope of this caller.
        """
        (row,) = await self._add([data])
        await self._stay_in_scope([row])
        return await self._settle(row, data)

    async def get_for_update(
        self,
        id: object,  # noqa: A002 - the field's word
        *,
        deleted: Deleted = "exclude",
    ) -> ModelT | None:
        """Give a row and lock it until the transaction ends: what it says stays so.

        Changes of the row in the same transaction do not read it again.

        Args:
            id: The primary key; a tuple where it is composite.
            deleted: Whether a row that is marked as deleted is meant as well.

        Raises:
            PermissionDenied: If this caller may read the row but not write it.
            LockTimeout: If another transaction holds it for too long.
        """
        key = self.info.as_key(id)
        return None if key is None else await self._writable(key, deleted=deleted)

    async def update(self, obj_or_id: object, data: Mapping[str, Any]) -> ModelT | None:
        """Change a row.

        Args:
            obj_or_id: The row, or its primary key.
            data: New value by attribute name; without any, nothing is written. Relationships as
                in `create`: what this caller sees of them is replaced, the rest stays.

        Returns:
            The row as it is now, or None if there is none with this key.

        Raises:
            ForeignKeyViolation: If it refers to a row that does not exist, or not for this caller.
            PermissionDenied: If this caller may read the row but not write it, or not so.
        """
        related = self._names_related(data)
        key = None if isinstance(obj_or_id, self.model) else self.info.as_key(obj_or_id)
        if isinstance(obj_or_id, self.model):
            if await self._is_deleted(obj_or_id):
                return None
            await self._stay_in_scope([obj_or_id])
            if not related:
                return await self._write(obj_or_id, data)
            key = self.info.key_of(obj_or_id)
        if key is None:
            return None
        if not data:
            return await self._writable(key, lock=False)
        row = await self._set(key, data)
        return None if row is None else await self._settle(row, data)

    async def delete(self, obj_or_id: object) -> bool:
        """Delete a row; where the model is deleted softly, mark it as deleted.

        Args:
            obj_or_id: The row, or its primary key.

        Returns:
            Whether there was one.

        Raises:
            ForeignKeyViolation: If other rows still refer to it.
            PermissionDenied: If this caller may read the row but not delete it.
        """
        deletion = self._translator.deletion(self.info)
        if deletion is None:
            return await self.purge(obj_or_id)
        if isinstance(obj_or_id, self.model):
            if await self._is_deleted(obj_or_id):
                return False
            await self._stay_in_scope([obj_or_id])
            await self._write(obj_or_id, deletion.deleted())
            return True
        key = self.info.as_key(obj_or_id)
        return key is not None and await self._set(key, deletion.deleted()) is not None

    async def restore(self, obj_or_id: object) -> ModelT | None:
        """Undo the deletion of a row that is marked as deleted.

        Args:
            obj_or_id: The row, or its primary key.

        Returns:
            The row as it is now, or None if there is none with this key.

        Raises:
            NotDeleted: If it is not deleted.
            UniqueViolation: If another row has taken its place.
            PermissionDenied: If this caller may read the row but not write it.
        """
        deletion = self._translator.deletion(self.info)
        if deletion is None:
            msg = f"{self.info.name} is not deleted softly: give it SoftDelete or soft_delete="
            raise ConfigurationError(msg)
        id = self.info.key_of(obj_or_id) if isinstance(obj_or_id, self.model) else obj_or_id  # noqa: A001
        key = self.info.as_key(id)
        row = None if key is None else await self._writable(key, deleted="include")
        if row is None:
            return None
        if not await self._is_deleted(row):
            raise NotDeleted
        return await self._write(row, deletion.restored())

    async def purge(self, obj_or_id: object) -> bool:
        """Delete a row for good, whether or not it is marked as deleted.

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
            row = await self._writable(key, deleted="include")
            return row is not None and await self._remove(row)
        self._held.drop(key)
        return await self._delete(key)

    async def _set(self, key: tuple[Any, ...], data: Mapping[str, Any]) -> ModelT | None:
        """Change a row that is not deleted, by one statement where that will do."""
        if self._names_related(data) or needs_unit_of_work(self.info, self.session, "update"):
            row = await self._writable(key)
            return row if row is None else await self._write(row, data, settle=False)
        await self._prepare(())
        statement = (
            sa.update(self.model)
            .where(*key_equals(self.info, key), *self._live(), *self._write_conditions())
            .values(dict(data))
            .returning(self.model)
            .execution_options(populate_existing=True, synchronize_session=False)
        )
        with translated(self.info):
            row = await self.session.scalar(statement)
            if row is None:
                await self._refuse_if_readable(key)
                return None
            altered(self.session, [row])
            await self._stay_in_scope([row])
            return row

    async def _delete(self, key: Sequence[Any]) -> bool:
        await self._prepare(())
        conditions = (*key_equals(self.info, key), *self._write_conditions())
        with translated(self.info):
            result = await self.session.execute(sa.delete(self.model).where(*conditions))
        if cast("CursorResult[Any]", result).rowcount > 0:
            return True
        await self._refuse_if_readable(key, "include")
        return False

    async def _writable(
        self, key: tuple[Any, ...], *, lock: bool = True, deleted: Deleted = "exclude"
    ) -> ModelT | None:
        """Give a row that this caller may write; a row that is locked is not read again."""
        held: ModelT | None = self._held.get(key)
        if held is not None:
            return held if self._is_meant(held, deleted) else None
        with translated(self.info):
            if lock:
                await begin_to_write(self.session, self.info.mapper)
        query = Query(where=(*key_equals(self.info, key), *self._write_conditions()))
        statement = self._statements(deleted).rows(query).order_by(None).limit(1)
        if lock:
            statement = locked(statement, self.info.mapper, self._dialect)
        row: ModelT | None = next((await self._execute(statement)).unique().scalars(), None)
        if row is None:
            await self._refuse_if_readable(key, deleted)
        elif lock:
            self._held.add(key, row)
        return row

    async def _write(self, row: ModelT, data: Mapping[str, Any], *, settle: bool = True) -> ModelT:
        await self._apply([Change(row, data)])
        await self._stay_in_scope([row])
        return await self._settle(row, data) if settle else row

    async def _remove(self, row: ModelT) -> bool:
        self._held.drop(self.info.key_of(row))
        with translated(self.info):
            await self.session.delete(row)
            await self.session.flush()
        return True

    @cached_property
    def _held(self) -> Held:
        return Held(self.session)

    def _is_meant(self, row: ModelT, deleted: Deleted = "exclude") -> bool:
        """Tell whether a row is one of those that are meant: live ones, unless asked for others."""
        deletion = self._translator.deletion(self.info)
        return deletion is None or deleted != "exclude" or not deletion.marks(row)

    async def _is_deleted(self, row: ModelT) -> bool:
        deletion = self._translator.deletion(self.info)
        if deletion is None:
            return False
        if deletion.column.name in sa.inspect(row).unloaded:
            await self.session.refresh(row)
        return deletion.marks(row)

    def _live(self) -> list[ColumnElement[bool]]:
        deletion = self._translator.deletion(self.info)
        return [] if deletion is None else [deletion.is_live(self.model)]

    async def _refuse_if_readable(self, key: Sequence[Any], deleted: Deleted = "exclude") -> None:
        """Tell "not yours to change" from "not there": only for rows that the caller may read.

        Raises:
            PermissionDenied: If there is such a row.
        """
        if not self.view.write_scope:
            return
        there = self._statements(deleted).keys(key_equals(self.info, key))
        if await self._scalar(sa.select(sa.exists(there)), ()):
            raise PermissionDenied

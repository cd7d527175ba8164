"""Several rows of one model at once, all or none, in a few statements whatever their number."""

from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from fastapi_crud.changes import Change, change_all, chunks
from fastapi_crud.copying import Copies
from fastapi_crud.exceptions import (
    ConstraintViolation,
    DuplicateItem,
    NotFound,
    PermissionDenied,
    about_item,
)
from fastapi_crud.insertions import Insertions
from fastapi_crud.integrity import translated
from fastapi_crud.locks import altered, begin_to_write, locked
from fastapi_crud.models import ModelT
from fastapi_crud.query.clauses import Query
from fastapi_crud.query.statements import is_one_of
from fastapi_crud.unit_of_work import deletes_plainly, updates_plainly

CHUNK = 1000
"""How many rows one statement is about."""
HELD = 5000
"""How many new rows are held in memory, of any number that are stored."""
MAX_VALUES = 5000
"""How many values one statement sets."""
MAX_CASES = 200
"""How many rows it tells apart: each is compared with all, and PostgreSQL may compile that."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
Key = tuple[Any, ...]
Data = Mapping[str, Any]


class Batches(Insertions[ModelT], Generic[ModelT]):
    """The half of `Repository` that writes several rows at once."""

    async def batch_create(self, data: Sequence[Data]) -> list[ModelT]:
        """Store new rows; the order is kept.

        Args:
            data: Value by attribute name, for each row.

        Raises:
            CrudError: As `create` does; its `index` tells which row it is about. None is stored.
        """
        return await self._together(data, self._insert, self._insert_one)

    async def create_multi(self, data: Iterable[Data] | AsyncIterable[Data]) -> int:
        """Store any number of new rows, without holding more than 5,000 of them in memory.

        Args:
            data: Value by attribute name, for each row: a list, or whatever gives them one by one.

        Returns:
            How many there were.

        Raises:
            CrudError: As `create` does; its `index` tells which row it is about.
        """
        stored = 0
        store = partial(self._store, Copies(self.session, self.info))
        async for chunk in chunks(data, HELD):
            try:
                await self._together(chunk, store, self._insert_one)
            except (ConstraintViolation, PermissionDenied) as error:
                error.index = stored + (error.index or 0)
                raise
            stored += len(chunk)
        return stored

    async def batch_update(self, changes: Sequence[tuple[object, Data]]) -> list[ModelT]:
        """Change rows, each in its own way; the order is kept.

        Args:
            changes: The primary key of each row, and its new value by attribute name.

        Raises:
            NotFound: If there is none with one of the keys; then none is changed.
            DuplicateItem: If two are about the same row.
            CrudError: As `update` does; its `index` tells which row it is about.
        """
        rows = await self.lock_multi([key for key, _ in changes])
        wanted = [Change(row, data) for row, (_, data) in zip(rows, changes, strict=True)]
        return await self._together(wanted, self._change, self._change_one)

    async def batch_delete(self, ids: Sequence[object]) -> None:
        """Delete rows; where the model is deleted softly, mark them as deleted.

        Args:
            ids: The primary keys.

        Raises:
            NotFound: If there is none with one of the keys; then none is deleted.
            DuplicateItem: If a key is given twice.
            CrudError: As `delete` does; its `index` tells which key it is about.
        """
        keys = self._keys(ids)
        deletion = self._translator.deletion(self.info)
        if deletion is not None:
            await self.batch_update([(key, deletion.deleted()) for key in keys])
        elif not deletes_plainly(self.info):
            await self._together(await self._lock(keys), self._remove_all, self._remove)
        else:
            if self.info.mapper.version_id_col is not None:
                await self._lock(keys)
            await self._together(keys, self._delete_all, self._delete_one)

    async def lock_multi(self, ids: Sequence[object]) -> list[ModelT]:
        """Give rows and lock them until the transaction ends; see `get_for_update`.

        Args:
            ids: The primary keys; the order is kept.

        Raises:
            NotFound: If there is none with one of the keys.
            DuplicateItem: If a key is given twice.
            PermissionDenied: If this caller may read one of the rows but not write it.
        """
        return await self._lock(self._keys(ids))

    def _keys(self, ids: Sequence[object]) -> list[Key]:
        keys: dict[Key, None] = {}
        for index, id in enumerate(ids):  # noqa: A001 - the field's word
            with about_item(index):
                key = self.info.as_key(id)
                if key is None:
                    raise NotFound(self.info.name, _key_text(id))
                if key in keys:
                    raise DuplicateItem(fields=self.info.key_names)
                keys[key] = None
        return [*keys]

    async def _lock(self, keys: Sequence[Key]) -> list[ModelT]:
        """Lock the rows that are not locked yet, always in the same order, against deadlocks."""
        with translated(self.info):
            await begin_to_write(self.session, self.info.mapper)
        missing = [key for key in keys if self._held.get(key) is None]
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            where = (is_one_of(self._key, chunk), *self._write_conditions())
            statement = self._statements().rows(Query(where=where))
            statement = locked(statement, self.info.mapper, self._dialect)
            for row in (await self._execute(statement)).unique().scalars():
                key = self.info.parse_key(self.info.key_text(row))  # as callers write it
                self._held.add(key or self.info.key_of(row), row)
        rows: list[ModelT] = []
        for index, key in enumerate(keys):
            with about_item(index):
                held: ModelT | None = self._held.get(key)
                if held is None or not self._is_meant(held):
                    await self._refuse_if_readable(key)
                    raise NotFound(self.info.name, _key_text(key))
                rows.append(held)
        return rows

    async def _together(
        self,
        items: Sequence[ItemT],
        at_once: Callable[[Sequence[ItemT]], Awaitable[list[ResultT]]],
        one: Callable[[ItemT], Awaitable[ResultT]],
    ) -> list[ResultT]:
        """Work on all items at once; if a rule is violated, one by one, to tell by which item."""
        if len(items) <= 1:
            return await _each(items, one)
        try:
            with translated(self.info):
                async with self.session.begin_nested():
                    return await at_once(items)
        except (ConstraintViolation, PermissionDenied) as error:
            if error.index is not None:
                raise
            with translated(self.info):
                async with self.session.begin_nested():
                    return await _each(items, one)

    async def _change(self, changes: Sequence[Change[ModelT]]) -> list[ModelT]:
        free = self.info.mapper.version_id_col is None
        real = [it for it in changes if it.data and (free or it.special(self.info) or not it.idle)]
        changed = [change.row for change in real]
        if updates_plainly(self.info) and not any(change.special(self.info) for change in real):
            names = {name for change in real for name in change.data}
            size = max(1, min(MAX_CASES, MAX_VALUES // max(1, len(names))))
            for start in range(0, len(real), size):
                statement = change_all(self.info, real[start : start + size])
                await self.session.execute(statement)
            altered(self.session, changed)
            await self._reload(changed)
        else:
            await self._apply(real)
            await self._settle_all(changed, {name for change in real for name in change.data})
        await self._stay_in_scope(changed)
        return [change.row for change in changes]

    async def _change_one(self, change: Change[ModelT]) -> ModelT:
        with translated(self.info):
            await self.session.refresh(change.row)  # an attempt with the others was undone
        return await self._write(change.row, change.data)

    async def _delete_all(self, keys: Sequence[Key]) -> list[bool]:
        deleted = 0
        for key in keys:
            self._held.drop(key)
        for start in range(0, len(keys), CHUNK):
            chunk = keys[start : start + CHUNK]
            where = (is_one_of(self._key, chunk), *self._write_conditions())
            await self._prepare(())
            with translated(self.info):
                result = await self.session.execute(sa.delete(self.model).where(*where))
            deleted += cast("CursorResult[Any]", result).rowcount
        if deleted < len(keys):
            raise ConstraintViolation  # one by one it shows which is missing
        return []

    async def _delete_one(self, key: Key) -> bool:
        self._held.drop(key)
        if not await self._delete(key):
            raise NotFound(self.info.name, _key_text(key))
        return True

    async def _remove_all(self, rows: Sequence[ModelT]) -> list[bool]:
        for row in rows:
            self._held.drop(self.info.key_of(row))
            await self.session.delete(row)
        await self.session.flush()
        return []


async def _each(
    items: Sequence[ItemT], one: Callable[[ItemT], Awaitable[ResultT]]
) -> list[ResultT]:
    results: list[ResultT] = []
    for index, item in enumerate(items):
        with about_item(index):
            results.append(await one(item))
    return results


def _key_text(id: object) -> str:  # noqa: A002 - the field's word
    parts = cast("Sequence[object]", id) if isinstance(id, tuple | list) else (id,)
    return "/".join(str(part) for part in parts)

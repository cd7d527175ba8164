"""The rules of a resource: the class to subclass. The router calls nothing else."""

from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Any, Generic, TypeVar

from fastapi_crud.bodies import column_values
from fastapi_crud.exceptions import about_item
from fastapi_crud.models import ModelT
from fastapi_crud.query.clauses import Query
from fastapi_crud.row_service import RowService
from fastapi_crud.schemas import CreateT, UpdateT
from fastapi_crud.upserts import UpsertMode

ResultT = TypeVar("ResultT")


class Service(RowService[ModelT, CreateT, UpdateT], Generic[ModelT, CreateT, UpdateT]):
    """What can be done with a model, rules included: `Service[User, UserCreate, UserUpdate]`.

    Subclass it and override a hook or a whole method; give the class to
    `make_crud_router(User, service=UserService)`. Hooks run inside the transaction: raise to
    refuse, and everything is rolled back. Works in scripts and workers as well as in requests.

    Args:
        session: The session to work in. Whoever opened it commits it.
    """

    def partitions(
        self, query: Query, *, most: int | None = None
    ) -> AsyncGenerator[Sequence[ModelT]]:
        """Give all rows of a query, in parts of a thousand: what an export sends.

        Args:
            query: Which rows, in what order; at most `limit`.
            most: Refuse to begin where there are more rows than this, `limit` apart.

        Raises:
            InvalidQuery: If there are too many.
        """
        return self._through(self._taken()).partitions(query, most=most)

    async def batch_create(self, items: Sequence[CreateT]) -> list[ModelT]:
        """Store new rows, all or none; the hooks run for each.

        Args:
            items: Validated bodies.

        Raises:
            CrudError: As `create` does; its `index` tells which item it is about.
        """
        if "create" in self.overrides("create"):
            return [await self._about(i, self.create(item)) for i, item in enumerate(items)]
        values = [column_values(item, self.info) for item in items]
        for i, each in enumerate(values):
            await self._about(i, self._prepared(each))
            await self._about(i, self.before_create(each))
        rows = await self.repository.batch_create(values)
        for i, row in enumerate(rows):
            await self._about(i, self.after_create(row))
            await self._about(i, self._announce("created", row))
        return rows

    async def batch_update(self, items: Sequence[tuple[Any, UpdateT]]) -> list[ModelT]:
        """Change rows, all or none; the hooks run for each.

        Args:
            items: The primary key and the validated body of each row.

        Raises:
            NotFound: If there is none with one of the keys.
            CrudError: As `update` does; its `index` tells which item it is about.
        """
        rows = await self.repository.lock_multi([key for key, _ in items])
        if "update" in self.overrides("update"):
            for i, (key, data) in enumerate(items):
                row = await self._about(i, self.update(key, data))
                rows[i] = rows[i] if row is None else row
            return rows
        changes: list[tuple[Any, dict[str, Any]]] = []
        for i, (key, data) in enumerate(items):
            with about_item(i):
                values = column_values(data, self.info, only_set=True)
                changes.append((key, self._changes(key, values, data)))
                await self.prepare(changes[i][1], key)
                await self.before_update(*changes[i])
        changed = await self.repository.batch_update(changes)
        for i, (row, (_, values)) in enumerate(zip(changed, changes, strict=True)):
            await self._about(i, self.after_update(row, values))
            await self._about(i, self._announce("updated", row))
        return changed

    async def batch_delete(self, ids: Sequence[Any]) -> None:
        """Delete rows, all or none; the hooks run for each.

        Args:
            ids: The primary keys.

        Raises:
            NotFound: If there is none with one of the keys.
            CrudError: As `delete` does; its `index` tells which key it is about.
        """
        rules = self.overrides("delete")
        if rules:
            await self.repository.lock_multi(ids)
        if "delete" in rules:
            for i, key in enumerate(ids):
                await self._about(i, self.delete(key))
            return
        for i, key in enumerate(ids):
            await self._about(i, self.before_delete(key))
        await self.repository.batch_delete(ids)
        for i, key in enumerate(ids):
            await self._about(i, self.after_delete(key))
            await self._about(i, self._announce_deletion(key))

    async def upsert(
        self, items: Sequence[CreateT], *, on_conflict: Sequence[str], mode: UpsertMode = "merge"
    ) -> list[ModelT]:
        """Store rows or change those that are there, all or none; see `Repository.upsert`.

        Args:
            items: Validated bodies; what a client has not sent is never overwritten.
            on_conflict: The attributes of a unique key.
            mode: `"merge"` changes a row that is there, `"ignore"` leaves it alone.
        """
        values = [column_values(item, self.info, only_set=True) for item in items]
        for i, each in enumerate(values):
            await self._about(i, self._prepared(each))
            await self._about(i, self.before_upsert(each))
        rows = await self.repository.upsert(
            values, on_conflict=on_conflict, mode=mode, only_new=self.rights.fixed
        )
        for i, (row, each) in enumerate(zip(rows, values, strict=True)):
            await self._about(i, self.after_upsert(row, each))
        return rows

    async def _about(self, index: int, work: Awaitable[ResultT]) -> ResultT:
        with about_item(index):
            return await work

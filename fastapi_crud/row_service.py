"""What a service does with single rows, and with pages of them."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Generic

from pydantic import BaseModel

from fastapi_crud.announcing import Change, announce
from fastapi_crud.bodies import column_values
from fastapi_crud.columns import MISSING_DEFAULT, ModelInfo, inspect_model
from fastapi_crud.exceptions import KeyMismatch
from fastapi_crud.hooks import Hooks
from fastapi_crud.lane import Lane
from fastapi_crud.models import ModelT
from fastapi_crud.query.clauses import DEFAULT_LIMIT, Query, Where
from fastapi_crud.query.pagination import CursorPage, Page
from fastapi_crud.repository import Repository
from fastapi_crud.schemas import CreateT, UpdateT


class RowService(Hooks[ModelT], Generic[ModelT, CreateT, UpdateT]):
    """The half of `Service` that is about single rows and pages of them."""

    @cached_property
    def repository(self) -> Repository[ModelT]:
        """The rows; override it to give your own subclass of `Repository`."""
        generic: Any = Repository
        repository: Repository[ModelT] = generic[self.model](self.session)
        return repository

    lane: Lane | None = None
    """The short way to rows, for the first operation only; set by the router, where there is one."""

    @property
    def info(self) -> ModelInfo:
        """What the model consists of."""
        return inspect_model(self.model)

    async def get(self, id: Any) -> ModelT | None:  # noqa: A002, ANN401 - any key
        """Give a row, or None.

        Args:
            id: Its primary key; a tuple where it is composite.
        """
        return await self._through(self._taken()).get(id)

    async def get_multi(
        self,
        *,
        skip: int = 0,
        limit: int = DEFAULT_LIMIT,
        where: Sequence[Where] = (),
        order_by: Sequence[Any] = (),
    ) -> tuple[list[ModelT], int]:
        """Give rows, and how many there are in all.

        Args:
            skip: How many rows to pass over.
            limit: How many rows to give at most.
            where: Conditions that all must hold.
            order_by: What to sort by; the primary key always comes last.
        """
        query = Query(skip=skip, limit=limit, where=where, order_by=order_by)
        page = await self.repository.get_page(query)
        return page.items, page.total or 0

    async def get_page(self, query: Query) -> Page[ModelT]:
        """Give a page of rows: `Query(where=[Filter("age", "gte", 18)], order_by=["-age"])`.

        Args:
            query: Which rows, in what order, from where, and with what.
        """
        if "get_multi" not in self.overrides("list"):
            return await self._through(self._taken()).get_page(query)
        extra = {"where": query.where} if query.where else {}
        order = {"order_by": query.order_by} if query.order_by else {}
        items, total = await self.get_multi(skip=query.skip, limit=query.limit, **extra, **order)
        await self.repository.embed(items, query.include)
        return Page(items, total, more=total > query.skip + len(items))

    async def get_cursor_page(self, query: Query) -> CursorPage[ModelT]:
        """Give a page of rows and the ways to its neighbours.

        Args:
            query: Which rows, in what order, and its `cursor`: empty for the first page.
        """
        return await self._through(self._taken()).get_cursor_page(query)

    async def create(self, data: CreateT) -> ModelT:
        """Store a new row.

        Args:
            data: A validated body.

        Raises:
            Conflict: If it clashes with what is stored.
            InvalidData: If it cannot be stored.
        """
        lane = self._taken()
        return await self._create(await self._prepared(column_values(data, self.info)), lane)

    async def update(self, id: Any, data: UpdateT) -> ModelT | None:  # noqa: A002, ANN401
        """Change what the body names, and nothing else.

        Args:
            id: The primary key of the row.
            data: A validated body: absent means unchanged, null means NULL.

        Returns:
            The row as it is now, or None if there is none.
        """
        lane = self._taken()
        values = self._changes(id, column_values(data, self.info, only_set=True), data)
        await self.prepare(values, id)
        return await self._change(id, values, lane)

    async def replace(self, id: Any, data: BaseModel) -> ModelT | None:  # noqa: A002, ANN401
        """Set all writable columns: what the body leaves out goes back to its default.

        Args:
            id: The primary key of the row.
            data: A validated body. Write-only fields that it leaves out stay as they are.

        Returns:
            The row as it is now, or None if there is none.
        """
        lane = self._taken()
        values = self._changes(id, column_values(data, self.info), data)
        await self.prepare(values, id)
        return await self._change(id, self._defaults(data, values) | values, lane)

    async def change(self, id: Any, values: dict[str, Any]) -> ModelT | None:  # noqa: A002, ANN401
        """Change columns of a row: what is no client's to write as well. The hooks run.

        Args:
            id: The primary key of the row.
            values: New value by attribute name.

        Returns:
            The row as it is now, or None if there is none.
        """
        return await self._change(id, values, None)

    async def _change(self, id: Any, values: dict[str, Any], lane: Lane | None) -> ModelT | None:  # noqa: A002, ANN401
        await self.before_update(id, values)
        row = await self._through(lane).update(id, values)
        if row is not None:
            await self.after_update(row, values)
            if self.announced:
                await self._announce("updated", row)
        return row

    async def create_under(self, id: Any, data: BaseModel) -> ModelT:  # noqa: A002, ANN401 - any key
        """Store a new row under a key that the client chose: for a PUT that creates.

        Args:
            id: The primary key of the row.
            data: A validated body.

        Raises:
            Conflict: If it clashes with what is stored.
            InvalidData: If it cannot be stored.
        """
        values = self._changes(id, column_values(data, self.info), data)
        key = dict(zip(self.info.key_names, self.info.as_key(id) or (), strict=True))
        return await self._create(await self._prepared(values) | key, None)

    async def delete(self, id: Any) -> bool:  # noqa: A002, ANN401 - any key
        """Delete a row.

        Args:
            id: Its primary key.

        Returns:
            Whether there was one.

        Raises:
            ForeignKeyViolation: If other rows still refer to it.
        """
        lane = self._taken()
        await self.before_delete(id)
        return await self._removed(id, await self._through(lane).delete(id))

    async def restore(self, id: Any) -> ModelT | None:  # noqa: A002, ANN401 - any key
        """Undo the deletion of a row that is marked as deleted.

        Args:
            id: Its primary key.

        Returns:
            The row as it is now, or None if there is none.

        Raises:
            NotDeleted: If it is not deleted.
            UniqueViolation: If another row has taken its place.
        """
        await self.before_restore(id)
        row = await self.repository.restore(id)
        if row is not None:
            await self.after_restore(row)
            await self._announce("updated", row)
        return row

    async def purge(self, id: Any) -> bool:  # noqa: A002, ANN401 - any key
        """Delete a row for good, whether or not it is marked as deleted.

        Args:
            id: Its primary key.

        Returns:
            Whether there was one.

        Raises:
            ForeignKeyViolation: If other rows still refer to it.
        """
        await self.before_delete(id)
        return await self._removed(id, await self.repository.purge(id))

    async def get_for_update(self, id: Any) -> ModelT | None:  # noqa: A002, ANN401 - any key
        """Give a row and lock it until the transaction ends: what it says stays so.

        Args:
            id: Its primary key.
        """
        return await self.repository.get_for_update(id)

    async def _prepared(self, values: dict[str, Any]) -> dict[str, Any]:
        """Turn what a client wrote into columns of a new row, with what this caller's rows have."""
        await self.prepare(values)
        values.update(self.rights.fixed)
        return values

    async def _create(self, values: dict[str, Any], lane: Lane | None) -> ModelT:
        await self.before_create(values)
        row = await self._through(lane).create(values)
        await self.after_create(row)
        if self.announced:
            await self._announce("created", row)
        return row

    async def _removed(self, id: Any, removed: bool) -> bool:  # noqa: A002, ANN401
        if removed:
            await self.after_delete(id)
            await self._announce_deletion(id)
        return removed

    def _taken(self) -> Lane | None:
        """Take the short way: what a hook asks of this service goes the long way."""
        lane, self.lane = self.lane, None
        return lane

    def _through(self, lane: Lane | None) -> Repository[ModelT]:
        """Go the short way, unless the session holds rows, which would not hear of a change."""
        twin: Any = lane
        repository: Repository[ModelT] = (
            self.repository if lane is None or lane.is_crowded else twin
        )
        return repository

    async def _announce(self, change: Change, row: ModelT) -> None:
        if change in self.announced:
            key = self.info.key_of(row)
            await announce(self.announced[change], self.session, key, row)

    async def _announce_deletion(self, id: Any) -> None:  # noqa: A002, ANN401 - any key
        if "deleted" in self.announced:
            key = self.info.as_key(id) or ()
            await announce(self.announced["deleted"], self.session, key, id)

    def _changes(self, id: Any, values: dict[str, Any], data: BaseModel) -> dict[str, Any]:  # noqa: A002, ANN401
        """Leave out what is ignored, and the key: it must be the one that was asked for."""
        key_names = self.info.key_names
        named = not values.keys().isdisjoint(key_names)
        path = self.info.as_key(id) if named else None
        if path is not None:
            body = [values.get(name, part) for name, part in zip(key_names, path, strict=True)]
            if self.info.parse_key(body) != path:
                raise KeyMismatch(fields=[name for name in key_names if name in values])
        ignored: frozenset[str] = getattr(data, "ignored_fields", frozenset())
        ignored |= self.rights.unwritable
        if not (named or ignored):
            return values
        return {k: v for k, v in values.items() if k not in ignored and k not in key_names}

    def _defaults(self, data: BaseModel, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give the defaults of the columns that a replacement leaves out."""
        names: frozenset[str] = getattr(data, "defaulted_fields", frozenset())
        names -= self.rights.unwritable
        columns = [column for name, column in self.info.columns.items() if name in names]
        defaults = {c.name: c.default_value() for c in columns if c.name not in values}
        return {name: value for name, value in defaults.items() if value is not MISSING_DEFAULT}

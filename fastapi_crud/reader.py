"""Rows of one model, to read: get, list, page, count. One statement each."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Generic, cast

import sqlalchemy as sa
from sqlalchemy.engine import Result
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ModelInfo, inspect_model
from fastapi_crud.exceptions import ValueRejected
from fastapi_crud.integrity import translated
from fastapi_crud.models import ForModel, ModelT
from fastapi_crud.query.clauses import DEFAULT_LIMIT, Deleted, Query, Where
from fastapi_crud.query.conditions import Translator, needs_lower
from fastapi_crud.query.cursors import (
    Cursor,
    decode_cursor,
    encode_cursor,
    fingerprint,
    invalid_cursor,
)
from fastapi_crud.query.estimates import estimated_rows
from fastapi_crud.query.loading import NOTHING, View, options, select_related
from fastapi_crud.query.ordering import SortKey, sort_keys
from fastapi_crud.query.pagination import CursorPage, Page
from fastapi_crud.query.paths import hop
from fastapi_crud.query.statements import Selected, Statements, key_equals
from fastapi_crud.query.text import LOWER, lower

KEYS_CHUNK = 10_000
"""For how many rows related ones are selected at once: databases bound parameters."""


class Reader(ForModel, Generic[ModelT]):
    """The reading half of `Repository`."""

    model: type[ModelT]
    view: View = View()
    """What is loaded with the rows, and which rows there are for this caller."""

    @property
    def info(self) -> ModelInfo:
        """What the model consists of."""
        return inspect_model(self.model)

    async def get(self, id: object) -> ModelT | None:  # noqa: A002 - the field's word
        """Give the row with this primary key.

        Args:
            id: The key; a tuple where it is composite.
        """
        key = self.info.as_key(id)
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
        where: Sequence[Where] = (),
        order_by: Sequence[Any] = (),
    ) -> list[ModelT]:
        """Give rows in a stable order: the primary key always comes last.

        Args:
            skip: How many rows to pass over.
            limit: How many rows to give at most.
            where: Conditions that all must hold.
            order_by: What to sort by.
        """
        query = Query(where=where, order_by=order_by)
        statement = self._statements().rows(query).offset(skip or None).limit(limit)
        return list((await self._execute(statement, where)).unique().scalars())

    async def get_page(self, query: Query) -> Page[ModelT]:
        """Give a page of rows and how many there are in all: the total comes with the rows.

        Args:
            query: Which rows, in what order; its `cursor` is for `get_cursor_page`.
        """
        items, counted = await self._page(query)
        more = len(items) > query.limit
        if more:
            items = items[: query.limit]
        await self.embed(items, query.include)
        seen = query.skip + len(items)
        if counted is not None:
            return Page(items, counted, more=counted > seen)
        if query.count == "none":
            return Page(items, None, more=more)
        if not more and (items or not query.skip):
            return Page(items, seen)
        total, estimated = await self._total(query)
        return Page(items, total, estimated, more or total > seen)

    async def get_cursor_page(self, query: Query) -> CursorPage[ModelT]:
        """Give a page of rows and the ways to its neighbours: as cheap at the end as at the start.

        Args:
            query: Which rows, in what order, and its `cursor`; `skip` plays no part. A total is
                given where `count` is not `"none"`.

        Raises:
            InvalidQuery: If the cursor is not one of this query.
            ConfigurationError: If rows are to be sorted by SQL instead of names.
        """
        keys = self._sort_keys(query.order_by)
        asked, secret = fingerprint(self.info, query), self.view.cursor_secret
        place = decode_cursor(query.cursor or "", keys, asked, secret)
        rows = await self._walk(query, keys, place)
        more = len(rows) > query.limit
        rows = rows[: query.limit][:: -1 if place.backward else 1]

        def beside(row: Any, *, backward: bool) -> str:  # noqa: ANN401 - a row, or None
            values = None if row is None else tuple(row[1 : len(keys) + 1])
            return encode_cursor(Cursor(values, backward), keys, asked, secret)

        first, last = (rows[0], rows[-1]) if rows else (None, None)
        inside = place.values is not None
        before, after = (more, inside) if place.backward else (inside, more)
        items = [row[0] for row in rows]
        await self.embed(items, query.include)
        total, estimated = await self._total_beside(query, rows, whole=not (inside or more))
        return CursorPage(
            items,
            next_cursor=beside(last, backward=False) if after else None,
            prev_cursor=beside(first, backward=True) if before else None,
            total=total,
            estimated=estimated,
        )

    async def count(self, *where: Where) -> int:
        """Count the rows for which all conditions hold.

        Args:
            *where: Clauses of ours, or SQLAlchemy expressions; without any, all rows count.
        """
        return cast("int", await self._scalar(self._statements().count(where), where))

    async def exists(self, *where: Where) -> bool:
        """Tell whether a row exists for which all conditions hold.

        Args:
            *where: Clauses of ours, or SQLAlchemy expressions; without any, every row will do.
        """
        statement = sa.select(sa.exists(self._statements().keys(where)))
        return bool(await self._scalar(statement, where))

    async def embed(self, rows: Sequence[ModelT], include: Iterable[str]) -> None:
        """Load relationships of rows: one statement for each, whatever the number of rows.

        Rows outside the scope of their model are left out, and so are those beyond the bound
        for to-many relationships, if the view has one.

        Args:
            rows: Rows of this model.
            include: Paths: `"author"`, `"books.tags"`.
        """
        tree: dict[str, dict[str, Any]] = {}
        for path in include:
            branch = tree
            for name in path.split("."):
                branch = branch.setdefault(name, {})
        await self._embed(self.info, rows, tree, "")

    async def _embed(
        self, info: ModelInfo, rows: Sequence[Any], tree: dict[str, Any], prefix: str
    ) -> None:
        for name, inner in tree.items():
            way, path = hop(info, name), f"{prefix}{name}"
            loads = options(way.target, self.view.included.get(path, NOTHING), self._translator)
            related: defaultdict[Any, list[Any]] = defaultdict(list)
            keys = [*dict.fromkeys(info.key_of(row) for row in rows)]
            for start in range(0, len(keys), KEYS_CHUNK):
                chunk = keys[start : start + KEYS_CHUNK]
                most = self.view.max_included
                statement = select_related(way, chunk, most, self._translator).options(*loads)
                for row in (await self._execute(statement)).unique():
                    child, *key = cast("tuple[Any, ...]", row)
                    related[tuple(key)].append(child)
            for row in rows:
                found = related[info.key_of(row)]
                value = found if way.to_many else next(iter(found), None)
                set_committed_value(row, name, value)
            children = {id(child): child for found in related.values() for child in found}
            await self._embed(way.target, [*children.values()], inner, f"{path}.")

    async def _page(self, query: Query) -> tuple[list[Any], int | None]:
        """Give the rows of a page, one more where that tells of more, and their counted total."""
        rows = await self._rows(self._statements(query.deleted).page(query), query.where)
        total = rows[0][1] if rows and query.count == "exact" else None
        return [row[0] for row in rows], total

    async def _walk(self, query: Query, keys: Sequence[SortKey], place: Cursor) -> Sequence[Any]:
        """Give the rows beyond a place, one more than the page has if there are as many."""
        try:
            return await self._beyond(query, keys, place)
        except ValueRejected:
            if query.cursor:  # the rest of the query is within the bounds of its columns
                raise invalid_cursor() from None
            raise

    async def _beyond(self, query: Query, keys: Sequence[SortKey], place: Cursor) -> Sequence[Any]:
        statement = self._statements(query.deleted).walk(query, keys, place)
        return await self._rows(statement, query.where)

    async def _total_beside(
        self, query: Query, rows: Sequence[Any], *, whole: bool
    ) -> tuple[int | None, bool]:
        """Tell the total of a list that rows were read of; `whole` if these are all."""
        if query.count == "none":
            return None, False
        if whole:
            return len(rows), False
        if query.count == "exact" and rows:
            return rows[0][-1], False
        return await self._total(query)

    async def _total(self, query: Query) -> tuple[int, bool]:
        """Count, or estimate where that was asked and there are many: the total, and whether."""
        statements = self._statements(query.deleted)
        if query.count == "exact":
            return await self._scalar(statements.count(query.where), query.where), False
        most = self.view.max_exact_count
        counted = await self._scalar(statements.count_up_to(query.where, most), query.where)
        if counted <= most:
            return counted, False
        with translated(self.info):
            keys = statements.keys(query.where)
            estimate = await estimated_rows(self.session, keys, self.info.mapper)
        return max(estimate, most), True

    async def _first(self, *where: ColumnElement[bool]) -> ModelT | None:
        statement = self._statements().rows(Query(where=where)).limit(1)
        return next((await self._execute(statement)).unique().scalars(), None)

    async def _rows(self, statement: Selected, where: Sequence[Where]) -> Sequence[Any]:
        return (await self._execute(statement, where)).unique().all()

    async def _execute(self, statement: Selected, where: Sequence[Where] = ()) -> Result[Any]:
        await self._prepare(where)
        with translated(self.info):
            result: Result[Any] = await self.session.execute(statement)
            return result

    async def _scalar(self, statement: sa.Select[Any], where: Sequence[Where]) -> Any:  # noqa: ANN401
        return (await self._execute(statement, where)).scalar_one()

    async def _prepare(self, where: Sequence[Where]) -> None:
        """Teach a SQLite connection to lower all letters, where a condition needs it."""
        conditions = (*where, *self.view.write_scope)
        if self._dialect != "sqlite" or not needs_lower(conditions, self.view.scopes):
            return
        connection = await self.session.connection(bind_arguments={"mapper": self.info.mapper})
        if LOWER not in connection.info:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.create_function(LOWER, 1, lower, deterministic=True)
            connection.info[LOWER] = True

    def _sort_keys(self, order_by: Sequence[Any]) -> Sequence[SortKey]:
        return sort_keys(self.info, order_by, self._dialect)

    @property
    def _dialect(self) -> str:
        return self.session.get_bind(self.info.mapper).dialect.name

    @property
    def _translator(self) -> Translator:
        view = self.view
        return Translator(self._dialect, view.scopes, view.deletions, view.deleted)

    def _statements(self, deleted: Deleted = "exclude") -> Statements:
        translator = self._translator
        if deleted != "exclude":
            translator = replace(translator, deleted=deleted)
        return Statements(self.info, translator, options(self.info, self.view.loads, translator))

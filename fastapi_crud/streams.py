"""All rows of a question, however many: a thousand in memory at a time. One statement each."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Generic

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from fastapi_crud.exceptions import InvalidQuery, Issue
from fastapi_crud.integrity import translated
from fastapi_crud.models import ModelT
from fastapi_crud.query.clauses import Query, Where
from fastapi_crud.reader import Reader

STREAM_CHUNK = 1000
"""How many rows are held in memory."""


class Streams(Reader[ModelT], Generic[ModelT]):
    """The part of `Repository` that gives rows without end."""

    async def stream(
        self, *, where: Sequence[Where] = (), order_by: Sequence[Any] = ()
    ) -> AsyncIterator[ModelT]:
        """Give all rows one by one, holding few of them in memory.

        Args:
            where: Conditions that all must hold.
            order_by: What to sort by; the primary key always comes last.
        """
        statement = self._statements().rows(Query(where=where, order_by=order_by))
        await self._prepare(where)
        with translated(self.info):
            rows = await self.session.stream_scalars(
                statement.execution_options(yield_per=STREAM_CHUNK)
            )
            async for row in rows:
                yield row

    async def partitions(
        self, query: Query, *, most: int | None = None
    ) -> AsyncGenerator[Sequence[ModelT]]:
        """Give the rows of a query in parts of a thousand, holding no more in memory.

        Args:
            query: Which rows, in what order; at most `limit`, which may be any number. What it
                says of totals and cursors plays no part.
            most: Refuse to begin where there are more rows than this, `limit` apart.

        Raises:
            InvalidQuery: If there are too many.
        """
        statements = self._statements(query.deleted)
        statement = statements.rows(query).options(*self._apart())
        if most is not None:
            bound = statements.count_up_to(query.where, most + query.skip)
            statement = statement.add_columns(bound.scalar_subquery() - query.skip)
        statement = statement.offset(query.skip or None).limit(query.limit)
        await self._prepare(query.where)
        with translated(self.info):
            async with aclosing(self._parts(statement)) as parts:
                async for rows, items in parts:
                    if most is not None and rows[0][-1] > most:
                        raise _too_many(most)
                    yield items

    def _apart(self) -> list[Any]:
        """Load collections by statements of their own where a model joins them to its rows."""
        return [
            selectinload(getattr(self.model, name))
            for name, relationship in self.info.mapper.relationships.items()
            if relationship.uselist and relationship.lazy in {"joined", False}
            and name not in self.view.loads
        ]  # fmt: skip

    async def _parts(
        self, statement: sa.Select[Any]
    ) -> AsyncGenerator[tuple[Sequence[Sequence[Any]], Sequence[Any]]]:
        """Give rows as they were selected, and what is made of them, part by part."""
        statement = statement.execution_options(yield_per=STREAM_CHUNK)
        found = await self.session.stream(statement)
        try:
            async for rows in found.partitions(STREAM_CHUNK):
                yield rows, [row[0] for row in rows]
        finally:
            await found.close()


def _too_many(most: int) -> InvalidQuery:
    message = f"More than {most} rows match: narrow the filters, or say a limit"
    return InvalidQuery([Issue("too_many_rows", ("query", "limit"), message)])

"""New rows, many at once."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic

import sqlalchemy as sa

from fastapi_crud.changes import constructed, insertion_groups
from fastapi_crud.copying import Copies
from fastapi_crud.exceptions import CrudError
from fastapi_crud.integrity import translated
from fastapi_crud.models import ModelT
from fastapi_crud.unit_of_work import builds_plainly, inserts_plainly
from fastapi_crud.writer import Writer

Data = Mapping[str, Any]
RENDERED = {"render_nulls": True}
"""None is stored as NULL, so that rows with and without it are one statement."""


class Insertions(Writer[ModelT], Generic[ModelT]):
    """The part of `Repository` that stores many new rows by one statement."""

    async def _insert(self, data: Sequence[Data]) -> list[ModelT]:
        placed: dict[int, ModelT] = {}
        try:
            with translated(self.info):
                rows = await self._inserted(data, placed)
            await self._stay_in_scope(rows)
        except CrudError:
            for row in placed.values():
                self.session.expunge(row)  # it is not there any more once this is undone
            raise
        return await self._settle_all(rows, {name for values in data for name in values})

    async def _insert_one(self, values: Data) -> ModelT:
        return (await self._insert([values]))[0]

    async def _store(self, copies: Copies, data: Sequence[Data]) -> list[ModelT]:
        """Store rows that nobody asks back for."""
        if self.view.write_scope or not self._inserts_plainly(data):
            for row in await self._insert(data):
                self.session.expunge(row)
            return []
        for _, values in self._groups(data):
            with translated(self.info):
                if not await copies.store(values):
                    await self.session.execute(
                        sa.insert(self.model), values, execution_options=RENDERED
                    )
        return []

    async def _inserted(self, data: Sequence[Data], placed: dict[int, ModelT]) -> list[ModelT]:
        groups = self._groups(data) if self._inserts_plainly(data) else []
        if not groups or not all(self._will_know(values[0]) for _, values in groups):
            return await self._add(data)
        for places, values in groups:
            placed |= zip(places, await self._insert_group(values, self._dialect), strict=True)
        return [placed[place] for place in range(len(data))]

    def _groups(self, data: Sequence[Data]) -> list[tuple[list[int], list[dict[str, Any]]]]:
        if not builds_plainly(self.info):
            data = [constructed(self.info, values) for values in data]
        return insertion_groups(self.info, data)

    def _inserts_plainly(self, data: Sequence[Data]) -> bool:
        dialect = self.session.get_bind(self.info.mapper).dialect
        alone = map(self.info.relationships.isdisjoint, data)
        return inserts_plainly(self.info, dialect) and all(alone)

    def _will_know(self, values: Data) -> bool:
        """Tell whether a new row can be told from others afterwards: by its key or its number."""
        counted = len(self.info.key) == 1 and self.info.key[0].autoincrement
        return counted or all(column.name in values for column in self.info.key)

    async def _insert_group(self, values: Sequence[dict[str, Any]], dialect: str) -> list[ModelT]:
        """Store rows that name the same columns, and give them back in order.

        Databases return rows in any order. They are known by their key, or else by the order in
        which the database counts it up: SQLite and InnoDB do for the rows of one statement
        (https://mariadb.com/kb/en/auto_increment-handling-in-innodb/); SQLAlchemy sees to it on
        PostgreSQL.
        """
        names = self.info.key_names
        known = all(name in values[0] for name in names)
        in_order = dialect == "postgresql" and not known
        statement = sa.insert(self.model).returning(self.model, sort_by_parameter_order=in_order)
        found = [*(await self.session.scalars(statement, values, execution_options=RENDERED))]
        if known:
            by_key = {self.info.key_of(row): row for row in found}
            return [by_key[tuple(each[name] for name in names)] for each in values]
        return found if in_order else sorted(found, key=self.info.key_of)

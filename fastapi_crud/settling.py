"""Rows that were just written, as the database has stored them."""

from collections.abc import Collection, Sequence
from typing import Any, Generic

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState

from fastapi_crud.integrity import translated
from fastapi_crud.models import ModelT
from fastapi_crud.query.loading import options
from fastapi_crud.query.statements import is_one_of
from fastapi_crud.reader import KEYS_CHUNK
from fastapi_crud.relations import Relations
from fastapi_crud.unit_of_work import stores_less


class Settling(Relations[ModelT], Generic[ModelT]):
    """The part of `Repository` that reads back what only the database knows of a row."""

    @property
    def _key(self) -> list[Any]:
        return [getattr(self.model, column.name) for column in self.info.key]

    async def _settle(self, row: ModelT, names: Collection[str]) -> ModelT:
        """Load what only the database knows of a row that was just written, if anything."""
        return (await self._settle_all([row], names))[0]

    async def _settle_all(
        self, rows: Sequence[ModelT], names: Collection[str] = ()
    ) -> list[ModelT]:
        """Load what only the database knows of rows that were just written: one statement.

        Args:
            rows: The rows.
            names: What was written; relationships among it stay as they are, unless answers show
                them.
        """
        dialect = self.session.get_bind(self.info.mapper).dialect
        lossy = stores_less(self.info, dialect)
        made = {name for name, column in self.info.columns.items() if not column.columns}
        shown = made | self.view.loads.keys()
        await self._reload([row for row in rows if lossy or _lacks(row, shown)], names)
        return [*rows]

    async def _reload(self, rows: Sequence[ModelT], names: Collection[str] = ()) -> None:
        loaded = options(self.info, self.view.loads, self._translator)
        for start in range(0, len(rows), KEYS_CHUNK):
            chunk = rows[start : start + KEYS_CHUNK]
            held = [self._related_in(row, names) for row in chunk]
            keys = [self.info.key_of(row) for row in chunk]
            statement = sa.select(self.model).where(is_one_of(self._key, keys)).options(*loaded)
            with translated(self.info):
                found = await self.session.scalars(
                    statement.execution_options(populate_existing=True)
                )
                found.unique().all()
            for tie in (tie for ties in held for tie in ties):
                tie.show()


def _lacks(row: object, names: Collection[str]) -> bool:
    """Tell whether a row does not know one of these attributes, or one that has expired."""
    state: InstanceState[Any] = sa.inspect(row)
    return bool(state.unloaded & (state.expired_attributes | {*names}))

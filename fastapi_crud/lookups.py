"""Rows found by the values of a unique key, many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.batches import Batches
from fastapi_crud.changes import constructed
from fastapi_crud.exceptions import PermissionDenied
from fastapi_crud.locks import locked
from fastapi_crud.models import ModelT
from fastapi_crud.query.clauses import Query
from fastapi_crud.uniqueness import UniqueKey, unique_key

FIND_CHUNK = 100
"""How many rows one statement looks for: telling them apart costs their number squared."""

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A row to be stored, or to change one that is there.

    Args:
        given: The attributes that are given: nothing else is changed.
        values: What is stored of a new row, by attribute name.
    """

    given: frozenset[str]
    values: dict[str, Any]


class Lookups(Batches[ModelT], Generic[ModelT]):
    """The part of `Repository` that finds rows by a unique key."""

    async def find_for_update(
        self, data: Sequence[Data], names: Sequence[str]
    ) -> list[ModelT | None]:
        """Give the rows with these values of a unique key, and lock them; see `get_for_update`.

        Args:
            data: Value by attribute name, for each row; one without a key is not found.
            names: The attributes of the key.

        Returns:
            For each the row, or None where there is none that this caller sees.
        """
        rows = [Row(frozenset(item), self._complete(item)) for item in data]
        key = unique_key(self.info, names)
        named = [i for i, row in enumerate(rows) if None not in map(row.values.get, key.names)]
        there = await self._found([rows[i] for i in named], key, lock=False)
        found = dict(zip(named, there, strict=True))
        places = {self.info.key_of(row): i for i, row in found.items() if row is not None}
        try:
            await self._lock([*places])
        except PermissionDenied as error:
            error.index = [*places.values()][error.index or 0]
            raise
        return [found.get(i) for i in range(len(rows))]

    def _complete(self, item: Data) -> dict[str, Any]:
        """Give what is stored of a new row: validators have their say, and a subclass its mark."""
        made = constructed(self.info, item)
        for name, column in self.info.columns.items():
            if column.version:
                made[name] = 1
            elif column.discriminator:
                made[name] = self.info.mapper.polymorphic_identity
        return made

    async def _found(
        self, rows: Sequence[Row], key: UniqueKey, *, lock: bool
    ) -> list[ModelT | None]:
        """Find rows by a unique key; the database tells which belongs to which item."""
        found: list[ModelT | None] = []
        for start in range(0, len(rows), FIND_CHUNK):
            found += await self._found_few(rows[start : start + FIND_CHUNK], key, lock=lock)
        return found

    async def _found_few(
        self, rows: Sequence[Row], key: UniqueKey, *, lock: bool
    ) -> list[ModelT | None]:
        attributes = [getattr(self.model, name) for name in key.names]
        same: list[ColumnElement[bool]] = [
            sa.and_(*(a == row.values[n] for a, n in zip(attributes, key.names, strict=True)))
            for row in rows
        ]
        place = sa.case(*((test, index) for index, test in enumerate(same)))
        conditions = self._write_conditions() if lock else []
        query = Query(where=(sa.or_(*same), *conditions))
        statement = self._statements().rows(query).order_by(None).add_columns(place)
        if lock:
            statement = locked(statement, self.info.mapper, self._dialect)
        selected: Sequence[Any] = (await self._execute(statement)).unique().all()
        found = {row[1]: row[0] for row in selected}
        return [found.get(index) for index in range(len(rows))]

"""From a `Query` to SQL: the page, its count, and a row by its key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import load_only
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ModelInfo
from fastapi_crud.query.clauses import Query, Where
from fastapi_crud.query.conditions import Translator
from fastapi_crud.query.cursors import Cursor
from fastapi_crud.query.keyset import beyond
from fastapi_crud.query.ordering import SortKey, order_by_sql
from fastapi_crud.query.paths import column_at

Selected = sa.Select[Any] | sa.CompoundSelect[Any]


def attributes(info: ModelInfo, names: Sequence[str]) -> list[Any]:
    """Give the mapped attributes of these names."""
    return [getattr(info.model, name) for name in names]


def labelled(info: ModelInfo, names: Iterable[str]) -> list[Any]:
    """Give the columns to select for attributes, each under the attribute's name."""
    return [getattr(info.model, name).label(name) for name in names]


def key_equals(info: ModelInfo, key: Sequence[Any]) -> list[ColumnElement[bool]]:
    """Say that a row has this primary key."""
    names = info.key_names
    return [attr == value for attr, value in zip(attributes(info, names), key, strict=True)]


def is_one_of(key: Sequence[Any], values: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    """Say that a row has one of these primary keys.

    Args:
        key: The attributes of the key.
        values: The keys.
    """
    if len(key) == 1:
        single: ColumnElement[bool] = key[0].in_([value[0] for value in values])
        return single
    return sa.tuple_(*key).in_(values)


def only(info: ModelInfo, fields: Sequence[str] | None) -> list[Any]:
    """Say how to load a few columns; the primary key always is."""
    if fields is None:
        return []
    names = [*dict.fromkeys([*(column.name for column in info.key), *fields])]
    for name in names:
        column_at(info, name)
    if any(info.columns[name].hybrid for name in names):  # which needs who knows which columns
        return []
    return [load_only(*attributes(info, names))]


@dataclass(frozen=True, eq=False)
class Statements:
    """Writes the statements of one model for one database and one caller.

    Args:
        info: The model.
        translator: Says conditions in SQL.
        options: What is loaded with the rows.
        columns: What is selected in place of whole rows.
    """

    info: ModelInfo
    translator: Translator
    options: Sequence[Any] = field(default_factory=list[Any])
    columns: Sequence[Any] = ()

    def rows(self, query: Query) -> sa.Select[Any]:
        """Select rows in an order that never changes between pages, from the first to the last."""
        order = order_by_sql(self.info, query.order_by, self.translator.dialect)
        return self._select(query).order_by(*order)

    def page(self, query: Query) -> sa.Select[Any]:
        """Select the rows of a page; with one more where nobody counts, to see whether it ends."""
        statement = self.rows(query).offset(query.skip or None)
        counts = query.count == "exact"
        return statement.limit(query.limit + (not counts)).add_columns(*self._total(query))

    def walk(
        self,
        query: Query,
        keys: Sequence[SortKey],
        cursor: Cursor,
        limit: Any = None,  # noqa: ANN401 - SQL
    ) -> Selected:
        """Select the rows beyond a place, and the values that they are sorted by; one row more.

        Args:
            query: Which rows, and whether each comes with their total.
            keys: What they are sorted by.
            cursor: The place.
            limit: The parameter that says how many rows to give, in place of the query.
        """
        most = query.limit + 1 if limit is None else limit
        parts = beyond(keys, cursor, self.translator.dialect)
        values = _numbered("crud_sort", [key.expression for key in keys])
        order = [key.sql(backward=cursor.backward) for key in keys]
        total = self._total(query)
        if len(parts) <= 1:
            statement = self._select(query).where(*parts).add_columns(*values, *total)
            return statement.order_by(*order).limit(most)
        own = attributes(self.info, self.info.key_names)
        columns = [*(self.columns or _numbered("key", own)), *values]
        few = cast("sa.Select[Any]", sa.select(*columns)).select_from(self.info.model)
        few = few.where(*self.translator.where(self.info, query.where)).order_by(*order).limit(most)
        again = [
            key.sql(backward=cursor.backward, expression=sa.column(value.name))
            for key, value in zip(keys, values, strict=True)
        ]
        merged = _first_of(parts, few, columns).order_by(*again).limit(most)
        if self.columns and not total:
            return merged
        near = merged.subquery()
        if self.columns:
            counted = cast("sa.Select[Any]", sa.select(*_named(columns), *total))
            return counted.select_from(near).order_by(*again)
        statement = self._selected(query).join(near, self._is_key(near))
        return statement.add_columns(*values, *total).order_by(*order)

    def _is_key(self, keys: sa.Subquery) -> ColumnElement[bool]:
        """Compare with a subquery: SQLAlchemy would take long to find out its columns."""
        tests: list[ColumnElement[bool]] = []
        for i, attribute in enumerate(attributes(self.info, self.info.key_names)):
            key: sa.ColumnClause[Any] = sa.column(f"key_{i}", attribute.type)
            key.table = keys
            tests.append(attribute == key)
        return sa.and_(*tests)

    def _total(self, query: Query) -> list[Any]:
        """Count the rows of a list beside one page of it, where it is to be counted exactly."""
        if query.count != "exact":
            return []
        return [self.count(query.where).correlate(None).scalar_subquery()]

    def count(self, where: Sequence[Where] = ()) -> sa.Select[int]:
        """Count rows."""
        conditions = self.translator.where(self.info, where)
        return sa.select(sa.func.count()).select_from(self.info.model).where(*conditions)

    def count_up_to(self, where: Sequence[Where], most: int) -> sa.Select[int]:
        """Count rows, but stop beyond a bound."""
        few = self.keys(where).limit(most + 1).subquery()
        return sa.select(sa.func.count()).select_from(few)

    def keys(self, where: Sequence[Where]) -> sa.Select[Any]:
        """Select the primary keys of rows."""
        names = self.info.key_names
        conditions = self.translator.where(self.info, where)
        keys = cast("sa.Select[Any]", sa.select(*attributes(self.info, names)))
        return keys.where(*conditions)

    def _select(self, query: Query) -> sa.Select[Any]:
        conditions = self.translator.where(self.info, query.where)
        return self._selected(query).where(*conditions)

    def _selected(self, query: Query) -> sa.Select[Any]:
        if self.columns:
            columns = cast("sa.Select[Any]", sa.select(*self.columns))
            return columns.select_from(self.info.model)
        loaded = [*self.options, *only(self.info, query.fields)]
        return sa.select(self.info.model).options(*loaded)


def _numbered(name: str, expressions: Sequence[Any]) -> list[Any]:
    """Name expressions by their place."""
    return [it.label(f"{name}_{i}") for i, it in enumerate(expressions)]


def _named(columns: Sequence[Any]) -> list[sa.ColumnClause[Any]]:
    """Name what a subquery selects: SQLAlchemy would take long to find that out."""
    return [sa.column(it.name, it.type) for it in columns]


def _first_of(
    parts: Sequence[ColumnElement[bool]], few: sa.Select[Any], columns: Sequence[Any]
) -> sa.CompoundSelect[Any]:
    """Select the first rows of each part.

    Args:
        parts: Conditions, of which no row fits two.
        few: Selects the first rows, whatever part they are of.
        columns: What it selects.
    """
    named = _named(columns)
    return sa.union_all(
        *(sa.select(*named).select_from(few.where(part).subquery()) for part in parts)
    )

"""The statements of one model whose rows go the short way: made once, run again and again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from fastapi_crud.columns import ModelInfo
from fastapi_crud.plans import Plan, plan_of
from fastapi_crud.query.clauses import CountMode, Deleted, OrderBy, Query
from fastapi_crud.query.conditions import Translator
from fastapi_crud.query.statements import Statements

MAX_STATEMENTS = 32
"""How many statements of a kind are remembered for one model: clients choose what they change."""


Form = tuple[str, Any]
"""An attribute that is set: and the SQL, where that is set instead of a value."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is run again and again.

    Args:
        sql: What to run.
        names: What its first columns are.
        plan: The same, compiled, where that is possible.
    """

    sql: Any
    names: Sequence[str]
    plan: Plan | None


class Prepared:
    """Makes the statements of one model on one database.

    Args:
        info: The model.
        names: The attributes that are read.
        translator: Says which rows there are.
        dialect: The dialect.
    """

    def __init__(
        self, info: ModelInfo, names: tuple[str, ...], translator: Translator, dialect: Dialect
    ) -> None:
        self._info, self._names = info, names
        self._translator, self._dialect = translator, dialect
        remembered = lru_cache(MAX_STATEMENTS)
        self.page: Callable[..., Statement] = remembered(self._page)
        self._inserting = remembered(self._insert)
        self._updating = remembered(self._update)

    def insert(self, values: Mapping[str, Any]) -> tuple[Statement, dict[str, Any]]:
        """Store a row; give the statement and what it is run with.

        Args:
            values: Value or SQL by attribute name.
        """
        forms = _forms(values)
        make = self._insert if _has_sql(forms) else self._inserting
        return make(*forms), _bound_values(values)

    def update(
        self, key: Sequence[Any], values: Mapping[str, Any]
    ) -> tuple[Statement, dict[str, Any]]:
        """Change a row that is not deleted; give the statement and what it is run with.

        Args:
            key: Its primary key.
            values: Value or SQL by attribute name.
        """
        forms = _forms(values)
        make = self._update if _has_sql(forms) else self._updating
        return make(*forms), _bound_values(values) | key_values(key)

    def _page(
        self,
        order_by: tuple[OrderBy, ...],
        count: CountMode,
        deleted: Deleted,
        fields: tuple[str, ...] | None,
        skips: bool,
    ) -> Statement:
        """Give a page: with `crud_limit` rows, and beyond `crud_skip` where it skips."""
        names = self._names
        if fields is not None:
            names = tuple(dict.fromkeys([*(it.name for it in self._info.key), *fields]))
        sql = Statements(
            self._info, replace(self._translator, deleted=deleted), columns=self.selected(names)
        ).page(Query(order_by=order_by, count=count))
        sql = sql.limit(sa.bindparam("crud_limit", type_=sa.BigInteger()))
        if skips:
            sql = sql.offset(sa.bindparam("crud_skip", type_=sa.BigInteger()))
        return self._made(sql, names)

    def _insert(self, *forms: Form) -> Statement:
        inserted: Any = sa.insert(self._table)
        sql: Any = inserted.values(self._bound(forms)).returning(*self._returned)
        return self._made(sql, self._names)

    def _update(self, *forms: Form) -> Statement:
        deletion = self._translator.deletion(self._info)
        live = [] if deletion is None else [deletion.is_live(self._info.model)]
        conditions = [*self._is_key, *live]
        sql = sa.update(self._table).where(*conditions).values(self._bound(forms))
        return self._made(sql.returning(*self._returned), self._names)

    @cached_property
    def get(self) -> Statement:
        """Give the row with a key."""
        conditions = (*self._translator.where(self._info, ()), *self._is_key)
        return self._made(sa.select(*self.selected(self._names)).where(*conditions), self._names)

    @cached_property
    def delete(self) -> Statement:
        """Delete the row with a key for good; give its key where there was one."""
        key = [column.columns[0] for column in self._info.key]
        return self._made(sa.delete(self._table).where(*self._is_key).returning(*key), ())

    def _made(self, sql: Any, names: Sequence[str]) -> Statement:  # noqa: ANN401 - a statement
        return Statement(sql, names, plan_of(sql, self._dialect))

    def _bound(self, forms: Iterable[Form]) -> dict[Any, Any]:
        """Say what columns are set to: values that come with each call, or SQL."""
        columns = [(self._info.columns[name].columns[0], sql) for name, sql in forms]
        return {
            column: sa.bindparam(f"crud_value_{i}", type_=column.type) if sql is None else sql
            for i, (column, sql) in enumerate(columns)
        }

    @cached_property
    def _is_key(self) -> list[Any]:
        columns = [column.columns[0] for column in self._info.key]
        return [
            column == sa.bindparam(f"crud_key_{i}", type_=column.type)
            for i, column in enumerate(columns)
        ]

    @cached_property
    def _table(self) -> Any:  # noqa: ANN401 - a table
        return self._info.mapper.local_table

    @cached_property
    def _returned(self) -> list[Any]:
        return [self._info.columns[name].columns[0].label(name) for name in self._names]

    def selected(self, names: Iterable[str]) -> list[Any]:
        """Give the columns to select for attributes."""
        return [getattr(self._info.model, name).label(name) for name in names]


def key_values(key: Sequence[Any]) -> dict[str, Any]:
    """Give what a statement about the row with a key is run with."""
    return {f"crud_key_{i}": value for i, value in enumerate(key)}


def _forms(values: Mapping[str, Any]) -> list[Form]:
    return [(n, it if isinstance(it, sa.ClauseElement) else None) for n, it in values.items()]


def _has_sql(forms: Iterable[Form]) -> bool:
    return any(sql is not None for _, sql in forms)


def _bound_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"crud_value_{i}": value
        for i, value in enumerate(values.values())
        if not isinstance(value, sa.ClauseElement)
    }

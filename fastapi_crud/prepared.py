"""The statements about rows of one model by their key: made once, run again and again."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect

from fastapi_crud.columns import ModelInfo
from fastapi_crud.plan import Ready, Statement
from fastapi_crud.query.conditions import Translator
from fastapi_crud.query.statements import labelled

MAX_STATEMENTS = 32
"""How many statements of a kind are remembered for one model: clients choose what they change."""
NO_SQL: Mapping[str, Any] = MappingProxyType({})


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
        self._inserting = remembered(self._insert)
        self._updating = remembered(self._update)

    def insert(self, values: Mapping[str, Any]) -> Ready:
        """Store a row; give the statement and what it is run with.

        Args:
            values: Value or SQL by attribute name.
        """
        sql = _sql_in(values)
        names = tuple(values)
        statement = self._insert(names, sql) if sql else self._inserting(names)
        return statement, dict(zip(statement.sets, _but(values, sql), strict=True))

    def update(self, key: Sequence[Any], values: Mapping[str, Any]) -> Ready:
        """Change a row that is not deleted; give the statement and what it is run with.

        Args:
            key: Its primary key.
            values: Value or SQL by attribute name.
        """
        sql = _sql_in(values)
        names = tuple(values)
        statement = self._update(names, sql) if sql else self._updating(names)
        given = (*_but(values, sql), *key)
        return statement, dict(zip(statement.sets, given, strict=True))

    def with_key(self, key: Sequence[Any]) -> dict[str, Any]:
        """Give what a statement about the row with a key is run with."""
        return dict(zip(self._key_parameters, key, strict=True))

    def _insert(self, names: Sequence[str], sql: Mapping[str, Any] = NO_SQL) -> Statement:
        inserted: Any = sa.insert(self._table)
        statement: Any = inserted.values(self._bound(names, sql)).returning(*self._returned)
        return self._made(statement, self._names, sets=_parameters(names, sql))

    def _update(self, names: Sequence[str], sql: Mapping[str, Any] = NO_SQL) -> Statement:
        deletion = self._translator.deletion(self._info)
        live = [] if deletion is None else [deletion.is_live(self._info.model)]
        conditions = [*self._is_key, *live]
        changed: Any = sa.update(self._table).where(*conditions)
        statement = changed.values(self._bound(names, sql)).returning(*self._returned)
        sets = (*_parameters(names, sql), *self._key_parameters)
        return self._made(statement, self._names, sets=sets)

    @cached_property
    def get(self) -> Statement:
        """Give the row with a key."""
        conditions = (*self._translator.where(self._info, ()), *self._is_key)
        return self._made(
            sa.select(*labelled(self._info, self._names)).where(*conditions), self._names
        )

    @cached_property
    def delete(self) -> Statement:
        """Delete the row with a key for good; give its key where there was one."""
        key = [column.columns[0] for column in self._info.key]
        return self._made(sa.delete(self._table).where(*self._is_key).returning(*key), ())

    def _made(
        self,
        sql: Any,  # noqa: ANN401 - a statement
        names: Sequence[str],
        *,
        sets: Sequence[str] = (),
    ) -> Statement:
        return Statement(sql, names, self._dialect, sets=sets)

    def _bound(self, names: Iterable[str], sql: Mapping[str, Any]) -> dict[Any, Any]:
        """Say what columns are set to: values that come with each call, or SQL."""
        columns = {name: self._info.columns[name].columns[0] for name in names}
        return {
            column: sql[name] if name in sql else sa.bindparam(_parameter(name), type_=column.type)
            for name, column in columns.items()
        }

    @cached_property
    def _key_parameters(self) -> Sequence[str]:
        return [f"crud_key_{i}" for i in range(len(self._info.key))]

    @cached_property
    def _is_key(self) -> list[Any]:
        columns = [column.columns[0] for column in self._info.key]
        return [
            column == sa.bindparam(name, type_=column.type)
            for name, column in zip(self._key_parameters, columns, strict=True)
        ]

    @cached_property
    def _table(self) -> Any:  # noqa: ANN401 - a table
        return self._info.mapper.local_table

    @cached_property
    def _returned(self) -> list[Any]:
        return [self._info.columns[name].columns[0].label(name) for name in self._names]


def _sql_in(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the SQL that is set instead of a value, by attribute name."""
    return {name: it for name, it in values.items() if isinstance(it, ClauseElement)}


def _but(values: Mapping[str, Any], sql: Mapping[str, Any]) -> Iterable[Any]:
    return [it for name, it in values.items() if name not in sql] if sql else values.values()


def _parameters(names: Iterable[str], sql: Mapping[str, Any]) -> Sequence[str]:
    return [_parameter(name) for name in names if name not in sql]


def _parameter(name: str) -> str:
    """Name the parameter for the value of an attribute."""
    return f"crud_value_{name}"

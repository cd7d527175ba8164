"""The statements of lists of one model: made once, run with other values again and again."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache

from fastapi_crud.columns import ModelInfo
from fastapi_crud.plan import Ready, Statement, shape_of
from fastapi_crud.query.clauses import CountMode, Deleted, OrderBy, Query, Where
from fastapi_crud.query.conditions import Translator
from fastapi_crud.query.cursors import Cursor
from fastapi_crud.query.ordering import SortKey, sort_keys
from fastapi_crud.query.statements import Statements, labelled

MAX_PAGES = 128
"""How many ways to ask for a page are remembered for one model: clients choose them."""
USUAL_LIMITS = frozenset({10, 20, 25, 50, 100})
"""How long first pages mostly are. One without conditions then has no values at all: PostgreSQL
plans it once, where it would plan anew for each `LIMIT` that it is told later."""
LIMIT = sa.bindparam("crud_limit", type_=sa.BigInteger())
SKIP = sa.bindparam("crud_skip", type_=sa.BigInteger())


class Pages:
    """Makes the statements of lists of one model on one database.

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
        self._statements: LRUCache[Hashable, Statement] = LRUCache(MAX_PAGES)
        self.sort_keys: Callable[[Sequence[Any]], Sequence[SortKey]]
        self.sort_keys = lru_cache(MAX_PAGES)(self._sort_keys)

    def page(self, query: Query, *, planned: bool) -> Ready | None:
        """Give a page, with one row more where nobody counts.

        Args:
            query: Which rows.
            planned: Whether a plan is what is run.

        Returns:
            None where the SQL depends on more than names: on values that rows have to fit, or on
            SQL of somebody's own.
        """
        if not all(isinstance(it, OrderBy) for it in query.order_by):
            return None
        limit = query.limit + (query.count != "exact")
        usual = query.limit in USUAL_LIMITS and not (query.skip or query.where)
        fixed = limit if usual else None
        form = query.order_by, query.count, query.deleted, query.fields, query.skip > 0, fixed
        values = {"crud_skip": query.skip, "crud_limit": limit}
        return self._ready(query, form, partial(self._page, *form), values, planned=planned)

    def walk(
        self, query: Query, keys: Sequence[SortKey], place: Cursor, *, planned: bool
    ) -> Ready | None:
        """Give the rows beyond a place, one more than the page has; see `page`.

        Args:
            query: Which rows.
            keys: What they are sorted by.
            place: The place.
            planned: Whether a plan is what is run.
        """
        given = place.values
        bound = None if given is None else tuple(value is not None for value in given)
        counts: CountMode = "exact" if query.count == "exact" else "none"
        form = query.order_by, counts, query.deleted, place.backward, bound
        values = {"crud_limit": query.limit + 1}
        values |= {_place(i): value for i, value in enumerate(given or ())}
        make = partial(self._walk, counts, query.deleted, keys, place.backward, bound)
        return self._ready(query, form, make, values, planned=planned)

    def _ready(
        self,
        query: Query,
        form: Hashable,
        make: Callable[..., Statement],
        values: dict[str, Any],
        *,
        planned: bool,
    ) -> Ready | None:
        if not query.where:
            statement = self._statements.get(form)
            if statement is None:
                statement = self._statements[form] = make()
            return statement, values
        if not planned:
            return None
        translator = replace(self._translator, deleted=query.deleted)
        where = sa.and_(sa.true(), *(translator.test(self._info, it) for it in query.where))
        shape = shape_of(where)
        if shape is None:
            return None
        key = (shape.key, form)
        statement = self._statements.get(key)
        if statement is None:
            statement = self._statements[key] = make(where=(where,), given=shape.parameters)
        if statement.plan is None:
            return None
        pairs = zip(statement.plan.given, shape.values, strict=True)
        return statement, values | {name: value for names, value in pairs for name in names}

    def _page(
        self,
        order_by: Sequence[OrderBy],
        count: CountMode,
        deleted: Deleted,
        fields: Sequence[str] | None,
        skips: bool,
        fixed: int | None,
        *,
        where: Sequence[Where] = (),
        given: Sequence[Any] = (),
    ) -> Statement:
        names = self._names
        if fields is not None:
            names = tuple(dict.fromkeys([*(it.name for it in self._info.key), *fields]))
        query = Query(where=where, order_by=order_by, count=count)
        limit = LIMIT if fixed is None else sa.literal_column(str(fixed), sa.BigInteger())
        sql = self._writer(names, deleted).page(query).limit(limit)
        if skips:
            sql = sql.offset(SKIP)
        return self._read(sql, names, given)

    def _walk(
        self,
        count: CountMode,
        deleted: Deleted,
        keys: Sequence[SortKey],
        backward: bool,
        bound: Sequence[bool] | None,
        *,
        where: Sequence[Where] = (),
        given: Sequence[Any] = (),
    ) -> Statement:
        values = None
        if bound is not None:
            places = (
                sa.bindparam(_place(i), type_=it.expression.type) for i, it in enumerate(keys)
            )
            values = tuple(it if has else None for it, has in zip(places, bound, strict=True))
        statements = self._writer(self._names, deleted)
        query = Query(where=where, count=count)
        sql = statements.walk(query, keys, Cursor(values, backward), LIMIT)
        return self._read(sql, self._names, given)

    def _writer(self, names: Sequence[str], deleted: Deleted) -> Statements:
        translator = replace(self._translator, deleted=deleted)
        return Statements(self._info, translator, columns=labelled(self._info, names))

    def _read(self, sql: Any, names: Sequence[str], given: Sequence[Any]) -> Statement:  # noqa: ANN401
        return Statement(sql, names, self._dialect, many=True, given=given)

    def _sort_keys(self, order_by: Sequence[Any]) -> Sequence[SortKey]:
        return sort_keys(self._info, order_by, self._dialect.name)


def _place(i: int) -> str:
    """Name the parameter for a value of the place that rows lie beyond."""
    return f"crud_place_{i}"

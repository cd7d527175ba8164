"""What rows are sorted by: the same on every database, never ambiguous, and fit for keysets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.clauses import OrderBy
from fastapi_crud.query.operand import DOUBLE, Operand
from fastapi_crud.query.operators import SCALARS


@dataclass(frozen=True, eq=False)
class SortKey:
    """One thing to sort by.

    Args:
        order: The attribute and the direction.
        column: What is known of the attribute.
        expression: The SQL to sort and to compare by.
        kind: The kind of its values; an enum is sorted by the rank of its members.
        explicit_nulls: Whether SQL must be told where NULL stands: as the smallest value.
    """

    order: OrderBy
    column: ColumnInfo
    expression: Any
    kind: str
    explicit_nulls: bool

    @property
    def nullable(self) -> bool:
        """Whether NULL can occur."""
        return self.column.nullable

    def sql(self, *, backward: bool = False, expression: Any = None) -> ColumnElement[Any]:  # noqa: ANN401
        """Write it for ORDER BY.

        Args:
            backward: Whether against its direction.
            expression: What its values are called where they have been selected already.
        """
        descending = self.order.descending is not backward
        sorted_by = self.expression if expression is None else expression
        ordered: Any = sorted_by.desc() if descending else sorted_by.asc()
        if self.nullable and self.explicit_nulls:
            ordered = sa.nulls_last(ordered) if descending else sa.nulls_first(ordered)
        result: ColumnElement[Any] = ordered
        return result


NULLS_ARE_SMALL = frozenset({"sqlite", "mysql", "mariadb", "mssql"})
"""Databases for which NULL is the smallest value anyway."""


def sort_keys(info: ModelInfo, order_by: Sequence[Any], dialect: str) -> list[SortKey]:
    """Give what to sort by, the primary key last: then no two rows are equal.

    Args:
        info: The model.
        order_by: The `OrderBy`s of a query.
        dialect: The database's name.

    Raises:
        ConfigurationError: If there is SQL among them, or no such column.
    """
    wanted: list[OrderBy] = []
    for each in order_by:
        if not isinstance(each, OrderBy):
            msg = 'a cursor needs names of columns to sort by: order_by=["-created_at"]'
            raise ConfigurationError(msg)
        wanted.append(each)
    keys = [_sort_key(info, order, dialect) for order in with_tiebreak(info, wanted)]
    for key in keys:
        if key.column.kind.name not in SCALARS:
            msg = f"a cursor cannot sort {info.name} by {key.order.field}: its values have no order"
            raise ConfigurationError(msg)
    return keys


def order_by_sql(info: ModelInfo, order_by: Sequence[Any], dialect: str) -> list[Any]:
    """Write ORDER BY for names and SQL alike, the primary key last."""
    return [
        _sort_key(info, each, dialect).sql() if isinstance(each, OrderBy) else each
        for each in with_tiebreak(info, order_by)
    ]


def with_tiebreak(info: ModelInfo, order_by: Sequence[Any]) -> list[Any]:
    """Add the primary key, in the direction of what precedes it: one index can serve both."""
    named = [each.field for each in order_by if isinstance(each, OrderBy)]
    last = order_by[-1] if order_by else None
    descending = isinstance(last, OrderBy) and last.descending
    key = [OrderBy(column.name, descending) for column in info.key if column.name not in named]
    return [*order_by, *key]


def _sort_key(info: ModelInfo, order: OrderBy, dialect: str) -> SortKey:
    if order.field not in info.columns:
        msg = f"{info.name} has no column {order.field!r}; it has {', '.join(info.columns)}"
        raise ConfigurationError(msg)
    column = info.columns[order.field]
    attribute: Any = getattr(info.model, order.field)
    expression, kind = Operand(attribute, column, dialect).column, column.kind.name
    if kind == "enum":
        expression, kind = _rank(attribute), "integer"
    elif (
        kind == "decimal" and dialect == "sqlite" and getattr(attribute.type, "scale", None) is None
    ):
        expression, kind = sa.type_coerce(attribute, DOUBLE), "float"  # as it is stored
    return SortKey(order, column, expression, kind, dialect not in NULLS_ARE_SMALL)


def _rank(attribute: Any) -> Any:  # noqa: ANN401 - an attribute in, SQL out
    """Sort an enum in the order of its declaration; text would be sorted by name on SQLite."""
    column_type = attribute.type
    members: Any = getattr(column_type, "enum_class", None) or column_type.enums
    ranks = {sa.literal(member, column_type): rank for rank, member in enumerate(members)}
    return sa.case(*((attribute == member, rank) for member, rank in ranks.items()))

"""The left side of a comparison: a column as SQL, and what must be known of it to compare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from fastapi_crud.columns import ColumnInfo

MYSQL = frozenset({"mysql", "mariadb"})
SINGLE_BITS = 24


@dataclass(frozen=True, eq=False)
class Operand:
    """A column to compare.

    Args:
        attribute: Its SQL expression, such as `User.name`.
        info: What is known of it.
        dialect: The database's name: `sqlite`, `postgresql`, `mysql` or `mariadb`.
    """

    attribute: Any
    info: ColumnInfo
    dialect: str

    @property
    def kind(self) -> str:
        """The kind of the column, such as `integer`."""
        return self.info.kind.name

    @property
    def nullable(self) -> bool:
        """Whether it may be NULL."""
        return self.info.nullable

    @cached_property
    def column(self) -> Any:  # noqa: ANN401 - an attribute or an expression
        """The SQL to compare: the value as it is shown, on every database.

        A single-precision 0.1 is shown as 0.1, but is not equal to the double-precision 0.1.
        """
        single = SINGLES.get(self.dialect)
        if single is not None and _is_single(self.attribute.type, self.dialect):
            return single(self.attribute)
        return self.attribute

    @cached_property
    def needs_exact(self) -> bool:
        """Whether plain equality would pass over case, accents or spaces at the end."""
        return self.dialect in MYSQL and self.kind == "text"

    @cached_property
    def text(self) -> ColumnElement[str]:
        """The column as text, whatever a type of somebody's own makes of values."""
        return sa.type_coerce(self.attribute, sa.Text())

    @cached_property
    def exact(self) -> ColumnElement[bytes]:
        """The text as bytes in UTF-8 (MySQL and MariaDB)."""
        return as_bytes(self.text)


class Single(sa.TypeDecorator[float]):
    """A single-precision float that is compared with others of its kind (PostgreSQL)."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = sa.REAL
    cache_ok: bool | None = True

    def bind_expression(self, bindparam: Any) -> Any:  # noqa: ANN401 - as SQLAlchemy types it
        """Round the other side to single precision."""
        return sa.cast(sa.type_coerce(bindparam, DOUBLE), sa.REAL)


DOUBLE: sa.Double[float] = sa.Double()
SINGLES: Mapping[str, Callable[[Any], Any]] = {
    "postgresql": lambda column: sa.type_coerce(column, Single()),
    "mysql": lambda column: sa.cast(sa.cast(column, characters()), DOUBLE),
    "mariadb": lambda column: sa.cast(sa.cast(column, characters()), DOUBLE),
}
"""Database → the value of a single-precision float as it is shown."""


def _is_single(column_type: Any, dialect: str) -> bool:  # noqa: ANN401 - a type
    """Whether a float has single precision: MySQL and MariaDB give FLOAT no more unless told."""
    if not isinstance(column_type, sa.Float) or isinstance(column_type, sa.Double):
        return False
    unsaid = SINGLE_BITS if dialect in MYSQL else SINGLE_BITS + 1
    return isinstance(column_type, sa.REAL) or (column_type.precision or unsaid) <= SINGLE_BITS


def characters(charset: str | None = None) -> TypeEngine[str]:
    """Text as MySQL and MariaDB cast to it."""
    from sqlalchemy.dialects import mysql  # noqa: PLC0415 - loaded where it is used

    return mysql.CHAR(charset=charset)


def as_bytes(text: ColumnElement[str]) -> ColumnElement[bytes]:
    """Encode text in UTF-8, whatever the column's character set is (MySQL and MariaDB)."""
    return sa.cast(sa.cast(text, characters("utf8mb4")), sa.BINARY)

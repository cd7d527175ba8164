"""The left side of a comparison: a column as SQL, and what must be known of it to compare."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ColumnInfo

MYSQL = frozenset({"mysql", "mariadb"})
UTF8 = mysql.CHAR(charset="utf8mb4")


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

        MySQL and MariaDB show a single-precision 0.1 as 0.1, but compare it as 0.100000001.
        """
        column_type = self.attribute.type
        if (
            self.dialect in MYSQL
            and isinstance(column_type, sa.Float)
            and not isinstance(column_type, sa.Double)
        ):
            return sa.cast(sa.cast(self.attribute, mysql.CHAR), sa.Double)
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


def as_bytes(text: ColumnElement[str]) -> ColumnElement[bytes]:
    """Encode text in UTF-8, whatever the column's character set is (MySQL and MariaDB)."""
    return sa.cast(sa.cast(text, UTF8), sa.BINARY)

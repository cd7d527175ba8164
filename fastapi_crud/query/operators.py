"""Filter operators: one table; parsing, SQL, OpenAPI and the documentation follow from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query import text
from fastapi_crud.query.operand import Operand

Shape = Literal["one", "many", "flag", "text"]
Test = ColumnElement[bool]

SCALARS = frozenset(
    {
        "boolean", "date", "datetime", "decimal", "enum", "float", "integer", "interval",
        "local_datetime", "local_time", "text", "time", "uuid",
    }
)  # fmt: skip
"""Kinds of columns whose values are single and comparable."""
ORDERED = SCALARS - {"boolean", "enum", "interval", "text", "uuid"}
CONTINUOUS = frozenset(
    {"boolean", "datetime", "float", "interval", "local_datetime", "local_time", "time"}
)
"""Kinds for which lists and inequality are accepted, but not worth a line in the documentation."""
TEXT = frozenset({"text"})
ALL = SCALARS | {"array", "binary", "json", "other"}


def never(_: object) -> bool:
    """NULL does not fit."""
    return False


def always(_: object) -> bool:
    """NULL fits."""
    return True


@dataclass(frozen=True, slots=True)
class Operator:
    """A filter operator: `Operator("within", "lies within", expression, kinds)`.

    Args:
        name: What follows the field in a parameter: `age__gte`.
        summary: What it says of the field, as in "the field … the value": `is at least`.
        expression: Makes the SQL from the operand (see `Operand`) and the value.
        kinds: The kinds of columns that it is for, such as `integer` or `text`.
        shape: What the value is: `one` value of the column's type, `many` of them, a `flag`
            (true or false), or `text`, whatever the column's type.
        opt_in: Kinds for which it must be listed in `filters=`.
        quiet: Kinds for which it is accepted, but not documented in OpenAPI.
        fits_null: Tells, for a value, whether NULL fits: then a missing related row does, too.
    """

    name: str
    summary: str
    expression: Callable[[Operand, Any], Test]
    kinds: frozenset[str]
    shape: Shape = "one"
    opt_in: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()
    fits_null: Callable[[Any], bool] = never

    def is_on_for(self, kind: str, *, nullable: bool) -> bool:
        """Tell whether a column has it without being asked."""
        return kind in self.kinds - self.opt_in and (nullable or self.shape != "flag")


def equal(operand: Operand, value: Any) -> Test:  # noqa: ANN401 - a value of the column's type
    """It is the value; letter case, accents and spaces at the end count on every database."""
    if operand.needs_exact:
        return sa.and_(operand.column == value, operand.exact == str(value).encode())
    test: Test = operand.column == value
    return test


def one_of(operand: Operand, values: Any) -> Test:  # noqa: ANN401 - values of the column's type
    """It is one of the values."""
    if operand.needs_exact:
        encoded = [str(value).encode() for value in values]
        return sa.and_(operand.column.in_(values), operand.exact.in_(encoded))
    test: Test = operand.column.in_(values)
    return test


def or_null(operand: Operand, test: Test) -> Test:
    """Let NULL fit as well: in SQL alone it never would."""
    return sa.or_(test, operand.column.is_(None)) if operand.nullable else test


def is_null(operand: Operand, value: Any) -> Test:  # noqa: ANN401 - true or false
    """It is NULL; in a JSON column the JSON null is meant as well."""
    test: Test = operand.column.is_(None)
    if operand.kind == "json":
        test = sa.or_(operand.column.is_(sa.null()), sa.cast(operand.column, sa.Text) == "null")
    return test if value else sa.not_(test)


_ROWS = (
    Operator("eq", "is", equal, SCALARS),
    Operator(
        "ne", "is not", lambda it, value: or_null(it, sa.not_(equal(it, value))), SCALARS,
        quiet=CONTINUOUS, fits_null=always,
    ),
    Operator("in", "is one of", one_of, SCALARS, shape="many", quiet=CONTINUOUS),
    Operator(
        "not_in", "is none of", lambda it, values: or_null(it, sa.not_(one_of(it, values))), SCALARS,
        shape="many", quiet=CONTINUOUS, fits_null=always,
    ),
    Operator("gt", "is greater than", lambda it, value: it.column > value, ORDERED),
    Operator("gte", "is at least", lambda it, value: it.column >= value, ORDERED),
    Operator("lt", "is less than", lambda it, value: it.column < value, ORDERED),
    Operator("lte", "is at most", lambda it, value: it.column <= value, ORDERED),
    Operator("contains", "contains", text.contains, TEXT, shape="text"),
    Operator("icontains", "contains, in any case,", text.icontains, TEXT, shape="text"),
    Operator("startswith", "starts with", text.startswith, TEXT, shape="text"),
    Operator(
        "istartswith", "starts, in any case, with", text.istartswith, TEXT, shape="text",
        opt_in=TEXT,
    ),
    Operator("endswith", "ends with", text.endswith, TEXT, shape="text", opt_in=TEXT),
    Operator(
        "iendswith", "ends, in any case, with", text.iendswith, TEXT, shape="text", opt_in=TEXT
    ),
    Operator("isnull", "is null", is_null, ALL, shape="flag", fits_null=bool),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = MappingProxyType({row.name: row for row in _ROWS})
"""Name → operator. ADD AN OPERATOR HERE."""


def find_operator(operator: str | Operator) -> Operator:
    """Give an operator by its name; one of the developer's own stands for itself.

    Raises:
        ConfigurationError: If there is none of this name; it names those there are.
    """
    if isinstance(operator, Operator):
        return operator
    if operator not in OPERATORS:
        msg = f"no operator {operator!r}; there are {', '.join(OPERATORS)}"
        raise ConfigurationError(msg)
    return OPERATORS[operator]

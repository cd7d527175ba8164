"""What may be filtered by: the parameters of each field, by its type and the developer's word."""

from collections.abc import Iterator, Mapping, Sequence
from types import EllipsisType
from typing import Any

from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.asked import EVERYTHING, Asked
from fastapi_crud.query.filters import FilterParameter
from fastapi_crud.query.limits import Limits
from fastapi_crud.query.operators import OPERATORS, Operator
from fastapi_crud.query.paths import column_at, is_sql


def filter_parameters(info: ModelInfo, asked: Asked) -> Iterator[tuple[str, FilterParameter]]:
    """Give the name of each field that may be filtered by, with each of its parameters.

    Raises:
        ConfigurationError: If a field or operator is not there, or is hidden.
    """
    table = operator_table(asked)
    public = {attribute: name for name, attribute in asked.names.items()}
    for path, operators in _listed(info, asked, table):
        column = checked_path(info, asked, path)
        name = public.get(path, path.replace(".", "__"))
        for operator in _chosen(info, path, operators, table):
            for parameter in _spellings(name, path, column, table[operator], asked.limits):
                yield name, parameter


def operator_table(asked: Asked) -> Mapping[str, Operator]:
    """Give the built-in operators and the developer's.

    Raises:
        ConfigurationError: If one of these has the name of a built-in one.
    """
    for operator in asked.operators:
        if operator.name in OPERATORS or not operator.name.isidentifier():
            msg = f"operators={operator.name!r}: give your operator another name"
            raise ConfigurationError(msg)
    return {**OPERATORS, **{operator.name: operator for operator in asked.operators}}


def _listed(
    info: ModelInfo, asked: Asked, table: Mapping[str, Operator]
) -> Iterator[tuple[str, Sequence[str] | EllipsisType]]:
    """Path and operators, as listed; what `"*"` stands for in its place."""
    said = [EVERYTHING] if asked.filters is None else asked.filters
    mapping = said if isinstance(said, Mapping) else dict.fromkeys(said, ...)
    for path, operators in mapping.items():
        if path != EVERYTHING:
            yield path, operators
            continue
        for attribute in asked.names.values():
            if is_sql(info, attribute) and attribute not in mapping:
                yield attribute, _fitting(info, attribute, operators, table)


def _fitting(
    info: ModelInfo,
    attribute: str,
    operators: Sequence[str] | EllipsisType,
    table: Mapping[str, Operator],
) -> Sequence[str] | EllipsisType:
    """Of operators for all columns, those that are for this one; unknown ones are told later."""
    if isinstance(operators, EllipsisType):
        return operators
    kind = info.columns[attribute].kind.name
    return [name for name in operators if name not in table or kind in table[name].kinds]


def _chosen(
    info: ModelInfo,
    path: str,
    operators: Sequence[str] | EllipsisType,
    table: Mapping[str, Operator],
) -> Sequence[str]:
    way, column = column_at(info, path)
    kind = column.kind.name
    if isinstance(operators, EllipsisType):
        nullable = column.nullable or any(not it.to_many for it in way)
        return [name for name, it in table.items() if it.is_on_for(kind, nullable=nullable)]
    for name in operators:
        if name not in table or kind not in table[name].kinds:
            fitting = ", ".join(it.name for it in table.values() if kind in it.kinds)
            msg = f"filters[{path!r}]: no operator {name!r} for it; there are {fitting}"
            raise ConfigurationError(f"{info.name}: {msg}")
    return operators


def checked_path(info: ModelInfo, asked: Asked, path: str) -> ColumnInfo:
    """Look a path up; what a related model hides stays hidden."""
    way, column = column_at(info, path)
    owner = way[-1].target if way else info
    if way and not asked.may_read(owner, column.name):
        msg = f"{path!r} is hidden: make {column.name} of {owner.name} readable, or leave it out"
        raise ConfigurationError(f"{info.name}: {msg}")
    if not is_sql(owner, column.name):
        msg = f"{path!r} is no SQL: give the hybrid an .expression, or leave it out"
        raise ConfigurationError(f"{info.name}: {msg}")
    return column


def _spellings(
    name: str, path: str, column: ColumnInfo, operator: Operator, limits: Limits
) -> Iterator[FilterParameter]:
    """Give the parameters of one comparison: `name` and `name__eq` are the same."""
    after = {"many": "these", "flag": ""}.get(operator.shape, "this")
    description = f"Rows whose `{name}` {operator.summary} {after}".rstrip()
    if operator.shape == "flag":
        description = f"Whether `{name}` {operator.summary}"
    common: dict[str, Any] = {
        "path": path, "column": column, "operator": operator, "limits": limits,
        "repeatable": operator.shape == "many", "description": f"{description}.",
    }  # fmt: skip
    quiet = column.kind.name in operator.quiet
    if operator.name == "eq":
        yield FilterParameter(name=name, **common)
    yield FilterParameter(
        name=f"{name}__{operator.name}",
        documented=operator.name != "eq" and not quiet,
        **common,
    )

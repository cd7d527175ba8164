"""Statements that store or change several rows, each in its own way."""

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice, repeat
from operator import is_, itemgetter
from typing import Any, Generic

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.sql.dml import Update
from sqlalchemy.sql.elements import ClauseElement, ColumnElement

from fastapi_crud.columns import MISSING_DEFAULT, ColumnInfo, ModelInfo
from fastapi_crud.construction import call_default
from fastapi_crud.models import ModelT
from fastapi_crud.query.statements import is_one_of, key_equals

Data = Mapping[str, Any]
MAX_COMPLETIONS = 1024
"""For how many sets of columns it is remembered how to complete rows: clients choose them."""


@dataclass(frozen=True, slots=True)
class Change(Generic[ModelT]):
    """What is to become of a row.

    Args:
        row: The row, as it is stored.
        data: New value by attribute name.
    """

    row: ModelT
    data: Data

    def apply(self) -> None:
        """Set the attributes of the row."""
        there: dict[str, Any] = self.row.__dict__
        for name, value in self.data.items():
            old = there.get(name, MISSING_DEFAULT)
            setattr(self.row, name, value)
            if not _is_sql(value) and old == value and not _is_same(old, value):
                flag_modified(self.row, name)  # SQLAlchemy takes 1 and true for the same

    @property
    def idle(self) -> bool:
        """Whether the row is so already; SQL cannot be known."""
        return all(
            not _is_sql(value) and _is_same(self.row.__dict__.get(name, MISSING_DEFAULT), value)
            for name, value in self.data.items()
        )

    def special(self, info: ModelInfo) -> bool:
        """Tell whether it is more than new values of plain columns: of the key, or of relations."""
        names = {column.name for column in info.key}
        return any(
            name in names or name not in info.columns or info.columns[name].version
            for name in self.data
        )


def change_all(info: ModelInfo, changes: Sequence[Change[Any]]) -> Update:
    """Change locked rows by one statement: `SET name = CASE WHEN id = 1 THEN ... END`.

    Args:
        info: The model.
        changes: What is to become of each.
    """
    model: Any = info.model
    keys = [info.key_of(change.row) for change in changes]
    names = dict.fromkeys(name for change in changes for name in change.data)
    values: dict[str, Any] = {}
    for name in names:
        attribute = getattr(model, name)
        cases = [
            (sa.and_(*key_equals(info, key)), bound(change.data[name], attribute))
            for key, change in zip(keys, changes, strict=True)
            if name in change.data
        ]
        values[name] = sa.case(*cases, else_=attribute)
    values |= counted_up(info)
    key = [getattr(model, column.name) for column in info.key]
    statement = sa.update(model).where(is_one_of(key, keys)).values(values)
    return statement.execution_options(synchronize_session=False)


def counted_up(info: ModelInfo) -> dict[str, ColumnElement[Any]]:
    """Count up the version of a row, if it has one."""
    versions = [name for name, column in info.columns.items() if column.version]
    return {name: getattr(info.model, name) + 1 for name in versions}


def bound(value: Any, attribute: Any) -> ColumnElement[Any]:  # noqa: ANN401 - any value of a column
    """Bind a value by the type of its column; SQL stays SQL."""
    if _is_sql(value):
        expression: ColumnElement[Any] = sa.type_coerce(value, attribute.type)
        return expression
    return sa.bindparam(None, value, type_=attribute.type, unique=True)


def _is_same(old: object, new: object) -> bool:
    """Tell whether two values are stored alike: JSON tells 1, 1.0 and true apart."""
    if type(old) is not type(new) or old != new:
        return False
    return not isinstance(new, dict | list) or to_json(old) == to_json(new)


def _is_sql(value: object) -> bool:
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")


def constructed(info: ModelInfo, values: Data) -> dict[str, Any]:
    """Give the columns of a new row as its class makes them: constructors and validators run."""
    row: Any = info.constructor(values)
    attributes: dict[str, Any] = row.__dict__
    return {name: value for name, value in attributes.items() if name in info.columns}


def insertion_groups(
    info: ModelInfo, data: Sequence[Data]
) -> list[tuple[list[int], list[dict[str, Any]]]]:
    """Sort new rows by the columns that they name, so that each group is one statement.

    Args:
        info: The model.
        data: Value by attribute name, for each row.

    Returns:
        For each group the places of its rows in `data`, and their values. Defaults of the
        application are filled in, so that rows that leave them out need no group of their own.
    """
    groups: dict[frozenset[str], tuple[list[int], list[dict[str, Any]]]] = {}
    place = 0
    for given, alike in groupby(data, tuple):
        for rows in completion_of(info, given).rows(alike):
            places, group = groups.setdefault(frozenset(rows[0]), ([], []))
            places += range(place, place + len(rows))
            group += rows
            place += len(rows)
    return [*groups.values()]


def completed(info: ModelInfo, values: Data) -> dict[str, Any]:
    """Fill in the defaults of the application for a new row.

    Args:
        info: The model.
        values: Value by attribute name.
    """
    return completion_of(info, tuple(values)).row(values)


@dataclass(frozen=True, slots=True)
class Completion:
    """How the defaults of the application are filled in for new rows that name the same columns.

    Args:
        info: The model.
        fixed: What is the same for each row; those that are called have their places here.
        called: The attributes whose defaults are made for each row, and what makes them.
        generated: Those given of which None is left to the default of the column, where it has
            one: so does the unit of work.
    """

    info: ModelInfo
    fixed: dict[str, Any]
    called: Sequence[tuple[str, Callable[[Any], Any]]]
    generated: Sequence[str]

    def row(self, values: Data) -> dict[str, Any]:
        """Complete a row."""
        for name in self.generated:
            if values[name] is None:
                return completed(self.info, {n: it for n, it in values.items() if n != name})
        row = {**self.fixed, **values}
        for name, function in self.called:
            made = row[name] = call_default(function)
            if made is MISSING_DEFAULT or isinstance(made, ClauseElement):
                del row[name]  # it is left to the statement
        return row

    def rows(self, several: Iterable[Data]) -> Iterator[list[dict[str, Any]]]:
        """Complete several rows; those that then name the same columns come together."""
        there = [*several]
        values = (map(itemgetter(name), there) for name in self.generated)
        if self.called or any(any(map(is_, column, repeat(None))) for column in values):
            yield from ([*same] for _, same in groupby(map(self.row, there), tuple))
        else:
            fixed = self.fixed
            yield [{**fixed, **given} for given in there]


@lru_cache(MAX_COMPLETIONS)
def completion_of(info: ModelInfo, given: tuple[str, ...]) -> Completion:
    """Prepare to complete rows.

    Args:
        info: The model.
        given: The attributes that they name.
    """
    columns = info.columns.values()
    fixed = dict.fromkeys(it.name for it in columns if _may_be_empty(it))
    called: list[tuple[str, Callable[[Any], Any]]] = []
    for column in columns:
        default = _default_of(column)
        if default is None or column.name in given or default.is_sequence:
            continue
        if default.is_callable:
            called.append((column.name, default.arg))
        if not isinstance(default.arg, ClauseElement):
            fixed[column.name] = default.arg
    generated = {it.name for it in columns if it.has_default or it.autoincrement}
    return Completion(info, fixed, called, [name for name in given if name in generated])


def _default_of(column: ColumnInfo) -> Any:  # noqa: ANN401 - any kind of default, or None
    """Give the default that the application makes, unless one of the database comes before it."""
    for each in column.columns:
        if each.default is not None or isinstance(each.server_default, sa.DefaultClause):
            return each.default
    return None


def _may_be_empty(column: ColumnInfo) -> bool:
    """Tell whether a column that is left out is the same as one that is None."""
    made = column.has_default or column.autoincrement or column.computed or column.discriminator
    nulls = any(each.type.should_evaluate_none for each in column.columns)  # JSON has its own
    return column.nullable and not made and not nulls and not column.version


async def chunks(
    data: Iterable[Data] | AsyncIterable[Data], size: int
) -> AsyncIterator[list[Data]]:
    """Give new rows a few at a time.

    Args:
        data: Value by attribute name, for each row.
        size: How many at a time.
    """
    if isinstance(data, AsyncIterable):
        chunk: list[Data] = []
        async for values in data:
            chunk.append(values)
            if len(chunk) == size:
                yield chunk
                chunk = []
        if chunk:
            yield chunk
        return
    rest = iter(data)
    while chunk := [*islice(rest, size)]:
        yield chunk

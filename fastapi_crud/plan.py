"""Statements that are compiled once, to be run with other values again and again."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ClauseElement

Row = Sequence[Any]
Processor = Callable[[Any], Any]


@dataclass(frozen=True)
class Plan:
    """A compiled statement.

    Args:
        text: The SQL, as the driver takes it.
        parameters: In their order: the name, what converts it, and what it is unless given.
        types: The types of the columns that come back.
        writes: Whether it changes anything.
        many: Whether many rows come back.
        given: The names that the parameters have that `plan_of` was asked for, in their order.
    """

    text: str
    parameters: Sequence[tuple[str, Processor | None, Any]]
    types: Sequence[Any]
    writes: bool
    many: bool = False
    given: Sequence[Sequence[str]] = ()
    processors: list[Sequence[tuple[int, Processor]]] = field(default_factory=list[Any])
    """What converts the columns that need it; known when it first has run."""

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Convert the values of one call."""
        arguments: list[Any] = []
        for name, convert, otherwise in self.parameters:
            value = values.get(name, otherwise)
            arguments.append(value if convert is None else convert(value))
        return arguments

    def converted(
        self, rows: Sequence[Row], dialect: Dialect, codes: Sequence[Any]
    ) -> Sequence[Row]:
        """Convert what came back.

        Args:
            rows: As the driver gave them.
            dialect: The dialect.
            codes: The driver's codes of their types.
        """
        if not self.processors:
            found = [
                each._cached_result_processor(dialect, code)  # noqa: SLF001
                for each, code in zip(self.types, codes, strict=True)
            ]
            self.processors.append([(i, it) for i, it in enumerate(found) if it is not None])
        needed = self.processors[0]
        if not needed:
            return rows
        converted: list[Row] = []
        for row in rows:
            values = [*row]
            for i, convert in needed:
                values[i] = convert(values[i])
            converted.append(values)
        return converted


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement that is run again and again.

    Args:
        sql: What to run.
        names: What its first columns are.
        dialect: The dialect that it is compiled for; None: it is not.
        many: Whether many rows come back.
        given: Parameters in it whose names the plan tells.
        sets: The parameters for the values that it stores, in their order, and for the key.
    """

    sql: Any
    names: Sequence[str]
    dialect: Dialect | None = None
    many: bool = False
    given: Sequence[Any] = ()
    sets: Sequence[str] = ()

    @cached_property
    def plan(self) -> Plan | None:
        """The same, compiled once it is to be run so, where that is possible."""
        if self.dialect is None:
            return None
        return plan_of(self.sql, self.dialect, many=self.many, given=self.given)


Ready = tuple[Statement, dict[str, Any]]
"""A statement, and what it is run with."""


class Shape(NamedTuple):
    """What SQL is apart from its values.

    Args:
        key: The same for all SQL that is the same but for its values.
        parameters: The values, as SQLAlchemy has them in this SQL, in an order that is always
            the same.
    """

    key: Hashable
    parameters: Sequence[Any]

    @property
    def values(self) -> list[Any]:
        """The values themselves."""
        return [parameter.effective_value for parameter in self.parameters]


def shape_of(sql: ClauseElement) -> Shape | None:
    """Tell SQL from its values, as SQLAlchemy's own cache of statements does.

    Returns:
        None where that cannot be told: some types and functions of somebody's own.
    """
    inner: Any = sql
    key: Any = inner._generate_cache_key()  # noqa: SLF001
    return None if key is None else Shape(key.key, key.bindparams)


def plan_of(
    statement: ClauseElement, dialect: Dialect, *, many: bool = False, given: Sequence[Any] = ()
) -> Plan | None:
    """Compile a statement.

    Args:
        statement: A statement whose values are bound parameters.
        dialect: The dialect.
        many: Whether many rows come back.
        given: Parameters in it whose names the plan is to tell.

    Returns:
        None where the values of a call change the SQL, SQLAlchemy adds some to it, or one that is
        given is not in it as it is.
    """
    compiled: Any = statement.compile(dialect=dialect)
    adds = (
        compiled.insert_prefetch or compiled.update_prefetch
        if compiled.isinsert or compiled.isupdate
        else ()
    )
    if adds or compiled.post_compile_params or compiled.literal_execute_params:
        return None
    named = [_names_of(parameter, compiled.bind_names) for parameter in given]
    if not all(named):
        return None
    values = compiled.construct_params(_check=False)
    convert = compiled._bind_processors  # noqa: SLF001
    names = compiled.positiontup or ()
    return Plan(
        text=str(compiled),
        parameters=[(name, convert.get(name), values[name]) for name in names],
        types=[column.type for column in compiled._result_columns],  # noqa: SLF001
        writes=bool(compiled.isinsert or compiled.isupdate or compiled.isdelete),
        many=many,
        given=named,
    )


def _names_of(parameter: Any, names: Mapping[Any, str]) -> Sequence[str]:  # noqa: ANN401
    """Tell what a parameter is called where it is compiled; types may put copies in its place."""
    return [name for it, name in names.items() if parameter in it._cloned_set]  # noqa: SLF001

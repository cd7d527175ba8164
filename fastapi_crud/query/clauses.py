"""What a client asked for, as frozen values: no SQL is run here, no HTTP is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy.sql.elements import ColumnElement, SQLColumnExpression

from fastapi_crud.query.operators import Operator

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_SKIP = 2**63 - 1
"""The largest OFFSET that databases take."""

CountMode = Literal["exact", "estimated", "none"]
Deleted = Literal["exclude", "include", "only"]
"""Which rows are meant where rows are only marked as deleted."""


class FullText(Protocol):
    """A full-text index to search in; `fastapi_crud.query.search` has two."""

    def matches(self, model: type[Any], text: str) -> ColumnElement[bool]:
        """Say that a row matches.

        Args:
            model: The class whose rows are searched.
            text: What the client typed; bind it, never interpolate it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """One comparison: `Filter("age", "gte", 18)`.

    Args:
        field: The name of an attribute, or a path over relationships: `"author.name"`. Rows are
            never multiplied: over to-many, at least one related row must fit.
        operator: The name of an operator, or an operator of your own.
        value: What to compare with: a value of the column's Python type, several of them for
            `in` and `not_in`, a boolean for `isnull`.
    """

    field: str
    operator: str | Operator = "eq"
    value: Any = None


@dataclass(frozen=True, slots=True)
class Search:
    """Words, and phrases in quotes, that must all occur, each in at least one of the fields.

    Args:
        text: The words, as a person types them.
        fields: Where to look: names of text attributes, or paths; or a full-text index.
    """

    text: str
    fields: tuple[str, ...] | FullText


@dataclass(frozen=True, slots=True, init=False)
class And:
    """All of these hold.

    Args:
        *parts: Clauses of ours, or SQLAlchemy expressions.
    """

    parts: tuple["Where", ...]

    def __init__(self, *parts: "Where") -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True, slots=True, init=False)
class Or:
    """At least one of these holds.

    Args:
        *parts: Clauses of ours, or SQLAlchemy expressions.
    """

    parts: tuple["Where", ...]

    def __init__(self, *parts: "Where") -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold; unlike in SQL, a comparison with NULL simply does not hold either.

    Args:
        part: A clause of ours, or a SQLAlchemy expression.
    """

    part: "Where"


Condition = Filter | Search | And | Or | Not
Where = Condition | SQLColumnExpression[bool]
"""A condition: a clause of ours, or any SQLAlchemy expression."""


@dataclass(frozen=True, slots=True)
class OrderBy:
    """What to sort by; NULL counts as the smallest value on every database.

    Args:
        field: The name of an attribute.
        descending: Whether the largest comes first.
    """

    field: str
    descending: bool = False

    @classmethod
    def of(cls, text: str) -> "OrderBy":
        """Read `name`, or `-name` for descending."""
        return cls(text.removeprefix("-"), text.startswith("-"))

    def __str__(self) -> str:
        """Write it as clients do."""
        return f"-{self.field}" if self.descending else self.field


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """One page of rows: which, in what order, from where, and with what.

    Args:
        skip: How many rows to pass over.
        limit: How many rows to give at most.
        where: Conditions that all must hold.
        order_by: What to sort by: `"-created_at"`, `OrderBy(...)` or a SQLAlchemy expression.
            The primary key always comes last, in the direction of what precedes it.
        count: Whether the total is counted: exactly, up to a bound and estimated beyond it, or
            not at all.
        cursor: Where the page begins: `""` for the first page, then what the last page gave.
        fields: Attributes to load; all unless given. The primary key always is.
        include: Relationships to load with the rows: `"author"`, `"books.tags"`.
        deleted: Whether rows that are marked as deleted are meant as well, or only they.
    """

    skip: int = 0
    limit: int = DEFAULT_LIMIT
    where: Sequence[Where] = ()
    order_by: Sequence[Any] = ()
    count: CountMode = "exact"
    cursor: str | None = None
    fields: Sequence[str] | None = None
    include: Sequence[str] = ()
    deleted: Deleted = "exclude"

    def __post_init__(self) -> None:
        """Freeze lists; read names of fields to sort by."""
        order = tuple(OrderBy.of(it) if isinstance(it, str) else it for it in self.order_by)
        object.__setattr__(self, "order_by", order)
        object.__setattr__(self, "where", tuple(self.where))
        object.__setattr__(self, "include", tuple(self.include))
        if self.fields is not None:
            object.__setattr__(self, "fields", tuple(self.fields))

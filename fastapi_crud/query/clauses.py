"""What a client asked for, as frozen values: no SQL is run here, no HTTP is known."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.sql.elements import ColumnElement

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_SKIP = 2**63 - 1
"""The largest OFFSET that databases take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """One page of rows: which, in what order, from where.

    Args:
        skip: How many rows to pass over.
        limit: How many rows to give at most.
        where: Conditions that all must hold.
        order_by: What to sort by; the primary key always comes last.
    """

    skip: int = 0
    limit: int = DEFAULT_LIMIT
    where: tuple[ColumnElement[bool], ...] = ()
    order_by: tuple[Any, ...] = ()

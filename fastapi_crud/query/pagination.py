"""Pages of rows."""

from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Page(Generic[ItemT]):
    """A page of rows, counted from the beginning.

    Args:
        items: The rows, in order.
        total: How many rows there are in all, this page or not; None where nobody counted.
        estimated: Whether the total is an estimate.
        more: Whether there are rows after this page.
    """

    items: list[ItemT]
    total: int | None
    estimated: bool = False
    more: bool = False


@dataclass(frozen=True)
class CursorPage(Generic[ItemT]):
    """A page of rows, with the ways to the pages before and after it.

    Args:
        items: The rows, in order.
        next_cursor: What leads to the next page; None at the end, and only there.
        prev_cursor: What leads to the previous page; None at the beginning.
        total: How many rows there are in all, if that was asked.
        estimated: Whether the total is an estimate.
    """

    items: list[ItemT]
    next_cursor: str | None = None
    prev_cursor: str | None = None
    total: int | None = None
    estimated: bool = False

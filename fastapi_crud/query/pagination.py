"""Pages of rows."""

from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Page(Generic[ItemT]):
    """A page of rows.

    Args:
        items: The rows, in order.
        total: How many rows there are in all, this page or not.
    """

    items: list[ItemT]
    total: int

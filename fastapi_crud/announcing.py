"""Who is told of changes, in their transaction: tasks, and functions."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

from sqlalchemy.ext.asyncio import AsyncSession

Change = Literal["created", "updated", "deleted"]


@runtime_checkable
class Enqueues(Protocol):
    """A task: it is asked for with the transaction that makes the change."""

    def enqueue(self, session: AsyncSession, /, *args: Any, **kwargs: Any) -> Awaitable[Any]:  # noqa: ANN401
        """Ask for a call: with the primary key of the row, all of it if it is composite."""
        ...


Told = Enqueues | Callable[[AsyncSession, Any], Awaitable[Any]]
"""A task, which gets the primary key; or a coroutine function of the session and the row."""
Announced = Mapping[Change, Told]


async def announce(told: Told, session: AsyncSession, key: tuple[Any, ...], row: Any) -> None:  # noqa: ANN401
    """Tell of one row.

    Args:
        told: Who is told.
        session: The session of the change.
        key: The primary key of the row.
        row: The row; its key, where it is gone.
    """
    if isinstance(told, Enqueues):
        await told.enqueue(session, *key)
    else:
        await told(session, row)

"""Connections that a pool lends for one statement, with the least effort."""

import time
from asyncio import QueueEmpty, QueueFull
from functools import partial
from typing import Any

from sqlalchemy.pool.base import reset_commit
from sqlalchemy.util import greenlet_spawn


class Loan:
    """A connection of a pool, lent without the guard that SQLAlchemy makes for each use of one.

    The guard tells listeners, rolls back, and notices when nobody gives the connection back. Here
    nobody listens, there is no transaction, and it is always given back. Both have the same names.

    Args:
        pool: The pool.
        record: What the pool keeps of the connection.
    """

    __slots__ = ("_connection_record", "_pool", "dbapi_connection", "driver_connection")

    is_valid = True

    def __init__(self, pool: Any, record: Any) -> None:  # noqa: ANN401
        self._pool, self._connection_record = pool, record
        self.dbapi_connection: Any = record.dbapi_connection
        self.driver_connection: Any = record.driver_connection

    def invalidate(self, error: BaseException | None = None) -> None:
        """Give it up; the pool makes another one."""
        try:
            self._connection_record.invalidate(error)
        finally:
            self._close_special()

    def returned_at_once(self) -> bool:
        """Give it back, where the pool has a place for it: tell whether it had."""
        try:
            self._pool._pool._queue.put_nowait(self._connection_record)  # noqa: SLF001
        except QueueFull:
            return False
        return True

    def _close_special(self, transaction_reset: bool = True) -> None:
        """Give it back."""
        del transaction_reset
        self._pool._do_return_conn(self._connection_record)  # noqa: SLF001


def lent_at_once(pool: Any) -> Loan | None:  # noqa: ANN401 - a pool of SQLAlchemy's
    """Borrow a connection where a good one is free, and nothing has to be asked of it."""
    if _is_guarded(pool):
        return None
    free = pool._pool._queue  # noqa: SLF001
    try:
        record = free.get_nowait()
    except QueueEmpty:
        return None
    worn = record._is_hard_or_soft_invalidated()  # noqa: SLF001
    if worn or -1 < pool._recycle < time.time() - record.starttime:  # noqa: SLF001
        free.put_nowait(record)  # whoever may wait replaces it
        return None
    return Loan(pool, record)


def _is_guarded(pool: Any) -> bool:  # noqa: ANN401
    """Whether something has to be done when a connection is lent, or comes back."""
    asked = pool._pre_ping or pool._reset_on_return is reset_commit  # noqa: SLF001
    heard = pool.dispatch.checkout or pool.dispatch.checkin or pool.dispatch.reset
    return bool(asked or heard or pool._should_log_debug())  # noqa: SLF001


async def lent(pool: Any) -> Any:  # noqa: ANN401
    """Borrow a connection as SQLAlchemy lends it: it may be a new one, or have to be waited for."""
    return await greenlet_spawn(pool.connect)


async def give_back(loan: Any) -> None:  # noqa: ANN401 - a loan, or SQLAlchemy's own
    """Give back a connection; one that the pool has no place for is closed, which takes a while."""
    given: Any = loan
    if type(loan) is not Loan or not loan.returned_at_once():
        close = partial(given._close_special, transaction_reset=True)  # noqa: SLF001
        await greenlet_spawn(close)  # there is no transaction

"""Hops: small statements go to the thread of a connection together.

To change threads costs more than a statement about one row. So there is one way there at a time:
what comes meanwhile waits, and goes by the next hop, each statement as a transaction of its own.
"""

from asyncio import (
    AbstractEventLoop,
    Future,
    Semaphore,
    Task,
    TimerHandle,
    get_running_loop,
)
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from fastapi_crud.loans import lent, lent_at_once
from fastapi_crud.refusals import Refusal, give_back_after, refusal_of

MOST = 16
"""How many go by one hop: the first gets its rows when the last is done."""
READERS = 2
"""How many read many rows at a time. More are no faster, for each row takes the interpreter from
whoever has it; they only wake each other up."""
PATIENCE = 1.0
"""Seconds that a statement waits for a hop: one that is under way may wait for a lock of somebody
else's, and the others are not to wait behind it, one after the other."""

NAME = "fastapi_crud hops"
"""What the task is called that goes there and back."""

Rows = Sequence[Sequence[Any]]
Work = Callable[[Any], Rows]
"""Runs a statement on a connection, in its thread."""


@dataclass(eq=False, slots=True)
class Errand:
    """A statement on its way.

    Args:
        text: The statement.
        work: Runs it.
        outcome: What it gives, for whoever waits.
        rows: The same, once it has run.
        error: Why it failed, if it has.
    """

    text: str
    work: Work
    outcome: "Future[Rows]"
    rows: Rows = ()
    error: Exception | None = None


class Hops:
    """A way to the threads of an engine's connections.

    Args:
        loop: The event loop that those who wait run in.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Errand] = deque()
        self._under_way: Task[None] | None = None
        self._timer: TimerHandle | None = None
        self._alone: set[Task[None]] = set()

    async def run(self, engine: Any, text: str, work: Work) -> Rows:  # noqa: ANN401
        """Run a statement by the next hop.

        Args:
            engine: The engine, as SQLAlchemy has it beneath async ones.
            text: The statement.
            work: Runs it.

        Raises:
            DBAPIError: If the database refuses, as SQLAlchemy raises it.
        """
        errand = Errand(text, work, self._loop.create_future())
        self._waiting.append(errand)
        if self._under_way is None:
            self._under_way = self._loop.create_task(self._go(engine), name=NAME)
            self._under_way.add_done_callback(self._ended)
        return await errand.outcome

    async def _go(self, engine: Any) -> None:  # noqa: ANN401
        """Hop until nobody waits."""
        try:
            while self._waiting:
                self._timer = self._loop.call_later(PATIENCE, self._disperse, engine)
                try:
                    await self._hop(engine, self._waiting)
                finally:
                    self._timer.cancel()
        finally:
            self._under_way = None
            self._give_up()

    def _ended(self, task: Task[None]) -> None:
        """Notice a way that ends before it has begun."""
        if self._under_way is task:
            self._under_way = None
            self._give_up()

    def _give_up(self) -> None:
        """Let nobody wait for ever; a thread may still take from what waits."""
        waiting, self._waiting = self._waiting, deque()
        for errand in waiting:
            errand.outcome.cancel()

    def _disperse(self, engine: Any) -> None:  # noqa: ANN401
        """Send those that have waited too long on ways of their own, and those to come as well."""
        with suppress(IndexError):  # the thread takes some as well
            while True:
                self._send_alone(engine, self._waiting.popleft())
        self._timer = self._loop.call_later(PATIENCE, self._disperse, engine)

    def _send_alone(self, engine: Any, errand: Errand) -> None:  # noqa: ANN401
        def ended(task: Task[None]) -> None:
            self._alone.discard(task)
            errand.outcome.cancel()  # unless it has one

        alone = self._loop.create_task(self._hop(engine, deque([errand])))
        self._alone.add(alone)
        alone.add_done_callback(ended)

    async def _hop(self, engine: Any, errands: deque[Errand]) -> None:  # noqa: ANN401
        """Run what waits, or the first of many, and tell those who wait."""
        loan: Any = None
        taken: list[Errand] = []
        try:
            loan = lent_at_once(engine.pool) or await lent(engine.pool)
            driver = loan.driver_connection
            await driver._execute(work_off, driver._conn, errands, taken)  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 - they are told
            _fail(errands, taken, error)
        except BaseException:  # the loop ends, and nobody knows what the connection is doing
            if loan is not None:
                loan.invalidate()
            for errand in taken:
                errand.outcome.cancel()
            raise
        await _tell(loan, engine.dialect, taken)


async def _tell(loan: Any, dialect: Any, taken: Sequence[Errand]) -> None:  # noqa: ANN401
    """Give back the connection, if there was one, and tell those who wait."""
    refusals: list[Refusal] = []
    for errand in taken:
        if errand.error is not None:
            refusals.append(refusal_of(loan, dialect, errand.text, errand.error))
            errand.error = refusals[-1].error
    if loan is not None:
        await give_back_after(loan, refusals)
    for errand in taken:
        if errand.outcome.done():
            continue  # whoever waited has given up
        if errand.error is None:
            errand.outcome.set_result(errand.rows)
        else:
            errand.outcome.set_exception(errand.error)


def work_off(connection: Any, errands: deque[Errand], taken: list[Errand]) -> None:  # noqa: ANN401
    """Run statements in the thread of a connection, and those that come meanwhile."""
    for _ in range(MOST):
        try:
            errand = errands.popleft()
        except IndexError:  # asked for, not looked for: the loop takes some as well
            return
        if errand.outcome.cancelled():
            continue
        taken.append(errand)
        try:
            errand.rows = errand.work(connection)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            errand.error = error


def _fail(errands: deque[Errand], taken: list[Errand], error: Exception) -> None:
    """Give up those that wait: there is no way to the database."""
    taken += errands
    errands.clear()
    for errand in taken:
        errand.error = error


class Ways(NamedTuple):
    """The ways to the threads of an engine's connections, in one event loop.

    Args:
        loop: The event loop.
        pages: Lets those in that read many rows, a few at a time.
        reads: For those that read a row.
        writes: For those that write one.
    """

    loop: AbstractEventLoop
    pages: Semaphore
    reads: Hops
    writes: Hops


_ways: WeakKeyDictionary[Any, Ways] = WeakKeyDictionary()


def ways_of(engine: Any) -> Ways:  # noqa: ANN401 - as SQLAlchemy has it beneath async ones
    """Give the ways of an engine in the event loop that runs."""
    loop = get_running_loop()
    ways = _ways.get(engine)
    if ways is None or ways.loop is not loop:
        ways = _ways[engine] = Ways(loop, Semaphore(READERS), Hops(loop), Hops(loop))
    return ways

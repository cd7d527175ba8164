"""The portal: runs coroutines for plain code, all on one event loop of the OS process."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, ClassVar, TypeVar
from weakref import WeakSet

from fastapi_crud.database import Database

T = TypeVar("T")

GRACE = 5
"""Seconds that a coroutine is given to end once it is cancelled."""

_databases: WeakSet[Database] = WeakSet()
_inherited: list[object] = []
"""What a process that was forked has of its parent, and never touches: if it were collected, that
would act on sockets that the parent uses."""


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from plain code, such as a Celery task, and give what it returns.

    All of them share one event loop, in a thread of its own: so the connections of a pool stay on
    the loop that they were made on, be the workers processes, threads or neither. If the caller
    is interrupted, as by a soft time limit, the coroutine is cancelled, and ends before the error
    goes on.

    Args:
        coroutine: What to run.

    Raises:
        RuntimeError: If called by a coroutine that runs here: it would wait for itself.
        concurrent.futures.CancelledError: If `close` is called meanwhile.
    """
    return _Portal.of_this_process().run(coroutine)


def register(database: Database) -> None:
    """Have processes that are forked make connections of their own to a database.

    Args:
        database: The database. Its pool is emptied by `close`.
    """
    _databases.add(database)


def close() -> None:
    """Cancel what still runs, empty the pools of registered databases, and end the thread.

    The next `run_async` begins anew.
    """
    with _Portal.lock:
        portal, _Portal.current = _Portal.current, None
    if portal is not None:
        portal.stop()


class _Portal:
    """An event loop, in a daemon thread that is started when it is first asked for."""

    lock: ClassVar[threading.Lock] = threading.Lock()
    current: ClassVar["_Portal | None"] = None

    def __init__(self) -> None:
        self._stopping = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="portal", daemon=True)
        self._thread.start()

    @classmethod
    def of_this_process(cls) -> "_Portal":
        with cls.lock:
            if cls.current is None:
                cls.current = cls()
            return cls.current

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if threading.current_thread() is self._thread:
            coroutine.close()
            msg = "run_async() would wait for itself here: await the coroutine instead"
            raise RuntimeError(msg)
        answer: Future[T] = Future()
        begun: list[asyncio.Task[T]] = []

        def begin() -> None:
            # A task of the coroutine itself: it is closed even if cancelled before its first step.
            task = self._loop.create_task(coroutine)
            task.add_done_callback(lambda ended: _tell(ended, answer))
            begun.append(task)

        def give_up() -> None:
            for task in begun:
                task.cancel()

        try:
            self._loop.call_soon_threadsafe(begin)
            return answer.result()
        except BaseException:
            if not answer.done():  # it is the caller who was interrupted
                self._loop.call_soon_threadsafe(give_up)
                wait([answer], timeout=GRACE)
            raise

    def stop(self) -> None:
        self._stopping = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=3 * GRACE)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            loop = runner.get_loop()
            while not self._stopping:
                with suppress(KeyboardInterrupt, SystemExit):  # a coroutine's: its caller is told
                    loop.run_forever()
            runner.run(_end())


def _tell(ended: "asyncio.Task[T]", answer: "Future[T]") -> None:
    if ended.cancelled():
        answer.cancel()
        answer.set_running_or_notify_cancel()
    elif error := ended.exception():
        answer.set_exception(error)
    else:
        answer.set_result(ended.result())


async def _end() -> None:
    at_work = asyncio.all_tasks() - {asyncio.current_task()}
    for each in at_work:
        each.cancel()
    if at_work:
        await asyncio.wait(at_work, timeout=GRACE)
    for database in [*_databases]:
        await database.engine.dispose()


def _begin_anew() -> None:
    """Forget, in a process that was forked, the thread and the connections of the parent."""
    _inherited.append(_Portal.current)
    _Portal.lock, _Portal.current = threading.Lock(), None
    for database in [*_databases]:
        _inherited.append(database.engine.sync_engine.pool)
        database.engine.sync_engine.dispose(close=False)


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows, where none is forked
    os.register_at_fork(after_in_child=_begin_anew)

"""Coroutines that plain code runs: on one loop, whoever asks, and in forked processes too."""

import asyncio
import gc
import os
import signal
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from fastapi_crud import Database
from fastapi_crud.tasks import portal
from fastapi_crud.tasks.portal import run_async
from tests.conftest import SERVERS, empty_database

NAME: ContextVar[str] = ContextVar("NAME")


class Interrupted(Exception):
    """What a soft time limit raises in the caller."""


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No portal is open, before and after."""
    portal.close()
    yield
    portal.close()


@pytest.fixture(scope="module")
async def postgresql() -> AsyncIterator[URL]:
    """A PostgreSQL database without tables."""
    async with empty_database(SERVERS["postgresql"]) as url:
        yield url


async def loop_and_thread() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    return asyncio.get_running_loop(), threading.current_thread()


async def answer() -> int:
    return 42


async def ask(database: Database) -> int:
    async with database.session() as session:
        return int(await session.scalar(sa.select(sa.literal(42))) or 0)


def test_all_run_on_one_loop() -> None:
    """Do coroutines of all threads run on the same loop, in a thread that is none of theirs?"""
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(run_async, loop_and_thread()) for _ in range(20)]
        places = {each.result(5) for each in asked}
    assert len(places) == 1
    assert {thread for _, thread in places}.isdisjoint({threading.main_thread()})


def test_they_run_side_by_side() -> None:
    """Can a coroutine wait for one that another thread asks for?"""
    events: list[asyncio.Event] = []

    async def first() -> str:
        events.append(asyncio.Event())
        began.set()
        await asyncio.wait_for(events[0].wait(), 5)
        return "first"

    async def second() -> None:
        events[0].set()

    began = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(run_async, first())
        assert began.wait(5)
        run_async(second())
        assert waiting.result(5) == "first"


def test_errors_arrive() -> None:
    """Does the caller get the error of a coroutine, as it is?"""

    async def fail() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        run_async(fail())


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_no_coroutine_ends_the_loop(error: type[BaseException]) -> None:
    """Does the loop go on if a coroutine wants to end the process?"""

    async def leave() -> None:
        raise error

    with pytest.raises(error):
        run_async(leave())
    assert run_async(answer()) == 42


def test_the_context_is_that_of_the_caller() -> None:
    """Does a coroutine see the context variables of whoever asks for it?"""

    async def name() -> str:
        return NAME.get()

    token = NAME.set("Zoë")
    try:
        assert run_async(name()) == "Zoë"
    finally:
        NAME.reset(token)


def test_it_never_waits_for_itself() -> None:
    """Is a coroutine told that asks for another as plain code would?"""

    async def ask_plainly() -> int:
        return run_async(answer())

    with pytest.raises(RuntimeError, match="await the coroutine"):
        run_async(ask_plainly())


@contextmanager
def interrupted_after(coroutine_began: threading.Event) -> Generator[None]:
    """Interrupt the main thread as Celery's soft time limit does: by a signal."""

    def raise_in_caller(*_: Any) -> None:
        raise Interrupted

    def wait_and_send() -> None:
        assert coroutine_began.wait(5)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, raise_in_caller)
    sender = threading.Thread(target=wait_and_send)
    sender.start()
    try:
        with pytest.raises(Interrupted):
            yield
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def test_interrupted_callers_cancel() -> None:
    """Has a coroutine ended, with all that it does at its end, when its caller is interrupted?"""
    began, ended = threading.Event(), list[str]()

    async def hang() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("rolled back")

    with interrupted_after(began):
        run_async(hang())
    assert ended == ["rolled back"]


def test_interruptions_do_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is the caller of a coroutine that does not end when cancelled let go after a while?"""
    monkeypatch.setattr(portal, "GRACE", 0.05)
    began, let_go = threading.Event(), list[asyncio.Event]()

    async def resist() -> None:
        let_go.append(asyncio.Event())
        began.set()
        while not let_go[0].is_set():
            try:
                await let_go[0].wait()
            except asyncio.CancelledError:
                continue

    async def release() -> None:
        let_go[0].set()

    with interrupted_after(began):
        run_async(resist())
    run_async(release())


def test_close_ends_all() -> None:
    """Does closing cancel what runs, and can the next coroutine be run all the same?"""
    began = threading.Event()

    async def hang() -> None:
        began.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(run_async, hang())
        assert began.wait(5)
        first = run_async(loop_and_thread())
        portal.close()
        with pytest.raises(CancelledError):
            waiting.result(5)
    assert not first[1].is_alive()
    assert run_async(loop_and_thread()) != first


def test_close_empties_pools(tmp_path: Any) -> None:
    """Are the connections of a registered database closed, and made again when needed?"""
    database = Database(f"sqlite:///{tmp_path}/own.db")
    portal.register(database)
    pools: list[Any] = []
    for _ in range(2):
        assert run_async(ask(database)) == 42
        pools.append(database.engine.sync_engine.pool)
        assert pools[-1].checkedin() == 1
        portal.close()
        assert database.engine.sync_engine.pool.checkedin() == 0  # type: ignore[attr-defined]
    assert pools[0] is not pools[1]


def test_databases_are_shared_by_threads(postgresql: URL) -> None:
    """Can many threads use one pool, whose connections belong to one loop?"""
    database = Database(postgresql, pool_size=2, max_overflow=0)
    portal.register(database)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(run_async, ask(database)) for _ in range(50)]
        assert {each.result(10) for each in asked} == {42}
    portal.close()


def in_fork(work: Callable[[], bool]) -> bool:
    """Tell whether some work succeeds in a forked process, within a time."""
    child = os.fork()
    if child == 0:  # pragma: no cover - what it covers is not counted
        code = 1
        try:
            signal.alarm(20)
            code = 0 if work() else 2
        except BaseException:  # noqa: BLE001 - pytest must not go on in here
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it is what prefork does
def test_forked_processes_have_their_own(postgresql: URL) -> None:
    """Do forked processes work on the database their parent uses, and disturb it never?"""
    database = Database(postgresql, pool_size=2, max_overflow=0)
    portal.register(database)
    assert run_async(ask(database)) == 42
    thread = run_async(loop_and_thread())[1]

    def work() -> bool:
        gc.collect()
        answers = [run_async(ask(database)) for _ in range(5)]
        portal.close()
        return answers == [42] * 5

    for _ in range(3):
        assert in_fork(work)
        assert run_async(ask(database)) == 42
    assert run_async(loop_and_thread())[1] is thread
    portal.close()


def test_what_is_inherited_is_left_alone(tmp_path: Any) -> None:
    """Does a forked process forget the thread and the pool of its parent, but never drop them?"""
    behind: Any = portal
    database = Database(f"sqlite:///{tmp_path}/own.db")
    portal.register(database)
    thread = run_async(loop_and_thread())[1]
    parent, pool = behind._Portal.current, database.engine.sync_engine.pool
    behind._begin_anew()  # what a fork calls
    assert run_async(loop_and_thread())[1] is not thread
    assert database.engine.sync_engine.pool is not pool
    assert {parent, pool} <= {*behind._inherited}
    behind._inherited.clear()
    parent.stop()
    assert not thread.is_alive()

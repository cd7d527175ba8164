"""The command that runs a relay, until it is told to stop."""

import asyncio
import runpy
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fastapi_crud import Database
from fastapi_crud.tasks import Relay, __main__ as command
from tests.tasks import shop as goods
from tests.tasks.fleet import Shop, open_shop

STOPPED_BY = pytest.mark.parametrize("number", command.SIGNALS, ids=lambda each: each.name)


SOURCE = """
from fastapi_crud import Database
from fastapi_crud.tasks import Relay

class app:
    relay = Relay(Database("sqlite://"))

relay = app.relay
number = 1
"""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop on SQLite, without a broker."""
    async with open_shop(f"sqlite:///{tmp_path}/shop.db", "memory://", tmp_path) as opened:
        yield opened


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module with things that are relays and things that are not."""
    (tmp_path / "relays_of_a_test.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return "relays_of_a_test"


@pytest.mark.parametrize("name", ["relay", "app.relay"])
def test_relays_are_found(module: str, name: str) -> None:
    """Is a relay found in a module, or in something in it?"""
    relay = command.found(f"{module}:{name}")
    assert isinstance(relay, Relay)
    assert sys.modules.pop(module).relay is relay


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("relay", "not of the form module:name"),
        (":relay", "not of the form module:name"),
        ("relays_of_a_test:", "not of the form module:name"),
        ("relays_of_a_test:number", "is no Relay, but a int"),
        ("relays_of_a_test:other", "has no attribute 'other'"),
        ("no_such_module:relay", "No module named 'no_such_module'"),
    ],
)
def test_what_is_no_relay(
    module: str, place: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Is the reason said, and the exit code 2, if there is no relay where one is looked for?"""
    with pytest.raises(SystemExit) as exit_:
        command.main([place])
    assert exit_.value.code == 2
    assert says in capsys.readouterr().err


def test_it_is_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Does `python -m fastapi_crud.tasks` read its command line?"""
    monkeypatch.setattr(sys, "argv", ["fastapi_crud.tasks", "--help"])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(command.__file__, run_name="__main__")
    assert exit_.value.code == 0
    assert "python -m fastapi_crud.tasks" in capsys.readouterr().out


@STOPPED_BY
async def test_signals_stop_it(shop: Shop, number: signal.Signals) -> None:
    """Does a relay do what is due until a signal, and would a second one end the process?"""
    before = [signal.getsignal(each) for each in command.SIGNALS]
    database = Database(shop.database.engine.url)
    await shop.order(goods.note, 1)
    running = asyncio.create_task(command.run(Relay(database, poll=0.05)))
    await shop.done("noted", 1)
    signal.raise_signal(number)
    assert [signal.getsignal(each) for each in command.SIGNALS] == before
    await asyncio.wait_for(running, 10)


async def test_errors_end_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Are handlers of signals as they were when a relay ends by an error?"""

    async def fail(_: Any) -> None:
        raise LookupError

    before = [signal.getsignal(each) for each in command.SIGNALS]
    monkeypatch.setattr(Relay, "run", fail)
    with pytest.raises(LookupError):
        await command.run(Relay(Database(shop.database.engine.url)))
    assert [signal.getsignal(each) for each in command.SIGNALS] == before


def test_main_runs_until_stopped(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Does the command run the relay that it was told of?"""
    ran: list[Relay] = []

    async def run(relay: Relay) -> None:
        ran.append(relay)

    monkeypatch.setattr(Relay, "run", run)
    command.main([f"{module}:relay"])
    assert ran == [sys.modules.pop(module).relay]


async def test_jobs_at_work_may_end(shop: Shop) -> None:
    """Does a process that is told to stop end its jobs, and leave the others?"""
    async with shop.program("fastapi_crud.tasks", "tests.tasks.shop:inline") as program:
        await shop.order(goods.gated, 1)
        await shop.done("begun", 1)
        program.running.terminate()
        await program.says("SIGTERM: the relay takes no more jobs")
        await shop.order(goods.note, 2)
        await shop.open_gate()
        assert await program.ended() == 0
    assert await shop.effects("passed") == [(1, 1)]
    assert await shop.effects("noted") == []

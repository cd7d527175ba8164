"""Gates: a few at a time, in turn, and nobody waits for ever."""

import asyncio
import contextlib

import pytest

from fastapi_crud import gates
from fastapi_crud.gates import Gate


class Crowd:
    """Those who go through a gate, and how many were inside at a time."""

    def __init__(self, most: int) -> None:
        self.gate = Gate(most)
        self.entered: list[int] = []
        self.inside = self.most_inside = 0

    async def go(self, number: int, leave: asyncio.Event | None = None) -> None:
        async with self.gate.passed():
            self.entered.append(number)
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            try:
                await (asyncio.sleep(0) if leave is None else leave.wait())
            finally:
                self.inside -= 1


async def turns() -> None:
    """Let all go as far as they get."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("most", [1, 2, 9])
async def test_a_few_at_a_time(most: int) -> None:
    """Are so many inside as may be, and do they come in their order?"""
    crowd = Crowd(most)
    await asyncio.gather(*(crowd.go(number) for number in range(9)))
    assert (crowd.most_inside, crowd.entered) == (most, [*range(9)])


async def test_who_waits_too_long_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does one that does not come out hold up the others only for a while, and take no place?"""
    monkeypatch.setattr(gates, "PATIENCE", 0)
    crowd, leave = Crowd(1), asyncio.Event()
    first = asyncio.create_task(crowd.go(0, leave))
    await turns()
    await asyncio.gather(crowd.go(1), crowd.go(2))
    assert crowd.inside == 1
    leave.set()
    await first
    monkeypatch.undo()
    crowd.most_inside = 0
    await asyncio.gather(*(crowd.go(number) for number in range(3, 6)))
    assert crowd.most_inside == 1, "as many places as before"


@pytest.mark.parametrize("inside", [True, False])
async def test_who_gives_up_leaves_the_place(inside: bool) -> None:
    """Is the place free again after one is cancelled, inside or before the gate?"""
    crowd, leave = Crowd(1), asyncio.Event()
    first, second = (asyncio.create_task(crowd.go(number, leave)) for number in range(2))
    await turns()
    gone = first if inside else second
    gone.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await gone
    leave.set()
    await asyncio.gather(first, second, return_exceptions=True)
    await crowd.go(2)
    assert crowd.entered[-1] == 2
    assert not crowd.inside

"""Medians of interleaved rounds, and tables to show them."""

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Taken(Generic[KeyT]):
    """How long works took.

    Args:
        seconds: By the key of a work, round by round.
    """

    seconds: Mapping[KeyT, Sequence[float]]

    def microseconds(self, key: KeyT) -> float:
        """The median."""
        return median(self.seconds[key]) * 1e6

    def milliseconds(self, key: KeyT) -> float:
        """The median."""
        return median(self.seconds[key]) * 1e3

    def ratio(self, key: KeyT, other: KeyT) -> float:
        """How much dearer a work is than another: the median of what each round says.

        Where a machine is at times fast and at times slow, this is steadier than the ratio of
        the medians.
        """
        pairs = zip(self.seconds[key], self.seconds[other], strict=True)
        return median(one / another for one, another in pairs)


async def measure(works: Mapping[KeyT, Work], rounds: int, *, at_least: float = 0) -> Taken[KeyT]:
    """Measure how long works take.

    Every round does all of them, in an order of its own: whatever disturbs the machine, or is
    still in a cache, is shared among them.

    Args:
        works: What to do, by a key. All is done before as well, which does not count.
        rounds: How often.
        at_least: Seconds that one figure covers: a quicker work is repeated for as long.
    """
    for work in works.values():
        await work()
    often = {key: max(1, round(at_least / await _seconds(work))) for key, work in works.items()}
    seconds: dict[KeyT, list[float]] = {key: [] for key in works}
    shuffled = random.Random(rounds)
    for _ in range(rounds):
        for key in shuffled.sample([*works], len(works)):
            seconds[key].append(await _seconds(works[key], often[key]))
    return Taken(seconds)


async def _seconds(work: Work, times: int = 1) -> float:
    began = perf_counter()
    for _ in range(times):
        await work()
    return (perf_counter() - began) / times


def show(*lines: str) -> None:
    """Print."""
    print(*lines, sep="\n", flush=True)  # noqa: T201 - what benchmarks are for


def show_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers stand below each other."""
    table = [[*heads], *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        cells = zip(row, widths, strict=True)
        show("  ".join(cell.rjust(width) for cell, width in cells))


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)

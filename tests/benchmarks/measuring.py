"""Medians of interleaved rounds, and tables to show them."""

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import TypeVar

KeyT = TypeVar("KeyT")
Work = Callable[[], Awaitable[object]]


async def medians(works: Mapping[KeyT, Work], rounds: int) -> dict[KeyT, float]:
    """How many seconds each work takes.

    Every round does all of them, in an order of its own: whatever disturbs the machine, or is
    still in a cache, is shared among them. A first round is not counted.

    Args:
        works: What to do, by a key.
        rounds: How often.
    """
    taken: dict[KeyT, list[float]] = {key: [] for key in works}
    shuffled = random.Random(rounds)
    for _ in range(rounds + 1):
        for key in shuffled.sample([*works], len(works)):
            began = perf_counter()
            await works[key]()
            taken[key].append(perf_counter() - began)
    return {key: median(seconds[1:]) for key, seconds in taken.items()}


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

"""What was measured, as tables of ratios."""

from collections.abc import Sequence

from tests.benchmarks.measuring import Taken, show, show_table
from tests.benchmarks.speed.variants import (
    ALCHEMY,
    CHECKED,
    CLASSIC,
    FASTCRUD,
    LIMIT,
    OPERATIONS,
    Operation,
    Variant,
)

Key = tuple[str, Operation]
"""A variant's name, and what it does."""

COMPARED = (
    (CLASSIC, "x of by_hand"),
    (LIMIT, "% of bare"),
    (CHECKED, "% of bare_checked"),
    (FASTCRUD, "x of fastcrud"),
    (ALCHEMY, "x of advanced_alchemy"),
)


def show_results(
    taken: Taken[Key], slowest: Taken[Key] | None, variants: Sequence[Variant]
) -> None:
    """Print a table for each operation.

    Args:
        taken: Seconds per request.
        slowest: Within how many seconds 99 of 100 were answered; None where it is CPU time that
            was taken: then microseconds per request are shown, and else requests per second.
        variants: The rows.
    """
    names = [variant.name for variant in variants]
    compared = [(other, head) for other, head in COMPARED if other in names]
    for operation in OPERATIONS:
        show("")
        show_table(
            (operation, *_heads(slowest), *(head for _, head in compared)),
            [
                (
                    name,
                    *_figures(taken, slowest, (name, operation)),
                    *(_ratio(taken, name, other, operation) for other, _ in compared),
                )
                for name in names
            ],
        )


def _heads(slowest: Taken[Key] | None) -> tuple[str, ...]:
    return ("us",) if slowest is None else ("requests/s", "p99 ms")


def _figures(
    taken: Taken[Key], slowest: Taken[Key] | None, key: Key
) -> tuple[int] | tuple[int, float]:
    figure = taken.microseconds(key)
    return (round(figure),) if slowest is None else (round(1e6 / figure), slowest.milliseconds(key))


def _ratio(taken: Taken[Key], name: str, other: str, operation: Operation) -> str:
    """Tell how much faster one is than another."""
    ratio = taken.ratio((other, operation), (name, operation))
    return f"{ratio * 100:.0f}" if other in {LIMIT, CHECKED} else f"{ratio:.2f}"

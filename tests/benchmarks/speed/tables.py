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


def show_results(taken: Taken[Key], variants: Sequence[Variant], *, rates: bool) -> None:
    """Print a table for each operation.

    Args:
        taken: Seconds per request.
        variants: The rows.
        rates: Whether to show requests per second, or else microseconds per request.
    """
    names = [variant.name for variant in variants]
    compared = [(other, head) for other, head in COMPARED if other in names]
    for operation in OPERATIONS:
        show("")
        show_table(
            (operation, "requests/s" if rates else "us", *(head for _, head in compared)),
            [
                (
                    name,
                    _figure(taken, (name, operation), rates=rates),
                    *(_ratio(taken, name, other, operation) for other, _ in compared),
                )
                for name in names
            ],
        )


def _figure(taken: Taken[Key], key: Key, *, rates: bool) -> int:
    figure = taken.microseconds(key)
    return round(1e6 / figure if rates else figure)


def _ratio(taken: Taken[Key], name: str, other: str, operation: Operation) -> str:
    """Tell how much faster one is than another."""
    ratio = taken.ratio((other, operation), (name, operation))
    return f"{ratio * 100:.0f}" if other in {LIMIT, CHECKED} else f"{ratio:.2f}"

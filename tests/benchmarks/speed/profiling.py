"""Where the time of one variant's operation goes."""

import asyncio
from cProfile import Profile
from pstats import SortKey, Stats

from tests.benchmarks.measuring import show
from tests.benchmarks.speed.calling import calling
from tests.benchmarks.speed.places import places
from tests.benchmarks.speed.variants import Operation, Variant

LINES = 40


async def profile(backend: str, variant: Variant, operation: Operation, seconds: float) -> None:
    """Print the functions that an operation spends its time in.

    Args:
        backend: The database.
        variant: Whose.
        operation: Which.
        seconds: How much CPU time to look at.
    """
    async with places(backend, [variant.name]) as urls, calling(variant, urls[variant.name]) as one:
        await one.check(operation)
        plain = await one.cost(operation, seconds / 4)
        profiler = Profile()
        profiler.enable()
        await one.cost(operation, seconds)
        profiler.disable()
        await asyncio.sleep(0)
    show(
        f"\n== {variant.name} {operation} on {backend}: {plain * 1e6:,.0f} us without the profiler"
    )
    for order in (SortKey.TIME, SortKey.CUMULATIVE):
        Stats(profiler).sort_stats(order).print_stats(LINES)

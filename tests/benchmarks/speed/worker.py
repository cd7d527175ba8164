"""A process that calls one variant's app and tells what it costs; `in_process` starts it.

It reads lines of `OPERATION SECONDS` and answers each with CPU seconds per request.
"""

import asyncio
import sys

from tests.benchmarks.measuring import show
from tests.benchmarks.speed.asking import Wrong
from tests.benchmarks.speed.calling import calling
from tests.benchmarks.speed.loops import run
from tests.benchmarks.speed.variants import OPERATIONS, VARIANTS, Operation

WARM_UP = 0.2  # seconds


async def main(name: str, url: str) -> None:
    """Answer until there are no more lines."""
    async with calling(VARIANTS[name], url) as caller:
        for operation in OPERATIONS:
            await caller.check(operation)
            await caller.cost(operation, WARM_UP)
        show("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked, seconds = line.split()
            known: dict[str, Operation] = {operation: operation for operation in OPERATIONS}
            show(repr(await caller.cost(known[asked], float(seconds))))


if __name__ == "__main__":
    try:
        run(main(*sys.argv[1:]))
    except Wrong as wrong:
        sys.exit(str(wrong))

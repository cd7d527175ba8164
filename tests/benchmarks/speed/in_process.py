"""CPU time of each request, without sockets: every variant in a process of its own."""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from tests.benchmarks.measuring import Taken
from tests.benchmarks.speed.asking import Wrong
from tests.benchmarks.speed.places import places, tidy
from tests.benchmarks.speed.tables import Key
from tests.benchmarks.speed.variants import OPERATIONS, Variant


async def measure_in_process(
    backend: str, variants: Sequence[Variant], rounds: int, seconds: float
) -> Taken[Key]:
    """Measure the CPU seconds per request of each variant and operation.

    Args:
        backend: The database.
        variants: Which.
        rounds: How often each is measured.
        seconds: How much CPU time one figure covers.

    Raises:
        Wrong: If a request fails.
    """
    names = [variant.name for variant in variants]
    taken: dict[Key, list[float]] = {(name, each): [] for name in names for each in OPERATIONS}
    shuffled = random.Random(rounds)
    async with places(backend, names) as urls, AsyncExitStack() as stack:
        workers = {name: await _started(stack, name, urls[name]) for name in names}
        for _ in range(rounds):
            for operation in OPERATIONS:
                for name in shuffled.sample(names, len(names)):
                    cost = await _answer(name, workers[name], f"{operation} {seconds}")
                    taken[name, operation].append(float(cost))
            await _tidy(urls)
    return Taken(taken)


async def _tidy(urls: Mapping[str, str]) -> None:
    for url in urls.values():
        await tidy(url)


async def _started(stack: AsyncExitStack, name: str, url: str) -> Process:
    module = "tests.benchmarks.speed.worker"
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, name, url, stdin=PIPE, stdout=PIPE
    )
    stack.push_async_callback(_end, worker)
    await _answer(name, worker)
    return worker


async def _answer(name: str, worker: Process, line: str = "") -> str:
    assert worker.stdin is not None
    assert worker.stdout is not None
    if line:
        worker.stdin.write(f"{line}\n".encode())
    answer = (await worker.stdout.readline()).decode().strip()
    if not answer:
        msg = f"{name} has ended"
        raise Wrong(msg)
    return answer


async def _end(worker: Process) -> None:
    assert worker.stdin is not None
    worker.stdin.close()
    await worker.wait()

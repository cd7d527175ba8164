"""Requests per second over sockets, under the load of wrk."""

import asyncio
import json
import random
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from tests.benchmarks.measuring import Taken
from tests.benchmarks.speed.asking import HEADERS, USERS, Asker, Wrong
from tests.benchmarks.speed.places import places, tidy
from tests.benchmarks.speed.serving import HOST, serving
from tests.benchmarks.speed.tables import Key
from tests.benchmarks.speed.variants import OPERATIONS, Operation, Variant

CONNECTIONS: Mapping[Operation, int] = MappingProxyType(
    {"list": 16, "get": 16, "create": 8, "patch": 8}
)
WARM_UP = 1  # seconds
TIMEOUT = 20  # seconds

SCRIPT = """
math.randomseed({seed})
local fresh = 0
wrk.headers = {{{headers}}}
request = function()
   fresh = fresh + 1
   local number = string.format("%012d", math.random(1, {users}))
   local target = ([[{target}]]):gsub("NUMBER", number)
   local body = ([[{body}]]):gsub("FRESH", string.format("%012d", fresh))
   return wrk.format("{method}", target, nil, {sent})
end
done = function(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '\\n{{"requests": %d, "microseconds": %d, "connect": %d, "read": %d, "write": %d, ' ..
      '"status": %d, "timeout": %d, "p99": %d}}\\n', summary.requests, summary.duration,
      errors.connect, errors.read, errors.write, errors.status, errors.timeout,
      latency:percentile(99)))
end
"""
"""One thread runs it, so that its numbers are fresh."""


async def measure_under_load(
    backend: str, variants: Sequence[Variant], rounds: int, seconds: int
) -> tuple[Taken[Key], Taken[Key]]:
    """Measure the seconds per request of each variant and operation, and how long the slowest take.

    Each round starts each server anew: all of them together would need more connections than a
    database has.

    Args:
        backend: The database.
        variants: Which.
        rounds: How often each is measured.
        seconds: How long each load lasts.

    Returns:
        Seconds per request, and within how many seconds 99 of 100 requests were answered.

    Raises:
        Wrong: If a request fails.
    """
    names = [variant.name for variant in variants]
    keys: list[Key] = [(name, operation) for name in names for operation in OPERATIONS]
    taken: dict[Key, list[float]] = {key: [] for key in keys}
    slowest: dict[Key, list[float]] = {key: [] for key in keys}
    shuffled = random.Random(rounds)
    async with places(backend, names) as urls:
        for _ in range(rounds):
            for variant in shuffled.sample(variants, len(variants)):
                url = urls[variant.name]
                async with serving(variant, url) as port:
                    await _load(variant, "get", port, WARM_UP)
                    await tidy(url)
                    for operation in OPERATIONS:
                        each, tail = await _load(variant, operation, port, seconds)
                        taken[variant.name, operation].append(each)
                        slowest[variant.name, operation].append(tail)
                await tidy(url)
    return Taken(taken), Taken(slowest)


async def _load(
    variant: Variant, operation: Operation, port: int, seconds: int
) -> tuple[float, float]:
    """Give the seconds per request, and within how many 99 of 100 are answered."""
    with TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(_script(variant, operation))
        wrk = await asyncio.create_subprocess_exec(
            "wrk", "-t1", f"-c{CONNECTIONS[operation]}", f"-d{seconds}s", f"--timeout={TIMEOUT}s",
            f"-s{script}", f"http://{HOST}:{port}", stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        printed, complaints = await wrk.communicate()
    if wrk.returncode:
        msg = f"wrk failed: {complaints.decode()}"
        raise Wrong(msg)
    result: dict[str, Any] = json.loads(printed.decode().rstrip().rpartition("\n")[2])
    requests, microseconds, tail = (result.pop(it) for it in ("requests", "microseconds", "p99"))
    failed = ", ".join(f"{many} ({kind})" for kind, many in result.items() if many)
    if failed or not requests:
        msg = f"{variant.name} {operation}: of {requests} requests failed {failed or 'all'}"
        raise Wrong(msg)
    return microseconds / 1e6 / requests, tail / 1e6


def _script(variant: Variant, operation: Operation) -> str:
    ask = Asker(variant).pattern(operation)
    return SCRIPT.format(
        seed=random.randrange(2**31),
        users=USERS,
        headers=", ".join(f'["{name}"] = "{value}"' for name, value in HEADERS.items()),
        method=ask.method,
        target=ask.target,
        body=ask.body,
        sent="body" if ask.body else "nil",
    )

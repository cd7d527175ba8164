"""What an export costs: rows per second, and how much memory it takes at most.

    python -m tests.benchmarks.exporting [--rows N] [--rounds N] [sqlite] [postgresql]

The rows and the databases are those of `paging`. Requests go to the app without a server, and what
it sends is dropped, so that only the export is measured. `MB` is by how much the process has grown
at its peak since just before; of SQLite, its page cache is part of that.
"""

import argparse
import asyncio
import resource
from time import perf_counter

import pytest
from fastapi import FastAPI
from starlette.types import Message, Scope

from fastapi_crud import Database, Limits, make_crud_router
from fastapi_crud.database import STATE_KEY
from tests.benchmarks.measuring import show, show_table
from tests.benchmarks.paging import FILL, OPEN, Item, execute_in

FORMATS = ("text/csv", "application/x-ndjson")
GOAL = 200_000
"""Rows per second that there should be."""


def main() -> None:
    """Run it on the databases that answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("backends", nargs="*", default=["sqlite", "postgresql"])
    said = parser.parse_args()
    for backend in said.backends:
        asyncio.run(_run(backend, said.rows, said.rounds))


async def _run(backend: str, rows: int, rounds: int) -> None:
    try:
        async with OPEN[backend]() as database:
            await database.create_all()
            await execute_in(database, FILL[backend].format(rows=rows))
            show(
                f"\n== {backend}: {rows:,} rows, the best of {rounds} rounds; goal {GOAL:,} rows/s"
            )
            measured = [await _measure(database, each, rows, rounds) for each in FORMATS]
            show_table(("format", "rows/s", "MB sent", "MB grown"), measured)
    except pytest.skip.Exception as skipped:
        show(f"\n== {backend} is left out: {skipped}")


async def _measure(
    database: Database, accept: str, rows: int, rounds: int
) -> tuple[str, int, float, float]:
    app = FastAPI()
    app.include_router(make_crud_router(Item, export=True, limits=Limits(max_export=rows)))
    setattr(app.state, STATE_KEY, database)
    await _export(app, f"{accept};q=1", "limit=1")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds: list[float] = []
    sent = 0
    for _ in range(rounds):
        started = perf_counter()
        sent = await _export(app, accept, "")
        seconds.append(perf_counter() - started)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown
    return accept, round(rows / min(seconds)), sent / 1e6, grown / 1e3


async def _export(app: FastAPI, accept: str, query: str) -> int:
    """Ask for a file, and drop it; how many bytes it had."""
    size = 0

    async def receive() -> Message:
        return await asyncio.Future()

    async def send(message: Message) -> None:
        nonlocal size
        assert message.get("status", 200) == 200
        size += len(message.get("body", b""))

    scope: Scope = {
        "type": "http", "method": "GET", "path": "/items", "raw_path": b"/items",
        "headers": [(b"accept", accept.encode())], "query_string": query.encode(),
        "scheme": "http", "server": ("test", 80), "root_path": "", "http_version": "1.1",
        "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return size


if __name__ == "__main__":
    main()

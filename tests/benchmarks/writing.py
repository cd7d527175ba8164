"""What writing many rows costs, against writing them one by one and against bare SQLAlchemy.

    python -m tests.benchmarks.writing [--rows N] [--rounds N] [backend ...]

The first table is one request of 100 rows against 100 requests of one. The second is
`Repository.create_multi` against `connection.execute(insert(...), rows)` by hand, in the same
chunks, and on PostgreSQL against COPY, with the memory that each takes at its peak for a fifth of
the rows and for all of them.
"""

import argparse
import asyncio
import os
import tempfile
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count, islice
from types import MappingProxyType
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from fastapi_crud import Database, Repository, make_crud_router
from fastapi_crud.batches import CHUNK
from tests.benchmarks.measuring import measure, show, show_table
from tests.conftest import SERVERS, client_of, drop_database, execute_on_server
from tests.models import Base, Note

BATCH = 100
NUMBERS = count()


def main() -> None:
    """Run it on the databases that answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("backends", nargs="*", default=["sqlite", "postgresql", "mariadb"])
    said = parser.parse_args()
    for backend in said.backends:
        asyncio.run(_run(backend, said.rows, said.rounds))


async def _run(backend: str, rows: int, rounds: int) -> None:
    try:
        async with OPEN[backend]() as database:
            await database.create_all()
            show(f"\n== {backend}: medians of {rounds} rounds")
            await _requests(database, rounds)
            await _bulk(database, rows, rounds)
            await database.engine.dispose()
    except pytest.skip.Exception as skipped:
        show(f"\n== {backend} is left out: {skipped}")


async def _requests(database: Database, rounds: int) -> None:
    """Compare one request of many rows with many of one."""
    app = FastAPI(lifespan=database.lifespan)
    operations: Any = ["create", "batch_create", "batch_update", "batch_delete", "update", "delete"]
    app.include_router(make_crud_router(Note, operations=operations))
    async with client_of(app) as client, database.lifespan(app):

        async def together() -> None:
            answer = await client.post("/notes:batchCreate", json={"items": [*_notes(BATCH)]})
            ids = [row["id"] for row in answer.json()["items"]]
            changes = [{"id": id_, "done": True} for id_ in ids]
            await client.post("/notes:batchUpdate", json={"items": changes})
            answer = await client.post("/notes:batchDelete", json={"ids": ids})
            assert answer.is_success

        async def one_by_one() -> None:
            for note in _notes(BATCH):
                path = (await client.post("/notes", json=note)).headers["Location"]
                await client.patch(path, json={"done": True})
                assert (await client.delete(path)).is_success

        taken = await measure({"one by one": one_by_one, "together": together}, rounds)
    show(f"\n{BATCH} rows created, updated and deleted, over HTTP without a server")
    show_table(
        ("way", "ms", "x"),
        [
            (way, taken.milliseconds(way), taken.ratio(way, "together"))
            for way in ("one by one", "together")
        ],
    )


async def _bulk(database: Database, rows: int, rounds: int) -> None:
    """Compare `create_multi` with SQLAlchemy by hand, in time and memory."""

    async def by_hand(many: int = rows) -> None:
        async with database.engine.begin() as connection:
            notes = _notes(many)
            while chunk := [*islice(notes, CHUNK)]:
                await connection.execute(sa.insert(Base.metadata.tables["notes"]), chunk)

    async def by_repository(many: int = rows) -> None:
        async with database.session() as session:
            await Repository[Note](session).create_multi(_notes(many))

    async def by_copy(many: int = rows) -> None:
        records = [tuple(note.values()) for note in _notes(many)]
        async with database.engine.begin() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.copy_records_to_table("notes", columns=["title", "done"], records=records)

    ways = {"by hand": by_hand, "create_multi": by_repository}
    if database.engine.dialect.driver == "asyncpg":
        ways["COPY"] = by_copy
    taken = await measure(ways, max(rounds // 3, 1))
    show(f"\n{rows:,} rows stored from a generator")
    show_table(
        ("way", "ms", "x", "peak MB, a fifth", "peak MB, all"),
        [
            (
                way,
                taken.milliseconds(way),
                taken.ratio(way, "by hand"),
                await _peak(work, rows // 5),
                await _peak(work, rows),
            )
            for way, work in ways.items()
        ],
    )


async def _peak(work: Callable[[int], Any], rows: int) -> float:
    tracemalloc.start()
    await work(rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def _notes(many: int) -> Iterator[dict[str, Any]]:
    return ({"title": f"{next(NUMBERS)}", "done": False} for _ in range(many))


@asynccontextmanager
async def _sqlite() -> AsyncGenerator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        yield Database(f"sqlite:///{folder}/bench.db", metadata=Base.metadata)


def _on_server(name: str) -> Callable[[], AbstractAsyncContextManager[Database]]:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Database]:
        server, own = SERVERS[name], f"fastapi_crud_bench_{os.getpid()}"
        await execute_on_server(server, f"CREATE DATABASE {own}")
        try:
            yield Database(server.set(database=own), metadata=Base.metadata)
        finally:
            await drop_database(server, own)

    return opened


OPEN: Mapping[str, Callable[[], AbstractAsyncContextManager[Database]]] = MappingProxyType(
    {
        "sqlite": _sqlite,
        "postgresql": _on_server("postgresql"),
        "mariadb": _on_server("mariadb"),
    }
)
"""Database → how to open an empty one."""


if __name__ == "__main__":
    main()

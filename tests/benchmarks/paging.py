"""What a page costs, near the start of a million rows and near their end.

    python -m tests.benchmarks.paging [--rows N] [--rounds N] [sqlite] [postgresql]

For each sort order, an index that suits it and the database is made, and pages of 100 rows are
read through `Repository`: by offset, and by cursor. A page by cursor starts from a cursor as the
page before it would give. `x` is the ratio to the first page by the same way.

SQLite is a temporary file; PostgreSQL is found as the tests find it (`TEST_POSTGRESQL_URL`), in a
database of this run's own, and left out with a message where it does not answer. The exit code is
1 where the last page by cursor costs more than twice the first.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import get_args

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, Filter, Query, Repository, UTCDateTime
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.clauses import CountMode, Where
from fastapi_crud.query.cursors import Cursor, encode_cursor, fingerprint
from fastapi_crud.query.ordering import sort_keys
from tests.benchmarks.measuring import Work, measure, show, show_table
from tests.conftest import SERVERS, drop_database, execute_on_server

PAGE_SIZE = 100
PAGES = (0.0, 0.01, 0.1, 0.5, 1.0)
"""Which pages are read: the first, the last, and some between."""
MOST = 2.0
"""How much dearer than the first page the last one by cursor may be."""


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Item(Base):
    """Four rows have the same `created_at`, and a tenth has no `due_at`."""

    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(12, 2))
    name: Mapped[str] = mapped_column(sa.String(50))
    kind: Mapped[int]
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


FILL: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": """
            WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {rows})
            INSERT INTO items (id, created_at, amount, name, kind, due_at)
            SELECT n, strftime('%Y-%m-%d %H:%M:%S.000000', 1.7e9 + n / 4, 'unixepoch'),
                n * 7919 % 100000 / 100.0, 'item ' || n, n % 4,
                CASE WHEN n % 10 > 0
                THEN strftime('%Y-%m-%d %H:%M:%S.000000', 1.8e9 + n * 7919 % 1000003, 'unixepoch') END
            FROM numbers""",
        "postgresql": """
            INSERT INTO items (id, created_at, amount, name, kind, due_at)
            SELECT n, to_timestamp(1.7e9 + n / 4), n * 7919::bigint % 100000 / 100.0, 'item ' || n,
                n % 4,
                CASE WHEN n % 10 > 0 THEN to_timestamp(1.8e9 + n * 7919::bigint % 1000003) END
            FROM generate_series(1, {rows}) AS numbers (n)""",
    }
)
"""Database → how the rows get there: the same ones everywhere."""
SETTLE: Mapping[str, str] = MappingProxyType(
    {"sqlite": "ANALYZE", "postgresql": "VACUUM ANALYZE items"}
)
"""Database → how it gets to know the rows."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Something to sort by.

    Args:
        name: What it shows.
        order_by: As `Query` takes it; the primary key comes last.
        index: The columns of an index that suits it; by database, where they differ.
    """

    name: str
    order_by: tuple[str, ...]
    index: str | Mapping[str, str]

    def index_for(self, backend: str) -> str:
        """The columns of the index, as SQL."""
        return self.index if isinstance(self.index, str) else self.index[backend]


NULLABLE = {"sqlite": "due_at, id", "postgresql": "due_at NULLS FIRST, id"}

ORDERS = (
    Order(name="one direction", order_by=("-created_at",), index="created_at, id"),
    Order(name="one direction", order_by=("created_at",), index="created_at, id"),
    Order(
        name="mixed directions",
        order_by=("created_at", "-amount"),
        index="created_at, amount DESC, id DESC",
    ),
    Order(
        name="mixed directions, the first column with 4 values",
        order_by=("kind", "-created_at"),
        index="kind, created_at DESC, id DESC",
    ),
    Order(name="nullable, a tenth is NULL", order_by=("due_at",), index=NULLABLE),
    Order(name="nullable, a tenth is NULL", order_by=("-due_at",), index=NULLABLE),
)

COUNT_MODES: tuple[CountMode, ...] = get_args(CountMode)
COUNTED: Mapping[str, tuple[Where, ...]] = MappingProxyType(
    {
        "all": (),
        "amount__gt=500 (a half)": (Filter("amount", "gt", Decimal(500)),),
        "amount__gt=999.5 (few)": (Filter("amount", "gt", Decimal("999.5")),),
    }
)
"""What is shown → the condition of the rows to count, which no index helps with."""


def main() -> int:
    """Run it on the databases that answer; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("backends", nargs="*", default=["sqlite", "postgresql"])
    said = parser.parse_args()
    held = [asyncio.run(_run(backend, said.rows, said.rounds)) for backend in said.backends]
    return 0 if all(held) else 1


async def _run(backend: str, rows: int, rounds: int) -> bool:
    """Measure one database; whether all held."""
    try:
        async with OPEN[backend]() as database:
            await database.create_all()
            await execute_in(database, FILL[backend].format(rows=rows))
            show(f"\n== {backend}: {rows:,} rows, medians of {rounds} rounds")
            held = [await _measure(database, order, rows, rounds) for order in ORDERS]
            await _measure_counts(database, rounds)
            return all(held)
    except pytest.skip.Exception as skipped:
        show(f"\n== {backend} is left out: {skipped}")
        return True


async def _measure(database: Database, order: Order, rows: int, rounds: int) -> bool:
    """Measure one order with its index; whether its promise held."""
    index = order.index_for(database.engine.dialect.name)
    async with _index(database, index):
        last = rows // PAGE_SIZE
        works: dict[tuple[str, int], Work] = {}
        for page in sorted({max(1, round(last * part)) for part in PAGES}):
            by_offset, by_cursor = await _ways_to(database, order, page)
            works["offset", page], works["cursor", page] = by_offset, by_cursor
        taken = await measure(works, rounds)
    worst = taken.ratio(("cursor", last), ("cursor", 1))
    held = worst <= MOST
    show(f"\nsort={','.join(order.order_by)} ({order.name}), index ({index})")
    show_table(
        ("page", "offset ms", "x", "cursor ms", "x"),
        [
            (page, *(
                figure
                for way in ("offset", "cursor")
                for figure in (taken.milliseconds((way, page)), taken.ratio((way, page), (way, 1)))
            ))
            for way, page in works if way == "cursor"
        ],
    )  # fmt: skip
    if not held:
        show(f"BROKEN: the last page by cursor costs {worst:.2f} times the first, not {MOST}")
    return held


async def _ways_to(database: Database, order: Order, page: int) -> tuple[Work, Work]:
    """Two ways to read a page, after a look whether they lead to the same rows."""
    skip = (page - 1) * PAGE_SIZE
    by_offset = Query(skip=skip, limit=PAGE_SIZE, order_by=order.order_by, count="none")
    cursor = await _cursor_of(database, by_offset)
    by_cursor = replace(by_offset, skip=0, cursor=cursor)

    async def offset() -> list[Item]:
        async with database.session() as session:
            return (await Repository[Item](session).get_page(by_offset)).items

    async def walk() -> list[Item]:
        async with database.session() as session:
            return (await Repository[Item](session).get_cursor_page(by_cursor)).items

    assert [item.id for item in await offset()] == [item.id for item in await walk()]
    return offset, walk


async def _cursor_of(database: Database, page: Query) -> str:
    """The cursor that the page before this one gives."""
    if not page.skip:
        return ""
    info = inspect_model(Item)
    keys = sort_keys(info, page.order_by, database.engine.dialect.name)
    async with database.session() as session:
        [row] = await Repository[Item](session).get_multi(
            skip=page.skip - 1, limit=1, order_by=page.order_by
        )
    values = tuple(getattr(row, key.order.field) for key in keys)
    return encode_cursor(Cursor(values), keys, fingerprint(info, page))


async def _measure_counts(database: Database, rounds: int) -> None:
    """Measure the first page with its total."""
    index = "created_at, id"
    async with _index(database, index):
        works = {
            (name, mode): _counted(database, where, mode)
            for name, where in COUNTED.items()
            for mode in COUNT_MODES
        }
        taken = await measure(works, rounds)
    show(f"\nfirst page of sort=-created_at with its total, index ({index})")
    show_table(
        ("rows", *(f"{mode} ms" for mode in COUNT_MODES)),
        [(name, *(taken.milliseconds((name, mode)) for mode in COUNT_MODES)) for name in COUNTED],
    )


def _counted(database: Database, where: tuple[Where, ...], mode: CountMode) -> Work:
    query = Query(limit=PAGE_SIZE, order_by=["-created_at"], where=where, count=mode)

    async def work() -> int | None:
        async with database.session() as session:
            return (await Repository[Item](session).get_page(query)).total

    return work


@asynccontextmanager
async def _index(database: Database, columns: str) -> AsyncGenerator[None]:
    """Make the only index beside that of the primary key."""
    await execute_in(database, f"CREATE INDEX measured ON items ({columns})")
    await execute_in(database, SETTLE[database.engine.dialect.name])
    yield
    await execute_in(database, "DROP INDEX measured")


async def execute_in(database: Database, statement: str) -> None:
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)


@asynccontextmanager
async def _sqlite() -> AsyncGenerator[Database]:
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'items.db'}", metadata=Base.metadata)
        yield database
        await database.engine.dispose()


@asynccontextmanager
async def _postgresql() -> AsyncGenerator[Database]:
    server, own = SERVERS["postgresql"], f"fastapi_crud_benchmark_{token_hex(6)}"
    await execute_on_server(server, f"CREATE DATABASE {own}")
    database = Database(server.set(database=own), metadata=Base.metadata)
    try:
        yield database
    finally:
        await database.engine.dispose()
        await drop_database(server, own)


OPEN: Mapping[str, Callable[[], AbstractAsyncContextManager[Database]]] = MappingProxyType(
    {"sqlite": _sqlite, "postgresql": _postgresql}
)
"""Database → how to get an empty one of its kind."""

if __name__ == "__main__":
    sys.exit(main())

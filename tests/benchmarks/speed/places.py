"""A database for each way to serve users, filled alike and dropped at the end."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from tests.benchmarks.measuring import show
from tests.benchmarks.speed.apps.users import Base, User, fake_hash, make_engine
from tests.benchmarks.speed.asking import MADE, USERS, user_email, user_id
from tests.conftest import SERVERS, execute_on_server

PATIENCE = 5  # seconds

Urls = Mapping[str, str]


@asynccontextmanager
async def places(backend: str, names: Sequence[str]) -> AsyncGenerator[Urls]:
    """Fill databases; the URL of each, by name."""
    async with (_on_postgresql if backend == "postgresql" else _in_files)(names) as urls:
        yield urls


async def tidy(url: str) -> None:
    """Take away the users that were created since, and what updates left behind."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(sa.delete(User).where(User.email.startswith(f"{MADE}-")))
    await engine.dispose()
    if engine.dialect.name == "postgresql":
        await execute_on_server(sa.make_url(url), "VACUUM ANALYZE users")


@asynccontextmanager
async def _in_files(names: Sequence[str]) -> AsyncGenerator[Urls]:
    with TemporaryDirectory() as folder:
        first = Path(folder) / "filled.db"
        await _fill(f"sqlite+aiosqlite:///{first}")
        urls: dict[str, str] = {}
        for name in names:
            path = shutil.copy(first, Path(folder) / f"{name}.db")
            urls[name] = f"sqlite+aiosqlite:///{path}"
        yield urls


@asynccontextmanager
async def _on_postgresql(names: Sequence[str]) -> AsyncGenerator[Urls]:
    server, own = SERVERS["postgresql"], f"fastapi_crud_speed_{os.getpid()}"
    async with AsyncExitStack() as stack:
        await execute_on_server(server, f"CREATE DATABASE {own}")
        stack.push_async_callback(_drop, server, own)
        await _fill(server.set(database=own).render_as_string(hide_password=False))
        urls: dict[str, str] = {}
        for name in names:
            copy = f"{own}_{name}"
            await execute_on_server(server, f"CREATE DATABASE {copy} TEMPLATE {own}")
            stack.push_async_callback(_drop, server, copy)
            # Every way commits the same; how long the disk takes is not what is compared.
            await execute_on_server(server, f"ALTER DATABASE {copy} SET synchronous_commit = off")
            url = server.set(database=copy)
            await execute_on_server(url, "VACUUM ANALYZE users")
            urls[name] = url.render_as_string(hide_password=False)
        yield urls


async def _drop(server: sa.URL, name: str) -> None:
    """Drop a database; after a failure, connections to it may still be ending."""
    for _ in range(PATIENCE):
        with suppress(pytest.skip.Exception):
            await execute_on_server(server, f"DROP DATABASE {name} WITH (FORCE)")
            return
        await asyncio.sleep(1)
    show(f"{name} is left behind on {server.host}")


async def _fill(url: str) -> None:
    engine = make_engine(url)
    rows = [
        {
            "id": user_id(number),
            "email": user_email(number),
            "name": f"User {number}",
            "hashed_password": fake_hash("password123"),
        }
        for number in range(1, USERS + 1)
    ]
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(sa.insert(User), rows)
    if engine.dialect.name == "sqlite":  # all of it into the one file that is copied
        async with engine.connect() as connection:
            await connection.execute(sa.text("ANALYZE"))
            await connection.commit()
            await connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
    await engine.dispose()

"""Failure in the middle: 503 with Retry-After or the truth, nothing by halves, a pool that heals.

Only connections of a test's own engine are killed or limited; what is stored is read by another.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from typing import Annotated, Any, NamedTuple

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import await_only

from fastapi_crud import Database, DbSession, Repository, Service, get_db, make_crud_router
from tests.conftest import BACKENDS, Client, Serve, rows_of
from tests.models import Tag

on_servers = pytest.mark.parametrize(
    "backend", [name for name in BACKENDS if name != "sqlite"], indirect=True
)

COMMANDS = {
    "postgresql": {
        "number": "SELECT pg_backend_pid()",
        "alive": "SELECT count(*) FROM pg_stat_activity WHERE pid = {}",
        "waits": "SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND wait_event_type = 'Lock'",
        "kill": "SELECT pg_terminate_backend({})",
        "cancel": "SELECT pg_cancel_backend({})",
        "hurry": "SET lock_timeout = 50",
    },
    "mysql": {
        "number": "SELECT CONNECTION_ID()",
        "alive": "SELECT count(*) FROM information_schema.processlist WHERE id = {}",
        "waits": (  # innodb_trx would tell, but not to somebody who asks without pause
            "SELECT count(*) FROM information_schema.processlist"
            " WHERE id = {} AND command = 'Query' AND time_ms > 200"
        ),
        "kill": "KILL {}",
        "cancel": "KILL QUERY {}",
        "hurry": "SET innodb_lock_wait_timeout = 1",
    },
    "sqlite": {"hurry": "PRAGMA busy_timeout = 50"},
}
"""How a database is asked about its connections, and told not to wait long for a lock."""


def commands_of(db: Database) -> dict[str, str]:
    return COMMANDS[db.engine.url.get_backend_name()]


async def tell(db: Database, command: str, number: int) -> Any:
    """Give a command about a connection through another one."""
    async with db.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        result = await connection.execute(sa.text(commands_of(db)[command].format(number)))
        return result.scalar() if result.returns_rows else None


async def kill(db: Database, number: int) -> None:
    """End a connection, and return when the server has done so."""
    await tell(db, "kill", number)
    async with asyncio.timeout(5):
        while await tell(db, "alive", number):
            pass


async def pooled(database: Database, count: int = 1) -> list[int]:
    """Leave connections in the pool; the server's numbers of them."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(database.engine.connect()) for _ in range(count)]
        number = sa.text(commands_of(database)["number"])
        return [(await connection.execute(number)).scalar_one() for connection in opened]


@asynccontextmanager
async def another(db: Database, **options: Any) -> AsyncGenerator[Database]:
    """An engine on the same database, with the tag that the requests are about."""
    async with db.session() as session:
        session.add(Tag(slug="old", label="a"))
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1}
    database = Database(db.engine.url, **(pool | options))
    try:
        yield database
    finally:
        await database.engine.dispose()


@pytest.fixture
async def own(db: Database) -> AsyncIterator[Database]:
    """An engine of one connection, to be killed."""
    async with another(db) as database:
        yield database


async def stored(db: Database) -> dict[str, str]:
    return {tag.slug: tag.label for tag in await rows_of(db, Tag)}


class Call(NamedTuple):
    """A request, its answer, and what is stored when it was done."""

    method: str
    path: str
    body: Any
    status: int
    stored: dict[str, str]

    async def send(self, client: Client) -> Any:
        return await client.request(self.method, self.path, json=self.body)


BEFORE = {"old": "a"}
READ = Call("GET", "/tags", None, 200, BEFORE)
UPDATE = Call("PATCH", "/tags/old", {"label": "b"}, 200, {"old": "b"})
BATCH = Call("POST", "/batch", ["x", "new"], 201, {"old": "a", "x": "x", "new": "new"})
WRITES = {
    "create": Call("POST", "/tags", {"slug": "new", "label": "b"}, 201, {"old": "a", "new": "b"}),
    "update": UPDATE,
    "delete": Call("DELETE", "/tags/old", None, 204, {}),
    "batch": BATCH,
    "nested": Call("POST", "/batch?nested=1", BATCH.body, 201, BATCH.stored),
}

batches = APIRouter()


@batches.post("/batch", status_code=201)
async def store_all(session: DbSession, slugs: list[str], *, nested: bool = False) -> None:
    """An endpoint of one's own that stores one row after another, in savepoints or not."""
    for slug in slugs:
        async with session.begin_nested() if nested else nullcontext():
            await Repository[Tag](session).create({"slug": slug, "label": slug})


async def look(session: Annotated[AsyncSession, Depends(get_db)]) -> None:
    """Begin a transaction."""
    await session.execute(sa.select(1))


ROUTERS = (make_crud_router(Tag), batches)


async def statuses(client: Client, *calls: Call) -> list[int]:
    return [(await call.send(client)).status_code for call in calls]


def assert_unavailable(answer: Any, code: str = "database_unavailable") -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] == code


@on_servers
@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("at", ["before_cursor_execute", "after_cursor_execute", "commit"])
async def test_lost_midway(db: Database, own: Database, serve: Serve, call: Call, at: str) -> None:
    """Is it 503 with nothing stored, and does the same request succeed right afterwards?"""
    doomed = await pooled(own)

    def strike(_: Any, __: Any = None, statement: str = "COMMIT", *___: Any) -> None:
        if doomed and not statement.startswith(("SELECT", "SAVEPOINT")):
            await_only(kill(db, doomed.pop()))

    event.listen(own.engine.sync_engine, at, strike)
    client = serve(own, make_crud_router(Tag, dependencies=[Depends(look)]), batches)
    assert_unavailable(await call.send(client))
    assert (doomed, await stored(db)) == ([], BEFORE)
    assert (await call.send(client)).status_code == call.status
    assert await stored(db) == call.stored


@on_servers
@pytest.mark.parametrize("call", [READ, *WRITES.values()], ids=["read", *WRITES])
async def test_lost_in_the_pool(db: Database, serve: Serve, call: Call) -> None:
    """Do all dead connections of a pool together cost one 503, and no request after it anything?"""
    async with another(db, pool_size=3) as database:
        for number in await pooled(database, 3):
            await kill(db, number)
        client = serve(database, *ROUTERS)
        assert_unavailable(await call.send(client))
        assert await stored(db) == BEFORE
        answers = await asyncio.gather(call.send(client), *(client.get("/tags") for _ in range(2)))
    assert [answer.status_code for answer in answers] == [call.status, 200, 200]
    assert await stored(db) == call.stored


@on_servers
async def test_lost_before_a_refusal(db: Database, own: Database, serve: Serve) -> None:
    """Is the answer of a rule kept where no connection is left to roll back on?"""
    (number,) = await pooled(own)

    class Refusing(Service[Tag]):
        async def after_update(self, row: Tag, values: Any) -> None:
            await kill(db, number)
            raise HTTPException(418, "no")

    client = serve(own, make_crud_router(Tag, service=Refusing))
    assert await statuses(client, UPDATE, READ) == [418, 200]
    assert await stored(db) == BEFORE


@on_servers
@pytest.mark.parametrize("use", [False, True])
async def test_lost_after_commit(db: Database, own: Database, serve: Serve, use: bool) -> None:
    """Is the answer the truth even if a callback used the session, and is there at most one 503?"""
    (number,) = await pooled(own)

    class Telling(Service[Tag]):
        async def after_update(self, row: Tag, values: Any) -> None:
            if use:
                self.after_commit(partial(look, self.session))
            self.after_commit(partial(kill, db, number))

    client = serve(own, make_crud_router(Tag, service=Telling))
    assert await statuses(client, UPDATE, READ, READ) in ([200, 200, 200], [200, 503, 200])
    assert await stored(db) == UPDATE.stored


@on_servers
@pytest.mark.parametrize("end", ["kill", "cancel"])
async def test_ended_in_wait(db: Database, own: Database, serve: Serve, end: str) -> None:
    """Is it 503 where a statement that waits for a lock, or its connection, is ended?"""
    client = serve(own, *ROUTERS)
    (number,) = await pooled(own)
    async with db.engine.connect() as other, asyncio.timeout(5):
        await other.execute(sa.update(Tag).values(label="held"))
        answer = asyncio.create_task(UPDATE.send(client))
        while not await tell(db, "waits", number):
            pass
        await tell(db, end, number)
        assert_unavailable(await answer, *(["lock_timeout"] if end == "cancel" else []))
    assert await stored(db) == BEFORE
    assert await statuses(client, UPDATE) == [200]


async def test_an_exhausted_pool(db: Database, own: Database, serve: Serve) -> None:
    """Is it 503 while somebody holds the only connection, and fine once it is given back?"""
    client = serve(own, *ROUTERS)
    calls = [READ, *WRITES.values()]
    async with own.engine.connect():
        for answer in await asyncio.gather(*(call.send(client) for call in calls)):
            assert_unavailable(answer)
    assert await stored(db) == BEFORE
    assert await statuses(client, *calls[:4]) == [200, 201, 200, 204]


async def test_a_lock_that_is_held(db: Database, serve: Serve) -> None:
    """Is it 503 for all who wait too long, with nothing stored, and fine once the other ends?"""
    async with another(db, pool_size=5) as database:

        def hurry(connection: Any, _: object) -> None:
            connection.cursor().execute(commands_of(db)["hurry"])
            connection.commit()

        event.listen(database.engine.sync_engine, "connect", hurry)
        client = serve(database, *ROUTERS)
        async with db.engine.connect() as other:
            await other.execute(sa.update(Tag).values(label="held"))
            await other.execute(sa.insert(Tag).values(slug="new", label="held"))
            for answer in await asyncio.gather(*(call.send(client) for call in WRITES.values())):
                assert_unavailable(answer, "lock_timeout")
            assert await stored(db) == BEFORE
        assert await statuses(client, *[*WRITES.values()][:3]) == [201, 200, 204]


async def test_a_failed_request_keeps_no_connection(own: Database, serve: Serve) -> None:
    """Is the connection of an endpoint of one's own in the pool when its error is answered?"""
    answer = await serve(own, *ROUTERS).post("/batch", json=["x", "old"])
    pool: Any = own.engine.pool
    assert (answer.status_code, pool.checkedout()) == (409, 0)


@pytest.mark.parametrize(("limit", "off"), [("query_only", 0), ("max_page_count", 9999)])
async def test_sqlite_limit(sqlite: Database, serve: Serve, limit: str, off: int) -> None:
    """Is it 503 with none of many rows while SQLite may not write on, and are reads answered?"""
    slugs = [f"{i:0>30}" for i in range(200)]
    async with another(sqlite) as own:
        client = serve(own, *ROUTERS)
        for value, status, rows in ((1, 503, 1), (off, 201, 201)):
            async with own.engine.connect() as connection:
                await connection.execute(sa.text(f"PRAGMA {limit} = {value}"))
            answer = await client.post("/batch", json=slugs)
            assert (answer.status_code, "retry-after" in answer.headers) == (status, status == 503)
            assert (await READ.send(client)).json()["total"] == len(await stored(sqlite)) == rows


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
async def test_sqlite_file_for_reading(sqlite: Database, serve: Serve, journal: str) -> None:
    """Are reads answered and writes refused with 503, whatever the journal of the file?"""
    async with sqlite.engine.connect() as connection:
        await connection.execute(sa.text(f"PRAGMA journal_mode = {journal}"))
    database = Database(f"sqlite:///file:{sqlite.engine.url.database}?mode=ro&uri=true")
    client = serve(database, *ROUTERS)
    assert_unavailable(await WRITES["create"].send(client))
    assert_unavailable(await BATCH.send(client))
    assert (await statuses(client, READ), await stored(sqlite)) == ([200], {})
    await database.engine.dispose()

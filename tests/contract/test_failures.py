"""Failure in the middle: 503 with Retry-After or the truth, nothing by halves, a pool that heals.

Only connections of a test's own engine are killed or limited; what is stored is read by another.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

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
        "waits": "SELECT state = 'Updating' FROM information_schema.processlist WHERE id = {}",
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
    """An engine on the same database; of one connection, unless told otherwise."""
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1}
    database = Database(db.engine.url, **(pool | options))
    yield database
    await database.engine.dispose()


@pytest.fixture
async def tagged(db: Database) -> Database:
    """The database with the tag that the requests are about."""
    async with db.session() as session:
        session.add(Tag(slug="old", label="a"))
    return db


@pytest.fixture
async def own(tagged: Database) -> AsyncIterator[Database]:
    """The same on an engine of one connection, to be killed."""
    async with another(tagged) as database:
        yield database


async def stored(db: Database) -> dict[str, str]:
    return {tag.slug: tag.label for tag in await rows_of(db, Tag)}


@dataclass(frozen=True, slots=True)
class Call:
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
each_write = pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)

batches = APIRouter()


@batches.post("/batch", status_code=201)
async def store_all(session: DbSession, slugs: list[str], *, nested: bool = False) -> None:
    """An endpoint of one's own that stores one row after another, in savepoints or not."""
    for slug in slugs:
        async with AsyncExitStack() as stack:
            if nested:
                await stack.enter_async_context(session.begin_nested())
            await Repository[Tag](session).create({"slug": slug, "label": slug})


async def look(session: Annotated[AsyncSession, Depends(get_db)]) -> None:
    """Begin a transaction."""
    await session.execute(sa.select(1))


def serving(serve: Serve, database: Database, **options: Any) -> Client:
    return serve(database, make_crud_router(Tag, **options), batches)


def assert_unavailable(answer: Any, code: str = "database_unavailable") -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] == code


@on_servers
@each_write
@pytest.mark.parametrize("moment", ["before_cursor_execute", "after_cursor_execute", "commit"])
async def test_lost_in_a_transaction(
    tagged: Database, own: Database, serve: Serve, call: Call, moment: str
) -> None:
    """Is it 503 with nothing stored, and does the same request succeed right afterwards?"""
    doomed = await pooled(own)

    def strike(_: Any, __: Any = None, statement: str = "COMMIT", *___: Any) -> None:
        if doomed and not statement.startswith(("SELECT", "SAVEPOINT")):
            await_only(kill(tagged, doomed.pop()))

    event.listen(own.engine.sync_engine, moment, strike)
    client = serving(serve, own, dependencies=[Depends(look)])
    assert_unavailable(await call.send(client))
    assert doomed == []
    assert await stored(tagged) == BEFORE
    assert (await call.send(client)).status_code == call.status
    assert await stored(tagged) == call.stored


@on_servers
@pytest.mark.parametrize("call", [READ, *WRITES.values()], ids=["read", *WRITES])
async def test_lost_in_the_pool(tagged: Database, serve: Serve, call: Call) -> None:
    """Do all dead connections of a pool together cost one 503, and no request after it anything?"""
    async with another(tagged, pool_size=3) as database:
        for number in await pooled(database, 3):
            await kill(tagged, number)
        client = serving(serve, database)
        assert_unavailable(await call.send(client))
        assert await stored(tagged) == BEFORE
        answers = await asyncio.gather(call.send(client), *(client.get("/tags") for _ in range(2)))
    assert [answer.status_code for answer in answers] == [call.status, 200, 200]
    assert await stored(tagged) == call.stored


def acting(act: Callable[[Service[Tag]], Awaitable[None]]) -> type[Service[Tag]]:
    """A service that does something when it has changed a row."""

    class Acting(Service[Tag]):
        async def after_update(self, row: Tag, values: Any) -> None:
            await act(self)

    return Acting


@on_servers
async def test_lost_before_a_refusal(tagged: Database, own: Database, serve: Serve) -> None:
    """Is the answer of a rule kept where no connection is left to roll back on?"""
    (number,) = await pooled(own)

    async def refuse(_: Service[Tag]) -> None:
        await kill(tagged, number)
        raise HTTPException(418, "no")

    client = serving(serve, own, service=acting(refuse))
    assert (await UPDATE.send(client)).status_code == 418
    assert await stored(tagged) == BEFORE
    assert (await READ.send(client)).status_code == 200


@on_servers
@pytest.mark.parametrize("used", [False, True], ids=["", "in use by a callback"])
async def test_lost_after_the_commit(
    tagged: Database, own: Database, serve: Serve, used: bool
) -> None:
    """Is the answer what is stored, and do later requests see at most one 503?"""
    (number,) = await pooled(own)

    async def wait(service: Service[Tag]) -> None:
        if used:
            service.after_commit(partial(look, service.session))
        service.after_commit(partial(kill, tagged, number))

    client = serving(serve, own, service=acting(wait))
    assert (await UPDATE.send(client)).status_code == 200
    assert await stored(tagged) == UPDATE.stored
    statuses = [(await READ.send(client)).status_code for _ in range(2)]
    assert statuses in ([503, 200], [200, 200])


@on_servers
@pytest.mark.parametrize("end", ["kill", "cancel"])
async def test_ended_while_it_waits(
    tagged: Database, own: Database, serve: Serve, end: str
) -> None:
    """Is it 503 where a statement that waits for a lock, or its connection, is ended?"""
    client = serving(serve, own)
    (number,) = await pooled(own)
    async with tagged.engine.connect() as other, asyncio.timeout(5):
        await other.execute(sa.update(Tag).values(label="held"))
        answer = asyncio.create_task(UPDATE.send(client))
        while not await tell(tagged, "waits", number):
            pass
        await tell(tagged, end, number)
        assert_unavailable(await answer, code)
    assert await stored(tagged) == BEFORE
    assert (await UPDATE.send(client)).status_code == 200


async def test_an_exhausted_pool(tagged: Database, own: Database, serve: Serve) -> None:
    """Is it 503 while somebody holds the only connection, and fine once it is given back?"""
    client = serving(serve, own)
    calls = [READ, *WRITES.values()]
    async with own.engine.connect():
        for answer in await asyncio.gather(*(call.send(client) for call in calls)):
            assert_unavailable(answer)
    assert await stored(tagged) == BEFORE
    assert [(await call.send(client)).status_code for call in calls[:4]] == [200, 201, 200, 204]


async def test_a_lock_that_is_held(tagged: Database, serve: Serve) -> None:
    """Is it 503 for all who wait too long, with nothing stored, and fine once the other ends?"""
    calls = [*WRITES.values()]
    async with another(tagged, pool_size=5) as database:

        def hurry(connection: Any, _: object) -> None:
            connection.cursor().execute(commands_of(tagged)["hurry"])
            connection.commit()

        event.listen(database.engine.sync_engine, "connect", hurry)
        client = serving(serve, database)
        async with tagged.engine.connect() as other:
            await other.execute(sa.update(Tag).values(label="held"))
            await other.execute(sa.insert(Tag).values(slug="new", label="held"))
            for answer in await asyncio.gather(*(call.send(client) for call in calls)):
                assert_unavailable(answer, "lock_timeout")
            assert await stored(tagged) == BEFORE
        assert [(await call.send(client)).status_code for call in calls[:3]] == [201, 200, 204]


@pytest.mark.parametrize(
    ("start", "end"),
    [("query_only = 1", "query_only = 0"), ("max_page_count = 1", "max_page_count = 9999")],
)
async def test_sqlite_that_takes_no_more(
    sqlite: Database, serve: Serve, start: str, end: str
) -> None:
    """Is it 503 with none of many rows while SQLite may not write on, and are reads answered?"""
    slugs = [f"{i:0>30}" for i in range(200)]
    async with another(sqlite) as own:
        client = serving(serve, own)
        for pragma, status, rows in ((start, 503, 0), (end, 201, 200)):
            async with own.engine.connect() as connection:
                await connection.execute(sa.text(f"PRAGMA {pragma}"))
            answer = await client.post("/batch", json=slugs)
            assert (answer.status_code, "retry-after" in answer.headers) == (status, status == 503)
            assert (await READ.send(client)).json()["total"] == len(await stored(sqlite)) == rows


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
async def test_sqlite_file_for_reading(sqlite: Database, serve: Serve, journal: str) -> None:
    """Are reads answered and writes refused with 503, whatever the journal of the file?"""
    async with sqlite.engine.connect() as connection:
        await connection.execute(sa.text(f"PRAGMA journal_mode = {journal}"))
    database = Database(f"sqlite:///file:{sqlite.engine.url.database}?mode=ro&uri=true")
    client = serving(serve, database)
    assert (await READ.send(client)).status_code == 200
    assert_unavailable(await WRITES["create"].send(client))
    assert_unavailable(await BATCH.send(client))
    assert (await READ.send(client)).json()["items"] == []
    await database.engine.dispose()

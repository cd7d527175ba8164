"""Answers kept under a key: given again, and made only once."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Mapper

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.database import AsyncSession
from fastapi_crud.exceptions import (
    CrudError,
    IdempotencyKeyReused,
    RequestInProgress,
    TransactionConflict,
)
from fastapi_crud.idempotency import (
    IdempotencyStore,
    StoredAnswer,
    idempotency_table,
    prune_idempotency_keys,
)
from tests.conftest import counted
from tests.models import Note

MAPPER: Mapper[Any] = sa.inspect(Note)
SCOPE = ("ann", "POST", "/notes", "k")
ONE, OTHER = "1" * 64, "2" * 64
AGES = pytest.mark.parametrize("expired", [False, True], ids=["new", "expired"])
ANSWER = StoredAnswer(201, {"Location": "/notes/1", "X-Name": "Zoë"}, b'{"id":1}\x00\xff')


@pytest.fixture(scope="module")
async def table(database: Database) -> AsyncIterator[sa.Table]:
    """The table of the keys, for these tests alone."""
    metadata = sa.MetaData()
    table = idempotency_table(metadata)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield table
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)


@pytest.fixture
async def store(db: Database, table: sa.Table) -> IdempotencyStore:
    """A store that keeps nothing yet."""
    async with db.engine.begin() as connection:
        await connection.execute(table.delete())
    return IdempotencyStore(table)


async def claim(
    store: IdempotencyStore,
    session: AsyncSession,
    scope: Sequence[str] = SCOPE,
    fingerprint: str = ONE,
) -> StoredAnswer | None:
    return await store.claim(session, scope, fingerprint, mapper=MAPPER)


async def finish(store: IdempotencyStore, session: AsyncSession) -> None:
    await store.finish(session, SCOPE, ANSWER, mapper=MAPPER)


async def answered(store: IdempotencyStore, db: Database) -> None:
    """Work on a request until its answer is stored."""
    async with db.session() as session:
        assert await claim(store, session) is None
        await finish(store, session)


def expiring(store: IdempotencyStore) -> IdempotencyStore:
    """The same store, but what it keeps has expired already."""
    return replace(store, lifetime=timedelta(0))


def is_sqlite(db: Database) -> bool:
    return db.engine.dialect.name == "sqlite"


def test_a_table_belongs_to_its_metadata() -> None:
    """Does each metadata have one table, in its schema?"""
    metadata, own = sa.MetaData(), sa.MetaData(schema="own")
    assert idempotency_table(metadata) is idempotency_table(metadata)
    assert idempotency_table(own) is idempotency_table(own)
    assert [*metadata.tables, *own.tables] == ["idempotency_keys", "own.idempotency_keys"]


async def test_an_answer_is_given_again(db: Database, store: IdempotencyStore) -> None:
    """Is a request that was answered answered again as it was, and another one not?"""
    await answered(store, db)
    for _ in range(2):
        async with db.session() as session:
            assert await claim(store, session) == ANSWER
    for scope in (("bob", *SCOPE[1:]), (*SCOPE[:-1], "l"), ("annPOST", "", *SCOPE[2:])):
        async with db.session() as session:
            assert await claim(store, session, scope) is None


async def test_a_key_belongs_to_one_request(db: Database, store: IdempotencyStore) -> None:
    """Is another request with the same key refused?"""
    await answered(store, db)
    async with db.sessionmaker() as session:
        with pytest.raises(IdempotencyKeyReused):
            await claim(store, session, fingerprint=OTHER)


async def test_nothing_remains_of_a_failure(db: Database, store: IdempotencyStore) -> None:
    """Is a key free again after a rollback, even for another request?"""
    async with db.sessionmaker() as session:
        assert await claim(store, session) is None
        await finish(store, session)
        await session.rollback()
        assert await claim(store, session, fingerprint=OTHER) is None
        await session.rollback()
        with pytest.raises(ConfigurationError, match="rolled back"):
            await finish(store, session)
        assert (await session.execute(sa.select(store.table))).all() == []


async def test_an_expired_key_is_as_good_as_new(db: Database, store: IdempotencyStore) -> None:
    """Can an expired key be claimed anew, with nothing left of the old answer?"""
    await answered(expiring(store), db)
    async with db.session() as session:
        assert await claim(store, session, fingerprint=OTHER) is None
        row = (await session.execute(sa.select(store.table))).one()
        assert row[1:5] == (OTHER, None, None, None)
        await finish(store, session)
    async with db.session() as session:
        assert await claim(store, session, fingerprint=OTHER) == ANSWER


async def test_work_that_was_not_finished_is_not_done_again(
    db: Database, store: IdempotencyStore
) -> None:
    """Does a claim that somebody committed too early still hold?"""
    async with db.session() as session:
        assert await claim(store, session) is None
    async with db.sessionmaker() as session:
        with pytest.raises(RequestInProgress):
            await claim(store, session)


async def test_an_answer_newer_than_the_snapshot_is_seen(
    db: Database, store: IdempotencyStore
) -> None:
    """Is an answer found by a transaction that had read before it was there?"""
    async with db.sessionmaker() as session:
        await session.execute(sa.select(Note))
        await answered(store, db)
        assert await claim(store, session) == ANSWER


@AGES
async def test_a_request_in_flight_is_refused_or_waited_for(
    db: Database, store: IdempotencyStore, expired: bool
) -> None:
    """Who asks while another works: told at once, or on SQLite given the answer in the end?"""
    if expired:
        await answered(expiring(store), db)
    async with db.sessionmaker() as first, db.sessionmaker() as second:
        assert await claim(store, first) is None
        waiting = asyncio.create_task(claim(store, second))
        if is_sqlite(db):
            await finish(store, first)
            assert not waiting.done()
            await first.commit()
            assert await waiting == ANSWER
            return
        started = time.perf_counter()
        with pytest.raises(RequestInProgress):
            await waiting
        assert time.perf_counter() - started < 1
        await second.rollback()
        await finish(store, first)
        await first.commit()
        assert await claim(store, second) == ANSWER


async def test_a_failure_frees_the_key(db: Database, store: IdempotencyStore) -> None:
    """Does the next one get the claim of who rolled back?"""
    async with db.sessionmaker() as first, db.sessionmaker() as second:
        assert await claim(store, first) is None
        waiting = asyncio.create_task(claim(store, second))
        if is_sqlite(db):
            await first.rollback()
            assert await waiting is None
            return
        with pytest.raises(RequestInProgress):
            await waiting
        await second.rollback()
        await first.rollback()
        assert await claim(store, second) is None


async def test_replays_do_not_hinder_each_other(db: Database, store: IdempotencyStore) -> None:
    """Can several get a stored answer at the same time?"""
    if is_sqlite(db):
        return  # one waits for the other
    await answered(store, db)
    async with db.sessionmaker() as first, db.sessionmaker() as second:
        assert await claim(store, first) == await claim(store, second) == ANSWER
        with pytest.raises(IdempotencyKeyReused):
            await claim(store, second, fingerprint=OTHER)


@AGES
async def test_one_of_many_does_the_work(
    db: Database, store: IdempotencyStore, expired: bool
) -> None:
    """Is the work of a request that is sent many times at once done exactly once?"""
    if expired:
        await answered(expiring(store), db)
    together = asyncio.Barrier(8)

    async def ask() -> StoredAnswer | CrudError | None:
        await together.wait()
        try:
            async with db.session() as session:
                stored = await claim(store, session)
                if stored is None:
                    session.add(Note(title=f"{time.perf_counter_ns()}"))
                    await session.flush()
                    await finish(store, session)
                return stored
        except (RequestInProgress, TransactionConflict) as error:
            return error

    answers = await asyncio.gather(*(ask() for _ in range(8)))
    assert answers.count(None) == 1
    assert all(isinstance(it, CrudError) or it in (None, ANSWER) for it in answers)
    async with db.session() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Note)) == 1
        assert await claim(store, session) == ANSWER


async def test_expired_keys_are_pruned(
    db: Database, store: IdempotencyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Do only expired keys go, and can others be claimed meanwhile?"""
    monkeypatch.setattr("fastapi_crud.idempotency.BATCH", 2)
    await answered(store, db)
    async with db.session() as session:
        for key in "abc":
            assert await claim(expiring(store), session, (*SCOPE, key)) is None
    async with db.sessionmaker() as session, db.sessionmaker() as other:
        assert await prune_idempotency_keys(session, store.table) == 3
        if not is_sqlite(db):
            for n in range(10):
                assert await claim(store, other, (*SCOPE, str(n))) is None
            await other.rollback()
        await session.commit()
    async with db.session() as session:
        assert await prune_idempotency_keys(session, store.table) == 0
        assert await claim(store, session) == ANSWER


async def test_few_statements_are_needed(db: Database, store: IdempotencyStore) -> None:
    """How many statements does a request cost, and how many its replay?"""
    dialect = db.engine.dialect.name
    lock = ["SELECT"] if dialect == "postgresql" else []
    insert = "SET" if dialect == "mysql" else "INSERT"
    with counted(db.engine) as statements:
        await answered(store, db)
    assert [verb for verb in statements.verbs if verb != "BEGIN"] == [*lock, insert, "UPDATE"]
    with counted(db.engine) as statements:
        async with db.session() as session:
            assert await claim(store, session) == ANSWER
    assert [verb for verb in statements.verbs if verb != "BEGIN"] == [*lock, insert, "SELECT"]

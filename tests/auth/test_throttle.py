"""Attempts slowed down: by whom, for how long, and counted however many come at once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.auth.exceptions import TooManyAttempts
from fastapi_crud.auth.throttle import (
    Allowance,
    Attempt,
    DatabaseThrottle,
    Throttle,
    throttle_table,
)
from fastapi_crud.exceptions import TransactionConflict
from tests.conftest import counted, empty_tables, tables_of
from tests.models import Note

KEY = ("login", "ann@example.com", "192.0.2.1")
SECOND = timedelta(seconds=1)
INSTANT = timedelta(microseconds=1)
THREE = Allowance(free=3, max_wait=8 * SECOND, forget_after=60 * SECOND)
ONE = Allowance(free=1, max_wait=8 * SECOND, forget_after=60 * SECOND)
PLENTY = Allowance(free=1000)
CALLERS = 20


@dataclass
class Clock:
    """The time, which passes when a test says so."""

    now: datetime = datetime(2030, 1, 31, 23, 59, 59, 123456, UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, delay: timedelta) -> None:
        self.now += delay


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that the throttle goes by."""
    clock = Clock()
    monkeypatch.setattr("fastapi_crud.auth.throttle.utc_now", clock)
    return clock


@dataclass
class Gate:
    """A throttle whose callers have a session each, as requests have."""

    database: Database
    table: sa.Table

    @property
    def throttle(self) -> DatabaseThrottle:
        return DatabaseThrottle(self.table)

    async def admit(
        self, allowance: Allowance = PLENTY, *, key: tuple[str, ...] = KEY, times: int = 1
    ) -> Attempt:
        """Attempt something, several times; give the last attempt."""
        throttle: Throttle = self.throttle
        for _ in range(times - 1):
            await self.admit(allowance, key=key)
        async with self.database.sessionmaker() as session:
            return await throttle.admit(session, key, allowance)

    async def wait(self, allowance: Allowance, *, key: tuple[str, ...] = KEY) -> int:
        """Try in vain, and tell after how many seconds to try again."""
        with pytest.raises(TooManyAttempts) as refused:
            await self.admit(allowance, key=key)
        return refused.value.retry_after

    async def forget(self, key: tuple[str, ...] = KEY) -> None:
        throttle: Throttle = self.throttle
        async with self.database.sessionmaker() as session:
            await throttle.forget(session, key)

    async def take_back(self, attempt: Attempt) -> None:
        throttle: Throttle = self.throttle
        async with self.database.sessionmaker() as session:
            await throttle.take_back(session, attempt)

    async def rows(self) -> list[Any]:
        async with self.database.sessionmaker() as session:
            return list((await session.execute(sa.select(self.table))).all())

    async def failures(self) -> list[int]:
        return [row.failures for row in await self.rows()]


@pytest.fixture(scope="module")
async def tables(database: Database) -> AsyncIterator[Gate]:
    """The table of the counts, for these tests alone."""
    metadata = sa.MetaData()
    table = throttle_table(metadata, "throttle_of_tests")
    async with tables_of(database, metadata) as own:
        yield Gate(own, table)


@pytest.fixture
async def gate(tables: Gate) -> Gate:
    """A throttle that has counted nothing yet."""
    async with tables.database.session() as session:
        await session.execute(tables.table.delete())
    return tables


@pytest.fixture
async def servers(gate: Gate) -> AsyncIterator[list[Gate]]:
    """Two servers on one database, each with a pool of its own."""
    other = Database(gate.database.engine.url, pool_size=10)
    yield [gate, replace(gate, database=other)]
    await other.engine.dispose()


async def at_once(
    servers: list[Gate], work: Callable[[Gate], Coroutine[Any, Any, Any]]
) -> list[TooManyAttempts]:
    """Let callers do the same at the same time; give the refusals."""
    together = asyncio.Barrier(CALLERS)

    async def call(number: int) -> TooManyAttempts | None:
        await together.wait()
        try:
            await work(servers[number % len(servers)])
        except TooManyAttempts as error:
            return error
        return None

    answers = await asyncio.gather(*(call(number) for number in range(CALLERS)))
    return [answer for answer in answers if answer is not None]


def test_a_table_belongs_to_its_metadata() -> None:
    """Does each metadata have one table of a name, with room for digests and an index on time?"""
    metadata = sa.MetaData()
    table = throttle_table(metadata)
    assert throttle_table(metadata) is table
    assert throttle_table(metadata, "staff_throttle") is not table
    assert [*metadata.tables] == ["auth_throttle", "staff_throttle"]
    assert [*table.columns.keys()] == ["key", "failures", "blocked_until", "updated_at"]
    assert [index.columns.keys() for index in table.indexes] == [["updated_at"]]


@pytest.mark.parametrize(
    ("allowance", "waits"),
    [
        pytest.param(ONE, [1, 2, 4, 8, 8, 8], id="one free"),
        pytest.param(THREE, [0, 0, 1, 2, 4, 8, 8], id="three free"),
        pytest.param(replace(ONE, max_wait=5 * SECOND), [1, 2, 4, 5, 5], id="odd cap"),
        pytest.param(replace(ONE, max_wait=SECOND), [1, 1, 1], id="no doubling"),
        pytest.param(replace(ONE, first_wait=3 * SECOND), [3, 6, 8], id="longer at first"),
        pytest.param(Allowance(5), [0] * 4 + [2**n for n in range(10)] + [900] * 2, id="default"),
    ],
)
async def test_how_long_failures_wait(
    gate: Gate, clock: Clock, allowance: Allowance, waits: list[int]
) -> None:
    """How long does one wait after each failure in turn, told in whole seconds, to the instant?"""
    for wait in waits:
        await gate.admit(allowance)
        if wait:
            assert await gate.wait(allowance) == wait
            clock.wait(wait * SECOND - INSTANT)
            assert await gate.wait(allowance) == 1
            clock.wait(INSTANT)


async def test_attempts_that_wait_do_not_count(gate: Gate, clock: Clock) -> None:
    """Does who keeps on trying wait no longer than who does not?"""
    await gate.admit(THREE, times=3)
    for _ in range(5):
        assert await gate.wait(THREE) == 1
    assert await gate.failures() == [3]
    clock.wait(SECOND)
    await gate.admit(THREE)
    assert await gate.wait(THREE) == 2


@pytest.mark.parametrize(
    ("forget_after", "quiet"),
    [(60 * SECOND, 60 * SECOND), (16 * SECOND, 16 * SECOND), (SECOND, 16 * SECOND)],
    ids=["as said", "twice the longest wait", "no sooner"],
)
async def test_failures_are_forgotten(
    gate: Gate, clock: Clock, forget_after: timedelta, quiet: timedelta
) -> None:
    """Does the count start anew once nothing has been tried for long, and no sooner?"""
    allowance = replace(THREE, forget_after=forget_after)
    await gate.admit(allowance, times=3)
    clock.wait(quiet - INSTANT)
    await gate.admit(allowance)
    assert await gate.wait(allowance) == 2
    clock.wait(quiet)
    await gate.admit(allowance, times=3)
    assert await gate.wait(allowance) == 1


async def test_a_forgotten_count_may_wait_at_once(gate: Gate, clock: Clock) -> None:
    """Does the first failure of a new count wait as the first one of all did?"""
    await gate.admit(ONE)
    clock.wait(60 * SECOND)
    await gate.admit(ONE)
    assert await gate.wait(ONE) == 1


async def test_keys_are_independent(gate: Gate, clock: Clock) -> None:
    """Can the owner of an account come in from another address than a stranger who waits?"""
    await gate.admit(ONE)
    for key in ((*KEY[:2], "192.0.2.2"), ("login", "ann@example.com192.0.2.1"), (*KEY, ""), ()):
        await gate.admit(ONE, key=key)
    assert await gate.wait(ONE) == 1
    assert await gate.failures() == [1] * 5


async def test_nothing_is_kept_in_clear(gate: Gate) -> None:
    """Is a key, whatever is in it, kept as a digest that tells nothing?"""
    await gate.admit()
    await gate.admit(key=("login", "zoë\ud800@example.com\0" * 100, "192.0.2.1"))
    for row in await gate.rows():
        assert len(row.key) == len(bytes.fromhex(row.key)) * 2 == 64
        assert not any(part in str(row) for part in KEY)


@pytest.mark.parametrize("there", [False, True], ids=["first", "later"])
async def test_parallel_attempts_all_count(servers: list[Gate], there: bool) -> None:
    """Do many attempts at the same time, at several servers, count as many?"""
    if there:
        await servers[0].admit()
    assert await at_once(servers, lambda gate: gate.admit()) == []
    assert await servers[0].failures() == [CALLERS + there]


@pytest.mark.parametrize("there", [0, 2], ids=["first", "later"])
async def test_parallel_attempts_do_not_get_past(
    servers: list[Gate], clock: Clock, there: int
) -> None:
    """Are no more admitted at the same time than one after the other?"""
    for _ in range(there):
        await servers[0].admit(THREE)
    refused = await at_once(servers, lambda gate: gate.admit(THREE))
    assert len(refused) == CALLERS - 3 + there
    assert {error.retry_after for error in refused} == {1}
    assert await servers[0].failures() == [3]


async def test_one_of_many_comes_in_when_the_wait_ends(servers: list[Gate], clock: Clock) -> None:
    """Is one admitted of all that have waited for the same end?"""
    await servers[0].admit(THREE, times=3)
    clock.wait(SECOND)
    refused = await at_once(servers, lambda gate: gate.admit(THREE))
    assert [error.retry_after for error in refused] == [2] * (CALLERS - 1)
    assert await servers[0].failures() == [4]


async def test_parallel_successes_leave_nothing(servers: list[Gate]) -> None:
    """Are many logins at once from one address admitted, and all of them taken back?"""
    await servers[0].admit()

    async def log_in(gate: Gate) -> None:
        await gate.take_back(await gate.admit())

    assert await at_once(servers, log_in) == []
    assert await servers[0].failures() == [1]


async def test_forgetting_does_not_disturb_others(servers: list[Gate]) -> None:
    """Can a key be forgotten again and again while others are counted?"""

    async def log_in(gate: Gate) -> None:
        await gate.admit()
        await gate.forget()

    assert await at_once(servers, log_in) == []
    assert await servers[0].failures() == [0]


async def test_a_strict_isolation_level_loses_no_count(gate: Gate) -> None:
    """Does all that was admitted count, where the database aborts who comes second?"""
    engine = gate.database.engine.execution_options(isolation_level="SERIALIZABLE")
    strict = replace(gate, database=Database(engine=engine))
    for round_ in range(1, 3):
        refused = await at_once([strict], lambda gate: gate.admit(key=KEY))
        assert {error.retry_after for error in refused} <= {1}
        (failures,) = await gate.failures()
        assert failures == CALLERS - len(refused), round_
        await gate.forget()


async def test_a_key_can_be_forgotten(gate: Gate, clock: Clock) -> None:
    """Does who succeeded start anew, and nobody else?"""
    other = (*KEY[:2], "192.0.2.2")
    for key in (KEY, other):
        await gate.admit(THREE, key=key, times=3)
    await gate.forget()
    await gate.admit(THREE, times=3)
    assert await gate.wait(THREE) == await gate.wait(THREE, key=other) == 1


async def test_one_attempt_can_be_taken_back(gate: Gate, clock: Clock) -> None:
    """Does an attempt that succeeded neither count nor wait, while failures still do?"""
    await gate.admit(THREE, times=2)
    for _ in range(5):
        await gate.take_back(await gate.admit(THREE))
    assert await gate.failures() == [2]
    await gate.admit(THREE)
    assert await gate.wait(THREE) == 1
    clock.wait(SECOND)
    await gate.take_back(await gate.admit(THREE))
    await gate.admit(THREE)
    assert await gate.wait(THREE) == 2


async def test_the_wait_of_a_later_attempt_remains(gate: Gate, clock: Clock) -> None:
    """Can nobody end the wait of a failure by a success that began before it?"""
    await gate.admit(ONE)
    clock.wait(SECOND)
    slow = await gate.admit(ONE)
    clock.wait(2 * SECOND)
    await gate.admit(ONE)
    await gate.take_back(slow)
    assert await gate.wait(ONE) == 4
    assert await gate.failures() == [2]


async def test_no_more_is_taken_back_than_was_counted(gate: Gate) -> None:
    """Does the count end at zero, and nothing appear where nothing is?"""
    attempt = await gate.admit()
    for _ in range(3):
        await gate.take_back(attempt)
    assert await gate.failures() == [0]
    await gate.take_back(replace(attempt, key=("unknown",)))
    await gate.forget(("unknown",))
    assert await gate.failures() == [0]


async def test_counts_outlive_the_request(gate: Gate, clock: Clock) -> None:
    """Does an attempt count though its request fails, and nothing stay open after a refusal?"""
    async with gate.database.sessionmaker() as session:
        attempt = await gate.throttle.admit(session, KEY, THREE)
        await session.rollback()
        assert await gate.failures() == [1]
        await gate.throttle.take_back(session, attempt)
        await session.rollback()
        assert await gate.failures() == [0]
        await gate.admit(THREE, times=3)
        with pytest.raises(TooManyAttempts):
            await gate.throttle.admit(session, KEY, THREE)
        assert not session.in_transaction()
        await gate.throttle.forget(session, KEY)
        await session.rollback()
        assert await gate.failures() == [0]


async def test_what_was_read_before_does_not_matter(gate: Gate, clock: Clock) -> None:
    """Is a newer count seen and changed by a session that reads, and what it read still known?"""
    await empty_tables(gate.database)
    async with gate.database.sessionmaker() as session:
        session.add(Note(title="a"))
        await session.commit()
        note = (await session.scalars(sa.select(Note))).one()
        attempt = await gate.admit(THREE)
        await gate.throttle.take_back(session, attempt)
        assert note.title == "a"
        await session.scalars(sa.select(Note))
        await gate.admit(THREE, times=3)
        with pytest.raises(TooManyAttempts):
            await gate.throttle.admit(session, KEY, THREE)
        assert note.title == "a"
    assert await gate.failures() == [3]


async def test_a_broken_table_leaves_nothing_open(gate: Gate) -> None:
    """Is an error told, with nothing to roll back, where the table is missing?"""
    missing = DatabaseThrottle(throttle_table(sa.MetaData(), "missing"))
    async with gate.database.sessionmaker() as session:
        for work in (
            missing.admit(session, KEY, ONE),
            missing.forget(session, KEY),
            missing.take_back(session, Attempt(KEY, Clock().now)),
        ):
            with pytest.raises(DBAPIError, match="missing"):
                await work
            assert not session.in_transaction()


class Rival:
    """Another transaction that wins as often as it is told to."""

    def __init__(self, wins: int) -> None:
        self.wins = wins

    def __call__(self, *_: Any) -> None:
        if self.wins:
            self.wins -= 1
            raise TransactionConflict


@pytest.mark.parametrize("wins", [0, 1, 4, 5])
async def test_a_lost_race_is_run_again(gate: Gate, wins: int) -> None:
    """How often is a change tried that others win, and what is told in the end?"""
    engine = gate.database.engine.sync_engine
    attempt = await gate.admit()
    changes: list[tuple[Callable[[], Coroutine[Any, Any, Any]], type[Exception]]] = [
        (gate.admit, TooManyAttempts),
        (lambda: gate.take_back(attempt), TransactionConflict),
        (gate.forget, TransactionConflict),
    ]
    for change, refusal in changes:
        rival = Rival(wins)
        event.listen(engine, "before_cursor_execute", rival)
        try:
            if wins < 5:
                await change()
            else:
                with pytest.raises(refusal):
                    await change()
        finally:
            event.remove(engine, "before_cursor_execute", rival)
        assert rival.wins == 0


async def test_few_statements_are_needed(gate: Gate, clock: Clock) -> None:
    """How many statements does an attempt cost, a refusal, and a success?"""
    works: list[tuple[Callable[[], Coroutine[Any, Any, Any]], list[str]]] = [
        (lambda: gate.admit(THREE), ["SELECT", "INSERT"]),
        (lambda: gate.admit(THREE, times=2), ["SELECT", "UPDATE"] * 2),
        (lambda: gate.wait(THREE), ["SELECT"]),
        (lambda: gate.take_back(Attempt(KEY, clock.now)), ["UPDATE"]),
        (gate.forget, ["UPDATE"]),
    ]
    for work, verbs in works:
        with counted(gate.database.engine) as statements:
            await work()
        assert [verb for verb in statements.verbs if verb != "BEGIN"] == verbs


async def test_unused_counts_are_pruned(
    gate: Gate, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Do only counts go that nobody has added to for long, and that nobody waits for?"""
    monkeypatch.setattr("fastapi_crud.auth.throttle.BATCH", 2)
    day = timedelta(days=1)
    patient = Allowance(1, first_wait=3 * day, max_wait=3 * day)
    for key in "abcde":
        await gate.admit(THREE, key=(key,))
    await gate.admit(patient, key=("waiting",))
    clock.wait(day - INSTANT)
    await gate.admit(THREE, key=("recent",))
    for delay, options, count in (
        (timedelta(0), {}, 0),
        (INSTANT, {"unused_for": 2 * day}, 0),
        (timedelta(0), {}, 5),
        (day, {}, 1),
        (day - INSTANT, {}, 0),
        (INSTANT, {}, 1),
    ):
        clock.wait(delay)
        async with gate.database.session() as session:
            assert await gate.throttle.prune(session, **options) == count
    assert await gate.rows() == []


@pytest.mark.parametrize(
    "options",
    [
        {"free": 0},
        {"free": -1},
        {"free": 1, "first_wait": timedelta(0)},
        {"free": 1, "first_wait": -SECOND},
        {"free": 1, "first_wait": 2 * SECOND, "max_wait": SECOND},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    """Is an allowance refused that would let nobody in, or never end to double?"""
    with pytest.raises(ConfigurationError, match="allowance"):
        Allowance(**options)


spans = st.integers(1, 10**7).map(lambda seconds: timedelta(seconds=seconds))


@given(free=st.integers(1, 200), first=spans, more=spans)
def test_waits_double(free: int, first: timedelta, more: timedelta) -> None:
    """Do waits begin after what is free, and double up to the longest, for any allowance?"""
    waits = Allowance(free, first_wait=first, max_wait=first + more).waits()
    assert [*waits] == [*range(free, free + len(waits))]
    assert waits[free] == first
    *shorter, longest = waits.values()
    assert longest == first + more
    assert all(wait == first * 2**n < longest for n, wait in enumerate(shorter))


async def test_a_check_neither_counts_nor_commits(gate: Gate, clock: Clock, db: Database) -> None:
    """Is it told whether an attempt has to wait, within the transaction that is at work?"""
    throttle: Throttle = gate.throttle
    async with db.sessionmaker() as session:
        session.add(Note(title="pending"))
        await session.flush()
        await throttle.check(session, KEY)
        await session.rollback()
        assert await session.scalar(sa.select(sa.func.count()).select_from(Note)) == 0
        await session.rollback()
        assert await gate.failures() == []
        await gate.admit(ONE)
        with pytest.raises(TooManyAttempts) as refused:
            await throttle.check(session, KEY)
        await session.rollback()
        assert refused.value.retry_after == 1
        clock.wait(SECOND)
        await throttle.check(session, KEY)
    assert await gate.failures() == [1]

"""Logins: refreshed once per token, ended by who used one twice, listed as long as they run."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st

from fastapi_crud import Database
from fastapi_crud.auth.exceptions import InvalidRefreshToken
from fastapi_crud.auth.logins import Client, Grant, Logins, TokenReused, read, written
from fastapi_crud.auth.opaque import REFRESH, is_token, new_token, token_hash
from fastapi_crud.database import commit
from fastapi_crud.models import uuid7
from tests.auth.world import (
    BOB,
    Clock,
    User,
    app_of,
    auth,
    bearer,
    log_in,
    sign_up,
    stopped_clock,
    stored_user,
)
from tests.conftest import Serve, counted

TABLES = auth.tables
STRICT = Logins(TABLES, idle=timedelta(days=7), lifetime=timedelta(days=30))
LENIENT = replace(STRICT, leeway=timedelta(seconds=10))
HERE = Client(address="192.0.2.1", user_agent="tests")
LIMITS = pytest.mark.parametrize(
    "scopes", [None, frozenset[str](), frozenset({"b", "a"})], ids=["unlimited", "nothing", "two"]
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of logins."""
    return stopped_clock(monkeypatch, "logins")


async def opened(database: Database, user: User, client: Client = HERE, **more: Any) -> Grant:
    """A login that was opened."""
    async with database.session() as session:
        return await STRICT.open(session, user.id, client, **more)


async def refreshed(database: Database, token: str, logins: Logins = STRICT) -> Grant:
    """A login that goes on; what was done is committed, whatever came of it."""
    async with database.sessionmaker() as session:
        try:
            return await logins.refresh(session, token)
        finally:
            await commit(session)


async def running(database: Database, user: User) -> list[Any]:
    """The ids of the logins that run."""
    async with database.session() as session:
        return [row.id for row in await STRICT.running(session, user.id)]


async def stored(database: Database, table: sa.Table) -> list[sa.Row[Any]]:
    """All rows of a table."""
    async with database.session() as session:
        return [*(await session.execute(sa.select(table)))]


async def assert_refused(database: Database, token: str, logins: Logins = STRICT) -> None:
    """It is no use, and was not used twice."""
    with pytest.raises(InvalidRefreshToken) as refusal:
        await refreshed(database, token, logins)
    assert type(refusal.value) is InvalidRefreshToken


# Opened


@LIMITS
async def test_what_a_login_is(lite: Database, clock: Clock, scopes: frozenset[str] | None) -> None:
    """Is it stored whose it is, where it comes from, what it may do and when it ends?"""
    user = await stored_user(lite)
    grant = await opened(lite, user, scopes=scopes)
    assert (grant.user_id, grant.scopes, grant.since) == (user.id, scopes, clock.now)
    (row,) = await stored(lite, TABLES.sessions)
    assert (row.id, row.user_id, row.address) == (grant.id, user.id, "192.0.2.1")
    assert (row.user_agent, row.revoked_at, row.revoke_reason) == ("tests", None, None)
    assert row.created_at == row.last_used_at == clock.now
    assert row.expires_at == clock.now + timedelta(days=30)
    assert (await refreshed(lite, grant.refresh_token)).scopes == scopes


async def test_only_the_hash_of_a_token_is_stored(lite: Database, clock: Clock) -> None:
    """Is a refresh token of its own form, and nowhere in the database?"""
    grant = await opened(lite, await stored_user(lite))
    assert is_token(grant.refresh_token, REFRESH)
    (row,) = await stored(lite, TABLES.refresh_tokens)
    assert (row.token_hash, row.session_id) == (token_hash(grant.refresh_token), grant.id)
    assert (row.used_at, row.expires_at) == (None, clock.now + timedelta(days=7))
    assert grant.refresh_token not in str(row)


@pytest.mark.parametrize(
    ("agent", "kept"), [(None, None), ("", ""), ("x" * 300, "x" * 255)], ids=["no", "empty", "long"]
)
async def test_what_clients_say_is_cut(lite: Database, agent: str | None, kept: str | None) -> None:
    """Is no client too talkative for the table?"""
    client = Client(address="a" * 100, user_agent=agent)
    await opened(lite, await stored_user(lite), client)
    (row,) = await stored(lite, TABLES.sessions)
    assert (row.address, row.user_agent) == ("a" * 64, kept)


# Refreshed


async def test_a_login_goes_on(users: Database, clock: Clock) -> None:
    """Does a token give another one, of the same login?"""
    user = await stored_user(users)
    first = await opened(users, user, scopes=frozenset({"a"}))
    clock.move(days=1)
    second = await refreshed(users, first.refresh_token)
    assert second == replace(first, refresh_token=second.refresh_token)
    assert second.refresh_token != first.refresh_token
    (row,) = await stored(users, TABLES.sessions)
    assert (row.last_used_at, row.created_at) == (clock.now, first.since)
    assert await running(users, user) == [first.id]
    assert (await refreshed(users, second.refresh_token)).id == first.id


async def test_of_many_at_once_one_wins(users: Database) -> None:
    """Does one of twenty requests with one token get the next one, and is the login ended?"""
    user = await stored_user(users)
    grant, other = await opened(users, user), await opened(users, user)
    answers = await asyncio.gather(
        *(refreshed(users, grant.refresh_token) for _ in range(20)), return_exceptions=True
    )
    assert Counter(type(answer) for answer in answers) == {Grant: 1, TokenReused: 19}
    assert await running(users, user) == [other.id]
    (winner,) = (answer for answer in answers if isinstance(answer, Grant))
    await assert_refused(users, winner.refresh_token)


async def test_with_a_leeway_many_at_once_go_on(users: Database) -> None:
    """Do many tabs that share a token each get one of their own, and does the login run on?"""
    user = await stored_user(users)
    grant = await opened(users, user)
    answers = await asyncio.gather(
        *(refreshed(users, grant.refresh_token, LENIENT) for _ in range(20))
    )
    assert len({answer.refresh_token for answer in answers}) == 20
    assert await running(users, user) == [grant.id]
    for answer in answers:
        assert (await refreshed(users, answer.refresh_token, LENIENT)).id == grant.id


async def test_a_token_used_twice_ends_its_login(lite: Database) -> None:
    """Is it told whose login it was, are all its tokens useless, and do other logins run on?"""
    user, bob = await stored_user(lite), await stored_user(lite, BOB)
    first, other, of_bob = [await opened(lite, each) for each in (user, user, bob)]
    second = await refreshed(lite, first.refresh_token)
    third = await refreshed(lite, second.refresh_token)
    with pytest.raises(TokenReused) as refusal:
        await refreshed(lite, first.refresh_token)
    assert (refusal.value.login_id, refusal.value.user_id) == (first.id, user.id)
    await assert_refused(lite, third.refresh_token)
    assert (await running(lite, user), await running(lite, bob)) == ([other.id], [of_bob.id])
    rows = {row.id: row for row in await stored(lite, TABLES.sessions)}
    assert rows[first.id].revoke_reason == "reused"
    assert rows[first.id].revoked_at is not None


async def test_a_refused_request_ends_the_login_for_good(lite: Database, serve: Serve) -> None:
    """Is a login of a token that was used twice still over when the answer was an error?"""
    client = serve(lite, app=app_of())
    await sign_up(client)
    pair = await log_in(client)
    body = {"refresh_token": pair["refresh_token"]}
    winner = (await client.post("/auth/refresh", json=body)).json()
    for again in (body, {"refresh_token": winner["refresh_token"]}):
        answer = await client.post("/auth/refresh", json=again)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_refresh_token")
    for token in (pair, winner):
        assert (await client.get("/auth/me", headers=bearer(token))).status_code == 401


async def test_a_clock_that_is_behind_is_no_leeway(lite: Database, clock: Clock) -> None:
    """Is a token refused by who read the clock before it was used, and waited meanwhile?"""
    grant = await opened(lite, await stored_user(lite))
    await refreshed(lite, grant.refresh_token)
    clock.move(seconds=-1)
    with pytest.raises(TokenReused):
        await refreshed(lite, grant.refresh_token)


LEEWAY = [("at once", 0, True), ("in time", 9.999, True), ("late", 10, False), ("behind", -1, True)]


@pytest.mark.parametrize(
    ("seconds", "works"), [it[1:] for it in LEEWAY], ids=[it[0] for it in LEEWAY]
)
async def test_how_long_the_leeway_is(
    lite: Database, clock: Clock, seconds: float, works: bool
) -> None:
    """Does a used token work again for as long as the leeway, and end the login afterwards?"""
    user = await stored_user(lite)
    grant = await opened(lite, user)
    await refreshed(lite, grant.refresh_token, LENIENT)
    clock.move(seconds=seconds)
    if works:
        assert (await refreshed(lite, grant.refresh_token, LENIENT)).id == grant.id
        assert await running(lite, user) == [grant.id]
    else:
        with pytest.raises(TokenReused):
            await refreshed(lite, grant.refresh_token, LENIENT)
        assert await running(lite, user) == []


@pytest.mark.parametrize("used", ["successor", "sibling"])
async def test_the_leeway_is_for_the_last_token(lite: Database, clock: Clock, used: str) -> None:
    """Is a token refused within the leeway once one that came of it has been used?"""
    grant = await opened(lite, await stored_user(lite))
    successor = await refreshed(lite, grant.refresh_token, LENIENT)
    clock.move(seconds=1)
    sibling = await refreshed(lite, grant.refresh_token, LENIENT)
    follower = successor if used == "successor" else sibling
    last = await refreshed(lite, follower.refresh_token, LENIENT)
    clock.move(seconds=1)
    with pytest.raises(TokenReused):
        await refreshed(lite, grant.refresh_token, LENIENT)
    await assert_refused(lite, last.refresh_token, LENIENT)


async def test_the_leeway_opens_nothing_that_was_ended(lite: Database, clock: Clock) -> None:
    """Is a token refused within the leeway after its login was ended?"""
    user = await stored_user(lite)
    grant = await opened(lite, user)
    await refreshed(lite, grant.refresh_token, LENIENT)
    async with lite.session() as session:
        assert await LENIENT.end(session, user.id, grant.id, "logged_out")
    clock.move(seconds=1)
    await assert_refused(lite, grant.refresh_token, LENIENT)
    (row,) = await stored(lite, TABLES.sessions)
    assert row.revoke_reason == "logged_out"


async def test_an_unused_login_ends(lite: Database, clock: Clock) -> None:
    """Is a token that nobody used in time refused, as one that is too old and not as a theft?"""
    user = await stored_user(lite)
    grant = await opened(lite, user)
    clock.move(days=6)
    second = await refreshed(lite, grant.refresh_token)
    clock.move(days=6)
    assert await running(lite, user) == [grant.id]
    clock.move(days=1)
    assert await running(lite, user) == []
    await assert_refused(lite, second.refresh_token)
    (row,) = await stored(lite, TABLES.sessions)
    assert row.revoked_at is None


async def test_a_used_login_ends_as_well(lite: Database, clock: Clock) -> None:
    """Does no refresh extend a login beyond its end?"""
    user = await stored_user(lite)
    grant = await opened(lite, user)
    ends = grant.since + timedelta(days=30)
    for _ in range(5):
        clock.move(days=5)
        grant = await refreshed(lite, grant.refresh_token)
    hashes = {row.token_hash: row for row in await stored(lite, TABLES.refresh_tokens)}
    assert hashes[token_hash(grant.refresh_token)].expires_at == ends
    clock.now = ends
    assert await running(lite, user) == []
    await assert_refused(lite, grant.refresh_token)


async def test_a_login_may_be_cut_short(lite: Database, clock: Clock) -> None:
    """Is a token refused whose login was given an earlier end?"""
    grant = await opened(lite, await stored_user(lite))
    async with lite.session() as session:
        await session.execute(sa.update(TABLES.sessions).values(expires_at=clock.now))
    await assert_refused(lite, grant.refresh_token)


async def test_the_logins_of_a_deleted_user_are_gone(lite: Database) -> None:
    """Is a token unknown once its user is?"""
    user = await stored_user(lite)
    grant = await opened(lite, user)
    async with lite.session() as session:
        await session.delete(user)
    await assert_refused(lite, grant.refresh_token)
    assert await stored(lite, TABLES.refresh_tokens) == []


JUNK = ["", "x", "fcr_", f"fcr_{'x' * 42}", f"fck_{'x' * 43}", f"fcr_{'x' * 43}\n", "fcr_\0"]


@pytest.mark.parametrize("token", JUNK, ids=repr)
async def test_junk_never_reaches_the_database(lite: Database, token: str) -> None:
    """Is what cannot be a token refused without a statement?"""
    with counted(lite.engine) as statements:
        await assert_refused(lite, token)
        async with lite.session() as session:
            assert await STRICT.close(session, token) is None
    assert len(statements) == 0


async def test_an_unknown_token_is_refused(lite: Database) -> None:
    """Is a token refused that nobody was given?"""
    await assert_refused(lite, new_token(REFRESH))


# Ended


async def test_a_token_ends_its_login(lite: Database) -> None:
    """Does any token of a login end it, once?"""
    user = await stored_user(lite)
    grant, other = await opened(lite, user), await opened(lite, user)
    second = await refreshed(lite, grant.refresh_token)
    async with lite.session() as session:
        assert await STRICT.close(session, grant.refresh_token) == (grant.id, user.id)
        assert await STRICT.close(session, second.refresh_token) is None
        assert await STRICT.close(session, new_token(REFRESH)) is None
    await assert_refused(lite, second.refresh_token)
    assert await running(lite, user) == [other.id]


async def test_everybody_ends_their_own(lite: Database) -> None:
    """Is one login ended, once, and only by its user?"""
    user, bob = await stored_user(lite), await stored_user(lite, BOB)
    grant, of_bob = await opened(lite, user), await opened(lite, bob)
    async with lite.session() as session:
        assert not await STRICT.end(session, bob.id, grant.id, "ended")
        assert not await STRICT.end(session, user.id, uuid7(), "ended")
        assert await STRICT.end(session, user.id, grant.id, "ended")
        assert not await STRICT.end(session, user.id, grant.id, "again")
    assert (await running(lite, user), await running(lite, bob)) == ([], [of_bob.id])
    rows = {row.id: row.revoke_reason for row in await stored(lite, TABLES.sessions)}
    assert rows == {grant.id: "ended", of_bob.id: None}


async def test_all_logins_end_but_one(lite: Database) -> None:
    """Are all logins of one user ended, but the one that is to stay?"""
    user, bob = await stored_user(lite), await stored_user(lite, BOB)
    keep, *_ = [await opened(lite, user) for _ in range(3)]
    of_bob = await opened(lite, bob)
    async with lite.session() as session:
        assert await STRICT.end_all(session, user.id, "password_changed", but=keep.id) == 2
    assert await running(lite, user) == [keep.id]
    async with lite.session() as session:
        assert await STRICT.end_all(session, user.id, "logged_out") == 1
    assert (await running(lite, user), await running(lite, bob)) == ([], [of_bob.id])


async def test_the_last_used_comes_first(lite: Database, clock: Clock) -> None:
    """Are logins listed by when they were used, those of the same time by when they were opened?"""
    user = await stored_user(lite)
    first, second = await opened(lite, user), await opened(lite, user)
    assert await running(lite, user) == [second.id, first.id]
    clock.move(seconds=1)
    await refreshed(lite, first.refresh_token)
    assert await running(lite, user) == [first.id, second.id]


@given(
    st.none()
    | st.frozensets(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
)
def test_scopes_come_back(scopes: frozenset[str] | None) -> None:
    """Do scopes, none of them, and no limit at all stay three different things?"""
    assert read(written(scopes)) == scopes

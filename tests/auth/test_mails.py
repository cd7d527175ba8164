"""Links in mails: for the address that is stored, good once, and nobody learns who has an account."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from fastapi_crud import Database
from fastapi_crud.auth import InvalidOneTimeToken, Notice
from fastapi_crud.auth.emails import email_key
from fastapi_crud.auth.mails import Links, Purpose
from fastapi_crud.auth.opaque import ONE_TIME, is_token, new_token, token_hash
from fastapi_crud.database import AsyncSession
from tests.auth.world import ANN, BOB, Clock, User, auth, stopped_clock, stored_user
from tests.conftest import counted

TOKENS = auth.tables.one_time_tokens
LIFETIMES: Mapping[Purpose, timedelta] = {
    "verify": timedelta(hours=24),
    "reset": timedelta(minutes=30),
    "change_email": timedelta(hours=1),
}
LINKS = Links(auth.tables, {**LIFETIMES})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of links."""
    return stopped_clock(monkeypatch, "mails")


async def asked(database: Database, typed: str, purpose: Purpose = "reset") -> Notice | None:
    """What comes of somebody asking for a link by an address."""
    column: Any = User.email
    async with database.session() as session:
        same = User.email_key == email_key(typed)
        return await LINKS.mint(session, purpose, column, same)


async def token_for(database: Database, typed: str = ANN, purpose: Purpose = "reset") -> str:
    """The token of a link that was asked for."""
    notice = await asked(database, typed, purpose)
    assert notice is not None
    assert notice.token is not None
    return notice.token


async def redeemed(database: Database, token: str, *purposes: Purpose) -> sa.Row[Any]:
    """A link that is followed."""
    async with database.session() as session:
        return await LINKS.redeem(session, token, *purposes)


async def assert_refused(database: Database, token: str, *purposes: Purpose) -> None:
    """It is no use."""
    with pytest.raises(InvalidOneTimeToken):
        await redeemed(database, token, *purposes)


async def stored(database: Database) -> list[sa.Row[Any]]:
    """What is kept of all links."""
    async with database.session() as session:
        return [*(await session.execute(sa.select(TOKENS)))]


# Made


@pytest.mark.parametrize("purpose", [*LIFETIMES])
async def test_a_link_is_made(users: Database, clock: Clock, purpose: Purpose) -> None:
    """Is it told whom to write to, with which token, and until when; and stored but for that?"""
    user = await stored_user(users)
    await stored_user(users, BOB)
    notice = await asked(users, ANN, purpose)
    assert notice is not None
    assert notice.token is not None
    ends = clock.now + LIFETIMES[purpose]
    assert notice == Notice(kind=purpose, email=ANN, token=notice.token, expires_at=ends)
    assert is_token(notice.token, ONE_TIME)
    (row,) = await stored(users)
    assert (row.user_id, row.purpose, row.email) == (user.id, purpose, ANN)
    assert (row.token_hash, row.used_at) == (token_hash(notice.token), None)
    assert (row.created_at, row.expires_at) == (clock.now, ends)
    assert notice.token not in str(row)


@pytest.mark.parametrize(
    "typed", ["ANN@example.com", " ann@example.com", "\uff41nn@example.com"], ids=ascii
)
async def test_mail_goes_where_the_account_says(lite: Database, typed: str) -> None:
    """Does nobody get a link by an address that only looks like that of the account?"""
    await stored_user(lite)
    notice = await asked(lite, typed)
    assert notice is not None
    assert notice.email == ANN
    assert [row.email for row in await stored(lite)] == [ANN]


async def test_a_new_address_is_written_to(lite: Database) -> None:
    """Can a link go to an address that is not the account's own yet?"""
    user = await stored_user(lite)
    async with lite.session() as session:
        notice = await LINKS.mint(session, "change_email", BOB, User.id == user.id)
    assert notice is not None
    assert notice.email == BOB
    assert [row.email for row in await stored(lite)] == [BOB]


@pytest.mark.parametrize("purpose", [*LIFETIMES])
async def test_strangers_look_like_users(users: Database, purpose: Purpose) -> None:
    """Are the statements the same for an address without an account, and is nothing stored?"""
    await stored_user(users)
    with counted(users.engine) as of_user:
        assert await asked(users, ANN, purpose) is not None
    assert len(await stored(users)) == 1
    with counted(users.engine) as of_stranger:
        assert await asked(users, BOB, purpose) is None
    assert of_stranger.texts == of_user.texts
    assert of_user.verbs == ["SELECT", "INSERT"]
    assert len(await stored(users)) == 1


def test_a_notice_keeps_its_secrets() -> None:
    """Is neither the token nor the address in what a log would show?"""
    notice = Notice(kind="reset", email=ANN, token=new_token(ONE_TIME))
    for text in (repr(notice), str(notice), f"{notice}"):
        assert ANN not in text
        assert str(notice.token) not in text
        assert "reset" in text


# Followed


async def test_a_link_works_once(users: Database, clock: Clock) -> None:
    """Does it tell whose it is and what it is for, and never again?"""
    user = await stored_user(users)
    token = await token_for(users)
    clock.move(minutes=29)
    row = await redeemed(users, token, "reset")
    assert (row.user_id, row.purpose, row.email) == (user.id, "reset", ANN)
    assert row.used_at == clock.now
    await assert_refused(users, token, "reset")


async def test_of_many_at_once_one_wins(users: Database) -> None:
    """Is a link good for one of twenty requests that come at the same time?"""
    await stored_user(users)
    token = await token_for(users)
    answers = await asyncio.gather(
        *(redeemed(users, token, "reset") for _ in range(20)), return_exceptions=True
    )
    refused = Counter(isinstance(answer, InvalidOneTimeToken) for answer in answers)
    assert refused == {False: 1, True: 19}
    assert not any(
        isinstance(answer, BaseException) and not isinstance(answer, InvalidOneTimeToken)
        for answer in answers
    )


@pytest.mark.parametrize("purpose", [*LIFETIMES])
async def test_purposes_do_not_mix(lite: Database, purpose: Purpose) -> None:
    """Is a link refused for all but what it was made for, and still good for that?"""
    await stored_user(lite)
    token = await token_for(lite, purpose=purpose)
    others: list[Purpose] = [other for other in LIFETIMES if other != purpose]
    await assert_refused(lite, token, *others)
    await assert_refused(lite, token)
    assert (await redeemed(lite, token, *LIFETIMES)).purpose == purpose


async def test_a_link_expires(lite: Database, clock: Clock) -> None:
    """Is it refused from the moment on that it was good until?"""
    await stored_user(lite)
    token = await token_for(lite)
    clock.move(minutes=30)
    await assert_refused(lite, token, "reset")


async def test_what_fails_does_not_use_a_link_up(lite: Database) -> None:
    """Can a link be followed again if what it was for could not be done?"""
    await stored_user(lite)
    token = await token_for(lite)

    async def fail(session: AsyncSession) -> None:
        await LINKS.redeem(session, token, "reset")
        raise LookupError

    with pytest.raises(LookupError):
        async with lite.session() as session:
            await fail(session)
    assert await redeemed(lite, token, "reset")


JUNK = ["", "x", "fcv_", f"fcv_{'x' * 44}", f"fcr_{'x' * 43}", f" fcv_{'x' * 43}", "fcv_\0"]


@pytest.mark.parametrize("token", JUNK, ids=repr)
async def test_junk_never_reaches_the_database(lite: Database, token: str) -> None:
    """Is what cannot be a token refused without a statement?"""
    with counted(lite.engine) as statements:
        await assert_refused(lite, token, *LIFETIMES)
    assert len(statements) == 0


async def test_an_unknown_link_is_refused(lite: Database) -> None:
    """Is a token refused that was never sent?"""
    await assert_refused(lite, new_token(ONE_TIME), *LIFETIMES)


async def test_links_are_voided(lite: Database) -> None:
    """Are the links of one user for some purposes made useless, and no others?"""
    user = await stored_user(lite)
    await stored_user(lite, BOB)
    used = await token_for(lite)
    first = await redeemed(lite, used, "reset")
    tokens = [await token_for(lite, purpose=purpose) for purpose in LIFETIMES]
    of_bob = await token_for(lite, BOB)
    async with lite.session() as session:
        await LINKS.void(session, user.id, "reset", "change_email")
    verify, *gone = tokens
    for token in gone:
        await assert_refused(lite, token, *LIFETIMES)
    for token in (verify, of_bob):
        assert await redeemed(lite, token, *LIFETIMES)
    rows = {row.token_hash: row for row in await stored(lite)}
    assert rows[token_hash(used)].used_at == first.used_at

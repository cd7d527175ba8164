"""How users come in, stay and leave: what happens meanwhile, and what is stored of it."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from fastapi_crud import Database, make_schemas
from fastapi_crud.auth import (
    EmailNotVerified,
    InvalidCredentials,
    InvalidRefreshToken,
    PasslibHasher,
    TooManyAttempts,
    UserService,
)
from fastapi_crud.auth.entrance import Entrance, TokenPair
from fastapi_crud.auth.logins import Client as From
from fastapi_crud.exceptions import InvalidData
from fastapi_crud.models import utc_now
from tests.auth.world import (
    ANN,
    BOB,
    PASSWORD,
    User,
    auth,
    auth_with,
    bearer,
    hear,
    heard,
    log_in,
    rotating,
    set_columns,
    sign_up,
    stopped_clock,
    user_row,
)
from tests.conftest import Client, counted

HERE = From(address="10.0.0.1", user_agent="tests")
THERE = From(address="10.0.0.2")
COSTLY = PasslibHasher(memory_kib=16, time_cost=1, parallelism=1)
telling = auth_with(on_event=hear)


async def enter(
    database: Database,
    password: str = PASSWORD,
    *,
    email: str = ANN,
    limit: frozenset[str] | None = None,
    own: Any = telling,
    client: From = HERE,
) -> TokenPair:
    """Log in, without HTTP."""
    async with database.sessionmaker() as session:
        return await Entrance(own, session, client).login(email, password, limit)


async def go_on(database: Database, token: str, own: Any = telling) -> TokenPair:
    """Refresh, without HTTP."""
    async with database.sessionmaker() as session:
        return await Entrance(own, session, HERE).refresh(token)


async def logins(database: Database) -> list[Any]:
    """All logins that are stored."""
    async with database.session() as session:
        sessions = auth.tables.sessions
        return [*await session.execute(sa.select(sessions).order_by(sessions.c.created_at))]


@pytest.fixture
async def ann(lite_client: Client) -> dict[str, Any]:
    """Ann, who has an account."""
    return await sign_up(lite_client)


# Login


@pytest.mark.usefixtures("ann")
async def test_a_login_says_where_it_comes_from(lite_users: Database) -> None:
    """Is a login stored with its address, and told of, and its token nowhere?"""
    pair = await enter(lite_users, limit=frozenset(["b", "a"]))
    (stored,) = await logins(lite_users)
    assert (stored.address, stored.user_agent, stored.scopes) == ("10.0.0.1", "tests", "a b")
    assert stored.revoked_at is None
    assert [(it.name, it.session_id, it.address) for it in heard] == [
        ("logged_in", str(stored.id), "10.0.0.1")
    ]
    claims = auth.codec.decode(pair.access_token)
    assert claims["sid"] == str(stored.id)
    assert claims["auth_time"] == int(stored.created_at.timestamp())
    assert pair.refresh_token not in str(stored)


REFUSALS = [
    pytest.param({"password": "wrong"}, {}, InvalidCredentials, id="wrong"),
    pytest.param({"email": BOB}, {}, InvalidCredentials, id="unknown"),
    pytest.param({}, {"is_active": False}, InvalidCredentials, id="inactive"),
    pytest.param({}, {"hashed_password": "$argon2id$x"}, InvalidCredentials, id="malformed"),
    pytest.param({"own": auth_with(require_verified=True)}, {}, EmailNotVerified, id="unverified"),
    pytest.param({"limit": frozenset(['a"'])}, {}, InvalidData, id="no scope"),
    pytest.param({"limit": frozenset([""])}, {}, InvalidData, id="empty scope"),
    pytest.param({"limit": frozenset(["a", "b\n"])}, {}, InvalidData, id="newline"),
]


@pytest.mark.parametrize(("asked", "columns", "refusal"), REFUSALS)
async def test_a_refused_login_leaves_nothing(
    lite_users: Database,
    ann: dict[str, Any],
    asked: dict[str, Any],
    columns: dict[str, Any],
    refusal: type[Exception],
) -> None:
    """Is no login opened for who is refused?"""
    if columns:
        await set_columns(lite_users, ann, **columns)
    with pytest.raises(refusal):
        await enter(lite_users, **asked)
    assert await logins(lite_users) == []


async def test_failures_are_told_with_whose_they_are(
    lite_users: Database, ann: dict[str, Any]
) -> None:
    """Does the app learn whose account was tried, which no client does?"""
    for email in (ANN, BOB):
        with pytest.raises(InvalidCredentials):
            await enter(lite_users, "wrong", email=email)
    assert [(it.name, it.user_id) for it in heard] == [
        ("login_failed", ann["id"]),
        ("login_failed", None),
    ]


@pytest.mark.usefixtures("ann")
async def test_the_right_password_forgets_wrong_ones(lite_users: Database) -> None:
    """Do failures count until the right password, and then anew?"""
    own = auth_with(max_failures=2, on_event=hear)
    for _ in range(3):
        with pytest.raises(InvalidCredentials):
            await enter(lite_users, "wrong", own=own)
        await enter(lite_users, own=own)
    for _ in range(2):
        with pytest.raises(InvalidCredentials):
            await enter(lite_users, "wrong", own=own)
    heard.clear()
    with pytest.raises(TooManyAttempts):
        await enter(lite_users, own=own)
    assert [(it.name, it.user_id) for it in heard] == [("login_throttled", None)]
    await enter(lite_users, own=own, client=THERE)


# What changes while the hash is being checked


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, database: Database, user: dict[str, Any], **columns: Any
) -> None:
    """Let columns change while the password is being checked, the first time."""
    verify = telling.passwords.verify

    async def slowly(password: str, hashed: str | None) -> tuple[bool, str | None]:
        answer = await verify(password, hashed)
        monkeypatch.undo()
        await set_columns(database, user, **columns)
        return answer

    monkeypatch.setattr(telling.passwords, "verify", slowly)


CHANGES: list[Any] = [
    pytest.param({"is_active": False}, False, id="closed"),
    pytest.param({"hashed_password": "!"}, False, id="made useless"),
    pytest.param({"hashed_password": COSTLY.hash("another password")}, False, id="changed"),
    pytest.param({"hashed_password": COSTLY.hash(PASSWORD)}, True, id="hashed anew"),
    pytest.param({"name": "New"}, True, id="something else"),
]


@pytest.mark.parametrize(("columns", "enters"), CHANGES)
async def test_what_changes_meanwhile_counts(
    lite_users: Database,
    ann: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    columns: dict[str, Any],
    enters: bool,
) -> None:
    """Does an old password open no login that outlives the change of the password?"""
    meanwhile(monkeypatch, lite_users, ann, **columns)
    if enters:
        await enter(lite_users)
    else:
        with pytest.raises(InvalidCredentials):
            await enter(lite_users)
    assert len(await logins(lite_users)) == int(enters)


@pytest.mark.parametrize("by", ["service", "statement"])
async def test_a_change_of_the_password_ends_logins_that_just_open(
    app_client: Client, users: Database, by: str
) -> None:
    """Does a login by the old password wait for a change that is under way, and then fail?"""
    user = await sign_up(app_client)
    key, form = UUID(user["id"]), {"username": ANN, "password": PASSWORD}
    async with users.session() as session:
        if by == "service":
            service: UserService[User, Any, Any] = UserService[User, Any, Any](session)
            await service.update(key, make_schemas(User).update(password="another password"))
        else:
            change = sa.update(User).where(User.id == key).values(hashed_password="another")
            await session.execute(change)
            await auth.end_access(session, key)
        late = asyncio.create_task(app_client.post("/auth/login", data=form))
        await asyncio.wait({late}, timeout=0.3)
    answer = await late
    assert answer.status_code == 401


# Better hashes


async def test_better_hashes_replace_old_ones(app_client: Client, users: Database) -> None:
    """Is a hash of another cost replaced by a login, and by nothing less?"""
    user = await sign_up(app_client)
    old = COSTLY.hash(PASSWORD)
    await set_columns(users, user, hashed_password=old)
    with pytest.raises(InvalidCredentials):
        await enter(users, "wrong")
    assert (await user_row(users)).hashed_password == old
    await enter(users)
    new = (await user_row(users)).hashed_password
    assert "m=8," in new
    await enter(users)
    assert (await user_row(users)).hashed_password == new


async def test_two_logins_may_replace_one_hash(
    lite_users: Database, ann: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Do both of two logins get in that find the same old hash?"""
    await set_columns(lite_users, ann, hashed_password=COSTLY.hash(PASSWORD))
    meanwhile(monkeypatch, lite_users, ann, hashed_password=await telling.passwords.hash(PASSWORD))
    await enter(lite_users)
    assert len(await logins(lite_users)) == 1


# Refresh and logout


@pytest.mark.usefixtures("ann")
async def test_a_refresh_goes_on_with_the_same_login(lite_users: Database) -> None:
    """Does a login keep its id, its limit and its beginning from pair to pair?"""
    first = await enter(lite_users, limit=frozenset("a"))
    second = await go_on(lite_users, first.refresh_token)
    third = await go_on(lite_users, second.refresh_token)
    old, new = (auth.codec.decode(it.access_token) for it in (first, third))
    assert [old[it] for it in ("sid", "sub", "auth_time")] == [
        new[it] for it in ("sid", "sub", "auth_time")
    ]
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert {it.scopes for it in await logins(lite_users)} == {"a"}
    assert [it.name for it in heard] == ["logged_in", "refreshed", "refreshed"]


async def test_a_closed_account_does_not_go_on(lite_users: Database, ann: dict[str, Any]) -> None:
    """Is a refresh refused while an account is closed, and its token not used up by that?"""
    pair = await enter(lite_users)
    await set_columns(lite_users, ann, is_active=False)
    with pytest.raises(InvalidRefreshToken):
        await go_on(lite_users, pair.refresh_token)
    await set_columns(lite_users, ann, is_active=True)
    await go_on(lite_users, pair.refresh_token)


@pytest.mark.usefixtures("ann")
async def test_a_token_that_comes_twice_is_told(lite_users: Database) -> None:
    """Is a login ended at once, and the app told of the theft, when a token is used again?"""
    first = await enter(lite_users)
    await go_on(lite_users, first.refresh_token)
    heard.clear()
    for _ in range(2):
        with pytest.raises(InvalidRefreshToken):
            await go_on(lite_users, first.refresh_token)
    (stored,) = await logins(lite_users)
    assert stored.revoke_reason == "reused"
    assert [(it.name, it.session_id) for it in heard] == [("refresh_reused", str(stored.id))] * 2


@pytest.mark.parametrize(
    ("steps", "days", "lives"),
    [
        pytest.param(1, 29, True, id="before it is idle"),
        pytest.param(1, 31, False, id="idle"),
        pytest.param(4, 22, True, id="used often"),
        pytest.param(5, 22, False, id="too old in any case"),
    ],
)
@pytest.mark.usefixtures("ann")
async def test_logins_end_by_themselves(
    lite_users: Database, monkeypatch: pytest.MonkeyPatch, steps: int, days: int, lives: bool
) -> None:
    """Does a login end when it is not used, and after its longest time in any case?"""
    clock = stopped_clock(monkeypatch, "logins")
    token = (await enter(lite_users)).refresh_token
    for step in range(steps):
        clock.move(days=days)
        if not lives and step == steps - 1:
            with pytest.raises(InvalidRefreshToken):
                await go_on(lite_users, token)
        else:
            token = (await go_on(lite_users, token)).refresh_token


@pytest.mark.usefixtures("ann")
async def test_a_logout_is_told_once(lite_users: Database) -> None:
    """Is the end of a login told once, and of nothing that had ended?"""
    pair = await enter(lite_users)
    heard.clear()
    async with lite_users.sessionmaker() as session:
        entrance = Entrance(telling, session, HERE)
        for token in (pair.refresh_token, pair.refresh_token, "x"):
            await entrance.logout(token)
    assert [it.name for it in heard] == ["logged_out"]


async def test_logout_all_is_told_of(lite_users: Database, ann: dict[str, Any]) -> None:
    """Are all logins ended, and is that told once?"""
    await enter(lite_users)
    await enter(lite_users)
    heard.clear()
    async with lite_users.sessionmaker() as session:
        user = await session.get(User, UUID(ann["id"]))
        await Entrance(telling, session, HERE).logout_all(user)
    assert [it.revoke_reason for it in await logins(lite_users)] == ["logged_out"] * 2
    assert [(it.name, it.user_id) for it in heard] == [("logged_out_everywhere", ann["id"])]


# What it costs


COSTS = [
    pytest.param("POST", "/auth/login", 12, id="login"),
    pytest.param("POST", "/auth/refresh", 6, id="refresh"),
    pytest.param("GET", "/auth/me", 1, id="me"),
    pytest.param("GET", "/auth/sessions", 2, id="sessions"),
    pytest.param("POST", "/auth/logout", 2, id="logout"),
]


@pytest.mark.parametrize(("method", "path", "at_most"), COSTS)
@pytest.mark.usefixtures("ann")
async def test_few_statements_are_needed(
    lite_client: Client, lite_users: Database, method: str, path: str, at_most: int
) -> None:
    """Does each step take no more statements than it must?"""
    pair = await log_in(lite_client)
    body: Any = {"username": ANN, "password": PASSWORD} if "login" in path else rotating(pair)
    sent = {"json": body} if method == "POST" else {}
    with counted(lite_users.engine) as statements:
        answer = await lite_client.request(method, path, headers=bearer(pair), **sent)
    assert answer.status_code < 300
    assert len(statements) <= at_most, statements.texts


async def test_who_verified_an_address_gets_in(lite_users: Database, ann: dict[str, Any]) -> None:
    """Does a verified address let in where that is asked for?"""
    await set_columns(lite_users, ann, email_verified_at=utc_now())
    pair = await enter(lite_users, own=auth_with(require_verified=True))
    assert auth.codec.decode(pair.access_token)["sub"] == ann["id"]

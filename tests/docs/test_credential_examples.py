"""The examples about passwords and tokens do what their pages say."""

import hashlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import httpx2
import jwt
import pytest
import sqlalchemy as sa
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from fastapi_crud import Database, UniqueViolation
from fastapi_crud.auth import AuthSettings, InvalidToken, TokenCodec, verify_password
from fastapi_crud.auth.tokens import codec_of
from tests.docs.accounts import ANN, API, PASSWORD, ask, log_in, sign_up
from tests.docs.conftest import ENVIRONMENT, Load, Visit

KEY = ENVIRONMENT["SECRET_KEY"]


async def test_moved_users_keep_keys_and_passwords(
    visit: Visit, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    """Do users of an older app log in, and is an old hash replaced then?"""
    example = load("moved_users")
    keys = [uuid4(), uuid4()]
    async with visit("moved_users") as client:
        async with old_users_of(example.db) as store:
            await store(keys[0], ANN, BcryptHasher(rounds=4).hash(PASSWORD), verified=True)
            await store(keys[1], "bob@example.com", Argon2Hasher().hash(PASSWORD), verified=False)
            await example.main()
        assert capsys.readouterr().out == "Moved 2 users\n"
        for key, email in zip(keys, (ANN, "bob@example.com"), strict=True):
            me = await client.get(f"{API}/auth/me", headers=await log_in(client, email))
            assert me.json()["id"] == str(key)
            assert (me.json()["email_verified_at"] is not None) is (email == ANN)
        async with example.db.session() as session:
            hashes = await session.scalars(sa.select(example.User.hashed_password))
            assert {it.split("$")[1] for it in hashes} == {"argon2id"}


async def test_moved_users_clash_where_addresses_differ_in_case(visit: Visit, load: Load) -> None:
    """Is nobody moved if two are one, and the second one told?"""
    example = load("moved_users")
    async with visit("moved_users"), old_users_of(example.db) as store:
        for email in (ANN, "ANN@example.com"):
            await store(uuid4(), email, "!", verified=False)
        with pytest.raises(UniqueViolation) as caught:
            await example.main()
        async with example.db.session() as session:
            count = await session.scalar(sa.select(sa.func.count()).select_from(example.User))
    assert (caught.value.index, count) == (1, 0)


@asynccontextmanager
async def old_users_of(db: Database) -> AsyncGenerator[Callable[..., Awaitable[None]]]:
    """The table of an app with fastapi-users, whose keys have dashes on SQLite."""
    columns = "id CHAR(36), email, hashed_password, is_active, is_superuser, is_verified"

    async def store(key: UUID, email: str, hashed: str, *, verified: bool) -> None:
        async with db.session() as session:
            insert = sa.text("INSERT INTO user VALUES (:id, :email, :hashed, 1, 0, :verified)")
            values = {"id": str(key), "email": email, "hashed": hashed, "verified": verified}
            await session.execute(insert, values)

    async with db.session() as session:
        await session.execute(sa.text(f"CREATE TABLE user ({columns})"))
    yield store
    async with db.session() as session:
        await session.execute(sa.text("DROP TABLE user"))


async def test_swapped_auth_lets_in(visit: Visit, load: Load) -> None:
    """Do accounts work by pwdlib and PyJWT, and are they those of passlib and python-jose?"""
    async with visit("swapped_auth") as client:
        await sign_up(client)
        headers = await log_in(client)
        assert (await client.get(f"{API}/auth/me", headers=headers)).status_code == 200
        await ask(client, "login", 401, email=ANN, password="wrong horse battery")

        token = headers["Authorization"].removeprefix("Bearer ")
        example = load("swapped_auth")
        claims = codec_of(example.settings).decode(token)
        assert example.auth.codec.decode(codec_of(example.settings).encode(claims)) == claims
        async with example.db.session() as session:
            hashed = await session.scalar(sa.select(example.User.hashed_password))
        assert verify_password(PASSWORD, hashed or "")


@pytest.mark.parametrize("scheme", ["argon2", "bcrypt"])
def test_pwdlib_hasher_upgrades_old_hashes(load: Load, scheme: str) -> None:
    """Is a hash of another kind verified, and one of the first kind given instead?"""
    old, current = BcryptHasher(rounds=4), Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
    hasher = load("pwdlib_hasher").PwdlibHasher(current, old)
    stored = {"argon2": current, "bcrypt": old}[scheme].hash(PASSWORD)
    right, better = hasher.verify(PASSWORD, stored)
    assert right
    assert (better is not None) is (scheme == "bcrypt")
    assert better is None or better.startswith("$argon2id$")
    assert hasher.verify("wrong", stored) == (False, None)


@pytest.mark.parametrize("stored", ["", "!", "$2b$", "$argon2id$v=19$m=8", "scrypt$1"])
def test_pwdlib_hasher_reads_no_other_hash(load: Load, stored: str) -> None:
    """Is what it cannot read never right, and never another error than `ValueError`?"""
    with suppress(ValueError):
        assert load("pwdlib_hasher").PwdlibHasher().verify(PASSWORD, stored) == (False, None)


CLAIMS = {"sub": "1", "sid": "2"}


@pytest.fixture
def codec(load: Load) -> TokenCodec:
    """The codec of the page."""
    made: TokenCodec = load("pyjwt_codec").PyJWTCodec(AuthSettings(secret_key=KEY))
    return made


def test_pyjwt_codec_reads_what_it_writes(codec: TokenCodec) -> None:
    """Does a token come back with its claims, and with those that are added?"""
    claims = codec.decode(codec.encode(CLAIMS))
    assert claims.items() >= CLAIMS.items()
    assert claims.keys() == CLAIMS.keys() | {"iss", "aud", "iat", "exp", "jti"}


@pytest.mark.parametrize(
    ("claims", "header", "key"),
    [
        ({"sub": ""}, {}, None),
        ({"sub": 1}, {}, None),
        ({"sid": None}, {}, None),
        ({"iss": "another"}, {}, None),
        ({"aud": ["fastapi_crud"]}, {}, None),
        ({"exp": 10}, {}, None),
        ({"exp": "2999999999"}, {}, None),
        ({"exp": 2999999999}, {}, None),
        ({"iat": 2999999999}, {}, None),
        ({}, {"typ": "JWT"}, None),
        ({}, {"kid": "another"}, None),
        ({}, {"crit": ["b64"]}, None),
        ({}, {}, "another-key-of-32-bytes-or-more-0"),
    ],
    ids=str,
)
def test_pyjwt_codec_refuses(
    codec: TokenCodec, claims: dict[str, Any], header: dict[str, Any], key: str | None
) -> None:
    """Is a token refused that was changed in one place?"""
    full = {**codec.decode(codec.encode(CLAIMS)), **claims}
    present = {name: value for name, value in full.items() if value is not None}
    headers = {"typ": "at+jwt", "kid": "default", **header}
    token = jwt.encode(present, key or KEY, "HS256", headers)
    with pytest.raises(InvalidToken):
        codec.decode(token)


@pytest.mark.parametrize(
    "token",
    ["", "a.b.c", "\ud800", "." * 5000, f"{'W1tb' * 900}.e30.x", jwt.encode(CLAIMS, "", "none")],
    ids=["empty", "short", "surrogate", "dots", "nested", "none"],
)
def test_pyjwt_codec_refuses_what_is_no_token(codec: TokenCodec, token: str) -> None:
    """Is anything else that somebody sends an `InvalidToken`, and no other error?"""
    with pytest.raises(InvalidToken):
        codec.decode(token)


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("short enough", "Use 15 characters or more"),
        ("correct horse battery staple", "This password is known from a breach"),
        ("a battery of calm horses", None),
    ],
)
async def test_password_policy_asks_the_list(
    visit: Visit, pwned: None, password: str, refusal: str | None
) -> None:
    """Are short and known passwords refused, and others not?"""
    async with visit("password_policy") as client:
        body = {"email": ANN, "password": password}
        answer = await client.post(f"{API}/auth/register", json=body)
        told = answer.json()["errors"][0]["msg"] if answer.status_code == 422 else None
        assert told == refusal
        assert answer.status_code == (201 if refusal is None else 422)


async def test_password_policy_lets_pass_without_the_list(
    load: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Is a list that fails logged, and nobody kept out by it?"""
    example = load("password_policy")
    monkeypatch.setattr(example, "pwned_passwords", answering(httpx2.Response(503)))
    assert not await example.is_breached(PASSWORD)
    assert "cannot be asked" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.fixture
def pwned(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that has one password, and lines of padding."""
    digest = hashlib.sha1(b"correct horse battery staple").hexdigest().upper()
    lines = f"{'0' * 35}:0\r\n{digest[5:]}:384"
    client = answering(httpx2.Response(200, text=lines))
    monkeypatch.setattr(load("password_policy"), "pwned_passwords", client)


def answering(response: httpx2.Response) -> httpx2.AsyncClient:
    """A client of a list of breaches that always answers the same."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert re.fullmatch(r"/range/[0-9A-F]{5}", request.url.path)
        return response

    return httpx2.AsyncClient(
        transport=httpx2.MockTransport(answer), base_url="https://list.example"
    )

"""API keys: made for one user, listed as long as they work, and revoked by nobody else."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from fastapi_crud import Database
from fastapi_crud.auth.keys import ApiKeys
from fastapi_crud.auth.opaque import API_KEY, is_token, token_hash
from fastapi_crud.models import uuid7
from tests.auth.world import BOB, Clock, User, auth, stopped_clock, stored_user

KEYS = ApiKeys(auth.tables)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of API keys."""
    return stopped_clock(monkeypatch, "keys")


async def made(
    database: Database, user: User, name: str = "key", *scopes: str, expires_at: Any = None
) -> tuple[str, dict[str, Any]]:
    """A key that was made, and what is stored of it."""
    async with database.session() as session:
        return await KEYS.create(session, user.id, name, scopes, expires_at)


async def working(database: Database, user: User) -> list[str]:
    """The names of the keys that work."""
    async with database.session() as session:
        return [row["name"] for row in await KEYS.working(session, user.id)]


async def test_a_key_is_made(users: Database, clock: Clock) -> None:
    """Is everything of a key stored but the key, and its scopes once each?"""
    user = await stored_user(users)
    ends = clock.now + timedelta(days=1)
    key, values = await made(users, user, "backup", "b", "a", "b", expires_at=ends)
    assert is_token(key, API_KEY)
    async with users.session() as session:
        (row,) = (await session.execute(sa.select(auth.tables.api_keys))).mappings()
        assert await KEYS.working(session, user.id) == [{**row}]
    assert {**row} == {**values, "revoked_at": None}
    assert (row["user_id"], row["name"], row["scopes"]) == (user.id, "backup", "a b")
    assert (row["created_at"], row["expires_at"]) == (clock.now, ends)
    assert row["token_hash"] == token_hash(key)
    assert key not in str(row)


async def test_keys_that_work_are_listed(lite: Database, clock: Clock) -> None:
    """Are a user's own keys listed, the newest first, until they expire or are revoked?"""
    user, bob = await stored_user(lite), await stored_user(lite, BOB)
    await made(lite, user, "old")
    await made(lite, bob, "of Bob")
    _, revoked = await made(lite, user, "revoked")
    clock.move(seconds=1)
    await made(lite, user, "short", expires_at=clock.now + timedelta(hours=1))
    clock.move(seconds=1)
    await made(lite, user, "new")
    async with lite.session() as session:
        assert await KEYS.revoke(session, user.id, revoked["id"])
    assert await working(lite, user) == ["new", "short", "old"]
    clock.move(hours=1)
    assert await working(lite, user) == ["new", "old"]
    assert await working(lite, bob) == ["of Bob"]


async def test_a_key_is_revoked_once(lite: Database) -> None:
    """Is a key revoked by its own user, and is it told whether there was one?"""
    user, bob = await stored_user(lite), await stored_user(lite, BOB)
    _, key = await made(lite, user)
    async with lite.session() as session:
        assert not await KEYS.revoke(session, bob.id, key["id"])
        assert not await KEYS.revoke(session, user.id, uuid7())
        assert await KEYS.revoke(session, user.id, key["id"])
        assert not await KEYS.revoke(session, user.id, key["id"])
    assert await working(lite, user) == []

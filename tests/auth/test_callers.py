"""Who calls: known by a token as long as its login runs and its account is open, and by no other."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from starlette.requests import HTTPConnection

from fastapi_crud import Database, SoftDelete
from fastapi_crud.auth import Auth, Caller, Unauthenticated, UserMixin
from fastapi_crud.auth.callers import BearerScheme, Callers, login_of, user_agent_of
from fastapi_crud.auth.logins import Client
from fastapi_crud.auth.opaque import API_KEY, REFRESH, new_token
from fastapi_crud.models import uuid7
from tests.auth.world import (
    ANN,
    BOB,
    SETTINGS,
    Clock,
    User,
    auth,
    stopped_clock,
    stored_user,
)
from tests.conftest import counted

HERE = Client(address="192.0.2.1")
TABLES = auth.tables


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of callers and logins."""
    return stopped_clock(monkeypatch, "callers", "logins")


async def called(database: Database, token: str) -> Caller[User]:
    """Who calls by a token."""
    async with database.session() as session:
        return await auth.callers.find(session, token)


async def assert_unknown(database: Database, token: str) -> None:
    """Nobody calls by it, and it is not told why (RFC 6750 §3.1)."""
    with pytest.raises(Unauthenticated) as refusal:
        await called(database, token)
    assert refusal.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    assert refusal.value.detail == "Could not validate credentials"


@dataclass(frozen=True)
class Scene:
    """Ann and Bob, each with a login."""

    database: Database
    ann: User
    bob: User
    login: Any
    of_bob: Any

    async def set(self, table: sa.Table, **values: Any) -> None:
        """Change all rows of a table."""
        async with self.database.session() as session:
            await session.execute(sa.update(table).values(values))

    def token(self, **claims: Any) -> str:
        """An access token of Ann, with other claims."""
        return auth.codec.encode({"sub": str(self.ann.id), "sid": str(self.login), **claims})

    async def key(self, *scopes: str, **more: Any) -> str:
        """An API key of Ann."""
        async with self.database.session() as session:
            key, _ = await auth.keys.create(
                session, self.ann.id, "key", scopes, more.get("expires_at")
            )
        return key


async def scene_in(database: Database, limit: frozenset[str] | None = None, **of_ann: Any) -> Scene:
    """Two users who are logged in."""
    ann, bob = await stored_user(database, **of_ann), await stored_user(database, BOB)
    async with database.session() as session:
        login = await auth.logins.open(session, ann.id, HERE, limit)
        of_bob = await auth.logins.open(session, bob.id, HERE)
    return Scene(database, ann, bob, login.id, of_bob.id)


# By a login


async def test_a_user_calls_by_a_login(users: Database) -> None:
    """Is the user found with its scopes and its login, by one query?"""
    scene = await scene_in(users, scopes=["b", "a"])
    token = auth.access_token(scene.ann.id, scene.login)
    with counted(users.engine) as statements:
        caller = await called(users, token)
    assert statements.verbs == ["SELECT"]
    assert (caller.user.id, caller.user.email) == (scene.ann.id, ANN)
    assert caller.scopes == {"a", "b"}
    assert caller.limit is None
    assert (caller.login_id, caller.key_id) == (scene.login, None)
    assert login_of(caller.user) == scene.login
    assert login_of(scene.ann) is None


async def test_a_login_may_be_limited(lite: Database) -> None:
    """Does a limited login allow what is both the user's own and within the limit?"""
    scene = await scene_in(lite, frozenset({"a", "c"}), scopes=["a", "b"])
    caller = await called(lite, scene.token())
    assert caller.limit == frozenset({"a", "c"})
    assert caller.granted == {"a"}


UNKNOWN: Mapping[str, Callable[[Scene], str]] = {
    "nothing": lambda _: "",
    "junk": lambda _: "junk",
    "a refresh token": lambda _: new_token(REFRESH),
    "an unknown API key": lambda _: new_token(API_KEY),
    "a bad signature": lambda it: it.token()[:-4] + "AAAA",
    "another audience": lambda it: it.token(aud="others"),
    "another user's sub": lambda it: it.token(sub=str(it.bob.id)),
    "another user's sid": lambda it: it.token(sid=str(it.of_bob)),
    "an unknown sub": lambda it: it.token(sub=str(uuid7())),
    "an unknown sid": lambda it: it.token(sid=str(uuid7())),
    "a sub that is no key": lambda it: it.token(sub="1"),
    "a sub with NUL": lambda it: it.token(sub="\0"),
    "a sid that is no UUID": lambda it: it.token(sid="1"),
    "a sid with NUL": lambda it: it.token(sid="\0"),
    "a sid that is a user": lambda it: it.token(sid=str(it.ann.id)),
}


@pytest.mark.parametrize("token_of", UNKNOWN.values(), ids=[*UNKNOWN])
async def test_a_token_of_nobody_is_refused(
    lite: Database, token_of: Callable[[Scene], str]
) -> None:
    """Does nobody call by a token that is not of a user and its own login?"""
    scene = await scene_in(lite)
    await assert_unknown(lite, token_of(scene))
    assert (await called(lite, scene.token())).user.id == scene.ann.id


CLOSED: Mapping[str, tuple[sa.Table, dict[str, Any]]] = {
    "account closed": (TABLES.users, {"is_active": False}),
    "login ended": (TABLES.sessions, {"revoked_at": sa.func.current_timestamp()}),
}


@pytest.mark.parametrize(("table", "values"), CLOSED.values(), ids=[*CLOSED])
async def test_what_is_closed_holds_at_once(
    users: Database, table: sa.Table, values: dict[str, Any]
) -> None:
    """Is a token refused as soon as its account is closed or its login has ended?"""
    scene = await scene_in(users)
    assert (await called(users, scene.token())).user.email
    await scene.set(table, **values)
    await assert_unknown(users, scene.token())


async def test_a_login_expires(lite: Database, clock: Clock) -> None:
    """Is a token refused from the moment on that its login ends, however long it is good itself?"""
    scene = await scene_in(lite)
    clock.move(days=SETTINGS.session_max_days, microseconds=-1)
    assert (await called(lite, scene.token())).user.email
    clock.move(microseconds=1)
    await assert_unknown(lite, scene.token())


async def test_a_deleted_user_is_nobody(lite: Database) -> None:
    """Is a token refused, and a key as well, whose user is gone?"""
    scene = await scene_in(lite)
    key = await scene.key()
    async with lite.session() as session:
        await session.delete(scene.ann)
    await assert_unknown(lite, scene.token())
    await assert_unknown(lite, key)
    assert (await called(lite, auth.access_token(scene.bob.id, scene.of_bob))).user.email


# By an API key


async def test_a_program_calls_by_a_key(users: Database) -> None:
    """Is the user found by a key, limited to the scopes of the key, by one query?"""
    scene = await scene_in(users, scopes=["a", "b"])
    key = await scene.key("a", "c")
    with counted(users.engine) as statements:
        caller = await called(users, key)
    assert statements.verbs == ["SELECT"]
    assert caller.user.id == scene.ann.id
    assert caller.limit == frozenset({"a", "c"})
    assert caller.granted == {"a"}
    assert caller.key_id is not None
    assert caller.login_id is None
    assert login_of(caller.user) is None


async def test_a_key_without_scopes_has_none(lite: Database) -> None:
    """Is a key without scopes limited to nothing, rather than not limited?"""
    scene = await scene_in(lite, scopes=["a"], is_superuser=True)
    caller = await called(lite, await scene.key())
    assert (caller.limit, caller.is_superuser, caller.may("a")) == (frozenset(), False, False)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (TABLES.users, {"is_active": False}),
        (TABLES.api_keys, {"revoked_at": sa.func.current_timestamp()}),
    ],
    ids=["account closed", "revoked"],
)
async def test_a_key_that_was_closed_is_refused(
    lite: Database, table: sa.Table, values: dict[str, Any]
) -> None:
    """Does nobody call by a key that was revoked, or whose account is closed?"""
    scene = await scene_in(lite)
    key = await scene.key()
    assert (await called(lite, key)).user.email
    await scene.set(table, **values)
    await assert_unknown(lite, key)


async def test_a_key_expires(lite: Database, clock: Clock) -> None:
    """Is a key refused from the moment on that it was good until?"""
    scene = await scene_in(lite)
    key = await scene.key(expires_at=clock.now + timedelta(hours=1))
    clock.move(minutes=59)
    assert (await called(lite, key)).user.email
    clock.move(minutes=1)
    await assert_unknown(lite, key)


# What a caller may


MAY: Sequence[tuple[str, bool, set[str] | None, bool, set[str], set[str]]] = [
    # who, superuser, limit, unlimited superuser, may, may not; everybody has the scopes a and b
    ("user", False, None, False, {"a", "b"}, {"c"}),
    ("limited user", False, {"a", "c"}, False, {"a"}, {"b", "c"}),
    ("user who may nothing", False, set(), False, set(), {"a", "b", "c"}),
    ("superuser", True, None, True, {"a", "b", "c"}, set()),
    ("limited superuser", True, {"a", "c"}, False, {"a", "c"}, {"b"}),
    ("superuser who may nothing", True, set(), False, set(), {"a", "b", "c"}),
]


@pytest.mark.parametrize(
    ("superuser", "limit", "unlimited", "may", "may_not"),
    [it[1:] for it in MAY],
    ids=[it[0] for it in MAY],
)
def test_what_a_caller_may(
    superuser: bool, limit: set[str] | None, unlimited: bool, may: set[str], may_not: set[str]
) -> None:
    """May a caller what its user may and its token allows, and no more?"""
    user = SimpleNamespace(is_superuser=superuser)
    limited = None if limit is None else frozenset(limit)
    caller = Caller(user, frozenset({"a", "b"}), limited)
    assert caller.is_superuser is unlimited
    assert caller.may(*may)
    assert caller.may()
    for scope in may_not:
        assert not caller.may(scope)
        assert not caller.may(*may, scope)


class Colour(Enum):
    RED = "red"


class Shade(StrEnum):
    RED = "red"


class Named:
    def __str__(self) -> str:
        return "red"


ROLES = {"red": frozenset({"r"}), "blue": frozenset({"b"})}
SCOPES: Sequence[tuple[str, dict[str, Any], set[str]]] = [
    ("none", {"scopes": []}, set()),
    ("null", {"scopes": None}, set()),
    ("own", {"scopes": ["x", "y"]}, {"x", "y"}),
    ("own as text", {"scopes": "x y"}, {"x", "y"}),
    ("a role", {"scopes": [], "role": "red"}, {"r"}),
    ("both", {"scopes": ["x"], "role": "red"}, {"x", "r"}),
    ("an unknown role", {"scopes": ["x"], "role": "green"}, {"x"}),
    ("no role", {"scopes": ["x"], "role": None}, {"x"}),
    ("roles", {"scopes": ["x"], "roles": ["red", "blue", "green"]}, {"x", "r", "b"}),
    ("no roles", {"scopes": [], "roles": [], "role": "red"}, {"r"}),
    ("an enum", {"scopes": [], "role": Colour.RED}, {"r"}),
    ("a text enum", {"scopes": [], "role": Shade.RED}, {"r"}),
    ("objects", {"scopes": [], "roles": [Named()]}, {"r"}),
]


@pytest.mark.parametrize(
    ("user", "scopes"), [it[1:] for it in SCOPES], ids=[it[0] for it in SCOPES]
)
def test_scopes_are_own_and_by_roles(user: dict[str, Any], scopes: set[str]) -> None:
    """Has a user its own scopes and those of its roles?"""
    callers = Callers(User, TABLES, auth.codec, ROLES)
    assert callers.scopes_of(SimpleNamespace(**user)) == scopes


def test_without_roles_nobody_looks_for_them() -> None:
    """Is an attribute left alone that is called `roles`, where roles mean nothing?"""

    class Lazy:
        scopes = ("x",)

        @property
        def roles(self) -> list[str]:
            pytest.fail("nobody asks")

    assert auth.callers.scopes_of(Lazy()) == {"x"}


# Users of other shapes


class Base(DeclarativeBase):
    pass


class Member(UserMixin, SoftDelete, Base):
    __tablename__ = "callers_members"

    role: Mapped[Colour | None]
    badges: Mapped[list["Badge"]] = relationship(lazy="joined")


class Badge(Base):
    __tablename__ = "callers_badges"

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[Any] = mapped_column(sa.ForeignKey(Member.id))


members = Auth(Member, settings=SETTINGS, roles={"red": ["r"]})


@pytest.fixture
async def club(tmp_path: Path) -> AsyncIterator[Database]:
    """A database of members."""
    database = Database(f"sqlite:///{tmp_path}/club.db", metadata=Base.metadata)
    await database.create_all()
    yield database
    await database.engine.dispose()


async def test_users_may_bring_collections(club: Database) -> None:
    """Is a user found whose collections are joined, and whose role is an enum?"""
    badges = [Badge(), Badge()]
    member = Member(email=ANN, hashed_password="!", role=Colour.RED, badges=badges)
    async with club.session() as session:
        session.add(member)
        await session.flush()
        login = await members.logins.open(session, member.id, HERE)
    async with club.session() as session:
        caller = await members.callers.find(session, members.access_token(member.id, login.id))
        assert len(caller.user.badges) == 2
    assert caller.scopes == {"r"}


async def test_users_who_are_deleted_softly_are_nobody(club: Database) -> None:
    """Does nobody call for a user whose row is only marked as deleted?"""
    member = Member(email=ANN, hashed_password="!")
    async with club.session() as session:
        session.add(member)
        await session.flush()
        login = await members.logins.open(session, member.id, HERE)
        key, _ = await members.keys.create(session, member.id, "key", [], None)
    tokens = (members.access_token(member.id, login.id), key)
    for token in tokens:
        async with club.session() as session:
            assert (await members.callers.find(session, token)).user.id == member.id
    async with club.session() as session:
        deleted = {"deleted_at": sa.func.current_timestamp()}
        await session.execute(sa.update(Member).values(deleted))
    for token in tokens:
        async with club.session() as session:
            with pytest.raises(Unauthenticated):
                await members.callers.find(session, token)


# Headers


def connection_of(*headers: tuple[str, str]) -> HTTPConnection:
    """A connection with headers."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw})


FORMS: Sequence[tuple[str, Sequence[str], str | None]] = [
    ("absent", [], None),
    ("empty", [""], None),
    ("bearer", ["Bearer t"], "t"),
    ("lower case", ["bearer t"], "t"),
    ("upper case", ["BEARER t"], "t"),
    ("more spaces", ["Bearer   t  "], "t"),
    ("no token", ["Bearer"], ""),
    ("an empty token", ["Bearer "], ""),
    ("two tokens", ["Bearer t u"], "t u"),
    ("basic", ["Basic dDp0"], None),
    ("a longer word", ["Bearers t"], None),
    ("no space", ["Bearer:t"], None),
    ("a tab", ["Bearer\tt"], None),
    ("a bare token", ["t"], None),
    ("not ASCII", ["Bearer \xe9"], "\xe9"),
    ("several", ["Bearer t", "Bearer u"], "t"),
    ("several of other kinds", ["Basic dDp0", "Bearer t"], None),
]


@pytest.mark.parametrize(("values", "token"), [it[1:] for it in FORMS], ids=[it[0] for it in FORMS])
async def test_how_tokens_are_sent(values: Sequence[str], token: str | None) -> None:
    """Is a token read from the first header by RFC 6750, and is no token something else than one?"""
    scheme = BearerScheme("Bearer", "login", lambda: None)
    connection = connection_of(*(("Authorization", value) for value in values))
    assert await scheme(connection) == token


def test_the_place_of_the_login_can_change() -> None:
    """Does the document say where the login is by now?"""
    scheme = BearerScheme("Bearer", "login", lambda: None)
    scheme.token_url = "elsewhere/login"
    assert scheme.token_url == "elsewhere/login"
    document = scheme.model.model_dump(by_alias=True, exclude_none=True)
    assert document["flows"]["password"]["tokenUrl"] == "elsewhere/login"


@pytest.mark.parametrize(
    ("headers", "agent"),
    [
        ([], None),
        ([("User-Agent", "")], ""),
        ([("User-Agent", "curl/8.5")], "curl/8.5"),
        ([("User-Agent", "a\x00b\x1b[31m\x85c")], "ab[31mc"),
    ],
    ids=["none", "empty", "some", "unprintable"],
)
def test_what_a_client_calls_itself(headers: list[tuple[str, str]], agent: str | None) -> None:
    """Is it told in characters that can be stored and shown?"""
    assert user_agent_of(connection_of(*headers)) == agent

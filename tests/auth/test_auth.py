"""`Auth`: what it is made of, which one is the default, and what it ends and deletes."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from weakref import WeakSet

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import ConfigurationError, Database, make_crud_router
from fastapi_crud.auth import (
    Allowance,
    Auth,
    AuthEvent,
    AuthSettings,
    InvalidOneTimeToken,
    JoseCodec,
    PasslibHasher,
    PasswordPolicy,
    Unauthenticated,
    UserMixin,
    make_auth_router,
)
from fastapi_crud.auth.auth import NEEDED, auth_of
from fastapi_crud.auth.logins import Client
from fastapi_crud.auth.mails import Purpose
from fastapi_crud.auth.throttle import DatabaseThrottle
from fastapi_crud.database import AsyncSession
from tests.auth.world import (
    ANN,
    BOB,
    KEY,
    SETTINGS,
    Clock,
    User,
    app_of,
    auth,
    mailbox,
    sign_up,
    stopped_clock,
    stored_user,
)
from tests.conftest import Serve

HERE = Client(address="192.0.2.1")
Users = Callable[..., Any]


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> WeakSet[Any]:
    """No user models but those of the test."""
    known: WeakSet[Any] = WeakSet()
    monkeypatch.setattr("fastapi_crud.auth.auth.user_models", known)
    monkeypatch.setattr("fastapi_crud.auth.users.user_models", known)
    return known


@pytest.fixture
def users_model(models: WeakSet[Any]) -> Users:
    """Makes user models that have no auth yet, all of one metadata."""

    class Base(DeclarativeBase):
        pass

    def make(name: str = "Someone", **more: Any) -> Any:
        return type(name, (UserMixin, Base), {"__tablename__": name.lower(), **more})

    assert not models
    return make


def clock_of(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all that is pruned."""
    return stopped_clock(monkeypatch, "auth", "logins", "mails", "keys", "throttle")


# Which one


def test_the_first_is_the_default(users_model: Users, models: WeakSet[Any]) -> None:
    """Do shortcuts go by the auth that was made first, and can there be others?"""
    model = users_model()
    first, second = Auth(model, settings=SETTINGS), Auth(model, settings=SETTINGS)
    assert auth_of(model) is first is not second
    assert first.tables is second.tables
    assert {*models} == {model}


def test_one_is_made_where_it_is_asked_for(users_model: Users) -> None:
    """Is an auth by the environment made once, where nobody made another?"""
    model = users_model()
    assert auth_of(model) is auth_of(model)
    assert auth_of(model).by_environment


@pytest.mark.parametrize(
    "use", [auth_of, make_auth_router, make_crud_router], ids=lambda use: use.__name__
)
def test_an_auth_can_come_too_late(users_model: Users, use: Callable[[Any], Any]) -> None:
    """Is it an error to make an auth that routers have gone without?"""
    model = users_model()
    use(model)
    with pytest.raises(ConfigurationError, match=r"Auth\(Someone, ...\) comes too late: make it"):
        Auth(model, settings=SETTINGS)


def test_who_inherits_is_not_all(users_model: Users, models: WeakSet[Any]) -> None:
    """Does nobody pass for an admin who is only a user, where admins are users of a kind?"""
    kind = {"kind": mapped_column(sa.String(10)), "__mapper_args__": {"polymorphic_on": "kind"}}
    someone = users_model(**kind, __annotations__={"kind": Mapped[str]})
    admin: Any = type("Admin", (someone,), {"__mapper_args__": {"polymorphic_identity": "admin"}})
    of_all = Auth(someone, settings=SETTINGS)
    with pytest.raises(ConfigurationError, match=r"Auth\(Someone\) lets in more than Admin"):
        auth_of(admin)
    of_admins = Auth(admin, settings=SETTINGS)
    assert auth_of(admin) is of_admins
    assert auth_of(someone) is of_all
    assert of_admins.tables is of_all.tables
    assert {*models} == {someone}


def test_a_model_must_have_what_auth_reads() -> None:
    """Is it told what a model lacks?"""

    class Base(DeclarativeBase):
        pass

    class Poor(Base):
        __tablename__ = "poor"
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]

    lacking = ", ".join(name for name in NEEDED if name != "email")
    with pytest.raises(
        ConfigurationError, match=f"Poor has no {lacking}: let it inherit UserMixin"
    ):
        Auth(Poor)
    with pytest.raises(ConfigurationError, match="is not a mapped class"):
        Auth(dict)


def test_a_key_of_two_columns_is_refused(users_model: Users) -> None:
    """Is it told that users need a key of one column?"""
    tenant = {"tenant": mapped_column(sa.Integer, primary_key=True)}
    with pytest.raises(ConfigurationError, match="someone has a composite primary key"):
        users_model(**tenant, __annotations__={"tenant": Mapped[int]})


def test_other_users_have_other_logins(users_model: Users, models: WeakSet[Any]) -> None:
    """Does a second user model need tables of its own, and get them by a prefix?"""
    customer = users_model("Customer")
    with pytest.raises(
        ConfigurationError, match=r"belongs to customer: give staff .* 'staff_auth_'"
    ):
        users_model("Staff")
    staff = users_model("Worker", __auth_prefix__="staff_auth_")
    first, second = Auth(customer, settings=SETTINGS), Auth(staff, settings=SETTINGS)
    assert second.tables.sessions.name == "staff_auth_sessions"
    assert first.tables.sessions is not second.tables.sessions
    names = [it.scheme.scheme_name for it in (first, second)]
    assert names == ["OAuth2PasswordBearer", "WorkerBearer"]
    assert {*models} == {customer, staff}


# What it is made of


def test_nothing_is_read_before_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is an auth made without a key, and the environment read once and late?"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    lazy = Auth(User)
    monkeypatch.setenv("SECRET_KEY", KEY)
    monkeypatch.setenv("AUTH_TOKEN_URL", "elsewhere")
    assert lazy.scheme.token_url == "auth/login"
    assert lazy.settings.secret_key == KEY
    assert lazy.settings is lazy.settings
    assert lazy.scheme.token_url == "elsewhere"


async def test_settings_are_carried_out() -> None:
    """Do lifetimes, keys and costs come from the settings?"""
    settings = AuthSettings(
        secret_key=KEY,
        refresh_token_idle_days=1,
        session_max_days=2,
        refresh_reuse_leeway_seconds=3,
        verify_token_expire_hours=4,
        reset_token_expire_minutes=5,
        max_wait_seconds=6,
        password_min_length=20,
        password_memory_kib=8,
        password_time_cost=1,
        password_parallelism=1,
    )
    own = Auth(User, settings=settings)
    assert (own.logins.idle, own.logins.lifetime) == (timedelta(days=1), timedelta(days=2))
    assert own.logins.leeway == timedelta(seconds=3)
    four_hours = timedelta(hours=4)
    assert own.links.lifetimes == {
        "verify": four_hours, "change_email": four_hours, "reset": timedelta(minutes=5),
    }  # fmt: skip
    assert own.allowance(7) == Allowance(7, max_wait=timedelta(seconds=6))
    assert "m=8,t=1,p=1" in await own.passwords.hash("x")
    assert own.policy.min_length == 20
    assert isinstance(own.codec, JoseCodec)
    assert isinstance(own.throttle, DatabaseThrottle)
    for name in ("logins", "links", "keys", "passwords", "policy", "codec", "throttle", "callers"):
        assert getattr(own, name) is getattr(own, name)


async def test_parts_can_be_given() -> None:
    """Is what is given used in place of what the settings say?"""
    hasher = PasslibHasher(memory_kib=16, time_cost=1, parallelism=1)
    policy, codec = PasswordPolicy(), auth.codec
    throttle = DatabaseThrottle(auth.tables.throttle)
    own = Auth(
        User, settings=SETTINGS, hasher=hasher, policy=policy, codec=codec, throttle=throttle,
        roles={"editor": ["a", "b", "a"]},
    )  # fmt: skip
    assert "m=16,t=1,p=1" in await own.passwords.hash("x")
    assert (own.policy, own.codec, own.throttle) == (policy, codec, throttle)
    assert own.callers.roles == {"editor": frozenset({"a", "b"})}


async def test_listeners_are_told() -> None:
    """Does the listener of an auth learn of its events?"""
    told: list[AuthEvent] = []
    event = AuthEvent(name="registered")
    await Auth(User, settings=SETTINGS, on_event=told.append).tell(event)
    await auth.tell(event)
    assert told == [event]


async def test_what_an_access_token_says(lite: Database) -> None:
    """Does it say by RFC 9068 whom it is for, by which login, and what it allows?"""
    user = await stored_user(lite)
    token = auth.access_token(user.id, "s", scopes=["b", "a"], auth_time=1)
    claims = auth.codec.decode(token)
    assert (claims["sub"], claims["sid"]) == (str(user.id), "s")
    assert (claims["scope"], claims["auth_time"]) == ("a b", 1)
    assert claims["client_id"] == claims["aud"] == SETTINGS.audience
    assert {*claims} == {
        "iss", "aud", "iat", "exp", "jti", "sub", "sid", "scope", "client_id", "auth_time",
    }  # fmt: skip


# What it ends and deletes


async def test_what_a_password_opened_is_ended(lite: Database) -> None:
    """Do all logins but one end with a password, and all links, but nothing of other users?"""
    user, bob = await stored_user(lite), await stored_user(lite, BOB)
    async with lite.session() as session:
        keep, gone, of_bob = [
            await auth.logins.open(session, it.id, HERE) for it in (user, user, bob)
        ]
        links = [
            await auth.links.mint(session, purpose, email, User.email == email)
            for email in (ANN, BOB)
            for purpose in auth.links.lifetimes
        ]
        await auth.end_access(session, user.id, but=keep.id)
    async with lite.session() as session:
        for whose, grant in ((user, keep), (bob, of_bob)):
            token = auth.access_token(whose.id, grant.id)
            assert (await auth.callers.find(session, token)).user.id == whose.id
        with pytest.raises(Unauthenticated):
            await auth.callers.find(session, auth.access_token(user.id, gone.id))
        of_ann, of_others = links[:3], links[3:]
        for link in of_ann:
            with pytest.raises(InvalidOneTimeToken):
                await auth.links.redeem(session, str(link and link.token), *auth.links.lifetimes)
        for link in of_others:
            assert await auth.links.redeem(session, str(link and link.token), *auth.links.lifetimes)


async def test_what_has_expired_is_deleted(
    users: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is everything deleted that is of no use, everything else kept, and the number told?"""
    clock = clock_of(monkeypatch)
    user = await stored_user(users)
    async with users.session() as session:
        await auth.logins.open(session, user.id, HERE)
        await auth.links.mint(session, "reset", ANN, User.email == ANN)
        await auth.keys.create(session, user.id, "key", [], clock.now)
        await auth.throttle.admit(session, ("a", "b"), auth.allowance(5))
    clock.move(days=89)
    async with users.session() as session:
        grant = await auth.logins.open(session, user.id, HERE)
        await auth.links.mint(session, "reset", ANN, User.email == ANN)
        await auth.throttle.admit(session, ("c", "d"), auth.allowance(5))
        await auth.keys.create(session, user.id, "for ever", [], None)
        # the first token, link, key and count
        assert await auth.prune(session) == 4
    clock.move(days=1)
    async with users.session() as session:
        assert await auth.prune(session) == 3  # the first login, the second link and count
    async with users.session() as session:
        rows = [it.id for it in await auth.logins.running(session, user.id)]
        assert rows == [grant.id]
        assert (await auth.logins.refresh(session, grant.refresh_token)).id == grant.id
        assert [it["name"] for it in await auth.keys.working(session, user.id)] == ["for ever"]
        for table, left in ((auth.tables.refresh_tokens, 2), (auth.tables.one_time_tokens, 0)):
            count = sa.select(sa.func.count()).select_from(table)
            assert await session.scalar(count) == left


async def test_another_throttle_prunes_itself(lite: Database) -> None:
    """Is a throttle of somebody else's left alone?"""
    throttle: Any = object()
    own = Auth(User, settings=SETTINGS, throttle=throttle, notifier=mailbox)
    async with lite.session() as session:
        assert await own.prune(session) == 0


async def test_a_mail_can_be_deferred(lite: Database, serve: Serve) -> None:
    """Is what is stored for later the address alone, for known and unknown ones alike?"""
    stored: list[tuple[str, str]] = []

    async def defer(session: AsyncSession, purpose: str, email: str) -> None:
        assert isinstance(session, AsyncSession)
        stored.append((purpose, email))

    own = Auth(User, settings=SETTINGS, notifier=mailbox, defer=defer)
    client = serve(lite, app=app_of(own=own))
    await sign_up(client)
    for email in (ANN, BOB):
        for path in ("forgot-password", "request-verify-token"):
            answer = await client.post(f"/auth/{path}", json={"email": email})
            assert (answer.status_code, answer.content) == (202, b"")
    assert stored == [("reset", ANN), ("verify", ANN), ("reset", BOB), ("verify", BOB)]
    assert mailbox.notices == []
    async with lite.session() as session:
        for purpose, email in stored:
            await own.send_link(session, cast("Purpose", purpose), email)
    assert [(it.kind, it.email) for it in mailbox.notices] == [("reset", ANN), ("verify", ANN)]


def test_what_is_deferred_needs_a_notifier() -> None:
    """Is it told, when an Auth is made, that nobody would send the mail?"""

    async def nothing(*_: object) -> None: ...

    with pytest.raises(ConfigurationError, match="notifier="):
        Auth(User, settings=SETTINGS, defer=nothing)

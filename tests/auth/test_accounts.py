"""Accounts without HTTP: opened once, changed while they are there, and kept from guessing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, Service, UniqueViolation, make_schemas
from fastapi_crud.auth import (
    Auth,
    Caller,
    EmailTaken,
    InsufficientScope,
    InvalidCurrentPassword,
    TooManyAttempts,
    Unauthenticated,
    UserMixin,
    UserService,
    WeakPassword,
)
from fastapi_crud.auth.accounts import Accounts, email_taken, keep_hash, personal_texts
from fastapi_crud.auth.logins import Client as From
from fastapi_crud.exceptions import InvalidData
from fastapi_crud.models import utc_now
from fastapi_crud.router.dependencies import get_db
from tests.auth.world import (
    ANN,
    BOB,
    PASSWORD,
    SETTINGS,
    User,
    app_of,
    app_with,
    auth,
    auth_with,
    bearer,
    hear,
    heard,
    log_in,
    make_key,
    problem,
    set_columns,
    sign_up,
    user_row,
)
from tests.conftest import Client, Serve

HERE, THERE = From(address="10.0.0.1"), From(address="10.0.0.2")
schemas = make_schemas(User)
NEW = schemas.create(email=ANN, name="Ann", password=PASSWORD)


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Customer(UserMixin, Base):
    """A user with a number that is unique as well."""

    __tablename__ = "customers"

    number: Mapped[int] = mapped_column(unique=True)


class Bare(Base):
    """A user by its columns alone."""

    __tablename__ = "bare_users"
    __auth_prefix__ = "bare_"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str]
    hashed_password: Mapped[str]
    is_active: Mapped[bool]
    is_superuser: Mapped[bool]
    email_verified_at: Mapped[Any] = mapped_column(sa.DateTime)
    scopes: Mapped[Any] = mapped_column(sa.JSON)


customers = Auth(Customer, settings=SETTINGS)


def accounts_in(
    session: AsyncSession, own: Auth[User] = auth, client: From = HERE
) -> Accounts[User]:
    return Accounts(own, session, client)


def email_of(user: User) -> str:
    return user.email


@pytest.fixture
async def session(lite_users: Database) -> AsyncIterator[AsyncSession]:
    """A session as a request has it."""
    async with lite_users.sessionmaker() as session:
        yield session


# The service behind


async def test_the_service_is_the_models_own(session: AsyncSession) -> None:
    """Do accounts go by the service of the model, and by a plain one where it has none?"""
    assert isinstance(accounts_in(session).service, UserService)
    bare: Accounts[Any] = Accounts(Auth(Bare, settings=SETTINGS), session, HERE)
    assert type(bare.service) is Service[Bare]


async def test_each_auth_has_rules_of_its_own(session: AsyncSession) -> None:
    """Do policy and hashes of another auth of the same model hold for its own accounts?"""
    strict = auth_with(password_min_length=30)
    with pytest.raises(WeakPassword, match="30 characters"):
        await accounts_in(session, strict).register(NEW, email_of)
    costly = auth_with(password_memory_kib=16)
    assert "m=16," in await accounts_in(session, costly).register(
        NEW, lambda it: it.hashed_password
    )


# Opened and changed


async def test_a_new_account_is_there(session: AsyncSession, lite_users: Database) -> None:
    """Is what `show` makes given back, and the account stored and told of?"""
    own = auth_with(on_event=hear)
    assert await accounts_in(session, own).register(NEW, email_of) == ANN
    row = await user_row(lite_users)
    assert [(it.name, it.user_id, it.address) for it in heard] == [
        ("registered", str(row.id), "10.0.0.1")
    ]


async def test_an_account_that_cannot_be_shown_is_not_opened(
    session: AsyncSession, lite_users: Database
) -> None:
    """Is nothing stored, or told, where the answer fails?"""
    with pytest.raises(ZeroDivisionError):
        await accounts_in(session, auth_with(on_event=hear)).register(NEW, lambda _: 1 // 0)
    async with lite_users.session() as other:
        assert (await other.scalars(sa.select(User))).all() == []
    assert heard == []


async def test_one_of_many_gets_an_address(app_client: Client) -> None:
    """Do many who register the same address at the same time get one account, and no error?"""
    body = {"email": ANN, "name": "Ann", "password": PASSWORD}
    paths = ["/auth/register", "/users"] * 4
    answers = await asyncio.gather(*(app_client.post(path, json=body) for path in paths))
    assert sorted(it.status_code for it in answers) == [201] + [409] * 7


async def test_other_clashes_are_not_about_the_address(serve: Serve, tmp_path: Any) -> None:
    """Is another unique column named, when an account is opened and when it changes?"""
    database = Database(f"sqlite:///{tmp_path}/customers.db", metadata=Base.metadata)
    await database.create_all()
    new = make_schemas(Customer)
    async with database.sessionmaker() as session:
        accounts = Accounts(customers, session, HERE)
        for email, number in ((ANN, 1), (BOB, 2)):
            data = new.create(email=email, password=PASSWORD, number=number)
            await accounts.register(data, lambda it: it.id)
        data = new.create(email="new@example.com", password=PASSWORD, number=1)
        with pytest.raises(UniqueViolation) as clash:
            await accounts.register(data, email_of)
        assert (type(clash.value), clash.value.fields) == (UniqueViolation, ("number",))
        user = await UserService[Customer, BaseModel, BaseModel](session).get_by_email(ANN)
        with pytest.raises(UniqueViolation) as clash:
            await accounts.update(user, new.update(number=2), email_of)
        assert (type(clash.value), clash.value.fields) == (UniqueViolation, ("number",))
    await database.engine.dispose()


def test_only_clashes_of_addresses_are_renamed() -> None:
    """Does `email_taken` leave other clashes and other errors as they are?"""
    with pytest.raises(EmailTaken) as taken, email_taken():
        raise UniqueViolation(fields=["email"])
    assert (taken.value.fields, type(taken.value.__cause__)) == (("email",), UniqueViolation)
    for other in (UniqueViolation(fields=["email", "name"]), UniqueViolation(), ValueError()):
        with pytest.raises(type(other)) as same, email_taken():
            raise other
        assert same.value is other
    with email_taken():
        pass


async def test_an_account_that_is_gone_does_not_change(
    session: AsyncSession, lite_client: Client, lite_users: Database
) -> None:
    """Is the caller unknown who was deleted since its token was checked?"""
    await sign_up(lite_client)
    user = await UserService[User, BaseModel, BaseModel](session).get_by_email(ANN)
    await session.commit()
    async with lite_users.session() as other:
        await other.execute(sa.delete(User))
    with pytest.raises(Unauthenticated) as refusal:
        await accounts_in(session).update(user, schemas.update(name="New"), email_of)
    assert refusal.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}


async def test_sessions_may_expire_what_they_commit(lite_users: Database, serve: Serve) -> None:
    """Do all endpoints work with a sessionmaker that forgets rows at each commit?"""
    makes = async_sessionmaker(lite_users.engine, expire_on_commit=True)

    async def own_db() -> AsyncIterator[AsyncSession]:
        async with makes() as session:
            yield session

    app = app_of()
    app.dependency_overrides[get_db] = own_db
    client = serve(None, app=app)
    await client.post("/auth/register", json={"email": ANN, "name": "Ann", "password": PASSWORD})
    pair = await log_in(client)
    client.headers.update(bearer(pair))
    key = await make_key(client, pair)
    (shown,) = (await client.get("/auth/api-keys")).json()["items"]
    user = (await client.get("/auth/me", headers=key)).json()
    sure = {"current_password": PASSWORD}
    for method, path, body in (
        ("PATCH", "/auth/me", {"name": "New"}),
        ("PATCH", "/auth/me", {"email": BOB, "password": PASSWORD, **sure}),
        ("PATCH", f"/users/{user['id']}", {"email": ANN, **sure}),
        (
            "PUT",
            f"/users/{user['id']}",
            {"email": ANN, "name": "Ann", "password": PASSWORD, **sure},
        ),
        ("POST", "/auth/change-password", {"new_password": PASSWORD, **sure}),
        ("POST", "/auth/change-email", {"new_email": BOB, **sure}),
        ("GET", "/auth/sessions", None),
        ("DELETE", f"/auth/api-keys/{shown['id']}", None),
        ("POST", "/auth/refresh", {"refresh_token": pair["refresh_token"]}),
        ("POST", "/auth/forgot-password", {"email": ANN}),
        ("POST", "/auth/logout-all", None),
    ):
        answer = await client.request(method, path, json=body)
        assert answer.status_code < 300, (path, answer.text)


# The current password


async def test_the_current_password_is_confirmed(
    session: AsyncSession, lite_client: Client
) -> None:
    """Are wrong ones counted by account and address, and forgotten after the right one?"""
    await sign_up(lite_client)
    accounts = accounts_in(session, auth_with(max_failures=2, on_event=hear))
    user = await accounts.service.repository.get_by(email_key=ANN)
    for _ in range(3):
        with pytest.raises(InvalidCurrentPassword):
            await accounts.confirm(user, "wrong")
        await accounts.confirm(user, PASSWORD)
    for _ in range(2):
        with pytest.raises(InvalidCurrentPassword):
            await accounts.confirm(user, "wrong")
    with pytest.raises(TooManyAttempts):
        await accounts.confirm(user, PASSWORD)
    assert [(it.name, it.address) for it in heard] == [("login_throttled", "10.0.0.1")]
    await accounts_in(session, auth, THERE).confirm(user, PASSWORD)


async def test_an_attempt_that_waits_costs_nothing(session: AsyncSession) -> None:
    """Does one account that is guessed at not use up the attempts at others?"""
    accounts = accounts_in(session, auth_with(max_failures=1, max_address_failures=3))
    await accounts.admit("login", ANN)
    for _ in range(5):
        with pytest.raises(TooManyAttempts):
            await accounts.admit("login", ANN)
    await accounts.admit("login", BOB)
    await accounts.admit("login", "c@example.com")
    with pytest.raises(TooManyAttempts):
        await accounts.admit("login", "d@example.com")
    await accounts_in(session, accounts.auth, THERE).admit("login", ANN)


async def test_hashes_are_kept_unless_they_changed(
    lite_client: Client, lite_users: Database
) -> None:
    """Is a better hash stored in place of the one that was checked, and of no other?"""
    user = await sign_up(lite_client)
    await set_columns(lite_users, user, hashed_password="old")
    for stored, kept in (("other", "old"), ("old", "better")):
        async with lite_users.session() as session:
            await keep_hash(session, auth, UUID(user["id"]), (stored, "better"))
        assert (await user_row(lite_users)).hashed_password == kept


@pytest.mark.parametrize(
    ("user", "values", "texts"),
    [
        pytest.param(None, {}, [], id="nothing"),
        pytest.param(None, {"email": ANN, "name": "Ann", "age": 1}, [ANN, "Ann"], id="new"),
        pytest.param(User(email=ANN, name="Ann"), {}, [ANN, "Ann"], id="old"),
        pytest.param(User(email=ANN, name="Ann"), {"name": "New"}, [ANN, "Ann", "New"], id="both"),
        pytest.param(None, {"name": 7, "email": None}, [], id="no texts"),
    ],
)
def test_what_must_not_be_a_password(
    user: User | None, values: dict[str, Any], texts: list[str]
) -> None:
    """Are the old and the new address and name too easy to guess?"""
    assert personal_texts(user, **values) == texts


# Logins and keys


async def test_logins_and_keys_end_once(lite_client: Client, session: AsyncSession) -> None:
    """Is there nothing to end the second time, and nothing of somebody else's?"""
    await sign_up(lite_client)
    await sign_up(lite_client, BOB)
    await make_key(lite_client, await log_in(lite_client))
    accounts = accounts_in(session)
    users = [await accounts.service.repository.get_by(email_key=key) for key in (ANN, BOB)]
    ann, bob = users
    (login,) = await accounts.logins(ann)
    (key,) = await accounts.api_keys(ann)
    assert await accounts.logins(bob) == []
    assert await accounts.api_keys(bob) == []
    assert [await accounts.end_login(it, login.id) for it in (bob, ann, ann)] == [
        False,
        True,
        False,
    ]
    ended = [await accounts.revoke_api_key(it, key["id"]) for it in (bob, ann, ann)]
    assert ended == [False, True, False]


@pytest.mark.parametrize(
    ("limit", "scopes", "minutes", "refusal"),
    [
        pytest.param(None, ["a"], None, None, id="for ever"),
        pytest.param(None, ["a"], 1, None, id="for a while"),
        pytest.param(None, ["a", "c"], None, InsufficientScope, id="more than I may"),
        pytest.param(frozenset("b"), ["a"], None, InsufficientScope, id="more than the login may"),
        pytest.param(None, ["a"], -1, InvalidData, id="in the past"),
        pytest.param(None, ["a"], 0, InvalidData, id="now"),
    ],
)
async def test_keys_may_less_than_their_users(
    lite_client: Client,
    lite_users: Database,
    session: AsyncSession,
    limit: Any,
    scopes: list[str],
    minutes: int | None,
    refusal: Any,
) -> None:
    """Is no key made that may more than its maker, or that never works?"""
    await sign_up(lite_client)
    user = await user_row(lite_users)
    caller = Caller(user, frozenset("ab"), limit, login_id=UUID(int=1))
    ends = None if minutes is None else utc_now() + timedelta(minutes=minutes)
    accounts = accounts_in(session)
    if refusal is not None:
        with pytest.raises(refusal):
            await accounts.create_api_key(caller, "key", scopes, ends)
    else:
        key, stored = await accounts.create_api_key(caller, "key", scopes, ends)
        assert key.startswith("fck_")
        assert key not in str(stored)
    assert len(await accounts.api_keys(user)) == (0 if refusal else 1)


async def test_the_app_may_be_told_by_nobody(lite_users: Database, serve: Serve) -> None:
    """Does a listener that fails change nothing?"""

    def fail(_: object) -> None:
        raise OSError

    client = serve(lite_users, app=app_with(on_event=fail))
    answer = await client.post("/auth/register", json=NEW.model_dump(mode="json"))
    assert answer.status_code == 201
    again = await client.post("/auth/register", json=NEW.model_dump(mode="json"))
    assert problem(again) == (409, "email_taken")

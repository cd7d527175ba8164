"""Users and their service: what is stored of them, who changes what, and what nobody sees."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import CrudOptions, Database, SoftDelete, make_crud_router, make_schemas
from fastapi_crud.auth import (
    Auth,
    InvalidCurrentPassword,
    PasslibHasher,
    TooManyAttempts,
    UserMixin,
    UserService,
    WeakPassword,
    make_auth_router,
)
from fastapi_crud.auth.auth import user_models
from fastapi_crud.auth.users import user_options
from fastapi_crud.models import NAMING_CONVENTION, utc_now
from fastapi_crud.operations import OPERATIONS
from tests.auth.world import (
    ANN,
    BOB,
    PASSWORD,
    SETTINGS,
    User,
    app_of,
    auth,
    bearer,
    log_in,
    mailbox,
    make_key,
    problem,
    rotating,
    set_columns,
    sign_up,
    user_row,
)
from tests.conftest import Client, Serve

OTHER_PASSWORD = "incorrect zebra staple"
TWIN = "ａｎｎ@example.com"
NAMED = {"name": "Somebody"}
NEW = {"email": ANN, "password": PASSWORD}

schemas = make_schemas(User)


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Member(UserMixin, SoftDelete, Base):
    """A user whose deletion can be undone, with a number of its own."""

    __tablename__ = "members"
    __auth_prefix__ = "member_"

    number: Mapped[int | None] = mapped_column(unique=True)
    words: Mapped[list["Word"]] = relationship(back_populates="author")


class Word(Base):
    __tablename__ = "words"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[UUID] = mapped_column(sa.ForeignKey(Member.id))
    author: Mapped[Member] = relationship(back_populates="words")


class Guest(UserMixin, Base):
    """A user of a house where nobody learns who else is there."""

    __tablename__ = "guests"
    __auth_prefix__ = "guest_"


class Staff(UserMixin, Base):
    """A user whose account only superusers open."""

    __tablename__ = "staff"
    __auth_prefix__ = "staff_"


class Patron(UserMixin, Base):
    """A user with rules of the app's own."""

    __tablename__ = "patrons"
    __auth_prefix__ = "patron_"

    nickname: Mapped[str | None] = mapped_column(sa.String(50))

    @classmethod
    def __crud__(cls) -> CrudOptions:
        return replace(user_options(patrons), service=PatronService)


class PatronService(UserService[Patron, BaseModel, BaseModel]):
    """Hooks that know nothing of passwords, and do not call those of the library."""

    seen: list[str] = []

    async def before_create(self, values: dict[str, Any]) -> None:
        self.seen.append(f"before create {sorted(values)}")
        values["nickname"] = "new"

    async def before_update(self, id: Any, values: dict[str, Any]) -> None:
        self.seen.append(f"before update {sorted(values)}")

    async def after_update(self, row: Patron, values: Mapping[str, Any]) -> None:
        self.seen.append("after update")


members = Auth(Member, settings=SETTINGS)
patrons = Auth(Patron, settings=SETTINGS)
guests = Auth(Guest, settings=SETTINGS.model_copy(update={"hide_existing": True}))
staff = Auth(Staff, settings=SETTINGS, registration=False)

EVERYTHING: Any = [it for it in OPERATIONS if it not in {"upsert", "restore", "purge"}]
everybody = make_crud_router(
    User, name="everybody", operations=EVERYTHING, fields=True, search=["name"]
)


@pytest.fixture(scope="module")
async def house_file(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """A SQLite database with the tables of these models."""
    folder = tmp_path_factory.mktemp("house")
    database = Database(f"sqlite:///{folder}/house.db", metadata=Base.metadata)
    await database.create_all()
    yield database
    await database.engine.dispose()


@pytest.fixture
async def house(house_file: Database) -> Database:
    """That database, with all tables empty."""
    async with house_file.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())
    return house_file


def house_app(own: Auth[Any], *routers: APIRouter) -> FastAPI:
    app = FastAPI()
    app.include_router(make_auth_router(own), prefix="/auth")
    for router in routers:
        app.include_router(router)
    return app


@pytest.fixture
async def ann(lite_client: Client) -> Client:
    """A client on SQLite that calls by a login of Ann's; there is Bob as well."""
    await sign_up(lite_client)
    await sign_up(lite_client, BOB)
    lite_client.headers.update(bearer(await log_in(lite_client)))
    return lite_client


async def me(client: Client) -> dict[str, Any]:
    user: dict[str, Any] = (await client.get("/auth/me")).json()
    return user


async def logs_in(client: Client, password: str, email: str = ANN) -> bool:
    form = {"username": email, "password": password}
    return (await client.post("/auth/login", data=form)).status_code == 200


# What is stored


async def test_addresses_have_a_key_however_they_are_stored(lite_users: Database) -> None:
    """Is the key filled for an instance, for a changed one, and for a statement without one?"""
    async with lite_users.session() as session:
        user = User(email="Ann@example.com", name="Ann", hashed_password="!")
        assert user.email_key == ANN
        session.add(user)
        await session.flush()
        user.email = "BOB@example.com"
        values = {"email": TWIN, "name": "Twin", "hashed_password": "!"}
        await session.execute(sa.insert(User).values(values))
    async with lite_users.session() as session:
        keys = (await session.scalars(sa.select(User.email_key).order_by("email_key"))).all()
    assert keys == [ANN, BOB]
    assert User(email=None).email is None


async def test_keys_tell_letters_apart(app_client: Client) -> None:
    """Are é and e two addresses on every database, whatever its collation?"""
    for email in ("rene@example.com", "rené@example.com", "renè@example.com"):
        await sign_up(app_client, email)
        assert await logs_in(app_client, PASSWORD, email)
    answer = await app_client.post("/users", json={**NEW, **NAMED, "email": "RENÉ@example.com"})
    assert problem(answer) == (409, "unique_violation")


def test_each_model_has_tables_of_its_own() -> None:
    """Are the tables made with the model, under its prefix?"""
    names = {*Base.metadata.tables}
    for prefix in ("member_", "guest_", "staff_", "patron_"):
        assert {f"{prefix}sessions", f"{prefix}refresh_tokens", f"{prefix}throttle"} <= names
    assert members.tables.sessions is Base.metadata.tables["member_sessions"]


def test_models_below_others_share_their_tables() -> None:
    """Is a class of users without a table no user model, nor one below another?"""

    class Root(DeclarativeBase):
        metadata = sa.MetaData()

    class Person(UserMixin):
        pass

    class Customer(Person, Root):
        __tablename__ = "customers"

    class Regular(Customer):
        pass

    assert Customer in user_models
    assert not {Person, Regular} & {*user_models}
    assert len(Root.metadata.tables) == 6


# Scripts


def users_of(session: Any) -> UserService[User, Any, Any]:
    service: UserService[User, Any, Any] = UserService[User, BaseModel, BaseModel](session)
    return service


async def test_scripts_open_accounts(users: Database) -> None:
    """Can a script create a user, find it by any spelling, and check its password?"""
    async with users.session() as session:
        made = await users_of(session).create(schemas.create(**NEW, **NAMED))
        assert made.hashed_password.startswith("$argon2id$")
    async with users.session() as session:
        service = users_of(session)
        found = await service.get_by_email(" ANN@Example.COM ")
        assert found is not None
        assert found.id == made.id
        assert await service.get_by_email(BOB) is None
        assert await service.authenticate(TWIN, PASSWORD) is found


@pytest.mark.parametrize(
    ("email", "password", "columns"),
    [
        pytest.param(ANN, "wrong", {}, id="wrong password"),
        pytest.param(BOB, PASSWORD, {}, id="unknown"),
        pytest.param(ANN, PASSWORD, {"is_active": False}, id="inactive"),
        pytest.param(ANN, PASSWORD, {"hashed_password": "!"}, id="no hash"),
        pytest.param(ANN, "\ud800", {}, id="surrogate"),
        pytest.param(ANN, "x" * 5000, {}, id="long"),
    ],
)
async def test_scripts_let_nobody_else_in(
    lite_client: Client, lite_users: Database, email: str, password: str, columns: dict[str, Any]
) -> None:
    """Is there nobody for what is no right password of an open account?"""
    user = await sign_up(lite_client)
    if columns:
        await set_columns(lite_users, user, **columns)
    async with lite_users.session() as session:
        assert await users_of(session).authenticate(email, password) is None


async def test_scripts_store_better_hashes(lite_client: Client, lite_users: Database) -> None:
    """Is a hash of another cost replaced once its password is given, and only then?"""
    user = await sign_up(lite_client)
    outdated = PasslibHasher(memory_kib=16, time_cost=1, parallelism=1).hash(PASSWORD)
    await set_columns(lite_users, user, hashed_password=outdated)
    async with lite_users.session() as session:
        assert await users_of(session).authenticate(ANN, "wrong") is None
    assert (await user_row(lite_users)).hashed_password == outdated
    async with lite_users.session() as session:
        found = await users_of(session).authenticate(ANN, PASSWORD)
        assert found is not None
        assert found.hashed_password != outdated
    assert (await user_row(lite_users)).hashed_password == found.hashed_password
    assert "m=8," in found.hashed_password


async def test_a_better_hash_never_brings_an_old_password_back(
    lite_client: Client, lite_users: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Does a password that changes while an old hash is checked stay changed?"""
    user = await sign_up(lite_client)
    outdated = PasslibHasher(memory_kib=16, time_cost=1, parallelism=1).hash(PASSWORD)
    await set_columns(lite_users, user, hashed_password=outdated)
    verify = auth.passwords.verify

    async def slowly(password: str, hashed: str | None) -> tuple[bool, str | None]:
        answer = await verify(password, hashed)
        await set_columns(lite_users, user, hashed_password="changed")
        return answer

    monkeypatch.setattr(auth.passwords, "verify", slowly)
    async with lite_users.session() as session:
        await users_of(session).authenticate(ANN, PASSWORD)
    assert (await user_row(lite_users)).hashed_password == "changed"


async def test_scripts_change_passwords(lite_client: Client, lite_users: Database) -> None:
    """Does a script need no current password, while the policy holds and all logins end?"""
    user = await sign_up(lite_client)
    pair = await log_in(lite_client)
    for weak in ("password1", ANN, "Somebody"):
        with pytest.raises(WeakPassword):
            async with lite_users.session() as session:
                await users_of(session).update(UUID(user["id"]), schemas.update(password=weak))
    assert await logs_in(lite_client, PASSWORD)
    async with lite_users.session() as session:
        change = schemas.update(password=OTHER_PASSWORD)
        assert await users_of(session).update(UUID(user["id"]), change) is not None
        assert await users_of(session).update(UUID(int=0), change) is None
    assert (await lite_client.get("/auth/me", headers=bearer(pair))).status_code == 401
    assert not await logs_in(lite_client, PASSWORD)
    assert await logs_in(lite_client, OTHER_PASSWORD)


@pytest.mark.parametrize("actor", ["ann", {"sub": "ann"}, None], ids=["text", "claims", "nobody"])
async def test_callers_who_are_no_users_prove_themselves(
    lite_client: Client, lite_users: Database, actor: Any
) -> None:
    """Is the current password asked for where the `actor` of a router does not tell who calls?"""
    user = await sign_up(lite_client)

    async def change(**more: str) -> None:
        async with lite_users.session() as session:
            service = users_of(session)
            service.actor = actor
            await service.update(UUID(user["id"]), schemas.update(password=OTHER_PASSWORD, **more))

    with pytest.raises(InvalidCurrentPassword):
        await change()
    with pytest.raises(InvalidCurrentPassword):
        await change(current_password="wrong")
    await change(current_password=PASSWORD)
    assert await logs_in(lite_client, OTHER_PASSWORD)


async def test_wrong_current_passwords_wait_whoever_calls(
    lite_client: Client, lite_users: Database
) -> None:
    """Does the service itself let the sixth wrong password wait?"""
    user = await sign_up(lite_client)

    async def guess() -> None:
        async with lite_users.session() as session:
            service = users_of(session)
            service.actor = await service.get_by_email(ANN)
            change = schemas.update(email=BOB, current_password="wrong")
            await service.update(UUID(user["id"]), change)

    for refusal in [InvalidCurrentPassword] * 5 + [TooManyAttempts]:
        with pytest.raises(refusal):
            await guess()


# Who may do what


async def test_users_are_seen_by_users(lite_client: Client) -> None:
    """Do only users see users, and can anybody become one?"""
    user = await sign_up(lite_client)
    path = f"/users/{user['id']}"
    for method, where in (
        ("GET", "/users"), ("GET", path), ("PATCH", path), ("PUT", path), ("DELETE", path),
    ):  # fmt: skip
        answer = await lite_client.request(method, where, json={**NEW, **NAMED})
        assert problem(answer) == (401, "unauthorized"), method
        assert answer.headers["www-authenticate"] == "Bearer"
    headers = bearer(await log_in(lite_client))
    assert (await lite_client.get(path, headers=headers)).json() == user
    listed = (await lite_client.get("/users", headers=headers)).json()
    assert listed == {"items": [user], "total": 1}


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
async def test_others_are_not_mine_to_change(ann: Client, method: str) -> None:
    """Is it 403 for a user that can be read, and is nothing changed?"""
    bob = (await ann.get("/users", params={"email": BOB})).json()["items"][0]
    body = {"email": BOB, "name": "Changed", "password": OTHER_PASSWORD}
    answer = await ann.request(method, f"/users/{bob['id']}", json=body)
    assert problem(answer) == (403, "forbidden")
    assert (await ann.get(f"/users/{bob['id']}")).json() == bob
    assert await logs_in(ann, PASSWORD, BOB)


async def test_i_can_leave(app_client: Client) -> None:
    """Does a user who deletes itself take its logins and keys along?"""
    user = await sign_up(app_client)
    await sign_up(app_client, BOB)
    pair = await log_in(app_client)
    key = await make_key(app_client, pair)
    assert (
        await app_client.delete(f"/users/{user['id']}", headers=bearer(pair))
    ).status_code == 204
    assert (await app_client.get("/auth/me", headers=bearer(pair))).status_code == 401
    assert (await app_client.get("/auth/me", headers=key)).status_code == 401
    assert (await app_client.post("/auth/refresh", json=rotating(pair))).status_code == 401
    assert not await logs_in(app_client, PASSWORD)
    assert await logs_in(app_client, PASSWORD, BOB)


SENSITIVE = [
    pytest.param({"email": "new@example.com"}, id="address"),
    pytest.param({"email": TWIN}, id="address with the same key"),
    pytest.param({"password": OTHER_PASSWORD}, id="password"),
    pytest.param({"email": "new@example.com", "password": OTHER_PASSWORD}, id="both"),
]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("change", SENSITIVE)
async def test_my_address_and_password_need_the_current_one(
    ann: Client, lite_users: Database, method: str, change: dict[str, str]
) -> None:
    """Is a change refused without the right password, and does it end the other logins with it?"""
    user = await me(ann)
    await set_columns(lite_users, user, email_verified_at=utc_now())
    other, path = await log_in(ann), f"/users/{user['id']}"
    body = {"email": ANN, "name": "Somebody", **change} if method == "PUT" else change
    for current in ({}, {"current_password": "wrong"}):
        answer = await ann.request(method, path, json={**body, **current})
        assert problem(answer) == (400, "invalid_current_password")
    assert (await ann.get("/auth/me", headers=bearer(other))).json()["email"] == ANN
    answer = await ann.request(method, path, json={**body, "current_password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["email"] == change.get("email", ANN)
    assert (answer.json()["email_verified_at"] is None) == ("email" in change)
    assert (await ann.get("/auth/me")).json() == answer.json()
    assert (await ann.get("/auth/me", headers=bearer(other))).status_code == 401
    assert (await ann.post("/auth/refresh", json=rotating(other))).status_code == 401
    assert await logs_in(ann, change.get("password", PASSWORD), answer.json()["email"])


HARMLESS = [
    pytest.param("PATCH", {"name": "New"}, id="name"),
    pytest.param("PATCH", {"email": ANN}, id="same address"),
    pytest.param("PATCH", {"email": "Ann@example.com"}, id="other case"),
    pytest.param("PATCH", {"current_password": "wrong"}, id="nothing to confirm"),
    pytest.param("PUT", {"email": ANN, "name": "New"}, id="replacement"),
]


@pytest.mark.parametrize(("method", "change"), HARMLESS)
async def test_other_changes_need_no_password(
    ann: Client, lite_users: Database, method: str, change: dict[str, str]
) -> None:
    """Do other changes leave logins, password and verification alone?"""
    user = await me(ann)
    await set_columns(lite_users, user, email_verified_at=utc_now())
    other = await log_in(ann)
    answer = await ann.request(method, f"/users/{user['id']}", json=change)
    assert answer.status_code == 200
    assert answer.json()["email_verified_at"] is not None
    assert (await ann.get("/auth/me", headers=bearer(other))).status_code == 200
    assert await logs_in(ann, PASSWORD)


async def test_what_was_read_can_be_sent_back(ann: Client) -> None:
    """Does a GET, and a PUT of what it gave, change nothing?"""
    user = await me(ann)
    answer = await ann.put(f"/users/{user['id']}", json=user)
    assert answer.status_code == 200
    assert {**answer.json(), "updated_at": user["updated_at"]} == user
    assert await logs_in(ann, PASSWORD)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"password": ANN}, (422, "weak_password"), id="weak password"),
        pytest.param({"password": "Somebody"}, (422, "weak_password"), id="own name"),
        pytest.param({"email": BOB}, (409, "unique_violation"), id="taken address"),
        pytest.param({"email": BOB.upper(), "password": OTHER_PASSWORD}, (409, "unique_violation"), id="both"),
    ],
)  # fmt: skip
async def test_a_change_that_fails_ends_no_login(
    app_client: Client, change: dict[str, str], expected: tuple[int, str]
) -> None:
    """Do the other logins go on where the password was right, and the change refused?"""
    user = await sign_up(app_client)
    await sign_up(app_client, BOB)
    this, other = await log_in(app_client), await log_in(app_client)
    body = {**change, "current_password": PASSWORD}
    answer = await app_client.patch(f"/users/{user['id']}", json=body, headers=bearer(this))
    assert problem(answer) == expected
    assert (await app_client.get("/auth/me", headers=bearer(other))).json() == user
    assert await logs_in(app_client, PASSWORD)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_superusers_change_others(app_client: Client, users: Database, method: str) -> None:
    """Does a superuser need no password of others, but its own for itself, and stay logged in?"""
    boss, user = await sign_up(app_client, BOB), await sign_up(app_client)
    await set_columns(users, boss, is_superuser=True)
    bosses, anns = await log_in(app_client, BOB), await log_in(app_client)
    body = {"email": "new@example.com", "name": "New", "password": OTHER_PASSWORD}
    path = f"/users/{user['id']}"
    answer = await app_client.request(method, path, json=body, headers=bearer(bosses))
    assert (answer.status_code, answer.json()["email"]) == (200, "new@example.com")
    assert (await app_client.get("/auth/me", headers=bearer(anns))).status_code == 401
    assert await logs_in(app_client, OTHER_PASSWORD, "new@example.com")
    own = f"/users/{boss['id']}"
    answer = await app_client.request(
        method, own, json={**body, "email": BOB}, headers=bearer(bosses)
    )
    assert problem(answer) == (400, "invalid_current_password")
    assert (await app_client.get("/auth/me", headers=bearer(bosses))).status_code == 200
    gone = await app_client.delete(path, headers=bearer(bosses))
    assert gone.status_code == 204


@pytest.mark.parametrize("way", ["limited login", "API key"])
async def test_limited_superusers_are_users(lite_users: Database, ann: Client, way: str) -> None:
    """Does a superuser change nobody by a token that is limited?"""
    await set_columns(lite_users, await me(ann), is_superuser=True)
    form = {"username": ANN, "password": PASSWORD, "scope": "users"}
    limited = bearer((await ann.post("/auth/login", data=form)).json())
    this = {"access_token": ann.headers["authorization"].split()[1]}
    headers = limited if way == "limited login" else await make_key(ann, this, "users")
    bob = (await ann.get("/users", params={"email": BOB})).json()["items"][0]
    path = f"/users/{bob['id']}"
    for method in ("PATCH", "DELETE"):
        answer = await ann.request(method, path, json={"name": "New"}, headers=headers)
        assert problem(answer) == (403, "insufficient_scope")
    assert (await ann.patch(path, json={"name": "New"})).status_code == 200


# Many at once, and questions


@pytest.fixture
async def all_of_them(lite_users: Database, serve: Serve) -> Client:
    """A client of an app with every operation on users; Ann is logged in."""
    client = serve(lite_users, app=everything())
    await sign_up(client)
    await sign_up(client, BOB)
    client.headers.update(bearer(await log_in(client)))
    return client


@cache
def everything() -> FastAPI:
    return app_of(everybody)


BATCHES = [
    pytest.param("batchCreate", {"items": [{**NEW, **NAMED, "email": "c@example.com"}]}, id="create"),
    pytest.param("batchUpdate", {"items": [{"id": "BOB", "name": "New"}]}, id="update"),
    pytest.param("batchUpdate", {"items": [{"id": "ANN", "name": "New"}]}, id="update myself"),
    pytest.param("batchDelete", {"ids": ["BOB"]}, id="delete"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "body"), BATCHES)
async def test_batches_are_for_superusers(
    lite_users: Database, all_of_them: Client, verb: str, body: Any
) -> None:
    """Is it 401 for nobody, 403 for users and keys, and done for superusers?"""
    client, user = all_of_them, await me(all_of_them)
    bob = (await client.get("/users", params={"email": BOB})).json()["items"][0]
    key = await make_key(client, {"access_token": client.headers["authorization"].split()[1]})
    text = str(body).replace("ANN", user["id"]).replace("BOB", bob["id"]).replace("'", '"')
    sent: Any = {"content": text, "headers": {"content-type": "application/json"}}
    answer = await client.post(f"/everybody:{verb}", **sent)
    assert problem(answer) == (403, "insufficient_scope")
    answer = await client.post(
        f"/everybody:{verb}", content=text, headers={**sent["headers"], **key}
    )
    assert problem(answer) == (403, "insufficient_scope")
    await set_columns(lite_users, user, is_superuser=True)
    answer = await client.post(f"/everybody:{verb}", **sent)
    assert answer.status_code in {200, 201, 204}, answer.text
    assert "argon2" not in answer.text
    del client.headers["authorization"]
    answer = await client.post(f"/everybody:{verb}", **sent)
    assert problem(answer) == (401, "unauthorized")


async def test_batches_know_the_rules(lite_users: Database, all_of_them: Client) -> None:
    """Are passwords hashed in batches, logins ended, and one's own password asked for?"""
    client, user = all_of_them, await me(all_of_them)
    await set_columns(lite_users, user, is_superuser=True)
    bob, bobs = (await client.get("/users", params={"email": BOB})).json()["items"][0], {}
    bobs = await log_in(client, BOB)
    made = await client.post(
        "/everybody:batchCreate", json={"items": [{**NEW, **NAMED, "email": "c@example.com"}]}
    )
    assert (made.status_code, await logs_in(client, PASSWORD, "c@example.com")) == (201, True)
    items = [{"id": bob["id"], "password": OTHER_PASSWORD}, {"id": user["id"], "email": "x@e.com"}]
    answer = await client.post("/everybody:batchUpdate", json={"items": items})
    assert problem(answer) == (400, "invalid_current_password")
    assert await logs_in(client, PASSWORD, BOB)
    assert (await client.get("/auth/me", headers=bearer(bobs))).status_code == 200
    items[1]["current_password"] = PASSWORD
    answer = await client.post("/everybody:batchUpdate", json={"items": items})
    assert answer.status_code == 200
    assert (await client.get("/auth/me", headers=bearer(bobs))).status_code == 401
    assert await logs_in(client, OTHER_PASSWORD, BOB)
    assert (await me(client))["email"] == "x@e.com"


POWERS = [
    ("hashed_password", "x"), ("email_key", BOB), ("seen_at", None), ("is_superuser", True),
    ("is_active", False), ("scopes", ["a"]), ("email_verified_at", "2026-01-01T00:00:00Z"),
    ("created_at", "2026-01-01T00:00:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), POWERS, ids=[name for name, _ in POWERS])
async def test_batches_give_no_power(
    lite_users: Database, all_of_them: Client, name: str, value: Any
) -> None:
    """Does nobody write what is hidden or read-only, by any operation, not even a superuser?"""
    client, user = all_of_them, await me(all_of_them)
    await set_columns(lite_users, user, is_superuser=True)
    before = await me(client)
    item = {**NEW, **NAMED, "email": "c@example.com", name: value}
    answer = await client.post("/everybody:batchCreate", json={"items": [item]})
    assert problem(answer) == (422, "validation_error")
    hidden = name in {"hashed_password", "email_key", "seen_at"}
    for method, path, body in (
        ("POST", "/everybody:batchUpdate", {"items": [{"id": user["id"], name: value}]}),
        ("PATCH", f"/everybody/{user['id']}", {name: value}),
        ("PUT", f"/everybody/{user['id']}", {"email": ANN, **NAMED, name: value}),
        ("PATCH", "/auth/me", {name: value}),
    ):
        answer = await client.request(method, path, json=body)
        assert answer.status_code == (422 if hidden else 200), path
    assert {**await me(client), "updated_at": before["updated_at"]} == before


SECRETS = ["hashed_password", "email_key", "seen_at", "password", "current_password"]


@pytest.mark.parametrize("name", SECRETS)
async def test_secrets_cannot_be_asked_for(all_of_them: Client, name: str) -> None:
    """Is there no filter, no order, no choice of fields and no search by what is hidden?"""
    client = all_of_them
    for query in (
        {name: "x"}, {f"{name}__ne": "x"}, {f"{name}__startswith": "$argon2"},
        {f"{name}__in": "x"}, {f"{name}__isnull": "true"}, {"sort": name}, {"sort": f"-{name}"},
        {"fields": name}, {"include": name},
    ):  # fmt: skip
        answer = await client.get("/everybody", params=query)
        assert answer.status_code == 422, query
        assert "argon2" not in answer.text
    for tree in ({name: "x"}, {"not": {f"{name}__startswith": "$"}}, {"or": [{name: "x"}]}):
        answer = await client.post("/everybody:search", json={"where": tree})
        assert answer.status_code == 422, tree
    answer = await client.post("/everybody:search", json={"sort": [name]})
    assert answer.status_code == 422


async def test_secrets_are_never_shown(all_of_them: Client) -> None:
    """Is no hash and no key of an address in any answer about users, whatever is asked for?"""
    client, user = all_of_them, await me(all_of_them)
    answers = [
        await client.get("/everybody"),
        await client.get("/everybody", headers={"Accept": "text/csv, */*;q=0.1"}),
        await client.get("/everybody", params={"search": "Some", "sort": "-email"}),
        await client.get("/everybody", params={"fields": "email,name"}),
        await client.get(f"/everybody/{user['id']}"),
        await client.post("/everybody:search", json={}),
        await client.patch(f"/everybody/{user['id']}", json={"name": "New"}),
        await client.put(f"/everybody/{user['id']}", json={"email": ANN, "name": "New"}),
    ]
    assert {it.status_code for it in answers} == {200}
    for answer in answers:
        assert not any(word in answer.text for word in ("argon2", *SECRETS))


async def test_users_are_shown_with_what_belongs_to_them(house: Database, serve: Serve) -> None:
    """Is a user who is included with a related row shown without secrets?"""
    words = make_crud_router(Word, include=["author"], filters={"*": ..., "author.email": ["eq"]})
    client = serve(house, words)
    async with house.session() as session:
        author = Member(email=ANN, hashed_password="$argon2id$secret")
        session.add(Word(author=author))
    answer = await client.get("/words", params={"include": "author", "author__email": ANN})
    (word,) = answer.json()["items"]
    assert word["author"]["email"] == ANN
    assert not {"hashed_password", "email_key", "password"} & word["author"].keys()
    secret = {"author__hashed_password__startswith": "$"}
    assert (await client.get("/words", params=secret)).status_code == 422


# Routers of the app's own


def teapot(x_tea: str | None = Header(None)) -> None:
    if x_tea is None:
        raise HTTPException(418)


@pytest.mark.parametrize(
    "dependencies",
    [
        pytest.param([Depends(teapot)], id="for all"),
        pytest.param({"list": [Depends(teapot)]}, id="for one"),
        pytest.param([], id="none"),
        pytest.param({}, id="none by operation"),
    ],
)
async def test_a_router_cannot_open_what_the_model_guards(
    lite_users: Database, serve: Serve, dependencies: Any
) -> None:
    """Do the guards of the model hold beside dependencies of one's own?"""
    guarded = make_crud_router(User, name="guarded", dependencies=dependencies)
    client = serve(lite_users, guarded, app=None)
    tea = {"x-tea": "1"}
    path = f"/guarded/{UUID(int=0)}"
    for method, where in (("GET", "/guarded"), ("GET", path), ("PATCH", path), ("DELETE", path)):
        answer = await client.request(method, where, json={}, headers=tea)
        assert problem(answer) == (401, "unauthorized"), method
    if "list" in dependencies or dependencies == [Depends(teapot)]:
        assert (await client.get("/guarded")).status_code in {401, 418}


async def test_hooks_need_not_know_of_passwords(house: Database, serve: Serve) -> None:
    """Do rules of the app run for every way in, and are passwords hashed all the same?"""
    client = serve(house, app=house_app(patrons, make_crud_router(Patron, name="patrons")))
    PatronService.seen.clear()
    registered = await client.post("/auth/register", json=NEW)
    posted = await client.post("/patrons", json={**NEW, "email": BOB})
    assert (registered.status_code, posted.status_code) == (201, 201)
    assert registered.json()["nickname"] == posted.json()["nickname"] == "new"
    written = "before create ['email', 'email_key', 'hashed_password']"
    assert [it.replace("'nickname', ", "") for it in PatronService.seen] == [written] * 2
    this, other = await log_in(client), await log_in(client)
    PatronService.seen.clear()
    change = {"password": OTHER_PASSWORD, "current_password": PASSWORD}
    path = f"/patrons/{registered.json()['id']}"
    assert (await client.patch(path, json=change, headers=bearer(this))).status_code == 200
    assert PatronService.seen == ["before update ['hashed_password']", "after update"]
    assert (await client.get("/auth/me", headers=bearer(other))).status_code == 401
    PatronService.seen.clear()
    back = {"current_password": OTHER_PASSWORD, "new_password": PASSWORD}
    answer = await client.post("/auth/change-password", json=back, headers=bearer(this))
    assert (answer.status_code, len(PatronService.seen)) == (204, 2)
    assert await logs_in(client, PASSWORD)


async def test_nobody_learns_who_has_an_account(house: Database, serve: Serve) -> None:
    """With `hide_existing`: is `POST /guests` for superusers, so that it does not tell?"""
    client = serve(house, app=house_app(guests, make_crud_router(Guest, name="guests")))
    assert (await client.post("/auth/register", json=NEW)).status_code == 202
    assert (await client.post("/auth/register", json=NEW)).status_code == 202
    answer = await client.post("/guests", json=NEW)
    assert problem(answer) == (401, "unauthorized")
    headers = bearer(await log_in(client))
    answer = await client.post("/guests", json=NEW, headers=headers)
    assert problem(answer) == (403, "insufficient_scope")
    async with house.session() as session:
        await session.execute(sa.update(Guest).values(is_superuser=True))
    answer = await client.post("/guests", json={**NEW, "email": BOB}, headers=headers)
    assert answer.status_code == 201


async def test_a_house_can_be_closed(house: Database, serve: Serve) -> None:
    """With `registration=False`: do superusers alone open accounts, and by the users router?"""
    client = serve(house, app=house_app(staff, make_crud_router(Staff, name="staff")))
    assert (await client.post("/auth/register", json=NEW)).status_code == 404
    assert problem(await client.post("/staff", json=NEW)) == (401, "unauthorized")
    async with house.session() as session:
        service = UserService[Staff, BaseModel, BaseModel](session)
        await service.create(make_schemas(Staff).create(**NEW))
    headers = bearer(await log_in(client))
    answer = await client.post("/staff", json={**NEW, "email": BOB}, headers=headers)
    assert problem(answer) == (403, "insufficient_scope")
    async with house.session() as session:
        await session.execute(sa.update(Staff).values(is_superuser=True))
    answer = await client.post("/staff", json={**NEW, "email": BOB}, headers=headers)
    assert answer.status_code == 201
    assert await logs_in(client, PASSWORD, BOB)


# Soft deletion and upserts


@pytest.fixture
async def club(house: Database, serve: Serve) -> Client:
    """A client of an app whose members are deleted softly, and can be upserted by number."""
    return serve(house, app=club_app())


@cache
def club_app() -> FastAPI:
    operations: Any = [*OPERATIONS]
    return house_app(members, make_crud_router(Member, name="members", operations=operations))


async def test_a_deleted_user_is_out(club: Client, house: Database) -> None:
    """Does an account that is only marked as deleted open nothing, until it is restored?"""
    user = (await club.post("/auth/register", json=NEW)).json()
    boss = await club.post("/auth/register", json={**NEW, "email": BOB})
    async with house.session() as session:
        await session.execute(sa.update(Member).values(is_superuser=Member.email == BOB))
    assert boss.status_code == 201
    pair, bosses = await log_in(club), bearer(await log_in(club, BOB))
    path = f"/members/{user['id']}"
    assert (await club.delete(path, headers=bearer(pair))).status_code == 204
    assert (await club.get("/auth/me", headers=bearer(pair))).status_code == 401
    assert (await club.post("/auth/refresh", json=rotating(pair))).status_code == 401
    assert not await logs_in(club, PASSWORD)
    async with house.session() as session:
        service = UserService[Member, BaseModel, BaseModel](session)
        assert await service.authenticate(ANN, PASSWORD) is None
    again = await club.post("/auth/register", json=NEW)
    assert problem(again) == (409, "email_taken")
    assert problem(await club.post(f"{path}:restore")) == (401, "unauthorized")
    assert (await club.post(f"{path}:restore", headers=bosses)).status_code == 200
    assert await logs_in(club, PASSWORD)
    assert problem(await club.post(f"{path}:purge")) == (401, "unauthorized")
    assert (await club.post(f"{path}:purge", headers=bosses)).status_code == 204


async def test_an_upsert_knows_the_rules(club: Client, house: Database) -> None:
    """Are passwords hashed, keys of addresses kept right and logins ended, and is it guarded?"""
    boss = await club.post("/auth/register", json={**NEW, "email": BOB, "number": 1})
    headers = bearer(await log_in(club, BOB))
    item = {"email": ANN, "password": PASSWORD, "number": 7}
    body: dict[str, Any] = {"items": [item], "on_conflict": ["number"]}
    assert problem(await club.post("/members:upsert", json=body)) == (401, "unauthorized")
    refused = await club.post("/members:upsert", json=body, headers=headers)
    assert (boss.status_code, problem(refused)) == (201, (403, "insufficient_scope"))
    async with house.session() as session:
        await session.execute(sa.update(Member).values(is_superuser=True))
    assert (await club.post("/members:upsert", json=body, headers=headers)).status_code == 200
    pair = await log_in(club)
    moved = {**item, "email": "new@example.com", "password": OTHER_PASSWORD}
    for mode, status in (("ignore", 200), ("merge", 401)):
        body = {"items": [moved], "on_conflict": ["number"], "mode": mode}
        answer = await club.post("/members:upsert", json=body, headers=headers)
        assert answer.status_code == 200
        assert "argon2" not in answer.text
        assert (await club.get("/auth/me", headers=bearer(pair))).status_code == status
    assert await logs_in(club, OTHER_PASSWORD, "new@example.com")
    assert not await logs_in(club, OTHER_PASSWORD, ANN)
    assert (await club.post("/auth/register", json=NEW)).status_code == 201


async def test_a_developers_null_is_refused(lite_users: Database, serve: Serve) -> None:
    """Is a null that a schema of one's own lets through a 422, and no crash?"""

    class Loose(BaseModel):
        email: str | None = None

    router = make_crud_router(User, name="loose", update_schema=Loose)
    app = app_of(router)
    client = serve(lite_users, app=app)
    user = await sign_up(client)
    headers = bearer(await log_in(client))
    answer = await client.patch(f"/loose/{user['id']}", json={"email": None}, headers=headers)
    assert problem(answer) == (422, "not_null_violation")


async def test_news_go_to_the_address_that_was(lite: Database, serve: Serve) -> None:
    """Does whoever had the address learn by mail that it, or the password, was changed?"""
    client = serve(lite, app=app_of())
    user = await sign_up(client)
    headers = bearer(await log_in(client))
    for change, kind in (
        ({"password": "a new battery"}, "password_changed"),
        ({"email": BOB}, "email_changed"),
    ):
        known = {"current_password": PASSWORD if "password" in change else "a new battery"}
        body = {**change, **known}
        answer = await client.patch(f"/users/{user['id']}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert [(it.kind, it.email, it.token) for it in mailbox.notices] == [(kind, ANN, None)]
        mailbox.notices.clear()
    await client.patch(f"/users/{user['id']}", json={"name": "Other"}, headers=headers)
    assert mailbox.notices == []


@pytest.mark.parametrize("kind", ["key", "limited"])
async def test_only_whole_logins_change_users(lite: Database, serve: Serve, kind: str) -> None:
    """Is it 403 for an API key, and for a login that is limited, to change or delete its user?"""
    client = serve(lite, app=app_of())
    user = await sign_up(client)
    if kind == "key":
        whole = bearer(await log_in(client))
        made = await client.post("/auth/api-keys", json={"name": "k"}, headers=whole)
        headers = {"Authorization": f"Bearer {made.json()['key']}"}
    else:
        form = {"username": ANN, "password": PASSWORD, "scope": "x"}
        headers = bearer((await client.post("/auth/login", data=form)).json())
    path = f"/users/{user['id']}"
    for method, body in (("PATCH", {"name": "Other"}), ("PUT", user), ("DELETE", None)):
        answer = await client.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert (await client.get(path, headers=headers)).json() == user

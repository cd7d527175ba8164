"""Users, posts and a cheap hash for the tests of auth."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, UTCDateTime, make_crud_router
from fastapi_crud.auth import (
    Auth,
    AuthEvent,
    AuthSettings,
    Notice,
    UserMixin,
    make_auth_router,
    throttle,
)
from fastapi_crud.models import NAMING_CONVENTION, utc_now
from tests.conftest import Client

KEY = "0123456789abcdefGHIJKLMNOPQRSTUV"
SETTINGS = AuthSettings(
    secret_key=KEY, password_memory_kib=8, password_time_cost=1, password_parallelism=1
)
PASSWORD = "correct horse battery"
ANN, BOB = "ann@example.com", "bob@example.com"


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class User(UserMixin, Base):
    __tablename__ = "auth_users"

    name: Mapped[str] = mapped_column(sa.String(100), info={"min_length": 2})
    seen_at: Mapped[Any] = mapped_column(UTCDateTime, nullable=True, info={"hidden": True})


class Post(Base):
    __tablename__ = "auth_posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(50))
    author_id: Mapped[UUID] = mapped_column(sa.ForeignKey(User.id, ondelete="CASCADE"))


class Mailbox:
    """Collects mails in place of sending them."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    async def __call__(self, notice: Notice) -> None:
        self.notices.append(notice)

    def token(self, kind: str) -> str:
        """The token of the last mail of a kind."""
        return next(it.token for it in reversed(self.notices) if it.kind == kind and it.token)


mailbox = Mailbox()
auth = Auth(User, settings=SETTINGS, notifier=mailbox, api_keys=True)
"""The default auth of the users: what `make_crud_router(User)` goes by."""


def app_of(*routers: Any, own: Auth[Any] = auth) -> FastAPI:
    """An app with users, their auth, and more routers."""
    app = FastAPI()
    app.include_router(make_auth_router(own), prefix="/auth")
    app.include_router(make_crud_router(User, name="users"))
    for router in routers:
        app.include_router(router)
    return app


async def sign_up(client: Client, email: str = ANN, **more: Any) -> dict[str, Any]:
    """Open an account; what was answered."""
    body = {"email": email, "name": "Somebody", "password": PASSWORD, **more}
    answer = await client.post("/users", json=body)
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json()
    return user


async def log_in(client: Client, email: str = ANN, password: str = PASSWORD) -> dict[str, str]:
    """Log in; the pair of tokens."""
    answer = await client.post("/auth/login", data={"username": email, "password": password})
    assert answer.status_code == 200, answer.text
    pair: dict[str, str] = answer.json()
    return pair


def bearer(pair: dict[str, str]) -> dict[str, str]:
    """The headers of a request with an access token."""
    return {"Authorization": f"Bearer {pair['access_token']}"}


async def emptied(database: Database) -> Database:
    """The database, with all tables of these models empty."""
    async with database.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())
    mailbox.notices.clear()
    return database


async def set_columns(database: Database, user: dict[str, Any], **values: Any) -> None:
    """Set columns of a user behind the back of the API."""
    async with database.session() as session:
        same = User.id == UUID(user["id"])
        await session.execute(sa.update(User).where(same).values(values))


async def stored_user(database: Database, email: str = ANN, **values: Any) -> User:
    """A user who is there without a request; nobody knows the password."""
    async with database.session() as session:
        user = User(email=email, name="Somebody", hashed_password="!", **values)
        session.add(user)
    return user


def slow_down(patch: pytest.MonkeyPatch) -> None:
    """Let waits last, however slow the machine is: a second of a throttle takes a hundred."""
    began = utc_now()

    def slowly() -> datetime:
        return began + (utc_now() - began) / 100

    patch.setattr(throttle, "utc_now", slowly)


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Move it: `move(days=1)`."""
        self.now += timedelta(**by)


def stopped_clock(monkeypatch: pytest.MonkeyPatch, *rooms: str) -> Clock:
    """A clock that some modules of auth look at in place of their own."""
    clock = Clock()
    for room in rooms:
        monkeypatch.setattr(f"fastapi_crud.auth.{room}.utc_now", clock)
    return clock


def auth_with(**changes: Any) -> Auth[User]:
    """Another auth of the same users: with settings of its own, and whatever `Auth` takes."""
    own = {name: changes.pop(name) for name in [*changes] if name in AuthSettings.model_fields}
    options: dict[str, Any] = {"notifier": mailbox, "api_keys": True, **changes}
    return Auth(User, settings=SETTINGS.model_copy(update=own), **options)


@cache
def app_with(**changes: Any) -> FastAPI:
    """An app with users and an auth that is other than the usual one; made once, as it takes long."""
    return app_of(own=auth_with(**changes) if changes else auth)


heard: list[AuthEvent] = []
"""What apps have told that were made with `on_event=hear`."""
hear = heard.append


def problem(answer: Response) -> tuple[int, str]:
    """The status and the code of a problem, which is written as one."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert body["status"] == body["status_code"] == answer.status_code
    return answer.status_code, body["code"]


def rotating(pair: dict[str, str]) -> dict[str, str]:
    """The body of a request with a refresh token."""
    return {"refresh_token": pair["refresh_token"]}


async def make_key(client: Client, pair: dict[str, str], *scopes: str) -> dict[str, str]:
    """Make an API key; the headers of a request with it."""
    body = {"name": "key", "scopes": [*scopes]}
    answer = await client.post("/auth/api-keys", json=body, headers=bearer(pair))
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['key']}"}


async def user_row(database: Database, email: str = ANN) -> User:
    """A user as it is stored."""
    async with database.session() as session:
        found = await session.scalars(sa.select(User).where(User.email == email))
        return found.one()

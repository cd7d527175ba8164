"""Fixtures for pytest: an app, its database, clients and users, for each test anew."""

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from secrets import token_urlsafe
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI

from fastapi_crud.database import STATE_KEY, AsyncSession, Database, databases
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.tasks.emails import use_mailer
from fastapi_crud.tasks.mailers import EmailMessage, MemoryMailer
from fastapi_crud.tasks.relay import Relay
from fastapi_crud.testing.accounts import Accounts
from fastapi_crud.testing.apps import client_of, find_app, running
from fastapi_crud.testing.databases import Stores
from fastapi_crud.testing.jobs import Outbox, eager_celery

CHEAP = {"AUTH_PASSWORD_MEMORY_KIB": "32", "AUTH_PASSWORD_TIME_COST": "1"}
"""What makes hashes of passwords cheap."""


@pytest.fixture(scope="session")
def app(request: pytest.FixtureRequest) -> FastAPI:
    """The app: what a `conftest.py` calls `app`. Override it to give another."""
    return find_app(request.config.pluginmanager.get_plugins())


@pytest.fixture(scope="session")
def crud_environment() -> Generator[None]:
    """A key to sign tokens with, and cheap hashes, where the environment names none."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SECRET_KEY": token_urlsafe(32), **CHEAP}.items():
            patch.setenv(name, os.environ.get(name, value))
        patch.setattr(Relay, "lifespan", _no_relay)
        yield


@pytest.fixture(scope="session")
def crud_stores(crud_environment: None) -> Generator[Stores]:
    """The databases of this session."""
    stores = Stores.from_environment()
    yield stores
    stores.drop()


@pytest_asyncio.fixture
async def crud_state(app: FastAPI, crud_stores: Stores) -> AsyncGenerator[dict[str, Any]]:
    """What the lifespan of the app left, which runs for this test; relays do not: see `outbox`."""
    await crud_stores.adopt(app, databases)
    async with crud_stores.test(), running(app) as state:
        yield state


@pytest.fixture
def database(app: FastAPI, crud_state: dict[str, Any]) -> Database:
    """The app's database: empty, and whatever is committed to it is undone after the test.

    That holds for all databases of the app; this is the one that its lifespan opens.
    """
    opened: Database | None = getattr(app.state, STATE_KEY, None)
    if opened is None:
        msg = "the app opens no database: FastAPI(lifespan=db.lifespan)"
        raise ConfigurationError(msg)
    return opened


@pytest_asyncio.fixture
async def db(database: Database) -> AsyncGenerator[AsyncSession]:
    """A session on the database, to look and to prepare: commit what the app shall see."""
    async with database.sessionmaker() as session:
        yield session


@pytest_asyncio.fixture
async def client(app: FastAPI, crud_state: dict[str, Any]) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of the app. What an endpoint raises and nobody catches, the client raises."""
    async with client_of(app, crud_state) as client:
        yield client


@pytest.fixture
def make_user(database: Database) -> Accounts:
    """Makes users, and lets them log in; see `Accounts`."""
    return Accounts(database)


@pytest_asyncio.fixture
async def user(make_user: Accounts) -> Any:  # noqa: ANN401 - a user of the app's
    """A user. The password is `password123`."""
    return await make_user()


@pytest_asyncio.fixture
async def auth_headers(make_user: Accounts, user: Any) -> dict[str, str]:  # noqa: ANN401
    """The headers with which `user` calls."""
    return await make_user.log_in(user)


@pytest.fixture
def mails() -> Generator[list[EmailMessage]]:
    """The mails that were sent in this test; none leaves the process."""
    mailer = MemoryMailer()
    use_mailer(mailer)
    yield mailer.messages
    use_mailer(None)


@pytest.fixture
def outbox(database: Database, mails: list[EmailMessage]) -> Outbox:
    """The jobs that were asked for: `await outbox.run()` runs them, and nothing else does."""
    return Outbox(database)


@pytest.fixture
def celery_eager() -> Generator[Any]:
    """The app of Celery, whose `delay` runs a task at once: within the call, and with its errors."""
    yield from eager_celery()


@asynccontextmanager
async def _no_relay(relay: Relay, app: Any = None) -> AsyncGenerator[None]:  # noqa: ANN401
    """Stand in for a relay beside the app, which would run jobs at any moment."""
    del relay, app
    yield

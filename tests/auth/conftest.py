"""The tables of auth on each database, and apps that use them."""

from collections.abc import AsyncIterator

import pytest

from fastapi_crud import Database
from tests.auth import world
from tests.conftest import Client, Serve, tables_of


@pytest.fixture(autouse=True)
def waits_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A throttle whose waits outlast each test."""
    world.slow_down(monkeypatch)


@pytest.fixture(scope="module")
async def auth_database(database: Database) -> AsyncIterator[Database]:
    """The tables of users, posts and auth, on each backend."""
    async with tables_of(database, world.Base.metadata) as own:
        yield own


@pytest.fixture
async def users(auth_database: Database) -> Database:
    """The database, with those tables empty."""
    return await world.emptied(auth_database)


@pytest.fixture
def client(users: Database, serve: Serve) -> Client:
    """A client of an app with users and their auth, on each backend."""
    return serve(users, app=world.app_of())


@pytest.fixture
async def lite(tmp_path: object) -> AsyncIterator[Database]:
    """A SQLite database of this test alone, for what is the same on every backend."""
    database = Database(f"sqlite:///{tmp_path}/auth.db", metadata=world.Base.metadata)
    await database.create_all()
    world.mailbox.notices.clear()
    yield database
    await database.engine.dispose()


@pytest.fixture
def app_client(users: Database, serve: Serve) -> Client:
    """As `client`, but its app is made once for all tests."""
    return serve(users, app=world.app_with())


@pytest.fixture(scope="session")
async def lite_file(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """A SQLite database for many tests."""
    folder = tmp_path_factory.mktemp("auth")
    database = Database(f"sqlite:///{folder}/auth.db", metadata=world.Base.metadata)
    await database.create_all()
    yield database
    await database.engine.dispose()


@pytest.fixture
async def lite_users(lite_file: Database) -> Database:
    """That database, with all tables empty."""
    world.heard.clear()
    return await world.emptied(lite_file)


@pytest.fixture
def lite_client(lite_users: Database, serve: Serve) -> Client:
    """A client of an app with users and their auth, on SQLite; both are made once."""
    return serve(lite_users, app=world.app_with())

"""The tables of auth on each database, and apps that use them."""

from collections.abc import AsyncIterator

import pytest

from fastapi_crud import Database
from tests.auth import world
from tests.conftest import Client, Serve, tables_of


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

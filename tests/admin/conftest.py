"""Visitors of an admin UI, each with a database of its own."""

from collections.abc import AsyncIterator

import pytest

from fastapi_crud import Database
from tests.admin import world
from tests.conftest import Client


@pytest.fixture
async def shop() -> AsyncIterator[Database]:
    """A database in memory, with a superuser and somebody else."""
    database = Database("sqlite://", metadata=world.Base.metadata)
    await database.create_all()
    await world.open_accounts(database)
    world.told.clear()
    yield database
    await database.engine.dispose()


@pytest.fixture
async def guest(shop: Database) -> AsyncIterator[Client]:
    """Somebody who has not logged in."""
    async with world.visitor(world.app_of(shop)) as client:
        yield client


@pytest.fixture
async def admin(guest: Client) -> Client:
    """A superuser who has logged in."""
    assert (await world.enter(guest)).status_code == 302
    return guest

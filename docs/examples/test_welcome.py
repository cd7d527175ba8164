"""Tests of the mails: each has a database of its own, in memory."""

# --8<-- [start:fixtures]
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from welcome_mail import app

from fastapi_crud import Base, Database, get_db
from fastapi_crud.tasks import MemoryMailer, Relay, use_mailer


@pytest.fixture
def mailer() -> Iterator[MemoryMailer]:
    mailer = MemoryMailer()
    use_mailer(mailer)
    yield mailer
    use_mailer(None)


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    database = Database("sqlite://", metadata=Base.metadata)
    await database.create_all()
    yield database
    await database.engine.dispose()


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    async def override_get_db() -> AsyncIterator[AsyncSession]:
        async with database.session() as session:
            yield session

    app.dependency_overrides[get_db] = override_get_db
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    app.dependency_overrides.clear()


# --8<-- [end:fixtures]
# --8<-- [start:tests]
async def test_a_new_user_gets_a_mail(
    client: httpx2.AsyncClient, database: Database, mailer: MemoryMailer
) -> None:
    body = {"email": "ann@example.com", "name": "Ann"}
    assert (await client.post("/api/v1/users", json=body)).status_code == 201
    assert mailer.messages == []
    await Relay(database).drain()
    assert [message.to for message in mailer.messages] == ["ann@example.com"]


async def test_who_is_refused_gets_no_mail(
    client: httpx2.AsyncClient, database: Database, mailer: MemoryMailer
) -> None:
    body = {"email": "ann@example.com", "name": "Ann"}
    await client.post("/api/v1/users", json=body)
    assert (await client.post("/api/v1/users", json=body)).status_code == 409
    await Relay(database).drain()
    assert len(mailer.messages) == 1


# --8<-- [end:tests]

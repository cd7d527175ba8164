"""Tests of the notes: each has a database of its own, in memory."""

# --8<-- [start:imports]
from collections.abc import AsyncIterator

import httpx2
import pytest
from quickstart import app
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Base, Database, get_db

# --8<-- [end:imports]


# --8<-- [start:fixture]
@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    database = Database("sqlite://", metadata=Base.metadata)
    await database.create_all()

    async def override_get_db() -> AsyncIterator[AsyncSession]:
        async with database.session() as session:
            yield session

    app.dependency_overrides[get_db] = override_get_db
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    app.dependency_overrides.clear()
    await database.engine.dispose()


# --8<-- [end:fixture]
# --8<-- [start:tests]
async def test_a_new_note_is_not_done(client: httpx2.AsyncClient) -> None:
    response = await client.post("/api/v1/notes", json={"title": "Buy milk"})
    assert response.status_code == 201
    assert response.json()["done"] is False


async def test_a_missing_note_is_404(client: httpx2.AsyncClient) -> None:
    response = await client.get("/api/v1/notes/1")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


# --8<-- [end:tests]

"""Tests of the users: each has a database of its own, in memory."""

# --8<-- [start:fixtures]
import secrets
from collections.abc import AsyncIterator

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Base, Database, get_db

from .main import app

USER = {"email": "test@example.com", "name": "Test User", "password": "password123"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", secrets.token_urlsafe(32))
    monkeypatch.setenv("AUTH_PASSWORD_MEMORY_KIB", "32")  # for fast tests; never in production
    monkeypatch.setenv("AUTH_PASSWORD_TIME_COST", "1")


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


@pytest.fixture
async def auth_headers(client: httpx2.AsyncClient) -> dict[str, str]:
    await client.post("/api/v1/users/", json=USER)
    form = {"username": USER["email"], "password": USER["password"]}
    tokens = (await client.post("/api/v1/auth/login", data=form)).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


# --8<-- [end:fixtures]
# --8<-- [start:tests]
async def test_create_user(client: httpx2.AsyncClient) -> None:
    response = await client.post("/api/v1/users/", json=USER)
    assert response.status_code == 201
    data = response.json()
    assert data["email"] == "test@example.com"
    assert data["name"] == "Test User"
    assert "id" in data


async def test_get_user_not_found(client: httpx2.AsyncClient, auth_headers: dict[str, str]) -> None:
    response = await client.get("/api/v1/users/nonexistent-id", headers=auth_headers)
    assert response.status_code == 404


async def test_the_current_user_is_greeted(
    client: httpx2.AsyncClient, auth_headers: dict[str, str]
) -> None:
    assert (await client.get("/api/v1/greeting")).status_code == 401
    response = await client.get("/api/v1/greeting", headers=auth_headers)
    assert response.json() == {"message": "Hello Test User!"}


# --8<-- [end:tests]

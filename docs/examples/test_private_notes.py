"""Tests of the notes of users: each has a database of its own, in memory."""

# --8<-- [start:fixtures]
import secrets
from collections.abc import AsyncIterator

import httpx2
import pytest
from private_notes import app
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Base, Database, get_db

NOTES = "/api/v1/notes"


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


# --8<-- [end:fixtures]
# --8<-- [start:login]
async def log_in(client: httpx2.AsyncClient, name: str) -> dict[str, str]:
    """Open an account and log in; the headers of what this person asks."""
    login = {"email": f"{name}@example.com", "password": "correct horse battery"}
    await client.post("/api/v1/auth/register", json={**login, "name": name})
    tokens = (await client.post("/api/v1/auth/login", json=login)).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


# --8<-- [end:login]
# --8<-- [start:tests]
async def test_strangers_are_turned_away(client: httpx2.AsyncClient) -> None:
    for method, path in (("GET", NOTES), ("POST", NOTES), ("DELETE", f"{NOTES}/1")):
        response = await client.request(method, path)
        assert response.status_code == 401, method


async def test_notes_of_others_do_not_exist(client: httpx2.AsyncClient) -> None:
    ann, bob = await log_in(client, "ann"), await log_in(client, "bob")
    created = await client.post(NOTES, json={"title": "Mine"}, headers=ann)
    assert created.status_code == 201
    path = f"{NOTES}/{created.json()['id']}"

    assert (await client.get(NOTES, headers=bob)).json()["total"] == 0
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        body = {"title": "Bob's"} if method.startswith("P") else None
        response = await client.request(method, path, json=body, headers=bob)
        assert response.status_code == 404, method
    assert (await client.get(path, headers=ann)).json()["title"] == "Mine"


# --8<-- [end:tests]

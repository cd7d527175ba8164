"""The users' backend: what its clients and its tests have always asked of it."""

import json
from collections.abc import AsyncIterator
from types import ModuleType
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from fastapi_crud import get_db
from tests.conftest import Client, client_of
from tests.docs.conftest import Load

USER = {"email": "test@example.com", "name": "Test User", "password": "password123"}


@pytest.fixture(scope="session")
def users(load: Load) -> ModuleType:
    """The app."""
    return load("users_app.main")


@pytest.fixture
async def db(users: ModuleType) -> AsyncIterator[AsyncSession]:
    """A session on an empty database in memory."""
    metadata = users.Base.metadata
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")
    testing_session_local = async_sessionmaker(engine, expire_on_commit=False)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with testing_session_local() as session:
        yield session
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
    await engine.dispose()


@pytest.fixture
async def client(users: ModuleType, db: AsyncSession) -> AsyncIterator[Client]:
    """A client of the app, whose session is the test's."""

    async def override_get_db() -> AsyncIterator[AsyncSession]:
        yield db

    users.app.dependency_overrides[get_db] = override_get_db
    async with client_of(users.app) as client:
        yield client
    users.app.dependency_overrides.clear()


@pytest.fixture
def auth_headers(users: ModuleType) -> dict[str, str]:
    """The headers of a user who is signed in."""
    return {"Authorization": f"Bearer {users.settings.demo_token}"}


async def test_create_user(client: Client) -> None:
    """Is a user created without a token, and answered without a password?"""
    response = await client.post("/api/v1/users/", json=USER)
    assert response.status_code == 201
    data = response.json()
    assert data.keys() == {"id", "email", "name", "created_at", "updated_at"}
    assert (data["email"], data["name"]) == ("test@example.com", "Test User")
    assert str(UUID(data["id"])) == data["id"]
    assert "password" not in response.text


async def test_the_password_is_stored_as_a_hash(
    client: Client, db: AsyncSession, users: ModuleType
) -> None:
    """Does the service replace the password by a salted hash?"""
    for email in ("a@example.com", "b@example.com"):
        await client.post("/api/v1/users/", json={**USER, "email": email})
    service = users.UserService(db)
    first, second = (await service.get_multi())[0]
    assert first.hashed_password.startswith("scrypt$")
    assert first.hashed_password != second.hashed_password
    assert (await service.get_by_email("b@example.com")) in {first, second}


async def test_get_user_not_found(client: Client, auth_headers: dict[str, str]) -> None:
    """Is an id that cannot exist simply not found, in the known error format?"""
    response = await client.get("/api/v1/users/nonexistent-id", headers=auth_headers)
    assert response.status_code == 404
    assert response.json()["detail"] == "User 'nonexistent-id' not found"
    assert response.json()["status_code"] == 404


async def test_list_users(client: Client, auth_headers: dict[str, str]) -> None:
    """Is the list `{"items", "total"}`, by `skip` and `limit`?"""
    for number in range(3):
        await client.post("/api/v1/users/", json={**USER, "email": f"{number}@example.com"})
    page = {"skip": 1, "limit": 1}
    response = await client.get("/api/v1/users/", params=page, headers=auth_headers)
    assert response.status_code == 200
    assert response.json().keys() == {"items", "total"}
    assert [user["email"] for user in response.json()["items"]] == ["1@example.com"]
    assert response.json()["total"] == 3


async def test_update_user(client: Client, db: AsyncSession, auth_headers: dict[str, str]) -> None:
    """Does PATCH change what it names, the password included, and nothing else?"""
    path = (await client.post("/api/v1/users/", json=USER)).headers["location"]
    before = (await client.get(path, headers=auth_headers)).json()
    hashes = [await stored_hash(db)]
    for body in ({"name": "New Name"}, {"password": "another-one"}, {"password": None}):
        response = await client.patch(path, json=body, headers=auth_headers)
        assert response.status_code == 200
        hashes.append(await stored_hash(db))
    assert response.json() == {
        **before,
        "name": "New Name",
        "updated_at": response.json()["updated_at"],
    }
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]


async def test_replace_user(client: Client, db: AsyncSession, auth_headers: dict[str, str]) -> None:
    """Does PUT leave the password alone without one, and hold a new one to its rules?"""
    path = (await client.post("/api/v1/users/", json=USER)).headers["location"]
    before = await stored_hash(db)
    body = {"email": "new@example.com", "name": "New Name"}
    response = await client.put(path, json=body, headers=auth_headers)
    assert response.status_code == 200
    assert response.json()["email"] == "new@example.com"
    short = await client.put(path, json={**body, "password": "short"}, headers=auth_headers)
    assert short.status_code == 422
    assert await stored_hash(db) == before


async def test_delete_user(client: Client, auth_headers: dict[str, str]) -> None:
    """Is a deleted user gone?"""
    path = (await client.post("/api/v1/users/", json=USER)).headers["location"]
    assert (await client.delete(path, headers=auth_headers)).status_code == 204
    assert (await client.get(path, headers=auth_headers)).status_code == 404
    assert (await client.delete(path, headers=auth_headers)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/users/"),
        ("GET", "/api/v1/users/1"),
        ("PATCH", "/api/v1/users/1"),
        ("PUT", "/api/v1/users/1"),
        ("DELETE", "/api/v1/users/1"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}], ids=["no", "wrong"])
async def test_everything_else_needs_a_token(
    client: Client, method: str, path: str, headers: dict[str, str]
) -> None:
    """Is a caller without a valid token sent away, and told how to come back?"""
    response = await client.request(method, path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["detail"] == "Could not validate credentials"
    assert response.json()["status_code"] == 401


async def test_an_address_is_taken_once(client: Client, auth_headers: dict[str, str]) -> None:
    """Is a second user with the same e-mail a conflict that names the field?"""
    await client.post("/api/v1/users/", json=USER)
    response = await client.post("/api/v1/users/", json=USER)
    assert response.status_code == 409
    assert response.json()["code"] == "unique_violation"
    assert response.json()["errors"][0]["pointer"] == "#/email"
    assert (await client.get("/api/v1/users/", headers=auth_headers)).json()["total"] == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"email": "nobody"}, "#/email"),
        ({"name": "x"}, "#/name"),
        ({"name": "x" * 101}, "#/name"),
        ({"password": "short"}, "#/password"),
        ({"password": "\ud800" * 8}, "#/password"),
        ({"email": None}, "#/email"),
    ],
    ids=["email", "short name", "long name", "password", "surrogate", "null"],
)
async def test_a_bad_body_is_refused(
    client: Client, changes: dict[str, str | None], pointer: str
) -> None:
    """Is each broken rule a 422 that points to the field and does not repeat the value?"""
    body = json.dumps({**USER, **changes})
    headers = {"Content-Type": "application/json"}
    response = await client.post("/api/v1/users/", content=body, headers=headers)
    assert response.status_code == 422
    assert response.json()["status_code"] == 422
    assert [item["pointer"] for item in response.json()["errors"]] == [pointer]
    assert response.json()["detail"] == response.json()["errors"]
    assert "password123" not in response.text


async def test_browsers_may_call_it(client: Client) -> None:
    """Are the headers for browsers there?"""
    response = await client.post(
        "/api/v1/users/", json=USER, headers={"Origin": "https://example.com"}
    )
    assert response.headers["access-control-allow-origin"] == "*"


async def stored_hash(db: AsyncSession) -> str:
    """The hash of the only user, read past the app."""
    hashed: str = (await db.execute(sa.text("SELECT hashed_password FROM users"))).scalar_one()
    return hashed

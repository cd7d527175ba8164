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
from tests.docs.conftest import ENVIRONMENT, Load

API = "/api/v1"
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
async def client(
    users: ModuleType, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A client of the app, whose session is the test's."""

    async def override_get_db() -> AsyncIterator[AsyncSession]:
        yield db

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    users.app.dependency_overrides[get_db] = override_get_db
    async with client_of(users.app) as client:
        yield client
    users.app.dependency_overrides.clear()


@pytest.fixture
async def auth_headers(client: Client) -> dict[str, str]:
    """The headers of a user who has registered and logged in."""
    created = await client.post(f"{API}/users/", json=USER)
    assert created.status_code == 201
    return await log_in(client, USER["password"])


async def log_in(client: Client, password: str) -> dict[str, str]:
    """Log in by the form of OAuth2; the headers of what is asked then."""
    form = {"grant_type": "password", "username": USER["email"], "password": password}
    tokens = (await client.post(f"{API}/auth/login", data=form)).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_create_user(client: Client) -> None:
    """Is a user created without a token, and answered without a password?"""
    response = await client.post("/api/v1/users/", json=USER)
    assert response.status_code == 201
    data = response.json()
    assert data["email"] == "test@example.com"
    assert data["name"] == "Test User"
    assert str(UUID(data["id"])) == data["id"]
    assert data.keys() >= {"created_at", "updated_at"}
    assert "password" not in response.text


async def test_register_is_the_same(client: Client) -> None:
    """Does the endpoint of auth answer as POST of users does?"""
    first = await client.post(f"{API}/users/", json=USER)
    second = await client.post(f"{API}/auth/register", json={**USER, "email": "b@example.com"})
    assert (second.status_code, second.json().keys()) == (201, first.json().keys())


async def test_get_user_not_found(client: Client, auth_headers: dict[str, str]) -> None:
    """Is an id that cannot exist simply not found, in the known error format?"""
    response = await client.get("/api/v1/users/nonexistent-id", headers=auth_headers)
    assert response.status_code == 404
    assert response.json()["detail"] == "User 'nonexistent-id' not found"
    assert response.json()["status_code"] == 404


async def test_the_password_is_stored_as_a_hash(client: Client, db: AsyncSession) -> None:
    """Is it replaced by a salted hash, of another salt for each user?"""
    for email in ("a@example.com", "b@example.com"):
        await client.post(f"{API}/users/", json={**USER, "email": email})
    first, second = (await db.execute(sa.text("SELECT hashed_password FROM users"))).scalars()
    assert first.startswith("$argon2id$")
    assert first != second


async def test_list_users(client: Client, auth_headers: dict[str, str]) -> None:
    """Is the list `{"items", "total"}`, by `skip` and `limit`?"""
    for number in range(2):
        await client.post(f"{API}/users/", json={**USER, "email": f"{number}@example.com"})
    page = {"skip": 1, "limit": 1}
    response = await client.get(f"{API}/users/", params=page, headers=auth_headers)
    assert response.status_code == 200
    assert response.json().keys() == {"items", "total"}
    assert [user["email"] for user in response.json()["items"]] == ["0@example.com"]
    assert response.json()["total"] == 3


async def test_the_current_user_is_greeted(client: Client, auth_headers: dict[str, str]) -> None:
    """Does an endpoint of the app's own know who is calling, and nobody else?"""
    response = await client.get(f"{API}/greeting", headers=auth_headers)
    assert response.json() == {"message": "Hello Test User!"}
    assert (await client.get(f"{API}/greeting")).status_code == 401


async def test_update_user(client: Client, auth_headers: dict[str, str]) -> None:
    """Does PATCH change what it names, and nothing else?"""
    me = (await client.get(f"{API}/auth/me", headers=auth_headers)).json()
    path = f"{API}/users/{me['id']}"
    response = await client.patch(path, json={"name": "New Name"}, headers=auth_headers)
    assert response.status_code == 200
    assert response.json() == {
        **me,
        "name": "New Name",
        "updated_at": response.json()["updated_at"],
    }


async def test_update_password(client: Client, auth_headers: dict[str, str]) -> None:
    """Does a new password need the old one, and is it asked for from then on?"""
    me = (await client.get(f"{API}/auth/me", headers=auth_headers)).json()
    path = f"{API}/users/{me['id']}"
    body = {"password": "another-one"}
    for more in ({}, {"current_password": "wrong-one"}):
        refused = await client.patch(path, json={**body, **more}, headers=auth_headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_current_password")
    known = {**body, "current_password": USER["password"]}
    assert (await client.patch(path, json=known, headers=auth_headers)).status_code == 200
    for password, status in ((USER["password"], 401), ("another-one", 200)):
        form = {"username": USER["email"], "password": password}
        assert (await client.post(f"{API}/auth/login", data=form)).status_code == status


async def test_nobody_changes_another_user(client: Client, auth_headers: dict[str, str]) -> None:
    """May users read each other, and change only themselves?"""
    other = await client.post(f"{API}/users/", json={**USER, "email": "b@example.com"})
    path = other.headers["location"]
    assert (await client.get(path, headers=auth_headers)).json() == other.json()
    body = {"name": "New Name"}
    for answer in (
        await client.patch(path, json=body, headers=auth_headers),
        await client.delete(path, headers=auth_headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_delete_user(client: Client, auth_headers: dict[str, str]) -> None:
    """Is a deleted user gone, with all of its logins?"""
    me = (await client.get(f"{API}/auth/me", headers=auth_headers)).json()
    path = f"{API}/users/{me['id']}"
    assert (await client.delete(path, headers=auth_headers)).status_code == 204
    assert (await client.get(path, headers=auth_headers)).status_code == 401


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
    challenge = 'Bearer error="invalid_token"' if headers else "Bearer"
    assert response.headers["www-authenticate"] == challenge
    assert response.json()["detail"] == "Could not validate credentials"
    assert response.json()["status_code"] == 401


async def test_an_address_is_taken_once(client: Client, auth_headers: dict[str, str]) -> None:
    """Is a second user with the same e-mail a conflict that names the field?"""
    same = {**USER, "email": "TEST@example.com"}
    response = await client.post("/api/v1/users/", json=same)
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

"""Tests of the users: each begins with an empty database."""

import httpx2

USER = {"email": "test@example.com", "name": "Test User", "password": "password123"}


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
    assert response.json() == {"message": "Hello Name 1!"}


async def test_a_user_logs_in(client: httpx2.AsyncClient) -> None:
    await client.post("/api/v1/users/", json=USER)
    form = {"username": USER["email"], "password": USER["password"]}
    assert (await client.post("/api/v1/auth/login", data=form)).status_code == 200


# --8<-- [end:tests]

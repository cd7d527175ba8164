"""What the plugin brings to the tests of the blog, for one that is written otherwise.

A `conftest.py` imports them all, and adds the fixtures `blog`, its module, and `transport`.
"""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest


@pytest.fixture
async def client(blog: Any, transport: httpx2.AsyncBaseTransport) -> AsyncIterator[Any]:
    blog.passwords.update(argon2__memory_cost=32, argon2__rounds=1)  # cheap, as the plugin has it
    async with blog.app.router.lifespan_context(blog.app):
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
        async with blog.engine.begin() as connection:
            await connection.run_sync(blog.Base.metadata.drop_all)


class Accounts:
    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def __call__(self, *, name: str) -> dict[str, Any]:
        body = {"email": f"{name}@example.com".replace(" ", ""), "name": name}
        created = await self.client.post("/users", json={**body, "password": "password123"})
        assert created.status_code == 201
        return body

    async def log_in(self, user: dict[str, Any]) -> dict[str, str]:
        form = {"username": user["email"], "password": "password123"}
        token = (await self.client.post("/login", data=form)).json()["access_token"]
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def make_user(client: httpx2.AsyncClient) -> Accounts:
    return Accounts(client)


@pytest.fixture
async def auth_headers(make_user: Accounts) -> dict[str, str]:
    return await make_user.log_in(await make_user(name="Name 1"))


@pytest.fixture
def mails() -> list[SimpleNamespace]:
    return []


@pytest.fixture
def outbox(blog: Any, mails: list[SimpleNamespace]) -> SimpleNamespace:
    async def send(content: dict[str, str]) -> None:
        mails.append(SimpleNamespace(**content))

    async def run() -> None:
        await blog.send_mails(send)

    return SimpleNamespace(run=run)

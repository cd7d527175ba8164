"""What the plugin brings to the tests of the blog, for the one that is written by hand."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from tests.benchmarks.blog import by_hand

by_hand.passwords.update(argon2__memory_cost=32, argon2__rounds=1)  # cheap, as the plugin has it


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with by_hand.app.router.lifespan_context(by_hand.app):
        transport = httpx2.ASGITransport(app=by_hand.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
        async with by_hand.engine.begin() as connection:
            await connection.run_sync(by_hand.Base.metadata.drop_all)


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
def outbox(mails: list[SimpleNamespace]) -> SimpleNamespace:
    async def send(content: dict[str, str]) -> None:
        mails.append(SimpleNamespace(**content))

    async def run() -> None:
        await by_hand.send_mails(send)

    return SimpleNamespace(run=run)

"""The endpoints of API keys, and of the keys that access tokens are checked with."""

from typing import Any

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from fastapi_crud.auth import bodies
from fastapi_crud.auth.accounts import Accounts
from fastapi_crud.auth.callers import Caller
from fastapi_crud.auth.desk import Desk, Endpoint, ending, written
from fastapi_crud.database import AsyncSession
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.router.responses import json_response

API_KEY = "API key"
"""What an API key is called in answers."""


def api_keys(desk: Desk) -> Endpoint:
    """Build `GET /api-keys`."""

    async def endpoint(request: Request, session: AsyncSession, caller: Caller[Any]) -> Response:
        rows = await desk.accounts(request, session).api_keys(caller.user)
        items = [bodies.ApiKeyRead.of(row) for row in rows]
        return written(bodies.ApiKeyPage(items=items, total=len(items)))

    return endpoint


def create_api_key(desk: Desk) -> Endpoint:
    """Build `POST /api-keys`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        caller: Caller[Any],
        data: bodies.ApiKeyCreate,
    ) -> Response:
        accounts = desk.accounts(request, session)
        key, stored = await accounts.create_api_key(caller, data.name, data.scopes, data.expires_at)
        return written(bodies.NewApiKey.of({**stored, "key": key}), 201)

    return endpoint


def revoke_api_key(desk: Desk) -> Endpoint:
    """Build `DELETE /api-keys/{id}`."""
    return ending(desk, API_KEY, Accounts[Any].revoke_api_key)


def jwks(desk: Desk) -> Endpoint:
    """Build `GET /.well-known/jwks.json`."""

    async def endpoint() -> Response:
        codec: Any = desk.auth.codec
        if not hasattr(codec, "public_keys"):
            msg = f"{type(codec).__name__} publishes no keys: leave out jwks=True"
            raise ConfigurationError(msg)
        keys = {"keys": codec.public_keys()}
        return json_response(to_json(keys), 200, {"Cache-Control": "public, max-age=300"})

    return endpoint

"""The limit: Starlette and a driver, SQL and checks by hand, JSON by the database."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Protocol, TypeGuard, cast

from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy import make_url
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.benchmarks.speed.apps.bare_stores import PostgreSQLStore, SQLiteStore
from tests.benchmarks.speed.apps.bodies import UserCreate, UserUpdate

JSON = "application/json"
NOT_FOUND = b'{"detail":"User not found"}'
TAKEN = b'{"detail":"Email already registered"}'
INVALID = b'{"detail":"Invalid body"}'


class Store(Protocol):
    """Users, as JSON."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def page(self, skip: int, limit: int) -> bytes: ...
    async def get(self, user_id: str) -> bytes | None: ...
    async def create(self, email: str, name: str, password: str) -> bytes | None: ...
    async def rename(self, user_id: str, name: str) -> bytes | None: ...


STORES: Mapping[str, Callable[[str], Store]] = {
    "sqlite": SQLiteStore,
    "postgresql": PostgreSQLStore,
}


class Users:
    """The endpoints."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def page(self, request: Request) -> Response:
        asked = request.query_params
        try:
            skip, limit = int(asked.get("skip", 0)), int(asked.get("limit", 100))
        except ValueError:
            return _invalid()
        return Response(await self.store.page(skip, limit), media_type=JSON)

    async def create(self, request: Request) -> Response:
        body = await _read(request)
        email, name, password = body.get("email"), body.get("name"), body.get("password")
        if not (_is_email(email) and _is_text(name, 2, 100) and _is_text(password, 8, 200)):
            return _invalid()
        row = await self.store.create(email, name, password)
        if row is None:
            return Response(TAKEN, HTTPStatus.CONFLICT, media_type=JSON)
        return Response(row, HTTPStatus.CREATED, media_type=JSON)

    async def get(self, request: Request) -> Response:
        return _answer(await self.store.get(request.path_params["user_id"]))

    async def update(self, request: Request) -> Response:
        name = (await _read(request)).get("name")
        if not _is_text(name, 2, 100):
            return _invalid()
        return _answer(await self.store.rename(request.path_params["user_id"], name))


class CheckedUsers(Users):
    """The same with bodies read by the schemas that an app by hand has."""

    async def create(self, request: Request) -> Response:
        try:
            body = UserCreate.model_validate_json(await request.body())
        except ValidationError:
            return _invalid()
        row = await self.store.create(body.email, body.name, body.password)
        if row is None:
            return Response(TAKEN, HTTPStatus.CONFLICT, media_type=JSON)
        return Response(row, HTTPStatus.CREATED, media_type=JSON)

    async def update(self, request: Request) -> Response:
        try:
            body = UserUpdate.model_validate_json(await request.body())
        except ValidationError:
            return _invalid()
        if body.name is None:
            return _invalid()
        return _answer(await self.store.rename(request.path_params["user_id"], body.name))


def make_app(url: str) -> Starlette:
    """Make it with the least there can be."""
    return _make_app(url, Users)


def make_checked_app(url: str) -> Starlette:
    """Make it so that it refuses what an API has to refuse: an address is parsed."""
    return _make_app(url, CheckedUsers)


def _make_app(url: str, kind: type[Users]) -> Starlette:
    store = STORES[make_url(url).get_backend_name()](url)
    users = kind(store)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await store.open()
        yield
        await store.close()

    routes = [
        Route("/users", users.page),
        Route("/users", users.create, methods=["POST"]),
        Route("/users/{user_id}", users.get),
        Route("/users/{user_id}", users.update, methods=["PATCH"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def _read(request: Request) -> dict[str, Any]:
    try:
        body = from_json(await request.body())
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _answer(row: bytes | None) -> Response:
    if row is None:
        return Response(NOT_FOUND, HTTPStatus.NOT_FOUND, media_type=JSON)
    return Response(row, media_type=JSON)


def _invalid() -> Response:
    return Response(INVALID, HTTPStatus.UNPROCESSABLE_ENTITY, media_type=JSON)


def _is_text(value: object, least: int, most: int) -> TypeGuard[str]:
    return isinstance(value, str) and least <= len(value) <= most


def _is_email(value: object) -> TypeGuard[str]:
    return _is_text(value, 3, 255) and "@" in value[1:-1]

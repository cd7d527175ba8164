"""The app under test: where it is, and how it is served in the process of its tests."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from fastapi_crud.exceptions import ConfigurationError

NO_APP = (
    "which app? Write `from app.main import app as app` into conftest.py, "
    "or a fixture `app` that gives it"
)


def find_app(plugins: Iterable[object]) -> FastAPI:
    """Find the app that a `conftest.py` imports.

    Args:
        plugins: The plugins of pytest, conftests among them.

    Raises:
        ConfigurationError: If there is none, or several; the message names the fix.
    """
    found = {
        id(app): app
        for plugin in plugins
        if Path(getattr(plugin, "__file__", None) or "").name == "conftest.py"
        and isinstance(app := getattr(plugin, "app", None), FastAPI)
    }
    if len(found) != 1:
        raise ConfigurationError(NO_APP)
    return next(iter(found.values()))


@asynccontextmanager
async def running(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    """Let the lifespan of an app run; gives its state.

    It begins and ends in one task, as on a server: pytest may do so in several.

    Args:
        app: The app.
    """
    started: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    stopping = asyncio.Event()

    async def live() -> None:
        async with app.router.lifespan_context(app) as state:
            started.set_result({**(state or {})})
            await stopping.wait()

    life = asyncio.create_task(live())
    waited: list[asyncio.Future[Any]] = [life, started]
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        started.cancel()
        life.result()
    try:
        yield started.result()
    finally:
        stopping.set()
        await life


@asynccontextmanager
async def client_of(app: FastAPI, state: Mapping[str, Any]) -> AsyncGenerator[httpx2.AsyncClient]:
    """Serve an app to a client in this process, one request after the other.

    Args:
        app: The app. What it raises, the client raises.
        state: What its lifespan left for requests.
    """
    turn = asyncio.Lock()

    async def serve(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        async with turn:  # they share a connection, and so cannot undo each its own
            await app({**scope, "state": {**state}}, receive, send)

    transport = httpx2.ASGITransport(app=serve)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client

"""The examples of the documentation, each as if it were the only program of its process."""

import importlib
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest
from fastapi import FastAPI
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

import fastapi_crud
from fastapi_crud import Database
from fastapi_crud.models import NAMING_CONVENTION
from tests.browsing import chromium as chromium, screenshots as screenshots
from tests.conftest import Client, client_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"

ENVIRONMENT = {
    "SECRET_KEY": "zC9WyAt9vtoMBg9p3sqGFeTnkXQVARtllpAoDcp7yCQ",
    "AUTH_PASSWORD_MEMORY_KIB": "32",  # cheap hashes: the examples are not about their cost
    "AUTH_PASSWORD_TIME_COST": "1",
}
"""What examples with accounts need; no other app uses this key."""

Load = Callable[[str], ModuleType]
Visit = Callable[[str], AbstractAsyncContextManager[Client]]


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Import examples, once each: with a `Base` and a SQLite file of their own."""
    loaded: dict[str, ModuleType] = {}

    def load_example(name: str) -> ModuleType:
        if name not in loaded:
            loaded[name] = _import_alone(name, tmp_path_factory.mktemp("example"))
        return loaded[name]

    return load_example


@pytest.fixture
def visit(load: Load) -> Visit:
    """Serve an example on empty tables: `async with visit("quickstart") as client`."""

    @asynccontextmanager
    async def serve_example(name: str) -> AsyncGenerator[Client]:
        module = load(name)
        app: FastAPI = module.app
        for database in vars(module).values():
            if isinstance(database, Database):
                await database.drop_all()
        with pytest.MonkeyPatch.context() as patch:
            _set_environment(patch)
            async with app.router.lifespan_context(app), client_of(app) as client:
                yield client

    return serve_example


def _import_alone(name: str, folder: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"sqlite:///{folder}/app.db")
        patch.setenv("ARCHIVE_URL", f"sqlite:///{folder}/archive.db")
        _set_environment(patch)
        patch.setattr(fastapi_crud, "Base", _new_base())
        patch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
        fastapi_crud.get_settings.cache_clear()
        module = importlib.import_module(name)
    fastapi_crud.get_settings.cache_clear()
    return module


def _set_environment(patch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)


def _new_base() -> type[DeclarativeBase]:
    class Base(DeclarativeBase):
        metadata = MetaData(naming_convention=NAMING_CONVENTION)

    return Base

"""Unmodified clients of others work: data providers of admin frontends, and hey-api's generator.

`admin_clients.js` and `generated_client.ts`, beside this file, have the calls.
"""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import Database, Timestamps, make_crud_router
from fastapi_crud.options import Wire
from tests.models import Base as Samples, Note
from tests.npm import run, run_script
from tests.serving import serving

HERE = Path(__file__).parent
BUILD = (
    "npx openapi-ts -i openapi.json -o client --silent",
    "npx tsc --module esnext --moduleResolution bundler --target es2022 --lib es2022,dom,dom.iterable --strict --typeRoots none --noEmit generated_client.ts",
    "npx esbuild generated_client.ts --bundle --platform=node --format=esm --outfile=driven.js",
)
"""Generate a client, check the calls by its types, and make one file that node runs."""

pytestmark = [pytest.mark.npm, pytest.mark.slow]


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(20))


class Post(Timestamps, Base):
    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(20), unique=True)
    body: Mapped[str | None]
    live: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[int | None] = mapped_column(sa.ForeignKey("authors.id"))
    author: Mapped[Author | None] = relationship()


class Tag(Base):
    """Whose key is not called id."""

    __tablename__ = "tags"

    slug: Mapped[str] = mapped_column(sa.String(20), primary_key=True)


@pytest.fixture
async def folder(packages: Path) -> AsyncIterator[Path]:
    """A folder below the packages, with the calls."""
    folder = Path(mkdtemp(dir=packages))
    for script in ("admin_clients.js", "generated_client.ts"):
        shutil.copy(HERE / script, folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("wire", "client"),
    [("simple-rest", "simpleRest"), ("json-server", "jsonServer"), ("json-server", "refine")],
    ids=["ra-data-simple-rest", "ra-data-json-server", "@refinedev/simple-rest"],
)
async def test_data_providers_work_unmodified(folder: Path, wire: Wire, client: str) -> None:
    """Does all that a provider offers work: lists, lookups, changes, and errors at their fields?"""
    url = f"sqlite:///{folder}/posts.db"
    database = Database(url, metadata=Base.metadata, create_all=True)
    app = FastAPI(lifespan=database.lifespan)
    app.include_router(
        make_crud_router(
            Post,
            wire=wire,
            search=["title"],
            include=["author"],
            filters={"*": ..., "author.name": ["eq"]},
        )
    )
    for model in (Author, Tag):
        app.include_router(make_crud_router(model, wire=wire))
    async with serving(app) as address:
        await run_script(
            folder, f"await (await import('./admin_clients.js')).{client}('{address}')"
        )


async def test_a_client_of_hey_api_works(folder: Path) -> None:
    """Does what hey-api generates compile, and get right answers of both kinds of routers?"""
    url = f"sqlite:///{folder}/notes.db"
    database = Database(url, metadata=Samples.metadata, create_all=True)
    app = FastAPI(lifespan=database.lifespan)
    app.include_router(make_crud_router(Note))
    app.include_router(make_crud_router(Note, name="admin_notes", wire="json-server"))
    (folder / "openapi.json").write_text(json.dumps(app.openapi()), encoding="utf-8")
    for command in BUILD:
        done = run(folder, *command.split())
        assert done.returncode == 0, done.stdout
    async with serving(app) as address:
        await run_script(folder, f"await (await import('./driven.js')).drive('{address}')")

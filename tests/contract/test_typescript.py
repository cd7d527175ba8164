"""A TypeScript client generated from the document takes right calls and refuses wrong ones.

`client.ts`, beside this file, has the calls.
"""

import enum
import json
import re
import shutil
from collections import Counter
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import (
    CrudOptions,
    Database,
    Timestamps,
    UTCDateTime,
    add_exception_handlers,
    make_crud_router,
)
from fastapi_crud.operations import DEFAULT_OPERATIONS
from tests.npm import run, run_script
from tests.serving import serving

CALLS = Path(__file__).with_name("client.ts")
GENERATE = ("npx", "openapi-typescript", "openapi.json", "-o", "schema.d.ts")
COMPILE = (
    "npx", "tsc", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom",
    "--strict", "--typeRoots", "none", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess",
)  # fmt: skip
MARK = re.compile(r" *// @ts-expect-error: ")


class Base(DeclarativeBase):
    metadata = sa.MetaData()
    __crud__ = CrudOptions(
        operations=[*DEFAULT_OPERATIONS, "search"],
        pagination="both",
        count=("exact", "estimated", "none"),
    )


class Status(enum.Enum):
    DRAFT = "draft"
    PUBLISHED = "published"


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(50))
    country: Mapped[str | None] = mapped_column(sa.String(2))
    books: Mapped[list["Book"]] = relationship(order_by="Book.id")


class Book(Timestamps, Base):
    __tablename__ = "books"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(50))
    subtitle: Mapped[str | None] = mapped_column(sa.String(50))
    pages: Mapped[int]
    price: Mapped[Decimal] = mapped_column(sa.Numeric(10, 2))
    status: Mapped[Status] = mapped_column(default=Status.DRAFT)
    in_print: Mapped[bool] = mapped_column(default=True)
    published_at: Mapped[datetime] = mapped_column(UTCDateTime)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")


class Member(Timestamps, Base):
    """Seven columns, as many tables have them."""

    __tablename__ = "members"
    __crud__ = CrudOptions()

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(100))
    name: Mapped[str] = mapped_column(sa.String(50))
    age: Mapped[int | None]
    is_active: Mapped[bool] = mapped_column(default=True)


def make_app(database: Database) -> FastAPI:
    """An app that lets clients ask all that there is to ask."""
    app = FastAPI(lifespan=database.lifespan)
    app.include_router(make_crud_router(Author, include=["books"]))
    app.include_router(
        make_crud_router(
            Book,
            filters={"*": ..., "author.name": ["eq", "icontains"]},
            search=["title", "author.name"],
            include=["author"],
            fields=True,
        )
    )
    add_exception_handlers(app)
    return app


@pytest.fixture(scope="module")
def folder(packages: Path) -> Path:
    """A folder with the document, the types made of it, and the calls."""
    folder = Path(mkdtemp(dir=packages))
    document = json.dumps(make_app(Database("sqlite://")).openapi())
    (folder / "openapi.json").write_text(document, encoding="utf-8")
    shutil.copy(CALLS, folder)
    generated = run(folder, *GENERATE)
    assert generated.returncode == 0, generated.stdout
    return folder


@pytest.mark.npm
@pytest.mark.slow
def test_right_calls_compile_and_wrong_ones_do_not(folder: Path) -> None:
    """Do the types take every right call, and refuse every call marked as wrong?"""
    compiled = run(folder, *COMPILE, "--noEmit", CALLS.name)
    assert compiled.returncode == 0, compiled.stdout


@pytest.mark.npm
@pytest.mark.slow
def test_each_wrong_call_is_an_error_of_its_own(folder: Path) -> None:
    """Does each wrong call fail by itself, on its own line, once nothing expects it to?"""
    marked = CALLS.read_text(encoding="utf-8").splitlines()
    kept = [line for line in marked if not MARK.match(line)]
    wrong = [kept.index(after) + 1 for mark, after in pairwise(marked) if MARK.match(mark)]
    (folder / "unmarked.ts").write_text("\n".join(kept), encoding="utf-8")
    compiled = run(folder, *COMPILE, "--noEmit", "unmarked.ts")
    failed = re.findall(r"^unmarked\.ts\((\d+),\d+\): error TS", compiled.stdout, re.MULTILINE)
    assert len(wrong) > 40
    assert [int(line) for line in failed] == wrong, compiled.stdout


@pytest.mark.npm
@pytest.mark.slow
async def test_a_server_answers_the_right_calls(folder: Path) -> None:
    """Do the same calls work, with what the client makes of lists, moments and cursors?"""
    compiled = run(folder, *COMPILE, "--noCheck", CALLS.name)
    assert compiled.returncode == 0, compiled.stdout
    database = Database(f"sqlite:///{folder}/books.db", metadata=Base.metadata, create_all=True)
    async with serving(make_app(database)) as url:
        await run_script(folder, f"(await import('./client.js')).right('{url}')")


def test_a_table_of_seven_columns_has_few_parameters() -> None:
    """Is the list of an everyday table documented in 45 parameters, each described and typed?"""
    app = FastAPI()
    app.include_router(make_crud_router(Member))
    parameters = app.openapi()["paths"]["/members"]["get"]["parameters"]
    counts = Counter(parameter["name"].partition("__")[0] for parameter in parameters)
    assert counts == {
        "skip": 1, "limit": 1, "sort": 1,
        "id": 8, "email": 7, "name": 7, "age": 9, "is_active": 1, "created_at": 5, "updated_at": 5,
    }  # fmt: skip
    assert counts.total() == 45
    for parameter in parameters:
        assert parameter["description"], parameter
        assert typed(parameter["schema"]), parameter


def typed(schema: Any) -> bool:
    """Whether a schema says of every value what it is."""
    if schema.get("type") == "array":
        return typed(schema["items"])
    return "type" in schema or all(typed(each) for each in schema["anyOf"])

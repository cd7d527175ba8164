"""Rows that are stored by COPY are those that INSERT would store, and so are the errors."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from fastapi_crud import Database, Repository, UniqueViolation, batches, copying
from fastapi_crud.copying import FEWEST, Copy
from fastapi_crud.exceptions import CrudError, ValueRejected
from tests import models
from tests.conftest import counted, tables_of
from tests.query.test_operators import VALUES

pytestmark = pytest.mark.database
MANY = FEWEST + 20

Rows = list[dict[str, Any]]


class Base(DeclarativeBase):
    """Models of this file alone."""


class Plain(Base):
    __tablename__ = "plain"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(sa.String(9), unique=True)
    count: Mapped[int | None]


class Quoted(Base):
    """Every name needs quotes, and columns have names of their own."""

    __tablename__ = "Quoted table"
    id: Mapped[int] = mapped_column("The id", primary_key=True)
    name: Mapped[str | None] = mapped_column('a "name"')


class Upper(UserDefinedType[str]):
    """A type that SQL converts."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "VARCHAR(9)"

    def bind_expression(self, bindvalue: Any) -> Any:
        return sa.func.upper(bindvalue)


class Converted(Base):
    __tablename__ = "converted"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Upper)


class Stamped(Base):
    __tablename__ = "stamped"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), default=sa.func.now())


class Numbered(Base):
    __tablename__ = "numbered"
    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True)
    name: Mapped[str]


@pytest.fixture
async def own(db: Database) -> AsyncIterator[Database]:
    """The tables of this file, where there is COPY."""
    if db.engine.dialect.driver != "asyncpg":
        pytest.skip("only asyncpg has COPY")
    async with tables_of(db, Base.metadata) as own:
        yield own


async def store(database: Database, model: type[Any], rows: Rows) -> bool:
    """Store rows; tell whether by COPY."""
    generic: Any = Repository
    with patch.object(Copy, "run", autospec=True, side_effect=Copy.run) as run:
        async with database.session() as session:
            assert await generic[model](session).create_multi(rows) == len(rows)
    return run.called


async def rows_of(database: Database, model: type[Any]) -> Rows:
    """All rows, as they are stored, but for what was counted up."""
    table: sa.Table = model.__table__
    names = [column for column in table.columns if not column.primary_key]
    async with database.engine.connect() as connection:
        found = await connection.execute(sa.select(*names))
        return sorted((dict(row) for row in found.mappings()), key=repr)


def every_value(n: int) -> dict[str, Any]:
    """One of each column's values."""
    return {name: values[n % len(values)] for name, values in VALUES.items()}


@pytest.fixture
def by_insert(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have no number of rows be enough for COPY, from now on."""
    return lambda: monkeypatch.setattr(copying, "FEWEST", 10**9)


Kinds = dict[str, tuple[type[Any], Callable[[int], dict[str, Any]]]]

COPIED: Kinds = {
    "every type": (models.Everything, every_value),
    "a default": (
        models.Note,
        lambda n: {"title": f"{n}", **({"body": None} if n % 2 else {"done": None})},
    ),
    "a dataclass": (models.Coin, lambda n: {"name": f"c{n}"}),
    "SQLModel": (models.Hero, lambda n: {"name": f"h{n}", "age": n}),
    "quoted names": (Quoted, lambda n: {"id": n, "name": f"q{n}"}),
    "one column": (Plain, lambda n: {"id": n}),
}
"""What is stored by COPY → the model, and its nth row."""


@pytest.mark.parametrize("kind", COPIED)
async def test_the_same_rows_are_stored(own: Database, kind: str, by_insert: Any) -> None:
    """Are rows that COPY stores the same as those that INSERT stores?"""
    model, make = COPIED[kind]
    rows = [make(n) for n in range(MANY)]
    assert await store(own, model, rows)
    copied = await rows_of(own, model)
    async with own.engine.begin() as connection:
        await connection.execute(sa.delete(model))
    by_insert()
    assert not await store(own, model, rows)
    assert copied == await rows_of(own, model)
    assert len(copied) == MANY


BAD: dict[str, tuple[Any, type[CrudError]]] = {
    "a name twice": ("3", UniqueViolation),
    "a name that is too long": ("x" * 10, ValueRejected),
    "a name with NUL": ("\0", ValueRejected),
    "a name that is a number": (5, ValueRejected),
}


@pytest.mark.parametrize("bad", BAD)
async def test_errors_are_the_same(own: Database, bad: str, by_insert: Any) -> None:
    """Is the same said of a wrong row, and is nothing stored?"""
    name, kind = BAD[bad]
    rows: Rows = [{"name": f"{n}"} for n in range(MANY)]
    rows[77] = {"name": name}
    said: list[tuple[Any, ...]] = []
    for _ in range(2):
        async with own.session() as session:
            with pytest.raises(CrudError) as caught:
                await Repository[Plain](session).create_multi(rows)
            await session.rollback()
        said.append((type(caught.value), str(caught.value), getattr(caught.value, "index", None)))
        by_insert()
    assert said[0] == said[1]
    assert said[0][0] is kind
    assert await rows_of(own, Plain) == []


INSERTED: Kinds = {
    "SQL in a type": (Converted, lambda n: {"name": f"c{n}"}),
    "SQL as a default": (Stamped, lambda n: {"name": f"s{n}"}),
    "a version": (models.Ticket, lambda n: {"text": f"t{n}"}),
    "kinds of rows": (models.Employee, lambda n: {"name": f"e{n}"}),
}
"""What is stored by INSERT alone → the model, and its nth row."""


@pytest.mark.parametrize("kind", INSERTED)
async def test_what_only_a_statement_knows(own: Database, kind: str) -> None:
    """Are rows stored by INSERT where COPY would store others?"""
    model, make = INSERTED[kind]
    assert not await store(own, model, [make(n) for n in range(MANY)])
    assert len(await rows_of(own, model)) == MANY


async def test_keys_that_only_the_database_gives(own: Database) -> None:
    """Is a key refused that is always generated, as by INSERT?"""
    with pytest.raises(DBAPIError):
        await store(own, Numbered, [{"id": n, "name": f"n{n}"} for n in range(MANY)])


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE plain ENABLE ROW LEVEL SECURITY",
        "CREATE RULE nothing AS ON INSERT TO plain WHERE false DO INSTEAD NOTHING",
    ],
)
async def test_tables_with_rules_of_their_own(own: Database, statement: str) -> None:
    """Are rows stored by INSERT where the database has rules for it?"""
    async with own.engine.begin() as connection:
        await connection.execute(sa.text(statement))
    assert not await store(own, Plain, [{"name": f"{n}"} for n in range(MANY)])


async def test_who_listens_hears_of_every_statement(own: Database) -> None:
    """Are rows stored by INSERT where somebody listens to statements?"""
    rows: Rows = [{"name": f"{n}"} for n in range(MANY)]
    with counted(own.engine) as statements:
        assert not await store(own, Plain, rows)
    assert statements.verbs.count("INSERT") == 1
    heard: list[Any] = []
    async with AsyncSession(own.engine) as session:
        event.listen(session.sync_session, "do_orm_execute", heard.append)
        await Repository[Plain](session).create_multi([{"name": f"x{n}"} for n in range(MANY)])
    assert len(heard) == 1


async def test_what_was_added_before_comes_first(own: Database) -> None:
    """Are rows that wait to be stored, and rows that are stored by COPY, rolled back together?"""
    async with AsyncSession(own.engine) as session:
        session.add(Plain(name="first"))
        rows: Rows = [{"name": f"{n}"} for n in range(MANY)]
        with patch.object(Copy, "run", autospec=True, side_effect=Copy.run) as run:
            await Repository[Plain](session).create_multi(rows)
        assert run.called
        first = sa.select(Plain.name).order_by(Plain.id).limit(1)
        assert await session.scalar(first) == "first"
        await session.rollback()
    assert await rows_of(own, Plain) == []


async def test_the_database_is_asked_once(own: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a table looked at once for any number of rows, but anew for each call?"""
    monkeypatch.setattr(batches, "HELD", FEWEST)
    rows: Rows = [{"name": f"{n}"} for n in range(3 * FEWEST)]
    ask = AsyncConnection.scalar
    async with own.session() as session:
        plains = Repository[Plain](session)
        with patch.object(AsyncConnection, "scalar", autospec=True, side_effect=ask) as asked:
            await plains.create_multi(rows)
            assert asked.call_count == 1
            await session.execute(sa.text("ALTER TABLE plain ENABLE ROW LEVEL SECURITY"))
            with patch.object(Copy, "run", autospec=True) as run:
                await plains.create_multi({"name": f"x{n}"} for n in range(3 * FEWEST))
            assert asked.call_count == 2
        assert not run.called
    assert len(await rows_of(own, Plain)) == 6 * FEWEST

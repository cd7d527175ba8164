"""All rows of a question, however many, with few in memory."""

from contextlib import aclosing
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import Database, Filter, InvalidQuery, Query, Repository
from fastapi_crud.streams import STREAM_CHUNK
from tests import models
from tests.conftest import counted, tables_of


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    """Joins its boxes to itself, which rows that are streamed cannot be."""

    __tablename__ = "shelves"
    id: Mapped[int] = mapped_column(primary_key=True)
    boxes: Mapped[list["Box"]] = relationship(lazy="joined")


class Box(Base):
    __tablename__ = "boxes"
    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(sa.ForeignKey("shelves.id"))


async def filled(db: Database, rows: int) -> None:
    async with db.session() as session:
        data = ({"title": f"t{i:04}", "done": bool(i % 2)} for i in range(rows))
        await Repository[models.Note](session).create_multi(data)


async def parts_of(db: Database, query: Query, most: int | None = None) -> list[list[str]]:
    async with db.session() as session:
        parts = Repository[models.Note](session).partitions(query, most=most)
        return [[note.title for note in part] async for part in parts]


async def test_rows_come_in_parts(db: Database) -> None:
    """Are all rows given in order, in parts of a thousand, by one statement?"""
    await filled(db, 2 * STREAM_CHUNK + 1)
    with counted(db.engine) as statements:
        parts = await parts_of(db, Query(limit=10**6, order_by=["-title"]), 10**6)
    assert [len(part) for part in parts] == [STREAM_CHUNK, STREAM_CHUNK, 1]
    assert [title for part in parts for title in part] == [
        f"t{i:04}" for i in reversed(range(2 * STREAM_CHUNK + 1))
    ]
    assert len(statements) == 1


async def test_parts_end_where_the_query_says(db: Database) -> None:
    """Do conditions, skip and limit hold, and are too many rows refused before the first?"""
    await filled(db, 5)
    some = Query(limit=2, skip=1, where=[Filter("title", "ne", "t0001")])
    assert await parts_of(db, some) == [["t0002", "t0003"]]
    assert await parts_of(db, Query(limit=9, skip=2), 3) == [["t0002", "t0003", "t0004"]]
    assert await parts_of(db, Query(limit=9, skip=7), 3) == []
    with pytest.raises(InvalidQuery, match="More than 3 rows match"):
        await parts_of(db, Query(limit=9), 3)


async def test_reading_may_stop_early(db: Database) -> None:
    """Can the session go on where nobody wants the other rows?"""
    await filled(db, 2 * STREAM_CHUNK + 1)
    async with db.session() as session:
        repository = Repository[models.Note](session)
        async with aclosing(repository.partitions(Query(limit=10**6))) as parts:
            assert len(await anext(parts)) == STREAM_CHUNK
        assert await repository.count() == 2 * STREAM_CHUNK + 1


async def test_joined_collections_are_loaded_apart(database: Database) -> None:
    """Are rows whose model joins a collection to them given whole, once each?"""
    async with tables_of(database, Base.metadata) as db, db.session() as session:
        session.add_all([Shelf(id=1, boxes=[Box(id=1), Box(id=2)]), Shelf(id=2)])
        await session.flush()
        session.expunge_all()
        shelves: Any = Repository[Shelf](session).partitions(Query(limit=9))
        found = [(it.id, [box.id for box in it.boxes]) async for part in shelves for it in part]
        assert found == [(1, [1, 2]), (2, [])]

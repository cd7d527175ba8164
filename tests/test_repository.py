"""Rows of one model, from Python: no FastAPI needed."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    ConfigurationError,
    Database,
    ForeignKeyViolation,
    Repository,
    UniqueViolation,
)
from tests import models
from tests.conftest import counted, rows_of


async def add_notes(session: AsyncSession, *titles: str) -> list[models.Note]:
    """Store notes with these titles."""
    return await Repository[models.Note](session).batch_create([{"title": t} for t in titles])


async def test_create_multi_keeps_the_order(db: Database) -> None:
    """Are many rows stored at once, and given back in order with their keys?"""
    async with db.session() as session:
        with counted(db.engine) as statements:
            rows = await add_notes(session, "c", "a", "b")
        assert [row.title for row in rows] == ["c", "a", "b"]
        assert sorted({row.id for row in rows}) == [row.id for row in rows]
        if db.engine.dialect.name == "postgresql":
            assert len(statements) == 1
    assert len(await rows_of(db, models.Note)) == 3


async def test_update_by_key_and_by_row(db: Database) -> None:
    """Does an update give the row as it is now, whichever way it is named?"""
    async with db.session() as session:
        (note,) = await add_notes(session, "a")
        notes = Repository[models.Note](session)
        by_key = await notes.update(note.id, {"title": "b"})
        assert by_key is note
        assert note.title == "b"
        by_row = await notes.update(note, {"title": "c"})
        assert by_row is note
        assert await notes.update(note.id, {}) is note
        assert await notes.update(0, {"title": "x"}) is None
        assert await notes.update("x", {"title": "x"}) is None
        assert await notes.update("x", {}) is None
    assert [row.title for row in await rows_of(db, models.Note)] == ["c"]


async def test_delete_by_key_and_by_row(db: Database) -> None:
    """Does delete tell whether there was a row?"""
    async with db.session() as session:
        first, second = await add_notes(session, "a", "b")
        notes = Repository[models.Note](session)
        assert await notes.delete(first.id) is True
        assert await notes.delete(first.id) is False
        assert await notes.delete("x") is False
        assert await notes.delete(second) is True
        folders = Repository[models.Folder](session)
        assert await folders.delete(0) is False
    assert await rows_of(db, models.Note) == []


async def test_database_errors_are_the_librarys(db: Database) -> None:
    """Do scripts see typed errors, with the fields named?"""
    with pytest.raises(UniqueViolation) as caught:
        async with db.session() as session:
            await add_notes(session, "a", "a")
    assert caught.value.fields == ("title",)
    with pytest.raises(ForeignKeyViolation):
        async with db.session() as session:
            await Repository[models.Book](session).create({"title": "x", "author_id": 9})
    assert await rows_of(db, models.Note) == []


async def test_computed_and_server_values_are_there_after_writing(db: Database) -> None:
    """Has a new or changed row what only the database knows?"""
    async with db.session() as session:
        tag = await Repository[models.Tag](session).create({"slug": "a"})
        assert tag.label == "new"
        authors = Repository[models.Author](session)
        author = await authors.create({"name": "Ann"})
        assert author.name_length == 3
        changed = await authors.update(author.id, {"name": "Anna"})
        assert changed is not None
        assert changed.name_length == 4


async def test_values_come_back_as_every_database_stores_them(db: Database) -> None:
    """Is what create returns what a later read returns?"""
    values: dict[str, Any] = {"price": Decimal("1.50"), "ratio": 0.1, "single": 0.5}
    async with db.session() as session:
        row = await Repository[models.Everything](session).create(values)
        written = (row.price, row.ratio, row.single)
    (stored,) = await rows_of(db, models.Everything)
    assert written == (stored.price, stored.ratio, stored.single)


async def test_listeners_on_the_model_hear_of_changes(sqlite: Database) -> None:
    """Do `before_update`, `before_delete` and attribute events fire, as the model's author expects?"""
    heard: list[str] = []

    def on_update(*_: Any) -> None:
        heard.append("update")

    def on_delete(*_: Any) -> None:
        heard.append("delete")

    def on_set(*_: Any) -> None:
        heard.append("set")

    listeners: list[tuple[Any, str, Any]] = [
        (models.Note, "before_update", on_update),
        (models.Note, "after_delete", on_delete),
        (models.Note.title, "set", on_set),
    ]
    for listener in listeners:
        event.listen(*listener)
    try:
        async with sqlite.session() as session:
            (note,) = await add_notes(session, "a")
            heard.clear()
            notes = Repository[models.Note](session)
            await notes.update(note.id, {"title": "b"})
            await notes.delete(note.id)
    finally:
        for listener in listeners:
            event.remove(*listener)
    assert heard == ["set", "update", "delete"]


def test_repository_needs_to_know_its_model() -> None:
    """Is a repository without a model refused, and the fix named?"""
    session: Any = None
    generic: Any = Repository
    with pytest.raises(ConfigurationError, match=r"Repository\[User\]\(session\)"):
        generic(session)


class NoteRepository(Repository[models.Note]):
    async def titles(self) -> list[str]:
        return [row.title for row in await self.get_multi()]


async def test_subclass_knows_its_model(sqlite: Database) -> None:
    """Does a subclass take the model from its type argument?"""
    async with sqlite.session() as session:
        await add_notes(session, "a", "b")
        repository = NoteRepository(session)
        assert repository.model is models.Note
        assert await repository.titles() == ["a", "b"]

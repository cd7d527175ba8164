"""Single rows to write: by key or by row, within a scope, and what is known of them then."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    Database,
    Filter,
    ForeignKeyViolation,
    PermissionDenied,
    Repository,
    UniqueViolation,
)
from fastapi_crud.query.loading import View
from tests import models
from tests.conftest import counted, rows_of
from tests.test_repository import add_notes


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


# Scopes

READABLE = Filter("title", "ne", "hidden")
WRITABLE = Filter("done", value=False)


async def scoped(session: AsyncSession) -> tuple[Repository[models.Note], list[models.Note]]:
    """Notes that may be written, only read, and not even read; and a caller's repository."""
    notes = Repository[models.Note](session)
    data: list[dict[str, Any]] = [
        {"title": "mine"},
        {"title": "read", "done": True},
        {"title": "hidden", "done": True},
    ]
    rows = await notes.batch_create(data)
    notes.view = View(scopes={models.Note: [READABLE]}, write_scope=[READABLE, WRITABLE])
    return notes, rows


async def test_what_may_be_read_but_not_written_is_refused(db: Database) -> None:
    """Is it "not yours" for rows that the caller may read, and "not there" for others?"""
    async with db.session() as session:
        notes, (mine, read, hidden) = await scoped(session)
        for row in (read.id, read):
            for work in (
                notes.update(row, {"body": "x"}), notes.update(row, {}), notes.delete(row),
                notes.purge(row),
            ):  # fmt: skip
                with pytest.raises(PermissionDenied):
                    await work
        with pytest.raises(PermissionDenied):
            await notes.get_for_update(read.id)
        for key in (hidden.id, 0):
            assert await notes.update(key, {"body": "x"}) is None
            assert await notes.update(key, {}) is None
            assert await notes.delete(key) is False
            assert await notes.purge(key) is False
            assert await notes.get_for_update(key) is None
        assert await notes.update(mine.id, {"body": "x"}) is mine
        assert await notes.get_for_update(mine.id) is mine
        assert await notes.delete(mine.id)
    stored = {row.title: row.body for row in await rows_of(db, models.Note)}
    assert stored == {"read": None, "hidden": None}


async def test_a_change_may_not_leave_the_scope(db: Database) -> None:
    """Is a row refused that its writer could not write any more, new or changed?"""
    async with db.session() as session:
        await scoped(session)
    ways: list[Callable[[Any, Any], Any]] = [
        lambda notes, _: notes.create({"title": "new", "done": True}),
        lambda notes, mine: notes.update(mine.id, {"done": True}),
        lambda notes, mine: notes.update(mine, {"title": "hidden too", "done": True}),
    ]
    for work in ways:
        async with AsyncSession(db.engine) as session:
            notes = Repository[models.Note](session)
            mine = await notes.get_by(title="mine")
            notes.view = View(write_scope=[READABLE, WRITABLE])
            with pytest.raises(PermissionDenied):
                await work(notes, mine)
    stored = {row.title: row.done for row in await rows_of(db, models.Note)}
    assert stored == {"mine": False, "read": True, "hidden": True}


async def test_what_was_undone_can_be_written_again(db: Database) -> None:
    """Does a row not keep what a savepoint has undone, so that the same change is lost later?"""
    for name in ("by key", "in a batch"):
        async with db.session() as session:
            note, other = await add_notes(session, f"a {name}", f"b {name}")
            notes = Repository[models.Note](session)
            savepoint = await session.begin_nested()
            if name == "by key":
                await notes.update(note.id, {"body": "x"})
            else:
                await notes.batch_update([(note.id, {"body": "x"}), (other.id, {"body": "x"})])
            await savepoint.rollback()
            await notes.update(note, {"body": "x"})
    stored = {row.title: row.body for row in await rows_of(db, models.Note)}
    assert [stored[f"a {name}"] for name in ("by key", "in a batch")] == ["x", "x"]


async def test_rows_may_be_expired(db: Database) -> None:
    """Is a row taken that was committed or rolled back since, as SQLAlchemy leaves it?"""
    async with AsyncSession(db.engine) as session:
        notes = Repository[models.Note](session)
        row, other = await notes.batch_create([{"title": "a"}, {"title": "b"}])
        notes.view = View(write_scope=[Filter("title", "ne", "c")])
        await session.commit()
        assert await notes.update(row, {"body": "x"}) is row
        await session.commit()
        assert await notes.delete(row)
        await session.rollback()
        assert await notes.purge(row)
        assert await notes.delete(other)
        await session.commit()
    assert await rows_of(db, models.Note) == []


async def test_the_scope_of_a_deletion_in_python(db: Database) -> None:
    """Does it hold where a row is loaded to delete what hangs on it?"""
    async with db.session() as session:
        folders = Repository[models.Folder](session)
        mine = await folders.create({"name": "mine"})
        other = await folders.create({"name": "other"})
        session.add_all(models.File(folder_id=folder.id) for folder in (mine, other))
        await session.flush()
        folders.view = View(write_scope=[Filter("name", value="mine")])
        with pytest.raises(PermissionDenied):
            await folders.delete(other.id)
        assert await folders.delete(mine.id)
        assert await folders.purge(mine.id) is False
    assert len(await rows_of(db, models.File)) == 1


async def test_a_row_that_is_not_changed_is_not_written(db: Database) -> None:
    """Is an update without values a read?"""
    async with db.session() as session:
        (note,) = await add_notes(session, "a")
        notes = Repository[models.Note](session)
        with counted(db.engine) as statements:
            assert await notes.update(note.id, {}) is note
        assert statements.verbs == ["SELECT"]


async def test_a_written_row_has_what_its_reader_asks_for(db: Database) -> None:
    """Are relationships and deferred columns loaded with a row that was just written?"""
    async with db.session() as session:
        author = await Repository[models.Author](session).create({"name": "Ann"})
        books = Repository[models.Book](session)
        books.view = View(loads={"author": {}, "blurb": {}})
        book = await books.create({"title": "a", "author_id": author.id, "blurb": "b"})
        assert (book.author, book.blurb) == (author, "b")
    async with db.session() as session:
        books = Repository[models.Book](session)
        books.view = View(loads={"author": {}, "blurb": {}})
        changed = await books.update(book.id, {"title": "c"})
        assert changed is not None
        assert (changed.author.name, changed.blurb) == ("Ann", "b")

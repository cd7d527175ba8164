"""Rows that are only marked as deleted: nobody sees them who does not ask for them."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    ConfigurationError,
    Conflict,
    CrudOptions,
    Database,
    Filter,
    Not,
    Query,
    Repository,
    UniqueViolation,
)
from fastapi_crud.columns import inspect_model
from fastapi_crud.deletion import deletion_by, deletion_of
from fastapi_crud.exceptions import NotDeleted
from fastapi_crud.query.loading import View
from tests import models
from tests.deletable_models import DELETABLE, Document, Flagged, Leaflet, Optioned, Shelf, Volume
from tests.strategies import model_of


def repository_of(model: type[Any], session: AsyncSession) -> Repository[Any]:
    """A repository of a model that is only known at run time."""
    generic: Any = Repository
    repository: Repository[Any] = generic[model](session)
    return repository


async def add(session: AsyncSession, model: type[Any], *slugs: str) -> list[Any]:
    """Store rows with these slugs."""
    return await repository_of(model, session).batch_create([{"slug": slug} for slug in slugs])


async def slugs(rows: Repository[Any], **query: Any) -> list[str]:
    """The slugs of the rows on a page."""
    return [row.slug for row in (await rows.get_page(Query(**query))).items]


# Reading


async def test_no_read_sees_a_deleted_row_unless_asked_to(store: Database) -> None:
    """Do all reads pass over deleted rows, however the model says which those are?"""
    for model in DELETABLE:
        async with store.session() as session:
            _, gone, _ = await add(session, model, "a", "b", "c")
            assert await repository_of(model, session).delete(gone.id) is True
        async with store.session() as session:
            rows = repository_of(model, session)
            assert await rows.get(gone.id) is None
            assert await rows.get_for_update(gone.id) is None
            assert await rows.get_by(slug="b") is None
            assert [row.slug for row in await rows.get_multi()] == ["a", "c"]
            assert [row.slug async for row in rows.stream()] == ["a", "c"]
            assert await rows.count() == 2
            assert await rows.count(Filter("slug", "eq", "b")) == 0
            assert not await rows.exists(Filter("slug", "eq", "b"))
            for count in ("exact", "estimated", "none"):
                page = await rows.get_page(Query(limit=1, count=count, order_by=["-slug"]))
                assert ([row.slug for row in page.items], page.more) == (["c"], True)
                assert page.total == (None if count == "none" else 2)
            walked = await rows.get_cursor_page(Query(cursor="", limit=1))
            assert (walked.items[0].slug, walked.total) == ("a", 2)
            walked = await rows.get_cursor_page(Query(cursor=walked.next_cursor, limit=1))
            assert (walked.items[0].slug, walked.next_cursor) == ("c", None)


async def test_who_asks_for_deleted_rows_gets_them(store: Database) -> None:
    """Do pages, walks and totals mean the rows that the query or the view asks for?"""
    for model in DELETABLE:
        async with store.session() as session:
            rows = repository_of(model, session)
            for row in (await add(session, model, "a", "b", "c"))[:2]:
                assert await rows.delete(row.id)
        asked: list[tuple[Any, list[str]]] = [
            ("exclude", ["c"]), ("include", ["a", "b", "c"]), ("only", ["a", "b"]),
        ]  # fmt: skip
        async with store.session() as session:
            rows = repository_of(model, session)
            for deleted, expected in asked:
                assert await slugs(rows, deleted=deleted) == expected
                for count in ("exact", "estimated"):
                    page = await rows.get_page(Query(deleted=deleted, skip=9, count=count))
                    assert page.total == len(expected)
                walked = await rows.get_cursor_page(Query(deleted=deleted, cursor=""))
                assert [row.slug for row in walked.items] == expected
                assert walked.total == len(expected)
            rows.view = View(deleted="only")
            assert [row.slug for row in await rows.get_multi()] == ["a", "b"]
            assert await rows.count() == 2


async def test_an_estimate_counts_live_rows(store: Database) -> None:
    """Is the bound of exact counting about the rows that are meant?"""
    async with store.session() as session:
        rows = Repository[Leaflet](session)
        added = await add(session, Leaflet, *"abcdef")
        await rows.batch_delete([row.id for row in added[:3]])
        rows.view = View(max_exact_count=3)
        few = await rows.get_page(Query(limit=1, count="estimated"))
        assert (few.total, few.estimated) == (3, False)
        many = await rows.get_page(Query(limit=1, count="estimated", deleted="include"))
        assert many.estimated
        assert (many.total or 0) >= 3


async def shelve(store: Database) -> None:
    """Two shelves, one of them deleted; on each a volume that is there and one that is deleted."""
    async with store.session() as session:
        volumes = Repository[Volume](session)
        live, gone = await add(session, Shelf, "live", "gone")
        for shelf in (live, gone):
            await volumes.create({"slug": f"read {shelf.slug}", "shelf_id": shelf.id})
            lost = await volumes.create({"slug": f"lost {shelf.slug}", "shelf_id": shelf.id})
            await volumes.delete(lost.id)
        await Repository[Shelf](session).delete(gone.id)
        await add(session, Volume, "loose")


async def test_related_rows_that_are_deleted_are_not_included(store: Database) -> None:
    """Are they left out of includes and of what a view loads, in both directions?"""
    await shelve(store)
    bounds = (None, 5)
    for most in bounds:
        async with store.session() as session:
            shelves = Repository[Shelf](session)
            shelves.view = View(max_included=most)
            page = await shelves.get_page(Query(include=["volumes"], deleted="include"))
            found = {shelf.slug: [it.slug for it in shelf.volumes] for shelf in page.items}
            assert found == {"live": ["read live"], "gone": ["read gone"]}
            volumes = Repository[Volume](session)
            (row,) = (
                await volumes.get_page(
                    Query(include=["shelf"], where=[Filter("slug", "eq", "read gone")])
                )
            ).items
            assert row.shelf is None
    async with store.session() as session:
        shelves, volumes = Repository[Shelf](session), Repository[Volume](session)
        shelves.view, volumes.view = View(loads={"volumes": {}}), View(loads={"shelf": {}})
        (shelf,) = await shelves.get_multi()
        assert [it.slug for it in shelf.volumes] == ["read live"]
        loaded = {row.slug: row.shelf and row.shelf.slug for row in await volumes.get_multi()}
        assert loaded == {"read live": "live", "read gone": None, "loose": None}


async def test_conditions_on_related_rows_do_not_see_deleted_ones(store: Database) -> None:
    """Does a filter over a relationship mean live rows, negated and for NULL as well?"""
    await shelve(store)
    asked: list[tuple[type[Any], Any, list[str]]] = [
        (Shelf, Filter("volumes.slug", "startswith", "read"), ["live"]),
        (Shelf, Filter("volumes.slug", "startswith", "lost"), []),
        (Shelf, Not(Filter("volumes.slug", "startswith", "lost")), ["live"]),
        (Volume, Filter("shelf.slug", "eq", "live"), ["read live"]),
        (Volume, Filter("shelf.slug", "eq", "gone"), []),
        (Volume, Filter("shelf.slug", "isnull", value=True), ["read gone", "loose"]),
        (Volume, Filter("shelf.slug", "isnull", value=False), ["read live"]),
        (Volume, Filter("shelf.volumes.slug", "startswith", "lost"), []),
    ]
    async with store.session() as session:
        for model, where, expected in asked:
            rows = repository_of(model, session)
            assert await slugs(rows, where=[where]) == expected, where
            assert await rows.count(where) == len(expected)
        everywhere = Query(where=[Filter("volumes.slug", "startswith", "read")], deleted="include")
        page = await Repository[Shelf](session).get_page(everywhere)
        assert [row.slug for row in page.items] == ["live", "gone"]


# Writing


async def test_what_is_deleted_cannot_be_changed_or_deleted_again(store: Database) -> None:
    """Is a deleted row not there for writes: by key and by row, in the same transaction and later?"""
    for model in DELETABLE:
        async with store.session() as session:
            rows = repository_of(model, session)
            by_key, by_row, held = await add(session, model, "a", "b", "c")
            await rows.get_for_update(held.id)
            assert await rows.delete(by_key.id) is True
            assert await rows.delete(by_row) is True
            assert await rows.delete(held.id) is True
            for row in (by_key, by_row, held):
                assert await rows.delete(row.id) is False, (model, row.slug)
                assert await rows.delete(row) is False, (model, row.slug)
                assert await rows.update(row.id, {"body": "x"}) is None, (model, row.slug)
                assert await rows.update(row.id, {}) is None, (model, row.slug)
                assert await rows.get_for_update(row.id) is None, (model, row.slug)
        async with store.session() as session:
            rows = repository_of(model, session)
            assert await rows.update(by_key.id, {"body": "x"}) is None
            assert await rows.update(by_key.id, {}) is None
            assert await rows.delete(by_key.id) is False
            assert await rows.delete(0) is False
            assert await rows.delete("x") is False
            assert await slugs(rows, deleted="only") == ["a", "b", "c"]


async def test_a_deleted_row_is_not_changed_by_being_passed(store: Database) -> None:
    """Does an update say of a deleted row that there is none, if the row itself is given?"""
    for model in DELETABLE:
        async with store.session() as session:
            rows = repository_of(model, session)
            (row,) = await add(session, model, "a")
            await rows.delete(row)
            assert await rows.update(row, {"body": "x"}) is None, model
            assert row.body is None


async def test_a_deletion_can_be_undone(store: Database) -> None:
    """Is the row back for everybody, by key or by row, and told where there is nothing to undo?"""
    for model in DELETABLE:
        async with store.session() as session:
            rows = repository_of(model, session)
            first, second = await add(session, model, "a", "b")
            for row in (first, second):
                await rows.delete(row.id)
            assert await rows.restore(first.id) is first
        async with store.session() as session:
            rows = repository_of(model, session)
            assert await slugs(rows) == ["a"]
            deleted: Any = (await rows.get_page(Query(deleted="only"))).items[0]
            key = deleted.id
            assert (await rows.restore(deleted)) is deleted
            assert await slugs(rows) == ["a", "b"]
            assert await rows.update(key, {"body": "x"}) is deleted
            assert await rows.delete(key)
            assert await rows.restore(key) is deleted
            for live in (key, deleted):
                with pytest.raises(NotDeleted) as caught:
                    await rows.restore(live)
                assert isinstance(caught.value, Conflict)
            for missing in (0, "x", (1, 2)):
                assert await rows.restore(missing) is None


async def test_rows_may_be_expired(store: Database) -> None:
    """Is a row taken that was committed since, as SQLAlchemy leaves it?"""
    for model in DELETABLE:
        async with AsyncSession(store.engine) as session:
            rows = repository_of(model, session)
            (row,) = await add(session, model, "a")
            await session.commit()
            assert await rows.delete(row)
            await session.commit()
            assert await rows.restore(row) is row
            await session.commit()
            assert await rows.purge(row)
            await session.commit()


async def test_deleting_and_restoring_count_up_the_version(store: Database) -> None:
    """Is each a change of the row like any other: its version and its time move?"""
    async with store.session() as session:
        rows = Repository[Document](session)
        row, other = await add(session, Document, "a", "b")
        seen = [(row.version, row.updated_at)]
        await rows.delete(row.id)
        seen.append((row.version, row.updated_at))
        await rows.restore(row.id)
        seen.append((row.version, row.updated_at))
        await rows.batch_delete([row.id, other.id])
        await session.refresh(row)
        seen.append((row.version, row.updated_at))
    assert [version for version, _ in seen] == [1, 2, 3, 4]
    times = [at for _, at in seen]
    assert times == sorted({*times})


async def test_a_row_whose_place_is_taken_cannot_be_restored(store: Database) -> None:
    """Is it a unique violation if another row has its key by now, and nothing is changed?"""
    if store.engine.dialect.name == "mysql":
        pytest.skip("its indexes are never partial: the place stays taken")
    async with store.session() as session:
        rows = Repository[Document](session)
        (old,) = await add(session, Document, "a")
        await rows.delete(old.id)
        await add(session, Document, "a")
        with pytest.raises(UniqueViolation) as caught:
            async with session.begin_nested():
                await rows.restore(old.id)
        assert caught.value.fields == ("slug",)
        assert await rows.count() == 1
        assert await slugs(rows, deleted="only") == ["a"]


async def test_a_purge_deletes_for_good(store: Database) -> None:
    """Are live and deleted rows gone, by key and by row?"""
    for model in DELETABLE:
        async with store.session() as session:
            rows = repository_of(model, session)
            added = await add(session, model, *"abcd")
            await rows.batch_delete([row.id for row in added[:2]])
            for each in (added[0].id, added[1], added[2].id, added[3]):
                assert await rows.purge(each) is True
            for missing in (added[0].id, 0, "x"):
                assert await rows.purge(missing) is False
            assert await slugs(rows, deleted="include") == []


async def test_several_rows_are_deleted_softly_at_once(store: Database) -> None:
    """Does a batch mark its rows, and pass over those that are deleted?"""
    for model in DELETABLE:
        async with store.session() as session:
            rows = repository_of(model, session)
            first, second, third = await add(session, model, "a", "b", "c")
            await rows.batch_delete([first.id, second.id])
            assert await slugs(rows) == ["c"]
            assert await slugs(rows, deleted="only") == ["a", "b"]
        async with store.session() as session:
            rows = repository_of(model, session)
            for gone in (first.id, second.id):
                with pytest.raises(Exception, match="not found") as caught:
                    await rows.batch_delete([third.id, gone])
                assert caught.value.index == 1  # type: ignore[attr-defined]
                with pytest.raises(Exception, match="not found"):
                    await rows.batch_update([(third.id, {}), (gone, {"body": "x"})])


# What marks a row


async def test_a_router_may_say_how_rows_are_deleted(sqlite: Database) -> None:
    """Does a view mark rows of a model that says nothing itself, and its subclasses?"""
    deletion = deletion_by(inspect_model(models.Note), "done")
    async with sqlite.session() as session:
        notes = Repository[models.Note](session)
        notes.view = View(deletions={models.Note: deletion})
        a, _ = await notes.batch_create([{"title": "a"}, {"title": "b"}])
        assert await notes.delete(a.id)
        assert a.done
        assert [row.title for row in await notes.get_multi()] == ["b"]
        assert await notes.restore(a) is a
        assert await notes.count() == 2


@pytest.mark.parametrize("model", [Document, Optioned, Flagged], ids=lambda it: it.__name__)
def test_what_is_written(model: type[Any]) -> None:
    """Is the mark the time in the column's own kind, or a flag; and is it read back as such?"""
    deletion = deletion_of(inspect_model(model))
    assert deletion is not None
    (deleted,), (restored,) = deletion.deleted().values(), deletion.restored().values()
    if model is Flagged:
        assert (deleted, restored) == (True, False)
    else:
        zone = UTC if model is Document else None
        assert deleted.tzinfo is zone
        assert restored is None
        assert abs((datetime.now(zone or UTC).replace(tzinfo=zone) - deleted).total_seconds()) < 60
    for values, marked in ((deletion.deleted(), True), (deletion.restored(), False)):
        assert deletion.marks(model(**values)) is marked
    assert deletion.column.name in deletion.deleted()


def test_a_model_that_says_nothing_is_really_deleted() -> None:
    """Is there no deletion where neither a column nor the options speak of it?"""
    for model in (models.Note, models.Team):  # the second has other options
        assert deletion_of(inspect_model(model)) is None


MISUSES: list[tuple[str, dict[str, Any], str]] = [
    ("nope", {}, "name a date-time or boolean column"),
    ("day", {"day": sa.Date()}, "name a date-time or boolean column"),
    ("at", {"at": sa.DateTime(timezone=True)}, "must be nullable"),
    ("local", {"local": sa.DateTime()}, "must be nullable"),
]


@pytest.mark.parametrize(("name", "columns", "message"), MISUSES, ids=[row[0] for row in MISUSES])
def test_a_column_that_cannot_mark_is_refused(
    name: str, columns: dict[str, Any], message: str
) -> None:
    """Is it told which columns could, from the options of the model and from those of a router?"""
    model: Any = model_of(*(sa.Column(n, type_, nullable=False) for n, type_ in columns.items()))
    info = inspect_model(model)
    with pytest.raises(ConfigurationError, match=f"Sample: soft_delete='{name}': .*{message}"):
        deletion_by(info, name)
    model.__crud__ = CrudOptions(soft_delete=name)
    with pytest.raises(ConfigurationError, match=message):
        deletion_of(info)


def test_an_expression_cannot_mark() -> None:
    """Is an attribute that is no column refused?"""
    with pytest.raises(ConfigurationError, match="name a date-time or boolean column"):
        deletion_by(inspect_model(models.Author), "shout")


async def test_only_what_is_deleted_softly_can_be_restored(sqlite: Database) -> None:
    """Is the developer told what to give the model?"""
    async with sqlite.session() as session:
        with pytest.raises(ConfigurationError, match="give it SoftDelete or soft_delete="):
            await Repository[models.Note](session).restore(1)

"""What a service does with single rows, and with pages of them."""

from functools import cached_property
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    Database,
    KeyMismatch,
    PermissionDenied,
    Query,
    Repository,
    Service,
    make_crud_router,
    make_schemas,
)
from fastapi_crud.access import Rights
from fastapi_crud.exceptions import NotDeleted
from tests import deletable_models as deletable, models
from tests.bodies import NoteCreate, NoteUpdate
from tests.conftest import Serve, counted

schemas = make_schemas(models.Note)


class NoteService(Service[models.Note, NoteCreate, NoteUpdate]):
    """Schemas of one's own."""


async def test_absent_is_not_null(db: Database) -> None:
    """Does an update write what was set, null included, and leave the rest?"""
    async with db.session() as session:
        service = NoteService(session)
        row = await service.create(NoteCreate(title="a", body="b"))
        await service.update(row.id, NoteUpdate(title="c"))
        assert (row.title, row.body) == ("c", "b")
        await service.update(row.id, NoteUpdate(body=None))
        assert (row.title, row.body) == ("c", None)
        assert await service.update(row.id, NoteUpdate()) is row


@pytest.mark.parametrize(("offset", "fits"), [(0, True), (1, False)])
async def test_key_in_the_data_must_match(db: Database, offset: int, fits: bool) -> None:
    """Is data for another row refused, in a schema of one's own too?"""
    async with db.session() as session:
        service = NoteService(session)
        row = await service.create(NoteCreate(title="a"))
        data = NoteUpdate(id=row.id + offset, title="b")
        if fits:
            assert await service.update(row.id, data) is row
        else:
            with pytest.raises(KeyMismatch):
                await service.update(row.id, data)


async def test_replace_by_the_derived_schema(db: Database) -> None:
    """Does replace reset what is left out?"""
    async with db.session() as session:
        service = Service[models.Note](session)
        row = await service.create(schemas.create(title="a", body="b", done=True))
        await service.replace(row.id, schemas.replace(title="c"))
        assert (row.title, row.body, row.done) == ("c", None, False)
        assert await service.replace(0, schemas.replace(title="c")) is None
        assert await service.replace("x", schemas.replace(title="c")) is None


async def test_reading(db: Database) -> None:
    """Do get, get_multi and get_page read through the repository?"""
    note = models.Note
    async with db.session() as session:
        service = Service[models.Note](session)
        for title in ("a", "b", "c"):
            await service.create(schemas.create(title=title))
        rows, total = await service.get_multi(limit=2)
        assert ([row.title for row in rows], total) == (["a", "b"], 3)
        assert await service.get(rows[0].id) is rows[0]
        assert await service.get("nonexistent") is None
        query = Query(where=(note.title > "a",), order_by=(note.title.desc(),))
        page = await service.get_page(query)
        assert ([row.title for row in page.items], page.total) == (["c", "b"], 2)


class FewNotes(Service[models.Note]):
    """Overrides what the seed's service overrides."""

    async def get_multi(self, **_: Any) -> tuple[list[models.Note], int]:
        return [], 42


async def test_the_list_endpoint_uses_an_overridden_get_multi(
    sqlite: Database, serve: Serve
) -> None:
    """Does a rule put into `get_multi` hold for the list endpoint?"""
    client = serve(sqlite, make_crud_router(models.Note, service=FewNotes))
    assert (await client.get("/notes")).json() == {"items": [], "total": 42}


class OwnRepository(Repository[models.Note]):
    async def first(self) -> models.Note:
        return (await self.get_multi(limit=1))[0]


class OwnService(Service[models.Note]):
    @cached_property
    def repository(self) -> OwnRepository:
        return OwnRepository(self.session)


async def test_repository_of_ones_own(sqlite: Database) -> None:
    """Can a service bring its own repository?"""
    async with sqlite.session() as session:
        service = OwnService(session)
        row = await service.create(schemas.create(title="a"))
        assert await service.repository.first() is row


async def test_what_a_caller_may_not_write_stays(db: Database) -> None:
    """Do columns outside of the caller's rights neither change nor go back to a default?"""
    async with db.session() as session:
        service = Service[models.Note](session)
        row = await service.create(schemas.create(title="a", body="b", done=True))
        service.rights = Rights(read_only=frozenset({"body"}), hidden=frozenset({"done"}))
        await service.update(row.id, schemas.update(title="c", body="x", done=False))
        assert (row.title, row.body, row.done) == ("c", "b", True)
        await service.replace(row.id, schemas.replace(title="d"))
        assert (row.title, row.body, row.done) == ("d", "b", True)


async def test_a_row_is_locked_through_the_service(sqlite: Database) -> None:
    """Is the row that a hook asked for not read again by the update?"""
    async with sqlite.session() as session:
        service = Service[models.Note](session)
        row = await service.create(schemas.create(title="a"))
        assert await service.get_for_update(row.id) is row
        with counted(sqlite.engine) as statements:
            assert await service.get_for_update(row.id) is row
        assert statements.verbs == []
        assert await service.get_for_update(0) is None


# Soft deletion


class LeafletService(Service[deletable.Leaflet]):
    """Writes down what it sees."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.seen: list[Any] = []

    async def before_delete(self, id: Any) -> None:
        self.seen.append(("before_delete", id))

    async def after_delete(self, id: Any) -> None:
        self.seen.append(("after_delete", id))

    async def before_restore(self, id: Any) -> None:
        self.seen.append(("before_restore", id))
        if id == "forbidden":
            raise PermissionDenied

    async def after_restore(self, row: deletable.Leaflet) -> None:
        self.seen.append(("after_restore", row.slug, row.deleted_at))


async def test_hooks_run_around_restore_and_purge(store: Database) -> None:
    """Is a service told before and after, and only before where there is no such row?"""
    async with store.session() as session:
        service = LeafletService(session)
        leaflet = await service.repository.create({"slug": "a"})
        assert await service.delete(leaflet.id)
        assert await service.restore(leaflet.id) is leaflet
        with pytest.raises(NotDeleted):
            await service.restore(leaflet.id)
        assert await service.restore(0) is None
        with pytest.raises(PermissionDenied):
            await service.restore("forbidden")
        assert await service.purge(leaflet.id)
        assert not await service.purge(leaflet.id)
        assert service.seen == [
            ("before_delete", leaflet.id), ("after_delete", leaflet.id),
            ("before_restore", leaflet.id), ("after_restore", "a", None),
            ("before_restore", leaflet.id), ("before_restore", 0), ("before_restore", "forbidden"),
            ("before_delete", leaflet.id), ("after_delete", leaflet.id),
            ("before_delete", leaflet.id),
        ]  # fmt: skip

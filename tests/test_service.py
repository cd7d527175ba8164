"""Rules around the rows: hooks, schemas in, keys that must match, callbacks after the commit."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    ConfigurationError,
    Database,
    KeyMismatch,
    PermissionDenied,
    Query,
    Repository,
    Service,
    make_crud_router,
    make_schemas,
)
from tests import models
from tests.conftest import Serve, rows_of

schemas = make_schemas(models.Note)


class NoteCreate(BaseModel):
    title: str
    body: str | None = None


class NoteUpdate(BaseModel):
    id: int | None = None
    title: str | None = None
    body: str | None = None


class NoteService(Service[models.Note, NoteCreate, NoteUpdate]):
    """Writes down what it sees."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.seen: list[Any] = []

    async def before_create(self, values: dict[str, Any]) -> None:
        self.seen.append(("before_create", dict(values)))
        values["title"] = values["title"].upper()

    async def after_create(self, row: models.Note) -> None:
        self.seen.append(("after_create", row.title))

    async def before_update(self, id: Any, values: dict[str, Any]) -> None:
        self.seen.append(("before_update", id, dict(values)))
        if values.get("title") == "forbidden":
            raise PermissionDenied

    async def after_update(self, row: models.Note, values: Mapping[str, Any]) -> None:
        self.seen.append(("after_update", row.title, dict(values)))

    async def before_delete(self, id: Any) -> None:
        self.seen.append(("before_delete", id))

    async def after_delete(self, id: Any) -> None:
        self.seen.append(("after_delete", id))


async def test_hooks_see_and_change_what_is_written(db: Database) -> None:
    """Do the hooks run around each change, with the values, in order?"""
    async with db.session() as session:
        service = NoteService(session)
        row = await service.create(NoteCreate(title="a"))
        assert row.title == "A"
        changed = await service.update(row.id, NoteUpdate(body="b"))
        assert changed is row
        assert await service.delete(row.id)
        assert not await service.delete(row.id)
        assert await service.update(row.id, NoteUpdate(body="c")) is None
        assert service.seen == [
            ("before_create", {"title": "a", "body": None}),
            ("after_create", "A"),
            ("before_update", row.id, {"body": "b"}),
            ("after_update", "A", {"body": "b"}),
            ("before_delete", row.id),
            ("after_delete", row.id),
            ("before_delete", row.id),
            ("before_update", row.id, {"body": "c"}),
        ]


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


class WithCallback(Service[models.Note]):
    """Tells of new rows once they are stored."""

    told: list[str] = []

    async def after_create(self, row: models.Note) -> None:
        title = row.title
        self.after_commit(lambda: self.told.append(title))
        if title == "refused":
            raise PermissionDenied


async def test_after_commit_runs_for_what_was_stored(sqlite: Database, serve: Serve) -> None:
    """Does the callback run after the commit, and not at all after a rollback?"""
    WithCallback.told.clear()
    client = serve(sqlite, make_crud_router(models.Note, service=WithCallback))
    assert (await client.post("/notes", json={"title": "refused"})).status_code == 403
    assert (await client.post("/notes", json={"title": "stored"})).status_code == 201
    assert WithCallback.told == ["stored"]
    assert [row.title for row in await rows_of(sqlite, models.Note)] == ["stored"]


async def test_hooks_run_in_requests(sqlite: Database, serve: Serve) -> None:
    """Do rules hold over HTTP, with PUT through the same hook as PATCH?"""
    client = serve(sqlite, make_crud_router(models.Note, service=NoteService))
    created = await client.post("/notes", json={"title": "a"})
    assert created.json()["title"] == "A"
    path = created.headers["location"]
    for method in ("PATCH", "PUT"):
        answer = await client.request(method, path, json={"title": "forbidden"})
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden"
    assert (await client.get(path)).json()["title"] == "A"


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


def test_service_needs_to_know_its_model() -> None:
    """Is a service without a model refused, and the fix named?"""
    session: Any = None
    generic: Any = Service
    with pytest.raises(ConfigurationError, match=r"Service\[User"):
        generic(session)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("create", {"before_create", "after_create"}),
        ("update", {"before_update", "after_update"}),
        ("replace", {"before_update", "after_update"}),
        ("delete", {"before_delete", "after_delete"}),
        ("get", set[str]()),
        ("list", set[str]()),
    ],
)
def test_overrides_are_known(operation: str, expected: set[str]) -> None:
    """Does the class know which methods hold rules?"""
    assert NoteService.overrides(operation) == expected
    assert Service[models.Note].overrides(operation) == set()

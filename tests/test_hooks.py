"""What a service is told about: before and after each change, inside the transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Database, PermissionDenied, Service, make_crud_router
from fastapi_crud.hooks import OVERRIDES
from fastapi_crud.operations import OPERATIONS
from tests import models
from tests.bodies import NoteCreate, NoteUpdate
from tests.conftest import Serve, rows_of


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


class Everywhere(Service[models.Note]):
    """Puts a rule into every hook and every method there is."""


for _name in {name for names in OVERRIDES.values() for name in names}:
    setattr(Everywhere, _name, print)


class Further(NoteService):
    """Inherits rules, and adds one of its own."""

    async def upsert(self, *_: Any, **__: Any) -> list[models.Note]:
        return []


def test_overrides_are_known() -> None:
    """Does the class know which methods hold rules, those that it inherits included?"""
    creates, updates = {"before_create", "after_create"}, {"before_update", "after_update"}
    deletes, nothing = {"before_delete", "after_delete"}, set[str]()
    expected = dict.fromkeys(OPERATIONS, nothing) | {
        "create": creates, "batch_create": creates,
        "import": creates, "update": updates, "replace": updates, "batch_update": updates,
        "delete": deletes, "purge": deletes, "batch_delete": deletes,
    }  # fmt: skip
    assert OVERRIDES.keys() == {*OPERATIONS, "export"}
    for operation in OPERATIONS:
        assert NoteService.overrides(operation) == expected[operation]
        more = {"upsert"} if operation == "upsert" else nothing
        assert Further.overrides(operation) == expected[operation] | more
        assert Service[models.Note].overrides(operation) == nothing
        assert Everywhere.overrides(operation) == {*OVERRIDES[operation]}


async def test_hooks_that_nobody_overrides_do_nothing(sqlite: Database) -> None:
    """May a subclass call `super()` in each hook?"""
    async with sqlite.session() as session:
        service, row = Service[models.Note](session), models.Note(title="a")
        values: dict[str, Any] = {"title": "a"}
        for hook in (
            service.prepare(values), service.prepare(values, 1),
            service.before_create(values), service.after_create(row),
            service.before_update(1, values), service.after_update(row, values),
            service.before_delete(1), service.after_delete(1),
            service.before_restore(1), service.after_restore(row),
            service.before_upsert(values), service.after_upsert(row, values),
        ):  # fmt: skip
            await hook
        assert values == {"title": "a"}

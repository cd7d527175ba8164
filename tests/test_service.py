"""Several rows at once, with the rules around each: as if they came one by one."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    ConfigurationError,
    CrudError,
    Database,
    KeyMismatch,
    PermissionDenied,
    Service,
    UniqueViolation,
    make_schemas,
)
from fastapi_crud.access import Rights
from fastapi_crud.exceptions import DuplicateItem, NotFound
from tests import deletable_models as deletable, models
from tests.conftest import counted, rows_of, tables_of

schemas = make_schemas(models.Note, client_ids=True)


class Diary(Service[models.Note]):
    """Writes down what it sees, changes what it may, and refuses what is forbidden."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.seen: list[Any] = []
        self.kept: Any = None

    def note(self, *what: Any) -> None:
        self.seen.append(what)
        if "forbidden" in what:
            raise PermissionDenied

    async def before_create(self, values: dict[str, Any]) -> None:
        self.note("before_create", values["title"])
        values["body"] = values["title"].upper()

    async def after_create(self, row: models.Note) -> None:
        self.note("after_create", row.title, row.body)
        if row.title == "refused":
            raise PermissionDenied

    async def before_update(self, id: Any, values: dict[str, Any]) -> None:
        self.note("before_update", values.get("title"))
        values["body"] = "changed"

    async def after_update(self, row: models.Note, values: Mapping[str, Any]) -> None:
        self.note("after_update", row.title, row.body, dict(values))
        if row.title == "refused":
            raise PermissionDenied

    async def before_delete(self, id: Any) -> None:
        self.note("before_delete", id)
        if id == self.kept:
            raise PermissionDenied

    async def after_delete(self, id: Any) -> None:
        self.note("after_delete", id)

    async def before_upsert(self, values: dict[str, Any]) -> None:
        self.note("before_upsert", values["title"])
        values["body"] = values["title"].upper()

    async def after_upsert(self, row: models.Note, values: Mapping[str, Any]) -> None:
        self.note("after_upsert", row.title, row.body, dict(values))


class Preparing(Diary):
    """Looks at what a client wrote before the hooks do."""

    async def prepare(self, values: dict[str, Any], id: Any = None) -> None:
        self.note("prepare", id, values.get("title"))
        if "title" in values:
            values["title"] = values["title"].strip()


class Overridden(Service[models.Note]):
    """Puts its rules into whole methods."""

    async def create(self, data: Any) -> models.Note:
        if data.title == "forbidden":
            raise PermissionDenied
        return await super().create(data.model_copy(update={"body": "by create"}))

    async def update(self, id: Any, data: Any) -> models.Note | None:
        if data.title == "forbidden":
            raise PermissionDenied
        if data.title == "ignored":
            return None
        return await super().update(id, data.model_copy(update={"body": "by update"}))

    async def delete(self, id: Any) -> bool:
        row = await self.get(id)
        if row is not None and row.title == "forbidden":
            raise PermissionDenied
        return await super().delete(id)


def bodies(*titles: str) -> list[Any]:
    """Bodies of new notes."""
    return [schemas.create(title=title) for title in titles]


async def test_hooks_run_for_each_item_of_a_batch(db: Database) -> None:
    """Is each hook called for each item, in order, and are its changes written?"""
    async with db.session() as session:
        service = Diary(session)
        rows = await service.batch_create(bodies("a", "b"))
        assert [(row.title, row.body) for row in rows] == [("a", "A"), ("b", "B")]
        assert service.seen == [
            ("before_create", "a"), ("before_create", "b"),
            ("after_create", "a", "A"), ("after_create", "b", "B"),
        ]  # fmt: skip
        service.seen.clear()
        keys = [row.id for row in rows]
        changes = [(keys[1], schemas.update(title="d")), (keys[0], schemas.update())]
        changed = await service.batch_update(changes)
        assert [(row.title, row.body) for row in changed] == [("d", "changed"), ("a", "changed")]
        assert service.seen == [
            ("before_update", "d"), ("before_update", None),
            ("after_update", "d", "changed", {"title": "d", "body": "changed"}),
            ("after_update", "a", "changed", {"body": "changed"}),
        ]  # fmt: skip
        service.seen.clear()
        await service.batch_delete(keys)
        before, after = [("before_delete", k) for k in keys], [("after_delete", k) for k in keys]
        assert service.seen == [*before, *after]
    assert await rows_of(db, models.Note) == []


async def test_hooks_run_around_an_upsert(db: Database) -> None:
    """Is a service told of each row, new or not, and may change what is stored?"""
    async with db.session() as session:
        service = Diary(session)
        await service.batch_create(bodies("a"))
        service.seen.clear()
        items = [schemas.create(title="a", done=True), schemas.create(title="b")]
        rows = await service.upsert(items, on_conflict=["title"])
        assert [(row.title, row.body, row.done) for row in rows] == [
            ("a", "A", True), ("b", "B", False),
        ]  # fmt: skip
        assert service.seen == [
            ("before_upsert", "a"), ("before_upsert", "b"),
            ("after_upsert", "a", "A", {"title": "a", "done": True, "body": "A"}),
            ("after_upsert", "b", "B", {"title": "b", "body": "B"}),
        ]  # fmt: skip
        await service.batch_update([(rows[0].id, schemas.update())])
        ignored = await service.upsert(items[:1], on_conflict=["title"], mode="ignore")
        assert ignored[0].body == "changed"


async def test_what_clients_write_is_prepared_item_by_item(db: Database) -> None:
    """Is `prepare` called for each item before its hooks, with the key where there is a row?"""
    async with db.session() as session:
        service = Preparing(session)
        a, b = await service.batch_create(bodies(" a ", "b "))
        assert ((a.title, a.body), (b.title, b.body)) == (("a", "A"), ("b", "B"))
        assert service.seen[:4] == [
            ("prepare", None, " a "), ("before_create", "a"),
            ("prepare", None, "b "), ("before_create", "b"),
        ]  # fmt: skip
        service.seen.clear()
        await service.batch_update([(b.id, schemas.update(title=" c")), (a.id, schemas.update())])
        assert service.seen[:4] == [
            ("prepare", b.id, " c"), ("before_update", "c"),
            ("prepare", a.id, None), ("before_update", None),
        ]  # fmt: skip
        service.seen.clear()
        rows = await service.upsert(bodies("c ", " d"), on_conflict=["title"])
        assert ([row.title for row in rows], rows[0]) == (["c", "d"], b)
        assert service.seen[:4] == [
            ("prepare", None, "c "), ("before_upsert", "c"),
            ("prepare", None, " d"), ("before_upsert", "d"),
        ]  # fmt: skip


async def test_new_rows_of_a_batch_get_what_is_fixed(db: Database) -> None:
    """Do they get it, and rows that are there not, even where an upsert changes them?"""
    async with db.session() as session:
        service = Service[models.Note](session)
        (old,) = await service.batch_create(bodies("a"))
        service.rights = Rights(fixed={"body": "mine"})
        (new,) = await service.batch_create(bodies("b"))
        assert (old.body, new.body) == (None, "mine")
        await service.batch_update([(new.id, schemas.update(body="other"))])
        await service.batch_update([(old.id, schemas.update(body="old"))])
        items = [schemas.create(title="a", done=True), *bodies("b", "c")]
        rows = await service.upsert(items, on_conflict=["title"])
        assert [(row.title, row.body, row.done) for row in rows] == [
            ("a", "old", True), ("b", "other", False), ("c", "mine", False),
        ]  # fmt: skip


async def test_overridden_methods_hold_for_batches(db: Database) -> None:
    """Do the rules of `create`, `update` and `delete` hold where several rows come at once?"""
    async with db.session() as session:
        service = Overridden(session)
        rows = await service.batch_create(bodies("a", "b", "c"))
        assert {row.body for row in rows} == {"by create"}
        titles = {rows[2].id: "f", rows[0].id: "ignored"}
        changes = [(key, schemas.update(title=title)) for key, title in titles.items()]
        changed = await service.batch_update(changes)
        assert [(row.title, row.body) for row in changed] == [
            ("f", "by update"),
            ("a", "by create"),
        ]
        with pytest.raises(NotFound) as caught:
            await service.batch_update(
                [(rows[0].id, schemas.update(title="x")), (0, schemas.update())]
            )
        assert caught.value.index == 1
        with pytest.raises(NotFound) as caught:
            await service.batch_delete([rows[0].id, 0])
        assert caught.value.index == 1
        await service.batch_delete([row.id for row in rows[:2]])
    assert [row.title for row in await rows_of(db, models.Note)] == ["f"]


async def delete_kept(service: Any, rows: list[models.Note]) -> None:
    """Delete a note that the service keeps, among others."""
    service.kept = rows[2].id
    await service.batch_delete([rows[0].id, rows[2].id])


Work = Callable[[Any, list[models.Note]], Any]

FAILURES: dict[str, tuple[type[Service[Any, Any, Any]], Work, type[CrudError], int]] = {
    "before create": (Diary, lambda s, _: s.batch_create(bodies("x", "forbidden")), PermissionDenied, 1),
    "after create": (Diary, lambda s, _: s.batch_create(bodies("x", "refused")), PermissionDenied, 1),
    "create": (Overridden, lambda s, _: s.batch_create(bodies("x", "y", "forbidden")), PermissionDenied, 2),
    "taken": (Diary, lambda s, _: s.batch_create(bodies("x", "a", "y")), UniqueViolation, 1),
    "before update": (
        Diary,
        lambda s, rows: s.batch_update([
            (rows[0].id, schemas.update(title="x")), (rows[1].id, schemas.update(title="forbidden")),
        ]),
        PermissionDenied,
        1,
    ),
    "after update": (
        Diary,
        lambda s, rows: s.batch_update([
            (rows[0].id, schemas.update(title="x")), (rows[1].id, schemas.update(title="refused")),
        ]),
        PermissionDenied,
        1,
    ),
    "update": (
        Overridden,
        lambda s, rows: s.batch_update([
            (rows[0].id, schemas.update(title="x")), (rows[1].id, schemas.update(title="forbidden")),
        ]),
        PermissionDenied,
        1,
    ),
    "another key": (
        Diary,
        lambda s, rows: s.batch_update([
            (rows[0].id, schemas.update(title="x")), (rows[1].id, schemas.update(id=rows[0].id)),
        ]),
        KeyMismatch,
        1,
    ),
    "one key twice": (
        Diary,
        lambda s, rows: s.batch_update([(rows[0].id, schemas.update(title="x"))] * 2),
        DuplicateItem,
        1,
    ),
    "before delete": (Diary, delete_kept, PermissionDenied, 1),
    "delete": (Overridden, lambda s, rows: s.batch_delete([rows[0].id, rows[2].id]), PermissionDenied, 1),
    "no such row": (Diary, lambda s, rows: s.batch_delete([rows[0].id, 0]), NotFound, 1),
    "prepare of new rows": (
        Preparing, lambda s, _: s.batch_create(bodies("x", "forbidden")), PermissionDenied, 1,
    ),
    "prepare of changes": (
        Preparing,
        lambda s, rows: s.batch_update([
            (rows[0].id, schemas.update(title="x")), (rows[1].id, schemas.update(title="forbidden")),
        ]),
        PermissionDenied,
        1,
    ),
    "prepare of an upsert": (
        Preparing,
        lambda s, _: s.upsert(bodies("x", "forbidden"), on_conflict=["title"]),
        PermissionDenied,
        1,
    ),
    "before upsert": (
        Diary,
        lambda s, _: s.upsert(bodies("x", "forbidden"), on_conflict=["title"]),
        PermissionDenied,
        1,
    ),
}  # fmt: skip


async def test_an_error_tells_which_item_it_is_about(db: Database) -> None:
    """Has every failure its index, and is nothing stored of the whole batch?"""
    async with db.session() as session:
        rows = await Service[models.Note](session).batch_create(bodies("a", "b", "forbidden"))
    for name, (cls, work, error, index) in FAILURES.items():
        with pytest.raises(error) as caught:
            async with db.session() as session:
                await work(cls(session), rows)
        assert caught.value.index == index, name
        stored = await rows_of(db, models.Note)
        assert {row.title: row.body for row in stored} == {"a": None, "b": None, "forbidden": None}


async def test_a_batch_costs_the_same_whatever_its_size(db: Database) -> None:
    """Are hooks no reason for more statements?"""
    costs: list[list[str]] = []
    for count in (3, 60):
        async with db.session() as session:
            service = Diary(session)
            with counted(db.engine) as statements:
                rows = await service.batch_create(bodies(*(f"{count} {n}" for n in range(count))))
                await service.batch_update([(row.id, schemas.update(done=True)) for row in rows])
                await service.upsert(
                    [schemas.create(title=row.title) for row in rows], on_conflict=["title"]
                )
                await service.batch_delete([row.id for row in rows])
            costs.append(statements.verbs)
    assert costs[0] == costs[1]


class KeepsSome(Service[deletable.Leaflet]):
    """Refuses some deletions."""

    async def before_delete(self, id: Any) -> None:
        if (await self.get(id)).slug == "kept":  # type: ignore[union-attr]
            raise PermissionDenied


@pytest.fixture
async def leaflets(sqlite: Database) -> AsyncIterator[Database]:
    """With tables whose rows are deleted softly."""
    async with tables_of(sqlite, deletable.Base.metadata) as own:
        yield own


async def test_hooks_of_deletion_run_where_rows_are_only_marked(leaflets: Database) -> None:
    """Are those of delete called, and not those of update?"""
    async with leaflets.session() as session:
        service = KeepsSome(session)
        rows = await service.repository.batch_create([{"slug": "a"}, {"slug": "kept"}])
        with pytest.raises(PermissionDenied) as caught:
            await service.batch_delete([row.id for row in rows])
        assert caught.value.index == 1
        await service.batch_delete([rows[0].id])
        assert [row.slug for row in await service.repository.get_multi()] == ["kept"]


def test_service_needs_to_know_its_model() -> None:
    """Is a service without a model refused, and the fix named?"""
    session: Any = None
    generic: Any = Service
    with pytest.raises(ConfigurationError, match=r"Service\[User"):
        generic(session)

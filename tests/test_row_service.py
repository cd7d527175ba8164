"""What a service does with single rows, and with pages of them."""

from collections.abc import AsyncIterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar

import pytest
import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

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
from fastapi_crud.models import NAMING_CONVENTION
from fastapi_crud.operations import DEFAULT_OPERATIONS
from tests import deletable_models as deletable, models
from tests.bodies import NoteCreate, NoteUpdate
from tests.conftest import Client, Serve, counted, rows_of, tables_of

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


# What clients write in place of a column


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Safe(Base):
    """Nobody reads or writes its hashes; clients write what they are made of."""

    __tablename__ = "prepared_safes"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    slug: Mapped[str] = mapped_column(sa.String(20))
    note: Mapped[str | None] = mapped_column(sa.String(20))
    hashed_pin: Mapped[str] = mapped_column(
        sa.String(20),
        info={
            "inputs": {"pin": Annotated[str, Field(min_length=4)]},
            "update_inputs": {"old_pin": str},
        },
    )


class Vault(Base):
    """Known by an address, and unique by what is made of it."""

    __tablename__ = "prepared_vaults"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(20))
    email_key: Mapped[str] = mapped_column(
        sa.String(20), unique=True, info={"hidden": True, "reported_as": "email"}
    )
    hint_key: Mapped[str | None] = mapped_column(
        sa.String(20),
        unique=True,
        info={"hidden": True, "inputs": {"hint": str}, "reported_as": "hint"},
    )


class VaultService(Service[Vault]):
    """Knows addresses and hints in lower case."""

    async def prepare(self, values: dict[str, Any], id: Any = None) -> None:
        if "email" in values:
            values["email_key"] = values["email"].lower()
        if "hint" in values:
            values["hint_key"] = values.pop("hint").lower()


class SafeService(Service[Safe]):
    """Makes hashes of what clients write, and writes down what it sees."""

    seen: ClassVar[list[Any]] = []

    async def prepare(self, values: dict[str, Any], id: Any = None) -> None:
        self.seen.append(("prepare", id, {*values}))
        if values.pop("old_pin", "good") == "bad":
            raise PermissionDenied
        if "pin" in values:
            values["hashed_pin"] = f"#{values.pop('pin')[::-1]}"

    async def before_create(self, values: dict[str, Any]) -> None:
        self.seen.append(("before_create", {*values}))

    async def before_update(self, id: Any, values: dict[str, Any]) -> None:
        self.seen.append(("before_update", id, {*values}))

    async def after_update(self, row: Safe, values: Mapping[str, Any]) -> None:
        self.seen.append(("after_update", row.id, {*values}))

    async def before_upsert(self, values: dict[str, Any]) -> None:
        self.seen.append(("before_upsert", {*values}))


@pytest.fixture(scope="module")
async def safe_tables(database: Database) -> AsyncIterator[Database]:
    """The tables of safes and vaults, on each backend."""
    async with tables_of(database, Base.metadata) as own:
        yield own


@pytest.fixture
async def safes(safe_tables: Database) -> Database:
    """The same, with one safe and one vault in them."""
    async with safe_tables.session() as session:
        for model in (Safe, Vault):
            await session.execute(sa.delete(model))
        session.add(Safe(id=1, slug="old", note="n", hashed_pin="#0000"))
        session.add(Vault(id=901, email="A@x", email_key="a@x", hint_key="dog"))
    SafeService.seen.clear()
    return safe_tables


@pytest.fixture
def client(safes: Database, serve: Serve) -> Client:
    """A client of everything that can be done with safes."""
    operations: Any = (*DEFAULT_OPERATIONS, "batch_create", "batch_update", "upsert")
    return serve(
        safes, make_crud_router(Safe, service=SafeService, operations=operations, upsert=True)
    )


NEW = {"id": 5, "slug": "new", "pin": "1234"}
PREPARED = {"id", "slug", "hashed_pin"}
WRITES: dict[str, tuple[tuple[str, str, Any], int, list[Any]]] = {
    "create": (
        ("POST", "", NEW),
        5,
        [("prepare", None, {"id", "slug", "pin"}), ("before_create", PREPARED)],
    ),
    "replace, creating": (
        ("PUT", "/5", {"slug": "new", "pin": "1234"}),
        5,
        [("prepare", None, {"slug", "pin"}), ("before_create", PREPARED)],
    ),
    "batch_create": (
        ("POST", ":batchCreate", {"items": [NEW]}),
        5,
        [("prepare", None, {"id", "slug", "pin"}), ("before_create", PREPARED)],
    ),
    "upsert, creating": (
        ("POST", ":upsert", {"items": [NEW], "on_conflict": ["id"]}),
        5,
        [("prepare", None, {"id", "slug", "pin"}), ("before_upsert", PREPARED)],
    ),
    "upsert, changing": (
        ("POST", ":upsert", {"items": [NEW | {"id": 1}], "on_conflict": ["id"]}),
        1,
        [("prepare", None, {"id", "slug", "pin"}), ("before_upsert", PREPARED)],
    ),
    "update": (
        ("PATCH", "/1", {"pin": "1234", "old_pin": "good"}),
        1,
        [
            ("prepare", 1, {"pin", "old_pin"}),
            ("before_update", 1, {"hashed_pin"}),
            ("after_update", 1, {"hashed_pin"}),
        ],
    ),
    "replace": (
        ("PUT", "/1", {"slug": "new", "pin": "1234", "old_pin": "good"}),
        1,
        [
            ("prepare", 1, {"slug", "pin", "old_pin"}),
            ("before_update", 1, {"slug", "note", "hashed_pin"}),
            ("after_update", 1, {"slug", "note", "hashed_pin"}),
        ],
    ),
    "batch_update": (
        ("POST", ":batchUpdate", {"items": [{"id": 1, "pin": "1234", "old_pin": "good"}]}),
        1,
        [
            ("prepare", 1, {"pin", "old_pin"}),
            ("before_update", 1, {"hashed_pin"}),
            ("after_update", 1, {"hashed_pin"}),
        ],
    ),
}
"""Way to write: the request, the row that it is about, and what the service is told."""


@pytest.mark.parametrize(("request_", "key", "seen"), WRITES.values(), ids=WRITES)
async def test_inputs_become_columns_however_rows_are_written(
    safes: Database, client: Client, request_: tuple[str, str, Any], key: int, seen: list[Any]
) -> None:
    """Is `prepare` called once, before the hooks, and is what it makes stored and never shown?"""
    method, path, body = request_
    answer = await client.request(method, f"/prepared_safes{path}", json=body)
    assert answer.status_code in {200, 201}, answer.text
    assert SafeService.seen == seen
    hashes = {row.id: row.hashed_pin for row in await rows_of(safes, Safe)}
    assert hashes == {1: "#0000", key: "#4321"}
    row = answer.json()["items"][0] if path.startswith(":") else answer.json()
    assert row.keys() == {"id", "slug", "note"}


async def test_what_is_hidden_behind_inputs_stays_hidden(client: Client) -> None:
    """Can nobody read, filter, sort or write the column, or read what was written for it?"""
    for name in ("hashed_pin", "pin", "old_pin"):
        for query in (f"{name}=x", f"sort={name}"):
            assert (await client.get(f"/prepared_safes?{query}")).status_code == 422, query
    for method, body in (("PATCH", {"hashed_pin": "x"}), ("POST", NEW | {"hashed_pin": "x"})):
        path = "/prepared_safes" if method == "POST" else "/prepared_safes/1"
        refused = await client.request(method, path, json=body)
        assert [it["type"] for it in refused.json()["errors"]] == ["extra_forbidden"]
    shown = [await client.get("/prepared_safes"), await client.get("/prepared_safes/1")]
    assert [answer.json() for answer in shown] == [
        {"items": [{"id": 1, "slug": "old", "note": "n"}], "total": 1},
        {"id": 1, "slug": "old", "note": "n"},
    ]


@pytest.mark.parametrize(
    ("method", "body"), [("PATCH", {"note": "x"}), ("PUT", {"slug": "old"})], ids=["PATCH", "PUT"]
)
async def test_inputs_that_are_left_out_change_nothing(
    safes: Database, client: Client, method: str, body: dict[str, Any]
) -> None:
    """Does the column behind them stay as it is, in a PUT as well?"""
    answer = await client.request(method, "/prepared_safes/1", json=body)
    assert (answer.status_code, answer.json()["note"]) == (200, body.get("note"))
    (row,) = await rows_of(safes, Safe)
    assert row.hashed_pin == "#0000"


INPUT_ERRORS: dict[str, tuple[tuple[str, str, Any], tuple[int, str], list[str]]] = {
    "missing": (("POST", "", {"id": 5, "slug": "new"}), (422, "validation_error"), ["#/pin"]),
    "of changes only": (
        ("POST", "", NEW | {"old_pin": "good"}), (422, "validation_error"), ["#/old_pin"],
    ),
    "out of bounds": (("PATCH", "/1", {"pin": "1"}), (422, "validation_error"), ["#/pin"]),
    "missing where PUT creates": (("PUT", "/5", {"slug": "new"}), (422, "not_null_violation"), []),
    "refused by prepare": (
        ("PATCH", "/1", {"pin": "1234", "old_pin": "bad"}), (403, "forbidden"), [],
    ),
    "refused in a batch": (
        ("POST", ":batchUpdate", {"items": [{"id": 1, "old_pin": "bad"}]}),
        (403, "forbidden"),
        ["#/items/0"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "problem", "places"), INPUT_ERRORS.values(), ids=INPUT_ERRORS)
async def test_errors_speak_of_inputs(
    safes: Database,
    client: Client,
    request_: tuple[str, str, Any],
    problem: tuple[int, str],
    places: list[str],
) -> None:
    """Is an error told at the field that clients write, never at the column that they do not know?"""
    method, path, body = request_
    answer = await client.request(method, f"/prepared_safes{path}", json=body)
    told = answer.json()
    assert (answer.status_code, told["code"]) == problem
    assert {error["pointer"] for error in told.get("errors", ())} == {*places}
    assert "hashed_pin" not in answer.text
    assert [row.hashed_pin for row in await rows_of(safes, Safe)] == ["#0000"]


TAKEN: dict[str, tuple[tuple[str, str, Any], list[str]]] = {
    "column": (("POST", "", {"email": "a@X"}), ["#/email"]),
    "input": (("POST", "", {"email": "b@x", "hint": "DOG"}), ["#/hint"]),
    "by a change": (("PATCH", "/902", {"email": "a@x"}), ["#/email"]),
    "in a batch": (
        ("POST", ":batchCreate", {"items": [{"email": "b@x"}, {"email": "c@x", "hint": "Dog"}]}),
        ["#/items/1/hint"],
    ),
}


@pytest.mark.parametrize(("request_", "places"), TAKEN.values(), ids=TAKEN)
async def test_what_is_taken_is_reported_by_the_field_that_clients_know(
    safes: Database, serve: Serve, request_: tuple[str, str, Any], places: list[str]
) -> None:
    """Does the error name it, and not the hidden column that is unique?"""
    operations: Any = (*DEFAULT_OPERATIONS, "batch_create")
    client = serve(safes, make_crud_router(Vault, service=VaultService, operations=operations))
    async with safes.session() as session:
        session.add(Vault(id=902, email="z@x", email_key="z@x"))
    method, path, body = request_
    answer = await client.request(method, f"/prepared_vaults{path}", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "unique_violation"), problem
    assert [error["pointer"] for error in problem["errors"]] == places
    assert "_key" not in answer.text


async def test_columns_are_changed_without_inputs(safes: Database) -> None:
    """Does `change` write any column, with the hooks of an update but without `prepare`?"""
    async with safes.session() as session:
        service = SafeService(session)
        row = await service.change(1, {"hashed_pin": "#9999"})
        assert row is not None
        assert row.hashed_pin == "#9999"
        assert service.seen == [
            ("before_update", 1, {"hashed_pin"}), ("after_update", 1, {"hashed_pin"}),
        ]  # fmt: skip
        service.seen.clear()
        assert await service.change(0, {"hashed_pin": "#9999"}) is None
        assert service.seen == [("before_update", 0, {"hashed_pin"})]


async def test_new_rows_get_what_is_fixed(sqlite: Database) -> None:
    """Do rows that a service makes get it over what the body says, and those it changes not?"""
    async with sqlite.session() as session:
        service = NoteService(session)
        service.rights = Rights(fixed={"body": "mine"})
        row = await service.create(NoteCreate(title="a", body="x"))
        assert row.body == "mine"
        await service.update(row.id, NoteUpdate(body="y"))
        assert row.body == "y"
        replaced = await service.replace(row.id, NoteCreate(title="b"))
        assert replaced is not None
        assert (replaced.title, replaced.body) == ("b", None)
        other = await service.create_under(row.id + 1, NoteCreate(title="c"))
        assert other.body == "mine"

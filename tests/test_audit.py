"""The audit trail: who changed what, from what to what, with the change or not at all."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from fastapi import Header
from sqlalchemy import MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import (
    Audited,
    AuditEntry,
    ConfigurationError,
    Conflict,
    Database,
    SoftDelete,
    Versioned,
    make_crud_router,
)
from fastapi_crud.operations import OPERATIONS
from tests.conftest import Client, Serve, rows_of


class Base(DeclarativeBase):
    """A base of its own, for tables that other tests do not need."""

    metadata = MetaData()


class Trail(AuditEntry, Base):
    __tablename__ = "trail"


class Item(SoftDelete, Versioned, Base):
    """Deleted softly, with what clients do not see."""

    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)
    price: Mapped[int | None]
    made: Mapped[datetime | None]
    api_key: Mapped[str | None] = mapped_column(String(20), info={"write_only": True})
    notes: Mapped[str | None] = mapped_column(String(20))


class Place(Base):
    """Really deleted; with a composite key."""

    __tablename__ = "places"

    shelf: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str | None] = mapped_column(String(20))


class ItemService(Audited[Item]):
    audit_model = Trail
    audit_hidden = frozenset({"notes"})


class Picky(ItemService):
    async def after_update(self, row: Item, values: Any) -> None:
        await super().after_update(row, values)
        if row.name == "bad":
            raise Conflict


class PlaceService(Audited[Place]):
    audit_model = Trail


class Nameless(Audited[Place]):
    """Names no model of entries."""


async def caller(user: Annotated[str, Header()] = "") -> Any:
    return {"id": user} if user else None


ANN = {"user": "ann"}
OPTIONS: Any = {"actor": caller, "show_deleted": True}


@pytest.fixture
async def audited(db: Database) -> AsyncIterator[Database]:
    """A database with the tables of this module."""
    own = Database(engine=db.engine, metadata=Base.metadata)
    await own.create_all()
    yield own
    await own.drop_all()


def serve_audited(db: Database, serve: Serve) -> Client:
    """A client of both resources, with all that their database can."""
    operations: Any = [it for it in OPERATIONS if it not in {"restore", "upsert"}]
    upsert: Any = [] if db.engine.dialect.name == "mysql" else ["upsert"]
    return serve(
        db,
        make_crud_router(
            Item, service=ItemService, operations=[*operations, "restore", *upsert], **OPTIONS
        ),
        make_crud_router(
            Place, service=PlaceService, operations=[*operations, "upsert"], actor=caller,
            upsert=True,
        ),
    )  # fmt: skip


async def entries(db: Database, since: int = 0) -> list[tuple[str, str, Any]]:
    """Action, key and changes of the entries, but for what each change counts up."""
    rows = sorted(await rows_of(db, Trail), key=lambda row: row.id)[since:]
    told = [(row.action, row.key, dict(row.changes)) for row in rows]
    for _, _, changes in told:
        changes.pop("version", None)
        changes.pop("id", None)
    return told


async def test_each_change_leaves_an_entry(audited: Database, serve: Serve) -> None:
    """Are create, update, delete, restore and purge told, with what changed alone, and by whom?"""
    client = serve_audited(audited, serve)
    body = {"name": "a", "price": 1, "api_key": "secret", "notes": "private"}
    created = await client.post("/items", json=body, headers=ANN)
    path, id_ = created.headers["location"], str(created.json()["id"])
    patch = {"price": 2, "name": "a", "made": "2024-01-31T12:00:00"}
    assert (await client.patch(path, json=patch, headers=ANN)).status_code == 200
    assert (await client.patch(path, json={"price": 2})).status_code == 200
    assert (await client.patch(path, json={})).status_code == 200
    await client.patch(path, json={"api_key": "other", "notes": "x"})
    assert (await client.put(path, json={"name": "b"})).status_code == 200
    for verb in ("DELETE", ":restore", "DELETE", ":purge"):
        where, method = (path, verb) if verb == "DELETE" else (path + verb, "POST")
        assert (await client.request(method, where, headers=ANN)).status_code in {200, 204}
    told = await entries(audited)
    gone = [entry[2].pop("deleted_at", ...) for entry in told]
    assert told == [
        ("create", id_, {"name": [None, "a"], "price": [None, 1], "api_key": None, "notes": None}),
        ("update", id_, {"price": [1, 2], "made": [None, "2024-01-31T12:00:00"]}),
        ("update", id_, {"api_key": None, "notes": None}),
        ("update", id_, {"name": ["a", "b"], "price": [2, None], "made": ["2024-01-31T12:00:00", None], "notes": None}),
        ("delete", id_, {}),
        ("restore", id_, {}),
        ("delete", id_, {}),
        ("delete", id_, {"name": ["b", None], "api_key": None}),
    ]  # fmt: skip
    assert gone[4][0] is None
    assert gone[5] == [gone[4][1], None]
    assert gone[7] == [gone[6][1], None]
    rows = sorted(await rows_of(audited, Trail), key=lambda row: row.id)
    assert [row.actor for row in rows] == ["ann", "ann", None, None, "ann", "ann", "ann", "ann"]
    assert {row.resource for row in rows} == {"Item"}
    assert "secret" not in repr([row.changes for row in rows])
    assert all(row.at.tzinfo is not None for row in rows)


async def test_rows_that_are_really_deleted(audited: Database, serve: Serve) -> None:
    """Is what they were told, and every part of their key, and nothing of what was not there?"""
    client = serve_audited(audited, serve)
    assert (await client.put("/places/1/2", json={"label": "x"})).status_code == 201
    assert (await client.delete("/places/1/2")).status_code == 204
    assert (await client.delete("/places/1/2")).status_code == 404
    assert (await client.post("/places/1/2:purge")).status_code == 404
    assert (await client.patch("/places/1/2", json={"label": "y"})).status_code == 404
    told = [(action, key, changes.get("label")) for action, key, changes in await entries(audited)]
    assert told == [("create", "1/2", [None, "x"]), ("delete", "1/2", ["x", None])]


async def test_several_rows_leave_an_entry_each(audited: Database, serve: Serve) -> None:
    """Are batches told row by row, those that stay as they are left out?"""
    client = serve_audited(audited, serve)
    items = [{"shelf": 1, "number": n, "label": "x"} for n in (1, 2, 3)]
    await client.post("/places:batchCreate", json={"items": items})
    changed: Any = [{**item, "label": f"{n}" if n else "x"} for n, item in enumerate(items)]
    assert (await client.post("/places:batchUpdate", json={"items": changed})).status_code == 200
    ids = [{"shelf": 1, "number": n} for n in (3, 1)]
    assert (await client.post("/places:batchDelete", json={"ids": ids})).status_code == 204
    told = [(action, key, changes["label"]) for action, key, changes in await entries(audited)]
    assert told == [
        *(("create", f"1/{n}", [None, "x"]) for n in (1, 2, 3)),
        ("update", "1/2", ["x", "1"]), ("update", "1/3", ["x", "2"]),
        ("delete", "1/3", ["2", None]), ("delete", "1/1", ["x", None]),
    ]  # fmt: skip


async def test_upserts_are_told_apart(audited: Database, serve: Serve) -> None:
    """Is a row that is new told as such, one that changed by its change, and others not at all?"""
    client = serve_audited(audited, serve)
    items: Any = [{"shelf": 1, "number": n, "label": "x"} for n in (1, 2)]
    await client.post("/places:batchCreate", json={"items": items})
    items += [{"shelf": 1, "number": 3, "label": "new"}]
    items[1]["label"] = "y"
    for mode in ("merge", "ignore"):
        answer = await client.post("/places:upsert", json={"items": items[::-1], "mode": mode})
        assert answer.status_code == 200, answer.text
    told = await entries(audited, since=2)
    assert [(action, key, changes["label"]) for action, key, changes in told] == [
        ("upsert", "1/3", [None, "new"]), ("update", "1/2", ["x", "y"]),
    ]  # fmt: skip
    twice = {"items": [*items, items[0]]}
    answer = await client.post("/places:upsert", json=twice)
    assert (answer.status_code, answer.json()["code"]) == (422, "duplicate_item")
    assert answer.json()["errors"][0]["pointer"].startswith("#/items/3")


async def test_upserts_are_refused_as_elsewhere(sqlite: Database, serve: Serve) -> None:
    """Does the trail change no error: of keys that are missing, taken, or not for this caller?"""

    async def own_places() -> Any:
        return [Item.price.is_(None)]

    async def every_place() -> Any:
        return True

    own = Database(engine=sqlite.engine, metadata=Base.metadata)
    await own.create_all()
    options: Any = {"operations": ["create", "upsert", "update"], "client_ids": True}
    options["scope"] = {"get": every_place, "create": every_place, "update": own_places}
    client = serve(own, make_crud_router(Item, service=ItemService, **options))
    taken = await client.post("/items", json={"name": "taken", "price": 1})
    assert taken.status_code == 201, taken.text
    for items, on_conflict, status, pointer in (
        ([{"name": "a"}], "id", 422, "#/items/0/id"),
        ([{"name": "a", "id": 5}, {"name": "b"}], "id", 422, "#/items/1/id"),
        ([{"name": "a"}, {"name": "taken"}], "name", 403, "#/items/1"),
        ([{"name": "a"}, {"name": "b"}, {"name": "b"}], "name", 422, "#/items/2/name"),
    ):
        body: Any = {"items": items, "on_conflict": [on_conflict]}
        answer = await client.post("/items:upsert", json=body)
        assert answer.status_code == status, (items, answer.text)
        assert answer.json()["errors"][0]["pointer"] == pointer, (items, answer.text)
    assert len(await entries(own)) == 1


async def test_entries_are_stored_with_the_change_or_not_at_all(
    audited: Database, serve: Serve
) -> None:
    """Is nothing told of what was rolled back, by a hook or by the database?"""
    operations: Any = [it for it in OPERATIONS if it != "upsert"]
    client = serve(audited, make_crud_router(Item, service=Picky, operations=operations))
    for name in ("a", "b"):
        await client.post("/items", json={"name": name})
    rows = (await client.get("/items")).json()["items"]
    ids = [row["id"] for row in rows]
    refused: list[tuple[str, str, Any, int]] = [
        ("PATCH", f"/items/{ids[0]}", {"name": "bad"}, 409),
        ("PATCH", f"/items/{ids[0]}", {"name": "b"}, 409), ("POST", "/items", {"name": "a"}, 409),
        ("POST", "/items:batchUpdate", {"items": [{"id": ids[0], "price": 5}, {"id": ids[1], "name": "bad"}]}, 409),
        ("POST", "/items:batchUpdate", {"items": [{"id": ids[0], "price": 5}, {"id": 0}]}, 404),
        ("POST", "/items:batchDelete", {"ids": [ids[0], 0]}, 404),
        ("POST", "/items:batchCreate", {"items": [{"name": "c"}, {"name": "a"}]}, 409),
        ("POST", f"/items/{ids[0]}:restore", None, 409),
    ]  # fmt: skip
    for method, path, body, status in refused:
        answer = await client.request(method, path, json=body)
        assert answer.status_code == status, (path, body, answer.text)
    assert len(await entries(audited)) == 2
    assert (await client.get("/items")).json()["items"] == rows


async def test_a_trail_needs_a_table(audited: Database) -> None:
    """Is it told what is missing, before anything is stored?"""
    async with audited.sessionmaker() as session:
        service = Nameless(session)
        with pytest.raises(ConfigurationError, match="Nameless has no audit_model"):
            await service.after_create(Place(shelf=1, number=1))
    async with audited.session() as session:
        script = PlaceService(session)
        script.actor = "script"
        row = await script.repository.create({"shelf": 1, "number": 1})
        await script.after_create(row)
        await session.flush()
        found = await session.scalar(sa.select(Trail))
        assert found is not None
        assert (found.actor, found.action, found.key) == ("script", "create", "1/1")

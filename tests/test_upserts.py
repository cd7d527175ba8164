"""Rows stored or changed by one statement: the database decides which, for everybody at once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import (
    CheckViolation,
    ConfigurationError,
    CrudError,
    Database,
    Filter,
    InvalidData,
    PermissionDenied,
    Repository,
    TransactionConflict,
    UniqueViolation,
)
from fastapi_crud.batches import CHUNK
from fastapi_crud.exceptions import DuplicateItem
from fastapi_crud.query.loading import View
from fastapi_crud.upserts import UpsertMode
from tests import models
from tests.conftest import counted, rows_of
from tests.deletable_models import Document, Leaflet
from tests.test_batches import (
    DATA,
    UNIFORM,
    Data,
    data_of,
    one_by_one,
    outcome,
    repository_of,
    some,
    unordered,
    words,
)
from tests.test_repository import add_notes


def notes_of(session: AsyncSession, **view: Any) -> Repository[models.Note]:
    """The notes, as a caller with this view has them."""
    notes = Repository[models.Note](session)
    notes.view = View(**view)
    return notes


TARGETS: dict[type[Any], tuple[list[str], Any]] = {
    models.Note: (["title"], {}),
    models.Account: (["email"], {}),
    models.Line: (["order_id", "line_no"], {}),
    models.Tag: (["slug"], {}),
    models.Everything: (["id"], {"id": st.integers(1, 3)}),
    models.Ticket: (["id"], {"id": st.integers(1, 3)}),
    models.Clerk: (["id"], {"id": st.integers(1, 3)}),
    models.Author: (
        ["id"],
        {"id": st.integers(1, 3), "name": words.filter(lambda it: len(it) > 1)},
    ),
    models.Coin: (["id"], {"id": st.integers(1, 3)}),
    models.Folder: (["id"], {"id": st.integers(1, 3)}),
}
"""Model → a unique key that all databases can decide by, and where its values come from."""


@some
@given(
    model=st.sampled_from(sorted(TARGETS, key=lambda it: it.__name__)),
    mode=st.sampled_from(["merge", "ignore"]),
    data=st.data(),
)
async def test_an_upsert_is_a_look_and_then_a_write(
    db: Database, model: type[Any], mode: UpsertMode, data: st.DataObject
) -> None:
    """Are rows the same as if each were looked for, then stored, changed or left alone?"""
    required, optional = DATA[model]
    key, more = TARGETS[model]
    item = data_of({**required, **more}, **optional)

    def ident(it: Data) -> tuple[Any, ...]:
        return tuple(it[name] for name in key)

    before = data.draw(st.lists(item, max_size=3, unique_by=ident))
    items = data.draw(st.lists(item, max_size=4, unique_by=ident))

    async def look_first(rows: Repository[Any], it: Data) -> Any:
        row = await rows.get_by(**{name: it[name] for name in key})
        if row is None:
            return await rows.create(it)
        changed = {name: value for name, value in it.items() if name not in key}
        differs = any(getattr(row, name) != value for name, value in changed.items())
        if mode == "merge" and changed and model is models.Ticket and not differs:
            row.version += 1  # the database does not look whether anything differs
            await rows.session.flush()
        return await rows.update(row, changed) if mode == "merge" else row

    at_once = await outcome(
        db, model, before, lambda rows, _: rows.upsert(items, on_conflict=key, mode=mode)
    )
    single = await outcome(
        db,
        model,
        before,
        lambda rows, _: one_by_one(items, lambda it: look_first(rows, it)),
    )
    assert unordered(at_once) == unordered(single)


async def test_what_is_not_given_stays(db: Database) -> None:
    """Is only what an item names overwritten, NULL included, whatever its neighbours name?"""
    async with db.session() as session:
        notes = Repository[models.Note](session)
        data = [{"title": title, "body": "old", "done": True} for title in "abcd"]
        before = await notes.batch_create(data)
        items: list[Data] = [
            {"title": "c", "body": "new"}, {"title": "x"}, {"title": "a", "body": None},
            {"title": "d", "done": False}, {"title": "b"},
        ]  # fmt: skip
        rows = await notes.upsert(items, on_conflict=["title"])
        assert [row.title for row in rows] == ["c", "x", "a", "d", "b"]
        assert [rows[n] for n in (2, 4, 0, 3)] == before
    stored = {row.title: (row.body, row.done) for row in await rows_of(db, models.Note)}
    assert stored == {
        "a": (None, True), "b": ("old", True), "c": ("new", True), "d": ("old", False),
        "x": (None, False),
    }  # fmt: skip


async def test_rows_that_are_there_can_be_left_alone(db: Database) -> None:
    """Does "ignore" store what is new, and give back the others as they are?"""
    async with db.session() as session:
        accounts = Repository[models.Account](session)
        (there,) = await accounts.batch_create([{"email": "a", "role": "old"}])
        updated_at = there.updated_at
        items = [{"email": "a", "role": "new"}, {"email": "b", "role": "new"}]
        old, new = await accounts.upsert(items, on_conflict=["email"], mode="ignore")
        assert old is there
        assert (old.role, old.updated_at, new.role) == ("old", updated_at, "new")


async def test_versions_and_times_move_with_a_change(db: Database) -> None:
    """Is a change counted and timed as any other, and a new row the first of its version?"""
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    async with db.session() as session:
        tickets = Repository[models.Ticket](session)
        (old,) = await tickets.batch_create([{"text": "a"}])
        items = [{"id": old.id, "text": "b"}, {"id": old.id + 1, "text": "c"}]
        for version in (2, 3):
            rows = await tickets.upsert(items)
            assert [row.version for row in rows] == [version, version - 1]
        await tickets.update(old.id, {"text": "d"})
        assert old.version == 4
        accounts = Repository[models.Account](session)
        (account,) = await accounts.batch_create([{"email": "a"}])
        await accounts.update(account, {"created_at": long_ago, "updated_at": long_ago})
        (account,) = await accounts.upsert([{"email": "a", "role": "b"}], on_conflict=["email"])
        assert account.updated_at > long_ago
        assert account.created_at == long_ago


async def test_what_every_update_sets_may_be_a_value_or_sql(db: Database) -> None:
    """Are columns with `onupdate` of each kind set, unless the item names them?"""

    class OwnBase(DeclarativeBase):
        metadata = sa.MetaData()

    class Touched(OwnBase):
        __tablename__ = "touched"

        id: Mapped[int] = mapped_column(primary_key=True)
        a: Mapped[int]
        value: Mapped[int] = mapped_column(default=0, onupdate=7)
        called: Mapped[int] = mapped_column(default=0, onupdate=lambda: 8)
        sql: Mapped[str] = mapped_column(sa.String(9), default="", onupdate=sa.func.upper("x"))

    own = Database(engine=db.engine, metadata=OwnBase.metadata)
    await own.create_all()
    try:
        async with own.session() as session:
            rows = Repository[Touched](session)
            for count in (0, 1):
                (row,) = await rows.upsert([{"id": 1, "a": count}])
                expected = (7, 8, "X") if count else (0, 0, "")
                assert (row.value, row.called, row.sql) == expected
            (row,) = await rows.upsert([{"id": 1, "a": 2, "value": 3}])
            assert (row.value, row.called) == (3, 8)
    finally:
        await own.drop_all()


async def test_an_upsert_costs_the_same_whatever_its_size(db: Database) -> None:
    """Are as many statements sent for sixty rows as for three, new ones and others?"""
    for model, (key, _) in TARGETS.items():
        for mode in ("merge", "ignore"):
            costs: list[list[str]] = []
            for count in (3, 60):
                async with AsyncSession(db.engine) as session:
                    rows = repository_of(model, session)
                    own = key == ["id"]
                    items = [
                        UNIFORM[model](n) | ({"id": n + 1} if own else {}) for n in range(count)
                    ]
                    await rows.upsert(items[::2], on_conflict=key)
                    with counted(db.engine) as statements:
                        await rows.upsert(items, on_conflict=key, mode=mode)
                    costs.append(statements.verbs)
            assert costs[0] == costs[1], (model.__name__, mode)


async def test_more_rows_than_a_statement_may_be_about(sqlite: Database) -> None:
    """Are thousands of rows no matter?"""
    async with sqlite.session() as session:
        rows = Repository[models.Line](session)
        count = CHUNK * 2 + 1
        items = [{"order_id": n, "line_no": n, "quantity": n} for n in range(count)]
        for _ in range(2):
            stored = await rows.upsert(items)
            assert [row.quantity for row in stored] == [*range(count)]


# Errors

Items = Sequence[Data]
REFUSED: list[tuple[str, type[Any], Any, Items, type[CrudError], int]] = [
    # name, model, key, items, error, index
    ("no key", models.Note, ["title"], [{"title": "x"}, {"body": "y"}], InvalidData, 1),
    ("null key", models.Note, ["title"], [{"title": None}], InvalidData, 0),
    ("no primary key", models.Note, None, [{"title": "x"}], InvalidData, 0),
    ("part of a key", models.Line, None, [{"order_id": 1}], InvalidData, 0),
    ("twice", models.Note, ["title"], [{"title": "x"}, {"title": "y"}, {"title": "x"}], DuplicateItem, 2),
    ("check", models.Author, None, [{"id": 1, "name": "Ann"}, {"id": 2, "name": "x"}], CheckViolation, 1),
    ("null", models.Author, None, [{"id": 1, "name": "Ann"}, {"id": 2, "name": None}], InvalidData, 1),
]  # fmt: skip


async def test_an_error_tells_which_item_it_is_about(db: Database) -> None:
    """Is the item named, nothing stored, and the session fit for more?"""
    for name, model, key, items, error, index in REFUSED:
        if db.engine.dialect.name == "mysql" and name == "no primary key":
            continue
        async with db.session() as session:
            rows = repository_of(model, session)
            with pytest.raises(error) as caught:
                async with session.begin_nested():
                    await rows.upsert(items, on_conflict=key)
            assert caught.value.index == index, name
            assert await rows.count() == 0, name
    async with db.session() as session:
        with pytest.raises(InvalidData) as told:
            await Repository[models.Line](session).upsert([{"quantity": 1}])
        assert str(told.value) == "order_id and line_no must be given"
        assert told.value.fields == ("order_id", "line_no")
        assert await notes_of(session).upsert([], on_conflict=["title"]) == []


async def test_another_key_that_clashes_is_a_violation(db: Database) -> None:
    """Is no other row changed than the one with this key, where a second key clashes as well?"""
    async with db.session() as session:
        first, second, _ = await add_notes(session, "a", "b", "c")
        clashing: list[Data] = [
            {"id": first.id, "title": "new", "body": "x"},
            {"id": second.id, "title": "newer"},
        ]
        for item in clashing:
            items: list[Data] = [{"title": "c", "body": None}, item]
            with pytest.raises((UniqueViolation, ConfigurationError, InvalidData)):
                async with session.begin_nested():
                    await notes_of(session).upsert(items, on_conflict=["title"])
        assert {first.id, second.id} < {row.id for row in await notes_of(session).get_multi()}
    assert {row.title: row.body for row in await rows_of(db, models.Note)} == dict.fromkeys("abc")


async def test_misuse_is_told(sqlite: Database) -> None:
    """Is the developer told, where the database could not do what SQLAlchemy promises?"""

    async def refuse(model: type[Any], message: str, key: Sequence[str] | None = None) -> None:
        async with sqlite.session() as session:
            with pytest.raises(ConfigurationError, match=message):
                await repository_of(model, session).upsert([], on_conflict=key)

    def hear(*_: Any) -> None: ...

    await refuse(models.Note, "no unique key of body", ["body"])
    await refuse(models.Manager, "listens to its changes or spans tables")
    for name in ("before_update", "after_update", "before_insert", "after_insert"):
        event.listen(models.Note, name, hear)
        try:
            await refuse(models.Note, "listens to its changes or spans tables")
        finally:
            event.remove(models.Note, name, hear)


async def test_validators_have_their_say(db: Database) -> None:
    """Does `@validates` run for rows that are new and for those that are there?"""
    async with db.session() as session:
        rows = Repository[models.Checked](session)
        for name in ("ABC", "DEF"):
            (row,) = await rows.upsert([{"id": 1, "name": name}])
            assert row.name == name.lower()


async def test_one_key_of_several_cannot_decide_everywhere(db: Database) -> None:
    """Is it refused where the database would go by any key?"""
    async with db.session() as session:
        upsert = notes_of(session).upsert([{"id": 1, "title": "a"}])
        if db.engine.dialect.name == "mysql":
            with pytest.raises(ConfigurationError, match="on MySQL and MariaDB"):
                await upsert
        else:
            assert [row.title for row in await upsert] == ["a"]


# Scopes


async def test_rows_outside_of_the_scope_are_never_changed(db: Database) -> None:
    """Is a row refused that the caller may not write: as it is, and even if it would be its own then?"""
    mine = Filter("done", value=False)
    async with db.session() as session:
        data: list[Data] = [
            {"title": "mine"}, {"title": "theirs", "done": True, "body": "old"},
        ]  # fmt: skip
        await notes_of(session).batch_create(data)
    refused: list[Data] = [
        {"title": "theirs", "body": "new"},
        {"title": "theirs", "body": "new", "done": False},
        {"title": "theirs"},
        {"title": "mine", "done": True},
        {"title": "new", "done": True},
    ]
    for item in refused:
        for items, index in (([item], 0), ([{"title": "x"}, item], 1)):
            for mode in ("merge", "ignore"):
                if mode == "ignore" and item["title"] == "mine":
                    continue  # nothing is changed
                async with db.session() as session:
                    notes = notes_of(session, write_scope=[mine])
                    with pytest.raises(PermissionDenied) as caught:
                        async with session.begin_nested():
                            await notes.upsert(items, on_conflict=["title"], mode=mode)
                    assert caught.value.index == index, (items, mode)
        stored = {row.title: (row.body, row.done) for row in await rows_of(db, models.Note)}
        assert stored == {"mine": (None, False), "theirs": ("old", True)}, item
    async with db.session() as session:
        items = [{"title": "mine", "body": "x"}, {"title": "new"}]
        rows = await notes_of(session, write_scope=[mine]).upsert(items, on_conflict=["title"])
        assert [row.body for row in rows] == ["x", None]


async def test_a_scope_over_a_relationship_holds_for_the_row_itself(db: Database) -> None:
    """Is it the related row of this row that counts, not of any other?"""
    async with db.session() as session:
        teams = Repository[models.Team](session)
        ours, theirs = await teams.batch_create([{"name": "ours"}, {"name": "theirs"}])
        members = Repository[models.Member](session)
        data = [{"name": "a", "team_id": ours.id}, {"name": "b", "team_id": theirs.id}]
        mine, other = await members.batch_create(data)
        members.view = View(write_scope=[Filter("team.name", value="ours")])
        (changed,) = await members.upsert([{"id": mine.id, "name": "c"}])
        assert changed.name == "c"
        taken = {"id": other.id, "name": "taken", "team_id": ours.id}
        for items in ([taken], [{"id": mine.id, "name": "d"}, taken]):
            with pytest.raises(PermissionDenied):
                async with session.begin_nested():
                    await members.upsert(items)
    assert {row.name: row.team_id for row in await rows_of(db, models.Member)} == {
        "c": ours.id, "b": theirs.id,
    }  # fmt: skip


async def test_values_that_the_scope_asks_for_may_be_changed(db: Database) -> None:
    """Is the scope asked of the row as it was, and as it is then, not of one in between?"""
    within = models.Line.quantity == models.Line.line_no * 2
    async with db.session() as session:
        lines = Repository[models.Line](session)
        await lines.create({"order_id": 1, "line_no": 2, "quantity": 4})
        lines.view = View(write_scope=[within])
        (line,) = await lines.upsert([{"order_id": 1, "line_no": 2, "quantity": 4}])
        assert line.quantity == 4
        notes = notes_of(session)
        await notes.create({"title": "a", "body": "false", "done": False})
        same = sa.or_(
            sa.and_(models.Note.body == "false", models.Note.done.is_(False)),
            sa.and_(models.Note.body == "true", models.Note.done.is_(True)),
        )
        notes.view = View(write_scope=[same])
        items = [{"title": "a", "body": "true", "done": True}]
        (note,) = await notes.upsert(items, on_conflict=["title"])
        assert (note.body, note.done) == ("true", True)


async def test_a_row_that_appears_within_a_scope_is_a_conflict_of_transactions(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is it tried again where another transaction stores the row after it was looked for?"""
    if db.engine.dialect.name == "sqlite":
        pytest.skip("one transaction at a time")
    items = [{"title": "mine"}]
    async with db.session() as session:
        notes = notes_of(session, write_scope=[Filter("title", "ne", "theirs")])
        insert = notes._insert  # pyright: ignore[reportPrivateUsage]

        async def late(rows: Any) -> Any:
            async with db.session() as other:
                await notes_of(other).create(items[0])
            return await insert(rows)

        monkeypatch.setattr(notes, "_insert", late)
        with pytest.raises(TransactionConflict):
            await notes.upsert(items, on_conflict=["title"])
        await session.rollback()
    assert len(await rows_of(db, models.Note)) == 1


# Soft deletion


async def test_a_partial_index_decides_among_live_rows(store: Database) -> None:
    """Is a deleted row out of the way, and a live one changed?"""
    if store.engine.dialect.name == "mysql":
        async with store.session() as session:
            with pytest.raises(ConfigurationError, match="on MySQL and MariaDB"):
                await Repository[Document](session).upsert([], on_conflict=["slug"])
        return
    async with store.session() as session:
        documents = Repository[Document](session)
        gone, live = await documents.batch_create([{"slug": "a"}, {"slug": "b"}])
        await documents.delete(gone.id)
        for body in ("x", "y"):
            items = [{"slug": "a", "body": body}, {"slug": "b", "body": body}]
            new, changed = await documents.upsert(items, on_conflict=["slug"])
            assert changed is live
            assert (new.body, changed.body) == (body, body)
            assert new.id != gone.id
        assert (new.version, live.version, gone.version) == (2, 3, 2)
        await documents.upsert([{"slug": "a", "body": "z"}], on_conflict=["slug"], mode="ignore")
        assert new.body == "y"
    stored = {(row.slug, row.body) for row in await rows_of(store, Document)}
    assert stored == {("a", None), ("a", "y"), ("b", "y")}


async def test_a_deleted_row_in_the_way_is_a_violation(store: Database) -> None:
    """Is a row that nobody sees neither changed nor brought back, and the item told?"""
    async with store.session() as session:
        leaflets = Repository[Leaflet](session)
        gone, _ = await leaflets.batch_create([{"slug": "a"}, {"slug": "b"}])
        await leaflets.delete(gone.id)
        for mode in ("merge", "ignore"):
            gone_item, live_item = {"slug": "a", "body": "x"}, {"slug": "b", "body": "x"}
            for items, index in (([gone_item], 0), ([live_item, {"slug": "c"}, gone_item], 2)):
                with pytest.raises(
                    UniqueViolation, match="with this slug already exists"
                ) as caught:
                    async with session.begin_nested():
                        await leaflets.upsert(items, on_conflict=["slug"], mode=mode)
                assert caught.value.fields == ("slug",)
                assert caught.value.index == index, (mode, items)
    stored = {row.slug: row.body for row in await rows_of(store, Leaflet)}
    assert stored == {"a": None, "b": None}


class OpenBase(DeclarativeBase):
    metadata = sa.MetaData()


class Case(OpenBase):
    """Unique among open cases: the condition of the index holds a value."""

    __tablename__ = "cases"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(9), default="open")
    text: Mapped[str | None] = mapped_column(sa.String(9))


sa.Index(
    "uq_cases", Case.number, unique=True,
    postgresql_where=Case.state == "open", sqlite_where=Case.state == "open",
)  # fmt: skip


async def test_an_index_may_be_partial_by_a_value(db: Database) -> None:
    """Does the database recognise the index, if its condition compares with a value?"""
    if db.engine.dialect.name == "mysql":
        pytest.skip("its indexes are never partial")
    own = Database(engine=db.engine, metadata=OpenBase.metadata)
    await own.create_all()
    try:
        async with own.session() as session:
            cases = Repository[Case](session)
            await cases.create({"number": 1, "state": "closed"})
            for text in ("a", "b"):
                (case,) = await cases.upsert([{"number": 1, "text": text}], on_conflict=["number"])
                assert (case.state, case.text) == ("open", text)
    finally:
        await own.drop_all()


# Races


async def test_who_stores_the_same_at_once_all_succeed(db: Database) -> None:
    """Does one row come of eight callers with the same new key, each told that it is stored?"""
    for turn in range(5):

        async def call(caller: int, mode: UpsertMode, turn: int = turn) -> int:
            async with db.session() as session:
                item = {"title": f"t{turn}", "body": f"{caller}"}
                (row,) = await notes_of(session).upsert([item], on_conflict=["title"], mode=mode)
                return row.id

        calls = [call(n, "ignore" if n % 2 else "merge") for n in range(8)]
        assert len({*await asyncio.gather(*calls)}) == 1
    assert len(await rows_of(db, models.Note)) == 5

"""Rows to read: by key, by value, in pages, one by one; for scripts as well as requests."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    And,
    ConfigurationError,
    CursorPage,
    Database,
    Filter,
    InvalidQuery,
    Not,
    Or,
    OrderBy,
    Page,
    PermissionDenied,
    Query,
    Repository,
    Search,
    Service,
    ValueRejected,
)
from fastapi_crud.query.loading import View
from tests import models
from tests.conftest import counted
from tests.test_repository import add_notes


async def test_get_takes_keys_as_people_write_them(db: Database) -> None:
    """Is a key found as value, text or tuple, and one that cannot exist simply not found?"""
    async with db.session() as session:
        (note,) = await add_notes(session, "a")
        notes = Repository[models.Note](session)
        same: list[Any] = [note.id, str(note.id), (note.id,), [note.id]]
        for key in same:
            assert await notes.get(key) is note
        impossible: list[Any] = [0, 2**70, "x", "", None, (1, 2), True, 1.5, object()]
        for key in impossible:
            assert await notes.get(key) is None

        lines = Repository[models.Line](session)
        line = await lines.create({"order_id": 1, "line_no": 2})
        assert await lines.get((1, 2)) is line
        assert await lines.get(("1", "2")) is line
        assert await lines.get(1) is None

        accounts = Repository[models.Account](session)
        account = await accounts.create({"email": "a@example.com"})
        assert await accounts.get(str(account.id)) is account
        assert await accounts.get(uuid4()) is None
        assert await accounts.get("nonexistent-id") is None


async def test_reading(db: Database) -> None:
    """Do get_by, get_multi, get_page, count, exists and stream agree?"""
    note = models.Note
    async with db.session() as session:
        await add_notes(session, "a", "b", "c", "d")
        notes = Repository[models.Note](session)
        found = await notes.get_by(title="b", done=False)
        assert found is not None
        assert found.title == "b"
        assert await notes.get_by(title="z") is None
        rows = await notes.get_multi(skip=1, limit=2, order_by=[note.title.desc()])
        assert [row.title for row in rows] == ["c", "b"]
        few = await notes.get_multi(where=[note.title > "b", note.title < "d"])
        assert [row.title for row in few] == ["c"]
        page = await notes.get_page(Query(limit=2, where=(note.title != "a",)))
        assert ([row.title for row in page.items], page.total) == (["b", "c"], 3)
        assert await notes.count() == 4
        assert await notes.count(note.title > "b") == 2
        assert await notes.exists(note.title == "a")
        assert not await notes.exists(note.title == "z")
        streamed = notes.stream(where=[note.title != "b"], order_by=[note.title.desc()])
        assert [row.title async for row in streamed] == ["d", "c", "a"]


@pytest.mark.parametrize(
    ("skip", "limit", "rows", "statements"),
    [
        (0, 5, 3, 1),
        (0, 4, 3, 1),
        (0, 3, 3, 1),
        (1, 2, 2, 1),
        (1, 3, 2, 1),
        (3, 2, 0, 2),
        (9, 1, 0, 2),
    ],
)
async def test_the_total_comes_with_the_rows(
    sqlite: Database, skip: int, limit: int, rows: int, statements: int
) -> None:
    """Is it one statement, but for a page past the end, and is the total right anyway?"""
    async with sqlite.session() as session:
        await add_notes(session, "a", "b", "c")
        with counted(sqlite.engine) as seen:
            page = await Repository[models.Note](session).get_page(Query(skip=skip, limit=limit))
    assert (len(page.items), page.total, len(seen)) == (rows, 3, statements)


async def titles(session: AsyncSession, *where: Any) -> list[str]:
    notes = await Repository[models.Note](session).get_multi(where=where)
    return [note.title for note in notes]


async def test_conditions_from_python(db: Database) -> None:
    """Do clauses and SQL mean the same wherever rows are chosen, and mix?"""
    note = models.Note
    async with db.session() as session:
        await add_notes(session, "a", "b", "c")
        for where in (
            (Filter("title", "in", ["a", "b"]),),
            (Or(Filter("title", value="a"), note.title == "b"),),
            (Not(Filter("title", value="c")),),
            (And(Not(note.title == "c"), Filter("done", value=False)),),
            (note.title < "c", Filter("title", "ne", "c")),
        ):
            assert await titles(session, *where) == ["a", "b"]
            repository = Repository[models.Note](session)
            assert await repository.count(*where) == 2
            assert await repository.exists(*where)
            assert [row.title async for row in repository.stream(where=where)] == ["a", "b"]
            service = Service[models.Note](session)
            assert (await service.get_multi(where=where))[1] == 2
        assert await titles(session, Search("B", ("title", "body"))) == ["b"]
        assert await titles(session, Search("É", ("title", "body"))) == []
        assert await titles(session, note.done) == []


@pytest.mark.parametrize(
    ("count", "skip", "limit", "total", "more", "statements"),
    [
        ("exact", 0, 2, 3, True, 1),
        ("exact", 1, 2, 3, False, 1),
        ("none", 0, 2, None, True, 1),
        ("none", 1, 2, None, False, 1),
        ("none", 9, 2, None, False, 1),
        ("estimated", 0, 2, 3, True, 2),
        ("estimated", 0, 3, 3, False, 1),
        ("estimated", 9, 3, 3, False, 2),
    ],
)
async def test_ways_to_count(
    db: Database, count: Any, skip: int, limit: int, total: int | None, more: bool, statements: int
) -> None:
    """Is the total what was asked for, and known whether there are more rows?"""
    async with db.session() as session:
        await add_notes(session, "a", "b", "c")
        query = Query(skip=skip, limit=limit, count=count)
        with counted(db.engine) as seen:
            page = await Repository[models.Note](session).get_page(query)
    assert (page.total, page.estimated, page.more) == (total, False, more)
    assert len(seen) == statements


@pytest.mark.parametrize("order_by", [(), ("-body",), ("body", "-title")], ids=str)
@pytest.mark.parametrize(
    ("count", "totals", "costs"),
    [
        ("exact", [3, 3, 3, 2, 0], [1, 1, 1, 2, 1]),
        ("estimated", [3, 3, 3, 2, 0], [2, 2, 2, 2, 1]),
        ("none", [None] * 5, [1] * 5),
    ],
)
async def test_a_walk_is_counted_on_the_way(
    db: Database, order_by: Sequence[str], count: Any, totals: list[int | None], costs: list[int]
) -> None:
    """Does an exact total come with the rows, and is it right on a page that has none?"""
    told: list[tuple[int, int | None, int]] = []

    async def step(cursor: str | None) -> CursorPage[models.Note]:
        query = Query(limit=2, order_by=order_by, count=count, cursor=cursor)
        with counted(db.engine) as seen:
            page = await notes.get_cursor_page(query)
        told.append((len(page.items), page.total, len(seen)))
        return page

    async with db.session() as session:
        await add_notes(session, "a", "b", "c")
        notes = Repository[models.Note](session)
        first = await step("")
        second = await step(first.next_cursor)
        await step(second.prev_cursor)
        await notes.delete(second.items[0].id)
        await step(first.next_cursor)
        for note in first.items:
            await notes.delete(note.id)
        await step("")
    assert told == [*zip([2, 1, 2, 0, 0], totals, costs, strict=True)]


async def test_an_estimate_is_no_less_than_what_was_counted(db: Database) -> None:
    """Is the planner asked beyond the bound, with the values of the filters, by both ways?"""
    async with db.session() as session:
        await add_notes(session, *map(str, range(9)))
        repository = Repository[models.Note](session)
        repository.view = View(max_exact_count=4)
        for where in ((), (Filter("title", "ne", "x"),), (Filter("title", "icontains", "É"),)):
            query = Query(limit=2, count="estimated", where=where)
            page = await repository.get_page(query)
            few = len(where) == 1 and where[0].value == "É"
            assert page.estimated is not few
            assert page.total == 0 if few else (page.total or 0) >= 4
        walked = await repository.get_cursor_page(Query(limit=2, count="estimated", cursor=""))
        assert walked.estimated
        assert (walked.total or 0) >= 4


async def test_pages_of_a_service(db: Database) -> None:
    """Does the same query work from Python, by offset and by cursor?"""
    async with db.session() as session:
        await add_notes(session, "a", "b", "c")
        service = Service[models.Note](session)
        query = Query(where=[Filter("title", "ne", "b")], order_by=["-title"], limit=1)
        page: Page[models.Note] = await service.get_page(query)
        assert ([note.title for note in page.items], page.total, page.more) == (["c"], 2, True)
        first: CursorPage[models.Note] = await service.get_cursor_page(query)
        assert (first.total, first.prev_cursor) == (2, None)
        query = Query(where=query.where, order_by=["-title"], limit=1, cursor=first.next_cursor)
        second = await service.get_cursor_page(query)
        assert ([note.title for note in second.items], second.next_cursor) == (["a"], None)


async def test_sorting_by_sql(db: Database) -> None:
    """Is SQL fine to sort by, the key still deciding, but no base for a cursor?"""
    note = models.Note
    async with db.session() as session:
        await add_notes(session, "b", "a", "c")
        repository = Repository[models.Note](session)
        page = await repository.get_page(Query(order_by=[note.done, note.title.desc()]))
        assert [row.title for row in page.items] == ["c", "b", "a"]
        mixed = await repository.get_page(Query(order_by=["done", note.title]))
        assert [row.title for row in mixed.items] == ["a", "b", "c"]
        with pytest.raises(ConfigurationError, match="names of columns to sort by"):
            await repository.get_cursor_page(Query(order_by=[note.title], cursor=""))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query(where=[Filter("nope")]), "Note has no column 'nope'; it has id, title"),
        (Query(where=[Filter("title", "like", "x")]), "no operator 'like'; there are eq, ne"),
        (Query(where=[Filter("nope.title")]), "no relationship 'nope'; it has none"),
        (Query(order_by=["nope"]), "no column 'nope'"),
        (Query(include=["nope"]), "no relationship 'nope'"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
async def test_names_that_are_not_there(sqlite: Database, query: Query, message: str) -> None:
    """Does a developer's slip name what there is?"""
    async with sqlite.session() as session:
        repository = Repository[models.Note](session)
        await add_notes(session, "a")
        with pytest.raises(ConfigurationError, match=message):
            await repository.get_page(query)


async def test_a_cursor_cannot_sort_by_what_has_no_order(sqlite: Database) -> None:
    """Is JSON refused as a sort order of a walk?"""
    async with sqlite.session() as session:
        repository = Repository[models.Everything](session)
        with pytest.raises(ConfigurationError, match="cannot sort Everything by data"):
            await repository.get_cursor_page(Query(order_by=[OrderBy("data")], cursor=""))


async def test_rows_for_other_letters_on_a_connection_of_ones_own(sqlite: Database) -> None:
    """Does SQLite fold all letters in any session, for streams, counts and pages alike?"""
    where = (Filter("title", "icontains", "É"),)
    async with sqlite.session() as session:
        await add_notes(session, "café")
        assert [
            row.title async for row in Repository[models.Note](session).stream(where=where)
        ] == ["café"]
    async with AsyncSession(sqlite.engine) as session:
        assert await Repository[models.Note](session).count(*where) == 1
        assert await Repository[models.Note](session).exists(*where)


async def test_a_value_that_no_row_can_have_is_no_fault_of_the_cursor(sqlite: Database) -> None:
    """Is a number that the driver cannot even send told as what it is, on the first page too?"""
    where = [Filter("medium", "eq", 2**70)]
    async with AsyncSession(sqlite.engine) as session:
        repository = Repository[models.Everything](session)
        with pytest.raises(ValueRejected):
            await repository.get_cursor_page(Query(where=where, cursor=""))


def repository_of(model: type[Any], session: AsyncSession) -> Repository[Any]:
    """A repository of a model that is only known at run time."""
    generic: Any = Repository
    repository: Repository[Any] = generic[model](session)
    return repository


async def test_subclasses_are_asked_like_any_other_model(db: Database) -> None:
    """Do filters, totals and walks hold where rows span tables, or share one with others?"""
    asked: list[tuple[Any, Any, list[str], list[str]]] = [
        (models.Manager, (Filter("name", "contains", "m"), Filter("budget", "gte", 1)), ["-name"], ["m2", "m1"]),
        (models.Clerk, (Filter("desk", "ne", "1"),), ["-desk"], ["c2", "c0"]),
        (models.Employee, (Filter("name", "ne", "m0"),), ["name"], ["c0", "c1", "c2", "m1", "m2"]),
    ]  # fmt: skip
    async with db.session() as session:
        session.add_all(models.Manager(name=f"m{n}", budget=n) for n in range(3))
        session.add_all(models.Clerk(name=f"c{n}", desk=str(n)) for n in range(3))
    async with AsyncSession(db.engine) as session:
        for model, where, order, names in asked:
            repository = repository_of(model, session)
            page = await repository.get_page(Query(where=where, order_by=order, limit=2))
            assert ([row.name for row in page.items], page.total) == (names[:2], len(names))
            seen: list[str] = []
            cursor: str | None = ""
            while cursor is not None:
                query = Query(where=where, order_by=order, limit=1, cursor=cursor, count="none")
                walked = await repository.get_cursor_page(query)
                seen += [row.name for row in walked.items]
                cursor = walked.next_cursor
            assert seen == names


async def test_a_session_may_have_a_database_for_each_model(db: Database) -> None:
    """Is everything asked of the model's own database, estimates and letters included?"""
    async with db.session() as session:
        await add_notes(session, "a", "b", "é")
    async with AsyncSession(binds={models.Note: db.engine}) as session:
        repository = Repository[models.Note](session)
        repository.view = View(max_exact_count=1)
        page = await repository.get_page(Query(limit=1, count="estimated"))
        assert page.estimated
        assert await repository.count(Filter("title", "icontains", "É")) == 1


async def test_a_scope_for_writing_may_speak_of_any_letters(sqlite: Database) -> None:
    """Does SQLite fold all letters for what only writes ask as well?"""
    async with sqlite.session() as session:
        repository = Repository[models.Note](session)
        repository.view = View(write_scope=[Filter("title", "icontains", "É")])
        note = await repository.create({"title": "café"})
        assert await repository.update(note.id, {"title": "CAFÉ"}) is note
        with pytest.raises(PermissionDenied):
            await repository.update(note.id, {"title": "tea"})


async def test_values_that_the_database_refuses(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is the cursor to blame where there is one, since all else was checked?"""

    async def refuse(*_: object) -> None:
        raise ValueRejected

    async with sqlite.session() as session:
        session.add_all([models.Note(title=title) for title in "abc"])
        await session.flush()
        notes = Repository[models.Note](session)
        page = await notes.get_cursor_page(Query(cursor="", limit=1))
        monkeypatch.setattr(notes, "_execute", refuse)
        with pytest.raises(InvalidQuery):
            await notes.get_cursor_page(Query(cursor=page.next_cursor, limit=1))
        with pytest.raises(ValueRejected):
            await notes.get_cursor_page(Query(cursor="", limit=1))

"""From a `Query` to SQL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings, strategies as st
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from fastapi_crud import Database, Filter, OrderBy, Query
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.conditions import Scopes, Translator
from fastapi_crud.query.cursors import Cursor
from fastapi_crud.query.ordering import sort_keys
from fastapi_crud.query.statements import Statements, attributes, is_one_of, key_equals, only
from tests.conftest import counted
from tests.models import Author, Book, Line, Note
from tests.query.questions import unhurried
from tests.query.rendering import sql, tail

NOTE, LINE, BOOK, AUTHOR = map(inspect_model, (Note, Line, Book, Author))
TITLED, UNLIKE = Filter("title", "ne", "a"), "notes.title != 'a'"
UP = "ORDER BY notes.done ASC, notes.id ASC"
DOWN = "ORDER BY notes.done DESC, notes.id DESC"


def statements(info: Any, scopes: Scopes | None = None, options: Sequence[Any] = ()) -> Statements:
    return Statements(info, Translator("sqlite", scopes or {}), options)


@pytest.mark.parametrize(
    ("info", "query", "expected"),
    [
        (NOTE, Query(), "notes ORDER BY notes.id ASC LIMIT 101"),
        (NOTE, Query(skip=5, limit=2), "notes ORDER BY notes.id ASC LIMIT 3 OFFSET 5"),
        (LINE, Query(limit=1), "lines ORDER BY lines.order_id ASC, lines.line_no ASC LIMIT 2"),
        (
            NOTE,
            Query(where=(Note.done, TITLED), order_by=("-title",)),
            f"notes WHERE notes.done AND {UNLIKE} ORDER BY notes.title DESC, notes.id DESC LIMIT 101",
        ),
        (
            NOTE,
            Query(order_by=(Note.title.desc(),)),
            "notes ORDER BY notes.title DESC, notes.id ASC LIMIT 101",
        ),
    ],
    ids=["first page", "later page", "composite key", "conditions and order", "SQL to sort by"],
)
@pytest.mark.parametrize("count", ["none", "estimated"])
def test_the_statement_of_a_page(info: Any, query: Query, expected: str, count: Any) -> None:
    """Does the key always come last, so that pages never overlap, and is one more row seen?"""
    uncounted = Query(
        skip=query.skip, limit=query.limit, where=query.where, order_by=query.order_by, count=count
    )
    page = tail(statements(info).page(uncounted), "postgresql")
    assert page == expected


def test_a_counted_page_counts_in_the_same_statement() -> None:
    """Does the total come with the rows, under the same conditions, page and order left aside?"""
    page = sql(statements(NOTE).page(Query(skip=5, limit=2, where=[TITLED])), "postgresql")
    assert page == (
        "SELECT notes.id, notes.title, notes.body, notes.done, "
        "(SELECT count(*) AS count_1 FROM notes WHERE notes.title != 'a') AS anon_1 "
        "FROM notes WHERE notes.title != 'a' ORDER BY notes.id ASC LIMIT 2 OFFSET 5"
    )


@settings(unhurried, max_examples=30)
@given(st.integers(0, 2**63 - 1), st.integers(1, 1000))
def test_no_offset_where_nothing_is_passed_over(skip: int, limit: int) -> None:
    """Does the first page spare the database an OFFSET, and any other have its own?"""
    query = Query(skip=skip, limit=limit, count="none")
    offset = f" OFFSET {skip}" if skip else ""
    page = tail(statements(NOTE).page(query), "postgresql")
    assert page == f"notes ORDER BY notes.id ASC LIMIT {limit + 1}{offset}"


def test_the_statement_of_all_rows() -> None:
    """Are all rows given in order, whatever the page?"""
    query = Query(skip=3, limit=1, where=[TITLED], order_by=["done"])
    assert tail(statements(NOTE).rows(query)) == (
        "notes WHERE notes.title != 'a' ORDER BY notes.done ASC, notes.id ASC"
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ((), "notes"),
        ((Note.id > 3, TITLED), "notes WHERE notes.id > 3 AND notes.title != 'a'"),
    ],
    ids=["all", "some"],
)
def test_the_statement_of_a_count(where: Any, expected: str) -> None:
    """Are rows counted under the same conditions?"""
    assert sql(statements(NOTE).count(where)) == f"SELECT count(*) AS count_1 FROM {expected}"
    assert sql(statements(NOTE).keys(where)) == f"SELECT notes.id FROM {expected}"
    keys = f"SELECT notes.id AS id FROM {expected} LIMIT 8"
    count = sql(statements(NOTE).count_up_to(where, 7), "postgresql")
    assert count == f"SELECT count(*) AS count_1 FROM ({keys}) AS anon_1"


def test_everything_keeps_to_the_scope() -> None:
    """Is every statement about those rows alone that there are for the caller?"""
    scoped = statements(NOTE, {Note: [Filter("done", "eq", True)]})
    query, keys = Query(), sort_keys(NOTE, [], "sqlite")
    for statement in (
        scoped.rows(query),
        scoped.count(),
        scoped.count_up_to([], 7),
        scoped.keys([]),
    ):
        assert sql(statement).count("WHERE notes.done = 1") == 1
    for counted_too in (scoped.page(query), scoped.walk(query, keys, Cursor())):
        assert sql(counted_too).count("WHERE notes.done = 1") == 2


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [
        (Cursor(), f"{UNLIKE} {DOWN}"),
        (Cursor((True, 3)), f"{UNLIKE} AND (notes.done, notes.id) < (1, 3) {DOWN}"),
        (Cursor((True, 3), backward=True), f"{UNLIKE} AND (notes.done, notes.id) > (1, 3) {UP}"),
        (Cursor(None, backward=True), f"{UNLIKE} {UP}"),
    ],
    ids=["from the beginning", "on", "back", "from the end"],
)
def test_the_statement_of_a_walk(cursor: Cursor, expected: str) -> None:
    """Are the rows beyond a place given with what they are sorted by, and one more?"""
    order = [OrderBy("done", descending=True)]
    keys = sort_keys(NOTE, order, "sqlite")
    values = ", notes.done AS crud_sort_0, notes.id AS crud_sort_1"
    total = f", (SELECT count(*) AS count_1 FROM notes WHERE {UNLIKE}) AS anon_1"
    asked = Query(limit=2, skip=7, where=[TITLED], order_by=order)
    for query, more in ((asked, total), (replace(asked, count="none"), "")):
        walk = sql(statements(NOTE).walk(query, keys, cursor))
        assert walk.endswith(f"{values}{more} FROM notes WHERE {expected} LIMIT 3 OFFSET 0")


@pytest.mark.parametrize(
    ("order", "cursor", "expected"),
    [
        ("body", Cursor(), [2, 4, 1]),
        ("body", Cursor((None, 2)), [4, 1, 3]),
        ("body", Cursor((None, 4)), [1, 3, 5]),
        ("body", Cursor(("a", 1)), [3, 5]),
        ("body", Cursor(("b", 3), backward=True), [1, 4, 2]),
        ("-body", Cursor(), [5, 3, 1]),
        ("-body", Cursor(("b", 3)), [1, 4, 2]),
        ("-body", Cursor((None, 4)), [2]),
        ("-body", Cursor((None, 4), backward=True), [1, 3, 5]),
        ("-body", Cursor(None, backward=True), [2, 4, 1]),
    ],
    ids=str,
)
async def test_a_walk_over_nulls(
    sqlite: Database, order: str, cursor: Cursor, expected: list[int]
) -> None:
    """Are rows with and without a value given in one walk, with what was asked of each row?"""
    bodies = {1: "a", 2: None, 3: "b", 4: None, 5: "b", 6: "b"}
    async with sqlite.session() as session:
        session.add_all(Note(id=key, title=str(key), body=it) for key, it in bodies.items())
    query = Query(limit=2, where=[Filter("id", "lt", 6)], order_by=[order], fields=["title"])
    keys = sort_keys(NOTE, query.order_by, "sqlite")
    with counted(sqlite.engine) as sent:
        async with AsyncSession(sqlite.engine) as session:
            walk = statements(NOTE).walk(query, keys, cursor)
            rows: Sequence[Any] = (await session.execute(walk)).all()
    assert [(note.id, values) for note, *values in rows] == [
        (key, [bodies[key], key, 5]) for key in expected
    ]
    assert {"body", "done"} == sa.inspect(rows[0][0]).unloaded
    assert len(sent) == 1


# Keys


@pytest.mark.parametrize(
    ("info", "key", "expected"),
    [(NOTE, (1,), "notes.id = 1"), (LINE, (1, 2), "lines.order_id = 1 AND lines.line_no = 2")],
    ids=["simple", "composite"],
)
def test_a_row_by_its_key(info: Any, key: tuple[Any, ...], expected: str) -> None:
    """Is every part of the key compared?"""
    where = tail(sa.select(info.model).where(*key_equals(info, key)))
    assert where.partition(" WHERE ")[2] == expected


@pytest.mark.parametrize("key", [(), (1,), (1, 2, 3)], ids=str)
def test_a_key_with_parts_missing_is_refused(key: tuple[Any, ...]) -> None:
    """Can no statement compare half a key?"""
    with pytest.raises(ValueError, match="zip"):
        key_equals(LINE, key)


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ([Note.id], [(1,), (2,)], "notes.id IN (1, 2)"),
        ([Line.order_id, Line.line_no], [(1, 2), (3, 4)],
         "(lines.order_id, lines.line_no) IN ((1, 2), (3, 4))"),
        ([Note.id], [], "notes.id IN (NULL) AND (1 != 1)"),
    ],
    ids=["simple", "composite", "none"],
)  # fmt: skip
def test_rows_by_their_keys(key: Any, values: Any, expected: str) -> None:
    """Is a row one of several?"""
    assert sql(is_one_of(key, values), "postgresql") == expected


def test_attributes_by_name() -> None:
    """Are names looked up on the class, in their order?"""
    assert attributes(NOTE, ["title", "id"]) == [Note.title, Note.id]
    with pytest.raises(AttributeError):
        attributes(NOTE, ["nmae"])


# What is loaded


@pytest.mark.parametrize(
    ("info", "fields", "expected"),
    [
        (NOTE, None, "notes.id, notes.title, notes.body, notes.done"),
        (NOTE, (), "notes.id"),
        (NOTE, ("title",), "notes.id, notes.title"),
        (NOTE, ("body", "id", "title"), "notes.id, notes.title, notes.body"),
        (LINE, ("quantity",), "lines.order_id, lines.line_no, lines.quantity"),
        (BOOK, ("blurb",), "books.id, books.blurb"),
    ],
    ids=lambda it: it[:40] if isinstance(it, str) else "",
)
def test_fields_that_are_loaded(info: Any, fields: Any, expected: str) -> None:
    """Are a few columns loaded where that was asked, the key always among them?"""
    query = Query(fields=fields, count="none")
    assert sql(statements(info).page(query)).partition(" FROM ")[0] == f"SELECT {expected}"


def test_a_hybrid_needs_who_knows_what() -> None:
    """Is everything loaded where one of the fields is computed in Python?"""
    assert only(AUTHOR, ["shout"]) == []
    assert len(only(AUTHOR, ["name"])) == 1


def test_options_hold_for_all_rows() -> None:
    """Is what shall be loaded with each row said in every statement that gives rows?"""
    with_blurb = statements(BOOK, options=[undefer(Book.blurb)])
    keys = sort_keys(BOOK, [], "sqlite")
    for statement in (
        with_blurb.rows(Query()),
        with_blurb.page(Query()),
        with_blurb.walk(Query(), keys, Cursor()),
    ):
        assert "books.blurb" in sql(statement).partition(" FROM ")[0]
    assert "books.blurb" not in sql(statements(BOOK).rows(Query()))


async def test_a_page_is_one_statement(sqlite: Database) -> None:
    """Are rows and total asked for at once?"""
    async with sqlite.session() as session:
        session.add_all(Note(title=str(n)) for n in range(5))
    page = statements(NOTE).page(Query(skip=1, limit=2, order_by=["-title"]))
    with counted(sqlite.engine) as sent:
        async with AsyncSession(sqlite.engine) as session:
            rows: Sequence[Any] = (await session.execute(page)).all()
    assert [(note.title, total) for note, total in rows] == [("3", 5), ("2", 5)]
    assert len(sent) == 1


async def test_walking_the_pages_yields_each_row_once(db: Database) -> None:
    """Do pages neither overlap nor leave gaps, though rows are equal in what they are sorted by?"""
    async with db.session() as session:
        session.add_all(Note(title=str(n), done=n % 2 == 0) for n in range(10))
    where, dialect = (Filter("title", "ne", "4"),), db.engine.dialect.name
    written = Statements(NOTE, Translator(dialect))
    seen: list[str] = []
    async with AsyncSession(db.engine) as session:
        for skip in range(0, 12, 3):
            query = Query(skip=skip, limit=3, order_by=("done",), where=where, count="none")
            seen += [note.title for note in await session.scalars(written.page(query).limit(3))]
        totals = [
            await session.scalar(written.count(where)),
            await session.scalar(written.count_up_to(where, 100)),
            await session.scalar(written.count_up_to(where, 9)),
            await session.scalar(written.count_up_to(where, 5)),
        ]
    assert sorted(seen) == [str(n) for n in range(10) if n != 4]
    assert totals == [9, 9, 9, 6]

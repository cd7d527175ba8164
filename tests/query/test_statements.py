"""From a `Query` to SQL."""

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Database, Query
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.statements import attributes, key_equals, loading, select_count, select_page
from tests.conftest import counted
from tests.models import Author, Book, Line, Note

NOTE, LINE, BOOK, AUTHOR = map(inspect_model, (Note, Line, Book, Author))


def sql(statement: Any) -> str:
    """A statement with its values, on one line, without what it selects."""
    text = str(statement.compile(compile_kwargs={"literal_binds": True}))
    return " ".join(text.split()).partition(" FROM ")[2]


@pytest.mark.parametrize(
    ("info", "query", "expected"),
    [
        (NOTE, Query(), "notes ORDER BY notes.id LIMIT 100"),
        (NOTE, Query(skip=5, limit=2), "notes ORDER BY notes.id LIMIT 2 OFFSET 5"),
        (LINE, Query(limit=1), "lines ORDER BY lines.order_id, lines.line_no LIMIT 1"),
        (
            NOTE,
            Query(where=(Note.title == "a", Note.done.is_(False)), order_by=(Note.title.desc(),)),
            "notes WHERE notes.title = 'a' AND notes.done IS 0 ORDER BY notes.title DESC, notes.id LIMIT 100",
        ),
    ],
    ids=["first page", "later page", "composite key", "conditions and order"],
)
def test_the_statement_of_a_page(info: Any, query: Query, expected: str) -> None:
    """Does the key always come last, so that pages never overlap?"""
    assert sql(select_page(info, query)).replace("IS false", "IS 0") == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ((), "notes"),
        ((Note.id > 3, Note.title != "a"), "notes WHERE notes.id > 3 AND notes.title != 'a'"),
    ],
    ids=["all", "some"],
)
def test_the_statement_of_a_count(where: Any, expected: str) -> None:
    """Are rows counted under the same conditions?"""
    assert sql(select_count(NOTE, where)) == expected


@pytest.mark.parametrize(
    ("info", "key", "expected"),
    [(NOTE, (1,), "notes.id = 1"), (LINE, (1, 2), "lines.order_id = 1 AND lines.line_no = 2")],
    ids=["simple", "composite"],
)
def test_a_row_by_its_key(info: Any, key: tuple[Any, ...], expected: str) -> None:
    """Is every part of the key compared?"""
    where = sql(sa.select(info.model).where(*key_equals(info, key)))
    assert where.partition(" WHERE ")[2] == expected


@pytest.mark.parametrize("key", [(), (1,), (1, 2, 3)], ids=str)
def test_a_key_with_parts_missing_is_refused(key: tuple[Any, ...]) -> None:
    """Can no statement compare half a key?"""
    with pytest.raises(ValueError, match="zip"):
        key_equals(LINE, key)


def test_attributes_by_name() -> None:
    """Are names looked up on the class, in their order?"""
    assert attributes(NOTE, ["title", "id"]) == [Note.title, Note.id]
    with pytest.raises(AttributeError):
        attributes(NOTE, ["nmae"])


@given(st.integers(0, 2**63 - 1), st.integers(1, 1000))
def test_no_offset_where_nothing_is_passed_over(skip: int, limit: int) -> None:
    """Does the first page spare the database an OFFSET, and any other have its own?"""
    page = sql(select_page(NOTE, Query(skip=skip, limit=limit)))
    offset = f" OFFSET {skip}" if skip else ""
    assert page == f"notes ORDER BY notes.id LIMIT {limit}{offset}"


@pytest.mark.parametrize(
    ("names", "statements"),
    [([], 1), (["blurb"], 1), (["author"], 2), (["blurb", "author"], 2)],
    ids=str,
)
async def test_what_is_loaded_costs(sqlite: Database, names: list[str], statements: int) -> None:
    """Does a relationship cost one statement for all rows, and a deferred column none?"""
    async with sqlite.session() as session:
        session.add_all(
            Book(title=str(n), blurb="b", author=Author(name=f"Author {n}")) for n in range(3)
        )
    with counted(sqlite.engine) as sent:
        async with AsyncSession(sqlite.engine) as session:
            page = select_page(BOOK, Query()).options(*loading(BOOK, names))
            books = list(await session.scalars(page))
    assert len(sent) == statements
    for book in books:
        assert not sa.inspect(book).unloaded & {*names}
    assert {"blurb", "author"} - {*names} <= sa.inspect(books[0]).unloaded


async def test_walking_the_pages_yields_each_row_once(db: Database) -> None:
    """Do pages neither overlap nor leave gaps, though rows are equal in what they are sorted by?"""
    async with db.session() as session:
        session.add_all(Note(title=str(n), done=n % 2 == 0) for n in range(10))
    seen: list[str] = []
    async with AsyncSession(db.engine) as session:
        for skip in range(0, 12, 3):
            query = Query(skip=skip, limit=3, order_by=(Note.done,), where=(Note.title != "4",))
            seen += [note.title for note in await session.scalars(select_page(NOTE, query))]
        total = await session.scalar(select_count(NOTE, (Note.title != "4",)))
    assert sorted(seen) == [str(n) for n in range(10) if n != 4]
    assert total == 9

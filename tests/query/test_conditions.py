"""From clauses to SQL conditions."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Optional

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import (
    And,
    ConfigurationError,
    Database,
    Filter,
    Not,
    Operator,
    Or,
    Search,
    SQLiteFullText,
)
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.conditions import Scopes, Translator, needs_lower, walk
from tests.models import Author, Book, Employee, Line, Manager, Note
from tests.query.rendering import sql

NOTE, BOOK, AUTHOR, MANAGER = map(inspect_model, (Note, Book, Author, Manager))
A, B = Filter("title", "eq", "a"), Filter("id", "gt", 3)
EVEN = Operator("even", "is even", lambda it, _: it.column % 2 == 0, frozenset({"integer"}), "flag")

TITLE, LARGE = "notes.title = 'a'", "notes.id > 3"
FOUND = "instr(lower(notes.title), '{0}') > 0 OR instr(lower(notes.body), '{0}') > 0"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (A, TITLE),
        (Filter("id", EVEN, True), "notes.id % 2 = 0"),
        (Note.id > 3, LARGE),
        (And(A, B), f"{TITLE} AND {LARGE}"),
        (Or(A, B), f"{TITLE} OR {LARGE}"),
        (And(A), TITLE),
        (Or(A), TITLE),
        (And(), "1 = 1"),
        (Or(), "0 = 1"),
        (Or(And(A, B), Note.done), f"{TITLE} AND {LARGE} OR notes.done = 1"),
        (Not(A), f"coalesce({TITLE}, 0) = 0"),
        (Not(Or(A, Note.done)), f"coalesce({TITLE} OR notes.done = 1, 0) = 0"),
        (Search("x", ("title",)), "instr(lower(notes.title), 'x') > 0"),
        (
            Search('x "y z"', ("title", "body")),
            f"({FOUND.format('x')}) AND ({FOUND.format('y z')})",
        ),
        (Search("", ("title",)), "1 = 1"),
        (
            Search("x", SQLiteFullText("fts")),
            """notes.id IN (SELECT fts.rowid FROM fts WHERE fts.fts MATCH '"x"')""",
        ),
    ],
    ids=lambda it: type(it).__name__ if not isinstance(it, str) else "",
)
def test_a_condition_in_sql(condition: Any, expected: str) -> None:
    """What does each clause say, and is SQL left as it is?"""
    assert sql(Translator("sqlite").test(NOTE, condition)) == expected


def test_values_are_bound() -> None:
    """Does no value become SQL?"""
    condition = Or(Filter("title", "eq", "'; --"), Filter("title", "contains", "'; --"))
    assert "--" not in str(Translator("sqlite").test(NOTE, condition))


EXACTLY = "CAST(CAST(notes.title AS CHAR CHARACTER SET utf8mb4) AS BINARY)"


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (A, f"{TITLE} AND {EXACTLY} = 'a'"),
        (
            Filter("title", "in", ("a", "b")),
            f"notes.title IN ('a', 'b') AND {EXACTLY} IN ('a', 'b')",
        ),
        (B, LARGE),
    ],
    ids=["one", "many", "a number"],
)
def test_text_is_equal_to_the_letter(condition: Any, expected: str, dialect: str) -> None:
    """Are bytes compared as well, where collations pass over case, beside what an index knows?"""
    assert sql(Translator(dialect).test(NOTE, condition), dialect) == expected


FOLLOWED = "EXISTS (SELECT 1 FROM authors WHERE authors.id = books.author_id AND "
OWNED = "EXISTS (SELECT 1 FROM books WHERE authors.id = books.author_id AND "
NOBODY = f"NOT ({FOLLOWED}1 = 1))"


@pytest.mark.parametrize(
    ("info", "condition", "expected"),
    [
        (BOOK, Filter("author.name", "eq", "a"), f"{FOLLOWED}authors.name = 'a')"),
        (BOOK, Filter("author.name", "ne", "a"), f"({FOLLOWED}authors.name != 'a')) OR {NOBODY}"),
        (BOOK, Filter("author.name", "not_in", ("a",)),
         f"({FOLLOWED}(authors.name NOT IN ('a')))) OR {NOBODY}"),
        (BOOK, Filter("author.name", "isnull", True),
         f"({FOLLOWED}authors.name IS NULL)) OR {NOBODY}"),
        (BOOK, Filter("author.name", "isnull", False), f"{FOLLOWED}authors.name IS NOT NULL)"),
        (AUTHOR, Filter("books.title", "eq", "a"), f"{OWNED}books.title = 'a')"),
        (AUTHOR, Filter("books.title", "ne", "a"), f"{OWNED}books.title != 'a')"),
        (AUTHOR, Filter("books.author.name", "eq", "a"), f"{OWNED}({FOLLOWED}authors.name = 'a')))"),
    ],
    ids=lambda it: str(it)[:40] if isinstance(it, Filter) else "",
)  # fmt: skip
def test_a_condition_over_relationships(info: Any, condition: Any, expected: str) -> None:
    """Is it an EXISTS, and does a row that is missing fit where NULL does?"""
    test = Translator("sqlite").test(info, condition)
    statement = sql(sa.select(info.model.id).where(test))
    assert statement.partition(" WHERE ")[2] == expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (Filter("nmae"), "Note has no column 'nmae'; it has id, title, body, done"),
        (Filter("author.name"), "Note has no relationship 'author'; it has none"),
        (Not(And(Filter("title", "like", "a"))), "no operator 'like'; there are eq, ne, in, "),
    ],
    ids=["column", "relationship", "operator"],
)
def test_a_condition_on_nothing(condition: Any, message: str) -> None:
    """Does a mistake in Python tell what there is?"""
    with pytest.raises(ConfigurationError) as caught:
        Translator("sqlite").test(NOTE, condition)
    assert str(caught.value).startswith(message)


# Scopes

NAMED: Scopes = {Author: [Filter("name", "ne", "x")], Book: [Book.id > 3]}
UNSEEN = "authors.name != 'x'"


@pytest.mark.parametrize(
    ("info", "scopes", "expected"),
    [
        (NOTE, {}, []),
        (NOTE, NAMED, []),
        (NOTE, {Note: [A, B]}, [TITLE, LARGE]),
        (BOOK, NAMED, ["books.id > 3"]),
        (MANAGER, {Employee: [Employee.name == "a"]}, ["employees.name = 'a'"]),
        (
            MANAGER,
            {Employee: [Employee.name == "a"], Manager: [Filter("budget", "gt", 1)]},
            ["managers.budget > 1", "employees.name = 'a'"],
        ),
        (MANAGER, {object: [Employee.id > 1]}, ["employees.id > 1"]),
    ],
    ids=["none", "of others", "own", "SQL", "of the parent", "of both", "of all"],
)
def test_rows_there_are(info: Any, scopes: Scopes, expected: list[str]) -> None:
    """Which rows are there for a caller, those of a subclass by what is said of its parents too?"""
    translator = Translator("sqlite", scopes)
    assert [sql(test) for test in translator.scope(info)] == expected
    conditions = translator.where(info, [Note.id == 7])
    assert [sql(test) for test in conditions] == [*expected, "notes.id = 7"]


@pytest.mark.parametrize(
    ("info", "condition", "expected"),
    [
        (BOOK, Filter("author.name", "eq", "a"), f"{FOLLOWED}authors.name = 'a' AND {UNSEEN})"),
        (
            BOOK, Filter("author.name", "ne", "a"),
            f"({FOLLOWED}authors.name != 'a' AND {UNSEEN})) OR NOT ({FOLLOWED}{UNSEEN}))",
        ),
        (AUTHOR, Filter("books.title", "eq", "a"), f"{OWNED}books.title = 'a' AND books.id > 3)"),
    ],
    ids=lambda it: it[:40] if isinstance(it, str) else "",
)  # fmt: skip
def test_related_rows_there_are(info: Any, condition: Any, expected: str) -> None:
    """Can nobody ask about related rows that are not there for them?"""
    test = Translator("sqlite", NAMED).test(info, condition)
    statement = sql(sa.select(info.model.id).where(test))
    assert statement.partition(" WHERE ")[2] == expected


# What conditions consist of


def test_all_conditions_are_walked() -> None:
    """Are conditions given with all that they are made of?"""
    search, plain = Search("a", ("title",)), Note.id > 3
    tree = Or(And(A, Not(B)), search)
    assert [*walk([tree, plain])] == [tree, tree.parts[0], A, Not(B), B, search, plain]
    assert [*walk([])] == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ([], False),
        ([Filter("title", "icontains", "A")], False),
        ([Filter("title", "icontains", "Á")], True),
        ([A, Not(Or(Filter("title", "icontains", "Á")))], True),
        ([Search("a b", ("title",))], False),
        ([Search("a ñ", ("title",))], True),
        ([Filter("id", "eq", 3), Filter("id", "in", (1, 2)), Note.title == "Á"], False),
    ],
    ids=lambda it: it[:40] if isinstance(it, str) else "",
)
def test_letters_that_sqlite_does_not_know(where: list[Any], expected: bool) -> None:
    """Is it told where its own LOWER is not enough, in a scope as well?"""
    assert needs_lower(where, {}) is expected
    assert needs_lower([], {Note: where}) is expected


# On a database


class Base(DeclarativeBase):
    """The base of a model of this test."""


class Node(Base):
    """A row of a tree."""

    __tablename__ = "nodes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("nodes.id"))
    parent: Mapped[Optional["Node"]] = relationship(
        remote_side="Node.id", back_populates="children"
    )
    children: Mapped[list["Node"]] = relationship(back_populates="parent")


NODE = inspect_model(Node)
PARENTS: Mapping[int, int | None] = {1: None, 2: 1, 3: 1, 4: 2, 5: 4, 6: None, 7: 6, 8: 6}
NAMES: Mapping[int, str | None] = dict(enumerate(["a", "b", "c", "a", None, "b", None, "a"], 1))


@pytest.fixture(scope="module")
async def forest(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """Two trees."""
    path = tmp_path_factory.mktemp("forest")
    database = Database(f"sqlite:///{path}/own.db", metadata=Base.metadata)
    await database.create_all()
    async with database.engine.begin() as connection:
        rows = [{"id": key, "name": NAMES[key], "parent_id": PARENTS[key]} for key in PARENTS]
        await connection.execute(sa.insert(Node), rows)
    yield database
    await database.engine.dispose()


async def found(database: Database, condition: Any, scopes: Scopes | None = None) -> list[int]:
    """The keys of the rows for which a condition holds."""
    tests = Translator("sqlite", scopes or {}).where(NODE, [condition])
    async with AsyncSession(database.engine) as session:
        return [*await session.scalars(sa.select(Node.id).where(*tests).order_by(Node.id))]


def related(key: int, path: list[str], hidden: set[int]) -> list[int]:
    """The rows that a path leads to."""
    if not path:
        return [key]
    parent, children = PARENTS[key], [it for it in PARENTS if PARENTS[it] == key]
    beside = children if path[0] == "children" else [] if parent is None else [parent]
    return [end for it in beside if it not in hidden for end in related(it, path[1:], hidden)]


paths = st.lists(st.sampled_from(["parent", "children"]), max_size=3)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths, st.sampled_from("abc"), st.sets(st.integers(1, 8), max_size=3))
async def test_paths_over_a_model_to_itself(
    forest: Database, path: list[str], name: str, hidden: set[int]
) -> None:
    """Does a path lead to the rows that Python finds, through rows alone that are there?"""
    expected = [
        key
        for key in PARENTS
        if key not in hidden and any(NAMES[end] == name for end in related(key, path, hidden))
    ]
    condition = Filter(".".join([*path, "name"]), "eq", name)
    scopes = {Node: [Filter("id", "not_in", tuple(hidden))]} if hidden else {}
    assert await found(forest, condition, scopes) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Filter("name", "eq", "a"), [1, 4, 8]),
        (Not(Filter("name", "eq", "a")), [2, 3, 5, 6, 7]),
        (Not(Node.name == "a"), [2, 3, 5, 6, 7]),
        (Not(Not(Filter("name", "gt", "a"))), [2, 3, 6]),
        (Filter("parent.name", "ne", "a"), [1, 4, 6, 7, 8]),
        (Filter("parent.name", "isnull", True), [1, 6]),
        (Not(Filter("parent.name", "eq", "a")), [1, 4, 6, 7, 8]),
        (Filter("children.name", "isnull", True), [4, 6]),
        (And(Filter("children.name", "eq", "a"), Filter("children.name", "isnull", True)), [6]),
        (And(), [1, 2, 3, 4, 5, 6, 7, 8]),
        (Or(), []),
        (Not(And()), []),
    ],
    ids=lambda it: it[:40] if isinstance(it, str) else "",
)
async def test_null_is_a_value_like_others(
    forest: Database, condition: Any, expected: list[int]
) -> None:
    """Is a row without a value, or without a related row, never lost between a condition and its opposite?"""
    assert await found(forest, condition) == expected


async def test_rows_never_multiply(sqlite: Database) -> None:
    """Is a row found once, however many related rows fit?"""
    async with sqlite.session() as session:
        session.add(Author(name="Ann", books=[Book(title=str(n)) for n in range(5)]))
        await session.flush()
        tests = Translator("sqlite").where(AUTHOR, [Filter("books.title", "ne", "3")])
        assert [*await session.scalars(sa.select(Author.name).where(*tests))] == ["Ann"]


def test_parts_of_a_composite_key_are_columns() -> None:
    """Can they be compared like others?"""
    line = inspect_model(Line)
    assert sql(Translator("sqlite").test(line, Filter("line_no", "in", (1, 2)))) == (
        "lines.line_no IN (1, 2)"
    )

"""What is loaded with each row."""

from collections.abc import Mapping, Sequence
from dataclasses import FrozenInstanceError
from typing import Annotated, Any, Optional

import pytest
import sqlalchemy as sa
from pydantic import AliasChoices, AliasPath, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import ConfigurationError, Database, Filter, Query
from fastapi_crud.columns import ModelInfo, inspect_model
from fastapi_crud.query.conditions import Scopes, Translator
from fastapi_crud.query.loading import (
    MAX_NESTING,
    View,
    attribute_of,
    attributes_of,
    embedded,
    loads_of,
    options,
    select_related,
)
from fastapi_crud.query.paths import hop
from fastapi_crud.query.statements import Statements
from tests.conftest import counted
from tests.models import Author, Book
from tests.query.rendering import sql

BOOK, AUTHOR = inspect_model(Book), inspect_model(Author)


class TitleRead(BaseModel):
    title: str


class AuthorRead(BaseModel):
    name: str
    shout: str


class BookRead(TitleRead):
    author: AuthorRead
    blurb: str | None


class LibraryRead(AuthorRead):
    books: list[BookRead]


class Renamed(BaseModel):
    writer: Annotated[Optional[AuthorRead], "the one"] = Field(validation_alias="author")  # noqa: UP045
    summary: str = Field(alias="blurb")
    nothing: int = 1


class Loose(BaseModel):
    author: Any
    title: str


class Endless(BaseModel):
    books: list["Volume"]


class Volume(BaseModel):
    author: Endless


Endless.model_rebuild()


# What a schema shows


@pytest.mark.parametrize(
    ("schema", "info", "loads"),
    [
        (TitleRead, BOOK, {}),
        (AuthorRead, AUTHOR, {}),
        (BookRead, BOOK, {"author": {}, "blurb": {}}),
        (LibraryRead, AUTHOR, {"books": {"author": {}, "blurb": {}}}),
        (Renamed, BOOK, {"author": {}, "blurb": {}}),
        (Loose, BOOK, {"author": {}}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_what_a_schema_shows(
    schema: type[BaseModel], info: ModelInfo, loads: Mapping[str, Any]
) -> None:
    """Which relationships and deferred columns must be loaded, by whatever name they are shown?"""
    assert loads_of(schema, info) == loads


def test_a_schema_must_end() -> None:
    """Is a schema that embeds itself without end refused when the router is made?"""
    message = rf"^\w+ embeds relationships more than {MAX_NESTING} deep: end it earlier$"
    with pytest.raises(ConfigurationError, match=message):
        loads_of(Volume, BOOK)


def test_attributes_and_their_names_in_answers() -> None:
    """Which attribute does each field read, and what is it called in the answer?"""

    class Read(BaseModel):
        plain: int
        both: int = Field(alias="a")
        read: int = Field(validation_alias="b")
        shown: int = Field(serialization_alias="c")
        each: int = Field(validation_alias="d", serialization_alias="e")

    assert attributes_of(Read) == {"plain": "plain", "a": "a", "b": "read", "shown": "c", "d": "e"}


@pytest.mark.parametrize("alias", [AliasChoices("a", "b"), AliasPath("a", 0)], ids=repr)
def test_an_alias_that_is_no_name(alias: Any) -> None:
    """Is the field's own name the attribute where the alias is none?"""
    assert attribute_of("name", Field(validation_alias=alias)) == "name"


@pytest.mark.parametrize(
    ("info", "loads", "expected"),
    [
        (BOOK, {}, []),
        (BOOK, {"blurb": {}}, []),
        (BOOK, {"author": {}, "blurb": {}}, [AUTHOR]),
        (BOOK, {"author": {"books": {"author": {}}}}, [AUTHOR, BOOK, AUTHOR]),
    ],
    ids=["nothing", "a column", "one", "nested"],
)
def test_which_models_are_loaded(
    info: ModelInfo, loads: Mapping[str, Any], expected: list[ModelInfo]
) -> None:
    """Is each related model told, so that its rows can be kept to those that there are?"""
    assert list(embedded(info, loads)) == expected


def test_a_view_is_a_value() -> None:
    """Is nothing loaded and nothing hidden unless somebody says so, and is that frozen?"""
    view = View()
    assert view == View(loads={}, included={}, max_included=None, scopes={}, write_scope=())
    assert (view.cursor_secret, view.max_exact_count) == (None, 10_000)
    with pytest.raises(FrozenInstanceError):
        view.max_included = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        view.loads["a"] = {}  # type: ignore[index]


# Loading


async def add_books(database: Database) -> None:
    async with database.session() as session:
        session.add_all(
            Author(name=f"Author {n}", books=[Book(title=f"{n}{m}", blurb="b") for m in range(n)])
            for n in range(4)
        )


@pytest.mark.parametrize(
    ("loads", "statements"),
    [({}, 1), ({"blurb": {}}, 1), ({"author": {}}, 2), ({"blurb": {}, "author": {}}, 2),
     ({"author": {"books": {}}}, 3), ({"author": {"books": {"blurb": {}}}}, 3)],
    ids=str,
)  # fmt: skip
async def test_what_is_loaded_costs(
    sqlite: Database, loads: Mapping[str, Any], statements: int
) -> None:
    """Does a relationship cost one statement for all rows, and a deferred column none?"""
    await add_books(sqlite)
    translator = Translator("sqlite")
    with counted(sqlite.engine) as sent:
        async with AsyncSession(sqlite.engine) as session:
            written = Statements(BOOK, translator, options(BOOK, loads, translator))
            books = list(await session.scalars(written.rows(Query())))
    assert len(books) == 6
    assert len(sent) == statements
    for book in books:
        assert not sa.inspect(book).unloaded & {*loads}
        if "books" in loads.get("author", {}):
            assert {it.id for it in book.author.books} == {
                it.id for it in books if it.author_id == book.author_id
            }
    if "author" not in loads:
        assert {"blurb", "author"} - {*loads} <= sa.inspect(books[0]).unloaded


async def test_what_is_loaded_is_there(sqlite: Database) -> None:
    """Are related rows that are not there for the caller left out?"""
    await add_books(sqlite)
    translator = Translator("sqlite", {Book: [Filter("title", "startswith", "3"), Book.id > 4]})
    written = Statements(AUTHOR, translator, options(AUTHOR, {"books": {}}, translator))
    async with AsyncSession(sqlite.engine) as session:
        authors = list(await session.scalars(written.rows(Query())))
        assert [[book.title for book in it.books] for it in authors] == [[], [], [], ["31", "32"]]


# Related rows of many rows


class Base(DeclarativeBase):
    """The base of the models of these tests."""


taken = sa.Table(
    "taken",
    Base.metadata,
    sa.Column("year", sa.Integer),
    sa.Column("number", sa.Integer),
    sa.Column("course_id", sa.Integer, sa.ForeignKey("courses.id")),
    sa.ForeignKeyConstraint(["year", "number"], ["students.year", "students.number"]),
)


class Course(Base):
    """Related to many of many."""

    __tablename__ = "courses"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Student(Base):
    """With a composite key, and an order of what is related."""

    __tablename__ = "students"

    year: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    best_id: Mapped[int | None] = mapped_column(sa.ForeignKey("courses.id"))
    courses: Mapped[list[Course]] = relationship(secondary=taken, order_by=Course.name.desc())
    best: Mapped[Course | None] = relationship()


STUDENT = inspect_model(Student)
KEYS = [(1, 1), (1, 2), (2, 1)]


@pytest.fixture
async def school(tmp_path: Any) -> Any:
    """Students of courses."""
    database = Database(f"sqlite:///{tmp_path}/own.db", metadata=Base.metadata)
    await database.create_all()
    async with database.session() as session:
        courses = [Course(id=n, name="ABCD"[n]) for n in range(4)]
        session.add_all(courses)
        session.add_all(
            [
                Student(year=1, number=1, courses=courses, best=courses[1]),
                Student(year=1, number=2, courses=courses[1:3], best=courses[1]),
                Student(year=2, number=1),
                Student(year=2, number=2, courses=courses),
            ]
        )
    yield database
    await database.engine.dispose()


async def related(
    database: Database, name: str, most: int | None, scopes: Scopes | None = None
) -> dict[tuple[int, int], list[str]]:
    """Key → names of the related rows, in their order."""
    statement = select_related(hop(STUDENT, name), KEYS, most, Translator("sqlite", scopes or {}))
    found: dict[tuple[int, int], list[str]] = {}
    async with AsyncSession(database.engine) as session:
        rows: Sequence[Any] = (await session.execute(statement)).all()
        for course, year, number in rows:
            found.setdefault((year, number), []).append(course.name)
    return found


@pytest.mark.parametrize(
    ("name", "most", "expected"),
    [
        ("courses", None, {(1, 1): ["D", "C", "B", "A"], (1, 2): ["C", "B"]}),
        ("courses", 3, {(1, 1): ["D", "C", "B"], (1, 2): ["C", "B"]}),
        ("courses", 1, {(1, 1): ["D"], (1, 2): ["C"]}),
        ("best", None, {(1, 1): ["B"], (1, 2): ["B"]}),
        ("best", 1, {(1, 1): ["B"], (1, 2): ["B"]}),
    ],
    ids=str,
)
async def test_related_rows(
    school: Database, name: str, most: int | None, expected: dict[tuple[int, int], list[str]]
) -> None:
    """Does each row of those asked for get its own, in order, and the first few where bounded?"""
    assert await related(school, name, most) == expected


@pytest.mark.parametrize("most", [None, 2], ids=str)
async def test_related_rows_that_are_there(school: Database, most: int | None) -> None:
    """Are rows that are not there for the caller neither given nor counted?"""
    scopes: Scopes = {Course: [Filter("name", "ne", "D"), Course.id > 0]}
    assert await related(school, "courses", most, scopes) == {
        (1, 1): ["C", "B"],
        (1, 2): ["C", "B"],
    }


def test_only_a_bound_costs_a_rank() -> None:
    """Are rows ranked only where each row may have several, and not all are wanted?"""

    def ranked(name: str, most: int | None) -> bool:
        way = hop(STUDENT, name)
        return "row_number" in sql(select_related(way, [(1, 1)], most, Translator("sqlite")))

    assert ranked("courses", 5)
    assert not ranked("courses", None)
    assert not ranked("best", 5)

"""From a model to an attribute of a related one."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import ConfigurationError
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.paths import column_at, hop, hops, is_sql
from tests.models import Author, Book, File, Folder, Note

NOTE, AUTHOR, BOOK, FOLDER = map(inspect_model, (Note, Author, Book, Folder))


class Base(DeclarativeBase):
    """The base of a model of this test."""


class Box(Base):
    """With hybrids, some of which mean something in SQL."""

    __tablename__ = "boxes"

    id: Mapped[int] = mapped_column(primary_key=True)
    width: Mapped[int]
    name: Mapped[str]

    @hybrid_property
    def double(self) -> int:
        return self.width * 2

    @hybrid_property
    def alias(self) -> str:
        return self.name

    @hybrid_property
    def wide(self) -> bool:
        return self.width > 3 and self.name != ""

    @hybrid_property
    def shout(self) -> str:
        return self.name.upper()

    @hybrid_property
    def label(self) -> str:
        return "box"

    @hybrid_property
    def wording(self) -> str:
        return f"{self.name} {self.width}"

    @hybrid_property
    def length(self) -> int:
        return len(self.name)

    @length.inplace.expression
    @classmethod
    def _length(cls) -> sa.ColumnElement[int]:
        return sa.func.length(cls.name)


@pytest.mark.parametrize(
    ("info", "name", "target", "to_many"),
    [
        (AUTHOR, "books", Book, True),
        (BOOK, "author", Author, False),
        (FOLDER, "files", File, True),
    ],
    ids=["one to many", "many to one", "without a way back"],
)
def test_a_relationship_is_followed(info: Any, name: str, target: Any, to_many: bool) -> None:
    """Where does a relationship lead, and to how many rows?"""
    way = hop(info, name)
    assert (way.name, way.source, way.target, way.to_many) == (
        name,
        info,
        inspect_model(target),
        to_many,
    )


@pytest.mark.parametrize(
    ("info", "name", "message"),
    [
        (NOTE, "author", "Note has no relationship 'author'; it has none"),
        (BOOK, "title", "Book has no relationship 'title'; it has author"),
        (BOOK, "", "Book has no relationship ''; it has author"),
    ],
    ids=["none at all", "a column", "no name"],
)
def test_a_relationship_that_is_not_there(info: Any, name: str, message: str) -> None:
    """Does the error tell which there are?"""
    with pytest.raises(ConfigurationError) as caught:
        hop(info, name)
    assert str(caught.value) == message


def test_relationships_are_followed_in_a_row() -> None:
    """Does each lead on from where the one before has led?"""
    assert hops(BOOK, ()) == []
    assert [(it.name, it.target.name) for it in hops(BOOK, ("author", "books", "author"))] == [
        ("author", "Author"),
        ("books", "Book"),
        ("author", "Author"),
    ]
    with pytest.raises(ConfigurationError, match="Author has no relationship 'author'"):
        hops(BOOK, ("author", "author"))


@pytest.mark.parametrize(
    ("path", "way", "owner"),
    [
        ("title", [], Book),
        ("author.name", ["author"], Author),
        ("author.books.title", ["author", "books"], Book),
    ],
    ids=str,
)
def test_a_path_leads_to_a_column(path: str, way: list[str], owner: type[Any]) -> None:
    """Which relationships does a path follow, and to which column?"""
    found, column = column_at(BOOK, path)
    assert [it.name for it in found] == way
    assert column is inspect_model(owner).columns[path.rpartition(".")[2]]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nmae", "Book has no column 'nmae'; it has id, title, author_id, blurb"),
        ("author", "Book has no column 'author'; it has "),
        ("author.nmae", "Author has no column 'nmae'; it has "),
        ("author.", "Author has no column ''; it has "),
        ("writer.name", "Book has no relationship 'writer'; it has author"),
        ("title.name", "Book has no relationship 'title'; it has author"),
        ("", "Book has no column ''; it has "),
        (".name", "Book has no relationship ''; it has author"),
    ],
    ids=str,
)
def test_a_path_that_leads_nowhere(path: str, message: str) -> None:
    """Does the error tell which model lacks what, and what it has?"""
    with pytest.raises(ConfigurationError) as caught:
        column_at(BOOK, path)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("width", True),
        ("double", True),
        ("alias", True),
        ("length", True),
        ("wide", False),
        ("shout", False),
    ],
)
def test_hybrids_that_are_sql(attribute: str, expected: bool) -> None:
    """Is a hybrid that only Python can compute told from one that a statement can hold?"""
    assert is_sql(inspect_model(Box), attribute) is expected


def test_a_box_is_all_that_its_hybrids_say() -> None:
    """Do the hybrids of this test work in Python?"""
    box = Box(width=4, name="a")
    assert (box.double, box.alias, box.wide, box.shout, box.length) == (8, "a", True, "A", 1)


def test_expressions_are_sql() -> None:
    """Is a `column_property` SQL by nature?"""
    assert is_sql(AUTHOR, "book_count")
    assert not is_sql(AUTHOR, "shout")

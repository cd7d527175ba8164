"""What a mapped class consists of, however it was mapped and annotated."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NewType, Optional, TypeVar, Union
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given, settings, strategies as st
from pydantic import BaseModel, EmailStr, Field, HttpUrl, TypeAdapter, ValidationError
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    WriteOnlyMapped,
    column_property,
    declared_attr,
    mapped_column,
    registry,
    relationship,
    synonym,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import Field as SQLModelField, SQLModel

from fastapi_crud import ConfigurationError, make_schemas
from fastapi_crud.columns import MISSING_DEFAULT, ColumnInfo, inspect_model
from fastapi_crud.models import UTCDateTime, utc_now
from tests import future_models, models
from tests.strategies import KEY_VALUES, Level, model_of

T = TypeVar("T")
UserId = NewType("UserId", int)


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Garden(future_models.Base):
    """What the models of that module know for type checkers only."""

    __tablename__ = "gardens"

    id: Mapped[int] = mapped_column(primary_key=True)
    houses: Mapped[list["future_models.House"]] = relationship(back_populates="garden")


class Address(BaseModel):
    street: str
    zip: str = Field(max_length=5)


class Lower(sa.TypeDecorator[str]):
    """A text type of somebody's own."""

    impl = sa.String(10)
    cache_ok = True


class Epoch(sa.TypeDecorator[datetime]):
    """A datetime kept as an integer."""

    impl = sa.Integer
    cache_ok = True


class Named:
    """A mixin."""

    name: Mapped[str] = mapped_column(sa.String(7))

    @declared_attr
    @classmethod
    def nick(cls) -> Mapped[str | None]:
        return mapped_column(sa.String(3))


class Annotations(Named, Base):
    """Every way to annotate a column."""

    __tablename__ = "annotations"

    id: Mapped[int] = mapped_column(primary_key=True)
    plain: Mapped[int]
    text: Mapped["str"] = mapped_column(sa.String(5))
    optional: Mapped[Optional[int]]  # noqa: UP045
    union: Mapped[Union[int, None]]  # noqa: UP007
    bar: Mapped[int | None]
    narrowed: Mapped[Annotated[int, Field(ge=1, le=9)]]
    narrowed_or_null: Mapped[Annotated[str, Field(min_length=2)] | None] = mapped_column(
        sa.String(5)
    )
    email: Mapped[EmailStr] = mapped_column(sa.String(20))
    url: Mapped[HttpUrl] = mapped_column(sa.String(50))
    choice: Mapped[Literal["a", "b"]] = mapped_column(sa.String(1))
    level: Mapped[Level]
    address: Mapped[Address] = mapped_column(sa.JSON)
    settings: Mapped[dict[str, int]] = mapped_column(sa.JSON)
    numbers: Mapped[list[int]] = mapped_column(sa.ARRAY(sa.SmallInteger))
    words: Mapped[list[str]] = mapped_column(postgresql.ARRAY(sa.String(3)))
    anything: Mapped[Any] = mapped_column(sa.JSON)
    several: Mapped[int | str] = mapped_column(sa.JSON)
    lower: Mapped[str] = mapped_column(Lower)
    epoch: Mapped[datetime] = mapped_column(Epoch)
    amount: Mapped[float] = mapped_column(sa.Numeric(10, 2))
    user_id: Mapped[UserId] = mapped_column(sa.Integer)
    bare = mapped_column(sa.SmallInteger, nullable=False)


class Owner(Base):
    """With what is neither a column nor readable."""

    __tablename__ = "owners"

    id: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[str] = mapped_column("first_name", sa.String(20), doc="Given name.")
    last: Mapped[str] = mapped_column(
        sa.String(20), comment="Family name.", info={"description": "Surname."}
    )
    pets: WriteOnlyMapped["Pet"] = relationship()
    initials: Mapped[str] = column_property(
        sa.func.substr(sa.literal_column("first_name"), 1, 1), info={"title": "Initials"}
    )
    surname = synonym("last")

    @hybrid_property
    def full(self) -> str:
        return f"{self.first} {self.last}"

    @hybrid_property
    def cents(self) -> Optional[Decimal]:  # noqa: UP045
        return None

    @hybrid_property
    def unspoken(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - the point
        return self.first

    @hybrid_property
    def numbers(self) -> list[int]:
        return [1]


class Pet(Base):
    __tablename__ = "pets"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("owners.id"))
    story: Mapped[str | None] = mapped_column(sa.Text, deferred=True)


def from_context(context: Any) -> Any:
    """A default that looks at the rest of the row."""
    return context.get_current_parameters()["none"]


class Defaults(Base):
    """Every way to fill a column."""

    __tablename__ = "defaults"

    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    none: Mapped[int]
    null: Mapped[int | None]
    scalar: Mapped[int] = mapped_column(default=3)
    falsy: Mapped[bool] = mapped_column(default=False)
    called: Mapped[UUID] = mapped_column(default=uuid4)
    made: Mapped[datetime] = mapped_column(UTCDateTime, default=utc_now)
    touched: Mapped[datetime | None] = mapped_column(UTCDateTime, onupdate=utc_now)
    server_text: Mapped[str] = mapped_column(sa.String(9), server_default="it's")
    server_sql: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    sql: Mapped[int] = mapped_column(default=sa.text("40 + 2"))
    sequence: Mapped[int] = mapped_column(sa.Integer, sa.Sequence("numbers"))
    context: Mapped[int] = mapped_column(default=from_context)
    triple: Mapped[int] = mapped_column(sa.Computed("scalar * 3"))
    by_trigger: Mapped[int] = mapped_column(
        server_default=sa.FetchedValue(), server_onupdate=sa.FetchedValue()
    )


class Positional:
    """Mapped imperatively, with an `__init__` of its own."""

    def __init__(self, a: int, b: int = 2, *, c: int) -> None:
        self.a, self.b, self.c = a, b, c


class Bare:
    """Mapped imperatively, without an `__init__`."""


class DataclassBase(MappedAsDataclass, DeclarativeBase):
    metadata = sa.MetaData()


class Point(DataclassBase):
    __tablename__ = "points"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    x: Mapped[int]
    y: Mapped[int] = mapped_column(default=0)
    z: Mapped[int | None] = mapped_column(default=None, init=False)


class Hero(SQLModel, table=True):
    metadata = Base.metadata

    id: int | None = SQLModelField(default=None, primary_key=True)
    name: str = SQLModelField(max_length=20, min_length=2)
    age: int | None = SQLModelField(default=None, ge=0)
    power: Annotated[int, Field(le=9)] = 1


for _cls, _columns in ((Positional, "abcd"), (Bare, "ab")):
    registry().map_imperatively(
        _cls,
        sa.Table(
            _cls.__name__.lower(),
            sa.MetaData(),
            sa.Column("id", sa.Integer, primary_key=True),
            *(sa.Column(name, sa.SmallInteger) for name in _columns),
        ),
    )


def column(model: type[Any], name: str) -> ColumnInfo:
    return inspect_model(model).columns[name]


def accepts(info: ColumnInfo, value: Any) -> bool:
    try:
        TypeAdapter(info.write).validate_python(value)
    except ValidationError:
        return False
    return True


# The class


@pytest.mark.parametrize("model", [object, int, Base, sa.Table, 3, None, "User", Base.metadata])
def test_only_mapped_classes_can_be_read(model: Any) -> None:
    """Does anything else say what to pass instead?"""
    with pytest.raises(ConfigurationError, match="is not a mapped class: pass the model itself"):
        inspect_model(model)


def test_a_class_is_read_once() -> None:
    """Is the answer for a class the same object each time?"""
    assert inspect_model(Owner) is inspect_model(Owner)


COLUMNS: list[tuple[type[Any], list[str], list[str]]] = [
    (models.Note, ["id", "title", "body", "done"], ["id"]),
    (models.Line, ["order_id", "line_no", "quantity"], ["order_id", "line_no"]),
    (models.Author, ["id", "name", "name_length", "book_count", "shout"], ["id"]),
    (Owner, ["id", "first", "last", "initials", "full", "cents", "unspoken", "numbers"], ["id"]),
    (Pet, ["id", "owner_id", "story"], ["id"]),
    (models.Employee, ["id", "kind", "name"], ["id"]),
    (models.Manager, ["id", "kind", "name", "budget"], ["id"]),
    (models.Clerk, ["id", "kind", "name", "desk"], ["id"]),
    (models.Coin, ["id", "name", "value", "note"], ["id"]),
    (Hero, ["id", "name", "age", "power"], ["id"]),
    (Positional, ["id", "a", "b", "c", "d"], ["id"]),
    (
        future_models.House,
        ["id", "built", "number", "sign", "garden_id", "label", "surroundings"],
        ["id"],
    ),
]


@pytest.mark.parametrize(
    ("model", "columns", "key"), COLUMNS, ids=lambda it: getattr(it, "__name__", "")
)
def test_the_columns_of_a_class(model: type[Any], columns: list[str], key: list[str]) -> None:
    """Which attributes are readable, in which order, and which are the key?"""
    info = inspect_model(model)
    assert info.name == model.__name__
    assert sorted(info.columns) == sorted(columns)
    assert [name for name in info.columns if info.columns[name].columns] == [
        name for name in columns if info.columns[name].columns
    ]
    assert [part.name for part in info.key] == key


@pytest.mark.parametrize(
    ("model", "relationships"),
    [
        (models.Note, set[str]()),
        (models.Author, {"books"}),
        (Owner, {"pets"}),
        (future_models.House, {"garden"}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_relationships_are_no_columns(model: type[Any], relationships: set[str]) -> None:
    """Are relationships known, but apart?"""
    info = inspect_model(model)
    assert info.relationships == relationships
    assert not info.columns.keys() & relationships


def test_attributes_are_found_by_the_names_of_their_columns() -> None:
    """Does a name in the database lead to the attribute?"""
    attributes = inspect_model(models.Everything).attributes
    assert attributes["small_col"] == "small"
    assert attributes["medium"] == "medium"
    assert "small" not in attributes


def test_a_row_tells_its_key() -> None:
    """Is the key given in the mapper's order?"""
    row = models.Line(line_no=2, order_id=1)
    assert inspect_model(models.Line).key_of(row) == (1, 2)


def test_a_class_over_a_select_is_read() -> None:
    """Does a class mapped to a query instead of a table work, with nothing to fill?"""
    table: Any = Pet.__table__
    query = sa.select(table.c.id, (table.c.owner_id + 1).label("next_owner")).subquery("view")

    class View(Base):
        __table__ = query
        __mapper_args__ = {"primary_key": [query.c.id]}

    info = inspect_model(View)
    assert list(info.columns) == ["id", "next_owner"]
    assert [part.computed for part in info.columns.values()] == [False, True]
    assert [part.autoincrement for part in info.columns.values()] == [False, False]


# Kinds and annotations

KINDS_OF_ANNOTATIONS = {
    "id": ("integer", False), "plain": ("integer", False), "text": ("text", False),
    "optional": ("integer", True), "union": ("integer", True), "bar": ("integer", True),
    "narrowed": ("integer", False), "narrowed_or_null": ("text", True), "email": ("text", False),
    "url": ("text", False), "choice": ("text", False), "level": ("enum", False),
    "address": ("json", False), "settings": ("json", False), "numbers": ("array", False),
    "words": ("array", False), "anything": ("json", False), "several": ("json", False),
    "lower": ("text", False), "epoch": ("local_datetime", False), "amount": ("float", False),
    "user_id": ("integer", False), "bare": ("integer", False), "name": ("text", False),
    "nick": ("text", True),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS_OF_ANNOTATIONS)
def test_the_kind_of_a_column_is_known_however_it_is_annotated(name: str) -> None:
    """Which kind is it, and does it take NULL?"""
    info = column(Annotations, name)
    assert (info.kind.name, info.nullable) == KINDS_OF_ANNOTATIONS[name]


BOUNDS: list[tuple[str, list[Any], list[Any]]] = [
    ("plain", [0, 2**31 - 1, -(2**31)], [2**31, "1", 1.0, True, None]),
    ("text", ["", "abcde"], ["abcdef", 1, "a\0"]),
    ("optional", [1], [2**31]),
    ("narrowed", [1, 9], [0, 10, "1"]),
    ("narrowed_or_null", ["ab", "abcde"], ["a", "abcdef"]),
    ("email", ["a@example.com"], ["a", f"{'a' * 20}@example.com", "", 1]),
    ("url", ["https://example.com/"], ["example", "ftp://example.com", 1]),
    ("choice", ["a", "b"], ["c", "", 1]),
    ("level", [Level.LOW, "high level"], ["LOW", 1]),
    ("address", [{"street": "a", "zip": "12345"}], [{"street": "a"}, {"street": "a", "zip": "123456"}, {"street": "\0", "zip": ""}, 1]),
    ("settings", [{}, {"a": 1}], [{"a": "x"}, [], {"\0": 1}]),
    ("numbers", [[], [2**15 - 1]], [[2**15], ["1"], [None], 1]),
    ("words", [[], ["abc"]], [["abcd"], [1], ["\0"], "abc"]),
    ("anything", [1, "a", None, [{}]], ["\0", float("nan")]),
    ("several", [1, "a"], [[], "\0"]),
    ("lower", ["a" * 10], ["a" * 11]),
    ("epoch", ["2024-01-31T12:00:00"], ["2024-01-31T12:00:00Z", 5]),
    ("amount", [1, 0.5], ["1", float("inf")]),
    ("user_id", [1], [2**31, "1", True]),
    ("bare", [2**15 - 1], [2**15, "1"]),
    ("name", ["a" * 7], ["a" * 8]),
    ("nick", ["abc"], ["abcd"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "good", "bad"), BOUNDS, ids=[row[0] for row in BOUNDS])
def test_bounds_are_the_column_s_and_the_annotation_s(
    name: str, good: list[Any], bad: list[Any]
) -> None:
    """Is what either of the two refuses refused, and nothing else?"""
    info = column(Annotations, name)
    assert [value for value in good if not accepts(info, value)] == []
    assert [value for value in bad if accepts(info, value)] == []


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("email", "a@EXAMPLE.com", "a@example.com"),
        ("url", "https://example.com", "https://example.com/"),
        ("level", "low level", Level.LOW),
        ("address", {"street": "a", "zip": "1"}, Address(street="a", zip="1")),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_the_annotation_forms_the_value(name: str, sent: Any, stored: Any) -> None:
    """Does the row get a value of the annotated type, and plain text where the column is text?"""
    value = TypeAdapter(column(Annotations, name).write).validate_python(sent)
    assert value == stored
    assert type(value) is type(stored)


def test_a_text_type_of_pydantic_is_documented() -> None:
    """Does the format of an `EmailStr` reach the schema?"""
    info = column(Annotations, "email")
    assert TypeAdapter(info.write).json_schema()["format"] == "email"


TEXT_ANNOTATIONS = {
    "id": "integer", "built": "local_datetime", "number": "integer", "sign": "text",
    "garden_id": "integer", "label": "text",
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT_ANNOTATIONS)
def test_annotations_that_are_text_are_read(name: str) -> None:
    """Does `from __future__ import annotations` change nothing, unknown names beside it included?"""
    info = column(future_models.House, name)
    assert info.kind.name == TEXT_ANNOTATIONS[name]
    assert info.nullable is (name in {"built", "garden_id", "label"})


@pytest.mark.parametrize(("text", "accepted"), [("ab", True), ("a", False), ("a" * 11, False)])
def test_an_annotated_alias_bounds_the_column(text: str, accepted: bool) -> None:
    """Do the constraints of an alias count, and the column within it?"""
    assert accepts(column(future_models.House, "sign"), text) is accepted


def test_a_hybrid_whose_type_is_unknown_at_run_time_may_be_read() -> None:
    """Does a return type for type checkers only not stop the schema from being made?"""
    read = make_schemas(future_models.House, hybrids=["surroundings"]).read
    assert "surroundings" in read.model_fields


def test_a_class_of_a_module_that_is_gone_is_read() -> None:
    """Do classes made by `exec`, without a module, still have their columns?"""
    model = model_of(sa.Column("a", sa.Integer), name="Homeless")
    model.__module__ = "gone"
    model.__annotations__ = {"a": "Mapped[int]"}
    assert column(model, "a").kind.name == "integer"


class Generation(Base, Generic[T]):
    """A base whose subclasses are mapped."""

    __abstract__ = True
    value: Mapped[str] = mapped_column(sa.String(4))


class Young(Generation[int]):
    __tablename__ = "young"

    id: Mapped[int] = mapped_column(primary_key=True)


def test_the_annotation_of_a_base_counts() -> None:
    """Are columns of abstract and generic bases read like the class's own?"""
    assert accepts(column(Young, "value"), "abcd")
    assert not accepts(column(Young, "value"), "abcde")


@pytest.mark.parametrize(
    ("name", "kind", "python"),
    [
        ("full", "text", str),
        ("cents", "decimal", Decimal),
        ("unspoken", "other", Any),
        ("numbers", "other", list[int]),
    ],
)
def test_a_hybrid_is_what_its_getter_returns(name: str, kind: str, python: Any) -> None:
    """Which kind is a hybrid, and is it nothing that anybody stores?"""
    info = column(Owner, name)
    assert info.hybrid
    assert (info.kind.name, info.kind.python) == (kind, python)
    assert info.computed
    assert not info.required
    assert info.columns == ()


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [("name", "ab", "a"), ("name", "ab", "a" * 21), ("age", 0, -1), ("power", 9, 10)],
)
def test_an_sqlmodel_field_keeps_its_constraints(name: str, good: Any, bad: Any) -> None:
    """Are the bounds of an SQLModel field bounds of the column?"""
    assert accepts(column(Hero, name), good)
    assert not accepts(column(Hero, name), bad)


# Facts

FACTS: list[tuple[type[Any], str, set[str]]] = [
    (models.Note, "id", {"primary_key", "autoincrement"}),
    (models.Note, "title", {"required"}),
    (models.Note, "body", {"nullable"}),
    (models.Note, "done", {"has_default"}),
    (models.Line, "order_id", {"primary_key", "required"}),
    (models.Tag, "slug", {"primary_key", "required"}),
    (models.Account, "id", {"primary_key", "has_default"}),
    (models.Author, "name_length", {"computed", "nullable", "onupdate"}),
    (models.Author, "book_count", {"computed", "nullable"}),
    (models.Author, "shout", {"computed", "nullable", "hybrid"}),
    (models.Book, "blurb", {"nullable", "deferred"}),
    (models.Ticket, "version", {"version"}),
    (models.Employee, "kind", {"discriminator"}),
    (models.Manager, "kind", {"discriminator"}),
    (models.Manager, "id", {"primary_key", "autoincrement"}),
    (Owner, "initials", {"computed", "nullable"}),
    (Pet, "owner_id", {"required"}),
    (Defaults, "id", {"primary_key", "autoincrement", "has_default"}),
    (Defaults, "none", {"required"}),
    (Defaults, "null", {"nullable"}),
    (Defaults, "scalar", {"has_default"}),
    (Defaults, "called", {"has_default"}),
    (Defaults, "made", {"has_default", "clock"}),
    (Defaults, "touched", {"nullable", "onupdate"}),
    (Defaults, "server_text", {"has_default"}),
    (Defaults, "server_sql", {"has_default", "clock"}),
    (Defaults, "sql", {"has_default"}),
    (Defaults, "sequence", {"has_default"}),
    (Defaults, "triple", {"computed", "onupdate"}),
    (Defaults, "by_trigger", {"has_default", "onupdate"}),
    (Hero, "id", {"primary_key", "autoincrement"}),
]
FLAGS = (
    "primary_key", "autoincrement", "computed", "onupdate", "has_default", "required", "clock",
    "nullable", "discriminator", "version", "deferred", "hybrid",
)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "name", "facts"), FACTS, ids=[f"{model.__name__}.{name}" for model, name, _ in FACTS]
)
def test_the_facts_about_a_column(model: type[Any], name: str, facts: set[str]) -> None:
    """What holds of this column, and what does not?"""
    info = column(model, name)
    holding = {flag for flag in FLAGS if getattr(info, flag)}
    free = {"nullable", "has_default"} if info.computed or info.autoincrement else set[str]()
    assert holding - free == facts - free


def test_a_joined_class_has_both_columns_of_its_key() -> None:
    """Are the parent's and the child's column one attribute?"""
    assert [str(c) for c in column(models.Manager, "id").columns] == ["managers.id", "employees.id"]


@pytest.mark.parametrize(
    ("name", "info"),
    [
        ("first", {"description": "Given name."}),
        ("last", {"description": "Surname."}),
        ("initials", {"title": "Initials"}),
        ("id", {}),
    ],
)
def test_what_is_written_beside_a_column_is_kept(name: str, info: dict[str, str]) -> None:
    """Do `doc`, `comment` and `info` describe a column, the last one first of all?"""
    assert dict(column(Owner, name).info) == info


@pytest.mark.parametrize(
    ("name", "default"),
    [("none", MISSING_DEFAULT), ("null", MISSING_DEFAULT), ("scalar", 3), ("falsy", False),
     ("called", MISSING_DEFAULT), ("server_text", MISSING_DEFAULT), ("sequence", MISSING_DEFAULT)],
)  # fmt: skip
def test_a_constant_default_is_known(name: str, default: Any) -> None:
    """Which constant does a row get, if it gets one?"""
    assert column(Defaults, name).scalar_default is default


@pytest.mark.parametrize(
    ("name", "default"),
    [("none", MISSING_DEFAULT), ("null", None), ("scalar", 3), ("falsy", False)],
)
def test_a_replaced_row_gets_the_default(name: str, default: Any) -> None:
    """What does a PUT put where the client says nothing?"""
    assert column(Defaults, name).default_value() is default


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("server_text", "'it''s'"),
        ("server_sql", "now()"),
        ("sql", "40 + 2"),
        ("sequence", "<next sequence value: numbers>"),
    ],
)
def test_a_replaced_row_gets_the_default_of_the_database(name: str, sql: str) -> None:
    """Is a default that only the database knows given as SQL?"""
    value: Any = column(Defaults, name).default_value()
    assert str(value.compile()) == sql


def test_a_replaced_row_gets_a_new_default_each_time() -> None:
    """Is a function that makes defaults called for each row?"""
    info = column(Defaults, "called")
    assert info.default_value() != info.default_value()


@pytest.mark.parametrize("name", ["by_trigger", "context"])
def test_a_default_that_depends_on_the_row_cannot_be_told(name: str) -> None:
    """Is what only a trigger or the rest of the row knows left out?"""
    assert column(Defaults, name).default_value() is MISSING_DEFAULT


# Keys


@pytest.mark.parametrize(("column_type", "values"), KEY_VALUES.values(), ids=KEY_VALUES)
def test_a_key_written_to_a_path_is_read_back(
    column_type: TypeEngine[Any], values: st.SearchStrategy[Any]
) -> None:
    """Does the path that an answer names lead back to its row?"""
    model = model_of(sa.Column("key", column_type, primary_key=True))
    info = inspect_model(model)

    @settings(max_examples=60, deadline=None)
    @given(values)
    def check(value: Any) -> None:
        assert info.columns["key"].parse(info.columns["key"].text_of(value)) == value
        assert info.parse_key([info.columns["key"].text_of(value)]) == (value,)
        assert info.as_key(value) == (value,)

    check()


@settings(deadline=None)
@given(st.sampled_from([*KEY_VALUES.values()]), st.text())
def test_any_text_is_a_key_or_none(kind: tuple[TypeEngine[Any], Any], text: str) -> None:
    """Is no text in a path more than not found?"""
    info = inspect_model(model_of(sa.Column("key", kind[0], primary_key=True)))
    key = info.parse_key([text])
    assert key is None or len(key) == 1


NOT_A_KEY: list[tuple[type[Any], Any]] = [
    (models.Note, "x"), (models.Note, "1.0"), (models.Note, "01"), (models.Note, str(2**31)),
    (models.Note, 2**31), (models.Note, True), (models.Note, None), (models.Note, 1.0),
    (models.Note, (1, 2)), (models.Note, ()), (models.Line, 1), (models.Line, (1,)),
    (models.Line, (1, 2, 3)), (models.Line, ("1", "x")), (models.Account, "x"), (models.Account, 1),
    (models.Tag, "\0"), (models.Tag, "x" * 31), (models.Tag, "\ud800"), (models.Tag, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "key"), NOT_A_KEY, ids=lambda it: getattr(it, "__name__", repr(it)[:12])
)
def test_what_no_row_can_have_is_no_key(model: type[Any], key: Any) -> None:
    """Is a key that cannot exist None, instead of an error from the driver?"""
    assert inspect_model(model).as_key(key) is None


@pytest.mark.parametrize(
    ("model", "given_key", "key"),
    [
        (models.Note, 1, (1,)),
        (models.Note, "1", (1,)),
        (models.Note, (1,), (1,)),
        (models.Line, (1, "2"), (1, 2)),
        (models.Line, [1, 2], (1, 2)),
        (models.Tag, "a b", ("a b",)),
        (models.Account, "0191f6a0-0000-7000-8000-000000000000", (UUID("0191f6a0-0000-7000-8000-000000000000"),)),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)  # fmt: skip
def test_a_key_as_people_write_it(model: type[Any], given_key: Any, key: tuple[Any, ...]) -> None:
    """Is one value enough for a simple key, and a tuple for a composite one?"""
    assert inspect_model(model).as_key(given_key) == key


def test_a_text_key_must_be_usable_in_a_path() -> None:
    """Are keys that no URL can name refused where they are made, and is that documented?"""
    info = column(models.Tag, "slug")
    assert [bad for bad in ("", ".", "..", "a/b") if accepts(info, bad)] == []
    assert accepts(info, "a b")
    assert TypeAdapter(info.write).json_schema() == {
        "type": "string", "minLength": 1, "maxLength": 30, "pattern": "^[^/]+$",
    }  # fmt: skip
    assert accepts(column(models.Note, "title"), "a/b")


# Instances


@pytest.mark.parametrize(
    ("model", "accepted", "required"),
    [
        (models.Note, None, set[str]()),
        (Hero, None, set[str]()),
        (Bare, None, set[str]()),
        (Point, {"x", "y"}, {"x"}),
        (Positional, {"a", "b", "c"}, {"a", "c"}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_what_the_constructor_takes(
    model: type[Any], accepted: set[str] | None, required: set[str]
) -> None:
    """Which attributes does `__init__` take, and which does it insist on?"""
    constructor = inspect_model(model).constructor
    assert constructor.accepts == accepted
    assert constructor.requires == required


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (models.Note, {"title": "a", "done": True}),
        (Hero, {"name": "Ann", "age": 3}),
        (Bare, {"a": 1, "b": 2}),
        (Point, {"x": 1, "z": 3}),
        (Positional, {"a": 1, "c": 3, "d": 4}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_an_instance_is_made_of_any_attributes(model: type[Any], values: dict[str, Any]) -> None:
    """Does every value arrive, whether or not `__init__` takes it?"""
    row = inspect_model(model).constructor(values)
    assert isinstance(row, model)
    assert {name: getattr(row, name) for name in values} == values

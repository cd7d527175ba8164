"""What a mapped class consists of, however it was mapped and annotated."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, settings, strategies as st
from pydantic import TypeAdapter
from sqlalchemy.types import TypeEngine

from fastapi_crud import ConfigurationError
from fastapi_crud.columns import MISSING_DEFAULT, inspect_model
from tests import future_models, models
from tests.samples import (
    Base,
    Defaults,
    Hero,
    Owner,
    Pet,
    Positional,
    accepts,
    column,
)
from tests.strategies import KEY_VALUES, model_of

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

"""What the annotation of an attribute adds to what its column says."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Generic
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydantic import AwareDatetime, PastDate, SecretStr, TypeAdapter
from sqlalchemy.orm import (
    Mapped,
    mapped_column,
)

from fastapi_crud import make_schemas
from fastapi_crud.annotations import kind_of_python
from tests import future_models
from tests.samples import (
    Address,
    Annotations,
    Base,
    Hero,
    Owner,
    T,
    accepts,
    column,
)
from tests.strategies import Level, model_of


@pytest.mark.parametrize(
    ("python", "name"),
    [
        (bool, "boolean"), (int, "integer"), (float, "float"), (str, "text"), (bytes, "binary"),
        (date, "date"), (datetime, "local_datetime"), (time, "local_time"), (timedelta, "interval"),
        (Decimal, "decimal"), (UUID, "uuid"),
    ],
)  # fmt: skip
def test_each_plain_python_type_is_of_a_kind(python: Any, name: str) -> None:
    """Which kind does an annotation stand for?"""
    kind = kind_of_python(python)
    assert kind is not None
    assert (kind.name, kind.python) == (name, python)


@pytest.mark.parametrize("python", [dict, list[int], Level, complex, None, Any])
def test_other_python_types_are_of_no_kind(python: Any) -> None:
    """Is nothing claimed about types that no column has?"""
    assert kind_of_python(python) is None


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


class Strict(Base):
    __tablename__ = "strict"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret: Mapped[SecretStr] = mapped_column(sa.String(20))
    at: Mapped[AwareDatetime] = mapped_column(sa.DateTime(timezone=True))
    past: Mapped[PastDate] = mapped_column(sa.Date)


def test_types_of_pydantic_check_and_store_what_was_sent() -> None:
    """Is the value stored as the column has it, and a secret not as asterisks?"""
    secret, at, past = (column(Strict, name) for name in ("secret", "at", "past"))
    assert secret.adapter.validate_python("hunter2") == "hunter2"
    assert past.adapter.validate_python("2000-01-01") == date(2000, 1, 1)
    assert not accepts(past, "2999-01-01")
    naive = datetime(2024, 1, 1)
    assert TypeAdapter(at.kind.read).validate_python(naive).tzinfo is UTC

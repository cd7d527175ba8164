"""Which attributes make two rows the same."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import ConfigurationError
from fastapi_crud.columns import inspect_model
from fastapi_crud.uniqueness import unique_key, unique_keys
from tests import deletable_models as deletable, models


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Many(Base):
    """Keys of each sort, some of which cannot decide."""

    __tablename__ = "many"
    __table_args__ = (
        sa.UniqueConstraint("a_column", "b", name="uq_b"),
        sa.UniqueConstraint("c", name="uq_c", deferrable=True),
        sa.Index("uq_d", "d", unique=True, postgresql_where=sa.text("d > 0")),
        sa.Index("uq_e", "e", "b", unique=True),
        sa.Index("uq_e_again", "b", "e", unique=True),
        sa.Index("uq_lower_f", sa.text("lower(f)"), unique=True),
        sa.Index("ix_f", "f"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int] = mapped_column("a_column")
    b: Mapped[int]
    c: Mapped[int]
    d: Mapped[int]
    e: Mapped[int]
    f: Mapped[str]
    g: Mapped[int] = mapped_column(unique=True, index=True)


class Animal(Base):
    """In one table with its subclasses, which have keys of their own."""

    __tablename__ = "animals"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]


class Dog(Animal):
    __mapper_args__ = {"polymorphic_identity": "dog"}

    chip: Mapped[str | None] = mapped_column(unique=True)


class Cat(Animal):
    __mapper_args__ = {"polymorphic_identity": "cat"}


class Given(Base):
    """Whose key nobody makes, and which has another."""

    __tablename__ = "given"

    slug: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


KEYS: dict[type[Any], list[tuple[str, ...]]] = {
    models.Note: [("id",), ("title",)],
    models.Line: [("order_id", "line_no")],
    models.Account: [("id",), ("email",)],
    models.Book: [("id",), ("author_id", "title")],
    models.Manager: [("id",)],
    models.Clerk: [("id",)],
    deletable.Document: [("id",), ("slug",)],
    Many: [("id",), ("a", "b"), ("d",), ("e", "b"), ("g",)],
    Dog: [("id",), ("chip",)],
    Animal: [("id",)],
    Cat: [("id",)],
}


@pytest.mark.parametrize(("model", "keys"), KEYS.items(), ids=[it.__name__ for it in KEYS])
def test_the_keys_of_a_model(model: type[Any], keys: list[tuple[str, ...]]) -> None:
    """Is each found once, the primary key first, by names of attributes?"""
    found = unique_keys(inspect_model(model))
    assert found[0].primary
    assert sorted(key.names for key in found[1:]) == sorted(keys[1:])
    assert found[0].names == keys[0]


def test_a_key_is_found_by_its_attributes() -> None:
    """Is the order of the names no matter, and is it known for which rows an index is?"""
    info = inspect_model(Many)
    assert unique_key(info, ["b", "a"]).names == ("a", "b")
    assert unique_key(info, ("a", "b")).where == {}
    assert unique_key(info, ["id"]).primary
    assert unique_key(info, ["d"]).where.keys() == {"postgresql"}
    document = unique_key(inspect_model(deletable.Document), ["slug"], "sqlite")
    assert document.where.keys() == {"postgresql", "sqlite"}
    assert not document.primary


@pytest.mark.parametrize("names", [["a"], ["c"], ["f"], ["a", "b", "d"], []], ids=str)
def test_no_such_key(names: list[str]) -> None:
    """Is the developer told which keys there are?"""
    there = "it has id; a, b; .*e, b"
    with pytest.raises(ConfigurationError, match=f"Many has no unique key of .*; {there}"):
        unique_key(inspect_model(Many), names)


MYSQL: list[tuple[type[Any], list[str], str | None]] = [
    # model, key, the other key that stands in the way
    (models.Note, ["title"], None),
    (models.Note, ["id"], "title"),
    (models.Account, ["email"], None),
    (models.Account, ["id"], "email"),
    (models.Line, ["order_id", "line_no"], None),
    (deletable.Leaflet, ["slug"], None),
    (deletable.Document, ["slug"], "slug"),
    (Given, ["name"], "slug"),
    (Given, ["slug"], "name"),
]


@pytest.mark.parametrize(
    ("model", "names", "other"), MYSQL, ids=[f"{row[0].__name__} {row[1]}" for row in MYSQL]
)
def test_mysql_cannot_go_by_one_key_of_several(
    model: type[Any], names: list[str], other: str | None
) -> None:
    """Is a key refused where another could decide, but for a primary key that nobody gives?"""
    info = inspect_model(model)
    for dialect in ("sqlite", "postgresql", None):
        assert unique_key(info, names, dialect).names == tuple(names)
    for dialect in ("mysql", "mariadb"):
        if other is None:
            assert unique_key(info, names, dialect).names == tuple(names)
            continue
        message = f"cannot be upserted by {', '.join(names)} on MySQL.*go by {other}:"
        with pytest.raises(ConfigurationError, match=message):
            unique_key(info, names, dialect)

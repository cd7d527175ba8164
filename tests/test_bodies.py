"""From validated bodies to the values of columns."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import make_schemas
from fastapi_crud.bodies import column_values
from fastapi_crud.columns import inspect_model
from tests import models
from tests.strategies import Level, model_of


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Address(BaseModel):
    street: str
    zip: str


class Place(Base):
    """With models of pydantic's in JSON columns."""

    __tablename__ = "places"

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[Address | None] = mapped_column(sa.JSON)
    places: Mapped[list[Address] | None] = mapped_column(sa.JSON)
    level: Mapped[Level | None]


class OwnCreate(BaseModel):
    """A schema of the developer's own."""

    model_config = ConfigDict(populate_by_name=True)

    email: str
    password: str = Field(min_length=1)
    kind: str = Field("member", alias="role")
    note: str | None = None


ACCOUNT = inspect_model(models.Account)


def test_a_body_of_the_developer_s_own_gives_columns_by_alias() -> None:
    """Does a field find its column by name or by alias, and do others stay as they are?"""
    body = OwnCreate.model_validate({"email": "a", "password": "x", "role": "b"})
    assert column_values(body, ACCOUNT) == {
        "email": "a",
        "password": "x",
        "role": "b",
        "note": None,
    }


def test_a_patch_of_the_developer_s_own_takes_only_what_was_sent() -> None:
    """Are defaults of the developer's schema no changes?"""
    body = OwnCreate.model_validate({"email": "a", "password": "x"})
    assert column_values(body, ACCOUNT, only_set=True) == {"email": "a", "password": "x"}


def test_absent_values_are_no_values() -> None:
    """Is what a client left out not there at all, in each of the bodies?"""
    note = inspect_model(models.Note)
    schemas = make_schemas(models.Note)
    create, update = schemas.create.model_validate, schemas.update.model_validate
    assert column_values(create({"title": "a"}), note) == {"title": "a"}
    assert column_values(update({}), note, only_set=True) == {}
    assert column_values(update({"body": None}), note, only_set=True) == {"body": None}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"address": {"street": "a", "zip": "1"}}, {"address": {"street": "a", "zip": "1"}}),
        ({"address": None}, {"address": None}),
        ({"places": [{"street": "a", "zip": "1"}]}, {"places": [{"street": "a", "zip": "1"}]}),
        ({"level": "high level"}, {"level": Level.HIGH}),
    ],
    ids=str,
)
def test_a_json_column_gets_json(sent: dict[str, Any], stored: dict[str, Any]) -> None:
    """Do nested pydantic models become JSON where the column is JSON, and nothing else change?"""
    body = make_schemas(Place).update.model_validate(sent)
    assert column_values(body, inspect_model(Place), only_set=True) == stored


@pytest.mark.parametrize("value", ["a", 1, 1.5, True, None, {"a": [1]}, [None]], ids=repr)
def test_any_json_is_stored_as_it_is(value: Any) -> None:
    """Does a JSON column keep scalars, objects and arrays as sent?"""
    body = make_schemas(models.Everything).update.model_validate({"data": value})
    assert column_values(body, inspect_model(models.Everything), only_set=True) == {"data": value}


def test_json_of_the_developer_s_own_types_becomes_json() -> None:
    """Does a value that only pydantic can write become what the driver can?"""

    class Body(BaseModel):
        data: dict[str, UUID | datetime]

    key = UUID("0191f6a0-0000-7000-8000-000000000000")
    body = Body(data={"key": key, "at": datetime(2024, 1, 31, tzinfo=UTC)})
    assert column_values(body, inspect_model(models.Everything)) == {
        "data": {"key": str(key), "at": "2024-01-31T00:00:00Z"}
    }


def test_a_deprecated_column_is_documented_and_works() -> None:
    """Does marking a column as deprecated warn readers of the documentation, not the server?"""
    model = model_of(sa.Column("old", sa.Integer, info={"deprecated": True}))
    update = make_schemas(model).update
    assert update.model_json_schema()["properties"]["old"]["deprecated"] is True
    body = update.model_validate({"old": 1})
    assert column_values(body, inspect_model(model), only_set=True) == {"old": 1}

"""Forms show values as texts, and read the same texts again."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from wtforms import (  # type: ignore[import-untyped]
    PasswordField,  # pyright: ignore[reportMissingTypeStubs]
    StringField,
)

from fastapi_crud import InvalidData, UTCDateTime, make_schemas
from fastapi_crud.admin.forms import body, field, inputs, plain, text_of
from fastapi_crud.columns import inspect_model


class Base(DeclarativeBase):
    """Columns of all kinds."""


class Thing(Base):
    __tablename__ = "things"

    id: Mapped[int] = mapped_column(primary_key=True)
    whole: Mapped[int | None]
    real: Mapped[float | None]
    price: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2))
    text: Mapped[str | None]
    yes: Mapped[bool | None]
    sure: Mapped[bool] = mapped_column(default=True)
    day: Mapped[date | None]
    clock: Mapped[time | None]
    moment: Mapped[datetime | None] = mapped_column(UTCDateTime)
    span: Mapped[timedelta | None]
    key: Mapped[UUID | None]
    blob: Mapped[bytes | None]
    facts: Mapped[Any] = mapped_column(sa.JSON, nullable=True)


INFO = inspect_model(Thing)
UPDATE = make_schemas(Thing).update


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("whole", -7, "-7"),
        ("real", 1.5, "1.5"),
        ("price", Decimal("9.90"), "9.90"),
        ("text", "a\nb", "a\nb"),
        ("yes", False, "false"),
        ("sure", True, True),
        ("day", date(2030, 1, 2), "2030-01-02"),
        ("clock", time(10, 30), "10:30:00"),
        ("moment", datetime(2030, 1, 2, 3, tzinfo=timezone.utc), "2030-01-02T03:00:00Z"),  # noqa: UP017
        ("span", timedelta(hours=2), "PT2H"),
        ("key", UUID(int=1), str(UUID(int=1))),
        ("blob", b"ab", "YWI="),
        ("facts", {"a": [1, None]}, '{"a": [1, null]}'),
        ("whole", None, ""),
        ("facts", None, ""),
    ],
)
def test_values_survive_a_form(name: str, value: object, text: object) -> None:
    """Is a value shown as a text that is read as the same value?"""
    assert text_of(INFO.columns[name], value) == text
    read = body(INFO, UPDATE, {name: text})
    assert getattr(read, name) == value
    assert read.model_fields_set == {name}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"whole": "1.5"}, "whole: Input should be a valid integer"),
        ({"facts": "{"}, "facts: must be JSON"),
        ({"sure": ""}, "sure: Input should be a valid boolean"),
    ],
)
def test_mistakes_name_the_field_and_not_the_value(given: dict[str, Any], says: str) -> None:
    """Does the message say where and what is wrong?"""
    with pytest.raises(InvalidData) as caught:
        body(INFO, UPDATE, given)
    assert str(caught.value).startswith(says)


class ThingIn(BaseModel):
    """A body of the developer's own, with names of its own."""

    text: str = Field(alias="Text")
    short: int = Field(alias="whole")
    greeting: str = "hello"
    password: str = ""


def test_bodies_of_your_own() -> None:
    """Are fields found that have another name than their column, or no column?"""
    asked = inputs(ThingIn, INFO)
    assert asked == {
        "text": "Text", "whole": "whole", "greeting": "greeting", "password": "password",
    }  # fmt: skip
    read = body(INFO, ThingIn, {"text": "a", "whole": "7", "greeting": "hi"})
    assert read == ThingIn(Text="a", whole=7, greeting="hi")
    kinds = [field(name, INFO.columns.get(name)).field_class for name in ("greeting", "password")]
    assert kinds == [StringField, PasswordField]


@pytest.mark.parametrize(("given", "same"), [("a\r\nb", "a\nb"), (None, ""), (True, True)])
def test_line_ends_of_browsers_are_no_change(given: object, same: object) -> None:
    """Is a text the same after a browser had it?"""
    assert plain(given) == same

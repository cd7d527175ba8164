"""Classes mapped in every way that there is, for the tests of what is read from them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, Optional, TypeVar, Union
from uuid import UUID, uuid4

import sqlalchemy as sa
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
from sqlmodel import Field as SQLModelField, SQLModel

from fastapi_crud.columns import ColumnInfo, inspect_model
from fastapi_crud.models import UTCDateTime, utc_now
from tests import future_models
from tests.strategies import Level

T = TypeVar("T")
UserId = NewType("UserId", int)


class Spelled(sa.TypeDecorator[str]):
    """A type that says nothing of whether its SQL may be kept."""

    impl = sa.String


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


class SQLModelBase(SQLModel):
    metadata = Base.metadata


class Hero(SQLModelBase, table=True):
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

"""When one statement is not enough."""

from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, validates
from sqlalchemy.types import TypeEngine

from fastapi_crud import Database, Versioned
from fastapi_crud.columns import inspect_model
from fastapi_crud.models import UTCDateTime
from fastapi_crud.unit_of_work import needs_unit_of_work, stores_less
from tests import models
from tests.strategies import DIALECTS, model_of


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Plain(Base):
    __tablename__ = "plain"

    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int]


class Counted(Versioned, Base):
    __tablename__ = "counted"

    id: Mapped[int] = mapped_column(primary_key=True)


class Strict(Base):
    __tablename__ = "strict"

    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int]

    @validates("a")
    def check(self, _: str, value: int) -> int:
        return value


class Watched(Base):
    __tablename__ = "watched"

    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int]


class Heard(Base):
    """Somebody listens to updates and deletes."""

    __tablename__ = "heard"

    id: Mapped[int] = mapped_column(primary_key=True)


class HeardAfter(Base):
    """Somebody listens when it is done."""

    __tablename__ = "heard_after"

    id: Mapped[int] = mapped_column(primary_key=True)


links = sa.Table(
    "links",
    Base.metadata,
    sa.Column("one", sa.Integer, sa.ForeignKey("owners.id")),
    sa.Column("other", sa.Integer, sa.ForeignKey("owned.id")),
)


class Owner(Base):
    """Relationships of each kind, by subclass of options."""

    __tablename__ = "owners"

    id: Mapped[int] = mapped_column(primary_key=True)
    plain: Mapped[list["Owned"]] = relationship(viewonly=True, secondary=links)


class Owned(Base):
    __tablename__ = "owned"

    id: Mapped[int] = mapped_column(primary_key=True)
    cascading_id: Mapped[int | None] = mapped_column(sa.ForeignKey("cascading.id"))
    passive_id: Mapped[int | None] = mapped_column(sa.ForeignKey("passive.id", ondelete="CASCADE"))


class Cascading(Base):
    __tablename__ = "cascading"

    id: Mapped[int] = mapped_column(primary_key=True)
    owned: Mapped[list[Owned]] = relationship(cascade="all, delete-orphan")


class Passive(Base):
    __tablename__ = "passive"

    id: Mapped[int] = mapped_column(primary_key=True)
    owned: Mapped[list[Owned]] = relationship(cascade="all, delete", passive_deletes=True)


class Linking(Base):
    __tablename__ = "linking"

    id: Mapped[int] = mapped_column(primary_key=True)
    linked: Mapped[list[Owned]] = relationship(
        secondary=sa.Table(
            "linked",
            Base.metadata,
            sa.Column("linking_id", sa.Integer, sa.ForeignKey("linking.id")),
            sa.Column("owned_id", sa.Integer, sa.ForeignKey("owned.id")),
        )
    )


@event.listens_for(Heard, "before_update")
@event.listens_for(Heard, "before_delete")
@event.listens_for(HeardAfter, "after_update")
@event.listens_for(HeardAfter, "after_delete")
def _hear(*_: Any) -> None: ...


@event.listens_for(Watched.a, "set")
def _watch(*_: Any) -> None: ...


NEEDS: list[tuple[type[Any], bool, bool]] = [
    # model, update, delete
    (Plain, False, False),
    (models.Note, False, False),
    (Counted, True, True),
    (models.Ticket, True, True),
    (Strict, True, False),
    (Watched, True, False),
    (Heard, True, True),
    (HeardAfter, True, True),
    (models.Manager, True, True),
    (models.Employee, False, True),
    (models.Clerk, False, False),
    (Owner, False, False),
    (Cascading, False, True),
    (models.Folder, False, True),
    (Passive, False, False),
    (Linking, False, True),
    (models.Author, False, False),
]


@pytest.mark.parametrize(
    ("model", "update", "delete"), NEEDS, ids=[row[0].__name__ for row in NEEDS]
)
async def test_what_needs_the_unit_of_work(model: type[Any], update: bool, delete: bool) -> None:
    """Is a row loaded first only where one statement would not do the same?"""
    info = inspect_model(model)
    async with Database("sqlite://").session() as session:
        assert needs_unit_of_work(info, session, "update") is update
        assert needs_unit_of_work(info, session, "delete") is delete


@pytest.mark.parametrize("change", ["update", "delete"])
async def test_where_the_database_cannot_return_the_row(
    database: Database, change: Literal["update", "delete"]
) -> None:
    """Is an update without RETURNING done by the unit of work, and a delete still by one statement?"""
    async with AsyncSession(database.engine) as session:
        needed = needs_unit_of_work(inspect_model(Plain), session, change)
    without_returning = database.engine.dialect.name in {"mysql", "mariadb"}
    assert needed is (change == "update" and without_returning)


STORES_LESS: list[tuple[str, TypeEngine[Any], bool]] = [
    ("a datetime", sa.DateTime(), True),
    ("a datetime with an offset", sa.DateTime(timezone=True), True),
    ("a datetime with microseconds", mysql.DATETIME(fsp=6), False),
    ("a datetime of ours", UTCDateTime(), False),
    ("a time", sa.Time(), True),
    ("a time with microseconds", mysql.TIME(fsp=6), False),
    ("an interval", sa.Interval(), True),
    ("a float", sa.Float(), True),
    ("a double", sa.Double(), False),
    ("an integer", sa.Integer(), False),
    ("a text", sa.String(5), False),
    ("a date", sa.Date(), False),
    ("a variant", sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"), False),
]


@pytest.mark.parametrize(
    ("column_type", "less"), [row[1:] for row in STORES_LESS], ids=[row[0] for row in STORES_LESS]
)
def test_mysql_may_store_less_than_it_is_given(column_type: TypeEngine[Any], less: bool) -> None:
    """Which columns must be read back, since MySQL rounds them?"""
    info = inspect_model(model_of(sa.Column("a", column_type)))
    assert stores_less(info, DIALECTS["mysql"]) is less


CHANGED_BY_POSTGRESQL: list[TypeEngine[Any]] = [sa.REAL(), sa.Float(24), sa.CHAR(5)]


@pytest.mark.parametrize("column_type", CHANGED_BY_POSTGRESQL, ids=str)
def test_postgresql_may_store_another_value(column_type: TypeEngine[Any]) -> None:
    """Is single precision read back, and text that is padded to its length?"""
    info = inspect_model(model_of(sa.Column("a", column_type)))
    assert stores_less(info, DIALECTS["postgresql"])


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_other_databases_store_what_they_are_given(dialect: str) -> None:
    """Is nothing read back where nothing is lost?"""
    types: list[TypeEngine[Any]] = [sa.DateTime(), sa.Time(), sa.Interval(), sa.Double()]
    columns = [sa.Column(f"column_{n}", each) for n, each in enumerate(types)]
    info = inspect_model(model_of(*columns))
    assert not stores_less(info, DIALECTS[dialect])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("local", datetime(2024, 1, 31, 12, 0, 0, 654321)),
        ("span", timedelta(microseconds=654321)),
        ("single", 0.1),
        ("ratio", 0.1),
    ],
)
async def test_the_database_stores_as_much_as_it_is_said_to(
    db: Database, name: str, value: Any
) -> None:
    """Does a column that is not read back really hold every digit?"""
    async with db.session() as session:
        session.add(models.Everything(**{name: value}))
    async with AsyncSession(db.engine) as session:
        stored = await session.scalar(sa.select(getattr(models.Everything, name)))
    assert stored == value or stores_less(inspect_model(models.Everything), db.engine.dialect)

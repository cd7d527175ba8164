"""What models may inherit from us."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Generic, TypeVar
from unittest.mock import patch
from uuid import RFC_4122, UUID

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.exc import StaleDataError

from fastapi_crud import (
    Base as LibraryBase,
    Database,
    IntPrimaryKey,
    Timestamps,
    UUIDPrimaryKey,
    Versioned,
)
from fastapi_crud.models import NAMING_CONVENTION, ForModel, UTCDateTime, utc_now, uuid7
from tests.strategies import DIALECTS

T = TypeVar("T")
U = TypeVar("U")


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Event(UUIDPrimaryKey, Timestamps, Base):
    __tablename__ = "events"

    at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Counter(IntPrimaryKey, Versioned, Base):
    __tablename__ = "counters"

    value: Mapped[int] = mapped_column(default=0)


class For(ForModel, Generic[T, U]):
    """Generic over a model and something else."""


class ForOne(ForModel, Generic[T]):
    """Generic over a model alone."""

    model: type[T]


@pytest.fixture(scope="session")
async def tables(backend: sa.URL) -> Any:
    """The tables of this module, on each backend."""
    database = Database(backend, metadata=Base.metadata)
    await database.create_all()
    yield database
    await database.drop_all()
    await database.engine.dispose()


# uuid7


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**80 - 1))
def test_uuid7_has_version_7_and_the_rfc_variant(milliseconds: int, bits: int) -> None:
    """Is it a UUID of version 7 at any time, whatever the random bits are?"""
    with (
        patch("time.time_ns", return_value=milliseconds * 1_000_000),
        patch("secrets.randbits", return_value=bits),
    ):
        value = uuid7()
    assert value.version == 7
    assert value.variant == RFC_4122
    assert value.int >> 80 == milliseconds


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=2, unique=True), st.data())
def test_uuid7_is_ordered_by_time(times: list[int], data: st.DataObject) -> None:
    """Does the later one sort last, whatever the random bits are?"""
    made: list[UUID] = []
    for at in sorted(times):
        bits = data.draw(st.integers(0, 2**80 - 1))
        with (
            patch("time.time_ns", return_value=at * 1_000_000),
            patch("secrets.randbits", return_value=bits),
        ):
            made.append(uuid7())
    assert made == sorted(made)
    assert [str(it) for it in made] == sorted(str(it) for it in made)


def test_uuid7_is_unique() -> None:
    """Do a thousand made at once differ?"""
    assert len({uuid7() for _ in range(1000)}) == 1000


# UTCDateTime


@pytest.mark.parametrize(
    ("dialect", "ddl"),
    [
        ("sqlite", "DATETIME"),
        ("postgresql", "TIMESTAMP WITH TIME ZONE"),
        ("mysql", "DATETIME(6)"),
    ],
)
def test_a_point_in_time_has_microseconds_everywhere(dialect: str, ddl: str) -> None:
    """Which type does each database keep it in?"""
    assert UTCDateTime().compile(dialect=DIALECTS[dialect]) == ddl


@pytest.mark.parametrize(
    "at",
    [
        datetime(2024, 1, 31, 12, 0, 0, 123456, tzinfo=UTC),
        datetime(2024, 1, 31, 12, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(1970, 1, 1, tzinfo=UTC),
        None,
    ],
    ids=["microseconds", "offset", "epoch", "null"],
)
async def test_a_point_in_time_comes_back_in_utc(tables: Database, at: datetime | None) -> None:
    """Is what is read what was written, aware and in UTC, on each database?"""
    async with tables.session() as session:
        session.add(Event(at=at))
    async with AsyncSession(tables.engine) as session:
        stored = (await session.scalars(sa.select(Event.at).order_by(Event.id.desc()))).first()
    assert stored == at
    assert at is None or (stored is not None and stored.utcoffset() == timedelta(0))


async def test_a_point_in_time_without_an_offset_is_refused(tables: Database) -> None:
    """Is a naive datetime an error that says what to do, instead of a guess?"""
    async with AsyncSession(tables.engine) as session:
        session.add(Event(at=datetime(2024, 1, 31)))
        with pytest.raises(StatementError, match=r"a datetime needs an offset"):
            await session.flush()


def test_reading_an_aware_time_brings_it_to_utc() -> None:
    """Does a driver that answers in another zone not shine through?"""
    there = datetime(2024, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    read = UTCDateTime().process_result_value(there, DIALECTS["postgresql"])
    assert read == there
    assert read is not None
    assert read.tzinfo is UTC


class Rounded(UTCDateTime):
    """A type of the developer's, with a step of its own."""

    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        read = super().process_result_value(value, dialect)
        return None if read is None else read.replace(microsecond=0)


@pytest.mark.parametrize("dialect", ["sqlite", "mysql"])
@pytest.mark.parametrize("kind", [UTCDateTime, Rounded])
def test_reading_a_time_without_a_zone(kind: type[UTCDateTime], dialect: str) -> None:
    """Is it in UTC, by the step of a subclass too, to the ends of time?"""
    convert: Any = kind().dialect_impl(DIALECTS[dialect]).result_processor(DIALECTS[dialect], None)
    for naive in (
        datetime(1, 1, 1),
        datetime(2024, 1, 31, 12, 0, 0, 123456),
        datetime(9999, 12, 31),
    ):
        given = naive.isoformat(" ", "microseconds") if dialect == "sqlite" else naive
        kept = naive.replace(microsecond=0) if kind is Rounded else naive
        assert repr(convert(given)) == repr(kept.replace(tzinfo=UTC))
    assert convert(None) is None


def test_now_is_aware() -> None:
    """Is the clock in UTC?"""
    assert utc_now().tzinfo is UTC


# Mixins


async def test_keys_and_times_fill_themselves(tables: Database) -> None:
    """Does a new row get its key and its times, and does an update move only the second?"""
    async with tables.session() as session:
        event = Event()
        session.add(event)
        await session.flush()
        created = event.created_at
        assert event.id.version == 7
        assert created.utcoffset() == timedelta(0)
        event.at = utc_now()
        await session.flush()
        assert event.created_at == created
        assert event.updated_at >= created


async def test_integer_keys_are_counted_by_the_database(tables: Database) -> None:
    """Does a 64-bit key count up on each database, SQLite included?"""
    async with tables.session() as session:
        first, second = Counter(), Counter()
        session.add(first)
        await session.flush()
        session.add(second)
        await session.flush()
        assert second.id > first.id


async def test_a_version_stops_the_second_of_two_writers(tables: Database) -> None:
    """Does every update count the version up, and does a stale one fail?"""
    async with tables.session() as session:
        counter = Counter()
        session.add(counter)
    assert counter.version == 1
    async with AsyncSession(tables.engine) as slow:
        stale = await slow.get_one(Counter, counter.id)
        async with tables.session() as quick:
            (await quick.get_one(Counter, counter.id)).value = 1
        stale.value = 2
        with pytest.raises(StaleDataError):
            await slow.flush()


@pytest.mark.parametrize(
    ("column", "read_only"),
    [(Event.created_at, True), (Event.updated_at, True), (Counter.version, True), (Event.at, None)],
    ids=["created_at", "updated_at", "version", "other"],
)
def test_what_the_server_sets_is_read_only(column: Any, read_only: bool | None) -> None:
    """Are the columns of the mixins marked as not for clients to write?"""
    assert column.property.columns[0].info.get("read_only") is read_only


def test_the_key_comes_first_and_the_times_last() -> None:
    """Do mixed-in columns stand where people look for them?"""
    assert list(Event.__table__.columns.keys()) == ["id", "at", "created_at", "updated_at"]


def test_the_base_names_every_constraint() -> None:
    """Do constraints have names that migrations and errors can speak of?"""

    class NamedBase(LibraryBase):
        __abstract__ = True
        metadata = sa.MetaData(naming_convention=LibraryBase.metadata.naming_convention)

    class Box(NamedBase):
        __tablename__ = "boxes"
        __table_args__ = (
            sa.UniqueConstraint("a", "b"),
            sa.CheckConstraint("a > 0", name="positive"),
            sa.Index(None, "b"),
        )
        id: Mapped[int] = mapped_column(primary_key=True)
        a: Mapped[int]
        b: Mapped[int] = mapped_column(sa.ForeignKey("boxes.id"))

    table: Any = Box.__table__
    assert {item.name for item in (*table.constraints, *table.indexes)} == {
        "pk_boxes",
        "uq_boxes_a_b",
        "ck_boxes_positive",
        "fk_boxes_b_boxes",
        "ix_boxes_b",
    }


# ForModel


def test_a_class_for_a_model_knows_it() -> None:
    """Does subscribing give a subclass that carries the model and all arguments?"""
    bound: Any = For[Event, int]
    assert bound.model is Event
    assert bound.__bases__ == (For,)
    assert bound.type_arguments == (Event, int)
    assert bound.__name__ == "For[Event, int]"
    assert bound.__module__ == __name__


def test_a_class_for_a_model_is_one_class() -> None:
    """Is it the same class each time, so that it can be compared and cached?"""
    assert ForOne[Event] is ForOne[Event]
    classes: list[Any] = [ForOne[Event], ForOne[Counter]]
    assert classes[0] is not classes[1]


def test_a_generic_subclass_stays_generic() -> None:
    """May one write a generic class in between, and bind that?"""

    class Between(ForOne[T]):
        """Still generic."""

    bound: Any = Between[Counter]
    assert bound.model is Counter
    assert issubclass(bound, Between)
    generic: Any = For
    assert not isinstance(generic[T, int], type)  # an alias, not a class


def test_a_bound_class_cannot_be_bound_again() -> None:
    """Is binding twice the error that Python gives for it?"""
    bound: Any = ForOne[Event]
    with pytest.raises(TypeError, match="not a generic class"):
        bound[Counter]

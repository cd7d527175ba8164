"""What a model may inherit from us: a base, and columns to mix in. None of it is required."""

import secrets
import time
from datetime import UTC, datetime
from functools import cache
from types import new_class
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, MetaData, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.values import assume_utc

ModelT = TypeVar("ModelT")
"""Any mapped class: declarative, dataclass-mapped, SQLModel, imperative."""


class ForModel:
    """Base of generic classes that work for one model: `Repository[User]` is a class of its own.

    The type arguments are kept, so that nobody has to name the model twice.

    Args:
        session: The session to work in. Whoever opened it commits it.

    Raises:
        ConfigurationError: If nobody said which model.
    """

    type_arguments: ClassVar[tuple[Any, ...]] = ()

    def __init__(self, session: AsyncSession) -> None:
        if getattr(type(self), "model", None) is None:
            msg = f"which model? Write {type(self).__name__}[User](session), or subclass that"
            raise ConfigurationError(msg)
        self.session = session

    def __class_getitem__(cls, arguments: Any) -> Any:  # noqa: ANN401 - a class or an alias
        """Bind the class to its type arguments; with type variables among them, stay generic."""
        several = isinstance(arguments, tuple)
        given = cast("tuple[Any, ...]", arguments) if several else (arguments,)
        if cls.type_arguments or not all(isinstance(argument, type) for argument in given):
            return super().__class_getitem__(arguments)  # type: ignore[misc]
        hashable: Any = cls
        return _bind(hashable, given)


@cache
def _bind(cls: type[Any], arguments: tuple[type[Any], ...]) -> type[Any]:
    names = ", ".join(argument.__name__ for argument in arguments)
    body = {"__module__": cls.__module__, "model": arguments[0], "type_arguments": arguments}
    return new_class(f"{cls.__name__}[{names}]", (cls,), exec_body=lambda ns: ns.update(body))


NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names for constraints, so that migrations and errors can speak of them on every database."""


class Base(DeclarativeBase):
    """A declarative base whose constraints all have names.

    Any other base works as well; this one saves the naming convention.
    """

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING_CONVENTION)


def uuid7() -> UUID:
    """Make a time-ordered UUID (version 7, RFC 9562 §5.7): new rows go to the end of an index."""
    timestamp = time.time_ns() // 1_000_000
    value = timestamp << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time: aware, in UTC, to the microsecond, on every database.

    SQLite and MySQL keep no offset; this type adds it again when it reads.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = DateTime(timezone=True)
    cache_ok: bool | None = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401 - as SQLAlchemy types it
        """Ask MySQL and MariaDB for microseconds, which they leave out by default."""
        if dialect.name in {"mysql", "mariadb"}:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - loaded where it is used

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; a datetime without an offset is refused, for nobody knows what it means."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a datetime needs an offset: use datetime.now(UTC)"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give an aware datetime back."""
        del dialect
        in_utc: datetime | None = assume_utc(value)
        return in_utc

    @override
    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Leave out the step where the driver gives an aware datetime in UTC by itself."""
        if dialect.driver == "asyncpg":
            return None
        if type(self).process_result_value is not UTCDateTime.process_result_value:
            return super().result_processor(dialect, coltype)
        convert: Any = self.impl_instance.result_processor(dialect, coltype)
        if convert is None:
            return assume_utc

        def converted_in_utc(value: object) -> datetime | None:
            in_utc: datetime | None = assume_utc(convert(value))
            return in_utc

        return converted_in_utc


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


class UUIDPrimaryKey:
    """Adds `id`: a time-ordered UUID that the application makes."""

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7, sort_order=-10)


class IntPrimaryKey:
    """Adds `id`: a 64-bit integer that the database counts up."""

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, sort_order=-10
    )


class Timestamps:
    """Adds `created_at` and `updated_at`: aware, UTC, set by the server, read-only for clients."""

    created_at: Mapped[datetime] = mapped_column(
        UTCDateTime, default=utc_now, info={"read_only": True}, sort_order=10
    )
    updated_at: Mapped[datetime] = mapped_column(
        UTCDateTime, default=utc_now, onupdate=utc_now, info={"read_only": True}, sort_order=11
    )


class SoftDelete:
    """Adds `deleted_at`: rows are marked as deleted and can be restored, nobody else sees them."""

    deleted_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, info={"read_only": True, "soft_delete": True}, sort_order=13
    )


class Versioned:
    """Adds `version`: counted up by every update; a concurrent update of the same row fails."""

    version: Mapped[int] = mapped_column(Integer, info={"read_only": True}, sort_order=12)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        """Tell SQLAlchemy which column is the version."""
        return {"version_id_col": cls.version}

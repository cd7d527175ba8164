"""What a mapped class consists of: read once, frozen, cached. Everything else asks here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import MappingProxyType
from typing import Annotated, Any, cast

import sqlalchemy as sa
from pydantic import AfterValidator, TypeAdapter, ValidationError
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import ColumnProperty, Mapper

from fastapi_crud.annotations import annotation_of, kind_of_attribute, kind_of_hybrid
from fastapi_crud.construction import (
    MISSING_DEFAULT as MISSING_DEFAULT,
    Constructor,
    constructor_of,
    default_of,
)
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.kind import Kind
from fastapi_crud.values import Shown, check_path_segment


@dataclass(frozen=True, eq=False)
class ColumnInfo:
    """One readable attribute of a model: a column, a `column_property` or a hybrid.

    Args:
        name: The attribute's name (the column's own name may differ).
        kind: How its values look in JSON.
        columns: The table columns behind it; two under joined inheritance, none for an expression.
        nullable: Whether the database accepts NULL.
        info: The `info={...}` of the column.
        discriminator: Tells the subclass of a row.
        version: Counted up by SQLAlchemy at each update.
        deferred: Loaded only when asked for.
        hybrid: A hybrid property: read where the developer opts in.
    """

    name: str
    kind: Kind
    columns: tuple[sa.Column[Any], ...] = ()
    nullable: bool = True
    info: Mapping[str, Any] = field(default_factory=dict[str, Any])
    discriminator: bool = False
    version: bool = False
    deferred: bool = False
    hybrid: bool = False

    @cached_property
    def primary_key(self) -> bool:
        """Whether it is (part of) the primary key."""
        return any(column.primary_key for column in self.columns)

    @cached_property
    def autoincrement(self) -> bool:
        """Whether the database counts it up."""
        return any(
            column.identity is not None
            or column is getattr(column.table, "autoincrement_column", None)
            for column in self.columns
        )

    @cached_property
    def computed(self) -> bool:
        """Whether nobody can store it: an expression, or a generated column."""
        return not self.columns or any(column.computed is not None for column in self.columns)

    @cached_property
    def onupdate(self) -> bool:
        """Whether the server sets it at each update."""
        return any(column.onupdate or column.server_onupdate for column in self.columns)

    @cached_property
    def has_default(self) -> bool:
        """Whether a row may leave it out and still get a value."""
        return any(
            column.default is not None or column.server_default is not None
            for column in self.columns
        )

    @property
    def required(self) -> bool:
        """Whether a new row cannot be stored without it."""
        filled = self.nullable or self.has_default or self.autoincrement or self.computed
        return not (filled or self.version or self.discriminator)

    @cached_property
    def scalar_default(self) -> Any:  # noqa: ANN401 - any value
        """The constant that a row gets when it leaves this out, else `MISSING_DEFAULT`."""
        for column in self.columns:
            if column.default is not None and column.default.is_scalar:
                return cast("Any", column.default).arg
        return MISSING_DEFAULT

    @cached_property
    def clock(self) -> bool:
        """Whether it is a time that the server fills in, such as `created_at`."""
        timed = self.kind.name in {"datetime", "local_datetime", "date", "time", "local_time"}
        return timed and self.has_default and self.scalar_default is MISSING_DEFAULT

    def default_value(self) -> Any:  # noqa: ANN401 - any value or SQL expression
        """What a replaced row gets where the client says nothing: a value or an SQL expression.

        Returns:
            `MISSING_DEFAULT` where there is none.
        """
        for column in self.columns:
            if column.default is not None:
                return default_of(cast("Any", column.default))
            if isinstance(column.server_default, sa.DefaultClause):
                sql = column.server_default.arg
                if not isinstance(sql, str):
                    return sql
                return sa.literal_column("'" + sql.replace("'", "''") + "'", column.type)
        return None if self.nullable else MISSING_DEFAULT

    @cached_property
    def write(self) -> Any:  # noqa: ANN401 - a type form
        """The type in bodies, with all bounds; without null."""
        if self.primary_key and self.kind.name == "text":
            segment = AfterValidator(check_path_segment)
            return Annotated[
                self.kind.write, segment, Shown({"minLength": 1, "pattern": "^[^/]+$"})
            ]
        return self.kind.write

    @property
    def adapter(self) -> TypeAdapter[Any]:
        """Checks one value against the column."""
        return self.kind.adapter

    @cached_property
    def check(self) -> Callable[[Any], Any]:
        """Checks one value against the column, with the least effort."""
        return self.adapter.validator.validate_python

    @property
    def comparable(self) -> TypeAdapter[Any]:
        """Checks one value that the column is compared with."""
        return self.kind.comparable

    @property
    def reader(self) -> TypeAdapter[Any]:
        """Writes one value as answers show it."""
        return self.kind.reader

    def text_of(self, value: object) -> str:
        """Write a value as text, such that `parse` reads it again: for paths."""
        if type(value) is str and self.kind.read is str:
            return value
        plain: object = self.reader.serializer.to_python(value, mode="json")
        return ("false", "true")[plain] if isinstance(plain, bool) else str(plain)

    @cached_property
    def parse(self) -> Callable[[str], Any]:
        """Reads a value from text; a `ValueError` says that no row can hold it."""
        check, read = self.check, self.kind.from_text
        return check if read is str else lambda text: check(read(text))


@dataclass(frozen=True, eq=False)
class ModelInfo:
    """What there is to know about a mapped class.

    Args:
        model: The class.
        columns: Its readable attributes by name, hybrids included.
        key: The attributes of the primary key, in the mapper's order.
        relationships: The names of its relationships.
    """

    model: type[Any]
    mapper: Mapper[Any]
    columns: Mapping[str, ColumnInfo]
    key: tuple[ColumnInfo, ...]
    relationships: frozenset[str]
    constructor: Constructor

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.model.__name__

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        """The names of the attributes of the primary key."""
        return tuple(column.name for column in self.key)

    @cached_property
    def attributes(self) -> Mapping[str, str]:
        """Attribute name by column name."""
        return {column.name: info.name for info in self.columns.values() for column in info.columns}

    def parse_key(self, parts: Sequence[Any]) -> tuple[Any, ...] | None:
        """Read a primary key from the texts of a path, or take one that is already typed.

        Args:
            parts: One value per key attribute, in the mapper's order.

        Returns:
            The key's values, or None where no row can have this key.
        """
        pairs = zip(self.key, parts, strict=True)
        try:
            return tuple([(it.parse if isinstance(x, str) else it.check)(x) for it, x in pairs])
        except (ValueError, ValidationError):
            return None

    def as_key(self, id: Any) -> tuple[Any, ...] | None:  # noqa: A002, ANN401 - any key
        """Read a primary key as people write it: one value, or a tuple where it is composite.

        Returns:
            The key's values, or None where no row can have this key.
        """
        many = isinstance(id, tuple | list)
        return self.parse_key(cast("Sequence[object]", id) if many else (id,))

    def key_of(self, row: object) -> tuple[Any, ...]:
        """Give the primary key of a row, in the mapper's order."""
        stored: Any = sa.inspect(row)
        return stored.identity or tuple(getattr(row, column.name) for column in self.key)

    def key_text(self, row: object) -> list[str]:
        """Write the primary key of a row as it stands in a path."""
        return [column.text_of(getattr(row, column.name)) for column in self.key]


def inspect_model(model: type[Any]) -> ModelInfo:
    """Read a mapped class.

    Args:
        model: Any class that SQLAlchemy maps.

    Returns:
        The same for the same class.

    Raises:
        ConfigurationError: If it is not mapped.
    """
    hashable: Any = model
    return _inspect(hashable)


@cache
def _inspect(model: type[Any]) -> ModelInfo:
    inspected: object = sa.inspect(model, raiseerr=False)
    if not isinstance(inspected, Mapper):
        msg = f"{model!r} is not a mapped class: pass the model itself, such as User"
        raise ConfigurationError(msg)
    mapper: Mapper[Any] = inspected  # pyright: ignore[reportUnknownVariableType]
    order: dict[Any, int] = {
        column: i for i, column in enumerate(c for t in mapper.tables for c in t.c)
    }
    properties = sorted(
        mapper.column_attrs,
        key=lambda prop: min((order.get(c, len(order)) for c in prop.columns), default=len(order)),
    )
    columns = {prop.key: _column(model, mapper, prop) for prop in properties}
    for name, descriptor in mapper.all_orm_descriptors.items():
        if isinstance(descriptor, hybrid_property):
            columns[name] = _hybrid(model, name, descriptor)  # pyright: ignore[reportUnknownArgumentType]
    key_names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return ModelInfo(
        model=model,
        mapper=mapper,
        columns=MappingProxyType(columns),
        key=tuple(columns[name] for name in key_names),
        relationships=frozenset(mapper.relationships.keys()),
        constructor=constructor_of(model),
    )


def _column(model: type[Any], mapper: Mapper[Any], prop: ColumnProperty[Any]) -> ColumnInfo:
    columns = tuple(column for column in prop.columns if isinstance(column, sa.Column))
    first = prop.columns[0]
    info: dict[str, Any] = {}
    for column in reversed(columns):
        info |= column.info
    described = next((c.doc or c.comment for c in columns if c.doc or c.comment), None)
    if described:
        info.setdefault("description", described)
    return ColumnInfo(
        name=prop.key,
        kind=kind_of_attribute(first.type, annotation_of(model, prop.key)),
        columns=columns,
        nullable=not columns or bool(columns[0].nullable),
        info=MappingProxyType(info | prop.info),
        discriminator=mapper.polymorphic_on is not None and mapper.polymorphic_on in prop.columns,
        version=mapper.version_id_col is not None and mapper.version_id_col in prop.columns,
        deferred=prop.deferred,
    )


def _hybrid(model: type[Any], name: str, hybrid: hybrid_property[Any]) -> ColumnInfo:
    info = MappingProxyType(dict(hybrid.info or {}))
    return ColumnInfo(name=name, kind=kind_of_hybrid(model, hybrid), info=info, hybrid=True)

"""When one statement is not enough: what only SQLAlchemy's unit of work does right."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper
from sqlalchemy.types import TypeEngine

from fastapi_crud.columns import ModelInfo
from fastapi_crud.construction import needs_statement


def needs_unit_of_work(
    info: ModelInfo, session: AsyncSession, change: Literal["update", "delete"]
) -> bool:
    """Tell whether a change must load the row and flush it, instead of one plain statement.

    So it is where the row spans tables, where its version is checked, where the model listens to
    the change, where deleting cascades in Python, and where the dialect cannot return the row.
    """
    if info.mapper.version_id_col is not None:
        return True
    if change == "delete":
        return not deletes_plainly(info)
    dialect = session.get_bind(info.mapper).dialect
    return not (dialect.update_returning and updates_plainly(info))


KNOWN_AGAIN = frozenset({"integer", "text", "uuid", "enum", "boolean"})
"""Keys that every driver gives back as they were given."""


def inserts_plainly(info: ModelInfo, dialect: Dialect) -> bool:
    """Tell whether many new rows can be stored by one statement.

    So it is where nobody listens, and where the database gives back what it stored under a key by
    which each row is known again.
    """
    mapper = info.mapper
    known = all(each.kind.name in KNOWN_AGAIN for each in info.key) and not any(
        _is_lossy(column.type, dialect) for each in info.key for column in each.columns
    )
    listened = _spans_tables(mapper, "insert") or _listens(mapper, "insert")
    return known and not listened and dialect.insert_executemany_returning


def builds_plainly(info: ModelInfo) -> bool:
    """Tell whether making an instance does nothing of its own: it sets the attributes given."""
    plain = info.mapper.class_manager.original_init is info.mapper.registry.constructor
    return plain and not _watches(info)


def deletes_plainly(info: ModelInfo) -> bool:
    """Tell whether rows that are locked can be deleted by one statement for all of them."""
    mapper = info.mapper
    listened = _spans_tables(mapper, "delete") or _listens(mapper, "delete")
    return not listened and not _cascades(mapper)


def updates_plainly(info: ModelInfo) -> bool:
    """Tell whether rows that are locked can be changed by one statement for all of them."""
    mapper = info.mapper
    listened = _spans_tables(mapper, "update") or _listens(mapper, "update") or _watches(info)
    return not listened and (mapper.version_id_col is None or counts_versions(mapper))


def upserts_plainly(info: ModelInfo) -> bool:
    """Tell whether the database may decide by itself whether a row is new."""
    mapper = info.mapper
    listened = _listens(mapper, "insert") or _listens(mapper, "update")
    counted = mapper.version_id_col is None or counts_versions(mapper)
    return counted and not listened and not _spans_tables(mapper, "update")


def reads_plainly(info: ModelInfo, names: Iterable[str]) -> bool:
    """Tell whether rows are nothing but columns: no subclasses, nothing computed in Python.

    Args:
        info: The model.
        names: What is read of them.
    """
    mapper = info.mapper
    alone = mapper.polymorphic_on is None and len([*mapper.self_and_descendants]) == 1
    single = mapper.inherits is None and isinstance(mapper.local_table, sa.Table)
    events: Any = mapper.class_manager.dispatch
    heard = bool(events.load) or bool(events.refresh)
    known = all(name in info.columns and not info.columns[name].hybrid for name in names)
    return alone and single and known and not heard


def writes_plainly(
    info: ModelInfo,
    names: Iterable[str],
    change: Literal["create", "update", "delete"],
    dialect: Dialect,
) -> bool:
    """Tell whether a change is one statement, which gives back all that is read.

    Args:
        info: The model.
        names: What is read of a row that was changed.
        change: What happens.
        dialect: The dialect of the database.
    """
    counted = info.mapper.version_id_col is not None
    columns = [column for each in info.columns.values() for column in each.columns]
    looks = any(needs_statement(it.default) or needs_statement(it.onupdate) for it in columns)
    if counted or looks or not all(info.columns[name].columns for name in names):
        return False
    if change == "create":
        return inserts_plainly(info, dialect) and builds_plainly(info)
    if change == "update":
        return dialect.update_returning and updates_plainly(info)
    return dialect.delete_returning and deletes_plainly(info)


def counts_versions(mapper: Mapper[Any]) -> bool:
    """Tell whether the version of a row is counted up by one, as it is unless somebody says."""
    generator: Any = mapper.version_id_generator
    column: Any = mapper.version_id_col
    return callable(generator) and isinstance(column.type, sa.Integer) and generator(7) == 8  # noqa: PLR2004


def _spans_tables(mapper: Mapper[Any], change: str) -> bool:
    if change == "delete":
        return any(len(each.tables) > 1 for each in mapper.self_and_descendants)
    return len(mapper.tables) > 1


def _listens(mapper: Mapper[Any], change: str) -> bool:
    """Whether somebody listens to `before_update` and the like on this mapper."""
    events: Any = mapper.dispatch
    return bool(getattr(events, f"before_{change}")) or bool(getattr(events, f"after_{change}"))


def _watches(info: ModelInfo) -> bool:
    """Whether attributes are validated or watched as they are set (`@validates`, `set` events)."""
    if info.mapper.validators:
        return True
    attributes: Any = info.mapper.class_manager
    return any(
        bool(attributes[name].dispatch.set)
        for name, column in info.columns.items()
        if column.columns
    )


def _cascades(mapper: Mapper[Any]) -> bool:
    """Whether deleting a row deletes others in Python, or its links in a secondary table."""
    return any(
        (relationship.cascade.delete and not relationship.passive_deletes)
        or (isinstance(relationship.secondary, sa.Table) and not relationship.viewonly)
        for relationship in mapper.relationships
    )


@cache
def stores_less(info: ModelInfo, dialect: Dialect) -> bool:
    """Tell whether a row must be read back, since the database may store other than it was given.

    Single-precision floats lose digits, CHAR is padded or stripped; MySQL and MariaDB cut
    microseconds where the type does not ask for them.
    """
    types = [column.type for each in info.columns.values() for column in each.columns]
    return dialect.name != "sqlite" and any(_is_lossy(each, dialect) for each in types)


SINGLE_BITS = 24
"""Digits of the binary fraction of a single-precision float."""


def _is_lossy(column_type: TypeEngine[Any], dialect: Dialect) -> bool:
    mysql = dialect.name in {"mysql", "mariadb"}
    declared, stored = _undecorated(column_type), _undecorated(column_type.dialect_impl(dialect))
    if isinstance(declared, sa.Float):
        single = isinstance(declared, sa.REAL) or (declared.precision or 53) <= SINGLE_BITS
        return single or (mysql and not isinstance(declared, sa.Double))
    if isinstance(declared, sa.DateTime | sa.Time | sa.Interval):
        return mysql and getattr(stored, "fsp", None) is None
    return isinstance(declared, sa.CHAR)


def _undecorated(column_type: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(column_type, sa.TypeDecorator) and not isinstance(column_type, sa.Interval):
        decorated: sa.TypeDecorator[Any] = column_type
        return decorated.impl_instance
    return column_type

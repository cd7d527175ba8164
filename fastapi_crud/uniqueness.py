"""The unique keys of a model: what makes two rows the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import ConfigurationError


@dataclass(frozen=True, eq=False)
class UniqueKey:
    """A primary key, a unique constraint or a unique index.

    Args:
        names: Its attributes.
        where: The rows that a partial index is about, by database.
        primary: Whether it is the primary key.
    """

    names: tuple[str, ...]
    where: dict[str, Any]
    primary: bool = False


def unique_keys(info: ModelInfo) -> list[UniqueKey]:
    """Give the unique keys of a model, the primary key first."""
    found: dict[frozenset[str], UniqueKey] = {}
    for key in _declared(info):
        found.setdefault(frozenset(key.names), key)
    return [*found.values()]


def unique_key(info: ModelInfo, names: Sequence[str], dialect: str | None = None) -> UniqueKey:
    """Give the unique key of these attributes.

    Args:
        info: The model.
        names: The attributes, in any order.
        dialect: The name of the database, if it is known yet.

    Raises:
        ConfigurationError: If they are none, or none that this database can decide by.
    """
    keys = unique_keys(info)
    key = next((key for key in keys if {*key.names} == {*names}), None)
    if key is None:
        there = "; ".join(", ".join(key.names) for key in keys)
        msg = f"{info.name} has no unique key of {', '.join(names)}; it has {there}"
        raise ConfigurationError(msg)
    if dialect in {"mysql", "mariadb"}:
        _check_only_key(info, key, keys)
    return key


def _check_only_key(info: ModelInfo, key: UniqueKey, keys: Sequence[UniqueKey]) -> None:
    """MySQL and MariaDB update the row that clashes by any key: there must be but one."""
    others = [it for it in keys if it is not key and not (it.primary and _is_generated(info))]
    if key.where or others:
        clash = ", ".join((others or [key])[0].names)
        msg = (
            f"{info.name} cannot be upserted by {', '.join(key.names)} on MySQL and MariaDB, "
            f"which would also go by {clash}: leave upsert out of operations=, or drop that key"
        )
        raise ConfigurationError(msg)


def _is_generated(info: ModelInfo) -> bool:
    return all(column.autoincrement or column.has_default for column in info.key)


def _declared(info: ModelInfo) -> Iterator[UniqueKey]:
    table = info.mapper.local_table
    yield UniqueKey(tuple(column.name for column in info.key), {}, primary=True)
    assert isinstance(table, sa.Table)  # noqa: S101 - upserts are about one table
    for constraint in sorted(table.constraints, key=lambda it: str(it.name)):
        if isinstance(constraint, sa.UniqueConstraint) and not constraint.deferrable:
            yield from _key(info, constraint.columns, {})
    for index in sorted(table.indexes, key=lambda it: str(it.name)):
        if index.unique:
            where = {
                dialect: index.dialect_options[dialect]["where"]
                for dialect in ("postgresql", "sqlite")
            }
            where = {dialect: test for dialect, test in where.items() if test is not None}
            yield from _key(info, index.expressions, where)


def _key(info: ModelInfo, columns: Any, where: dict[str, Any]) -> Iterator[UniqueKey]:  # noqa: ANN401
    plain: list[sa.Column[Any]] = [column for column in columns if isinstance(column, sa.Column)]
    mapped = all(column.name in info.attributes for column in plain)
    if mapped and len(plain) == len([*columns]):
        yield UniqueKey(tuple(info.attributes[column.name] for column in plain), where)

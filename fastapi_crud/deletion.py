"""Soft deletion: the column that marks a row as deleted, and what it says."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.exceptions import ConfigurationError

KINDS = frozenset({"datetime", "local_datetime", "boolean"})
"""A row is marked by the time of its deletion, or by a flag."""


@dataclass(frozen=True, eq=False)
class Deletion:
    """How rows of a model are marked as deleted.

    Args:
        column: The column that marks them.
    """

    column: ColumnInfo

    def is_deleted(self, model: type[Any]) -> ColumnElement[bool]:
        """Say in SQL that a row is deleted."""
        mark = getattr(model, self.column.name)
        deleted: ColumnElement[bool] = mark.is_(sa.true()) if self._flag else mark.is_not(None)
        return deleted

    def is_live(self, model: type[Any]) -> ColumnElement[bool]:
        """Say in SQL that a row is not deleted."""
        mark = getattr(model, self.column.name)
        live: ColumnElement[bool] = mark.is_not(sa.true()) if self._flag else mark.is_(None)
        return live

    def marks(self, row: object) -> bool:
        """Tell whether a row is deleted."""
        mark: object = getattr(row, self.column.name)
        return bool(mark) if self._flag else mark is not None

    def deleted(self) -> dict[str, Any]:
        """Give the value that marks a row as deleted now, by attribute name."""
        now = datetime.now(UTC)
        if self.column.kind.name == "local_datetime":
            now = now.replace(tzinfo=None)
        return {self.column.name: True if self._flag else now}

    def restored(self) -> dict[str, Any]:
        """Give the value that marks a row as live again."""
        return {self.column.name: False if self._flag else None}

    @property
    def _flag(self) -> bool:
        return self.column.kind.name == "boolean"


@cache
def deletion_of(info: ModelInfo) -> Deletion | None:
    """Tell how rows of a model are marked as deleted; None where they are really deleted.

    The mixin `SoftDelete` says so, `info={"soft_delete": True}` on a column, or `soft_delete=` in
    the model's `__crud__`.
    """
    said: Any = getattr(info.model, "__crud__", None)
    name = getattr(said() if callable(said) else said, "soft_delete", None)
    marked = (it.name for it in info.columns.values() if it.info.get("soft_delete") is True)
    name = name or next(marked, None)
    return None if name is None else deletion_by(info, name)


def deletion_by(info: ModelInfo, name: str) -> Deletion:
    """Mark rows as deleted by a column.

    Raises:
        ConfigurationError: If it cannot mark them.
    """
    column = info.columns.get(name)
    if column is None or not column.columns or column.kind.name not in KINDS:
        msg = f"{info.name}: soft_delete={name!r}: name a date-time or boolean column of the model"
        raise ConfigurationError(msg)
    if column.kind.name != "boolean" and not column.nullable:
        msg = f"{info.name}: soft_delete={name!r}: it must be nullable, NULL means not deleted"
        raise ConfigurationError(msg)
    return Deletion(column)

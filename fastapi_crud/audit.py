"""An audit trail: who changed what, from what to what, in a table of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Generic

import sqlalchemy as sa
from sqlalchemy import JSON, BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud.access import Access, access_of
from fastapi_crud.actors import actor_text
from fastapi_crud.bodies import column_values
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.models import ModelT, UTCDateTime, utc_now
from fastapi_crud.resolution import resolve_options
from fastapi_crud.schemas import CreateT, UpdateT
from fastapi_crud.service import Service
from fastapi_crud.upserts import UpsertMode

Values = Mapping[str, Any]


class AuditEntry:
    """Adds the columns of an audit trail: `class Change(AuditEntry, Base)`, with a table name.

    `changes` holds `{field: [old, new]}` as JSON; of columns that clients may not read it only
    tells that they changed: `{field: null}`. `action` is `create`, `update`, `delete`, `restore`,
    or `upsert` where the row was not there before, as far as could be seen.
    """

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, sort_order=-10
    )
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=utc_now, index=True)
    actor: Mapped[str | None] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(20))
    resource: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(255), index=True)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A row as it was.

    Args:
        row: The row, as it is by now.
        values: What it was: JSON by attribute name.
    """

    row: Any
    values: Values


class Audited(Service[ModelT, CreateT, UpdateT], Generic[ModelT, CreateT, UpdateT]):
    """A `Service` that leaves an entry for every change, in the same transaction.

    Subclass it in place of `Service`, and name the model of the entries. Hooks of your own call
    `super()`.

    Args:
        session: The session to work in. Whoever opened it commits it.

    Raises:
        ConfigurationError: If no model of entries is named.
    """

    audit_model: ClassVar[type[Any]]
    """The model of the entries: a class with the columns of `AuditEntry`."""
    audit_hidden: ClassVar[frozenset[str]] = frozenset()
    """More columns whose values are left out, beside those that clients may not read."""

    async def after_create(self, row: ModelT) -> None:
        """Tell what was created."""
        new = self._values(row)
        self._leave("create", row, {name: [None, it] for name, it in new.items() if it is not None})

    async def before_update(self, id: Any, values: dict[str, Any]) -> None:  # noqa: A002, ANN401
        """Remember what the row was."""
        del values
        await self._remember(id)

    async def after_update(self, row: ModelT, values: Values) -> None:
        """Tell what has changed."""
        del values
        self._leave("update", row, self._difference(row))

    async def before_delete(self, id: Any) -> None:  # noqa: A002, ANN401 - any key
        """Remember what the row was."""
        await self._remember(id)

    async def after_delete(self, id: Any) -> None:  # noqa: A002, ANN401 - any key
        """Tell what was deleted: what it was, or where it is only marked, how."""
        snapshot = self._snapshots[self._key(id)]
        marked = self._difference(snapshot.row)
        gone = {name: [it, None] for name, it in snapshot.values.items() if it is not None}
        self._leave("delete", snapshot.row, marked or gone)

    async def before_restore(self, id: Any) -> None:  # noqa: A002, ANN401 - any key
        """Remember what the row was."""
        await self._remember(id)

    async def after_restore(self, row: ModelT) -> None:
        """Tell what was restored."""
        self._leave("restore", row, self._difference(row))

    async def upsert(
        self, items: Sequence[CreateT], *, on_conflict: Sequence[str], mode: UpsertMode = "merge"
    ) -> list[ModelT]:
        """Store rows or change those that are there, and tell which changed how."""
        values = [column_values(item, self.info, only_set=True) for item in items]
        there = await self.repository.find_for_update(values, on_conflict)
        for row in (row for row in there if row is not None):
            self._snapshots[self.info.key_of(row)] = Snapshot(row, self._values(row))
        rows = await super().upsert(items, on_conflict=on_conflict, mode=mode)
        for row, old in zip(rows, there, strict=True):
            self._leave("upsert" if old is None else "update", row, self._difference(row))
        return rows

    @cached_property
    def _snapshots(self) -> dict[tuple[Any, ...], Snapshot]:
        return {}

    @cached_property
    def _masked(self) -> frozenset[str]:
        exposure = resolve_options(self.model, {}).exposure()
        unread = (
            column.name
            for column in self.info.columns.values()
            if Access.READ not in access_of(column, exposure)
        )
        return frozenset(unread) | self.audit_hidden

    async def _remember(self, id: Any) -> None:  # noqa: A002, ANN401 - any key
        row = await self.repository.get_for_update(id, deleted="include")
        if row is not None:
            self._snapshots[self._key(id)] = Snapshot(row, self._values(row))

    def _key(self, id: Any) -> tuple[Any, ...]:  # noqa: A002, ANN401 - any key
        return self.info.as_key(id) or ()

    def _values(self, row: object) -> dict[str, Any]:
        """Write the columns of a row that are loaded as JSON."""
        loaded = sa.inspect(row).dict
        return {
            name: column.reader.dump_python(loaded[name], mode="json")
            for name, column in self.info.columns.items()
            if column.columns and name in loaded
        }

    def _difference(self, row: object) -> dict[str, Any]:
        before = self._snapshots.get(self.info.key_of(row))
        old: Values = before.values if before else {}
        new = self._values(row)
        return {name: [old.get(name), it] for name, it in new.items() if old.get(name) != it}

    def _leave(self, action: str, row: object, changes: dict[str, Any]) -> None:
        if not changes:
            return
        if not hasattr(type(self), "audit_model"):
            msg = f"{type(self).__name__} has no audit_model: name the model of its entries"
            raise ConfigurationError(msg)
        entry = self.audit_model(
            actor=actor_text(self.actor),
            action=action,
            resource=self.info.name,
            key="/".join(self.info.key_text(row)),
            changes={n: None if n in self._masked else it for n, it in changes.items()},
        )
        self.session.add(entry)

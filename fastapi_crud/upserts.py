"""Rows stored or changed by one statement: the database decides which, so nobody can race."""

from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from typing import Any, Generic, Literal

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.changes import Change, bound, counted_up, insertion_groups
from fastapi_crud.exceptions import (
    ConfigurationError,
    CrudError,
    DuplicateItem,
    InvalidData,
    NotFound,
    PermissionDenied,
    TransactionConflict,
    UniqueViolation,
    about_item,
)
from fastapi_crud.integrity import translated
from fastapi_crud.locks import begin_to_write
from fastapi_crud.lookups import Lookups, Row
from fastapi_crud.models import ModelT
from fastapi_crud.uniqueness import UniqueKey, unique_key
from fastapi_crud.unit_of_work import upserts_plainly

UpsertMode = Literal["merge", "ignore"]
"""What becomes of a row that is there: the values that are given are set, or it stays."""

UPSERT_CHUNK = 500
"""How many rows one statement stores."""
Data = Mapping[str, Any]


class Upserts(Lookups[ModelT], Generic[ModelT]):
    """The half of `Repository` that stores rows or changes those that are there."""

    async def upsert(
        self,
        data: Sequence[Data],
        *,
        on_conflict: Sequence[str] | None = None,
        mode: UpsertMode = "merge",
        only_new: Collection[str] = (),
    ) -> list[ModelT]:
        """Store rows, or change those that are there: `INSERT ... ON CONFLICT`.

        Values that are not given are never overwritten. Validators of the model run; its
        `before_update` events cannot, so a model that has some is refused.

        Args:
            data: Value by attribute name, for each row; those of `on_conflict` must be there.
            on_conflict: The attributes of a unique key; the primary key unless given.
            mode: `"merge"` changes a row that is there, `"ignore"` leaves it alone.
            only_new: The attributes that are set of new rows only, such as whose they are.

        Returns:
            The rows as they are now; the order is kept.

        Raises:
            ConfigurationError: If there is no such unique key, or the database could not tell it
                from others.
            DuplicateItem: If two are about the same row.
            UniqueViolation: If a row is there that this caller does not see, or another key clashes.
            CrudError: As `create` and `update` do; its `index` tells which row it is about.
        """
        names = on_conflict or self.info.key_names
        key = unique_key(self.info, names, self._dialect)
        if not upserts_plainly(self.info):
            msg = f"{self.info.name} listens to its changes or spans tables: it cannot be upserted"
            raise ConfigurationError(msg)
        rows = [Row(frozenset(item) - {*only_new}, self._complete(item)) for item in data]
        self._check(rows, key)

        upsert = self._upsert_in_scope if self.view.write_scope else self._upsert

        async def at_once(rows: Sequence[Row]) -> list[ModelT]:
            return await upsert(rows, key, mode)

        async def one(row: Row) -> ModelT:
            try:
                return (await upsert([row], key, mode))[0]
            except CrudError as error:
                error.index = None  # the caller knows which of all
                raise

        return await self._together(rows, at_once, one)

    def _check(self, rows: Sequence[Row], key: UniqueKey) -> None:
        seen: set[tuple[Any, ...]] = set()
        for index, row in enumerate(rows):
            with about_item(index):
                missing = [name for name in key.names if row.values.get(name) is None]
                if missing:
                    msg = f"{' and '.join(missing)} must be given"
                    raise InvalidData(msg, fields=missing)
                self._check_other_key(row, key)
                values = tuple(row.values[name] for name in key.names)
                if values in seen:
                    raise DuplicateItem(fields=key.names)
                seen.add(values)

    def _check_other_key(self, row: Row, key: UniqueKey) -> None:
        """Refuse a second key on databases that would go by either."""
        names = self.info.key_names
        if self._dialect in {"mysql", "mariadb"} and not key.primary and {*names} & row.given:
            msg = f"{' and '.join(names)} cannot be given here"
            raise InvalidData(msg, fields=names)

    async def _upsert_in_scope(
        self, rows: Sequence[Row], key: UniqueKey, mode: UpsertMode
    ) -> list[ModelT]:
        """Change rows that this caller may write, and store the others.

        No condition of a native upsert holds a scope on every database: a row that appears
        meanwhile, and may be somebody else's, is never changed.

        Raises:
            TransactionConflict: If a row of this caller's own has appeared meanwhile.
        """
        there = await self._found(rows, key, lock=False)
        pairs = [(row, old) for row, old in zip(rows, there, strict=True) if old is not None]
        new = [row for row, old in zip(rows, there, strict=True) if old is None]
        try:
            await self._lock([self.info.key_of(old) for _, old in pairs])
        except (PermissionDenied, NotFound) as error:
            error.index = None  # one by one it shows which
            raise
        if mode == "merge":
            names = frozenset([*key.names, *(column.name for column in self.info.key)])
            await self._change(
                [Change(old, {n: row.values[n] for n in row.given - names}) for row, old in pairs]
            )
        try:
            async with self.session.begin_nested():
                await self._insert([row.values for row in new])
        except UniqueViolation as error:
            # With a lock: the snapshot of a repeatable read may be older than the row.
            if any(await self._found(new, key, lock=True)):
                raise TransactionConflict from error
            raise
        return await self._settle_all(await self._stored(rows, key))

    async def _upsert(self, rows: Sequence[Row], key: UniqueKey, mode: UpsertMode) -> list[ModelT]:
        alike: dict[frozenset[str], list[Row]] = {}
        for row in rows:
            alike.setdefault(row.given, []).append(row)
        await self._prepare(())
        with translated(self.info):
            await begin_to_write(self.session, self.info.mapper)
            for given, several in alike.items():
                kept = {*key.names, *(column.name for column in self.info.key)}
                changed = [n for n in several[0].values if n in given and n not in kept]
                for _, group in insertion_groups(self.info, [row.values for row in several]):
                    for start in range(0, len(group), UPSERT_CHUNK):
                        chunk = group[start : start + UPSERT_CHUNK]
                        statement = self._statement(chunk, key, changed if mode == "merge" else [])
                        await self.session.execute(
                            statement, bind_arguments={"mapper": self.info.mapper}
                        )
            return await self._settle_all(await self._stored(rows, key))

    def _statement(
        self, group: Sequence[Data], key: UniqueKey, changed: Sequence[str]
    ) -> sa.Insert:
        """Write the statement for rows that name the same columns.

        Args:
            group: Value by attribute name, for each row.
            key: Decides whether a row is there.
            changed: What is set of a row that is there; nothing if empty.
        """
        table: Any = self.info.mapper.local_table
        columns = {name: self.info.columns[name].columns[0] for name in group[0]}
        rows = [
            {columns[name].name: bound(value, columns[name]) for name, value in row.items()}
            for row in group
        ]
        target = [self.info.columns[name].columns[0] for name in key.names]
        allowed = self._live()
        if self._dialect in {"mysql", "mariadb"}:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - loaded where it is used

            insert = mysql.insert(table).values(rows)
            new = {columns[name].name: insert.inserted[columns[name].name] for name in changed}
            sets = self._sets(new) if changed else {target[0].name: target[0]}
            if allowed and changed:
                sets = {
                    name: sa.case((sa.and_(*allowed), value), else_=table.c[name])
                    for name, value in sets.items()
                }
            return insert.on_duplicate_key_update(sets)
        module = import_module(f"sqlalchemy.dialects.{self._dialect}")
        native: Any = module.insert(table).values(rows)
        where = key.where.get(self._dialect)
        if not changed:
            ignoring: sa.Insert = native.on_conflict_do_nothing(
                index_elements=target, index_where=where
            )
            return ignoring
        new = {columns[name].name: native.excluded[columns[name].name] for name in changed}
        merging: sa.Insert = native.on_conflict_do_update(
            index_elements=target,
            index_where=where,
            set_=self._sets(new),
            where=sa.and_(*allowed) if allowed else None,
        )
        return merging

    def _sets(self, new: dict[str, Any]) -> dict[str, Any]:
        """Add what every update sets: the version, and columns with `onupdate`."""
        sets: dict[str, Any] = {}
        for name, column in self.info.columns.items():
            for each in column.columns:
                if each.onupdate is not None and each.name not in new:
                    sets[each.name] = _value_of(each.onupdate, getattr(self.info.model, name))
        versions = {
            self.info.columns[name].columns[0].name: counted
            for name, counted in counted_up(self.info).items()
        }
        return {**sets, **versions, **new}

    async def _stored(self, items: Sequence[Row], key: UniqueKey) -> list[ModelT]:
        """Give the rows as they are now, unless there is one that this caller may not change."""
        rows: list[ModelT] = []
        for index, row in enumerate(await self._found(items, key, lock=True)):
            with about_item(index):
                if row is None:
                    raise PermissionDenied if self.view.write_scope else self._unseen(key)
                rows.append(row)
        return rows

    def _unseen(self, key: UniqueKey) -> UniqueViolation:
        msg = f"{self.info.name} with this {' and '.join(key.names)} already exists"
        return UniqueViolation(msg, fields=key.names)


def _value_of(default: Any, attribute: Any) -> ColumnElement[Any]:  # noqa: ANN401 - SQLAlchemy's
    """Evaluate what a column is set to by every update."""
    if default.is_callable:
        return bound(default.arg(None), attribute)
    return bound(default.arg, attribute)

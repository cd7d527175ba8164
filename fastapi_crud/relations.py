"""Rows that are written together with what is related to them: new rows, and links to others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, cast

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, aliased
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.changes import Change
from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import PermissionDenied
from fastapi_crud.integrity import translated
from fastapi_crud.locks import begin_to_write
from fastapi_crud.models import ModelT
from fastapi_crud.query.conditions import Translator
from fastapi_crud.query.paths import Hop, hop
from fastapi_crud.query.statements import attributes, is_one_of
from fastapi_crud.reader import KEYS_CHUNK
from fastapi_crud.streams import Streams
from fastapi_crud.ties import (
    BODY,
    Item,
    Tie,
    filled_by,
    held,
    is_writable,
    placed,
    relation_of,
    tie as tied,
    touch,
)

Key = tuple[Any, ...]
Data = Mapping[str, Any]


class Relations(Streams[ModelT], Generic[ModelT]):
    """The part of `Repository` that writes rows by the unit of work, and what is related to them.

    New rows stand as mappings among the values of the row that they come with; links to rows that
    are there stand as primary keys, or as those rows.
    """

    async def _add(self, data: Sequence[Data]) -> list[ModelT]:
        """Store new rows."""
        items = [Item(BODY, {**values}) for values in data]
        await self._create_all(self.info, items)
        for item, values in zip(items, data, strict=True):
            self._outdate(item.row, self.info.relationships & values.keys())
        return [item.row for item in items]

    async def _apply(self, changes: Sequence[Change[ModelT]]) -> None:
        """Change rows; they must be locked if relationships are among what changes."""
        items = [Item(BODY, {**change.data}, change.row) for change in changes]
        ties = await self._ties(self.info, items, new=False)
        for item in items:
            Change(item.row, item.values).apply()
        for tie in ties:
            touch(self.info, tie.item.row)
            if not tie.born:
                tie.set()
        with translated(self.info):
            await self.session.flush()
        await self._bear(ties)
        for tie in ties:
            tie.show()
            self._outdate(tie.item.row, [tie.way.name, *self._computed(tie.item.row)])

    async def _create_all(
        self, info: ModelInfo, items: Sequence[Item], ties: Sequence[Tie] = ()
    ) -> None:
        """Store new rows, and those that come with them in turn.

        Args:
            info: Their model.
            items: The rows.
            ties: What relates them to the rows that they come with.
        """
        below = await self._ties(info, items, new=True)
        for item in items:
            item.row = info.constructor(item.values)
        for tie in (*ties, *(tie for tie in below if not tie.born)):
            tie.set()
        self.session.add_all([item.row for item in items])
        with placed(items), translated(info):
            await self.session.flush()
        await self._bear(below)

    async def _bear(self, ties: Sequence[Tie]) -> None:
        """Store the new rows that come with rows that are stored.

        Raises:
            PermissionDenied: If one is none that there may be for this caller.
        """
        bearing: defaultdict[Hop, list[Tie]] = defaultdict(list)
        for tie in ties:
            if tie.born:
                bearing[tie.way].append(tie)
        for way, several in bearing.items():
            filled = filled_by(way)
            items = [item for tie in several for item in tie.born]
            for tie in several:
                key = {name: getattr(tie.item.row, of) for name, of in filled.items()}
                for item in tie.born:
                    item.values |= key
            await self._create_all(way.target, items, several)
            rows = [item.row for item in items]
            await self._stay_within(way.target, rows, self._birth_conditions(way.target))

    async def _ties(self, info: ModelInfo, items: Sequence[Item], *, new: bool) -> list[Tie]:
        """Find what is to be related to rows, and take it out of their values.

        Args:
            info: The model of the rows.
            items: The rows.
            new: Whether nothing is related to them yet.
        """
        found: list[Tie] = []
        names = dict.fromkeys(name for item in items for name in item.values)
        for way in (hop(info, name) for name in names if name in info.relationships):
            if not is_writable(way):
                continue
            ties = [tied(way, item) for item in items if way.name in item.values]
            if new:
                ties = [tie for tie in ties if not tie.ready]
            for tie in ties:
                del tie.item.values[way.name]
            if relation_of(way).secondary is not None:
                await self._link(way.target, ties)
            if not new:
                await self._look(way, ties)
            found += (tie for tie in ties if new or tie.changed)
        return found

    async def _link(self, target: ModelInfo, ties: Sequence[Tie]) -> None:
        """Find the rows of which only keys are given: one statement, however many."""
        given = [it for tie in ties for it in tie.wanted if not isinstance(it, target.model)]
        keys = [*dict.fromkeys(key for each in given if (key := target.as_key(each)))]
        rows: dict[Key, Any] = {}
        if keys:
            with translated(self.info):
                await begin_to_write(self.session, self.info.mapper)
        columns = attributes(target, target.key_names)
        for start in range(0, len(keys), KEYS_CHUNK):
            chosen = is_one_of(columns, keys[start : start + KEYS_CHUNK])
            statement = sa.select(target.model).where(chosen, *self._translator.scope(target))
            for row in (await self._execute(statement)).unique().scalars():
                rows[target.key_of(row)] = row
        for tie in ties:
            tie.find(rows)

    async def _look(self, way: Hop, ties: Sequence[Tie]) -> None:
        """Find what is related to rows by now: one statement, however many."""
        source: Any = aliased(way.source.model)
        key = [getattr(source, column.name) for column in way.source.key]
        sees = sa.and_(sa.true(), *self._translator.scope(way.target))
        columns = cast("sa.Select[Any]", sa.select(way.target.model, sees, *key))
        joined = columns.select_from(source).join(getattr(source, way.name))
        if self._dialect in {"mysql", "mariadb"}:
            joined = joined.with_for_update(read=True)  # else it is as of their first statement
        by_key = {way.source.key_of(tie.item.row): tie for tie in ties}
        keys = [*by_key]
        for start in range(0, len(keys), KEYS_CHUNK):
            chosen = is_one_of(key, keys[start : start + KEYS_CHUNK])
            for row in (await self._execute(joined.where(chosen))).unique():
                related, seen, *of = cast("tuple[Any, ...]", row)
                tie = by_key[tuple(of)]
                (tie.seen if seen else tie.kept).append(related)

    def _names_related(self, data: Data) -> bool:
        return not self.info.relationships.isdisjoint(data)

    def _related_in(self, row: ModelT, names: Iterable[str]) -> list[Tie]:
        """Tell what a row has of relationships, as far as it is there and not shown by answers."""
        loaded = cast("InstanceState[Any]", sa.inspect(row)).dict.keys() & {*names}
        related = loaded & self.info.relationships - self.view.loads.keys()
        ways = (hop(self.info, name) for name in related)
        return [held(way, row) for way in ways if is_writable(way)]

    def _computed(self, row: ModelT) -> list[str]:
        """Tell what the database computed of a row when it was loaded."""
        loaded = cast("InstanceState[Any]", sa.inspect(row)).dict
        columns = self.info.columns
        return [name for name in loaded if name in columns and not columns[name].columns]

    def _outdate(self, row: ModelT, names: Iterable[str]) -> None:
        """Forget what has changed, where answers show it: they show what this caller sees of it."""
        shown = [it for it in names if it in self.view.loads or it not in self.info.relationships]
        if shown:
            self.session.expire(row, shown)

    async def _stay_in_scope(self, rows: Sequence[ModelT]) -> None:
        """Refuse rows that this caller could not write, or not read any more.

        Raises:
            PermissionDenied: If there is one; whoever opened the session rolls back.
        """
        await self._stay_within(self.info, rows, self._write_conditions(self.info))

    async def _stay_within(
        self, info: ModelInfo, rows: Sequence[Any], conditions: Sequence[ColumnElement[bool]]
    ) -> None:
        keys = [info.key_of(row) for row in rows] if conditions else []
        key = attributes(info, info.key_names)
        within = sa.select(sa.func.count()).select_from(info.model).where(*conditions)
        for start in range(0, len(keys), KEYS_CHUNK):
            chunk = keys[start : start + KEYS_CHUNK]
            if await self._scalar(within.where(is_one_of(key, chunk)), ()) != len(chunk):
                raise PermissionDenied

    def _birth_conditions(self, info: ModelInfo) -> list[ColumnElement[bool]]:
        """Say which new rows may come with others: those that there may be for this caller."""
        scope = replace(self._translator, deleted="include").where(info, ())
        own = issubclass(info.model, self.model)
        return [*scope, *(self._write_conditions(info) if own else ())]

    def _write_conditions(self, info: ModelInfo | None = None) -> list[ColumnElement[bool]]:
        every = Translator(self._dialect, deletions=self.view.deletions)
        return [every.test(info or self.info, each) for each in self.view.write_scope]

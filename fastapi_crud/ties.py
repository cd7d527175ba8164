"""What ties rows to others while they are written: new rows, and links to rows that are there."""

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, RelationshipProperty
from sqlalchemy.orm.attributes import flag_modified, set_committed_value
from sqlalchemy.orm.collections import collection_adapter
from sqlalchemy.orm.interfaces import ONETOMANY

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import (
    ConstraintViolation,
    ForeignKeyViolation,
    Issue,
    PermissionDenied,
)
from fastapi_crud.naming import singular_of
from fastapi_crud.query.paths import Hop

Place = tuple[str | int, ...]
BODY: Place = ("body",)
UNLOADED = frozenset({"write_only", "dynamic"})
"""Ways of loading under which a relationship is never there as a whole."""


def link_field(relationship: str) -> str:
    """Name the field that sets a many-to-many relationship by keys: `skills` → `skill_ids`."""
    return f"{singular_of(relationship)}_ids"


def relation_of(way: Hop) -> RelationshipProperty[Any]:
    """Give what SQLAlchemy knows of a relationship."""
    return way.source.mapper.relationships[way.name]


def is_writable(way: Hop) -> bool:
    """Tell whether rows can be related by writing this side of a relationship."""
    relation = relation_of(way)
    if relation.viewonly or relation.lazy in UNLOADED:
        return False
    many_to_many = relation.secondary is not None and way.to_many
    return many_to_many or relation.direction is ONETOMANY


def filled_by(way: Hop) -> dict[str, str]:
    """Tell what a row gets from the one that it is created with: its attribute → the other's."""
    source, target = way.source.mapper, way.target.mapper
    return {
        target.get_property_by_column(to).key: source.get_property_by_column(of).key
        for of, to in relation_of(way).synchronize_pairs
    }


@dataclass(eq=False)
class Item:
    """A row that is written.

    Args:
        place: Where it stands in the body.
        values: Value by attribute name.
        row: The row itself, as soon as there is one.
    """

    place: Place
    values: dict[str, Any]
    row: Any = None


@dataclass(eq=False)
class Tie:
    """What is to be related to a row by one of its relationships.

    Args:
        way: The relationship.
        item: The row.
        wanted: What is related to it from now on: rows, keys of rows, and items for new ones.
        seen: What was related to it, as far as this caller sees.
        kept: What else was related to it, and stays.
    """

    way: Hop
    item: Item
    wanted: list[Any]
    seen: list[Any] = field(default_factory=list[Any])
    kept: list[Any] = field(default_factory=list[Any])

    @property
    def born(self) -> list[Item]:
        """The new rows."""
        return [each for each in self.wanted if isinstance(each, Item)]

    @property
    def ready(self) -> bool:
        """Whether there are rows only, made by the developer: constructors take them."""
        rows = (isinstance(each, self.way.target.model) for each in self.wanted)
        return bool(self.wanted) and all(rows)

    @property
    def changed(self) -> bool:
        """Whether something is related that was not so before, or the other way round."""
        return {*map(id, self.wanted)} != {*map(id, self.seen)}

    def find(self, rows: Mapping[tuple[Any, ...], Any]) -> None:
        """Put rows in place of their keys.

        Raises:
            ForeignKeyViolation: If some are not among the rows.
        """
        target = self.way.target
        found = [
            each if isinstance(each, target.model) else rows.get(target.as_key(each) or ())
            for each in self.wanted
        ]
        missing = [index for index, row in enumerate(found) if row is None]
        if missing:
            name = link_field(self.way.name)
            message = f"{name} refers to a row that does not exist"
            error = ForeignKeyViolation(message, fields=[self.way.name])
            places = [(*self.item.place, name, index) for index in missing]
            error.issues = tuple(Issue(error.code, place, message) for place in places)
            raise error
        self.wanted = found

    def set(self) -> None:
        """Set the attribute; what was there is told first, so that nothing need be loaded.

        Raises:
            PermissionDenied: If there is place for one row only, and a hidden one has it.
        """
        self._show([*self.kept, *self.seen])
        self.wanted = [each.row if isinstance(each, Item) else each for each in self.wanted]
        rows = [*{id(row): row for row in (*self.kept, *self.wanted)}.values()]
        if not self.way.to_many and len(rows) > 1:
            raise PermissionDenied
        value = _collection(self.way, rows) if self.way.to_many else next(iter(rows), None)
        setattr(self.item.row, self.way.name, value)

    def show(self) -> None:
        """Let the row have what this caller sees of it."""
        self._show(self.wanted)

    def _show(self, rows: Sequence[Any]) -> None:
        value = rows if self.way.to_many else next(iter(rows), None)
        set_committed_value(self.item.row, self.way.name, value)


def tie(way: Hop, item: Item) -> Tie:
    """Read what is to be related to a row from its values: mappings stand for new rows."""
    given: Any = item.values[way.name]
    place: Place = (*item.place, way.name)
    if not way.to_many:
        return Tie(way, item, [] if given is None else [_wanted(given, place)])
    values: list[Any] = [*(given.values() if hasattr(given, "values") else given)]
    return Tie(way, item, [_wanted(each, (*place, i)) for i, each in enumerate(values)])


def held(way: Hop, row: object) -> Tie:
    """Read what is related to a row in memory."""
    value: Any = getattr(row, way.name)
    rows = [*collection_adapter(value)] if way.to_many else [value][: value is not None]
    return Tie(way, Item(BODY, {}, row), rows)


def _wanted(value: Any, place: Place) -> Any:  # noqa: ANN401 - a row, a key, or values
    return Item(place, {**value}) if isinstance(value, Mapping) else value


@contextmanager
def placed(items: Sequence[Item]) -> Generator[None]:
    """Say of violations by rows within a row where in the body these stand."""
    try:
        yield
    except ConstraintViolation as error:
        place, *others = [item.place for item in items]
        if place != BODY:
            known = [] if others else [issue.loc[1:] for issue in error.issues]
            root = place[:2] if others else place
            error.fields = (str(place[1]),)
            error.issues = tuple(
                Issue(error.code, (*root, *loc), str(error)) for loc in known or [()]
            )
        raise


def touch(info: ModelInfo, row: object) -> None:
    """Let a row be updated although none of its columns changes.

    Its version is counted up, and what every update sets is set. SQLAlchemy does so only where a
    column of the same table changes; the primary key stands in where there is no other.
    """
    loaded = cast("InstanceState[Any]", sa.inspect(row)).dict
    made = {name for name, column in info.columns.items() if column.version or column.onupdate}
    for table in {each.table for name in made for each in info.columns[name].columns}:
        names = [
            name
            for name, column in info.columns.items()
            if name in loaded.keys() - made and any(each.table is table for each in column.columns)
        ]
        flag_modified(row, min(names, key=lambda name: info.columns[name].primary_key))


def _collection(way: Hop, rows: Sequence[Any]) -> Any:  # noqa: ANN401 - SQLAlchemy's
    """Make a collection of the kind that a relationship has."""
    relation: Any = relation_of(way)
    made: Collection[Any] = (relation.collection_class or list)()
    if isinstance(made, dict):
        return dict(enumerate(rows))  # SQLAlchemy finds the keys by itself
    return {*rows} if isinstance(made, set) else [*rows]

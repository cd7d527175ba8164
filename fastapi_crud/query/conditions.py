"""From clauses to SQL conditions, row scopes included."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from fastapi_crud.columns import ModelInfo
from fastapi_crud.deletion import Deletion, deletion_of
from fastapi_crud.query.clauses import And, Deleted, Filter, Not, Or, Search, Where
from fastapi_crud.query.operand import Operand
from fastapi_crud.query.operators import find_operator
from fastapi_crud.query.paths import Hop, column_at
from fastapi_crud.query.search import terms

Test = ColumnElement[bool]
Scopes = Mapping[type[Any], Sequence[Where]]
"""Class → which of its rows there are, for this caller; its subclasses are meant as well."""
Deletions = Mapping[type[Any], Deletion]
"""Class → how its rows are marked as deleted, where its model does not say so itself."""


@dataclass(frozen=True, eq=False)
class Translator:
    """Turns clauses into SQL for one database and one caller.

    Args:
        dialect: The database's name.
        scopes: Which rows there are, of related models as well.
        deletions: How rows are marked as deleted, beside what the models say.
        deleted: Whether rows marked as deleted are meant; of related models they never are.
    """

    dialect: str
    scopes: Scopes = field(default_factory=dict[type[Any], Sequence[Where]])
    deletions: Deletions = field(default_factory=dict[type[Any], Deletion])
    deleted: Deleted = "exclude"

    def where(self, info: ModelInfo, conditions: Iterable[Where]) -> list[Test]:
        """Say in SQL that all conditions hold, for rows that there are for this caller."""
        there = [*self._lives(info, self.deleted), *self._scoped(info)]
        return [*there, *(self.test(info, each) for each in conditions)]

    def scope(self, info: ModelInfo) -> list[Test]:
        """Say in SQL which related rows there are for this caller."""
        return [*self._lives(info, "exclude"), *self._scoped(info)]

    def deletion(self, info: ModelInfo) -> Deletion | None:
        """Tell how rows of a model are marked as deleted."""
        said = (self.deletions[model] for model in info.model.__mro__ if model in self.deletions)
        return next(said, None) or deletion_of(info)

    def _lives(self, info: ModelInfo, deleted: Deleted) -> list[Test]:
        deletion = self.deletion(info)
        if deletion is None or deleted == "include":
            return []
        only = deleted == "only"
        return [deletion.is_deleted(info.model) if only else deletion.is_live(info.model)]

    def _scoped(self, info: ModelInfo) -> list[Test]:
        """Say what the scopes say; they themselves see all rows that are not deleted."""
        if not self.scopes:
            return []
        every = Translator(self.dialect, deletions=self.deletions)
        return [
            every.test(info, condition)
            for model in info.model.__mro__
            for condition in self.scopes.get(model, ())
        ]

    def test(self, info: ModelInfo, condition: Where) -> Test:
        """Say one condition in SQL.

        Raises:
            ConfigurationError: If it names a column, relationship or operator that is not there.
        """
        match condition:
            case Filter():
                return self._filter(info, condition)
            case And():
                return sa.and_(sa.true(), *(self.test(info, part) for part in condition.parts))
            case Or():
                return sa.or_(sa.false(), *(self.test(info, part) for part in condition.parts))
            case Not():
                holds = self.test(info, condition.part)
                return sa.not_(sa.func.coalesce(holds, sa.false()))
            case Search():
                return self._search(info, condition)
            case _:
                return sa.and_(condition)

    def _filter(self, info: ModelInfo, condition: Filter) -> Test:
        operator = find_operator(condition.operator)
        way, column = column_at(info, condition.field)
        owner = way[-1].target if way else info
        operand = Operand(getattr(owner.model, column.name), column, self.dialect)
        test = operator.expression(operand, condition.value)
        for hop in reversed(way):
            test = self._over(hop, test, fits_null=operator.fits_null(condition.value))
        return test

    def _over(self, hop: Hop, test: Test, *, fits_null: bool) -> Test:
        """Say that a related row fits: by EXISTS, so that rows never multiply."""
        relationship: Any = getattr(hop.source.model, hop.name)
        there = self.scope(hop.target)
        related = relationship.any if hop.to_many else relationship.has
        fits: Test = related(sa.and_(test, *there))
        if hop.to_many or not fits_null:
            return fits
        return sa.or_(fits, sa.not_(relationship.has(sa.and_(sa.true(), *there))))

    def _search(self, info: ModelInfo, condition: Search) -> Test:
        if not isinstance(condition.fields, tuple):
            return condition.fields.matches(info.model, condition.text)
        every = (self._anywhere(info, condition.fields, term) for term in terms(condition.text))
        return sa.and_(sa.true(), *every)

    def _anywhere(self, info: ModelInfo, fields: tuple[str, ...], term: str) -> Test:
        found = (self.test(info, Filter(path, "icontains", term)) for path in fields)
        return sa.or_(sa.false(), *found)


def walk(conditions: Iterable[Where]) -> Iterator[Where]:
    """Give all conditions, and those that they are made of."""
    for condition in conditions:
        yield condition
        if isinstance(condition, And | Or):
            yield from walk(condition.parts)
        elif isinstance(condition, Not):
            yield from walk([condition.part])


def needs_lower(where: Iterable[Where], scopes: Scopes) -> bool:
    """Tell whether text is compared in any case that SQLite's own LOWER would not fold."""
    conditions = [*where, *(each for scope in scopes.values() for each in scope)]
    texts = (
        each.text if isinstance(each, Search) else getattr(each, "value", None)
        for each in walk(conditions)
        if isinstance(each, Filter | Search)
    )
    return any(isinstance(text, str) and not text.isascii() for text in texts)

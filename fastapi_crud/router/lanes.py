"""Which requests take the short way to rows: those where no rule of the developer's has a part.

The meaning is what a service does in a session; the short way gives the same answers. It is left
out wherever something is there that only a session honours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from fastapi_crud.columns import ModelInfo
from fastapi_crud.database import AsyncSession, Database
from fastapi_crud.lane import Lane
from fastapi_crud.operations import Operation
from fastapi_crud.options import CrudOptions
from fastapi_crud.query.conditions import Translator
from fastapi_crud.query.loading import View, attributes_of
from fastapi_crud.router.views import shows_plainly
from fastapi_crud.service import Service
from fastapi_crud.unit_of_work import reads_plainly, writes_plainly

Change = Literal["create", "update", "delete"]

WAYS: Mapping[Operation, Change | None] = MappingProxyType(
    {
        "list": None,
        "search": None,
        "get": None,
        "create": "create",
        "update": "update",
        "replace": "update",
        "delete": "delete",
    }
)
"""Operation that may take the short way → what it does to a row."""

Known = tuple[object, Mapping[Operation, Lane]]
"""The short ways on an engine: tests give a database another one."""


@dataclass(frozen=True, eq=False)
class Lanes:
    """Knows the short way of one resource, for each database.

    Args:
        info: The model.
        options: What the developer said.
        service: The class that does the work.
        read: The schema of one row.
        view: What every caller sees.
    """

    info: ModelInfo
    options: CrudOptions
    service: type[Service[Any, Any, Any]]
    read: type[BaseModel]
    view: View
    _lanes: WeakKeyDictionary[Database, Known] = field(
        default_factory=WeakKeyDictionary[Database, Known]
    )

    def find(self, operation: Operation, database: Database) -> Lane | None:
        """Give the short way, where an operation needs no session at this moment."""
        return self._find(operation, database) if operation in self._plain else None

    @cached_property
    def _plain(self) -> frozenset[Operation]:
        return frozenset(operation for operation in WAYS if self.service.is_plain(operation))

    def within(
        self, operation: Operation, database: Database, session: AsyncSession
    ) -> Lane | None:
        """Give the short way in a session, where its rules see no row of an operation."""
        lane = self._find(operation, database)
        return None if lane is None else lane.within(session)

    def _find(self, operation: Operation, database: Database) -> Lane | None:
        if not database.plain:
            return None
        known = self._lanes.get(database)
        if known is None or known[0] is not database.engine:
            known = self._lanes[database] = (database.engine, self._open(database))
        return known[1].get(operation)

    def _open(self, database: Database) -> Mapping[Operation, Lane]:
        names = [*dict.fromkeys([*attributes_of(self.read), *self.info.key_names])]
        if not shows_plainly(self.read) or not reads_plainly(self.info, names):
            return {}
        lane = Lane(self.info, names, database.engine, self.view)
        return {
            operation: lane
            for operation in WAYS
            if self.service.only_prepares(operation) and self._writes_plainly(operation, database)
        }

    def _writes_plainly(self, operation: Operation, database: Database) -> bool:
        change = WAYS[operation]
        if change is None:
            return True
        said = self.options
        if said.announced or said.nested or said.links or (operation == "replace" and said.upsert):
            return False
        if operation == "create" and said.idempotency:
            return False
        dialect = database.engine.dialect
        marked = Translator(dialect.name, deletions=self.view.deletions).deletion(self.info)
        if change == "delete" and marked is not None:
            change = "update"
        return writes_plainly(self.info, attributes_of(self.read), change, dialect)

"""How many rows the planner expects."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Database
from fastapi_crud.query.estimates import Explain, estimated_rows
from tests.models import Note
from tests.strategies import DIALECTS

MAPPER = Note.__mapper__
STATEMENT = sa.select(Note.id).where(Note.title != "a")
PLAN = [{"Plan": {"Node Type": "Seq Scan", "Plan Rows": 1234}}]


class Planner:
    """The session of a driver that gives plans in its own way."""

    def __init__(self, plan: object) -> None:
        self.plan = plan
        self.asked: list[Any] = []

    def get_bind(self, mapper: object) -> Any:
        assert mapper is MAPPER
        return SimpleNamespace(dialect=DIALECTS["postgresql"])

    async def scalar(self, statement: Any, *, bind_arguments: dict[str, Any]) -> object:
        assert bind_arguments == {"mapper": MAPPER}
        self.asked.append(statement)
        return self.plan


def test_a_plan_is_asked_for() -> None:
    """Is the statement explained with its values, and not run?"""
    compiled = Explain(STATEMENT).compile(dialect=DIALECTS["postgresql"])
    assert " ".join(str(compiled).split()).startswith(
        "EXPLAIN (FORMAT JSON) SELECT notes.id FROM notes WHERE notes.title != %(title_1)s"
    )
    assert compiled.params == {"title_1": "a"}


@pytest.mark.parametrize("plan", [PLAN, json.dumps(PLAN)], ids=["parsed", "text"])
async def test_the_figure_of_a_plan(plan: object) -> None:
    """Is the figure found, whether the driver parses JSON or not?"""
    planner = Planner(plan)
    assert await estimated_rows(cast("AsyncSession", planner), STATEMENT, MAPPER) == 1234
    assert [it.statement for it in planner.asked] == [STATEMENT]


async def test_other_databases_tell_none(sqlite: Database) -> None:
    """Is no estimate asked for where the planner gives none?"""
    async with AsyncSession(sqlite.engine) as session:
        assert await estimated_rows(session, STATEMENT, MAPPER) == 0


async def test_a_planner_expects_rows(db: Database) -> None:
    """Does PostgreSQL give a figure, for a statement with values, and no other database one?"""
    async with db.session() as session:
        session.add_all(Note(title=str(n)) for n in range(50))
    async with AsyncSession(db.engine) as session:
        figure = await estimated_rows(session, STATEMENT, MAPPER)
    assert (figure > 0) == (db.engine.dialect.name == "postgresql")

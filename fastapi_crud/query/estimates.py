"""How many rows the database's planner expects: a figure that costs no counting."""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement


class Explain(Executable, ClauseElement):
    """The plan of a statement as JSON, without running it."""

    inherit_cache: bool | None = False

    def __init__(self, statement: sa.Select[Any]) -> None:
        self.statement = statement


@compiles(Explain, "postgresql")
def _explain(element: Explain, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


async def estimated_rows(
    session: AsyncSession, statement: sa.Select[Any], mapper: Mapper[Any]
) -> int:
    """Ask the planner of PostgreSQL how many rows a statement gives.

    Args:
        session: The session to ask through.
        statement: The statement; it is not run.
        mapper: Whose database it is for.

    Returns:
        Its figure; 0 on databases whose planner tells none.
    """
    if session.get_bind(mapper).dialect.name != "postgresql":
        return 0
    plan: Any = await session.scalar(Explain(statement), bind_arguments={"mapper": mapper})
    parsed = json.loads(plan) if isinstance(plan, str) else plan
    return int(parsed[0]["Plan"]["Plan Rows"])

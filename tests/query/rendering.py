"""SQL as text, to compare with."""

from typing import Any

from tests.strategies import DIALECTS


def sql(clause: Any, dialect: str = "sqlite") -> str:
    """A statement or a part of one with its values, on one line."""
    compiled = clause.compile(
        dialect=DIALECTS.get(dialect, DIALECTS["mysql"]), compile_kwargs={"literal_binds": True}
    )
    text = str(compiled) if dialect == "sqlite" else str(compiled).replace("%%", "%")
    return " ".join(text.split())


def tail(statement: Any, dialect: str = "sqlite") -> str:
    """A statement as text, without what it selects."""
    return sql(statement, dialect).partition(" FROM ")[2]

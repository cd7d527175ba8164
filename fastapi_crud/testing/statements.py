"""Counts the statements that go to a database."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from fastapi_crud.database import Database

UNSEEN = "BEGIN IMMEDIATE"
"""How transactions begin on SQLite; other drivers do so unseen."""


class Statements(list[str]):
    """The statements that went to a database, as SQL, in their order: `len(statements) == 1`."""

    @property
    def verbs(self) -> list[str]:
        """The first word of each, such as `SELECT`."""
        return [text.split()[0].upper() for text in self]


@contextmanager
def count_statements(database: Database) -> Generator[Statements]:
    """Collect the statements that go to a database within the block.

    What begins and ends transactions is not counted.

    Args:
        database: The database.
    """
    statements, engine = Statements(), database.engine.sync_engine

    def note(_: Any, __: Any, text: str, *___: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        if text != UNSEEN:
            statements.append(text)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)

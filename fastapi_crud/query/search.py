"""What `search=` means: words and phrases; and full-text indexes to look them up in."""

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement


def terms(text: str) -> list[str]:
    """Split what a person types: words, and phrases in quotes.

    Args:
        text: Such as `blue "soft cotton" shirt`.
    """
    found = re.findall(r'"([^"]*)"|(\S+)', text)
    words = (phrase.strip() or word.replace('"', "") for phrase, word in found)
    return [word for word in words if word]


@dataclass(frozen=True)
class PostgreSQLFullText:
    """A `tsvector` column of PostgreSQL: `search=PostgreSQLFullText("search_vector")`.

    The client's text is read by `websearch_to_tsquery`, which takes any input: words are ANDed,
    and quotes, `or` and `-` mean what they do on the web. Index the column with GIN.

    Args:
        column: The column that holds the `tsvector`; it need not be mapped.
        config: The text search configuration that it was made with.
    """

    column: str
    config: str = "simple"

    def matches(self, model: type[Any], text: str) -> ColumnElement[bool]:
        """Say that the row's vector matches."""
        if not terms(text):
            return sa.true()
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - loaded where it is used

        query = sa.func.websearch_to_tsquery(sa.cast(self.config, postgresql.REGCONFIG), text)
        vector: Any = getattr(model, self.column, sa.column(self.column, sa.Text()))
        found: ColumnElement[bool] = vector.op("@@", is_comparison=True)(query)
        return found


@dataclass(frozen=True)
class SQLiteFullText:
    """An FTS5 table of SQLite: `search=SQLiteFullText("notes_fts")`.

    Args:
        table: The FTS5 table; its `rowid` is the model's integer primary key.
        key: The attribute of the primary key.
    """

    table: str
    key: str = "id"

    def matches(self, model: type[Any], text: str) -> ColumnElement[bool]:
        """Say that the row is among those that the index finds; words are ANDed."""
        words = terms(text)
        if not words:
            return sa.true()
        query = " ".join('"' + word.replace('"', '""') + '"' for word in words)
        index = sa.table(self.table, sa.column("rowid"), sa.column(self.table))
        found = sa.select(index.c.rowid).where(
            index.c[self.table].op("MATCH", is_comparison=True)(query)
        )
        key: Any = getattr(model, self.key)
        within: ColumnElement[bool] = key.in_(found)
        return within

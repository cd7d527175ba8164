"""Many rows, written column by column: the type of a column is looked at once for all of them."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import SchemaSerializer, to_json

from fastapi_crud.cells import Column
from fastapi_crud.router.views import written_types
from fastapi_crud.rows import Rows


class TableWriter:
    """Writes rows by the types of their columns, as `record_type` does, without checking them.

    Args:
        read: The schema of one row, without rules of the developer's.
    """

    def __init__(self, read: type[BaseModel]) -> None:
        self._read = read

    def lines(self, rows: Rows) -> bytes:
        """Write each row on a line of its own, as JSON."""
        line: list[bytes] = []
        columns: list[Sequence[bytes]] = []
        for attribute, values in rows.columns().items():
            name, serializer = self._columns[attribute]
            line += [b"%b%b:" % (b"," if line else b"{", to_json(name)), b""]
            columns.append(_texts(values, serializer))
        line.append(b"}\n")
        pieces = line * len(rows)
        for i, texts in enumerate(columns):
            pieces[2 * i + 1 :: len(line)] = texts
        return b"".join(pieces)

    def columns(self, rows: Rows) -> dict[str, Column]:
        """Give the columns, by name."""
        columns: dict[str, Column] = {}
        for attribute, values in rows.columns().items():
            name, serializer = self._columns[attribute]
            columns[name] = Column(values, serializer)
        return columns

    @cached_property
    def _columns(self) -> Mapping[str, tuple[str, SchemaSerializer]]:
        return {
            attribute: (name, TypeAdapter(list[kind]).serializer)  # type: ignore[valid-type]
            for attribute, (name, kind) in written_types(self._read).items()
        }


def _texts(values: Sequence[Any], serializer: SchemaSerializer) -> Sequence[bytes]:
    """Write each value as JSON.

    All at once, a value a line, for JSON has no line break of its own; but objects and arrays
    take several lines then, and are written otherwise on them.
    """
    if not isinstance(values[0], dict | list):
        content = Column(values, serializer).json()
        if content.count(b"\n") == len(values) + 1:
            return content[2:-2].split(b",\n")
    write = serializer.to_json
    return [write([it], by_alias=True, warnings=False)[1:-1] for it in values]

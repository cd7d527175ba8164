"""A kind of values: how those of one column type are read, written and spelled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True, eq=False)
class Kind:
    """How values of one column type are read, written and spelled.

    Columns of one type share their kind, and with it all that is made from it.

    Args:
        name: The kind's name, such as `integer`.
        python: The Python type that the database layer gives and takes.
        read: The type in answers: no bounds, for old rows must not fail.
        write: The type in bodies: with every bound of the column.
        from_text: Turns text (a path or query value) into what `write` accepts.
        bare: The type in filters: the bounds of the column, without the rules that an
            annotation adds for new rows; `write` unless given.
        sure: Whether pydantic is known to describe it, so that nobody has to try.
    """

    name: str
    python: Any
    read: Any
    write: Any
    from_text: Callable[[str], Any] = str
    bare: Any = None
    sure: bool = False

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Checks one value against the column."""
        return TypeAdapter(self.write)

    @cached_property
    def comparable(self) -> TypeAdapter[Any]:
        """Checks one value that the column is compared with."""
        return self.adapter if self.bare is None else TypeAdapter(self.bare)

    @cached_property
    def reader(self) -> TypeAdapter[Any]:
        """Writes one value as answers show it."""
        return TypeAdapter(self.read)

    @cached_property
    def written_schema(self) -> Mapping[str, Any]:
        """Describes the values in bodies, in JSON schema."""
        return self.adapter.json_schema()

    @cached_property
    def compared_schema(self) -> Mapping[str, Any]:
        """Describes the values to compare with, in JSON schema."""
        return self.written_schema if self.bare is None else self.comparable.json_schema()

"""Rows as a database gives them: records where one is looked at, columns where many are written."""

from collections.abc import Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, overload

from typing_extensions import override

from fastapi_crud.plan import Processor, Row
from fastapi_crud.values import assume_utc


class Record(dict[str, Any]):
    """The columns of a row, by attribute name: read like an instance of the model."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any value of a column
        """Give a column."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def records_of(names: Sequence[str], rows: Sequence[Row], zoneless: frozenset[str]) -> list[Record]:
    """Make records of rows.

    Args:
        names: The attributes that the first columns are; what follows is left out.
        rows: Their values.
        zoneless: Attributes whose values are in UTC, though they may not say so.
    """
    records = [*map(Record, map(zip, repeat(names), rows))]
    for name in zoneless.intersection(names) if zoneless else ():
        for record in records:
            record[name] = assume_utc(record[name])
    return records


class Rows(Sequence[Record]):
    """Rows of the same columns: a sequence of records, which are made once one is looked at.

    Args:
        names: The attributes that the first columns are; what follows is left out.
        rows: Their values.
        zoneless: Attributes whose values are in UTC, though they may not say so.
        processors: What makes values of what the driver gave, by column; None where it stays.
    """

    def __init__(
        self,
        names: Sequence[str],
        rows: Sequence[Row],
        zoneless: frozenset[str],
        processors: Sequence[Processor | None] = (),
    ) -> None:
        self._names, self._rows, self._processors = names, rows, processors
        self._zoneless = zoneless.intersection(names)

    @cached_property
    def records(self) -> list[Record]:
        """The rows, one by one."""
        columns = self.columns()
        return records_of([*columns], [*zip(*columns.values(), strict=True)], frozenset())

    def columns(self) -> dict[str, Sequence[Any]]:
        """Give the values of each attribute, by its name."""
        columns: dict[str, Sequence[Any]]
        columns = dict(zip(self._names, zip(*self._rows, strict=True)))  # noqa: B905 - as said
        for name, process in zip(self._names, self._processors):  # noqa: B905 - as said
            if process is not None:
                columns[name] = [*map(process, columns[name])]
        return columns | {name: [*map(assume_utc, columns[name])] for name in self._zoneless}

    @override
    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    @override
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        return self.records[index]

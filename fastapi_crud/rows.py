"""Rows as a database gives them: records where one is looked at, columns where many are written."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Any, overload

from typing_extensions import override

from fastapi_crud.plan import Processor, Row
from fastapi_crud.values import assume_utc

MAX_SHAPES = 256
"""For how many lists of attributes it is remembered how their values become dictionaries."""

Dicts = list[dict[str, Any]]


class Record(dict[str, Any]):
    """The columns of a row, by attribute name: read like an instance of the model."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any value of a column
        """Give a column."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def records_of(names: Sequence[str], rows: Iterable[Row], zoneless: frozenset[str]) -> list[Record]:
    """Make records of rows; see `dicts_of`."""
    return [*map(Record, dicts_of(names, rows, zoneless))]


def dicts_of(names: Sequence[str], rows: Iterable[Row], zoneless: frozenset[str]) -> Dicts:
    """Give the columns of each row, by attribute name.

    Args:
        names: The attributes that the first columns are; what follows is left out.
        rows: Their values.
        zoneless: Attributes whose values are in UTC, though they may not say so.
    """
    dicts = _display(tuple(names))(rows)
    for name in zoneless.intersection(names) if zoneless else ():
        for each in dicts:
            each[name] = assume_utc(each[name])
    return dicts


@lru_cache(MAX_SHAPES)
def _display(names: Sequence[str]) -> Callable[[Iterable[Row]], Dicts]:
    """Write out `[{"id": row[0], "title": row[1]} for row in rows]`.

    That takes half the time of pairing names and values, which is most of what we do for a row.
    """
    pairs = ", ".join(f"{name!r}: row[{i}]" for i, name in enumerate(names))
    display: Callable[[Iterable[Row]], Dicts]
    display = eval(f"lambda rows: [{{{pairs}}} for row in rows]")  # noqa: S307 - names of attributes
    return display


class Rows(Sequence[Record]):
    """Rows of the same columns: a sequence of records, which are made once one is looked at.

    Those who write all of them take `dicts` or `columns`.

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
        return [*map(Record, self.dicts())]

    def dicts(self) -> Dicts:
        """Give the values of each row, by the names of its attributes."""
        if not any(self._processors):
            return dicts_of(self._names, self._rows, self._zoneless)
        columns = self.columns()
        return dicts_of([*columns], zip(*columns.values(), strict=True), frozenset())

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
    def __getitem__(self, index: slice) -> "Rows": ...
    @override
    def __getitem__(self, index: int | slice) -> "Record | Rows":
        if isinstance(index, int):
            return self.records[index]
        return Rows(self._names, self._rows[index], self._zoneless, self._processors)

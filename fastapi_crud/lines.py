"""Files of rows, CSV or NDJSON, line by line: each checked by a schema, all mistakes noted."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, BinaryIO, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from fastapi_crud.cells import without_guard
from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.exceptions import InvalidLines, Issue
from fastapi_crud.query.loading import attribute_of

MAX_ISSUES = 100
"""How many mistakes are told at once."""
STRUCTURED = frozenset({"json", "array"})
"""Kinds of columns whose cells hold JSON."""

ABSENT = object()
"""What a row does not say."""

Read = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file, as it was found there.

    Args:
        number: Which line it begins on; the first is 1.
        data: What it says; an issue where that cannot be read.
    """

    number: int
    data: Any


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a file, checked.

    Args:
        index: Which row it is; the first is 0.
        number: Which line it begins on.
        data: What it says, by the schema of a new row.
    """

    index: int
    number: int
    data: BaseModel


@dataclass
class Mistakes:
    """What is wrong with the lines of a file: the first hundred mistakes, and how many more lines.

    Args:
        most: How many are kept.
    """

    most: int = MAX_ISSUES
    issues: list[Issue] = field(default_factory=list[Issue])
    more: int = 0

    def note(self, index: int, number: int, issues: Iterable[Issue]) -> None:
        """Note what is wrong with a row.

        Args:
            index: Which row it is; the first is 0.
            number: Which line it begins on.
            issues: What is wrong, at places within the row.
        """
        if len(self.issues) >= self.most:
            self.more += 1
            return
        told = [Issue(it.type, ("body", index, *it.loc), it.msg, number) for it in issues]
        self.issues += told[: self.most - len(self.issues)]

    def check(self) -> None:
        """Refuse the file if anything was noted.

        Raises:
            InvalidLines: With what is wrong.
        """
        if not self.issues:
            return
        told = [*self.issues]
        if self.more:
            message = f"{self.more} more lines are invalid"
            told.append(Issue("more_invalid_lines", ("body",), message))
        raise InvalidLines(issues=told)


def read_ndjson(file: BinaryIO) -> Iterator[Line]:
    """Read a file that has a JSON object on each line; empty lines are passed over."""
    for number, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            yield Line(number, from_json(text))
        except ValueError:
            yield Line(number, Issue("json_invalid", (), "Not valid JSON"))


def read_csv(
    file: BinaryIO, schema: type[BaseModel], info: ModelInfo, *, formulas: bool = False
) -> Iterator[Line]:
    """Read a CSV file whose first line names its columns; cells are read by their column's type.

    Args:
        file: The file, in UTF-8; a byte order mark is passed over.
        schema: The schema of a new row.
        info: The model.
        formulas: Whether a `'` before what looks like a formula is part of the text.

    Raises:
        InvalidLines: If the first line names a column twice, or one that there is not.
    """
    rows = csv.reader(_texts(file), strict=True)
    read = str if formulas else without_guard
    number = 1
    try:
        names = [read(name) for name in next(rows, list[str]())]
        readers = _readers(schema, info, read)
        _check_header(names, readers)
        number = rows.line_num + 1
        for cells in rows:
            if cells:
                yield Line(number, _row(names, cells, readers))
            number = rows.line_num + 1
    except (csv.Error, UnicodeDecodeError):
        yield Line(number, Issue("csv_invalid", (), "Not valid CSV in UTF-8; not read any further"))


def _texts(file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(file):
        yield line.decode("utf-8" if number else "utf-8-sig")


def check_lines(
    lines: Iterable[Line], schema: type[BaseModel], mistakes: Mistakes
) -> Iterator[Item]:
    """Check each line by a schema; give the rows that are valid.

    Args:
        lines: The lines.
        schema: The schema of a new row.
        mistakes: Where all that is wrong is noted.
    """
    for index, line in enumerate(lines):
        if isinstance(line.data, Issue):
            mistakes.note(index, line.number, [line.data])
            continue
        try:
            yield Item(index, line.number, schema.model_validate(line.data))
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            issues = [Issue(it["type"], it["loc"], it["msg"]) for it in found]
            mistakes.note(index, line.number, issues)


def _check_header(names: Sequence[str], readers: Mapping[str, Read]) -> None:
    """Refuse a file as a whole if its first line does not name columns that can be written.

    Raises:
        InvalidLines: Naming the others.
    """
    issues = [
        Issue("unknown_column", ("body", name), "No column that can be written", 1)
        for name in names
        if name not in readers
    ]
    if len({*names}) < len(names) or not names:
        message = "The first line must name each column once"
        issues.append(Issue("header_invalid", ("body",), message, 1))
    if issues:
        raise InvalidLines(issues=issues[:MAX_ISSUES])


def _readers(schema: type[BaseModel], info: ModelInfo, plain: Read) -> Mapping[str, Read]:
    """Tell how the cells of each column are read, by the column's name in the file."""
    return {
        spec.alias or name: _reader(info.columns.get(attribute_of(name, spec)), spec, plain)
        for name, spec in schema.model_fields.items()
    }


def _reader(column: ColumnInfo | None, spec: FieldInfo, plain: Read) -> Read:
    if column is None:
        structured = _is_structured(spec.annotation)
        return _reading(from_json if structured else plain, ABSENT)
    empty = None if column.nullable else ABSENT
    if column.kind.name in STRUCTURED:
        return _reading(from_json, empty)
    python = column.kind.python
    if column.kind.name == "enum" and isinstance(python, type) and issubclass(python, Enum):
        spelled = {str(member.value): member.value for member in python}
        return _reading(lambda text: spelled.get(plain(text), plain(text)), empty)
    from_text = column.kind.from_text
    return _reading(lambda text: from_text(plain(text)), empty)


def _reading(read: Read, empty: Any) -> Read:  # noqa: ANN401 - what an empty cell means
    def read_cell(text: str) -> Any:  # noqa: ANN401 - any value
        return read(text) if text else empty

    return read_cell


def _is_structured(annotation: Any) -> bool:  # noqa: ANN401 - a type form
    """Tell whether values are lists or objects, or one of these among others."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | list | dict | set):
        return True
    kinds = (get_origin(annotation), *get_args(annotation))
    return any(_is_structured(kind) for kind in kinds if kind is not annotation)


def _row(names: list[str], cells: list[str], readers: Mapping[str, Read]) -> Any:  # noqa: ANN401
    if len(cells) != len(names):
        message = f"Must have {len(names)} cells, not {len(cells)}"
        return Issue("cells_mismatch", (), message)
    row: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=True):
        try:
            value = readers[name](cell)
        except ValueError as error:
            return Issue("value_error", (name,), str(error))
        if value is not ABSENT:
            row[name] = value
    return row

"""Cells of CSV files (RFC 4180): how values are written in them, and what spreadsheets make of text.

Text that a spreadsheet would take for a formula gets a `'` before it, and so does text that
already has one before such a text: taking one away again gives back exactly what there was.
"""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

from pydantic_core import SchemaSerializer, to_json

NUMBER = r"[-+]?[0-9]+(?:\.[0-9]+)?"
FORMULA = re.compile(rf"'*(?!{NUMBER}\Z)[=+\-@\t\r\n]")
"""What a spreadsheet takes for a formula, but for plain numbers; or such text made harmless."""
FORMULA_IN_JSON = re.compile(rf"\n\"'*(?!{NUMBER}\")[=+\-@]".encode())
"""The same on a line of JSON without escapes."""
STARTS_LIKE_ONE = re.compile(rb"\n\"['=+\-@]")
"""What can be such a line; looked for first, since it takes an eighth of the time."""
TO_QUOTE = re.compile(r"[\",\r\n]")
WRITTEN_ALIKE: frozenset[type] = frozenset((bool, int, NoneType))
"""What is no text and written in CSV as in JSON; nothing where JSON has `null`."""


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one column, to be written.

    Args:
        values: The values.
        serializer: Writes lists of them; None where they are already as JSON has them.
    """

    values: Sequence[Any]
    serializer: SchemaSerializer | None = None

    def json(self) -> bytes:
        """Write them as one array of JSON, a value a line unless it has objects or arrays."""
        if self.serializer is None:
            return to_json(self.values, indent=0)
        return self.serializer.to_json([*self.values], indent=0, by_alias=True, warnings=False)

    def plain(self) -> Sequence[Any]:
        """Give them as JSON has them."""
        if self.serializer is None:
            return self.values
        values: list[Any] = self.serializer.to_python(
            [*self.values], mode="json", by_alias=True, warnings=False
        )
        return values


def write_header(names: Iterable[str], *, formulas: bool = False) -> bytes:
    """Write the first line.

    Args:
        names: The names of the columns.
        formulas: Whether what looks like a formula stays as it is.
    """
    return b",".join(_cell(name, formulas=formulas) for name in names) + b"\r\n"


def write_columns(
    columns: Mapping[str, Column],
    names: Sequence[str],
    *,
    json: Container[str] = (),
    formulas: bool = False,
) -> bytes:
    """Write rows, given by column: whatever a column needs is found out for many rows at once.

    Args:
        columns: The columns, by name.
        names: Which of them, in order.
        json: Columns that hold any JSON: text in them keeps its quotes.
        formulas: Whether text that looks like a formula stays as it is.
    """
    written: list[Sequence[bytes]] = []
    for name in names:
        column = columns[name]
        if name in json:
            texts = ["" if it is None else to_json(it).decode() for it in column.plain()]
            written.append([_cell(text, formulas=True) for text in texts])
        else:
            written.append(_at_once(column, formulas=formulas) or _one_by_one(column, formulas))
    if len(written) == 1:
        written = [[it or b'""' for it in written[0]]]  # else the line would be empty
    return b"".join([b"%b\r\n" % line for line in map(b",".join, zip(*written, strict=True))])


def without_guard(text: str) -> str:
    """Give text as it was before it was made harmless."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def _at_once(column: Column, *, formulas: bool) -> Sequence[bytes] | None:
    """Take the cells from JSON, where CSV would have the same but for quotes and `null`."""
    content, count = column.json(), len(column.values)
    if b"\\" in content or content.count(b"\n") != count + 1:
        return None
    if b"\nnull" in content:
        count -= content.count(b"\nnull")
        if count != sum(it is not None for it in column.values):
            return None
        content = content.replace(b"\nnull", b"\n")
    commas = content.count(b",") >= len(column.values)
    if b'"' not in content:
        return _lines(content) if {*map(type, column.values)} <= WRITTEN_ALIKE else None
    if content.count(b'"') != 2 * count or not (formulas or _is_harmless(content)):
        return None
    texts = _lines(content.replace(b'"', b""))
    return [b'"%b"' % it if b"," in it else it for it in texts] if commas else texts


def _is_harmless(content: bytes) -> bool:
    return not (STARTS_LIKE_ONE.search(content) and FORMULA_IN_JSON.search(content))


def _lines(content: bytes) -> Sequence[bytes]:
    return content[2:-2].split(b",\n")


def _one_by_one(column: Column, formulas: bool) -> Sequence[bytes]:
    cells: list[bytes] = []
    for it in column.plain():
        if isinstance(it, str):
            cells.append(_cell(it, formulas=formulas))
        elif isinstance(it, bool | dict | list):
            cells.append(_cell(to_json(it).decode(), formulas=True))
        else:
            cells.append(b"" if it is None else str(it).encode())
    return cells


def _cell(text: str, *, formulas: bool) -> bytes:
    if not formulas and FORMULA.match(text):
        text = f"'{text}"
    if TO_QUOTE.search(text):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()

"""Cells of CSV files (RFC 4180): how values are written in them, and what spreadsheets make of text.

Text that a spreadsheet would take for a formula gets a `'` before it, and so does text that
already has one before such a text: taking one away again gives back exactly what there was.
"""

import csv
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from pydantic_core import to_json

STARTERS = frozenset("=+-@\t\r\n'")
"""What text may begin with that has to be looked at."""
FORMULA = re.compile(r"'*(?![-+]?[0-9]+(?:\.[0-9]+)?\Z)[=+\-@\t\r\n]")
"""What a spreadsheet takes for a formula, but for plain numbers; or such text made harmless."""
TRUTH = {True: "true", False: "false"}


def write_header(names: Iterable[str], *, formulas: bool = False) -> bytes:
    """Write the first line.

    Args:
        names: The names of the columns.
        formulas: Whether what looks like a formula stays as it is.
    """
    return _written([names if formulas else _harmless([*names])])


def write_columns(
    columns: Mapping[str, Sequence[Any]],
    names: Sequence[str],
    *,
    json: Container[str] = (),
    formulas: bool = False,
) -> bytes:
    """Write rows, given by column: whatever a column needs is found out for many rows at once.

    Args:
        columns: Values as JSON has them, by name.
        names: The columns, in order.
        json: Columns that hold any JSON: text in them keeps its quotes.
        formulas: Whether text that looks like a formula stays as it is.
    """
    written: list[Sequence[Any]] = []
    for name in names:
        values = columns[name]
        if name in json:
            values = [it if it is None else to_json(it).decode() for it in values]
        written.append(_texts(values, formulas=formulas or name in json))
    return _written(zip(*written, strict=True))


def without_guard(text: str) -> str:
    """Give text as it was before it was made harmless."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def _texts(values: Sequence[Any], *, formulas: bool) -> Sequence[Any]:
    kinds = {*map(type, values)}
    if bool in kinds:
        values = [TRUTH[it] if isinstance(it, bool) else it for it in values]
    if kinds & {dict, list}:
        values = [to_json(it).decode() if isinstance(it, dict | list) else it for it in values]
    return values if formulas or str not in kinds else _harmless(values)


def _harmless(values: Sequence[Any]) -> Sequence[Any]:
    if STARTERS.isdisjoint({it[:1] for it in values if isinstance(it, str)}):
        return values
    return [f"'{it}" if isinstance(it, str) and FORMULA.match(it) else it for it in values]


def _written(rows: Iterable[Iterable[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()

"""The formats of files: how rows are written as CSV and as NDJSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fastapi_crud.cells import write_columns, write_header
from fastapi_crud.router.responses import JSON, RowWriter
from fastapi_crud.router.views import Selection

CSV = "text/csv"
NDJSON = "application/x-ndjson"
OFFERED = (JSON, CSV, NDJSON)
"""What a list can be had as; the first unless the client says otherwise."""


@dataclass(frozen=True, slots=True)
class Format:
    """How rows are written to a file.

    Args:
        content_type: What it says of itself.
        suffix: What its name ends in.
        head: Writes what comes before the rows.
        part: Writes some rows.
    """

    content_type: str
    suffix: str
    head: Callable[[RowWriter, Selection, bool], bytes]
    part: Callable[[RowWriter, Sequence[Any], Selection, bool], bytes]


def _csv_head(writer: RowWriter, selection: Selection, formulas: bool) -> bytes:
    return write_header(writer.names(selection), formulas=formulas)


def _csv_part(
    writer: RowWriter, rows: Sequence[Any], selection: Selection, formulas: bool
) -> bytes:
    names, columns = writer.names(selection), writer.columns(rows, selection)
    return write_columns(columns, names, json=writer.json_names, formulas=formulas)


def _no_head(writer: RowWriter, selection: Selection, formulas: bool) -> bytes:
    del writer, selection, formulas
    return b""


def _ndjson_part(
    writer: RowWriter, rows: Sequence[Any], selection: Selection, formulas: bool
) -> bytes:
    del formulas
    return writer.lines(rows, selection)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        CSV: Format(f"{CSV}; charset=utf-8; header=present", "csv", _csv_head, _csv_part),
        NDJSON: Format(NDJSON, "ndjson", _no_head, _ndjson_part),
    }
)
"""Media type → how its files are written. ADD A FORMAT HERE."""

"""Cursors: the sort values of a row, typed, bound to what was asked, signed where there is a secret.

A cursor is base64url of `{"v": 1, "q": what was asked, "b": backward, "k": values}`, and of a
signature before it. It is no permission: the row scope holds for every page.
"""

import base64
import hashlib
import hmac
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from uuid import UUID

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import InvalidQuery, Issue
from fastapi_crud.query.clauses import Query
from fastapi_crud.query.formatting import canonical
from fastapi_crud.query.ordering import SortKey
from fastapi_crud.values import check_text

VERSION = 1
SIGNATURE_BYTES = 16
FINGERPRINT_BYTES = 9
MAX_INTEGER = 2**63
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows.

    Args:
        values: The sort values of the row beside it; None at the end of the list.
        backward: Whether the page lies before it.
    """

    values: tuple[Any, ...] | None = None
    backward: bool = False


def fingerprint(info: ModelInfo, query: Query) -> str:
    """Tell two questions apart: cursors of one are not for the other."""
    asked = [
        info.name,
        [str(order) for order in query.order_by],
        [canonical(condition, info) for condition in query.where],
        *([] if query.deleted == "exclude" else [query.deleted]),
    ]
    digest = hashlib.sha256(json.dumps(asked).encode()).digest()
    return base64.urlsafe_b64encode(digest[:FINGERPRINT_BYTES]).decode()


def encode_cursor(
    cursor: Cursor, keys: Sequence[SortKey], asked: str, secret: str | None = None
) -> str:
    """Write a cursor.

    Args:
        cursor: The place.
        keys: What the rows are sorted by.
        asked: The fingerprint of the query.
        secret: Signs it, so that nobody else can make one.
    """
    values = None
    if cursor.values is not None:
        pairs = zip(keys, cursor.values, strict=True)
        values = [None if value is None else WRITERS[key.kind](value) for key, value in pairs]
    content = {"v": VERSION, "q": asked, "b": int(cursor.backward), "k": values}
    payload = json.dumps(content, separators=(",", ":")).encode()
    return _text_of(_signature(payload, secret) + payload)


def decode_cursor(
    text: str, keys: Sequence[SortKey], asked: str, secret: str | None = None
) -> Cursor:
    """Read a cursor; the empty text is the beginning.

    Args:
        text: As it was given out.
        keys: What the rows are sorted by.
        asked: The fingerprint of the query.
        secret: What it was signed with.

    Raises:
        InvalidQuery: If it was not given out for this query.
    """
    if not text:
        return Cursor()
    try:
        return _decode(text, keys, asked, secret)
    except (ValueError, TypeError, KeyError, OverflowError, InvalidOperation, RecursionError):
        raise invalid_cursor() from None


def invalid_cursor() -> InvalidQuery:
    """Say that a cursor was not given out for this query."""
    message = "Not a cursor of this list, sort order and filters"
    return InvalidQuery([Issue("invalid_cursor", ("query", "cursor"), message)])


def _decode(text: str, keys: Sequence[SortKey], asked: str, secret: str | None) -> Cursor:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    _require(_text_of(raw) == text)  # one text for each cursor
    size = 0 if secret is None else SIGNATURE_BYTES
    signature, payload = raw[:size], raw[size:]
    _require(hmac.compare_digest(signature, _signature(payload, secret)))
    content = json.loads(payload)
    _require(content["v"] == VERSION and content["q"] == asked and content["b"] in {0, 1})
    backward = bool(content["b"])
    if content["k"] is None:
        return Cursor(None, backward)
    values = [
        _read(key, value) for key, value in zip(keys, cast("list[Any]", content["k"]), strict=True)
    ]
    return Cursor(tuple(values), backward)


def _text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(key: SortKey, value: Any) -> Any:  # noqa: ANN401 - JSON in, a value out
    if value is None:
        _require(key.nullable)
        return None
    if key.kind == "uuid":
        _require(isinstance(value, str))
        return str(UUID(value)) if key.column.kind.python is str else UUID(value)
    return READERS[key.kind](value)


def _signature(payload: bytes, secret: str | None) -> bytes:
    if secret is None:
        return b""
    key = b"fastapi_crud.cursor:" + secret.encode()
    return hmac.new(key, payload, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _require(holds: object) -> None:
    if not holds:
        raise ValueError


def _integer(value: Any) -> int:  # noqa: ANN401 - JSON
    _require(type(value) is int and -MAX_INTEGER <= value < MAX_INTEGER)
    return cast("int", value)


def _boolean(value: Any) -> bool:  # noqa: ANN401 - JSON
    _require(isinstance(value, bool))
    return cast("bool", value)


def _float(value: Any) -> float:  # noqa: ANN401 - JSON
    _require(isinstance(value, float) and math.isfinite(value))
    return cast("float", value)


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - JSON
    number = Decimal(value)
    _require(isinstance(value, str) and number.is_finite())
    return number


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    _require(isinstance(value, str))
    return check_text(value)


def _aware(value: Any) -> datetime:  # noqa: ANN401 - JSON
    return datetime.fromisoformat(value).astimezone(UTC)


def _local(value: Any) -> datetime:  # noqa: ANN401 - JSON
    moment = datetime.fromisoformat(value)
    _require(moment.tzinfo is None)
    return moment


def _local_time(value: Any) -> time:  # noqa: ANN401 - JSON
    clock = time.fromisoformat(value)
    _require(clock.tzinfo is None)
    return clock


def _write_moment(value: datetime) -> str:
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value).isoformat()


WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "boolean": bool,
    "date": date.isoformat,
    "datetime": _write_moment,
    "decimal": str,
    "float": float,
    "integer": int,
    "interval": lambda value: value // MICROSECOND,
    "local_datetime": datetime.isoformat,
    "local_time": time.isoformat,
    "text": str,
    "time": time.isoformat,
    "uuid": str,
}
"""Kind of a sort value → how it is written in a cursor, to the last digit."""

READERS: Mapping[str, Callable[[Any], Any]] = {
    "boolean": _boolean,
    "date": date.fromisoformat,
    "datetime": _aware,
    "decimal": _decimal,
    "float": _float,
    "integer": _integer,
    "interval": lambda value: _integer(value) * MICROSECOND,
    "local_datetime": _local,
    "local_time": _local_time,
    "text": _text,
    "time": time.fromisoformat,
}
"""Kind of a sort value → how it is read again; anything else is refused."""

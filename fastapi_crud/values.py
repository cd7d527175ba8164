"""Single values: what is refused, and how text, JSON and Python stand for each other.

Each check takes a value and returns it, as it is to be stored, or raises ValueError.
"""

import base64
import binascii
import math
import re
from datetime import UTC, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

MAX_INTERVAL = timedelta(days=350_000)
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,30}")
"""Databases without INTERVAL keep it as a date counted from 1970."""
MAX_JSON_DEPTH = 64
MAX_PRECISION = 1000
"""Digits to calculate with: more than any column keeps."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)

_SECONDS = r"\d{1,9}(\.\d{1,6})?S"
_CLOCK = rf"T(\d{{1,9}}H(\d{{1,9}}M)?({_SECONDS})?|\d{{1,9}}M({_SECONDS})?|{_SECONDS})"
DURATION_PATTERN = rf"^-?P(\d{{1,6}}D({_CLOCK})?|{_CLOCK})$"
"""Durations of fixed length: ISO 8601 without years, months and weeks."""


class Shown:
    """Adds to the JSON schema of a type, whatever else is said about the type.

    Args:
        extra: The keys to add.
    """

    def __init__(self, extra: dict[str, Any]) -> None:
        self.extra = extra

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add the keys to what pydantic says."""
        return {**handler(core_schema), **self.extra}


def check_text(value: str) -> str:
    """Refuse what databases cannot store: NUL, and halves of surrogate pairs."""
    if "\x00" in value:
        msg = "must not contain NUL"
        raise ValueError(msg)
    try:
        value.encode()
    except UnicodeEncodeError:
        msg = "must not contain lone surrogates"
        raise ValueError(msg) from None
    return value


def check_json(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Refuse what JSON columns cannot store: NaN, NUL, lone surrogates, bottomless nesting."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                check_text(item)
            elif isinstance(item, float) and not math.isfinite(item):
                msg = "numbers must be finite"
                raise ValueError(msg)
            elif isinstance(item, dict):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list | tuple):
                below += item
        if not below:
            return value
        level = below
    msg = f"must not be nested deeper than {MAX_JSON_DEPTH} levels"
    raise ValueError(msg)


def check_path_segment(value: str) -> str:
    """Refuse keys that no URL could name: empty, dots, or holding a slash."""
    if "/" in value or value in {"", ".", ".."}:
        msg = "must be usable in a path: not empty, not dots, without '/'"
        raise ValueError(msg)
    return value


def refuse_numbers(value: Any) -> Any:  # noqa: ANN401 - before validation, anything
    """Dates and durations are text in JSON; a bare number would be read as seconds since 1970."""
    if isinstance(value, bool | int | float) or (
        isinstance(value, str) and re.fullmatch(r"\s*[-+]?[\d_.]+\s*", value)
    ):
        msg = "must be ISO 8601 text, not a number"
        raise ValueError(msg)
    return value


def require_time_of_day(value: Any) -> Any:  # noqa: ANN401 - before validation, anything
    """A point in time has a time of day: pydantic would read a bare date as midnight."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", value):
        msg = "must be an ISO 8601 date and time"
        raise ValueError(msg)
    return value


def to_utc(value: datetime) -> datetime:
    """Bring an aware datetime to UTC."""
    if value.tzinfo is None:
        msg = "must have a time zone offset"
        raise ValueError(msg)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        msg = "must lie between the years 1 and 9999 in UTC"
        raise ValueError(msg) from None


def to_utc_time(value: time) -> time:
    """Bring an aware time of day to UTC."""
    if value.tzinfo is None:
        msg = "must have a time zone offset"
        raise ValueError(msg)
    noon = datetime(2000, 1, 2, tzinfo=value.tzinfo)
    return datetime.combine(noon, value).astimezone(UTC).timetz()


def refuse_offset(value: Any) -> Any:  # noqa: ANN401 - datetime or time
    """The column keeps no time zone, so an offset would be lost."""
    if value.tzinfo is not None:
        msg = "must not have a time zone offset"
        raise ValueError(msg)
    return value


def assume_utc(value: Any) -> Any:  # noqa: ANN401 - datetime or time
    """Read a naive value of a zoned column as UTC: SQLite and MySQL drop the offset."""
    if isinstance(value, datetime):
        # adding to an aware datetime gives what `replace` does, in a tenth of the time
        return EPOCH + (value - NAIVE_EPOCH) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, time) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def to_decimal_places(value: Decimal, places: int) -> Decimal:
    """Write a decimal with as many places as its column has; negative zero becomes zero."""
    exact = Context(prec=MAX_PRECISION)
    return exact.add(value.quantize(Decimal(1).scaleb(-places), context=exact), Decimal(0))


def write_decimal(value: Decimal) -> str:
    """Write a decimal without an exponent."""
    text = str(value)  # takes a third of the time, and differs where there is an exponent
    return text if "E" not in text else format(value, "f")


def require_duration(value: Any) -> Any:  # noqa: ANN401 - before validation, anything
    """Read days, hours, minutes and seconds; a year or a month has no fixed length."""
    if isinstance(value, str) and not re.fullmatch(DURATION_PATTERN, value, re.ASCII):
        msg = "must be an ISO 8601 duration in days, hours, minutes and seconds"
        raise ValueError(msg)
    return value


def write_duration(value: timedelta) -> str:
    """Write a duration as ISO 8601: `-P1DT2H3M4.5S`."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    parts = ((hours, "H"), (minutes, "M"))
    clock = "".join(f"{number}{unit}" for number, unit in parts if number)
    if seconds or fraction or not (clock or value.days):
        clock += f"{seconds}{fraction}S"
    days = f"{value.days}D" if value.days else ""
    return f"{sign}P{days}{'T' if clock else ''}{clock}"


def within_interval(value: timedelta) -> timedelta:
    """Keep a duration within what every database can hold."""
    if abs(value) > MAX_INTERVAL:
        msg = f"must be at most {MAX_INTERVAL.days} days"
        raise ValueError(msg)
    return value


def decode_base64(value: Any) -> Any:  # noqa: ANN401 - before validation, anything
    """Read bytes from base64 (RFC 4648 §4)."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        msg = "must be base64"
        raise ValueError(msg) from None


def encode_base64(value: bytes) -> str:
    """Write bytes as base64 (RFC 4648 §4)."""
    return base64.b64encode(value).decode()


def canonical_uuid(value: str | UUID) -> str:
    """Write a UUID the way the column stores it."""
    return str(UUID(str(value)))


# Text to value. A path or query value is text; these read it strictly.


def integer_from_text(text: str) -> int:
    """Read a canonical decimal integer: no spaces, underscores, plus sign or leading zeros."""
    if not INTEGER.fullmatch(text):
        msg = "must be an integer"
        raise ValueError(msg)
    return int(text)


def float_from_text(text: str) -> float:
    """Read a decimal number."""
    if not re.fullmatch(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][-+]?[0-9]{1,4})?", text):
        msg = "must be a number"
        raise ValueError(msg)
    return float(text)


def boolean_from_text(text: str) -> bool:
    """Read `true` or `false`."""
    if text not in {"true", "false"}:
        msg = "must be true or false"
        raise ValueError(msg)
    return text == "true"

"""What a column type looks like in JSON: one table from SQL types to checked Python types.

Bounds come from the type, so that no value a client sends can reach the driver and fail there:
integer ranges, lengths, precision, NUL and lone surrogates, NaN, naive and aware datetimes.
To support a column type, add a row to `KINDS`.
"""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)
from sqlalchemy.types import TypeEngine

from fastapi_crud.kind import Kind
from fastapi_crud.values import (
    DURATION_PATTERN,
    Shown,
    assume_utc,
    boolean_from_text,
    canonical_uuid,
    check_json,
    check_text,
    decode_base64,
    encode_base64,
    float_from_text,
    integer_from_text,
    refuse_numbers,
    refuse_offset,
    require_duration,
    require_time_of_day,
    to_decimal_places,
    to_utc,
    to_utc_time,
    within_interval,
    write_decimal,
    write_duration,
)

INTEGER_BITS = ((sa.SmallInteger, 16), (sa.BigInteger, 64), (sa.Integer, 32))
SINGLE_PRECISION_MAX = 3.4028234663852886e38
SINGLE_PRECISION_BITS = 24
MAX_DIGITS = 100
"""For a NUMERIC without precision: far beyond money, and a float can still hold it (SQLite)."""


# Makers: one column type in, its kind out.


def _integer(column_type: TypeEngine[Any]) -> Kind:
    bits = next(bits for base, bits in INTEGER_BITS if isinstance(column_type, base))
    bits = {"TINYINT": 8, "MEDIUMINT": 24}.get(type(column_type).__name__, bits)
    unsigned = bool(getattr(column_type, "unsigned", False))
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    shown = Shown({"format": "int64" if high >= 2**31 else "int32"})
    write = Annotated[int, Field(strict=True, ge=low, le=high), shown]
    read = Annotated[int, shown]
    return Kind("integer", int, read, write, integer_from_text)


def _boolean(_: TypeEngine[Any]) -> Kind:
    return Kind("boolean", bool, bool, Annotated[bool, Field(strict=True)], boolean_from_text)


def _float(column_type: TypeEngine[Any]) -> Kind:
    if getattr(column_type, "asdecimal", False):
        return _numeric(column_type)
    bits = getattr(column_type, "precision", None) or SINGLE_PRECISION_BITS + 1
    single = isinstance(column_type, sa.REAL) or bits <= SINGLE_PRECISION_BITS
    bounds: dict[str, Any] = (
        {"ge": -SINGLE_PRECISION_MAX, "le": SINGLE_PRECISION_MAX} if single else {}
    )
    positive = AfterValidator(lambda value: value + 0.0)  # some databases have no -0.0
    write = Annotated[float, Field(strict=True, allow_inf_nan=False, **bounds), positive]
    return Kind("float", float, float, write, float_from_text)


def _numeric(column_type: TypeEngine[Any]) -> Kind:
    if not getattr(column_type, "asdecimal", True):
        return _float(column_type)
    precision: int | None = getattr(column_type, "precision", None)
    scale: int | None = getattr(column_type, "scale", None)
    scale = None if scale is None else max(scale, 0)
    whole = max((precision or MAX_DIGITS) - (scale or 0), 0)
    fraction = MAX_DIGITS if scale is None else scale
    pattern = rf"^-?\d{{1,{max(whole, 1)}}}" + (rf"(\.\d{{1,{fraction}}})?$" if fraction else "$")

    def read_decimal(value: Any) -> Any:  # noqa: ANN401 - before validation, anything
        if isinstance(value, float) and math.isfinite(value):
            return Decimal(format(value, ".15g"))  # what a double can hold exactly
        if isinstance(value, str) and not re.fullmatch(pattern, value, re.ASCII):
            msg = "must be a decimal number"
            raise ValueError(msg)
        return value

    def to_scale(value: Decimal) -> Decimal:
        if abs(value) >= 10**whole:
            msg = f"must have at most {whole} digits before the decimal point"
            raise ValueError(msg)
        return value if scale is None else to_decimal_places(value, scale)

    shown = {"anyOf": [_number_schema(whole, scale), {"type": "string", "pattern": pattern}]}
    write = Annotated[
        Decimal,
        BeforeValidator(read_decimal),
        Field(max_digits=MAX_DIGITS * 2, decimal_places=fraction, allow_inf_nan=False),
        AfterValidator(to_scale),
        WithJsonSchema(shown),
    ]
    read = Annotated[Decimal, PlainSerializer(write_decimal, return_type=str, when_used="json")]
    return Kind("decimal", Decimal, read, write)


def _number_schema(whole: int, scale: int | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "number"}
    if whole < MAX_DIGITS:
        schema |= {"exclusiveMinimum": -(10**whole), "exclusiveMaximum": 10**whole}
    if scale is not None:
        schema["multipleOf"] = float(Decimal(1).scaleb(-scale)) if scale else 1
    return schema


def _text(column_type: TypeEngine[Any]) -> Kind:
    length = getattr(column_type, "length", None)
    bounds: dict[str, Any] = {} if length is None else {"max_length": length}
    write = Annotated[str, Field(strict=True, **bounds), AfterValidator(check_text)]
    return Kind("text", str, str, write)


def _enum(column_type: TypeEngine[Any]) -> Kind:
    enum_class: type[Enum] | None = getattr(column_type, "enum_class", None)
    python: Any = enum_class or Literal[tuple(column_type.enums)]  # type: ignore[attr-defined]
    return Kind("enum", python, python, python)


def _uuid(column_type: TypeEngine[Any]) -> Kind:
    if getattr(column_type, "as_uuid", True):
        return Kind("uuid", UUID, UUID, UUID)
    shown = WithJsonSchema({"type": "string", "format": "uuid"})
    write = Annotated[str, AfterValidator(canonical_uuid), shown]
    return Kind("uuid", str, Annotated[str, shown], write)


def _datetime(column_type: TypeEngine[Any]) -> Kind:
    text_only = BeforeValidator(require_time_of_day), BeforeValidator(refuse_numbers)
    if getattr(column_type, "timezone", False):
        read = Annotated[datetime, BeforeValidator(assume_utc)]
        return Kind(
            "datetime", datetime, read, Annotated[datetime, AfterValidator(to_utc), *text_only]
        )
    local = WithJsonSchema({"type": "string", "format": "date-time-local"})
    write = Annotated[datetime, AfterValidator(refuse_offset), *text_only, local]
    return Kind("local_datetime", datetime, Annotated[datetime, local], write)


def _date(_: TypeEngine[Any]) -> Kind:
    return Kind("date", date, date, Annotated[date, BeforeValidator(refuse_numbers)])


def _time(column_type: TypeEngine[Any]) -> Kind:
    text_only = BeforeValidator(refuse_numbers)
    if getattr(column_type, "timezone", False):
        read = Annotated[time, BeforeValidator(assume_utc)]
        return Kind("time", time, read, Annotated[time, AfterValidator(to_utc_time), text_only])
    local = WithJsonSchema({"type": "string", "format": "time-local"})
    write = Annotated[time, AfterValidator(refuse_offset), text_only, local]
    return Kind("local_time", time, Annotated[time, local], write)


def _interval(_: TypeEngine[Any]) -> Kind:
    shown = WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["P1DT2H"]})
    text_only = BeforeValidator(require_duration), BeforeValidator(refuse_numbers)
    write = Annotated[timedelta, AfterValidator(within_interval), *text_only, shown]
    read = Annotated[timedelta, PlainSerializer(write_duration, return_type=str), shown]
    return Kind("interval", timedelta, read, write)


def _binary(column_type: TypeEngine[Any]) -> Kind:
    length = getattr(column_type, "length", None)
    shown: dict[str, Any] = {"type": "string", "format": "byte"}
    bounds: dict[str, Any] = {}
    if length is not None:
        bounds = {"max_length": length}
        shown["maxLength"] = 4 * math.ceil(length / 3)
    write = Annotated[bytes, Field(**bounds), BeforeValidator(decode_base64), WithJsonSchema(shown)]
    read = Annotated[
        bytes,
        PlainSerializer(encode_base64, return_type=str),
        WithJsonSchema({"type": "string", "format": "byte"}),
    ]
    return Kind("binary", bytes, read, write)


def _json(_: TypeEngine[Any]) -> Kind:
    return Kind("json", Any, JsonValue, Annotated[JsonValue, AfterValidator(check_json)])


def _array(column_type: TypeEngine[Any]) -> Kind:
    item = kind_of(column_type.item_type)  # type: ignore[attr-defined]
    python, read, write = item.python, item.read | None, item.write
    for _ in range(getattr(column_type, "dimensions", None) or 1):
        python, read, write = list[python], list[read], list[write]  # type: ignore[valid-type]
    return Kind("array", python, read, write)


def _unknown(column_type: TypeEngine[Any]) -> Kind:
    python = column_type.python_type
    if python in {object, dict, list}:
        return _json(column_type)
    return Kind("other", python, python, python)


KINDS: tuple[tuple[type[TypeEngine[Any]], Callable[[TypeEngine[Any]], Kind]], ...] = (
    (sa.Boolean, _boolean),
    (sa.Enum, _enum),
    (sa.Uuid, _uuid),
    (sa.DateTime, _datetime),
    (sa.Date, _date),
    (sa.Time, _time),
    (sa.Interval, _interval),
    (sa.Integer, _integer),
    (sa.Float, _float),
    (sa.Numeric, _numeric),
    (sa.String, _text),
    (sa.LargeBinary, _binary),
    (sa.BINARY, _binary),
    (sa.VARBINARY, _binary),
    (sa.JSON, _json),
    (sa.ARRAY, _array),
)
"""Column type → maker of its kind; the first row that fits counts. ADD A COLUMN TYPE HERE."""
OPEN = frozenset({_enum, _array})
"""Makers that look at more than `FACTS`: each column has a kind of its own."""
FACTS = ("length", "precision", "scale", "asdecimal", "as_uuid", "timezone", "unsigned")
"""What makers ask a column type for, beside its class."""
ABSENT = object()


def kind_of(column_type: TypeEngine[Any]) -> Kind:
    """Tell how values of a column type look in JSON.

    Args:
        column_type: The type of a column; of a `TypeDecorator`, its `impl` decides.
    """
    for base, make in KINDS:
        if isinstance(column_type, base):
            return make(column_type) if make in OPEN else _shared(make, column_type)
    if column_type.__visit_name__ == "INTERVAL":  # a dialect's own
        return _shared(_interval, column_type)
    if isinstance(column_type, sa.TypeDecorator):
        return kind_of(column_type.impl_instance)
    return _unknown(column_type)


def _shared(make: Callable[[TypeEngine[Any]], Kind], column_type: TypeEngine[Any]) -> Kind:
    facts = (make, type(column_type), *(getattr(column_type, name, ABSENT) for name in FACTS))
    if facts not in _made:
        _made[facts] = replace(make(column_type), sure=True)
    return _made[facts]


_made: dict[tuple[object, ...], Kind] = {}

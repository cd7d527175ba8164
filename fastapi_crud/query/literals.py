"""Values to compare with: read from a query string or from JSON, and written again."""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from fastapi_crud.columns import ColumnInfo
from fastapi_crud.values import check_text

POINTS = frozenset({"datetime", "time"})
"""Kinds with an offset, whose `+` arrives as a space where the client did not encode it."""
CAN_HOLD_A_COMMA = frozenset({"text", "enum"})
"""Kinds for which a comma does not separate values."""

Repair = Callable[[str], str]


def value_of_text(column: ColumnInfo, text: str) -> Any:  # noqa: ANN401 - any value
    """Read a value from a query string.

    Raises:
        ValueError: Saying what it must be, never what it was.
    """
    if column.kind.name == "enum":
        return _enum_member(column, text)
    repaired = _repaired(column, text)
    return _checked(column, column.kind.from_text(repaired))


def value_of_json(column: ColumnInfo, value: Any) -> Any:  # noqa: ANN401 - JSON in, any value out
    """Read a value from a JSON body.

    Raises:
        ValueError: Saying what it must be, never what it was.
    """
    return _checked(column, _repaired(column, value) if isinstance(value, str) else value)


def text_of_value(column: ColumnInfo, value: Any) -> str:  # noqa: ANN401 - any value
    """Write a value such that `value_of_text` reads it again."""
    return column.text_of(value)


def json_of_value(column: ColumnInfo, value: Any) -> Any:  # noqa: ANN401 - any value
    """Write a value such that `value_of_json` reads it again."""
    return column.reader.dump_python(value, mode="json", warnings=False)


def flag_of_json(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Read true or false.

    Raises:
        ValueError: If it is anything else.
    """
    if not isinstance(value, bool):
        msg = "must be true or false"
        raise ValueError(msg)
    return value


def text_within(value: Any, longest: int) -> str:  # noqa: ANN401 - JSON
    """Read text of bounded length, without what databases cannot compare.

    Raises:
        ValueError: Saying what it must be.
    """
    if not isinstance(value, str):
        msg = "must be text"
        raise ValueError(msg)
    if len(value) > longest:
        msg = f"must have at most {longest} characters"
        raise ValueError(msg)
    return check_text(value)


def schema_of(column: ColumnInfo) -> dict[str, Any]:
    """Describe the values in JSON schema, complete in itself."""
    schema = column.kind.compared_schema
    if "$defs" in schema:  # a model in a JSON column: any JSON
        return {}
    return {key: value for key, value in schema.items() if key not in {"title", "description"}}


def _repaired(column: ColumnInfo, text: str) -> str:
    kind = column.kind.name
    if kind in POINTS:
        text = re.sub(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$", r"\1+\2", text)
    if kind in MIDNIGHTS and re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        text += MIDNIGHTS[kind]
    return text


MIDNIGHTS: Mapping[str, str] = {"datetime": "T00:00:00Z", "local_datetime": "T00:00:00"}
"""What a date alone means where a point in time is compared."""


def _checked(column: ColumnInfo, value: Any) -> Any:  # noqa: ANN401 - any value
    try:
        return column.comparable.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        if first["type"] == "uuid_parsing":  # whose message tells a letter of the input
            msg = "must be a UUID"
            raise ValueError(msg) from None
        raise ValueError(first["msg"].removeprefix("Value error, ")) from None


def _enum_member(column: ColumnInfo, text: str) -> Any:  # noqa: ANN401 - a member
    members = _members(column.kind.python)
    if text not in members:
        msg = f"must be one of {', '.join(members)}"
        raise ValueError(msg)
    return members[text]


@lru_cache
def _members(kind: Any) -> Mapping[str, Any]:  # noqa: ANN401 - an enum or a Literal
    if get_origin(kind) is Literal:
        return {str(value): value for value in get_args(kind)}
    members: type[Enum] = kind
    return {str(member.value): member for member in members}

"""Forms of the admin UI: what they ask for, how they show a row, and the body that they make."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from sqladmin.fields import BooleanField, TextAreaField
from wtforms import (  # type: ignore[import-untyped]
    PasswordField,  # pyright: ignore[reportMissingTypeStubs]
    SelectField,
    StringField,
)

from fastapi_crud.access import is_secret
from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.exceptions import InvalidData

BLANK = frozenset({"", None})
"""What a field has that nobody filled in."""
STRUCTURED = frozenset({"json", "array"})
"""Kinds of columns that are written as JSON."""
MAX_LINE = 255
"""Characters of a text that still is one line."""


def inputs(schema: type[BaseModel], info: ModelInfo) -> dict[str, str]:
    """Tell what a form asks for: attribute → name in the body."""
    ignored: frozenset[str] = getattr(schema, "ignored_fields", frozenset())
    names = [(name, spec.alias or name) for name, spec in schema.model_fields.items()]
    by_attribute = {
        alias if name not in info.columns and alias in info.columns else name: alias
        for name, alias in names
    }
    return {name: alias for name, alias in by_attribute.items() if name not in ignored}


def field(name: str, column: ColumnInfo | None) -> Any:  # noqa: ANN401 - of wtforms
    """Make the field of a form."""
    said: dict[str, Any] = {"name": name, "render_kw": {"class": "form-control"}}
    if is_secret(name):
        return PasswordField(**said)
    if column is None:
        return StringField(**said)
    if column.kind.name == "boolean" and not column.nullable:
        checked = column.default_value() is True
        return BooleanField(name=name, default=checked, render_kw={"class": "form-check-input"})
    schema = column.kind.written_schema
    choices = ["true", "false"] if column.kind.name == "boolean" else schema.get("enum", ())
    if choices and all(isinstance(each, str) for each in choices):
        options = [(each, each) for each in ("", *choices)]
        return SelectField(choices=options, validate_choice=False, **said)
    if column.kind.name in STRUCTURED or (column.kind.name == "text" and not _is_short(schema)):
        return TextAreaField(**said)
    return StringField(**said)


def _is_short(schema: Mapping[str, Any]) -> bool:
    most: int = schema.get("maxLength", MAX_LINE + 1)
    return most <= MAX_LINE


def text_of(column: ColumnInfo, value: Any) -> Any:  # noqa: ANN401 - any value
    """Write a value as a form shows it; a checkbox has the value itself."""
    if column.kind.name == "boolean" and not column.nullable:
        return bool(value)
    if value is None:
        return ""
    return _json(column, value) if column.kind.name in STRUCTURED else column.text_of(value)


def _json(column: ColumnInfo, value: Any) -> str:  # noqa: ANN401 - any value
    return json.dumps(column.reader.dump_python(value, mode="json"))


def plain(text: Any) -> Any:  # noqa: ANN401 - a text, or what a checkbox says
    """Give a text with the line ends that it had before a browser had it."""
    return "" if text is None else text.replace("\r\n", "\n") if isinstance(text, str) else text


def body(info: ModelInfo, schema: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    """Check what was written into a form.

    Args:
        info: The model.
        schema: The body that it makes.
        given: Field → its text, or what its checkbox says.

    Raises:
        InvalidData: If the schema refuses it. It never repeats what was written.
    """
    names = inputs(schema, info)
    columns = info.columns
    values = {names[name]: _value(name, columns.get(name), text) for name, text in given.items()}
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        wrong = [f"{_place(each)}: {_message(each)}" for each in error.errors()]
        raise InvalidData("; ".join(wrong)) from None


def _place(wrong: Mapping[str, Any]) -> str:
    return ".".join(map(str, wrong["loc"]))


def _message(wrong: Mapping[str, Any]) -> str:
    said: str = wrong["msg"]
    return said.removeprefix("Value error, ")


def _value(name: str, column: ColumnInfo | None, text: Any) -> Any:  # noqa: ANN401 - any value
    if column is None or not isinstance(text, str):
        return text
    if text == "" and column.nullable:
        return None
    try:
        return json.loads(text) if column.kind.name in STRUCTURED else column.kind.from_text(text)
    except ValueError:
        if column.kind.name not in STRUCTURED:
            return text  # the schema says what is wrong
    msg = f"{name}: must be JSON"
    raise InvalidData(msg)

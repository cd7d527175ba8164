"""FastAPI's fields of a route, such that it does not search derived schemas for others."""

from copy import copy
from dataclasses import is_dataclass
from functools import cache
from typing import Any, cast, get_args

from fastapi.utils import create_model_field
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fastapi_crud.fields import InputSchema, OutputSchema


def lighten(built: Any) -> None:  # noqa: ANN401 - a route, or what FastAPI makes of it
    """Hide derived schemas from FastAPI's search for schemas: pydantic finds them by itself.

    FastAPI makes an adapter of each field of each schema that it finds. What is hidden is only
    the type of a field; what checks and describes its values stays. One field of an answer is
    enough for all routes, since its schema has a name of its own in the document.
    """
    body, answer = built.body_field, built.response_field
    if body is not None and is_closed(body.field_info.annotation):
        body.field_info = _untyped(body.field_info)
    if answer is not None and is_closed(answer.field_info.annotation):
        built.response_field = _answer(answer.field_info.annotation)


@cache
def _answer(schema: type[BaseModel]) -> Any:  # noqa: ANN401 - FastAPI's own
    field = create_model_field(name=schema.__name__, type_=schema, mode="serialization")
    field.field_info = _untyped(field.field_info)
    return field


def _untyped(info: FieldInfo) -> FieldInfo:
    untyped = copy(info)
    untyped.annotation = cast("Any", Any)
    return untyped


def is_closed(schema: Any) -> bool:  # noqa: ANN401 - any type form
    """Whether it is a derived schema that has no others in it than derived ones."""
    return isinstance(schema, type) and issubclass(schema, BaseModel) and _is_closed(schema)


@cache
def _is_closed(schema: type[BaseModel]) -> bool:
    seen: set[Any] = set()
    todo: list[Any] = [schema]
    while todo:
        each = todo.pop()
        if not isinstance(each, type):
            todo += get_args(each)
        elif issubclass(each, BaseModel) and each not in seen:
            if not issubclass(each, InputSchema | OutputSchema) or each.model_computed_fields:
                return False
            seen.add(each)
            todo += [spec.annotation for spec in each.model_fields.values()]
        elif is_dataclass(cast("Any", each)):
            return False
    return True

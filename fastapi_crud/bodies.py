"""The values for columns in a validated body."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic import MISSING, BaseModel
from pydantic_core import to_jsonable_python

from fastapi_crud.columns import ColumnInfo, ModelInfo, inspect_model

Convert = Callable[[Any], Any]
MAX_SCHEMAS = 1024
"""For how many schemas it is remembered what their fields are."""


def column_values(data: BaseModel, info: ModelInfo, *, only_set: bool = False) -> dict[str, Any]:
    """Take the values for columns out of a body.

    Args:
        data: A validated body: of a derived schema, or of the developer's own.
        info: The model it is for.
        only_set: Take only what the client sent: for PATCH.

    Returns:
        Value by attribute name, in the order of the schema's fields. Fields of the developer's
        schema that are no column are there too, for a service to turn into columns.
    """
    given, named = data.__dict__, data.model_fields_set if only_set else data.__dict__
    return {
        attribute: value if convert is None else convert(value)
        for name, attribute, convert in _fields(type(data), info)
        if name in named and (value := given[name]) is not MISSING
    }


@lru_cache(MAX_SCHEMAS)
def _fields(schema: type[BaseModel], info: ModelInfo) -> Sequence[tuple[str, str, Convert | None]]:
    """Tell for each field of a schema which attribute it is, and what converts it."""
    fields: list[tuple[str, str, Convert | None]] = []
    for name, spec in schema.model_fields.items():
        by_alias = name not in info.columns and spec.alias in info.columns
        attribute = spec.alias or name if by_alias else name
        convert = _related(info, attribute) if attribute in info.relationships else None
        if _is_json(info.columns.get(attribute)):
            convert = _to_json
        fields.append((name, attribute, convert))
    return fields


def _related(info: ModelInfo, name: str) -> Convert:
    """Give the values of rows that come with a row; keys of rows are left as they are."""

    def convert(value: Any) -> Any:  # noqa: ANN401 - keys, or bodies
        if isinstance(value, list):
            several: list[Any] = [*value]
            return [convert(each) for each in several]
        if not isinstance(value, BaseModel):
            return value
        return column_values(value, inspect_model(info.mapper.relationships[name].mapper.class_))

    return convert


def _is_json(column: ColumnInfo | None) -> bool:
    return column is not None and any(isinstance(it.type, sa.JSON) for it in column.columns[:1])


def _to_json(value: Any) -> Any:  # noqa: ANN401 - any value
    return value if isinstance(value, str | int | float | None) else to_jsonable_python(value)

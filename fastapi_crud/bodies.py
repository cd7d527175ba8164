"""The values for columns in a validated body."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from pydantic import MISSING, BaseModel
from pydantic_core import to_jsonable_python

from fastapi_crud.columns import ColumnInfo, ModelInfo, inspect_model


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
    return {
        name: _related(info, name, value)
        if name in info.relationships
        else _to_column(info.columns.get(name), value)
        for name, value in _present(data, info, only_set=only_set)
    }


def _present(data: BaseModel, info: ModelInfo, *, only_set: bool) -> Iterator[tuple[str, Any]]:
    schema = type(data)
    for name, spec in schema.model_fields.items():
        value = data.__dict__[name]
        if value is MISSING or (only_set and name not in data.model_fields_set):
            continue
        by_alias = name not in info.columns and spec.alias in info.columns
        yield (spec.alias or name if by_alias else name), value


def _related(info: ModelInfo, name: str, value: Any) -> Any:  # noqa: ANN401 - keys, or bodies
    """Give the values of rows that come with a row; keys of rows are left as they are."""
    if isinstance(value, list):
        several: list[Any] = [*value]
        return [_related(info, name, each) for each in several]
    if not isinstance(value, BaseModel):
        return value
    return column_values(value, inspect_model(info.mapper.relationships[name].mapper.class_))


def _to_column(column: ColumnInfo | None, value: Any) -> Any:  # noqa: ANN401 - any value
    if column is None or not column.columns or not isinstance(column.columns[0].type, sa.JSON):
        return value
    return value if isinstance(value, str | int | float | None) else to_jsonable_python(value)

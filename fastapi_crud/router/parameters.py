"""The signature of an endpoint: path and query parameters, body, session, as FastAPI reads them."""

from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import Body, Depends, Path, Request
from pydantic import BaseModel, TypeAdapter, WithJsonSchema

from fastapi_crud.columns import ColumnInfo
from fastapi_crud.database import AsyncSession
from fastapi_crud.query.parsing import IntegerParameter

KEY_PARAMETER = "key_{}"
"""Name of a path parameter inside Python; in the path it has the attribute's own."""


def signature(
    *,
    session: Any,  # noqa: ANN401 - a dependency
    key: Sequence[ColumnInfo] = (),
    body: type[BaseModel] | None = None,
) -> Signature:
    """Declare what an endpoint takes.

    Args:
        session: The dependency that gives the session.
        key: The columns of the key in the path, if there is one.
        body: The schema of the body, if there is one.
    """
    parameters = [
        ("request", Request),
        ("session", Annotated[AsyncSession, Depends(session, scope="function")]),
        *((KEY_PARAMETER.format(i), _path(column)) for i, column in enumerate(key)),
    ]
    if body is not None:
        parameters.append(("data", Annotated[body, Body()]))
    return Signature(
        [Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in parameters]
    )


def _path(column: ColumnInfo) -> Any:  # noqa: ANN401 - a type form
    """Declare a path parameter: text, since a key that cannot exist is 404 rather than 422."""
    shown = dict(TypeAdapter(column.kind.write).json_schema())
    shown.pop("$defs", None)
    description = column.info.get("description")
    return Annotated[
        str,
        WithJsonSchema(shown),
        Path(alias=column.name, title=column.name, description=description),
    ]


def query_documentation(parameters: Mapping[str, IntegerParameter]) -> dict[str, Any]:
    """Document the query parameters of a list; the library parses them itself."""
    return {
        "parameters": [
            {
                "name": parameter.name,
                "in": "query",
                "required": False,
                "description": parameter.description,
                "schema": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": parameter.minimum,
                    "maximum": parameter.maximum,
                    "default": parameter.default,
                },
            }
            for parameter in parameters.values()
        ]
    }

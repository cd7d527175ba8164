"""The signature of an endpoint: path and query parameters, body, session, as FastAPI reads them."""

from collections.abc import Mapping, Sequence
from functools import cache
from inspect import Parameter as Argument, Signature
from typing import Annotated, Any, ForwardRef, Literal

from fastapi import Body, Depends, Path, Request
from fastapi.params import Depends as DependsOn
from pydantic import (
    MISSING,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
    create_model,
)
from pydantic_core import CoreSchema, core_schema

from fastapi_crud.columns import ColumnInfo
from fastapi_crud.database import AsyncSession
from fastapi_crud.query.filters import FilterParameter
from fastapi_crud.query.parameters import Parameter
from fastapi_crud.query.vocabulary import Vocabulary

KEY_PARAMETER = "key_{}"
"""Name of a path parameter inside Python; in the path it has the attribute's own."""


def signature(
    *,
    session: Any,  # noqa: ANN401 - a dependency
    lasting: bool = False,
    key: Sequence[ColumnInfo] = (),
    body: Any = None,  # noqa: ANN401 - a type form
    asked: Mapping[str, Any] | None = None,
) -> Signature:
    """Declare what an endpoint takes.

    Args:
        session: The dependency that gives the session.
        lasting: Whether it is needed until the answer is sent.
        key: The columns of the key in the path, if there is one.
        body: The schema of the body, if there is one.
        asked: What else is asked of each request: parameter → dependency.
    """
    scope: Literal["request", "function"] = "request" if lasting else "function"
    parameters = [
        ("request", Request),
        ("session", Annotated[AsyncSession, Depends(session, scope=scope)]),
        *((KEY_PARAMETER.format(i), _path(column)) for i, column in enumerate(key)),
    ]
    parameters += [(name, _depends(it)) for name, it in (asked or {}).items()]
    if body is not None:
        parameters.append(("data", Annotated[body, Body()]))
    return Signature(
        [Argument(name, Argument.KEYWORD_ONLY, annotation=kind) for name, kind in parameters]
    )


def _depends(dependency: Any) -> Any:  # noqa: ANN401 - a function, or Depends(...)
    return Annotated[Any, dependency if isinstance(dependency, DependsOn) else Depends(dependency)]


@cache
def _path(column: ColumnInfo) -> Any:  # noqa: ANN401 - a type form
    """Declare a path parameter: text, since a key that cannot exist is 404 rather than 422."""
    shown = dict(column.kind.written_schema)
    shown.pop("$defs", None)
    description = column.info.get("description")
    return Annotated[
        str,
        WithJsonSchema(shown),
        Path(alias=column.name, title=column.name, description=description),
    ]


def query_documentation(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Document the query parameters of a list; the library parses them itself."""
    return [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": parameter.schema(),
        }
        for parameter in vocabulary.parameters.values()
        if parameter.documented
    ]


class DocumentedAs:
    """Documents a value by a schema that does not check it: the library parses it itself.

    Args:
        schema: What it is documented as.
    """

    def __init__(self, schema: type[BaseModel]) -> None:
        self.schema = schema

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401 - a type form
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        """Take anything."""
        del source, handler
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, anything: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Say what is meant."""
        del anything
        return handler(self.schema.__pydantic_core_schema__)


def search_body(vocabulary: Vocabulary, name: str, module: str) -> Any:  # noqa: ANN401 - a type form
    """Document the body of a search: the parameters of the list, and AND, OR and NOT.

    Args:
        vocabulary: What the list can be asked.
        name: What the schemas' names begin with.
        module: Where they belong.
    """
    comparisons = {
        key: it for key, it in vocabulary.parameters.items() if isinstance(it, FilterParameter)
    }
    rest = {key: it for key, it in vocabulary.parameters.items() if key not in comparisons}
    filter_name = f"{name}Filter"
    inner: Any = ForwardRef(filter_name)
    fields: dict[str, Any] = _properties(comparisons) | {
        "all_of": _property("and", list[inner], "All of these hold."),
        "any_of": _property("or", list[inner], "At least one of these holds."),
        "none_of": _property("not", inner, "This does not hold."),
    }
    strict = type("Strict", (BaseModel,), {"model_config": ConfigDict(extra="forbid")})
    tree: type[BaseModel] = create_model(filter_name, __base__=strict, __module__=module, **fields)
    tree.model_rebuild(_types_namespace={filter_name: tree})
    whole = create_model(f"{name}Search", __base__=tree, __module__=module, **_properties(rest))
    whole.model_rebuild(_types_namespace={filter_name: tree})
    return Annotated[Any, DocumentedAs(whole)]


def _properties(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for each in (it for it in parameters.values() if it.documented):
        schema = {key: value for key, value in each.schema().items() if key != "default"}
        annotation = Annotated[Any, WithJsonSchema(schema)]
        fields[f"p_{each.name}"] = _property(each.name, annotation, each.description)
    return fields


def _property(name: str, annotation: Any, description: str) -> tuple[Any, Any]:  # noqa: ANN401
    described = Field(MISSING, alias=name, title=name, description=description)
    return annotation | MISSING, described

"""A resource: everything that its endpoints need, put together once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi_crud.columns import ModelInfo
from fastapi_crud.options import CrudOptions, Names
from fastapi_crud.query.parsing import IntegerParameter
from fastapi_crud.router.problems import ProblemFormat
from fastapi_crud.router.responses import RowWriter
from fastapi_crud.schemas import Schemas
from fastapi_crud.service import Service


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What `make_crud_router` has found out about a model.

    Args:
        info: The model.
        names: What it is called.
        options: What the developer said.
        schemas: Its bodies and answers.
        service: The class that does the work.
        writer: Turns rows into bytes.
        parameters: The query parameters of its list.
        also_load: Relationships and deferred columns that its answers show.
        problems: How its errors are written.
    """

    info: ModelInfo
    names: Names
    options: CrudOptions
    schemas: Schemas
    service: type[Service[Any, Any, Any]]
    writer: RowWriter
    parameters: Mapping[str, IntegerParameter]
    also_load: frozenset[str]
    problems: ProblemFormat

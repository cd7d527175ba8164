"""The answers of a route beside the usual one: what describes them is made once for all routes."""

from collections.abc import Callable, Coroutine
from copy import deepcopy
from functools import cache
from typing import Any

from fastapi import Request, routing
from fastapi.routing import APIRoute
from fastapi.utils import create_model_field
from pydantic import BaseModel
from starlette.responses import Response
from typing_extensions import override

from fastapi_crud.router.late_fields import lighten

CONTEXT: Any = getattr(routing, "_effective_route_context_var", None)
"""Holds what FastAPI makes of an included route while it does so (before 0.137: a new route)."""
SHARED = CONTEXT is not None or not hasattr(routing, "iter_route_contexts")
"""Whether that can be found; else FastAPI describes each answer of each route anew."""


class Documented(dict[str, Any]):
    """What is said of an answer, as FastAPI's `responses` have it; many routes have the same."""

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        """Copy it, as FastAPI does for each document: only to its content something is added."""
        copied: dict[str, Any] = {**self}
        if "content" in copied:
            copied["content"] = deepcopy(copied["content"], memo)
        return copied


class Answer(Documented):
    """What is said of an answer with a schema that many routes have.

    Args:
        model: Its schema.
        documented: What else is said of it.
    """

    def __init__(self, model: type[BaseModel], documented: dict[str, Any]) -> None:
        super().__init__(documented if SHARED else {**documented, "model": model})
        self.model = model


def built_of(route: APIRoute) -> Any:  # noqa: ANN401 - a route, or FastAPI's own
    """Give what handlers are being made for: the route, or what FastAPI makes of it."""
    context: Any = None if CONTEXT is None else CONTEXT.get()
    return route if context is None or context.original_route is not route else context


class AnsweringRoute(APIRoute):
    """An `APIRoute` that does not make a schema's field again for each route and answer.

    A resource has thirty such answers, all with one of two schemas; FastAPI makes their fields
    when a route is made, and once more when it is included.
    """

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the fields to the route, or to what FastAPI makes of it where it is included."""
        route = built_of(self)
        route.response_fields |= {
            status: _field(answer.model)
            for status, answer in route.responses.items()
            if isinstance(answer, Answer)
        }
        lighten(route)
        return super().get_route_handler()


@cache
def _field(model: type[BaseModel]) -> Any:  # noqa: ANN401 - FastAPI's own
    return create_model_field(name=model.__name__, type_=model, mode="serialization")

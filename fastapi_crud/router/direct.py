"""Requests answered at once: where FastAPI's handling adds nothing to what the endpoint does.

FastAPI reads what an endpoint asks for, for any endpoint. Ours ask for the request, the key in the
path and a JSON body; these are read here, in a tenth of the time. Dependencies are FastAPI's in
any case: it is asked to call them, where they leave nothing to be done after the endpoint. Whatever
is unusual, a wrong body to begin with, is left to FastAPI, so that it is told in the same words.
"""

import inspect
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import solve_dependencies
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope

from fastapi_crud.exceptions import UnsupportedMediaType
from fastapi_crud.router.answers import built_of
from fastapi_crud.router.headers import header_lines, media_type_of

FASTAPI = "fastapi"
"""Where FastAPI keeps what it knows of a request, in its ASGI scope (since 0.137)."""
TELEMETRY = "fastapi.telemetry"
"""Where FastAPI keeps, in the scope of a request, what is observed of it."""


UNASKED = Response()
"""Stands for the answer that dependencies may add to; here none does, so FastAPI need not make it."""


class Unusual(Exception):
    """FastAPI has to handle this request.

    Args:
        receive: Gives its body, from the start.
    """

    def __init__(self, receive: Receive) -> None:
        super().__init__()
        self.receive = receive


@dataclass(frozen=True, slots=True)
class Direct:
    """How requests of one route are answered at once.

    Args:
        endpoint: The endpoint.
        parameters: Name in the path → parameter of the endpoint.
        body: FastAPI's field that reads the body, if there is one.
        dependencies: What it depends on, as FastAPI has it; None where that is nothing.
    """

    endpoint: Callable[..., Awaitable[Response]]
    parameters: Mapping[str, str]
    body: Any
    dependencies: Dependant | None

    async def read(self, scope: Scope, receive: Receive) -> tuple[Receive, dict[str, Any]]:
        """Read what the endpoint is to be given.

        Args:
            scope: The request.
            receive: Gives its body.

        Returns:
            What gives the body, from the start, and the rest by parameter.

        Raises:
            Unusual: If FastAPI has to handle this request.
        """
        path = scope["path_params"]
        given: dict[str, Any] = {own: path[name] for name, own in self.parameters.items()}
        if self.body is None:
            return receive, given
        if header_lines(scope, b"content-type") != ["application/json"]:
            raise Unusual(receive)
        messages = [await receive()]
        while messages[-1].get("more_body", False):
            messages.append(await receive())
        replayed = again(messages, receive)
        if messages[-1]["type"] != "http.request":
            raise Unusual(replayed)
        try:
            content = from_json(b"".join([message.get("body", b"") for message in messages]))
        except ValueError:
            raise Unusual(replayed) from None
        given["data"], errors = self.body.validate(content, {}, loc=("body",))
        if errors:
            raise Unusual(replayed)
        return replayed, given


async def solved(request: Request, dependencies: Dependant) -> dict[str, Any]:
    """Let FastAPI call dependencies; what they gave, by parameter of the endpoint.

    Args:
        request: The request.
        dependencies: What the endpoint depends on; see `make_direct`.

    Raises:
        RequestValidationError: If one cannot read what it asks for.
    """
    stack = AsyncExitStack()  # nothing comes onto it: see `make_direct`
    request.scope.update(fastapi_inner_astack=stack, fastapi_function_astack=stack)
    answers = await solve_dependencies(
        request=request,
        dependant=dependencies,
        response=UNASKED,
        async_exit_stack=stack,
        embed_body_fields=False,
    )
    if answers.errors:
        raise RequestValidationError(answers.errors)
    return answers.values


def make_direct(built: Any, endpoint: Callable[..., Awaitable[Response]]) -> Direct | None:  # noqa: ANN401
    """Answer at once where nothing is left to be done after the endpoint, and no body is too large.

    Args:
        built: A route, or what FastAPI makes of it where it is included.
        endpoint: Its endpoint.
    """
    whole: Dependant = built.dependant
    if not all(map(_is_done_before, whole.dependencies)):
        return None
    if getattr(built, "max_body_size", None) is not None:
        return None
    parameters = {field.alias: field.name for field in whole.path_params}
    asked = Dependant(dependencies=whole.dependencies, call=whole.call, path=whole.path)
    return Direct(endpoint, parameters, built.body_field, asked if whole.dependencies else None)


def _is_done_before(dependant: Dependant) -> bool:
    """Whether a dependency only answers: reads no body, adds nothing to answers, ends at once."""
    calls = [dependant.call, getattr(dependant.call, "__call__", None)]  # noqa: B004 - itself
    calls += [inspect.unwrap(call) for call in calls if call is not None]
    lasts = any(inspect.isgeneratorfunction(it) or inspect.isasyncgenfunction(it) for it in calls)
    adds = dependant.response_param_name or dependant.background_tasks_param_name
    rest = all(map(_is_done_before, dependant.dependencies))
    return rest and not (lasts or adds or dependant.body_params)


@contextmanager
def undemanded(route: APIRoute, dependency: Callable[..., Any] | None) -> Generator[Any]:
    """Build handlers of a route that do without one of its own dependencies.

    Args:
        route: The route; where it is included, FastAPI builds the handlers of a copy.
        dependency: What they do without.
    """
    built = built_of(route)
    whole: Dependant = built.dependant
    rest = [each for each in whole.dependencies if each.call != dependency]
    built.dependant = replace(whole, dependencies=rest)
    try:
        yield built
    finally:
        built.dependant = whole


def overrides_of(scope: Scope) -> Mapping[Any, Any]:
    """Tell which dependencies an app has others for."""
    overrides: Mapping[Any, Any] = getattr(scope.get("app"), "dependency_overrides", {})
    return overrides


def direct_of(route: Any, scope: Scope) -> Direct | None:  # noqa: ANN401 - a route
    """Find how a request is answered at once, if it can be.

    Args:
        route: The route.
        scope: The request.
    """
    context: Any = scope.get(FASTAPI, {}).get("effective_route_context")
    included = context is not None and context.original_route is route
    direct: Direct | None = getattr(context if included else route, "direct", None)
    return None if scope.get(TELEMETRY) is not None else direct


def check_media_type(request: Request) -> None:
    """Refuse a body that is not JSON (RFC 9110 §15.5.16).

    Raises:
        UnsupportedMediaType: If there is a body and its type is not JSON.
    """
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    media_type = media_type_of(request.scope)
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise UnsupportedMediaType


def again(messages: list[Message], receive: Receive) -> Receive:
    """Give messages that were received already once more, before those that follow."""

    async def receive_again() -> Message:
        return messages.pop(0) if messages else await receive()

    return receive_again


def raising(error: Exception) -> ASGIApp:
    """Raise an error where an app would be called: for those who know what to answer to it."""

    async def fail(*_: object) -> None:
        raise error

    return fail

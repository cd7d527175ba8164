"""Requests answered at once: where nobody but the endpoint has a say, FastAPI's handling adds none.

FastAPI reads what an endpoint and its dependencies ask for, for any endpoint. Ours ask for the
request, the key in the path and a JSON body; so where there are no other dependencies these are
read here, in a tenth of the time. Whatever is unusual, a wrong body to begin with, is left to
FastAPI, so that it is told in the same words.
"""

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from fastapi_crud.exceptions import UnsupportedMediaType
from fastapi_crud.router.answers import built_of
from fastapi_crud.router.headers import header_lines, media_type_of

FASTAPI = "fastapi"
"""Where FastAPI keeps what it knows of a request, in its ASGI scope (since 0.137)."""
TELEMETRY = "fastapi.telemetry"
"""Where FastAPI keeps, in the scope of a request, what is observed of it."""


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
    """

    endpoint: Callable[..., Awaitable[Response]]
    parameters: Mapping[str, str]
    body: Any

    async def answer(self, scope: Scope, receive: Receive) -> Response:
        """Answer a request.

        Raises:
            Unusual: If FastAPI has to handle it.
        """
        path = scope["path_params"]
        given: dict[str, Any] = {own: path[name] for name, own in self.parameters.items()}
        if self.body is None:
            return await self.endpoint(Request(scope, receive), **given)
        if header_lines(scope, b"content-type") != ["application/json"]:
            raise Unusual(receive)
        message = await receive()
        replayed = again(message, receive)
        if message["type"] != "http.request" or message.get("more_body", False):
            raise Unusual(replayed)
        try:
            content = from_json(message.get("body", b""))
        except ValueError:
            raise Unusual(replayed) from None
        data, errors = self.body.validate(content, {}, loc=("body",))
        if errors:
            raise Unusual(replayed)
        return await self.endpoint(Request(scope, replayed), data=data, **given)


def make_direct(built: Any, endpoint: Callable[..., Awaitable[Response]]) -> Direct | None:  # noqa: ANN401
    """Answer at once where the endpoint is all there is, and no body is too large.

    Args:
        built: A route, or what FastAPI makes of it where it is included.
        endpoint: Its endpoint.
    """
    if built.dependant.dependencies or getattr(built, "max_body_size", None) is not None:
        return None
    parameters = {field.alias: field.name for field in built.dependant.path_params}
    return Direct(endpoint, parameters, built.body_field)


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


def again(message: Message, receive: Receive) -> Receive:
    """Give a message that was received already once more, before those that follow."""
    messages = [message]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again

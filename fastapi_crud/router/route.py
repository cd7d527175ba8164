"""The route class: problems, HEAD, OPTIONS, `Allow`, 415 and trailing slashes."""

from collections.abc import Callable, Container, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette._exception_handler import wrap_app_handling_exceptions
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import PARAM_REGEX, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from fastapi_crud.database import startup_checks
from fastapi_crud.exceptions import ConfigurationError, CrudError
from fastapi_crud.router.answers import AnsweringRoute
from fastapi_crud.router.dependencies import abandon_sessions
from fastapi_crud.router.direct import (
    Direct,
    Unusual,
    check_media_type,
    direct_of,
    make_direct,
    overrides_of,
    raising,
    solved,
    undemanded,
)
from fastapi_crud.router.late_routes import LateRoute
from fastapi_crud.router.problems import ACCEPT_PATCH, ProblemFormat, problem_of, write_problem

HEAD_KEY = "fastapi_crud.head"
"""Where the scope of a GET says that only its headers are asked for."""

EXPECTED = (CrudError, HTTPException, RequestValidationError)


@dataclass(frozen=True)
class RouteFacts:
    """What a route knows beyond FastAPI; kept on the endpoint, which every copy of a route has.

    Args:
        allow: All methods of the path, not just this route's.
        has_body: Whether a JSON body is expected.
        problems: How errors are written.
        check: Refuses databases that it cannot work with, by their dialect.
        session: The dependency that opens a session, where the endpoint can do without.
    """

    allow: tuple[str, ...]
    has_body: bool
    problems: ProblemFormat
    check: Callable[[str], None] | None = None
    session: Callable[..., Any] | None = None

    @cached_property
    def answered(self) -> frozenset[str]:
        """The methods of the path that have an endpoint."""
        return frozenset(self.allow) - {"HEAD", "OPTIONS"}


class CrudRoute(AnsweringRoute, LateRoute):
    """An `APIRoute` that answers by the HTTP contract, and leaves other routes alone."""

    @cached_property
    def facts(self) -> RouteFacts:
        """What the factory left on the endpoint."""
        facts: RouteFacts = self.endpoint.crud_route  # type: ignore[attr-defined]
        return facts

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler: errors become problems, and their changes are rolled back.

        A session is opened before the endpoint runs where the app has its own way to open one,
        and by the endpoint, if it needs one, elsewhere.
        """
        facts = self.facts
        with_session = super().get_route_handler()
        with undemanded(self, facts.session) as built:
            handler = super().get_route_handler()
            if facts.session is not None:
                built.direct = make_direct(built, self.endpoint)

        async def handle(request: Request) -> Response:
            try:
                if facts.has_body:
                    check_media_type(request)
                if facts.session in overrides_of(request.scope):
                    return await with_session(request)
                return await handler(request)
            except ConfigurationError:
                raise
            except EXPECTED as error:
                await abandon_sessions(request)
                return problem_of(request, error, facts.problems)

        return handle

    @cached_property
    def landmark(self) -> str:
        """A part of the path that has no parameters: where it is missing, nothing matches."""
        return max(PARAM_REGEX.sub("\n", self.path).split("\n"), key=len)

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match with and without a slash at the end; answer HEAD where GET is answered."""
        if self.landmark not in scope["path"] or self._leaves_to_others(scope):
            return Match.NONE, {}
        match, child = super().matches(scope)
        if match is Match.NONE and scope["type"] == "http" and scope["path"].endswith("/"):
            match, child = super().matches({**scope, "path": scope["path"][:-1]})
        if match is Match.PARTIAL and self._is_head_of_get(scope):
            return Match.FULL, child
        return match, child

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HEAD like GET, OPTIONS with what is allowed, other methods with 405."""
        if scope["method"] in (self.methods or ()):
            await self._answer(scope, receive, send)
        elif self._is_head_of_get(scope):
            await self._answer(
                {**scope, "method": "GET", HEAD_KEY: True}, receive, without_body(send)
            )
        else:
            await self._not_here(Request(scope, receive))(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        direct = direct_of(self, scope)
        overrides = overrides_of(scope)
        if direct is None or (overrides and self._has_substitutes(direct, overrides)):
            await super().handle(scope, receive, send)
            return
        try:
            receive, given = await direct.read(scope, receive)
            request = Request(scope, receive)
            if direct.dependencies is not None:
                given |= await solved(request, direct.dependencies)
            response: ASGIApp = await direct.endpoint(request, **given)
        except Unusual as unusual:
            await super().handle(scope, unusual.receive, send)
            return
        except Exception as error:  # noqa: BLE001 - what is not ours is raised again
            request = Request(scope, receive)
            if isinstance(error, ConfigurationError) or not isinstance(error, EXPECTED):
                response = wrap_app_handling_exceptions(raising(error), request)
            else:
                await abandon_sessions(request)
                response = problem_of(request, error, self.facts.problems)
        await response(scope, receive, send)

    def _has_substitutes(self, direct: Direct, overrides: Container[Any]) -> bool:
        """Whether an app has others for dependencies of this route."""
        return direct.dependencies is not None or self.facts.session in overrides

    def _leaves_to_others(self, scope: Scope) -> bool:
        """Whether another endpoint of the same path answers this method."""
        method = scope.get("method")
        return method not in (self.methods or ()) and method in self.facts.answered

    def _is_head_of_get(self, scope: Scope) -> bool:
        return scope["method"] == "HEAD" and "GET" in (self.methods or ())

    def _not_here(self, request: Request) -> Response:
        facts = self.facts
        headers = {"Allow": ", ".join(facts.allow)}
        if request.method != "OPTIONS":
            detail = "Method Not Allowed"
            return write_problem(
                request, facts.problems, 405, "method_not_allowed", detail, headers=headers
            )
        if "PATCH" in facts.allow:
            headers["Accept-Patch"] = ACCEPT_PATCH
        if "QUERY" in facts.allow:
            headers["Accept-Query"] = "application/json"
        return Response(status_code=204, headers=headers)


def without_body(send: Send) -> Send:
    """Send only the headers of an answer (RFC 9110 §9.3.2)."""

    async def send_headers(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_headers


def iter_routes(routes: Any) -> Iterator[Any]:  # noqa: ANN401 - FastAPI's own route contexts
    """Walk all routes of an app with their included dependencies, on every FastAPI."""
    try:
        from fastapi.routing import iter_route_contexts  # noqa: PLC0415 - since FastAPI 0.137
    except ImportError:  # pragma: no cover - the lowest supported FastAPI copies routes instead
        yield from routes
    else:
        yield from iter_route_contexts(routes)


def query_parameters_of(app: FastAPI, endpoint: Callable[..., Any]) -> frozenset[str]:
    """Tell which query parameters the dependencies of an endpoint declare in an app."""
    contexts = (c for c in iter_routes(app.routes) if getattr(c, "endpoint", None) is endpoint)
    return frozenset(name for context in contexts for name in _query_names(context.dependant))


def _query_names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from (spec.alias or name for name, spec in annotation.model_fields.items())
        else:
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _query_names(dependency)


def problems_of(dependencies: Iterable[Any]) -> frozenset[int]:
    """Tell with which statuses dependencies refuse, as they and those below them say.

    A dependency says so by its attribute `crud_problems`, as those of `fastapi_crud.auth` do.

    Args:
        dependencies: Functions, or `Depends(...)` of them.
    """
    found: set[int] = set()
    for dependency in dependencies:
        call = getattr(dependency, "dependency", dependency)
        if call is not None:
            found |= _problems_below(get_dependant(path="", call=call))
    return frozenset(found)


def _problems_below(dependant: Dependant) -> set[int]:
    found: set[int] = {*getattr(dependant.call, "crud_problems", ())}
    return found.union(*(_problems_below(inner) for inner in dependant.dependencies))


def check_app(app: Any, dialect: str) -> None:  # noqa: ANN401 - any ASGI app that has routes
    """Refuse an app in which two endpoints of ours have one name, or one cannot work.

    Args:
        app: The app.
        dialect: The name of its database.

    Raises:
        ConfigurationError: With the name, and how to give another.
    """
    seen: dict[str, Any] = {}
    for route in iter_routes(getattr(app, "routes", ())):
        endpoint = getattr(route, "endpoint", None)
        if not hasattr(endpoint, "crud_route"):
            continue
        first = seen.setdefault(route.operation_id, endpoint)
        if first is not endpoint:
            msg = (
                f"two endpoints are called {route.operation_id}: "
                "give one of their routers its own name=, such as name='archived_users'"
            )
            raise ConfigurationError(msg)
        facts: RouteFacts = route.endpoint.crud_route
        if facts.check is not None:
            facts.check(dialect)


startup_checks.append(check_app)

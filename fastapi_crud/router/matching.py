"""Which route of an included router a request goes to: looked up by its method, and only once.

FastAPI asks the routes of a router one by one, and asks them again when it hands the request over.
Here both are saved; what is unusual, such as HEAD, OPTIONS, another method or a slash at the end,
is left to FastAPI.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from starlette.convertors import (
    FloatConvertor,
    IntegerConvertor,
    StringConvertor,
    UUIDConvertor,
)
from starlette.routing import Match
from starlette.types import Scope

from fastapi_crud.router.direct import FASTAPI, TELEMETRY

FOUND = "fastapi_crud.found"
"""Where it is kept what was found, by the inclusion of a router, until it is handed over."""
SPECIAL = frozenset({"HEAD", "OPTIONS"})
"""Methods that routes answer although they are not theirs."""

UNKNOWN = -1
NARROW = frozenset({StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor})
"""What a parameter in a path may be converted by, if it is to have no slash in it."""

ByMethod = Mapping[str, Sequence[tuple[int, Any]]]
"""Method → what FastAPI made of the routes that have it, in their order, after the number of
slashes in their paths."""


class Found(NamedTuple):
    """The route of a request.

    Args:
        context: What FastAPI made of it where it is included.
        child_scope: What the path says.
    """

    context: Any
    child_scope: Scope


class Matching:
    """Finds the routes of one router, wherever it is included.

    Args:
        known: How routes match that match by their method and path, and by nothing else.
    """

    def __init__(self, *known: Callable[..., Any]) -> None:
        self._known = frozenset(known)
        self._read: dict[int, tuple[int, Any, ByMethod]] = {}

    def find(self, scope: Scope, version: int) -> Found | None:
        """Find the route of a request.

        Args:
            scope: The request.
            version: Another one when the router has other routes.
        """
        included = scope[FASTAPI]["included_router"]
        read = self._read.get(id(included))
        if read is None or read[0] != version:
            read = self._read[id(included)] = version, included, self._by_method(included)
        path = scope["path"]
        slashes = UNKNOWN if scope.get("root_path") or path.endswith("/") else path.count("/")
        for many, context in read[2].get(scope.get("method", ""), ()):
            if many != slashes and UNKNOWN not in {many, slashes}:
                continue
            match, child_scope = context.matches(scope)
            if match is Match.FULL:
                found = Found(context, child_scope)
                scope.setdefault(FOUND, {})[id(included)] = found
                return found
        return None

    def _by_method(self, included: Any) -> ByMethod:  # noqa: ANN401 - FastAPI's own
        contexts = included.effective_candidates()
        routes: list[Any] = [getattr(context, "original_route", None) for context in contexts]
        if not all(getattr(route.__class__, "matches", None) in self._known for route in routes):
            return {}
        methods = {method for context in contexts for method in context.methods} - SPECIAL
        return {
            method: [(_slashes(it), it) for it in contexts if method in it.methods]
            for method in methods
        }


def _slashes(context: Any) -> int:  # noqa: ANN401 - FastAPI's own
    narrow = all(type(each) in NARROW for each in context.param_convertors.values())
    return context.path_format.count("/") if narrow else UNKNOWN


def hand_over(scope: Scope) -> Any:  # noqa: ANN401 - a route
    """Give the route that was found for the inclusion that is asked now, if one was.

    The request is told what FastAPI would tell it.
    """
    if FOUND not in scope:
        return None
    known: dict[str, Any] = scope[FASTAPI]
    found: Found | None = scope[FOUND].pop(id(known.get("included_router")), None)
    if found is None or scope.get(TELEMETRY) is not None:
        return None
    known["effective_route_context"] = found.context
    route = found.context.original_route
    scope.update(found.child_scope, route=route)
    return route

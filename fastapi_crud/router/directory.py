"""A router of many resources, which looks up the one that a path belongs to."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from fastapi_crud.router.crud_router import CrudRouter
from fastapi_crud.router.direct import FASTAPI
from fastapi_crud.router.matching import FOUND

Entries = dict[str, list[tuple[int, Any]]]
"""Part of a path → what FastAPI made of the routers that have it, each with its place.

What any path may belong to stands under the empty part.
"""


class CrudRouters(APIRouter):
    """An `APIRouter` that looks up which of the routers in it a path belongs to.

    With hundreds of resources, a request to the last is then as quick as one to the first:

        api = CrudRouters(prefix="/api")
        for model in (User, Post, Comment):
            api.include_router(make_crud_router(model))
        app.include_router(api)

    Other routers and endpoints of your own may be in it as well; the order counts as always.
    Its arguments are those of `APIRouter`.
    """

    @cached_property
    def _known(self) -> dict[int, tuple[int, Any, Entries]]:
        """By the identity of an inclusion of this router: how many routes it was read with."""
        return {}

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Ask the routers that the path may belong to; all, before it belongs to none."""
        found = self._find(scope)
        if found is None:
            return super().matches(scope)
        scope.setdefault(FOUND, {})[id(_included_in(scope))] = found[1]
        return found[0], {}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the router answer that was found."""
        found = scope.get(FOUND, {}).pop(id(_included_in(scope)), None)
        await (super().handle if found is None else found.handle)(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[Match, Any] | None:
        """Find the first router that matches, or else the first that does but for the method.

        Returns:
            None where there is none, or where an endpoint of this router's own comes first.
        """
        partial: tuple[Match, Any] | None = None
        for candidate in self._candidates(scope):
            match, _ = candidate.matches(scope)
            if match is not Match.NONE and not hasattr(candidate, "original_router"):
                return None
            if match is Match.FULL:
                return match, candidate
            if match is Match.PARTIAL and partial is None:
                partial = match, candidate
        return partial

    def _candidates(self, scope: Scope) -> Iterator[Any]:
        entries = self._entries_of(_included_in(scope))
        parts = {"", *scope["path"].replace(":", "/").split("/")}
        found = [entry for part in parts for entry in entries.get(part, ())]
        return (candidate for _, candidate in sorted(found, key=itemgetter(0)))

    def _entries_of(self, included: Any) -> Entries:  # noqa: ANN401 - FastAPI's own
        """Read what an inclusion of this router consists of: once, and after changes."""
        many, _, entries = self._known.get(id(included), (-1, None, {}))
        if many != len(self.routes):
            candidates: Any = getattr(included, "effective_candidates", tuple)()
            entries = _entries(candidates)
            self._known[id(included)] = len(self.routes), included, entries
        return entries


def _included_in(scope: Scope) -> Any:  # noqa: ANN401 - FastAPI's own
    """Tell which inclusion of a router is asked now."""
    return scope.get(FASTAPI, {}).get("included_router")


def _entries(candidates: Sequence[Any]) -> Entries:
    entries: Entries = {}
    for place, candidate in enumerate(candidates):
        router: Any = getattr(candidate, "original_router", None)
        confined = isinstance(router, CrudRouter) and router.confined
        part = router.prefix.strip("/").partition("/")[0] if confined else ""
        entries.setdefault(part, []).append((place, candidate))
    return entries

"""The router class: what `make_crud_router` gives."""

from functools import cached_property
from typing import Any, Generic

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from fastapi_crud.models import ModelT
from fastapi_crud.options import CrudOptions
from fastapi_crud.router.matching import Matching, hand_over
from fastapi_crud.router.route import CrudRoute, iter_routes
from fastapi_crud.schemas import CreateT, ReadT, Schemas, UpdateT


class CrudRouter(APIRouter, Generic[ModelT, CreateT, UpdateT, ReadT]):
    """What `make_crud_router` gives: an `APIRouter` to include anywhere, any number of times.

    Endpoints of your own can be added to it; they are plain FastAPI routes.

    Args:
        model: The model it serves.
        schemas: The bodies and answers of its endpoints.
        **router_options: As `APIRouter` takes them.
    """

    def __init__(self, model: type[ModelT], schemas: Schemas, **router_options: Any) -> None:  # noqa: ANN401
        super().__init__(**router_options)
        self.model = model
        self.schemas = schemas
        self.crud_options: CrudOptions = CrudOptions()  # the factory says which
        self._confined = (-1, False)

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Look no further where the path does not even have the prefix.

        FastAPI asks this of routers that are included (since 0.137; before, it copied routes).
        """
        if self.prefix not in scope["path"] and self.confined:
            return Match.NONE, {}
        if self._matching.find(scope, len(self.routes)) is not None:
            return Match.FULL, {}
        return super().matches(scope)

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route answer that was found."""
        route = hand_over(scope)
        await (super().handle if route is None else route.handle)(scope, receive, send)

    @cached_property
    def _matching(self) -> Matching:
        return Matching(APIRoute.matches, CrudRoute.matches)

    @property
    def confined(self) -> bool:
        """Whether all routes are below the prefix; those that are mounted need not be."""
        many, confined = self._confined
        if many != len(self.routes):
            paths = (getattr(route, "path", None) for route in iter_routes(self.routes))
            confined = all(path and path.startswith(self.prefix) for path in paths)
            self._confined = (len(self.routes), confined)
        return confined

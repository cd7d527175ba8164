"""`make_auth_router`: registration, logins, passwords and links as endpoints."""

from collections.abc import Sequence
from typing import Any, TypeVar

from fastapi import APIRouter

from fastapi_crud.auth.auth import Auth, auth_of
from fastapi_crud.auth.desk import Desk
from fastapi_crud.auth.routes import ROUTES, AuthRoute
from fastapi_crud.router import documentation
from fastapi_crud.router.route import CrudRoute, RouteFacts

UserT = TypeVar("UserT")


def make_auth_router(
    user: type[UserT] | Auth[UserT],
    *,
    name: str = "auth",
    tags: Sequence[str] | None = None,
    jwks: bool = False,
) -> APIRouter:
    """Make the endpoints of accounts and logins.

    It has no prefix of its own: `app.include_router(make_auth_router(User), prefix="/auth")`.
    There are `register`, `login` (a form as OAuth2 has it, or JSON), `refresh`, `logout`,
    `logout-all`, `sessions`, `me` and `change-password`; with a notifier `request-verify-token`,
    `verify`, `forgot-password`, `reset-password` and `change-email`; `api-keys`, and logins by
    `cookie/login`, where `Auth` says so.

    Args:
        user: The user model, or an `Auth` of your own.
        name: What operation ids begin with; a second router needs another one.
        tags: Tags in the documentation; the name unless given.
        jwks: Whether to publish the keys that tokens are checked with (RFC 7517), at
            `.well-known/jwks.json`: for RS256 and ES256.

    Raises:
        ConfigurationError: If the model lacks what auth needs; the message names the fix.
    """
    auth = user if isinstance(user, Auth) else auth_of(user)
    router = APIRouter(tags=[name] if tags is None else [*tags])
    desk = Desk(auth)
    there = {
        None: True,
        "registration": auth.registration,
        "mail": auth.notifier is not None,
        "api_keys": auth.api_keys,
        "cookies": auth.cookies is not None,
        "jwks": jwks,
    }
    routes = [route for route in ROUTES if there[route.needs]]
    for route in routes:
        allow = tuple(it.method for it in routes if it.path == route.path)
        _add(router, desk, route, name, allow)
    return router


def _add(
    router: APIRouter, desk: Desk, route: AuthRoute, name: str, allow: tuple[str, ...]
) -> None:
    body = route.body(desk) if route.body else None
    endpoint: Any = desk.signed(route.build(desk), body)
    endpoint.__name__ = f"{name}_{route.name}"
    head = ["HEAD"] if "GET" in allow else []
    endpoint.crud_route = RouteFacts(
        (*allow, *head, "OPTIONS"), body is not None, desk.resource.problems
    )
    endpoint.crud_auth_login = desk.auth if route.name == "login" else None
    router.add_api_route(
        route.path,
        endpoint,
        methods=[route.method],
        operation_id=endpoint.__name__,
        name=endpoint.__name__,
        summary=route.summary,
        status_code=route.status,
        response_model=route.answer(desk) if route.answer else None,
        route_class_override=CrudRoute,
        responses=documentation.responses(sorted(route.problems)),
        openapi_extra=route.document() if route.document else None,
    )

"""What is looked at when an app starts: the keys of its auth, and where its logins are."""

from collections.abc import Iterator
from typing import Any

from fastapi_crud.auth.auth import Auth
from fastapi_crud.auth.callers import BearerScheme
from fastapi_crud.router.route import iter_routes


def check_auth(app: Any, dialect: str) -> None:  # noqa: ANN401 - any ASGI app that has routes
    """Check the keys of an app's auth, and tell its OpenAPI document where its logins are.

    Args:
        app: The app.
        dialect: The name of its database.

    Raises:
        ConfigurationError: If there is no key to sign tokens with.
    """
    for route in iter_routes(getattr(app, "routes", ())):
        endpoint = getattr(route, "endpoint", None)
        auth: Auth[Any] | None = getattr(endpoint, "crud_auth_login", None)
        if auth is not None and auth.settings.token_url is None:
            auth.scheme.token_url = route.path.lstrip("/")
        for scheme in _schemes(getattr(route, "dependant", None)):
            scheme.check()
        check_auth(getattr(route, "app", None), dialect)  # mounted: no lifespan of its own


def _schemes(dependant: Any) -> Iterator[BearerScheme]:  # noqa: ANN401 - FastAPI's own
    if dependant is None:
        return
    if isinstance(dependant.call, BearerScheme):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _schemes(inner)

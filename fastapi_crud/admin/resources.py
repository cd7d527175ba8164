"""`add_admin`: resources, as their models and routers say, in sqladmin."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from fastapi import FastAPI
from sqladmin import Admin

from fastapi_crud.admin.entrance import AdminEntrance
from fastapi_crud.admin.views import view_of
from fastapi_crud.auth.auth import Auth
from fastapi_crud.auth.cookies import Cookies
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import Database
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.options import CrudOptions, as_list
from fastapi_crud.resolution import resolve_options
from fastapi_crud.router.crud_router import CrudRouter
from fastapi_crud.router.resource import Resource, make_resource


def add_admin(
    app: FastAPI,
    database: Database,
    resources: Sequence[type[Any] | CrudRouter[Any, Any, Any, Any]],
    *,
    auth: Auth[Any],
    unscoped: Collection[type[Any]] = (),
    secure: bool = True,
    base_url: str = "/admin",
    title: str = "Admin",
) -> Admin:
    """Show resources in sqladmin, to superusers: what they change goes through the services.

    Args:
        app: The app.
        database: Where the rows are, unless the options of a resource say otherwise.
        resources: Models, or routers of `make_crud_router`, whose options hold: service, schemas,
            columns, operations.
        auth: Who may log in.
        unscoped: Models with a scope of your own, all of whose rows superusers may see here.
        secure: Whether only TLS will do. `False` is for development without it.
        base_url: Where it is.
        title: What it is called.

    Returns:
        The `sqladmin.Admin`, to add views of your own to.

    Raises:
        ConfigurationError: If a scope would not hold; the message names the fix.
    """
    shown = [_resource_of(each, unscoped) for each in resources]  # may refuse: before it is mounted
    entrance = AdminEntrance(auth, auth.database or database, Cookies(secure=secure))
    admin = Admin(
        app, database.engine, authentication_backend=entrance, base_url=base_url, title=title
    )
    for resource in shown:
        own = resource.options.database or database
        view = view_of(resource, own)
        admin.add_view(view)
        view.session_maker = own.sessionmaker
    return admin


def _resource_of(
    given: type[Any] | CrudRouter[Any, Any, Any, Any], unscoped: Collection[type[Any]]
) -> Resource:
    """Find what is said of a resource; what depends on who asks is for nobody to see or write."""
    if isinstance(given, CrudRouter):
        info, said = inspect_model(given.model), given.crud_options
    else:
        info, said = inspect_model(given), resolve_options(given, {})
    bound = [each for each in _scopes(said) if not getattr(each, "spares_superusers", False)]
    if bound and info.model not in unscoped:
        msg = (
            f"{info.name} has a scope, which is asked by requests to its router only: "
            f"if superusers may see all rows, say unscoped=[{info.name}]"
        )
        raise ConfigurationError(msg)
    own = replace(
        said,
        hidden=[*said.hidden, *said.readable_by],
        read_only=[*said.read_only, *said.writable_by],
        readable_by={}, writable_by={}, scope=None, include=(), nested=(), links=(),
    )  # fmt: skip
    return make_resource(info, own)


def _scopes(options: CrudOptions) -> list[Any]:
    found: list[Any] = []
    for scope in as_list(options.scope):
        by_operation = cast(
            "Mapping[str, Any]", scope if isinstance(scope, Mapping) else {"all": scope}
        )
        found += [each for each in by_operation.values() if each is not None]
    return found

"""Shortcuts for the default `Auth` of a user model, under the names people know."""

from collections.abc import Callable
from typing import Any

from fastapi_crud.auth.auth import DEFAULT, Auth, auth_of, user_models
from fastapi_crud.columns import inspect_model
from fastapi_crud.exceptions import ConfigurationError

Dependency = Callable[..., Any]


def current_user(user: type[Any] | None = None) -> Dependency:
    """Give the dependency that gives the user who calls; 401 where nobody does.

    `get_current_user = current_user(User)`, then `Depends(get_current_user)`.

    Args:
        user: The user model; the only one there is unless given.

    Raises:
        ConfigurationError: If there is no user model, or several.
    """
    return _auth(user).current_user


def optional_user(user: type[Any] | None = None) -> Dependency:
    """Give the dependency that gives the user who calls, or None where nobody says who.

    Args:
        user: The user model; the only one there is unless given.

    Raises:
        ConfigurationError: If there is no user model, or several.
    """
    return _auth(user).optional_user


def current_superuser(user: type[Any] | None = None) -> Dependency:
    """Give the dependency that gives the superuser who calls; 403 for others.

    Args:
        user: The user model; the only one there is unless given.

    Raises:
        ConfigurationError: If there is no user model, or several.
    """
    return _auth(user).current_superuser


def require_scopes(*scopes: str, user: type[Any] | None = None) -> Dependency:
    """Give a dependency that lets only callers with all of some scopes in; 403 for others.

    Args:
        *scopes: The scopes, such as `"posts:write"`.
        user: The user model; the only one there is unless given.

    Raises:
        ConfigurationError: If there is no user model, or several.
    """
    return _auth(user).require_scopes(*scopes)


def has_scopes(*scopes: str, user: type[Any] | None = None) -> Dependency:
    """Give a dependency that tells whether the caller has all of some scopes.

    For `readable_by=` and `writable_by=`: others do not see or write the column.

    Args:
        *scopes: The scopes.
        user: The user model; the only one there is unless given.

    Raises:
        ConfigurationError: If there is no user model, or several.
    """
    return _auth(user).has_scopes(*scopes)


def owner(
    column: str, *, by: str = "id", unless: str | None = None, user: type[Any] | None = None
) -> Dependency:
    """Give a row scope: only the caller's own rows exist, and new rows become its own.

    Args:
        column: The attribute that says whose a row is, such as `"author_id"`.
        by: The attribute of the user that it holds: `"tenant_id"` for rows of a tenant.
        unless: A scope with which all rows exist; superusers see all rows in any case.
        user: The user model; the only one there is unless given.

    Raises:
        ConfigurationError: If there is no user model, or several.
    """
    return _auth(user).owner(column, by=by, unless=unless)


def create_access_token(user: Any, login_id: object, **claims: Any) -> str:  # noqa: ANN401
    """Write an access token for a user, as `login` does.

    Args:
        user: The user.
        login_id: The login that it belongs to: the token works as long as that runs.
        **claims: More claims.
    """
    auth: Auth[Any] = getattr(user, DEFAULT, None) or auth_of(user.__class__)
    (user_id,) = inspect_model(auth.model).key_of(user)
    return auth.access_token(user_id, login_id, scopes=auth.callers.scopes_of(user), **claims)


def decode_token(token: str, user: type[Any] | None = None) -> dict[str, Any]:
    """Give the claims of an access token that is genuine and not expired.

    It does not ask whether the login still runs: `current_user` does.

    Args:
        token: The token.
        user: The user model; the only one there is unless given.

    Raises:
        InvalidToken: If it is forged, expired, or no access token.
        ConfigurationError: If there is no user model, or several.
    """
    return _auth(user).codec.decode(token)


def _auth(user: type[Any] | None) -> Auth[Any]:
    if user is not None:
        return auth_of(user)
    if len(user_models) != 1:
        names = ", ".join(sorted(model.__name__ for model in user_models))
        msg = f"which users? Say user=..., there are {names}" if names else "there is no user model"
        raise ConfigurationError(msg)
    return auth_of(next(iter(user_models)))

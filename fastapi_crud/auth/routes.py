"""The endpoints of auth as a table. ADD AN ENDPOINT HERE."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from fastapi_crud.auth import (
    account_endpoints,
    bodies,
    cookie_endpoints,
    key_endpoints,
    login_endpoints,
)
from fastapi_crud.auth.desk import Desk, Endpoint
from fastapi_crud.auth.forms import login_document

Need = Literal["registration", "mail", "api_keys", "cookies", "jwks"]
BODY = (415, 422, 503)
"""What any endpoint with a body can answer."""
LOGIN = (401, 403, 503)
"""What any endpoint for users can answer."""


@dataclass(frozen=True, kw_only=True)
class AuthRoute:
    """One endpoint.

    Args:
        name: Its operation id, without the prefix.
        method: Its method.
        path: Its path, below where the router is mounted.
        build: Builds it.
        summary: What it does, in one line.
        status: The status of success.
        answer: The schema of its answer; it may depend on the user model.
        problems: The statuses that it can refuse with.
        body: The schema of its JSON body, if it has one.
        needs: What must be asked for, for it to be there.
        document: More that is said of it in OpenAPI.
    """

    name: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    build: Callable[[Desk], Endpoint]
    summary: str
    status: int = 200
    answer: Callable[[Desk], Any] | None = None
    problems: tuple[int, ...] = ()
    body: Callable[[Desk], Any] | None = None
    needs: Need | None = None
    document: Callable[[], dict[str, Any]] | None = None


def _user(desk: Desk) -> Any:  # noqa: ANN401 - a schema
    return desk.resource.schemas.read


def _new_user(desk: Desk) -> Any:  # noqa: ANN401 - a schema
    return desk.resource.schemas.create


def _changed_user(desk: Desk) -> Any:  # noqa: ANN401 - a schema
    return desk.resource.schemas.update


def _hidden_account() -> dict[str, Any]:
    said = "There is an account now, or was before: `hide_existing` does not tell."
    return {"responses": {"202": {"description": said}}}


def _of(schema: Any) -> Callable[[Desk], Any]:  # noqa: ANN401 - a schema
    return lambda _: schema


ROUTES = (
    AuthRoute(
        name="register", method="POST", path="/register", build=account_endpoints.register,
        summary="Open an account", status=201, answer=_user, problems=(409, 429, *BODY),
        body=_new_user, needs="registration", document=_hidden_account,
    ),
    AuthRoute(
        name="login", method="POST", path="/login", build=login_endpoints.login, summary="Log in",
        answer=_of(bodies.Tokens), problems=(401, 403, 413, 429, *BODY), document=login_document,
    ),
    AuthRoute(
        name="refresh", method="POST", path="/refresh", build=login_endpoints.refresh,
        summary="Get the next pair of tokens", answer=_of(bodies.Tokens), problems=(401, *BODY),
        body=_of(bodies.RefreshToken),
    ),
    AuthRoute(
        name="logout", method="POST", path="/logout", build=login_endpoints.logout,
        summary="End the login of a refresh token", status=204, problems=BODY, body=_of(bodies.RefreshToken),
    ),
    AuthRoute(
        name="cookie_login", method="POST", path="/cookie/login",
        build=cookie_endpoints.cookie_login, summary="Log in, with tokens in cookies",
        answer=_of(bodies.CookieLogin), problems=(401, 403, 413, 429, *BODY),
        document=login_document, needs="cookies",
    ),
    AuthRoute(
        name="cookie_refresh", method="POST", path="/cookie/refresh",
        build=cookie_endpoints.cookie_refresh, summary="Get the next tokens in cookies",
        answer=_of(bodies.CookieLogin), problems=LOGIN, needs="cookies",
    ),
    AuthRoute(
        name="cookie_logout", method="POST", path="/cookie/logout",
        build=cookie_endpoints.cookie_logout, summary="End the login of the cookies",
        status=204, problems=(403, 503), needs="cookies",
    ),
    AuthRoute(
        name="logout_all", method="POST", path="/logout-all", build=login_endpoints.logout_all,
        summary="End all my logins", status=204, problems=LOGIN,
    ),
    AuthRoute(
        name="sessions", method="GET", path="/sessions", build=login_endpoints.sessions,
        summary="List my logins", answer=_of(bodies.LoginPage), problems=LOGIN,
    ),
    AuthRoute(
        name="end_session", method="DELETE", path="/sessions/{id}", build=login_endpoints.end_session,
        summary="End one of my logins", status=204, problems=(404, *LOGIN),
    ),
    AuthRoute(
        name="me", method="GET", path="/me", build=account_endpoints.me, summary="Show me",
        answer=_user, problems=(401, 503),
    ),
    AuthRoute(
        name="update_me", method="PATCH", path="/me", build=account_endpoints.update_me,
        summary="Change me", answer=_user, problems=(400, 409, 429, *BODY, *LOGIN), body=_changed_user,
    ),
    AuthRoute(
        name="change_password", method="POST", path="/change-password",
        build=account_endpoints.change_password, summary="Change my password", status=204,
        problems=(400, 429, *BODY, *LOGIN), body=_of(bodies.PasswordChange),
    ),
    AuthRoute(
        name="request_verify_token", method="POST", path="/request-verify-token",
        build=account_endpoints.request_verify, summary="Ask for a link to verify an address", status=202,
        problems=(429, *BODY), body=_of(bodies.Address), needs="mail",
    ),
    AuthRoute(
        name="verify", method="POST", path="/verify", build=account_endpoints.verify,
        summary="Verify an address by a link", status=204, problems=(400, 409, *BODY),
        body=_of(bodies.LinkToken), needs="mail",
    ),
    AuthRoute(
        name="forgot_password", method="POST", path="/forgot-password",
        build=account_endpoints.forgot_password, summary="Ask for a link to reset a password", status=202,
        problems=(429, *BODY), body=_of(bodies.Address), needs="mail",
    ),
    AuthRoute(
        name="reset_password", method="POST", path="/reset-password",
        build=account_endpoints.reset_password, summary="Set a new password by a link", status=204,
        problems=(400, *BODY), body=_of(bodies.PasswordReset), needs="mail",
    ),
    AuthRoute(
        name="change_email", method="POST", path="/change-email", build=account_endpoints.change_email,
        summary="Send a link to my new address", status=202, problems=(400, 429, *BODY, *LOGIN),
        body=_of(bodies.EmailChange), needs="mail",
    ),
    AuthRoute(
        name="api_keys", method="GET", path="/api-keys", build=key_endpoints.api_keys,
        summary="List my API keys", answer=_of(bodies.ApiKeyPage), problems=LOGIN,
        needs="api_keys",
    ),
    AuthRoute(
        name="create_api_key", method="POST", path="/api-keys",
        build=key_endpoints.create_api_key, summary="Make an API key", status=201,
        answer=_of(bodies.NewApiKey), problems=(*BODY, *LOGIN), body=_of(bodies.ApiKeyCreate), needs="api_keys",
    ),
    AuthRoute(
        name="revoke_api_key", method="DELETE", path="/api-keys/{id}",
        build=key_endpoints.revoke_api_key, summary="Revoke one of my API keys", status=204,
        problems=(404, *LOGIN), needs="api_keys",
    ),
    AuthRoute(
        name="jwks", method="GET", path="/.well-known/jwks.json", build=key_endpoints.jwks,
        summary="Show the keys that access tokens are checked with", answer=_of(dict[str, Any]),
        needs="jwks",
    ),
)  # fmt: skip

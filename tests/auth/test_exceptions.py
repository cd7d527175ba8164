"""What auth refuses: HTTP errors with a code, and with the headers that the RFCs ask for."""

from collections.abc import Mapping, Sequence

import pytest
from starlette.exceptions import HTTPException

from fastapi_crud.auth import exceptions
from fastapi_crud.auth.exceptions import (
    AuthError,
    CrossSiteRequest,
    EmailNotVerified,
    InsufficientScope,
    InvalidCredentials,
    InvalidCurrentPassword,
    InvalidOneTimeToken,
    InvalidRefreshToken,
    TooManyAttempts,
    Unauthenticated,
)

WHO = "WWW-Authenticate"
ERRORS: Sequence[tuple[AuthError, int, str, Mapping[str, str] | None]] = [
    (AuthError(), 403, "forbidden", None),
    (Unauthenticated(), 401, "unauthorized", {WHO: "Bearer"}),
    (Unauthenticated("Bearer x"), 401, "unauthorized", {WHO: "Bearer x"}),
    (InvalidCredentials(), 401, "invalid_credentials", {WHO: "Bearer"}),
    (InvalidRefreshToken(), 401, "invalid_refresh_token", {WHO: "Bearer"}),
    (InsufficientScope(), 403, "insufficient_scope", {WHO: 'Bearer error="insufficient_scope"'}),
    (
        InsufficientScope("a", "b:c"),
        403,
        "insufficient_scope",
        {WHO: 'Bearer error="insufficient_scope", scope="a b:c"'},
    ),
    (CrossSiteRequest(), 403, "cross_site_request", None),
    (EmailNotVerified(), 403, "email_not_verified", None),
    (InvalidCurrentPassword(), 400, "invalid_current_password", None),
    (InvalidOneTimeToken(), 400, "invalid_token", None),
    (TooManyAttempts(7), 429, "too_many_attempts", {"Retry-After": "7"}),
]


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    ERRORS,
    ids=[f"{type(it[0]).__name__}-{index}" for index, it in enumerate(ERRORS)],
)
def test_errors_are_http_errors(
    error: AuthError, status: int, code: str, headers: Mapping[str, str] | None
) -> None:
    """Does it work in any endpoint: with a status, a sentence, and headers?"""
    assert isinstance(error, HTTPException)
    assert (error.status_code, error.code, error.headers) == (status, code, headers)
    assert error.detail[:1].isupper()


def test_all_errors_are_in_the_table() -> None:
    """Is no error of auth forgotten here?"""
    there = {
        it for it in vars(exceptions).values() if isinstance(it, type) and issubclass(it, AuthError)
    }
    assert there == {type(error) for error, *_ in ERRORS}


def test_a_detail_can_be_given() -> None:
    """Can a subclass say more?"""
    assert AuthError("Not today").detail == "Not today"

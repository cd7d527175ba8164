"""What can go wrong with accounts and tokens: HTTP errors, so that they work in any endpoint."""

from starlette.exceptions import HTTPException

from fastapi_crud.exceptions import InvalidData, UniqueViolation


class InvalidToken(Exception):
    """The token is forged, expired, of another kind, or not a token at all."""


class WeakPassword(InvalidData):
    """This password is too easy to guess."""

    code = "weak_password"


class EmailTaken(UniqueViolation):
    """An account with this address already exists."""

    code = "email_taken"


class AuthError(HTTPException):
    """Base of what auth refuses.

    Args:
        detail: What happened, for people; the same for all causes that a caller must not tell
            apart.
        headers: Headers of the answer.
    """

    code = "forbidden"
    status = 403
    message = "Not allowed"

    def __init__(self, detail: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(self.status, detail or self.message, headers)


class Unauthenticated(AuthError):
    """Nobody, or nobody known, is calling (RFC 6750 §3.1).

    Args:
        challenge: The value of `WWW-Authenticate`.
    """

    code = "unauthorized"
    status = 401
    message = "Could not validate credentials"

    def __init__(self, challenge: str = "Bearer") -> None:
        super().__init__(headers={"WWW-Authenticate": challenge})


class InvalidCredentials(AuthError):
    """The address or the password is wrong, or the account is closed: nobody learns which."""

    code = "invalid_credentials"
    status = 401
    message = "Incorrect email or password"

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class InvalidRefreshToken(AuthError):
    """The refresh token is unknown, expired, used or revoked: nobody learns which."""

    code = "invalid_refresh_token"
    status = 401
    message = "Log in again"

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class InsufficientScope(AuthError):
    """The caller is known, but may not do this (RFC 6750 §3.1).

    Args:
        scopes: What would be needed; told to the caller.
    """

    code = "insufficient_scope"

    def __init__(self, *scopes: str) -> None:
        needed = f', scope="{" ".join(scopes)}"' if scopes else ""
        challenge = f'Bearer error="insufficient_scope"{needed}'
        super().__init__("Not enough permissions", {"WWW-Authenticate": challenge})


class CrossSiteRequest(AuthError):
    """A request by cookie that another site may have caused."""

    code = "cross_site_request"
    message = "This request does not come from a page of this site"


class EmailNotVerified(AuthError):
    """The password is right, but the address has not been verified."""

    code = "email_not_verified"
    message = "Verify your email address first"


class InvalidCurrentPassword(AuthError):
    """The current password is missing or wrong. Not 401: a client would try to refresh."""

    code = "invalid_current_password"
    status = 400
    message = "The current password is missing or wrong"


class InvalidOneTimeToken(AuthError):
    """The token of a mail is unknown, used or expired: nobody learns which."""

    code = "invalid_token"
    status = 400
    message = "This link is not valid (any more)"


class TooManyAttempts(AuthError):
    """Too many attempts; try again later (RFC 6585 §4).

    Args:
        retry_after: Seconds after which another attempt is allowed.
    """

    code = "too_many_attempts"
    status = 429
    message = "Too many attempts; try again later"

    def __init__(self, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})
        self.retry_after = retry_after

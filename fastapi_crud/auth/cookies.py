"""Tokens in cookies, for pages in a browser; requests from other sites are refused."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi.security import APIKeyCookie
from starlette.requests import HTTPConnection
from starlette.responses import Response
from typing_extensions import override

from fastapi_crud.auth.exceptions import CrossSiteRequest

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""
OWN_SITES = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` of requests that no other site has caused."""


@dataclass(frozen=True, kw_only=True)
class Cookies:
    """How tokens travel in cookies: out of reach for scripts, over TLS, to this host alone.

    Args:
        trusted_origins: Other origins whose pages may send requests, such as
            `"https://app.example.com"`; they must be of the same site as this one.
        secure: Whether only TLS will do. `False` is for development without it.
    """

    trusted_origins: Collection[str] = ()
    secure: bool = True

    @property
    def access_name(self) -> str:
        """The name of the cookie of the access token (RFC 6265bis §4.1.3)."""
        return "__Host-access" if self.secure else "access"

    @property
    def refresh_name(self) -> str:
        """The name of the cookie of the refresh token."""
        return "__Secure-refresh" if self.secure else "refresh"

    def put(
        self, response: Response, *, access: str, refresh: str, path: str, lives: tuple[int, int]
    ) -> None:
        """Put a pair of tokens into cookies.

        Args:
            response: The answer.
            access: The access token.
            refresh: The refresh token.
            path: Where the refresh token is sent to: the endpoints of cookies.
            lives: How many seconds each is kept.
        """
        of_access, of_refresh = lives
        response.set_cookie(
            self.access_name, access, max_age=of_access, path="/", httponly=True,
            secure=self.secure, samesite="lax",
        )  # fmt: skip
        response.set_cookie(
            self.refresh_name, refresh, max_age=of_refresh, path=path, httponly=True,
            secure=self.secure, samesite="strict",
        )  # fmt: skip

    def drop(self, response: Response, path: str) -> None:
        """Delete the cookies."""
        for name, place in ((self.access_name, "/"), (self.refresh_name, path)):
            response.delete_cookie(name, place, secure=self.secure, httponly=True)

    def refresh_token(self, connection: HTTPConnection) -> str:
        """Give the refresh token of a request; empty where there is none."""
        return connection.cookies.get(self.refresh_name, "")

    def check(self, connection: HTTPConnection) -> None:
        """Refuse a request that another site may have caused (OWASP: fetch metadata, origin).

        Raises:
            CrossSiteRequest: If it is not known to come from a page of our own.
        """
        headers = connection.headers
        origin = headers.get("Origin")
        if origin is not None and origin in self.trusted_origins:
            return
        site = headers.get("Sec-Fetch-Site")
        if site is not None:
            own = site in OWN_SITES
        else:
            own = origin is not None and urlsplit(origin).netloc == headers.get("Host")
        if not own:
            raise CrossSiteRequest


class CookieScheme(APIKeyCookie):
    """Reads the access token of a request from its cookie, where no header has one.

    Args:
        cookies: How tokens travel.
    """

    def __init__(self, cookies: Cookies) -> None:
        super().__init__(name=cookies.access_name, auto_error=False)
        self.cookies = cookies

    @override
    async def __call__(self, request: HTTPConnection) -> str | None:
        """Give the token; None where there is none, or a header has one.

        Raises:
            CrossSiteRequest: If another site may have caused a request that changes something.
        """
        token = request.cookies.get(self.model.name)
        if not token or "Authorization" in request.headers:
            return None
        if request.scope.get("method") not in SAFE_METHODS:
            self.cookies.check(request)
        return token

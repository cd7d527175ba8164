"""Tokens in cookies: which requests are believed to come from a page of our own."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from fastapi_crud.auth import Cookies, CrossSiteRequest
from fastapi_crud.auth.cookies import CookieScheme

COOKIES = Cookies(trusted_origins=["https://app.example.com"])
HOST = "api.example.com"


def request_of(method: str = "POST", **headers: str) -> Request:
    """A request with headers."""
    given = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": method, "headers": raw, "path": "/"})


ORIGINS: list[tuple[dict[str, str], bool]] = [
    ({"sec_fetch_site": "same-origin"}, True),
    ({"sec_fetch_site": "none"}, True),
    ({"sec_fetch_site": "same-site"}, False),
    ({"sec_fetch_site": "cross-site"}, False),
    ({"sec_fetch_site": "cross-site", "origin": f"https://{HOST}"}, False),
    ({"sec_fetch_site": "same-site", "origin": "https://app.example.com"}, True),
    ({"sec_fetch_site": "same-site", "origin": "https://evil.example.com"}, False),
    ({"sec_fetch_site": ""}, False),
    ({"origin": f"https://{HOST}"}, True),
    ({"origin": f"https://{HOST}.evil.com"}, False),
    ({"origin": f"https://{HOST}:8443"}, False),
    ({"origin": "https://app.example.com"}, True),
    ({"origin": "https://app.example.com.evil.com"}, False),
    ({"origin": "null"}, False),
    ({"referer": f"https://{HOST}/page"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("headers", "own"), ORIGINS, ids=str)
async def test_only_our_own_pages_change_something(headers: dict[str, str], own: bool) -> None:
    """Is a cookie taken from our own pages, and from nobody else where something changes?"""
    scheme = CookieScheme(COOKIES)
    cookie = f"{COOKIES.access_name}=t"
    assert await scheme(request_of("GET", cookie=cookie, **headers)) == "t"
    for method in ("POST", "PUT", "PATCH", "DELETE", "QUERY"):
        request = request_of(method, cookie=cookie, **headers)
        if own:
            assert await scheme(request) == "t"
        else:
            with pytest.raises(CrossSiteRequest):
                await scheme(request)


@pytest.mark.parametrize(
    "headers", [{}, {"cookie": "other=t"}, {"cookie": "__Host-access="}], ids=str
)
async def test_without_a_cookie_nobody_calls(headers: dict[str, str]) -> None:
    """Is there no token, and no refusal, where there is no cookie?"""
    assert await CookieScheme(COOKIES)(request_of(**headers)) is None


async def test_a_header_goes_before_a_cookie() -> None:
    """Is a cookie passed over, whatever its site, where a header says who calls?"""
    request = request_of(cookie="__Host-access=t", authorization="Bearer x")
    assert await CookieScheme(COOKIES)(request) is None


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_are_out_of_reach(secure: bool) -> None:
    """Are they for this host and TLS alone, and not for scripts?"""
    cookies, response = Cookies(secure=secure), Response()
    cookies.put(response, access="a", refresh="r", path="/auth/cookie", lives=(60, 120))
    access, refresh = (value.lower() for value in response.headers.getlist("set-cookie"))
    assert {"httponly", "samesite=lax", "path=/", "max-age=60"} <= {*access.split("; ")}
    assert {"httponly", "samesite=strict", "path=/auth/cookie", "max-age=120"} <= {
        *refresh.split("; ")
    }
    for cookie, name in ((access, "access"), (refresh, "refresh")):
        assert "domain" not in cookie
        assert ("secure" in cookie.split("; ")) is secure
        assert cookie.startswith(("__host-", "__secure-") if secure else name)


def test_cookies_are_dropped_where_they_were_put() -> None:
    """Are both deleted, at their own paths?"""
    response = Response()
    COOKIES.drop(response, "/auth/cookie")
    dropped: list[Any] = response.headers.getlist("set-cookie")
    assert [("Max-Age=0" in it, it.partition("=")[0]) for it in dropped] == [
        (True, COOKIES.access_name),
        (True, COOKIES.refresh_name),
    ]
    assert "Path=/auth/cookie" in dropped[1]

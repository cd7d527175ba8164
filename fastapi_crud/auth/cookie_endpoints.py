"""The endpoints of logins whose tokens travel in cookies."""

from fastapi import Request
from starlette.responses import Response

from fastapi_crud.auth import bodies
from fastapi_crud.auth.cookies import Cookies
from fastapi_crud.auth.desk import Desk, Endpoint, written
from fastapi_crud.auth.entrance import TokenPair
from fastapi_crud.auth.forms import read_credentials
from fastapi_crud.database import AsyncSession

DAY = 24 * 60 * 60  # seconds


def cookie_login(desk: Desk) -> Endpoint:
    """Build `POST /cookie/login`."""

    async def endpoint(request: Request, session: AsyncSession) -> Response:
        cookies_of(desk).check(request)
        given = await read_credentials(request)
        entrance = desk.entrance(request, session)
        return _kept(
            desk, request, await entrance.login(given.username, given.password, given.limit)
        )

    return endpoint


def cookie_refresh(desk: Desk) -> Endpoint:
    """Build `POST /cookie/refresh`."""

    async def endpoint(request: Request, session: AsyncSession) -> Response:
        cookies = cookies_of(desk)
        cookies.check(request)
        token = cookies.refresh_token(request)
        return _kept(desk, request, await desk.entrance(request, session).refresh(token))

    return endpoint


def cookie_logout(desk: Desk) -> Endpoint:
    """Build `POST /cookie/logout`."""

    async def endpoint(request: Request, session: AsyncSession) -> Response:
        cookies = cookies_of(desk)
        cookies.check(request)
        await desk.entrance(request, session).logout(cookies.refresh_token(request))
        response = desk.accepted([])
        cookies.drop(response, _place(request))
        return response

    return endpoint


def cookies_of(desk: Desk) -> Cookies:
    """Give how tokens travel; these endpoints are there only where that is said."""
    cookies = desk.auth.cookies
    assert cookies is not None  # noqa: S101 - the router asked
    return cookies


def _kept(desk: Desk, request: Request, pair: TokenPair) -> Response:
    settings = desk.auth.settings
    response = written(bodies.CookieLogin(expires_in=pair.expires_in, scope=pair.scope))
    cookies_of(desk).put(
        response,
        access=pair.access_token,
        refresh=pair.refresh_token,
        path=_place(request),
        lives=(pair.expires_in, settings.refresh_token_idle_days * DAY),
    )
    return response


def _place(request: Request) -> str:
    """Give the path that these endpoints have in common."""
    return request.url.path.rstrip("/").rpartition("/")[0] or "/"

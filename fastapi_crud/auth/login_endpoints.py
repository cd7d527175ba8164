"""The endpoints of logins: they tie HTTP to `Entrance`. No rule, no SQL."""

from typing import Any

from fastapi import Request
from starlette.responses import Response

from fastapi_crud.auth import bodies
from fastapi_crud.auth.accounts import Accounts
from fastapi_crud.auth.callers import Caller
from fastapi_crud.auth.desk import Desk, Endpoint, ending, written
from fastapi_crud.auth.entrance import TokenPair
from fastapi_crud.auth.forms import read_credentials
from fastapi_crud.database import AsyncSession

SESSION = "Session"
"""What a login is called in answers."""


def login(desk: Desk) -> Endpoint:
    """Build `POST /login`."""

    async def endpoint(request: Request, session: AsyncSession) -> Response:
        given = await read_credentials(request)
        entrance = desk.entrance(request, session)
        return paired(await entrance.login(given.username, given.password, given.limit))

    return endpoint


def refresh(desk: Desk) -> Endpoint:
    """Build `POST /refresh`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        data: bodies.RefreshToken,
    ) -> Response:
        return paired(await desk.entrance(request, session).refresh(data.refresh_token))

    return endpoint


def logout(desk: Desk) -> Endpoint:
    """Build `POST /logout`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        data: bodies.RefreshToken,
    ) -> Response:
        await desk.entrance(request, session).logout(data.refresh_token)
        return desk.accepted([])

    return endpoint


def logout_all(desk: Desk) -> Endpoint:
    """Build `POST /logout-all`."""

    async def endpoint(request: Request, session: AsyncSession, caller: Caller[Any]) -> Response:
        await desk.entrance(request, session).logout_all(caller.user)
        return desk.accepted([])

    return endpoint


def sessions(desk: Desk) -> Endpoint:
    """Build `GET /sessions`."""

    async def endpoint(request: Request, session: AsyncSession, caller: Caller[Any]) -> Response:
        rows = await desk.accounts(request, session).logins(caller.user)
        items = [bodies.LoginRead.model_validate(row) for row in rows]
        marked = [it.model_copy(update={"current": it.id == caller.login_id}) for it in items]
        return written(bodies.LoginPage(items=marked, total=len(marked)))

    return endpoint


def end_session(desk: Desk) -> Endpoint:
    """Build `DELETE /sessions/{id}`."""
    return ending(desk, SESSION, Accounts[Any].end_login)


def paired(pair: TokenPair) -> Response:
    """Answer with tokens."""
    return written(bodies.Tokens.model_validate(pair, from_attributes=True))

"""The endpoints of accounts: they tie HTTP to `Accounts` and `Recovery`. No rule, no SQL."""

from functools import partial
from typing import Any

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from fastapi_crud.auth import bodies
from fastapi_crud.auth.callers import Caller
from fastapi_crud.auth.desk import Desk, Endpoint
from fastapi_crud.auth.exceptions import EmailTaken
from fastapi_crud.database import AsyncSession


def register(desk: Desk) -> Endpoint:
    """Build `POST /register`."""
    auth = desk.auth

    async def endpoint(request: Request, session: AsyncSession, data: BaseModel) -> Response:
        hides = auth.settings.hide_existing
        try:
            show = partial(desk.shown, status=201)
            answer = await desk.accounts(request, session).register(data, show)
        except EmailTaken:
            if not hides:
                raise
            return desk.accepted([], 202)
        return desk.accepted([], 202) if hides else answer

    return endpoint


def me(desk: Desk) -> Endpoint:
    """Build `GET /me`."""

    async def endpoint(user: Any) -> Response:  # noqa: ANN401 - any user model
        return desk.shown(user)

    return endpoint


def update_me(desk: Desk) -> Endpoint:
    """Build `PATCH /me`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        caller: Caller[Any],
        data: BaseModel,
    ) -> Response:
        return await desk.accounts(request, session).update(caller.user, data, desk.shown)

    return endpoint


def change_password(desk: Desk) -> Endpoint:
    """Build `POST /change-password`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        caller: Caller[Any],
        data: bodies.PasswordChange,
    ) -> Response:
        recovery = desk.recovery(request, session)
        given = (data.current_password, data.new_password)
        return desk.accepted(await recovery.change_password(caller, *given))

    return endpoint


def request_verify(desk: Desk) -> Endpoint:
    """Build `POST /request-verify-token`."""
    return _request_link(desk, "verify")


def forgot_password(desk: Desk) -> Endpoint:
    """Build `POST /forgot-password`."""
    return _request_link(desk, "reset")


def _request_link(desk: Desk, purpose: Any) -> Endpoint:  # noqa: ANN401 - a purpose of links
    async def endpoint(
        request: Request,
        session: AsyncSession,
        data: bodies.Address,
    ) -> Response:
        notices = await desk.recovery(request, session).request_link(purpose, data.email)
        return desk.accepted(notices, 202)

    return endpoint


def verify(desk: Desk) -> Endpoint:
    """Build `POST /verify`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        data: bodies.LinkToken,
    ) -> Response:
        await desk.recovery(request, session).verify(data.token)
        return desk.accepted([])

    return endpoint


def reset_password(desk: Desk) -> Endpoint:
    """Build `POST /reset-password`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        data: bodies.PasswordReset,
    ) -> Response:
        recovery = desk.recovery(request, session)
        return desk.accepted(await recovery.reset_password(data.token, data.new_password))

    return endpoint


def change_email(desk: Desk) -> Endpoint:
    """Build `POST /change-email`."""

    async def endpoint(
        request: Request,
        session: AsyncSession,
        caller: Caller[Any],
        data: bodies.EmailChange,
    ) -> Response:
        recovery = desk.recovery(request, session)
        notices = await recovery.change_email(caller.user, data.new_email, data.current_password)
        return desk.accepted(notices, 202)

    return endpoint

"""The entrance of the admin UI: superusers come in by a login, which a signed cookie names."""

import hmac
from typing import Any
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from sqladmin.authentication import AuthenticationBackend
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp
from typing_extensions import override

from fastapi_crud.auth.addresses import client_address
from fastapi_crud.auth.auth import Auth
from fastapi_crud.auth.callers import Caller, user_agent_of
from fastapi_crud.auth.cookies import SAFE_METHODS, Cookies
from fastapi_crud.auth.entrance import Entrance
from fastapi_crud.auth.exceptions import AuthError, TooManyAttempts
from fastapi_crud.auth.forms import read_credentials
from fastapi_crud.auth.logins import Client
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import AsyncSession, Database
from fastapi_crud.exceptions import CrudError

IDLE = 8 * 60 * 60
"""Seconds without a request after which the cookie ends."""
LOGIN = "login"
"""Where the cookie says by which login somebody calls."""


class AdminEntrance(AuthenticationBackend):
    """Lets superusers in, by a login of `Auth` whose id a signed cookie holds.

    The login is one like any other: whoever logs out everywhere or changes the password ends it.

    Args:
        auth: Who may log in.
        database: Where the users are.
        cookies: How cookies travel, and which requests may come with them.
    """

    def __init__(self, auth: Auth[Any], database: Database, cookies: Cookies) -> None:
        self.auth: Auth[Any] = auth
        self.database: Database = database
        self.cookies: Cookies = cookies
        self.middlewares: list[Middleware] = [Middleware(self._sessions)]

    def _sessions(self, app: ASGIApp) -> SessionMiddleware:
        """Sign cookies by a key of their own, which is read when the first request comes."""
        first = next(iter(self.auth.settings.signing_keys().values()))
        key = hmac.digest(first.encode(), b"fastapi_crud.admin", "sha256").hex()
        name = "__Host-admin" if self.cookies.secure else "admin"
        return SessionMiddleware(
            app, key, name, IDLE, same_site="strict", https_only=self.cookies.secure
        )

    @override
    async def login(self, request: Request) -> bool:
        """Open a login; told as wrong credentials where the user is no superuser."""
        self._check_site(request)
        request.session.clear()
        async with self.database.sessionmaker() as session:
            entrance = self._entrance(request, session)
            try:
                given = await read_credentials(request)
                pair = await entrance.login(given.username, given.password, None)
            except TooManyAttempts as error:
                raise HTTPException(error.status, error.message, error.headers) from error
            except (AuthError, RequestValidationError, CrudError):
                return False
            caller = await self.auth.callers.find(session, pair.access_token)
            if not caller.is_superuser:
                await entrance.logout(pair.refresh_token)
                return False
            (key,) = inspect_model(self.auth.model).key_text(caller.user)
            request.session[LOGIN] = [key, str(caller.login_id)]
        return True

    @override
    async def logout(self, request: Request) -> bool:
        """End the login."""
        async with self.database.sessionmaker() as session:
            caller = await self._caller(request, session)
            if caller is not None and caller.login_id is not None:
                entrance = self._entrance(request, session)
                await entrance.end_login(caller.user, caller.login_id)
        request.session.clear()
        return False

    @override
    async def authenticate(self, request: Request) -> bool:
        """Tell whether the login still runs, and is that of a superuser."""
        async with self.database.sessionmaker() as session:
            caller = await self._caller(request, session)
        if caller is None or not caller.is_superuser:
            return False
        if request.method not in SAFE_METHODS:
            self._check_site(request)
        request.state.admin = caller.user
        return True

    async def _caller(self, request: Request, session: AsyncSession) -> Caller[Any] | None:
        key, login_id = request.session.get(LOGIN, (None, None))
        (user_id,) = inspect_model(self.auth.model).as_key(key) or (None,)
        if login_id is None or user_id is None:
            return None
        try:
            return await self.auth.callers.of_login(session, user_id, UUID(login_id))
        except AuthError:
            return None

    def _entrance(self, request: Request, session: AsyncSession) -> Entrance[Any]:
        client = Client(address=client_address(request), user_agent=user_agent_of(request))
        return Entrance(self.auth, session, client)

    def _check_site(self, request: Request) -> None:
        """Refuse what another site may have caused, such as a login to an account of its own."""
        try:
            self.cookies.check(request)
        except AuthError as error:
            raise HTTPException(error.status, error.message) from error

"""Logins by a password, and how they go on and end; without HTTP."""

import re
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from fastapi_crud.auth.accounts import Accounts, keep_hash
from fastapi_crud.auth.callers import is_open
from fastapi_crud.auth.emails import email_key
from fastapi_crud.auth.events import EventName
from fastapi_crud.auth.exceptions import (
    EmailNotVerified,
    InvalidCredentials,
    InvalidRefreshToken,
)
from fastapi_crud.auth.logins import Grant, TokenReused
from fastapi_crud.database import commit
from fastapi_crud.exceptions import InvalidData

UserT = TypeVar("UserT")
SCOPE = re.compile(r"[!#-\[\]-~]+")
"""What a scope may consist of (RFC 6749 §3.3); the rest would not fit into a token."""


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """What a client gets for a password or a refresh token.

    Args:
        access_token: Lets it call, for a short time.
        refresh_token: Gets the next pair, once.
        expires_in: Seconds that the access token works.
        scope: What the access token allows.
    """

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str


class Entrance(Accounts[UserT]):
    """How users come in, stay and leave."""

    async def login(self, email: str, password: str, limit: frozenset[str] | None) -> TokenPair:
        """Open a login.

        Args:
            email: The address.
            password: The password.
            limit: Scopes to limit it to; None for no limit.

        Raises:
            InvalidCredentials: If the address or the password is wrong, or the account is closed.
            EmailNotVerified: If the password is right, but the address must be verified.
            TooManyAttempts: If there were too many wrong ones.
            InvalidData: If something else than scopes is to limit it.
        """
        if not all(map(SCOPE.fullmatch, limit or ())):
            msg = "must be scopes, separated by spaces"
            raise InvalidData(msg, fields=["scope"])
        auth, key = self.auth, email_key(email)
        attempt = await self.admit("login", key)
        model: Any = auth.model
        columns = (
            auth.tables.user_key, model.hashed_password, model.email_verified_at,
            is_open(model).label("is_open"),
        )  # fmt: skip
        found = await self.session.execute(sa.select(*columns).where(model.email_key == key))
        user = found.one_or_none()
        await commit(self.session)  # a hash takes long: nobody waits for this connection meanwhile
        stored = None if user is None else user.hashed_password
        await auth.passwords.warm()
        right, better = await auth.passwords.verify(password, stored)
        if user is None or not right or not user.is_open:
            await self.tell("login_failed", None if user is None else user[0])
            raise InvalidCredentials
        await self.forgive("login", key, attempt)
        if auth.settings.require_verified and user.email_verified_at is None:
            raise EmailNotVerified
        if better is not None:
            await keep_hash(self.session, auth, user[0], (user.hashed_password, better))
        grant = await auth.logins.open(self.session, user[0], self.client, limit)
        opened = await self._open_user(grant, lock=True)
        if opened is None or not await self._still_right(opened, password, stored, better):
            raise InvalidCredentials
        return await self._pair(grant, opened, "logged_in")

    async def refresh(self, token: str) -> TokenPair:
        """Let a login go on.

        Raises:
            InvalidRefreshToken: If it cannot.
        """
        try:
            grant = await self.auth.logins.refresh(self.session, token)
        except TokenReused as error:
            await commit(self.session)
            await self.tell("refresh_reused", error.user_id, error.login_id)
            raise InvalidRefreshToken from error
        user = await self._open_user(grant)
        if user is None:
            raise InvalidRefreshToken
        return await self._pair(grant, user, "refreshed")

    async def logout(self, token: str) -> None:
        """End the login of a refresh token, if it runs."""
        ended = await self.auth.logins.close(self.session, token)
        await commit(self.session)
        if ended is not None:
            await self.tell("logged_out", ended[1], ended[0])

    async def logout_all(self, user: Any) -> None:  # noqa: ANN401 - any user model
        """End all logins of a user."""
        await self.auth.logins.end_all(self.session, self.id_of(user), "logged_out")
        await commit(self.session)
        await self.tell("logged_out_everywhere", self.id_of(user))

    async def _open_user(self, grant: Grant, *, lock: bool = False) -> Any:  # noqa: ANN401
        """Give the user of a login as it is now; None if its account was closed meanwhile."""
        auth, model = self.auth, self.auth.model
        wanted = sa.select(model).where(auth.tables.user_key == grant.user_id, is_open(model))
        if lock:  # whoever changes the password waits, and then ends this login as well
            wanted = wanted.with_for_update(read=True, of=auth.tables.users)
        found = await self.session.scalars(wanted.execution_options(populate_existing=True))
        return found.unique().one_or_none()  # it may have collections that are joined

    async def _still_right(self, user: Any, password: str, *hashes: str | None) -> bool:  # noqa: ANN401
        """Tell whether the password was not changed while its hash was being checked."""
        if user.hashed_password in hashes:
            return True
        right, _ = await self.auth.passwords.verify(password, user.hashed_password)
        return right

    async def _pair(self, grant: Grant, user: Any, name: EventName) -> TokenPair:  # noqa: ANN401
        """Write the tokens of a login."""
        auth = self.auth
        scopes = auth.callers.scopes_of(user)
        if grant.scopes is not None:
            scopes = grant.scopes if user.is_superuser else scopes & grant.scopes
        token = auth.access_token(
            grant.user_id, grant.id, scopes=scopes, auth_time=int(grant.since.timestamp())
        )
        await commit(self.session)
        await self.tell(name, grant.user_id, grant.id)
        return TokenPair(
            access_token=token,
            refresh_token=grant.refresh_token,
            expires_in=auth.settings.access_token_expire_minutes * 60,
            scope=" ".join(sorted(scopes)),
        )

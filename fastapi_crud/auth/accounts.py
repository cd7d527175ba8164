"""Accounts of users: opened, changed, and kept from those who guess passwords; without HTTP."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from fastapi_crud.auth.auth import Auth
from fastapi_crud.auth.callers import Caller
from fastapi_crud.auth.events import AuthEvent, EventName
from fastapi_crud.auth.exceptions import (
    EmailTaken,
    InsufficientScope,
    InvalidCurrentPassword,
    TooManyAttempts,
)
from fastapi_crud.auth.logins import Client
from fastapi_crud.auth.throttle import Attempt
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import AsyncSession, commit, transaction
from fastapi_crud.exceptions import UniqueViolation
from fastapi_crud.options import resolve_options
from fastapi_crud.service import Service

UserT = TypeVar("UserT")


class Accounts(Generic[UserT]):
    """The accounts of one user model, for one request.

    Args:
        auth: The model's auth.
        session: The session to work in; what is done is committed here.
        client: Who asks.
    """

    def __init__(self, auth: Auth[UserT], session: AsyncSession, client: Client) -> None:
        self.auth = auth
        self.session = session
        self.client = client

    @cached_property
    def service(self) -> Service[Any, Any, Any]:
        """The service of the users, with its rules and hooks."""
        generic: Any = Service
        model = self.auth.model
        service = resolve_options(model, {}).service or generic[model]
        return service(self.session)

    async def register(self, data: BaseModel) -> Any:  # noqa: ANN401 - any user model
        """Open an account.

        Raises:
            EmailTaken: If there is one with this address.
            WeakPassword: If the password is too easy to guess.
            TooManyAttempts: If this client opens too many.
        """
        many = self.auth.allowance(self.auth.settings.max_address_failures)
        await self.auth.throttle.admit(self.session, ("register", self.client.address), many)
        try:
            async with transaction(self.session, inspect_model(self.auth.model)):
                user = await self.service.create(data)
                user_id = self.id_of(user)
        except UniqueViolation as error:
            if error.fields != ("email",):
                raise
            raise EmailTaken(fields=["email"]) from error
        await self.tell("registered", user_id)
        return user

    async def update(self, user: Any, data: BaseModel) -> Any:  # noqa: ANN401 - any user model
        """Change what a user may change of itself.

        Raises:
            InvalidCurrentPassword: If an address or password changes without the current one.
            EmailTaken: If somebody else has the new address.
        """
        self.service.actor = user
        try:
            async with transaction(self.session, inspect_model(self.auth.model)):
                return await self.service.update(self.id_of(user), data)
        except UniqueViolation as error:
            if error.fields != ("email",):
                raise
            raise EmailTaken(fields=["email"]) from error

    async def logins(self, user: Any) -> Sequence[sa.Row[Any]]:  # noqa: ANN401 - any user model
        """List the logins of a user that run."""
        return await self.auth.logins.running(self.session, self.id_of(user))

    async def end_login(self, user: Any, login_id: UUID) -> bool:  # noqa: ANN401
        """End a login of a user, and tell whether there was one."""
        user_id = self.id_of(user)
        ended = await self.auth.logins.end(self.session, user_id, login_id, "ended")
        await commit(self.session)
        if ended:
            await self.tell("session_ended", user_id, login_id)
        return ended

    async def api_keys(self, user: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """List the API keys of a user that work."""
        return await self.auth.keys.working(self.session, self.id_of(user))

    async def create_api_key(
        self, caller: Caller[Any], name: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> tuple[str, dict[str, Any]]:
        """Make an API key, and give it with what is stored of it.

        Raises:
            InsufficientScope: If its user may not do all that it shall be able to do.
        """
        if not caller.may(*scopes):
            raise InsufficientScope(*scopes)
        user_id = self.id_of(caller.user)
        made = await self.auth.keys.create(self.session, user_id, name, scopes, expires_at)
        await commit(self.session)
        await self.tell("api_key_created", user_id)
        return made

    async def revoke_api_key(self, user: Any, key_id: UUID) -> bool:  # noqa: ANN401
        """Revoke an API key of a user, and tell whether there was one."""
        user_id = self.id_of(user)
        revoked = await self.auth.keys.revoke(self.session, user_id, key_id)
        await commit(self.session)
        if revoked:
            await self.tell("api_key_revoked", user_id)
        return revoked

    async def confirm(self, user: Any, current: str) -> None:  # noqa: ANN401 - any user model
        """Check the current password of a user who is logged in.

        Raises:
            InvalidCurrentPassword: If it is wrong.
            TooManyAttempts: If it was wrong too often.
        """
        hashed, key = user.hashed_password, str(self.id_of(user))
        attempt = await self.admit("password", key)
        right, _ = await self.auth.passwords.verify(current, hashed)
        if not right:
            raise InvalidCurrentPassword
        await self.forgive("password", key, attempt)

    async def admit(self, what: str, key: str) -> Attempt:
        """Count an attempt before it is made: by account and address, and by address."""
        auth, address = self.auth, self.client.address
        wide = auth.allowance(auth.settings.max_address_failures)
        narrow = auth.allowance(auth.settings.max_failures)
        try:
            attempt = await auth.throttle.admit(self.session, (what, address), wide)
            try:
                await auth.throttle.admit(self.session, (what, key, address), narrow)
            except TooManyAttempts:
                await auth.throttle.take_back(self.session, attempt)
                raise
        except TooManyAttempts:
            await self.tell("login_throttled")
            raise
        return attempt

    async def forgive(self, what: str, key: str, attempt: Attempt) -> None:
        """Forget the failures of an account and address, after a success."""
        throttle = self.auth.throttle
        await throttle.forget(self.session, (what, key, self.client.address))
        await throttle.take_back(self.session, attempt)

    def id_of(self, user: Any) -> Any:  # noqa: ANN401 - any key
        """Give the key of a user."""
        return inspect_model(self.auth.model).key_of(user)[0]

    async def tell(self, name: EventName, user_id: object = None, login_id: object = None) -> None:
        """Tell what happened."""
        told = AuthEvent(
            name=name,
            user_id=None if user_id is None else str(user_id),
            session_id=None if login_id is None else str(login_id),
            address=self.client.address,
        )
        await self.auth.tell(told)

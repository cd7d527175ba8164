"""Accounts of users: opened, changed, and kept from those who guess passwords; without HTTP."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from fastapi_crud.auth.auth import Auth, auth_of
from fastapi_crud.auth.callers import Caller
from fastapi_crud.auth.events import AuthEvent, EventName
from fastapi_crud.auth.exceptions import (
    EmailTaken,
    InsufficientScope,
    InvalidCurrentPassword,
    TooManyAttempts,
    Unauthenticated,
)
from fastapi_crud.auth.logins import Client
from fastapi_crud.auth.throttle import Attempt
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import AsyncSession, commit, transaction
from fastapi_crud.exceptions import InvalidData, UniqueViolation
from fastapi_crud.models import utc_now
from fastapi_crud.resolution import resolve_options
from fastapi_crud.service import Service

UserT = TypeVar("UserT")
ShownT = TypeVar("ShownT")
GONE = 'Bearer error="invalid_token"'
"""What a caller is told whose account is no longer there (RFC 6750 §3.1)."""
PERSONAL = ("email", "name")
"""What of a user must not be its password."""


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
        options = resolve_options(model, {})
        service: Any = (options.service or generic[model])(self.session)
        service.announced = options.announced
        if self.auth is not auth_of(model):
            service.auth = self.auth
        made: Service[Any, Any, Any] = service
        return made

    async def register(self, data: BaseModel, show: Callable[[Any], ShownT]) -> ShownT:
        """Open an account.

        Args:
            data: A validated body.
            show: Makes the answer of the new user, before it is committed.

        Raises:
            EmailTaken: If there is one with this address.
            WeakPassword: If the password is too easy to guess.
            TooManyAttempts: If this client opens too many.
        """
        many = self.auth.allowance(self.auth.settings.max_address_failures)
        await self.auth.throttle.admit(self.session, ("register", self.client.address), many)
        with email_taken():
            async with transaction(self.session, inspect_model(self.auth.model)):
                user = await self.service.create(data)
                user_id, shown = self.id_of(user), show(user)
        await self.tell("registered", user_id)
        return shown

    async def update(
        self,
        user: Any,  # noqa: ANN401 - any user model
        data: BaseModel,
        show: Callable[[Any], ShownT],
    ) -> ShownT:
        """Change what a user may change of itself.

        Args:
            user: Who asks.
            data: A validated body.
            show: Makes the answer of the changed user, before it is committed.

        Raises:
            InvalidCurrentPassword: If an address or password changes without the current one.
            EmailTaken: If somebody else has the new address.
            Unauthenticated: If the user was deleted meanwhile.
        """
        self.service.actor = user
        with email_taken():
            async with transaction(self.session, inspect_model(self.auth.model)):
                changed = await self.service.update(self.id_of(user), data)
                if changed is None:
                    raise Unauthenticated(GONE)
                return show(changed)

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
            InvalidData: If it would have expired already.
        """
        if not caller.may(*scopes):
            raise InsufficientScope(*scopes)
        if expires_at is not None and expires_at <= utc_now():
            msg = "must lie in the future"
            raise InvalidData(msg, fields=["expires_at"])
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


async def keep_hash(
    session: AsyncSession,
    auth: Auth[Any],
    user_id: Any,  # noqa: ANN401 - any key
    hashes: tuple[str, str],
) -> None:
    """Store a hash of today's cost, unless the password has changed meanwhile.

    Args:
        session: The session to work in. Whoever opened it commits it.
        auth: The auth of the user.
        user_id: Whose it is.
        hashes: The hash that is stored, and the better one.
    """
    model: Any = auth.model
    stored, better = hashes
    same = (auth.tables.user_key == user_id, model.hashed_password == stored)
    change = sa.update(auth.tables.users).where(*same)
    await session.execute(change.values({model.hashed_password: better}))


@contextmanager
def email_taken() -> Generator[None]:
    """Say that an address is taken, where it is that which must be unique.

    Raises:
        EmailTaken: In place of the violation.
    """
    try:
        yield
    except UniqueViolation as error:
        if error.fields != ("email",):
            raise
        raise EmailTaken(fields=["email"]) from error


def personal_texts(user: object, **values: Any) -> list[str]:  # noqa: ANN401 - any columns
    """Give what of a user must not be its password.

    Args:
        user: The user as it is; None for a new one.
        **values: What becomes of it.
    """
    texts = [it for n in PERSONAL for it in (getattr(user, n, None), values.get(n))]
    return [text for text in texts if isinstance(text, str)]

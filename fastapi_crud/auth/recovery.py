"""Passwords and addresses that change, by the current password or by a link; without HTTP."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from fastapi_crud.auth.accounts import Accounts, email_taken, personal_texts
from fastapi_crud.auth.callers import Caller
from fastapi_crud.auth.emails import email_key
from fastapi_crud.auth.events import EventName
from fastapi_crud.auth.exceptions import InvalidOneTimeToken, TooManyAttempts
from fastapi_crud.auth.mails import Notice, Purpose
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import commit

UserT = TypeVar("UserT")


class Recovery(Accounts[UserT]):
    """How users get other passwords and addresses."""

    async def change_password(self, caller: Caller[Any], current: str, new: str) -> list[Notice]:
        """Set another password: the other logins of the user end.

        Raises:
            InvalidCurrentPassword: If the current one is wrong.
            WeakPassword: If the new one is too easy to guess.
            TooManyAttempts: If the current one was wrong too often.
        """
        user, login_id = caller.user, caller.login_id
        user_id, email, personal = self.id_of(user), user.email, personal_texts(user)
        await self.confirm(user, current)
        await self._set_password(user_id, personal, new, keep=login_id)
        await self.tell("password_changed", user_id, login_id)
        return [Notice(kind="password_changed", email=email)]

    async def request_link(self, purpose: Purpose, email: str) -> list[Notice]:
        """Make a link for whoever has an address; nobody learns whether anybody does.

        Raises:
            TooManyAttempts: If this client asks for too many.
        """
        auth, key = self.auth, email_key(email)
        if not await self._may_write(purpose, key):
            return []
        notice: Notice | None = None
        if auth.defer is None:
            notice = await auth.mint_link(self.session, purpose, email)
        else:
            await auth.defer(self.session, purpose, email)
        await commit(self.session)
        name: EventName = "reset_requested" if purpose == "reset" else "verify_requested"
        await self.tell(name)
        return [] if notice is None else [notice]

    async def reset_password(self, token: str, new: str) -> list[Notice]:
        """Set another password by a link: all logins of the user end.

        Raises:
            InvalidOneTimeToken: If the link does not work (any more).
            WeakPassword: If the new password is too easy to guess.
        """
        link = await self.auth.links.redeem(self.session, token, "reset")
        user = await self._linked(link)
        user_id, email, personal = self.id_of(user), user.email, personal_texts(user)
        verified = {} if user.email_verified_at else {"email_verified_at": link.used_at}
        await self._set_password(user_id, personal, new, keep=None, **verified)
        await self.tell("password_reset", user_id)
        return [Notice(kind="password_changed", email=email)]

    async def change_email(self, user: Any, new: str, current: str) -> list[Notice]:  # noqa: ANN401
        """Send a link to a new address; it becomes the user's when that is followed.

        Raises:
            InvalidCurrentPassword: If the current password is wrong.
            TooManyAttempts: If it was wrong too often, or this client asks for too many mails.
        """
        old, user_id = user.email, self.id_of(user)
        of = self.auth.tables.user_key == user_id
        await self.confirm(user, current)
        if not await self._may_write("change_email", email_key(new)):
            return []
        await self.auth.links.void(self.session, user_id, "change_email")  # the last one counts
        link = await self.auth.links.mint(self.session, "change_email", new, of)
        await commit(self.session)
        await self.tell("email_change_requested", user_id)
        return [*([link] if link else []), Notice(kind="email_changed", email=old)]

    async def verify(self, token: str) -> None:
        """Verify an address by a link, or take the new one that it was sent to.

        Raises:
            InvalidOneTimeToken: If the link does not work (any more).
            EmailTaken: If somebody else has taken the new address meanwhile.
        """
        link = await self.auth.links.redeem(self.session, token, "verify", "change_email")
        user = await self._linked(link)
        user_id = self.id_of(user)
        values: dict[str, Any] = {"email_verified_at": link.used_at}
        if link.purpose == "change_email":
            values["email"] = link.email
            await self.auth.links.void(self.session, user_id, "reset", "verify", "change_email")
        with email_taken():
            await self.service.change(user_id, values)
            await commit(self.session, inspect_model(self.auth.model))
        name: EventName = "email_changed" if "email" in values else "email_verified"
        await self.tell(name, user_id)

    async def _may_write(self, purpose: Purpose, key: str) -> bool:
        """Count a mail to an address: nobody is flooded, and no stranger keeps one from its owner.

        Raises:
            TooManyAttempts: If this client asks for too many mails to anybody.
        """
        auth, address = self.auth, self.client.address
        many = auth.allowance(auth.settings.max_address_failures)
        few = auth.allowance(auth.settings.max_failures)
        await auth.throttle.admit(self.session, ("mail", address), many)
        try:
            await auth.throttle.admit(self.session, (purpose, key, address), few)
            await auth.throttle.admit(self.session, (purpose, key), many)
        except TooManyAttempts:
            return False
        return True

    async def _set_password(
        self,
        user_id: Any,  # noqa: ANN401 - any key
        personal: Sequence[str],
        new: str,
        *,
        keep: UUID | None,
        **values: Any,  # noqa: ANN401 - more columns
    ) -> None:
        auth = self.auth
        await auth.policy.check(new, personal=personal, field="new_password")
        values["hashed_password"] = await auth.passwords.hash(new)
        await self.service.change(user_id, values)
        await auth.end_access(self.session, user_id, but=keep)
        await commit(self.session)

    async def _linked(self, link: sa.Row[Any]) -> Any:  # noqa: ANN401 - any user model
        """Give the user of a link; its account must be open, and its address still the same."""
        user = await self.service.get(link.user_id)
        changed = (
            link.purpose != "change_email"
            and user is not None
            and (email_key(user.email) != email_key(link.email))
        )
        if user is None or not user.is_active or changed:
            raise InvalidOneTimeToken
        return user

"""Links in mails: made for an address, sent after the answer, good for one use."""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import sqlalchemy as sa

from fastapi_crud.auth.exceptions import InvalidOneTimeToken
from fastapi_crud.auth.opaque import ONE_TIME, is_token, new_token, token_hash
from fastapi_crud.auth.tables import AuthTables
from fastapi_crud.database import AsyncSession
from fastapi_crud.models import utc_now

logger: logging.Logger = logging.getLogger(__name__)


Purpose = Literal["verify", "reset", "change_email"]
"""What a link is for."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A mail to write.

    Args:
        kind: What it is about: a link to verify the address, to reset the password, to confirm a
            new address; or news that has no link, sent to the address that was.
        email: Whom it is for.
        token: The token for the link; None for news. Keep it out of logs.
        expires_at: Until when the link works.
    """

    kind: Literal["verify", "reset", "change_email", "email_changed", "password_changed"]
    email: str
    token: str | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Notice(kind={self.kind!r}, expires_at={self.expires_at!r})"


class Notifier(Protocol):
    """Sends mails: a function or object of the app's own, such as one that goes by a mailer."""

    def __call__(self, notice: Notice, /) -> Awaitable[None]:
        """Send one. It is called once the answer has left; what it raises is logged."""
        ...


async def send_all(notifier: Notifier, notices: Sequence[Notice]) -> None:
    """Send mails; what fails is logged, without whom it was for."""
    for notice in notices:
        try:
            await notifier(notice)
        except Exception:
            logger.exception("a mail could not be sent: %s", notice.kind)


@dataclass(frozen=True, eq=False)
class Links:
    """The tokens in mails. Its callers commit.

    Args:
        tables: Where their hashes are kept.
        lifetimes: Purpose → how long a link works.
    """

    tables: AuthTables
    lifetimes: dict[Purpose, timedelta]

    async def mint(
        self,
        session: AsyncSession,
        purpose: Purpose,
        email: str | sa.SQLColumnExpression[str],
        of: sa.ColumnElement[bool],
    ) -> Notice | None:
        """Make a link for one account, by statements that are the same if there is none.

        Args:
            session: The session to work in.
            purpose: What the link is for.
            email: The address that it is sent to: a new one, or the column of the account's own.
                What somebody typed to find the account may be the mailbox of another
                (CVE-2019-19844).
            of: A condition that at most one user fulfils.

        Returns:
            The mail to send; None if there is no such account.
        """
        tokens, now = self.tables.one_time_tokens, utc_now()
        own = None if isinstance(email, str) else await session.scalar(sa.select(email).where(of))
        to = email if isinstance(email, str) else own or ""
        token, ends = new_token(ONE_TIME), now + self.lifetimes[purpose]
        values = {
            "token_hash": token_hash(token),
            "purpose": purpose,
            "email": to,
            "created_at": now,
            "expires_at": ends,
        }
        columns = [sa.literal(value, tokens.c[name].type) for name, value in values.items()]
        rows = sa.select(self.tables.user_key, *columns).where(of)
        insert = sa.insert(tokens).from_select(["user_id", *values], rows, include_defaults=False)
        stored: Any = await session.execute(insert.execution_options(preserve_rowcount=True))
        made = Notice(kind=purpose, email=to, token=token, expires_at=ends)
        return made if stored.rowcount else None

    async def redeem(self, session: AsyncSession, token: str, *purposes: Purpose) -> sa.Row[Any]:
        """Use up a link: of many at the same time, one wins.

        Returns:
            Its row: `user_id`, `purpose`, `email`.

        Raises:
            InvalidOneTimeToken: If it is unknown, used, expired, or for something else.
        """
        tokens, now = self.tables.one_time_tokens, utc_now()
        if not is_token(token, ONE_TIME):
            raise InvalidOneTimeToken
        same = tokens.c.token_hash == token_hash(token)
        unused = (
            same,
            tokens.c.used_at.is_(None),
            tokens.c.expires_at > now,
            tokens.c.purpose.in_(purposes),
        )
        claimed: Any = await session.execute(sa.update(tokens).where(*unused).values(used_at=now))
        if claimed.rowcount != 1:
            raise InvalidOneTimeToken
        return (await session.execute(sa.select(tokens).where(same))).one()

    async def void(self, session: AsyncSession, user_id: Any, *purposes: Purpose) -> None:  # noqa: ANN401
        """Make all unused links of a user useless."""
        tokens = self.tables.one_time_tokens
        unused = (
            tokens.c.user_id == user_id,
            tokens.c.used_at.is_(None),
            tokens.c.purpose.in_(purposes),
        )
        await session.execute(sa.update(tokens).where(*unused).values(used_at=utc_now()))

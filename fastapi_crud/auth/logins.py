"""Logins that run on a server: opened, refreshed once per token, listed and ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from fastapi_crud.auth.exceptions import InvalidRefreshToken
from fastapi_crud.auth.opaque import REFRESH, is_token, new_token, token_hash
from fastapi_crud.auth.tables import AuthTables
from fastapi_crud.database import AsyncSession
from fastapi_crud.models import utc_now, uuid7


@dataclass(frozen=True, kw_only=True)
class Client:
    """Where a request comes from.

    Args:
        address: Its network address.
        user_agent: What it calls itself.
    """

    address: str
    user_agent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A login that was opened or goes on.

    Args:
        id: The login.
        user_id: Whose it is.
        refresh_token: Keeps it going, once.
        scopes: What it is limited to; None where it may do all that its user may.
        since: When the password was given.
    """

    id: UUID
    user_id: Any
    refresh_token: str
    scopes: frozenset[str] | None
    since: datetime


class TokenReused(InvalidRefreshToken):
    """A refresh token was used twice: its login has been ended, for one of the two is a thief.

    Args:
        login_id: The login.
        user_id: Whose it was.
    """

    def __init__(self, login_id: UUID, user_id: Any) -> None:  # noqa: ANN401 - any key
        super().__init__()
        self.login_id = login_id
        self.user_id = user_id


@dataclass(frozen=True, eq=False)
class Logins:
    """The logins of one user model. Its callers commit.

    Args:
        tables: Where they are kept.
        idle: How long an unused refresh token works.
        lifetime: How long a login lasts in any case.
        leeway: How long a used refresh token still works, for tabs that share one.
    """

    tables: AuthTables
    idle: timedelta
    lifetime: timedelta
    leeway: timedelta = timedelta(0)

    async def open(
        self,
        session: AsyncSession,
        user_id: Any,  # noqa: ANN401 - any key
        client: Client,
        scopes: frozenset[str] | None = None,
    ) -> Grant:
        """Open a login.

        Args:
            session: The session to work in.
            user_id: Whose it is.
            client: Where it comes from.
            scopes: What it is limited to; None for all that the user may do.
        """
        now, login_id = utc_now(), uuid7()
        ends = now + self.lifetime
        values = {
            "id": login_id,
            "user_id": user_id,
            "scopes": written(scopes),
            "created_at": now,
            "last_used_at": now,
            "expires_at": ends,
            "user_agent": client.user_agent and client.user_agent[:255],
            "address": client.address[:64],
        }
        await session.execute(sa.insert(self.tables.sessions).values(values))
        token = await self._issue(session, login_id, now, ends)
        return Grant(id=login_id, user_id=user_id, refresh_token=token, scopes=scopes, since=now)

    async def refresh(self, session: AsyncSession, token: str) -> Grant:
        """Use up a refresh token and give the next one: of many at the same time, one wins.

        Args:
            session: The session to work in. Commit it even if the token was used before.
            token: The refresh token.

        Raises:
            InvalidRefreshToken: If it is unknown or expired, or its login has ended.
            TokenReused: If it was used before; its login has been ended (RFC 9700 §4.14.2).
        """
        if not is_token(token, REFRESH):
            raise InvalidRefreshToken
        tokens, now, digest = self.tables.refresh_tokens, utc_now(), token_hash(token)
        unused = (
            tokens.c.token_hash == digest,
            tokens.c.used_at.is_(None),
            tokens.c.expires_at > now,
        )
        claim = sa.update(tokens).where(*unused).values(used_at=now)
        claimed: Any = await session.execute(claim)
        found = await self._login_of(session, digest)
        if found is None:
            raise InvalidRefreshToken
        if claimed.rowcount != 1 and not await self._may_repeat(session, found, now):
            await self._end_reused(session, found)
        if found.revoked_at is not None or found.expires_at <= now:
            raise InvalidRefreshToken
        sessions = self.tables.sessions
        touch = sa.update(sessions).where(sessions.c.id == found.id).values(last_used_at=now)
        await session.execute(touch)
        successor = await self._issue(session, found.id, now, found.expires_at)
        return Grant(
            id=found.id,
            user_id=found.user_id,
            refresh_token=successor,
            scopes=read(found.scopes),
            since=found.created_at,
        )

    async def close(self, session: AsyncSession, token: str) -> tuple[UUID, Any] | None:
        """End the login that a refresh token belongs to.

        Returns:
            The login and whose it was; None if there is none, or it had ended.
        """
        if not is_token(token, REFRESH):
            return None
        found = await self._login_of(session, token_hash(token))
        if found is None or not await self.end(session, found.user_id, found.id, "logged_out"):
            return None
        return found.id, found.user_id

    async def end(self, session: AsyncSession, user_id: Any, login_id: UUID, reason: str) -> bool:  # noqa: ANN401
        """End one login of a user, and tell whether there was one that ran."""
        return bool(
            await self._end(session, reason, self.tables.sessions.c.id == login_id, user_id)
        )

    async def end_all(
        self,
        session: AsyncSession,
        user_id: Any,  # noqa: ANN401 - any key
        reason: str,
        *,
        but: UUID | None = None,
    ) -> int:
        """End all logins of a user, but perhaps one, and tell how many ran."""
        other = sa.true() if but is None else self.tables.sessions.c.id != but
        return await self._end(session, reason, other, user_id)

    async def running(self, session: AsyncSession, user_id: Any) -> Sequence[sa.Row[Any]]:  # noqa: ANN401
        """List the logins of a user that run, the last used first."""
        sessions, now = self.tables.sessions, utc_now()
        runs = (
            sessions.c.user_id == user_id,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.last_used_at > now - self.idle,
        )
        order = (sessions.c.last_used_at.desc(), sessions.c.id.desc())
        return (await session.execute(sa.select(sessions).where(*runs).order_by(*order))).all()

    async def _issue(
        self, session: AsyncSession, login_id: UUID, now: datetime, ends: datetime
    ) -> str:
        token = new_token(REFRESH)
        values = {
            "token_hash": token_hash(token),
            "session_id": login_id,
            "created_at": now,
            "expires_at": min(now + self.idle, ends),
        }
        await session.execute(sa.insert(self.tables.refresh_tokens).values(values))
        return token

    async def _login_of(self, session: AsyncSession, digest: str) -> sa.Row[Any] | None:
        tokens, sessions = self.tables.refresh_tokens, self.tables.sessions
        wanted = sa.select(sessions, tokens.c.used_at).join_from(tokens, sessions)
        return (await session.execute(wanted.where(tokens.c.token_hash == digest))).one_or_none()

    async def _may_repeat(self, session: AsyncSession, found: sa.Row[Any], now: datetime) -> bool:
        """Tell whether a token was used just now, and what followed has not been used yet."""
        # Whoever waited for the first use looked at the clock before it: that is no leeway.
        if found.used_at is None or max(now, found.used_at) - found.used_at >= self.leeway:
            return False
        tokens = self.tables.refresh_tokens
        later = (tokens.c.session_id == found.id, tokens.c.used_at > found.used_at)
        return not await session.scalar(sa.select(sa.exists().where(*later)))

    async def _end_reused(self, session: AsyncSession, found: sa.Row[Any]) -> None:
        if found.used_at is None:
            raise InvalidRefreshToken  # it is only too old
        await self.end(session, found.user_id, found.id, "reused")
        raise TokenReused(found.id, found.user_id)

    async def _end(
        self,
        session: AsyncSession,
        reason: str,
        which: sa.ColumnElement[bool],
        user_id: Any,  # noqa: ANN401 - any key
    ) -> int:
        sessions = self.tables.sessions
        runs = (sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None), which)
        change = sa.update(sessions).where(*runs)
        result: Any = await session.execute(
            change.values(revoked_at=utc_now(), revoke_reason=reason)
        )
        return int(result.rowcount)


def written(scopes: frozenset[str] | None) -> str | None:
    """Write scopes as one text (RFC 6749 §3.3); None means no limit."""
    return None if scopes is None else " ".join(sorted(scopes))


def read(text: str | None) -> frozenset[str] | None:
    """Read scopes from one text; None means no limit."""
    return None if text is None else frozenset(text.split())

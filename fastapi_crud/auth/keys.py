"""API keys: tokens that programs call by, each limited to some of its user's scopes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from fastapi_crud.auth.opaque import API_KEY, new_token, token_hash
from fastapi_crud.auth.tables import AuthTables
from fastapi_crud.database import AsyncSession
from fastapi_crud.models import utc_now, uuid7


@dataclass(frozen=True, eq=False)
class ApiKeys:
    """The API keys of one user model. Its callers commit.

    Args:
        tables: Where their hashes are kept.
    """

    tables: AuthTables

    async def create(
        self,
        session: AsyncSession,
        user_id: Any,  # noqa: ANN401 - any key
        name: str,
        scopes: Sequence[str],
        expires_at: datetime | None,
    ) -> tuple[str, dict[str, Any]]:
        """Make a key.

        Returns:
            The key itself, which is not stored, and what is.
        """
        token = new_token(API_KEY)
        values = {
            "id": uuid7(),
            "user_id": user_id,
            "name": name,
            "token_hash": token_hash(token),
            "scopes": " ".join(sorted({*scopes})),
            "created_at": utc_now(),
            "expires_at": expires_at,
        }
        await session.execute(sa.insert(self.tables.api_keys).values(values))
        return token, values

    async def working(self, session: AsyncSession, user_id: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """List the keys of a user that work, the newest first."""
        keys = self.tables.api_keys
        works = (
            keys.c.user_id == user_id,
            keys.c.revoked_at.is_(None),
            sa.or_(keys.c.expires_at.is_(None), keys.c.expires_at > utc_now()),
        )
        order = (keys.c.created_at.desc(), keys.c.id.desc())
        found = await session.execute(sa.select(keys).where(*works).order_by(*order))
        return [{**row} for row in found.mappings()]

    async def revoke(self, session: AsyncSession, user_id: Any, key_id: UUID) -> bool:  # noqa: ANN401
        """Make a key of a user useless, and tell whether there was one that worked."""
        keys = self.tables.api_keys
        works = (keys.c.user_id == user_id, keys.c.id == key_id, keys.c.revoked_at.is_(None))
        change = sa.update(keys).where(*works).values(revoked_at=utc_now())
        result: Any = await session.execute(change)
        return bool(result.rowcount)

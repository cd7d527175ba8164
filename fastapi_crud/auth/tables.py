"""The tables that auth needs beside the users: on the users' own metadata, so that Alembic sees them."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from fastapi_crud.auth.emails import MAX_EMAIL
from fastapi_crud.auth.throttle import throttle_table
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.models import UTCDateTime, utc_now, uuid7

TOKEN_HASH = 64  # hexadecimal digits of a SHA-256
MADE = "fastapi_crud.auth"
"""Where the `info` of a metadata keeps the tables, by their prefix."""


@dataclass(frozen=True, eq=False)
class AuthTables:
    """The tables of one user model.

    Args:
        users: The users themselves.
        sessions: Logins: each lasts until it is ended, unused for long, or too old.
        refresh_tokens: Hashes of refresh tokens, used and unused.
        one_time_tokens: Hashes of the tokens in mails.
        api_keys: Hashes of API keys.
        throttle: Counts of failures.
    """

    users: sa.Table
    sessions: sa.Table
    refresh_tokens: sa.Table
    one_time_tokens: sa.Table
    api_keys: sa.Table
    throttle: sa.Table

    @property
    def user_key(self) -> sa.Column[Any]:
        """The primary key of the users."""
        return next(iter(self.users.primary_key))


def auth_tables(users: sa.Table, prefix: str = "auth_") -> AuthTables:
    """Make the tables, or give those that are there.

    Args:
        users: The table of the users; its primary key is one column.
        prefix: What the tables' names begin with; a second user model needs another one.

    Raises:
        ConfigurationError: If the key is composite, or the tables belong to other users.
    """
    if len(users.primary_key) != 1:
        msg = f"{users.name} has a composite primary key: auth needs a single column, such as id"
        raise ConfigurationError(msg)
    made: dict[str, AuthTables] = users.metadata.info.setdefault(MADE, {})
    if prefix not in made:
        made[prefix] = _make(users, prefix)
    tables = made[prefix]
    if tables.users is not users:
        msg = (
            f"{prefix}sessions belongs to {tables.users.name}: give {users.name} tables "
            "of its own with __auth_prefix__ = 'staff_auth_'"
        )
        raise ConfigurationError(msg)
    return tables


def _make(users: sa.Table, prefix: str) -> AuthTables:
    metadata = users.metadata
    key = next(iter(users.primary_key))

    sessions = sa.Table(
        f"{prefix}sessions",
        metadata,
        sa.Column("id", sa.Uuid, primary_key=True, default=uuid7),
        _reference("user_id", key),
        sa.Column("scopes", sa.Text),
        sa.Column("created_at", UTCDateTime, nullable=False, default=utc_now),
        sa.Column("last_used_at", UTCDateTime, nullable=False, default=utc_now),
        sa.Column("expires_at", UTCDateTime, nullable=False, index=True),
        sa.Column("revoked_at", UTCDateTime),
        sa.Column("revoke_reason", sa.String(32)),
        sa.Column("user_agent", sa.String(255)),
        sa.Column("address", sa.String(64)),
    )
    refresh_tokens = sa.Table(
        f"{prefix}refresh_tokens",
        metadata,
        sa.Column("token_hash", sa.String(TOKEN_HASH), primary_key=True),
        _reference("session_id", sessions.c.id),
        sa.Column("created_at", UTCDateTime, nullable=False, default=utc_now),
        sa.Column("expires_at", UTCDateTime, nullable=False, index=True),
        sa.Column("used_at", UTCDateTime),
    )
    one_time_tokens = sa.Table(
        f"{prefix}one_time_tokens",
        metadata,
        sa.Column("token_hash", sa.String(TOKEN_HASH), primary_key=True),
        _reference("user_id", key),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("email", sa.String(MAX_EMAIL), nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False, default=utc_now),
        sa.Column("expires_at", UTCDateTime, nullable=False, index=True),
        sa.Column("used_at", UTCDateTime),
    )
    api_keys = sa.Table(
        f"{prefix}api_keys",
        metadata,
        sa.Column("id", sa.Uuid, primary_key=True, default=uuid7),
        _reference("user_id", key),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("token_hash", sa.String(TOKEN_HASH), nullable=False, unique=True),
        sa.Column("scopes", sa.Text),
        sa.Column("created_at", UTCDateTime, nullable=False, default=utc_now),
        sa.Column("expires_at", UTCDateTime),
        sa.Column("revoked_at", UTCDateTime),
    )
    throttle = throttle_table(metadata, f"{prefix}throttle")
    return AuthTables(users, sessions, refresh_tokens, one_time_tokens, api_keys, throttle)


def _reference(name: str, key: sa.Column[Any]) -> sa.Column[Any]:
    """Refer to a row with which this one is deleted."""
    return sa.Column(name, sa.ForeignKey(key, ondelete="CASCADE"), nullable=False, index=True)

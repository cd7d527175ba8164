"""Which columns a client may read and which it may write, unless the model says otherwise."""

import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from enum import Flag

from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.exceptions import ConfigurationError


class Access(Flag):
    """What a client may do with a column."""

    HIDDEN = 0
    READ = 1
    WRITE = 2
    READ_WRITE = 3


SECRET_WORDS = frozenset(
    "password passwords passwd pwd passphrase secret secrets token tokens apikey salt "
    "otp totp credential credentials pin".split()
)
SECRET_PHRASES = (
    "api_key private_key secret_key access_key signing_key encryption_key session_key "
    "recovery_code recovery_codes backup_code backup_codes security_answer"
).split()
SECRET_KINDS = frozenset({"text", "binary", "json", "array", "uuid", "other"})
"""A secret is text or bytes: `password_changed_at` and `token_count` are not."""

PRIVILEGES = frozenset(
    "is_superuser is_super_user is_admin is_administrator is_staff is_root is_moderator is_owner "
    "is_verified is_privileged is_system superuser admin staff role roles role_id role_ids "
    "permission permissions scope scopes privilege privileges access_level group_id groups "
    "email_verified email_verified_at".split()
)


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """The developer's word on columns, over what their names suggest.

    Args:
        hidden: Neither read nor written.
        readable: Read although the name looks secret.
        read_only: Read, never written.
        writable: Written although the name looks privileged or server-set.
        hybrids: Hybrid properties to read as well.
        client_ids: Whether clients may choose the primary key of new rows.
    """

    hidden: frozenset[str] = frozenset()
    readable: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    writable: frozenset[str] = frozenset()
    hybrids: frozenset[str] = frozenset()
    client_ids: bool = False

    def check(self, info: ModelInfo) -> None:
        """Refuse names that the model does not have.

        Raises:
            ConfigurationError: With the name, and those there are.
        """
        for option in fields(self):
            names = getattr(self, option.name)
            if isinstance(names, frozenset) and (unknown := sorted(names - info.columns.keys())):
                have = ", ".join(info.columns)
                msg = f"{option.name}={unknown}: {info.name} has no such column; it has {have}"
                raise ConfigurationError(msg)
        if stuck := sorted(name for name in self.writable if info.columns[name].computed):
            msg = f"writable={stuck}: computed columns of {info.name} cannot be written"
            raise ConfigurationError(msg)


def access_of(column: ColumnInfo, exposure: Exposure) -> Access:
    """Decide what a client may do with a column.

    The first that speaks wins: the router's options, the column's `info`, what the database
    makes by itself, and last the column's name.
    """
    if column.name in exposure.hidden or column.info.get("hidden") is True:
        return Access.HIDDEN
    if column.info.get("write_only") is True:
        return Access.WRITE
    if _looks_hidden(column) and not _shown(column, exposure):
        return Access.HIDDEN
    if _cannot_be_written(column, exposure):
        return Access.READ
    if column.name in exposure.writable:
        return Access.READ_WRITE
    if column.name in exposure.read_only or column.info.get("read_only") is True:
        return Access.READ
    suspicious = column.clock or column.onupdate or column.name.lower() in PRIVILEGES
    if suspicious and column.info.get("read_only") is not False:
        return Access.READ
    return Access.READ_WRITE


def _shown(column: ColumnInfo, exposure: Exposure) -> bool:
    names: Collection[str] = exposure.readable | exposure.writable | exposure.hybrids
    return column.name in names or column.info.get("hidden") is False


def _looks_hidden(column: ColumnInfo) -> bool:
    hybrid_or_private = column.name.startswith("_") or column.hybrid
    return hybrid_or_private or (column.kind.name in SECRET_KINDS and is_secret(column.name))


def is_secret(name: str) -> bool:
    """Tell whether a column's name says that it holds a secret."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    padded = f"_{snake}_"
    return bool(SECRET_WORDS & set(snake.split("_"))) or any(
        f"_{phrase}_" in padded for phrase in SECRET_PHRASES
    )


def _cannot_be_written(column: ColumnInfo, exposure: Exposure) -> bool:
    if column.computed or column.version or column.discriminator:
        return True
    generated = column.autoincrement or column.has_default
    return column.primary_key and generated and not exposure.client_ids

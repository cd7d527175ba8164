"""Which columns a client may read and which it may write, unless the model says otherwise."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Flag
from typing import Any

from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.exceptions import ConfigurationError


class Access(Flag):
    """What a client may do with a column."""

    HIDDEN = 0
    READ = 1
    WRITE = 2
    READ_WRITE = 3


SECRET_WORDS = frozenset(
    [
        "password",
        "passwords",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "secrets",
        "token",
        "tokens",
        "apikey",
        "salt",
        "otp",
        "totp",
        "credential",
        "credentials",
        "pin",
    ]
)
SECRET_PHRASES = [
    "api_key",
    "private_key",
    "secret_key",
    "access_key",
    "signing_key",
    "encryption_key",
    "session_key",
    "recovery_code",
    "recovery_codes",
    "backup_code",
    "backup_codes",
    "security_answer",
]
SECRET_KINDS = frozenset({"text", "binary", "json", "array", "uuid", "other"})
"""A secret is text or bytes: `password_changed_at` and `token_count` are not."""

PRIVILEGES = frozenset(
    [
        "is_superuser",
        "is_super_user",
        "is_admin",
        "is_administrator",
        "is_staff",
        "is_root",
        "is_moderator",
        "is_owner",
        "is_verified",
        "is_privileged",
        "is_system",
        "superuser",
        "admin",
        "staff",
        "role",
        "roles",
        "role_id",
        "role_ids",
        "permission",
        "permissions",
        "scope",
        "scopes",
        "privilege",
        "privileges",
        "access_level",
        "group_id",
        "groups",
        "email_verified",
        "email_verified_at",
    ]
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
            if option.name == "client_ids":
                continue
            names: frozenset[str] = getattr(self, option.name)
            if unknown := sorted(names - info.columns.keys()):
                have = ", ".join(info.columns)
                msg = f"{option.name}={unknown}: {info.name} has no such column; it has {have}"
                raise ConfigurationError(msg)
        if stuck := sorted(name for name in self.writable if info.columns[name].computed):
            msg = f"writable={stuck}: computed columns of {info.name} cannot be written"
            raise ConfigurationError(msg)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What one caller may not do with columns that others may see or write.

    Args:
        hidden: Columns that do not exist for this caller.
        read_only: Columns that this caller may read, but not write.
        fixed: What new rows of this caller have: whose they are.
    """

    hidden: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def unwritable(self) -> frozenset[str]:
        """All columns that this caller may not write."""
        return self.hidden | self.read_only


Rule = Callable[[ColumnInfo, Exposure], bool]


def access_of(column: ColumnInfo, exposure: Exposure) -> Access:
    """Decide what a client may do with a column: the first of `RULES` that holds counts."""
    return next(access for holds, access in RULES if holds(column, exposure))


def snake_case(name: str) -> str:
    """Write a name as `snake_case`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def is_secret(name: str) -> bool:
    """Tell whether a column's name says that it holds a secret."""
    snake = snake_case(name)
    padded = f"_{snake}_"
    return bool(SECRET_WORDS & set(snake.split("_"))) or any(
        f"_{phrase}_" in padded for phrase in SECRET_PHRASES
    )


def _said_hidden(column: ColumnInfo, exposure: Exposure) -> bool:
    return column.name in exposure.hidden or column.info.get("hidden") is True


def _said_write_only(column: ColumnInfo, _: Exposure) -> bool:
    return column.info.get("write_only") is True and not column.computed


def _looks_hidden(column: ColumnInfo, exposure: Exposure) -> bool:
    names = exposure.readable | exposure.writable | exposure.hybrids
    if column.name in names or column.info.get("hidden") is False:
        return False
    secret = column.kind.name in SECRET_KINDS and is_secret(column.name)
    return secret or column.hybrid or column.name.startswith("_")


def _made_by_the_server(column: ColumnInfo, exposure: Exposure) -> bool:
    generated_key = column.primary_key and (column.autoincrement or column.has_default)
    marks = column.info.get("soft_delete") is True
    made = column.computed or column.version or column.discriminator or marks
    return made or (generated_key and not exposure.client_ids)


def _said_writable(column: ColumnInfo, exposure: Exposure) -> bool:
    return column.name in exposure.writable


def _said_read_only(column: ColumnInfo, exposure: Exposure) -> bool:
    return column.name in exposure.read_only or column.info.get("read_only") is True


def _looks_read_only(column: ColumnInfo, _: Exposure) -> bool:
    looks = column.clock or column.onupdate or snake_case(column.name) in PRIVILEGES
    return looks and column.info.get("read_only") is not False


def _anything_else(_: ColumnInfo, __: Exposure) -> bool:
    return True


RULES: tuple[tuple[Rule, Access], ...] = (
    (_said_hidden, Access.HIDDEN),
    (_said_write_only, Access.WRITE),
    (_looks_hidden, Access.HIDDEN),
    (_made_by_the_server, Access.READ),
    (_said_writable, Access.READ_WRITE),
    (_said_read_only, Access.READ),
    (_looks_read_only, Access.READ),
    (_anything_else, Access.READ_WRITE),
)
"""What is said goes before what a name suggests; what cannot be written never is."""

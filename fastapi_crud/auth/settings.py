"""Settings of auth from the environment; nothing is read at import."""

from typing import Self

from pydantic import Field, model_validator

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.settings import NamedSettings

ALGORITHMS = ("HS256", "RS256", "ES256")
MIN_SECRET = 32
"""Bytes that a key of HS256 needs (RFC 7518 §3.2)."""
MIN_VARIETY = 8
"""Different characters that a key of HS256 needs; a random one has more."""
PLACEHOLDERS = ("change", "secret", "example", "your", "placeholder", "test", "todo")
"""Words of keys that come from documentation; a random key has digits and both cases with them."""
PUBLISHED = ("09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",)
"""Keys that everybody knows: those of FastAPI's tutorial."""


class AuthSettings(NamedSettings):
    """What a deployment decides about auth. Read from the environment, then from `.env`.

    The first three have the names of `Settings`; all others begin with `AUTH_` in the
    environment, such as `AUTH_ISSUER`. Combine it with other settings classes by inheritance.

    Args:
        secret_key: The key that tokens are signed with: 32 random bytes or more. No default.
        algorithm: HS256, or RS256 or ES256, whose keys are PEM texts of private keys.
        access_token_expire_minutes: How many minutes an access token lives.
        keys: Several keys by their id (`kid`), in place of `secret_key`: the first signs, all of
            them verify. Rotate by putting a new one first.
        issuer: Who issues tokens (`iss`).
        audience: Whom they are for (`aud`).
        refresh_token_idle_days: After how many days unused a session ends.
        session_max_days: After how many days a session ends in any case.
        refresh_reuse_leeway_seconds: For how many seconds a refresh token that was just used may
            be used again, for many tabs that share one; 0 is strict.
        verify_token_expire_hours: How many hours the link to verify an address works.
        reset_token_expire_minutes: How many minutes the link to reset a password works.
        require_verified: Whether only verified addresses may log in.
        hide_existing: Whether `register` answers the same whether or not an address is taken.
        password_min_length: How many characters a password needs: 8, better 15.
        password_max_bytes: How many bytes it may have.
        password_memory_kib: Memory of one argon2id hash, in KiB.
        password_time_cost: Its passes.
        password_parallelism: Its lanes.
        password_threads: How many hashes are made at the same time.
        max_failures: How many wrong passwords an address may try for one account before it waits.
        max_address_failures: How many for any accounts.
        max_wait_seconds: How long it waits at most; the wait doubles with each attempt.
        token_url: URL of the login in the OpenAPI document, where it cannot be found out.
    """

    secret_key: str | None = Field(default=None, repr=False)
    algorithm: str = "HS256"
    access_token_expire_minutes: int = Field(default=30, gt=0)
    keys: dict[str, str] = Field(default_factory=dict, repr=False, validation_alias="AUTH_KEYS")
    issuer: str = Field(default="fastapi_crud", min_length=1, validation_alias="AUTH_ISSUER")
    audience: str = Field(default="fastapi_crud", min_length=1, validation_alias="AUTH_AUDIENCE")
    refresh_token_idle_days: int = Field(
        default=30, gt=0, validation_alias="AUTH_REFRESH_TOKEN_IDLE_DAYS"
    )
    session_max_days: int = Field(default=90, gt=0, validation_alias="AUTH_SESSION_MAX_DAYS")
    refresh_reuse_leeway_seconds: int = Field(
        default=0, ge=0, le=60, validation_alias="AUTH_REFRESH_REUSE_LEEWAY_SECONDS"
    )
    verify_token_expire_hours: int = Field(
        default=24, gt=0, validation_alias="AUTH_VERIFY_TOKEN_EXPIRE_HOURS"
    )
    reset_token_expire_minutes: int = Field(
        default=30, gt=0, validation_alias="AUTH_RESET_TOKEN_EXPIRE_MINUTES"
    )
    require_verified: bool = Field(default=False, validation_alias="AUTH_REQUIRE_VERIFIED")
    hide_existing: bool = Field(default=False, validation_alias="AUTH_HIDE_EXISTING")
    password_min_length: int = Field(
        default=8, ge=8, le=64, validation_alias="AUTH_PASSWORD_MIN_LENGTH"
    )
    password_max_bytes: int = Field(
        default=1024, ge=64, le=4096, validation_alias="AUTH_PASSWORD_MAX_BYTES"
    )
    password_memory_kib: int = Field(
        default=65536, ge=8, validation_alias="AUTH_PASSWORD_MEMORY_KIB"
    )
    password_time_cost: int = Field(default=3, ge=1, validation_alias="AUTH_PASSWORD_TIME_COST")
    password_parallelism: int = Field(default=4, ge=1, validation_alias="AUTH_PASSWORD_PARALLELISM")
    password_threads: int = Field(default=2, ge=1, validation_alias="AUTH_PASSWORD_THREADS")
    max_failures: int = Field(default=5, ge=1, validation_alias="AUTH_MAX_FAILURES")
    max_address_failures: int = Field(
        default=100, ge=1, validation_alias="AUTH_MAX_ADDRESS_FAILURES"
    )
    max_wait_seconds: int = Field(default=900, ge=1, validation_alias="AUTH_MAX_WAIT_SECONDS")
    token_url: str | None = Field(default=None, validation_alias="AUTH_TOKEN_URL")

    def signing_keys(self) -> dict[str, str]:
        """Give the keys by their id: the first signs, all of them verify.

        Raises:
            ConfigurationError: If there is none; the message says how to make one.
        """
        keys = self._keys_in_use()
        if not keys:
            msg = (
                "auth needs a key to sign tokens with: set SECRET_KEY to what "
                "python -c 'import secrets; print(secrets.token_urlsafe(32))' prints"
            )
            raise ConfigurationError(msg)
        return keys

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.algorithm not in ALGORITHMS:
            msg = f"algorithm must be one of {', '.join(ALGORITHMS)}"
            raise ValueError(msg)
        for key in self._keys_in_use().values():
            _check_key(key, self.algorithm)
        return self

    @model_validator(mode="after")
    def _check_memory(self) -> Self:
        if self.password_memory_kib < 8 * self.password_parallelism:
            msg = "password_memory_kib must be at least 8 * password_parallelism (RFC 9106 §3.1)"
            raise ValueError(msg)
        return self

    def _keys_in_use(self) -> dict[str, str]:
        return self.keys or ({"default": self.secret_key} if self.secret_key else {})


def _check_key(key: str, algorithm: str) -> None:
    if algorithm != "HS256":
        if "PRIVATE KEY" not in key:
            msg = f"a key of {algorithm} is the PEM text of a private key"
            raise ValueError(msg)
        return
    if len(key.encode()) < MIN_SECRET:
        msg = f"a key of HS256 needs {MIN_SECRET} bytes or more: use secrets.token_urlsafe(32)"
        raise ValueError(msg)
    if "-----BEGIN" in key:
        msg = "this is a PEM key: HS256 needs a random text"
        raise ValueError(msg)
    if key in PUBLISHED or len(set(key)) < MIN_VARIETY or _is_worded(key):
        msg = "this key is a placeholder: use secrets.token_urlsafe(32)"
        raise ValueError(msg)


def _is_worded(key: str) -> bool:
    is_mixed = key not in {key.lower(), key.upper()} and any(char.isdigit() for char in key)
    return not is_mixed and any(word in key.lower() for word in PLACEHOLDERS)

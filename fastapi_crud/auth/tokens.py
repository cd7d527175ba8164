"""Access tokens: signed claims (JWT, RFC 9068), made and verified. Only this module knows jose."""

import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from fastapi_crud.auth.exceptions import InvalidToken
from fastapi_crud.auth.settings import ALGORITHMS, MIN_SECRET, AuthSettings
from fastapi_crud.exceptions import ConfigurationError

if TYPE_CHECKING:
    from jose.backends.base import Key

TYPE = "at+jwt"
"""The only kind of JWT there is here (RFC 9068 §2.1)."""
MAX_LENGTH = 4096
"""Characters that a token may have: headers of servers and proxies end soon after."""
SKEW = 5
"""Seconds by which the clock of who issued a token may be ahead of ours."""
FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
TEXTS = ("sub", "jti", "sid")
"""Claims that are texts, and not empty."""
OPTIONS: Mapping[str, bool | int] = {
    **{f"require_{name}": True for name in ("exp", "iat", "sub", "jti", "iss", "aud")},
    "leeway": 0,
}
REFUSALS = (ValueError, TypeError, LookupError, OverflowError, AttributeError, RecursionError)
"""What jose raises for forged tokens, besides its own errors."""


class TokenCodec(Protocol):
    """Makes access tokens of claims, and claims of access tokens."""

    def encode(self, claims: Mapping[str, Any]) -> str:
        """Sign claims.

        Args:
            claims: At least `sub` (whom it is about) and `sid` (their session), both texts. iss,
                aud, iat, exp and jti are added unless they are given.
        """
        ...

    def decode(self, token: str) -> dict[str, Any]:
        """Give the claims of a token that is ours and has not expired.

        Args:
            token: What somebody sent, whatever it is.

        Raises:
            InvalidToken: For anything else; there is never another exception.
        """
        ...


class JoseCodec:
    """A codec on python-jose, which is not trusted with more than the signature.

    Args:
        keys: The keys by their id (`kid`): the first signs, all of them verify. Random texts for
            HS256; PEM texts of private keys for RS256 and ES256, verified by their public half.
        algorithm: HS256, RS256 or ES256; the only one that is accepted.
        issuer: Who issues tokens (`iss`).
        audience: Whom they are for (`aud`).
        lifetime: How long they live, at most and by default; whole seconds.

    Raises:
        ConfigurationError: If python-jose is not installed, or no tokens can be made of this.
    """

    def __init__(
        self,
        keys: Mapping[str, str],
        *,
        algorithm: str = "HS256",
        issuer: str,
        audience: str,
        lifetime: timedelta,
    ) -> None:
        if algorithm not in ALGORITHMS:
            raise ConfigurationError(f"algorithm must be one of {', '.join(ALGORITHMS)}")
        if not keys or lifetime < timedelta(seconds=1):
            msg = "tokens need a key, and a lifetime of a second or more"
            raise ConfigurationError(msg)
        try:
            from jose import exceptions, jwk, jwt  # noqa: PLC0415 - of the extra `auth`
        except ImportError as error:
            msg = "tokens need python-jose: pip install 'fastapi-crud-factory[auth]'"
            raise ConfigurationError(msg) from error
        self._keys = {kid: _key_pair(jwk.construct, kid, keys[kid], algorithm) for kid in keys}
        self._signing_id = next(iter(keys))
        self._algorithm = algorithm
        self._issuer = issuer
        self._audience = audience
        self._lifetime = int(lifetime.total_seconds())
        self._sign, self._verify, self._header = jwt.encode, jwt.decode, jwt.get_unverified_header
        self._refusals = (exceptions.JOSEError, *REFUSALS)

    def encode(self, claims: Mapping[str, Any]) -> str:
        """Sign claims (see `TokenCodec`).

        Args:
            claims: At least `sub` and `sid`. What is given wins over what is added.

        Raises:
            ValueError: If the token gets so long that `decode` would refuse it.
        """
        issued = claims.get("iat", int(time.time()))
        complete = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": issued,
            "exp": issued + self._lifetime,
            "jti": secrets.token_urlsafe(16),
            **claims,
        }
        key = self._keys[self._signing_id].private
        header = {"typ": TYPE, "kid": self._signing_id}
        token = self._sign(complete, key, self._algorithm, header)
        if len(token) > MAX_LENGTH:
            raise ValueError(f"a token has {MAX_LENGTH} characters at most: give it fewer claims")
        return token

    def decode(self, token: str) -> dict[str, Any]:
        """Give the claims of a token that is ours and has not expired (see `TokenCodec`).

        Args:
            token: What somebody sent, whatever it is.

        Raises:
            InvalidToken: For anything else; there is never another exception.
        """
        try:
            _check_form(token)
            header = self._header(token)
            key = self._keys[header["kid"]].public  # jose itself would try all keys
            claims = self._verify(
                token,
                key,
                algorithms=[self._algorithm],
                options=OPTIONS,
                audience=self._audience,
                issuer=self._issuer,
            )
            if not (_is_access_token(header) and self._is_ours(claims) and self._is_fresh(claims)):
                raise InvalidToken
        except self._refusals:
            raise InvalidToken from None
        return claims

    def public_keys(self) -> list[dict[str, Any]]:
        """Give the keys for others to verify tokens with, as JWKs (RFC 7517); none for HS256."""
        if self._algorithm == "HS256":
            return []
        return [{**pair.public.to_dict(), "kid": k, "use": "sig"} for k, pair in self._keys.items()]

    def _is_ours(self, claims: Mapping[str, Any]) -> bool:
        texts = [claims.get(name) for name in TEXTS]
        return (claims["iss"], claims["aud"]) == (self._issuer, self._audience) and all(
            isinstance(text, str) and text for text in texts
        )

    def _is_fresh(self, claims: Mapping[str, Any]) -> bool:
        now, issued, end = time.time(), claims["iat"], claims["exp"]
        if not type(issued) is type(end) is int:
            return False
        return now < end <= issued + self._lifetime and issued <= now + SKEW


def codec_of(settings: AuthSettings) -> JoseCodec:
    """Give the codec that a deployment has decided on.

    Args:
        settings: Its keys, algorithm, issuer, audience and lifetime of access tokens.

    Raises:
        ConfigurationError: If there is no key, a key does not fit, or python-jose is missing.
    """
    return JoseCodec(
        settings.signing_keys(),
        algorithm=settings.algorithm,
        issuer=settings.issuer,
        audience=settings.audience,
        lifetime=timedelta(minutes=settings.access_token_expire_minutes),
    )


@dataclass(frozen=True, repr=False)
class _KeyPair:
    """A key that signs, and the one that verifies: for HS256 the same."""

    private: "Key"
    public: "Key"


MIN_MODULUS = 256
"""Bytes of the modulus of an RSA key (RFC 7518 §3.3)."""
NEEDS = {
    "HS256": f"HS256 needs a random text of {MIN_SECRET} bytes or more",
    "RS256": f"RS256 needs the PEM text of an RSA private key of {MIN_MODULUS * 8} bits or more",
    "ES256": "ES256 needs the PEM text of a private key on the curve P-256",
}


def _key_pair(construct: "Callable[..., Key]", kid: str, text: str, algorithm: str) -> _KeyPair:
    """Make keys that are bound to their algorithm, and try them before anybody needs them."""
    with suppress(Exception):  # whatever jose and its backends say of it: it may hold the key
        private = construct(text, algorithm)
        public = private if algorithm == "HS256" else private.public_key()
        if _is_strong(text, public.to_dict()) and public.verify(b"?", private.sign(b"?")):
            return _KeyPair(private, public)
    raise ConfigurationError(f"the key {kid!r} does not fit: {NEEDS[algorithm]}")


def _is_strong(text: str, public: Mapping[str, Any]) -> bool:
    if public["kty"] == "oct":
        return len(text.encode()) >= MIN_SECRET
    if public["kty"] == "RSA":
        return len(_bytes_of(public["n"])) >= MIN_MODULUS
    return bool(public["crv"] == "P-256")


def _check_form(token: object) -> None:
    if type(token) is not str or len(token) > MAX_LENGTH or not FORM.fullmatch(token):
        raise InvalidToken
    for part in token.split("."):
        # jose skips bits that do not count, and a token could be written in several ways. Those of
        # ES256 still can (s or n - s), so tell tokens apart by their `jti`.
        if urlsafe_b64encode(_bytes_of(part)).rstrip(b"=").decode() != part:
            raise InvalidToken


def _bytes_of(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _is_access_token(header: Mapping[str, Any]) -> bool:
    """Tell whether it is no other kind of JWT, nor asks for extensions (RFC 7515 §4.1.11)."""
    return header.get("typ") == TYPE and "crit" not in header

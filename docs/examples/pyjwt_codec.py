"""Access tokens by PyJWT, in place of python-jose: `Auth(User, codec=PyJWTCodec(settings))`."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

import jwt

from fastapi_crud.auth.exceptions import InvalidToken
from fastapi_crud.auth.settings import AuthSettings

OPTIONS: Any = {"require": ["exp", "iat", "sub", "jti", "sid", "iss", "aud"], "strict_aud": True}
REFUSALS = (jwt.PyJWTError, ValueError, TypeError, LookupError, OverflowError, RecursionError)


class PyJWTCodec:
    """A codec of HS256."""

    def __init__(self, settings: AuthSettings) -> None:
        self.keys = settings.signing_keys()
        self.issuer, self.audience = settings.issuer, settings.audience
        self.lifetime = settings.access_token_expire_minutes * 60

    def encode(self, claims: Mapping[str, Any]) -> str:
        kid, key = next(iter(self.keys.items()))
        issued = claims.get("iat", int(time.time()))
        who = {"iss": self.issuer, "aud": self.audience, "jti": secrets.token_urlsafe(16)}
        when = {"iat": issued, "exp": issued + self.lifetime}
        return jwt.encode({**who, **when, **claims}, key, "HS256", {"typ": "at+jwt", "kid": kid})

    def decode(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key, us, them = self.keys[header["kid"]], self.issuer, self.audience
            claims = jwt.decode(token, key, ["HS256"], OPTIONS, issuer=us, audience=them)
            now, issued, end = time.time(), claims["iat"], claims["exp"]
            valid = (
                (type(token) is str and len(token) <= 4096 and "=" not in token)
                and (header.get("typ") == "at+jwt" and "crit" not in header)
                and all(
                    type(claims[name]) is str and claims[name] for name in ("sub", "jti", "sid")
                )
                and (type(issued) is type(end) is int and issued <= now + 5)
                and now < end <= issued + self.lifetime
            )
        except REFUSALS:
            raise InvalidToken from None
        if not valid:
            raise InvalidToken
        return claims

"""What requests say about idempotency: their key, whose it is, and what was asked with it.

The header is that of draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from fastapi import Request

from fastapi_crud.actors import actor_text
from fastapi_crud.exceptions import InvalidIdempotencyKey

HEADER = "Idempotency-Key"

REPLAYED = "Idempotency-Replayed"
"""Header of an answer that was given before."""

MAX_LENGTH = 255

QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
"""A string as RFC 9651 §3.3.3 writes it."""

BARE = re.compile(r"[ !#-~]*")
"""What many clients send: printable ASCII, but no quotes."""


def read_key(request: Request, *, required: bool) -> str | None:
    """Read the key of a request, quoted or not.

    Args:
        request: The request.
        required: Whether it must have one.

    Returns:
        The key; None if there is none.

    Raises:
        InvalidIdempotencyKey: If it cannot be read, or is missing though required.
    """
    lines = request.headers.getlist(HEADER)
    if not lines and not required:
        return None
    key = _parse(lines[0].strip(" \t")) if len(lines) == 1 else None
    if not key or len(key) > MAX_LENGTH:
        raise InvalidIdempotencyKey
    return key


def principal_of(request: Request, actor: Any) -> str:  # noqa: ANN401 - the developer's
    """Tell whose keys a request uses: nobody else gets the answers.

    Args:
        request: The request.
        actor: Who makes it, where the developer's dependency tells; else its credentials count.
            Callers without any share their keys.

    Raises:
        ConfigurationError: If the actor cannot be told from others.
    """
    named = actor_text(actor)
    if named is not None:
        return named
    credentials = [request.headers.getlist(name) for name in ("authorization", "cookie")]
    return _hash(credentials) if any(credentials) else ""


async def fingerprint_of(request: Request) -> str:
    """Sum up what is asked: the body, its type and the query string."""
    asked = [request.headers.get("content-type"), request.url.query]
    return _hash(asked, await request.body())


def scope_of(request: Request, principal: str, key: str) -> tuple[str, ...]:
    """Tell where a key counts: for this caller, method and path."""
    return principal, request.method, request.url.path, key


def _parse(text: str) -> str | None:
    if match := QUOTED.fullmatch(text):
        return re.sub(r"\\(.)", r"\1", match[1])
    return text if BARE.fullmatch(text) else None


def _hash(values: Sequence[Any], body: bytes = b"") -> str:
    return hashlib.sha256(json.dumps(values).encode() + b"\n" + body).hexdigest()

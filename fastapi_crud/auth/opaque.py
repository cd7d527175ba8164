"""Opaque tokens: random texts that mean something in the database only, where their hash stands."""

import hashlib
import re
import secrets

REFRESH = "fcr"
ONE_TIME = "fcv"
API_KEY = "fck"
"""Prefixes, by which people and scanners of leaked secrets know what they have found."""

BYTES = 32
"""Random bytes of a token: too many to guess, so that a fast hash is enough."""
RANDOM_PART = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token(prefix: str) -> str:
    """Make a token, such as `fcr_…`.

    Args:
        prefix: What it is for: `REFRESH`, `ONE_TIME` or `API_KEY`.
    """
    return f"{prefix}_{secrets.token_urlsafe(BYTES)}"


def token_hash(token: str) -> str:
    """Give what is stored in place of a token: its SHA-256, 64 hexadecimal digits.

    Args:
        token: A token of the right form (`is_token`).
    """
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(text: str, prefix: str) -> bool:
    """Tell whether a text has the form of a token, so that no other reaches the database.

    Args:
        text: What somebody sent.
        prefix: What it must be for.
    """
    start = f"{prefix}_"
    return text.startswith(start) and RANDOM_PART.fullmatch(text, len(start)) is not None

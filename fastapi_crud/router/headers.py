"""Header fields of a request, read from the bytes that came."""

from collections.abc import Mapping
from typing import Any


def header_lines(scope: Mapping[str, Any], name: bytes) -> list[str]:
    """Give the values of all lines of a field, in their order (RFC 9110 §5.2).

    Args:
        scope: The request; servers write the names of fields in small letters (ASGI).
        name: The field, in small letters.
    """
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]

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


def media_type_of(scope: Mapping[str, Any]) -> str:
    """Give the media type of a body, in small letters and without parameters (RFC 9110 §8.3).

    Args:
        scope: The request.

    Returns:
        Nothing where the request does not say.
    """
    lines = header_lines(scope, b"content-type")
    return lines[0].partition(";")[0].strip().lower() if lines else ""

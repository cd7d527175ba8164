"""What a client would prefer, if it can be had (RFC 7240)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fastapi import Request

from fastapi_crud.router.headers import header_lines

KNOWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"handling": ("lenient", "strict"), "return": ("minimal", "representation")}
)
"""Preference → its values; all others are ignored."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a client prefers.

    Args:
        given: Preference → the value that was asked for.
    """

    given: Mapping[str, str]

    @property
    def lenient(self) -> bool:
        """Whether unknown parameters are to be ignored."""
        return self.given.get("handling") == "lenient"

    @property
    def minimal(self) -> bool:
        """Whether the row that was written need not be sent back."""
        return self.given.get("return") == "minimal"

    @property
    def applied(self) -> dict[str, str]:
        """The header that says what was honoured, if anything."""
        said = ", ".join(f"{name}={value}" for name, value in self.given.items())
        return {"Preference-Applied": said} if said else {}


NONE = Preferences({})


def preferences(request: Request, *honoured: str) -> Preferences:
    """Read what a client prefers.

    Args:
        request: The request.
        honoured: Which preferences this answer can honour.
    """
    lines = header_lines(request.scope, b"prefer")
    if not lines:
        return NONE
    given: dict[str, str] = {}
    for line in lines:
        for part in line.split(","):
            name, _, value = part.partition(";")[0].strip().lower().partition("=")
            given.setdefault(name.strip(), value.strip().strip('"'))  # the first counts (§2)
    return Preferences({name: given[name] for name in honoured if given.get(name) in KNOWN[name]})

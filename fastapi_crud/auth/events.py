"""What happened to accounts, for the log and for whoever listens; secrets are never part of it."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from fastapi_crud.models import utc_now

logger: logging.Logger = logging.getLogger("fastapi_crud.auth")

EventName = Literal[
    "registered", "logged_in", "login_failed", "login_throttled", "refreshed", "refresh_reused",
    "logged_out", "logged_out_everywhere", "session_ended", "password_changed", "password_reset",
    "reset_requested", "verify_requested", "email_verified", "email_change_requested",
    "email_changed", "api_key_created", "api_key_revoked",
]  # fmt: skip
WARNINGS: frozenset[EventName] = frozenset({"login_failed", "login_throttled", "refresh_reused"})
"""What somebody should look at if it happens often."""


@dataclass(frozen=True, kw_only=True)
class AuthEvent:
    """Something that happened to an account.

    Args:
        name: What happened.
        user_id: Whose account it is, where that is known.
        session_id: Which login it is about, where it is about one.
        address: Where the request came from.
        at: When it happened.
    """

    name: EventName
    user_id: str | None = None
    session_id: str | None = None
    address: str | None = None
    at: datetime = field(default_factory=utc_now)

    def as_fields(self) -> Mapping[str, Any]:
        """Give it as fields of a structured log record."""
        return {
            "auth_event": self.name,
            "user_id": self.user_id,
            "session_id": self.session_id,
            "address": self.address,
        }


Listener = Callable[[AuthEvent], Awaitable[None] | None]


async def tell(event: AuthEvent, listener: Listener | None) -> None:
    """Log an event, and tell the listener; one that fails is logged and changes nothing."""
    level = logging.WARNING if event.name in WARNINGS else logging.INFO
    logger.log(level, "auth: %s", event.name, extra=dict(event.as_fields()))
    if listener is None:
        return
    try:
        told = listener(event)
        if inspect.isawaitable(told):
            await told
    except Exception:
        logger.exception("the listener of auth events failed at %s", event.name)

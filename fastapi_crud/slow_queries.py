"""Slow queries: a warning for each statement that takes long."""

import logging
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine

logger: logging.Logger = logging.getLogger(__name__)

DEFAULT_LIMIT = 0.2
"""Seconds, where statements are logged anyway."""
MAX_STATEMENT = 2000
"""Characters of a statement that are logged."""


def warn_of_slow_queries(engine: AsyncEngine, limit: float | None) -> None:
    """Log a warning for each statement that takes long: its text, never its parameters.

    Args:
        engine: Whose statements. Listening to it costs the short way of plain requests.
        limit: Seconds that a statement may take; None for the default where the engine logs its
            statements, as in debug, and no warnings elsewhere.
    """
    if limit is None and not engine.echo:
        return
    allowed = DEFAULT_LIMIT if limit is None else limit

    def start(*event: Any) -> None:  # noqa: ANN401
        _context_of(event).fastapi_crud_started = perf_counter()

    def stop(*event: Any) -> None:  # noqa: ANN401
        taken = perf_counter() - _context_of(event).fastapi_crud_started
        if taken >= allowed:
            _warn(event, round(taken * 1000, 1))

    listen(engine.sync_engine, "before_cursor_execute", start)
    listen(engine.sync_engine, "after_cursor_execute", stop)


def _context_of(event: Sequence[Any]) -> Any:  # noqa: ANN401 - SQLAlchemy's execution context
    *_, context, _ = event
    return context


def _warn(event: Sequence[Any], duration: float) -> None:
    _, _, statement, *_ = event
    shown = statement[:MAX_STATEMENT]
    extra = {"duration_ms": duration, "statement": shown}
    logger.warning("slow query: %s ms: %s", duration, shown, extra=extra)

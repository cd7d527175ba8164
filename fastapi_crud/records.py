"""Log records: which request they belong to, and how they are written as JSON."""

import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

_request_id: ContextVar[str | None] = ContextVar("fastapi_crud.request_id", default=None)

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest was given by `extra=`."""

LEFT_OUT = frozenset({"color_message"})
"""What uvicorn adds to say the same in colours."""


def current_request_id() -> str | None:
    """Give the id of the request that is being answered; None outside of one."""
    return _request_id.get()


@contextmanager
def request_id_as(request_id: str) -> Generator[None]:
    """Let records belong to a request.

    An exception leaves the id behind: whoever logs it further out is still answering the request.

    Args:
        request_id: The id of the request.
    """
    token = _request_id.set(request_id)
    yield
    _request_id.reset(token)


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to each record, for formats of your own: `%(request_id)s`.

    Outside of a request it is `-`. On a `QueueHandler` it also keeps the id for the thread that
    writes.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id; every record passes."""
        record.request_id = getattr(record, "request_id", None) or current_request_id() or "-"
        return True


class JSONFormatter(logging.Formatter):
    """Writes each record as one JSON object on one line.

    It has `time` (RFC 3339, UTC), `level`, `logger` and `message`; `request_id` within a request;
    what was given by `extra=`; and `exception` with the traceback, where there is one.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        time = datetime.fromtimestamp(record.created, UTC)
        request_id = getattr(record, "request_id", None) or current_request_id()
        written: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id not in {None, "-"}:
            written["request_id"] = request_id
        for name, value in vars(record).items():
            if name not in STANDARD | LEFT_OUT | written.keys() | {"request_id"}:
                written[name] = _encodable(value)
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            written["exception"] = record.exc_text
        if record.stack_info:
            written["stack"] = self.formatStack(record.stack_info)
        return json.dumps(written)


def _encodable(value: object) -> Any:  # noqa: ANN401 - JSON
    """Give a value as it is where JSON has it, else its text: a record is never lost for it."""
    try:
        return json.loads(json.dumps(value, default=str, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return str(value)

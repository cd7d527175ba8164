"""An app that can be watched: request ids, JSON logs, health, slow queries."""

import logging
from typing import Any

from fastapi import FastAPI
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    JSONFormatter,
    add_exception_handlers,
    add_request_ids,
    make_crud_router,
    make_health_router,
)


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


# --8<-- [start:logging]
class WithoutProbes(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return "/healthz" not in message and "/readyz" not in message


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JSONFormatter}},
    "filters": {"without_probes": {"()": WithoutProbes}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stdout"], "level": "INFO"},
    "loggers": {
        "uvicorn": {"handlers": [], "propagate": True, "level": "INFO"},
        "uvicorn.access": {
            "handlers": [],
            "propagate": True,
            "level": "INFO",
            "filters": ["without_probes"],
        },
    },
}
# --8<-- [end:logging]


# --8<-- [start:check]
async def mail_server() -> None:
    """Raises if it does not answer."""


health = make_health_router(checks={"mail": mail_server}, timeout=1)
# --8<-- [end:check]

# --8<-- [start:slow]
db = Database(metadata=Base.metadata, create_all=True, slow_query=0.5)
# --8<-- [end:slow]
# --8<-- [start:app]
app = FastAPI(lifespan=db.lifespan)
app.include_router(make_crud_router(Note), prefix="/api/v1")
app.include_router(health)
add_exception_handlers(app)
add_request_ids(app)  # after other middleware
# --8<-- [end:app]

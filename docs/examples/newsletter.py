"""Letters to all readers, by a mailer of one's own."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, DbSession, add_exception_handlers, make_crud_router
from fastapi_crud.tasks import (
    EmailMessage,
    Mailer,
    Relay,
    TaskSettings,
    mailer_of,
    outbox_table,
    send_bulk_emails,
    use_mailer,
)

logger = logging.getLogger(__name__)


class Reader(Base):
    __tablename__ = "readers"

    email: Mapped[str] = mapped_column(String(254), primary_key=True)


outbox_table(Base.metadata)


# --8<-- [start:mailer]
class Noted:
    """Sends by another mailer, and notes that it did."""

    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer

    async def send(self, message: EmailMessage) -> None:
        await self.mailer.send(message)
        logger.info("Sent: %s", message.message_id)


# --8<-- [end:mailer]
db = Database(metadata=Base.metadata, create_all=True)
relay = Relay(db)


# --8<-- [start:lifespan]
@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    use_mailer(Noted(mailer_of(TaskSettings())))
    async with db.lifespan(app) as state, relay.lifespan(app):
        yield state


# --8<-- [end:lifespan]
app = FastAPI(title="Newsletter", lifespan=lifespan)
app.include_router(make_crud_router(Reader), prefix="/api/v1")
add_exception_handlers(app)


# --8<-- [start:endpoint]
class Issue(BaseModel):
    subject: str = Field(max_length=200)
    text: str = Field(max_length=100_000)


@app.post("/api/v1/issues", status_code=202)
async def publish(issue: Issue, session: DbSession) -> dict[str, int]:
    recipients = [*await session.scalars(select(Reader.email))]
    await send_bulk_emails.enqueue(session, recipients, issue.subject, issue.text)
    return {"recipients": len(recipients)}


# --8<-- [end:endpoint]

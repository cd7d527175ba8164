"""Accounts whose mails are not lost: links are made and sent by a task.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from fastapi_crud import Base, Database, add_exception_handlers
from fastapi_crud.auth import Auth, Notice, UserMixin, make_auth_router
from fastapi_crud.auth.mails import Purpose
from fastapi_crud.tasks import (
    EmailMessage,
    Relay,
    TaskContext,
    TaskSettings,
    mailer_of,
    outbox_table,
    task,
)

SITE = "https://example.com"
TEXTS = {
    "verify": ("Verify your address", f"Is this you? {SITE}/verify#token={{token}}"),
    "reset": ("Reset your password", f"Choose a new one: {SITE}/reset#token={{token}}"),
    "change_email": ("Your new address", f"Is this you? {SITE}/verify#token={{token}}"),
    "email_changed": ("Your address", "Somebody, hopefully you, asked for another address."),
    "password_changed": ("Your password", "It was changed. Was it not you? Reset it."),
}
"""Kind of mail → subject and text."""


class User(UserMixin, Base):
    __tablename__ = "users"


outbox_table(Base.metadata)

# --8<-- [start:notifier]
mailer = mailer_of(TaskSettings())


async def notify(notice: Notice) -> None:
    subject, text = TEXTS[notice.kind]
    body = text.format(token=notice.token)
    await mailer.send(EmailMessage(to=notice.email, subject=subject, text=body))


# --8<-- [end:notifier]
# --8<-- [start:defer]
@task("auth.send_link")
async def send_link(context: TaskContext, purpose: Purpose, email: str) -> None:
    await auth.send_link(context.session, purpose, email)


auth = Auth(User, notifier=notify, defer=send_link.enqueue)
# --8<-- [end:defer]
db = Database(metadata=Base.metadata, create_all=True)
relay = Relay(db)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    async with db.lifespan(app) as state, relay.lifespan(app):
        yield state


app = FastAPI(title="Accounts", lifespan=lifespan)
app.include_router(make_auth_router(auth), prefix="/api/v1/auth")
add_exception_handlers(app)

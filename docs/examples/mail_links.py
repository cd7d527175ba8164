"""Accounts whose addresses are verified, and whose passwords are reset, by mail.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

import asyncio
import smtplib
from email.headerregistry import Address
from email.message import EmailMessage

from fastapi import FastAPI

from fastapi_crud import Base, Database, add_exception_handlers
from fastapi_crud.auth import Auth, Notice, UserMixin, make_auth_router

# --8<-- [start:texts]
SITE = "https://example.com"
TEXTS = {
    "verify": ("Verify your address", f"Is this you? {SITE}/verify#token={{token}}"),
    "reset": ("Reset your password", f"Choose a new one: {SITE}/reset#token={{token}}"),
    "change_email": ("Your new address", f"Is this you? {SITE}/verify#token={{token}}"),
    "email_changed": ("Your address", "Somebody, hopefully you, asked for another address."),
    "password_changed": ("Your password", "It was changed. Was it not you? Reset it."),
}
"""Kind of mail → subject and text."""


# --8<-- [end:texts]
# --8<-- [start:notifier]
def mail_of(notice: Notice) -> EmailMessage:
    subject, text = TEXTS[notice.kind]
    mail = EmailMessage()
    mail["From"] = "Example <no-reply@example.com>"
    mail["To"] = Address(addr_spec=notice.email)
    mail["Subject"] = subject
    mail.set_content(text.format(token=notice.token))
    return mail


def deliver(mail: EmailMessage) -> None:
    with smtplib.SMTP("localhost", timeout=10) as server:
        server.send_message(mail)


async def send(notice: Notice) -> None:
    await asyncio.to_thread(deliver, mail_of(notice))


# --8<-- [end:notifier]
# --8<-- [start:auth]
class User(UserMixin, Base):
    __tablename__ = "users"


auth = Auth(User, notifier=send)
# --8<-- [end:auth]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Accounts", lifespan=db.lifespan)
app.include_router(make_auth_router(auth), prefix="/api/v1/auth")
add_exception_handlers(app)

"""Users who are sent a mail: when they are new, and when somebody asks for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    DbSession,
    NotFound,
    Repository,
    add_exception_handlers,
    make_crud_router,
)
from fastapi_crud.tasks import Relay, TaskContext, outbox_table, send_email, task

SUBJECT = "Welcome"
TEXT = "Hello {name}, good to have you here."


# --8<-- [start:model]
class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))


outbox_table(Base.metadata)
# --8<-- [end:model]


# --8<-- [start:task]
@task("mail.welcome")
async def welcome(context: TaskContext, user_id: int) -> None:
    user = await context.session.get(User, user_id)
    if user is not None:
        text = TEXT.format(name=user.name)
        await send_email.enqueue(context.session, user.email, SUBJECT, text)


# --8<-- [end:task]
# --8<-- [start:relay]
db = Database(metadata=Base.metadata, create_all=True)
relay = Relay(db)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    async with db.lifespan(app) as state, relay.lifespan(app):
        yield state


# --8<-- [end:relay]
# --8<-- [start:app]
app = FastAPI(title="Users", lifespan=lifespan)
app.include_router(make_crud_router(User, on_created=welcome), prefix="/api/v1")
add_exception_handlers(app)
# --8<-- [end:app]


# --8<-- [start:endpoint]
@app.post("/api/v1/users/{user_id}/send-welcome-email", status_code=202)
async def send_welcome_email(user_id: int, session: DbSession) -> dict[str, str]:
    user = await Repository[User](session).get(user_id)
    if user is None:
        raise NotFound(User.__name__, user_id)
    await send_email.enqueue(session, user.email, SUBJECT, TEXT.format(name=user.name))
    return {"message": "Email queued"}


# --8<-- [end:endpoint]

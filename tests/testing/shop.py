"""An app as a user of the plugin has it: accounts, tasks, an own lifespan, an own database."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from celery import Celery  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from fastapi import Depends, FastAPI, Request
from sqlalchemy import MetaData, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, DbSession, add_exception_handlers, make_crud_router
from fastapi_crud.auth import UserMixin, current_user, make_auth_router, optional_user
from fastapi_crud.tasks import Relay, TaskContext, outbox_table, send_email, task


class Base(DeclarativeBase):
    metadata = MetaData()


class User(UserMixin, Base):
    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(100))


class Article(Base):
    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)


outbox_table(Base.metadata)


class LogBase(DeclarativeBase):
    metadata = MetaData()


class Entry(LogBase):
    __tablename__ = "entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(100))


@task("testing.shop.announce")
async def announce(context: TaskContext, id: int) -> None:
    article = await context.session.get_one(Article, id)
    if article.name == "bad":
        raise ValueError(article.name)
    await send_email.enqueue(context.session, "ann@example.com", "New", article.name)


db = Database("sqlite:////nowhere/at/all.db", metadata=Base.metadata, create_all=True)
script_db = Database("sqlite:////nowhere/at/all.db", metadata=Base.metadata)
log = Database("sqlite:////nowhere/log.db", metadata=LogBase.metadata)
relay = Relay(db, poll=0.001)
celery: Any = Celery("shop", broker="memory://")
parts: list[int] = []


@celery.task(name="testing.shop.add")  # type: ignore[untyped-decorator]
def add(number: int) -> int:
    if number < 0:
        raise ValueError(number)
    parts.append(number)
    return sum(parts)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    async with db.lifespan(app) as state, relay.lifespan(app):
        async with db.session() as session:
            session.add(Article(name="first"))
        yield {**state, "opened": "shop"}


app = FastAPI(lifespan=lifespan)
app.include_router(make_auth_router(User), prefix="/auth")
app.include_router(make_crud_router(User))
guarded = [Depends(optional_user(User))]
app.include_router(make_crud_router(Article, on_created=announce, dependencies=guarded))
app.include_router(make_crud_router(Entry, database=log))
add_exception_handlers(app)


@app.get("/me")
async def me(request: Request, user: Annotated[User, Depends(current_user(User))]) -> list[str]:
    return [user.name, request.state.opened]


@app.post("/copies")
async def copy(session: DbSession) -> int:
    """Has two sessions open at the same time, and two transactions."""
    first = (await session.scalars(select(Article))).one()
    async with db.session() as other:
        other.add(Article(name=f"copy of {first.name}"))
    return await session.scalar(select(func.count()).select_from(Article)) or 0


@app.get("/broken")
async def broken() -> None:
    raise ZeroDivisionError

"""Two databases: orders in the app's own, events in an archive."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Base, Database, Settings, add_exception_handlers, make_crud_router


class AppSettings(Settings):
    archive_url: str = "sqlite:///./archive.db"


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[str] = mapped_column(String(100))


class ArchiveBase(DeclarativeBase):
    """Its own tables: each database creates only those of its base."""


class Event(ArchiveBase):
    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(200))


# --8<-- [start:app]
settings = AppSettings()
db = Database(settings=settings, metadata=Base.metadata, create_all=True)
archive = Database(settings.archive_url, metadata=ArchiveBase.metadata, create_all=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    async with archive.lifespan(app), db.lifespan(app) as state:  # the last is the app's own
        yield state


app = FastAPI(title="Orders", lifespan=lifespan)
app.include_router(make_crud_router(Order), prefix="/api/v1")
app.include_router(
    make_crud_router(Event, database=archive, operations=("list", "create", "get")),
    prefix="/api/v1",
)
# --8<-- [end:app]
add_exception_handlers(app)

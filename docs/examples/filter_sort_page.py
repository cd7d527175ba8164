"""Tasks: a list to filter, sort and page."""

from datetime import datetime

from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, UTCDateTime, add_exception_handlers, make_crud_router


class Task(Base):
    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    priority: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Tasks", lifespan=db.lifespan)
app.include_router(make_crud_router(Task), prefix="/api/v1")
add_exception_handlers(app)

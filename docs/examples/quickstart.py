"""Notes: the smallest app."""

from fastapi import FastAPI
from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, add_exception_handlers, make_crud_router


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str | None] = mapped_column(Text)
    done: Mapped[bool] = mapped_column(default=False)


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Notes", lifespan=db.lifespan)
app.include_router(make_crud_router(Note), prefix="/api/v1")
add_exception_handlers(app)

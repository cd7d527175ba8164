from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, make_crud_router

FRONTEND = Path(__file__).with_name("dist")


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Post(Base):
    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(40), unique=True)
    body: Mapped[str | None]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("authors.id"))


database = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(lifespan=database.lifespan)
app.include_router(make_crud_router(Author, wire="simple-rest"), prefix="/api")
app.include_router(make_crud_router(Post, wire="simple-rest", search=["title"]), prefix="/api")
app.mount("/", StaticFiles(directory=FRONTEND, html=True, check_dir=False))

"""Articles: words to search for, and conditions with AND, OR and NOT."""

from fastapi import FastAPI
from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastapi_crud import Base, Database, add_exception_handlers, make_crud_router


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Article(Base):
    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    views: Mapped[int] = mapped_column(default=0)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("authors.id"), index=True)
    author: Mapped[Author | None] = relationship()


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Articles", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Article,
        search=["title", "body", "author.name"],
        filters={"*": ..., "author.name": ["eq"]},
        operations=("list", "create", "search"),
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
app.include_router(make_crud_router(Author), prefix="/api/v1")
add_exception_handlers(app)

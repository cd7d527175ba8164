"""Books: filters over relationships, and related rows in the answer."""

from fastapi import FastAPI
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastapi_crud import (
    Base,
    CrudOptions,
    Database,
    Filter,
    Limits,
    add_exception_handlers,
    make_crud_router,
)


# --8<-- [start:related]
def approved() -> Filter:
    return Filter("approved", "eq", True)


class Author(Base):
    __tablename__ = "authors"
    __crud__ = CrudOptions(hidden={"email"})

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(200))


class Review(Base):
    __tablename__ = "reviews"
    __crud__ = CrudOptions(scope=approved)

    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"), index=True)
    stars: Mapped[int] = mapped_column(info={"ge": 1, "le": 5})
    approved: Mapped[bool] = mapped_column(default=False, info={"hidden": True})


# --8<-- [end:related]
# --8<-- [start:model]
class Book(Base):
    __tablename__ = "books"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("authors.id"), index=True)
    author: Mapped[Author | None] = relationship()
    reviews: Mapped[list[Review]] = relationship(order_by=Review.id.desc())


# --8<-- [end:model]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Books", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Book,
        filters={
            "*": ...,
            "author.name": ["eq", "icontains", "isnull"],
            "reviews.stars": ["gte"],
        },
        include=["author", "reviews"],
        limits=Limits(max_included=3),
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

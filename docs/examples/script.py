"""Books: filling and reading a database without FastAPI."""

import asyncio

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, Repository, Service, make_schemas

SHORT = 300
"""Pages of a short book, at most."""


class Book(Base):
    __tablename__ = "books"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    pages: Mapped[int]


# --8<-- [start:service]
class BookService(Service[Book]):
    async def after_create(self, row: Book) -> None:
        title = row.title
        self.after_commit(lambda: print(f"Stored {title}"))


# --8<-- [end:service]
# --8<-- [start:main]
async def main() -> None:
    db = Database(metadata=Base.metadata)
    await db.create_all()

    async with db.session() as session:  # commits at the end
        books = Repository[Book](session)
        await books.batch_create(
            [{"title": "Emma", "pages": 474}, {"title": "Persuasion", "pages": 249}]
        )

    async with db.session() as session:
        body = make_schemas(Book).create.model_validate({"title": "Sanditon", "pages": 120})
        await BookService(session).create(body)  # rules and hooks run

    async with db.session() as session:
        books = Repository[Book](session)
        print("Short:", await books.count(Book.pages < SHORT))
        async for book in books.stream(order_by=[Book.pages]):
            print(book.title, book.pages)

    await db.engine.dispose()


# --8<-- [end:main]
if __name__ == "__main__":
    asyncio.run(main())

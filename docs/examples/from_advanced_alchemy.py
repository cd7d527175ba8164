"""Authors whose table is Advanced Alchemy's `UUIDAuditBase`, without it."""

from datetime import date

from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    DbSession,
    Filter,
    Query,
    Service,
    Timestamps,
    UUIDPrimaryKey,
    add_exception_handlers,
    make_crud_router,
)


# --8<-- [start:model]
class Author(UUIDPrimaryKey, Timestamps, Base):
    __tablename__ = "author"

    name: Mapped[str] = mapped_column(String(100))
    born: Mapped[date | None]


class AuthorService(Service[Author]):
    """Repository and service in one: what was `AuthorRepository` is its `repository`."""


# --8<-- [end:model]
db = Database(metadata=Base.metadata)
app = FastAPI(title="Authors", lifespan=db.lifespan)
# --8<-- [start:app]
app.include_router(
    make_crud_router(Author, service=AuthorService, name="authors", search=["name"]),
    prefix="/api/v1",
)


@app.get("/api/v1/centuries/{century}/authors")
async def of_century(century: int, session: DbSession) -> list[str]:
    begin = date(100 * (century - 1) + 1, 1, 1)
    query = Query(where=[Filter("born", "gte", begin)], order_by=["name"], limit=50)
    page = await AuthorService(session).get_page(query)
    return [author.name for author in page.items]


# --8<-- [end:app]
add_exception_handlers(app)

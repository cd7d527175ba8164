"""Pages of a wiki: nobody overwrites what somebody else has just written."""

from fastapi import FastAPI
from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, Versioned, add_exception_handlers, make_crud_router


# --8<-- [start:model]
class WikiPage(Versioned, Base):
    __tablename__ = "wiki_pages"

    slug: Mapped[str] = mapped_column(String(50), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


# --8<-- [end:model]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Wiki", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        WikiPage,
        name="pages",
        operations=("list", "get", "update", "replace", "delete", "batch_update"),
        require_if_match=True,
        upsert=True,  # PUT creates a page that is not there
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

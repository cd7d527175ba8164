"""Articles: a search by the full-text index of PostgreSQL."""

from fastapi import FastAPI
from sqlalchemy import Computed, Index, String, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    PostgreSQLFullText,
    add_exception_handlers,
    make_crud_router,
)


# --8<-- [start:model]
class Article(Base):
    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    search_vector: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed("to_tsvector('english', title || ' ' || body)", persisted=True),
        deferred=True,
        info={"hidden": True},
    )

    __table_args__ = (Index(None, "search_vector", postgresql_using="gin"),)


# --8<-- [end:model]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Articles", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(Article, search=PostgreSQLFullText("search_vector", config="english")),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

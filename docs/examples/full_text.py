"""Articles: a search by the full-text index of SQLite."""

from fastapi import FastAPI
from sqlalchemy import Connection, String, Table, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    SQLiteFullText,
    add_exception_handlers,
    make_crud_router,
)


# --8<-- [start:model]
class Article(Base):
    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)


# --8<-- [end:model]
# --8<-- [start:index]
INDEX = (
    """
    CREATE VIRTUAL TABLE articles_fts
    USING fts5(title, body, content='articles', content_rowid='id')
    """,
    """
    CREATE TRIGGER articles_inserted AFTER INSERT ON articles BEGIN
        INSERT INTO articles_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
    END
    """,
    """
    CREATE TRIGGER articles_deleted AFTER DELETE ON articles BEGIN
        INSERT INTO articles_fts (articles_fts, rowid, title, body)
        VALUES ('delete', old.id, old.title, old.body);
    END
    """,
    """
    CREATE TRIGGER articles_updated AFTER UPDATE ON articles BEGIN
        INSERT INTO articles_fts (articles_fts, rowid, title, body)
        VALUES ('delete', old.id, old.title, old.body);
        INSERT INTO articles_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
    END
    """,
)


@event.listens_for(Article.__table__, "after_create")
def make_index(_: Table, connection: Connection, **__: object) -> None:
    for statement in INDEX:
        connection.exec_driver_sql(statement)


@event.listens_for(Article.__table__, "after_drop")
def drop_index(_: Table, connection: Connection, **__: object) -> None:
    connection.exec_driver_sql("DROP TABLE articles_fts")


# --8<-- [end:index]

db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Articles", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(Article, search=SQLiteFullText("articles_fts")),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

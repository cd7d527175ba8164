"""Notes with rules: tidy titles, unfinished notes stay, and somebody is told of new ones."""

import logging
from typing import Any

from fastapi import FastAPI
from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    PermissionDenied,
    Service,
    add_exception_handlers,
    make_crud_router,
)

# --8<-- [start:logger]
logger = logging.getLogger(__name__)
# --8<-- [end:logger]


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    # --8<-- [start:title]
    title: Mapped[str] = mapped_column(String(200), info={"min_length": 1})
    # --8<-- [end:title]
    body: Mapped[str | None] = mapped_column(Text)
    done: Mapped[bool] = mapped_column(default=False)


# --8<-- [start:service]
class NoteService(Service[Note]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["title"] = values["title"].strip()

    async def before_update(self, id: object, values: dict[str, Any]) -> None:
        if "title" in values:
            values["title"] = values["title"].strip()

    async def after_create(self, row: Note) -> None:
        title = row.title
        self.after_commit(lambda: logger.warning("New note: %s", title))

    async def before_delete(self, id: object) -> None:
        note = await self.get(id)
        if note is not None and not note.done:
            msg = "Finish the note before you delete it"
            raise PermissionDenied(msg)


# --8<-- [end:service]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Notes", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(make_crud_router(Note, service=NoteService), prefix="/api/v1")
# --8<-- [end:router]
add_exception_handlers(app)

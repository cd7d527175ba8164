"""Bodies of one's own, for services of notes."""

from pydantic import BaseModel


class NoteCreate(BaseModel):
    title: str
    body: str | None = None


class NoteUpdate(BaseModel):
    id: int | None = None
    title: str | None = None
    body: str | None = None

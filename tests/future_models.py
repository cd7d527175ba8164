"""Sample models whose annotations are text, as `from __future__ import annotations` makes them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Optional

from pydantic import Field
from sqlalchemy import ForeignKey, String
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

if TYPE_CHECKING:
    from tests.samples import Garden

Short = Annotated[str, Field(min_length=2), mapped_column(String(10))]


class Base(DeclarativeBase):
    """A base of their own."""


class House(Base):
    __tablename__ = "houses"

    id: Mapped[int] = mapped_column(primary_key=True)
    built: Mapped[Optional[datetime]]  # noqa: UP045
    number: Mapped[int]
    sign: Mapped[Short]
    garden_id: Mapped[int | None] = mapped_column(ForeignKey("gardens.id"))
    garden: Mapped[Garden | None] = relationship(back_populates="houses")

    @hybrid_property
    def label(self) -> str | None:
        return f"No. {self.number}"

    @hybrid_property
    def surroundings(self) -> Garden | None:
        return self.garden

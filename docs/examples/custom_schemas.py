"""Bookings: bounds on a column, a body with a rule of its own, and an answer with a property."""

from datetime import date
from typing import Self

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, add_exception_handlers, make_crud_router


# --8<-- [start:model]
class Booking(Base):
    __tablename__ = "bookings"
    __table_args__ = (CheckConstraint("ends_on > starts_on", name="ends_after_start"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(
        String(50),
        info={"min_length": 2, "description": "Name of the room.", "examples": ["Blue"]},
    )
    starts_on: Mapped[date]
    ends_on: Mapped[date]

    @property
    def nights(self) -> int:
        return (self.ends_on - self.starts_on).days


# --8<-- [end:model]
# --8<-- [start:create]
class BookingCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    room: str = Field(min_length=2, max_length=50)
    starts_on: date
    ends_on: date

    @model_validator(mode="after")
    def ends_after_start(self) -> Self:
        if self.ends_on <= self.starts_on:
            msg = "ends_on must lie after starts_on"
            raise ValueError(msg)
        return self


# --8<-- [end:create]
# --8<-- [start:read]
class BookingRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    room: str
    starts_on: date
    nights: int


# --8<-- [end:read]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Bookings", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(Booking, create_schema=BookingCreate, read_schema=BookingRead),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

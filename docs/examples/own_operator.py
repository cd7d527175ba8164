"""Rooms: a filter operator of one's own, for flags kept in the bits of an integer."""

from fastapi import FastAPI
from sqlalchemy import ColumnElement, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    Operand,
    Operator,
    add_exception_handlers,
    make_crud_router,
)


class Room(Base):
    __tablename__ = "rooms"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    equipment: Mapped[int] = mapped_column(
        default=0, info={"ge": 0, "description": "1: screen, 2: whiteboard, 4: camera; added up."}
    )


# --8<-- [start:operator]
def has_bits(operand: Operand, value: int) -> ColumnElement[bool]:
    found: ColumnElement[bool] = operand.column.bitwise_and(value) == value
    return found


HAS = Operator("has", "has all bits of", has_bits, kinds=frozenset({"integer"}))
# --8<-- [end:operator]

db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Rooms", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Room,
        operators=[HAS],
        filters={"name": ..., "equipment": ["eq", "has"]},
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

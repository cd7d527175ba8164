"""Devices: a change of one setting leaves the others alone."""

from typing import Any

from fastapi import FastAPI
from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, add_exception_handlers, make_crud_router


# --8<-- [start:model]
class Device(Base):
    __tablename__ = "devices"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


# --8<-- [end:model]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Devices", lifespan=db.lifespan)
app.include_router(make_crud_router(Device), prefix="/api/v1")
add_exception_handlers(app)

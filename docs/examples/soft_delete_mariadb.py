"""Customers on MariaDB and MySQL: an address is taken as long as its customer is there."""

from fastapi import FastAPI
from sqlalchemy import Computed, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, SoftDelete, add_exception_handlers, make_crud_router


# --8<-- [start:model]
class Customer(SoftDelete, Base):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200))
    live_email: Mapped[str | None] = mapped_column(
        String(200),
        Computed("CASE WHEN deleted_at IS NULL THEN email END", persisted=True),
        unique=True,
        info={"hidden": True},
    )


# --8<-- [end:model]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Customers", lifespan=db.lifespan)
app.include_router(
    make_crud_router(Customer, operations=("list", "create", "get", "delete", "restore")),
    prefix="/api/v1",
)
add_exception_handlers(app)

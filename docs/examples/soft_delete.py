"""Customers: a deletion can be undone, and only an administrator deletes for good."""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, SoftDelete, add_exception_handlers, make_crud_router

# --8<-- [start:model]
LIVE = text("deleted_at IS NULL")


class Customer(SoftDelete, Base):
    __tablename__ = "customers"
    __table_args__ = (
        Index("uq_customers_email", "email", unique=True, postgresql_where=LIVE, sqlite_where=LIVE),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(100))


# --8<-- [end:model]
# --8<-- [start:roles]
# Stands in for real authentication: it believes what the header says.
def is_staff(x_role: Annotated[str, Header()] = "") -> bool:
    return x_role in {"staff", "admin"}


def staff_only(staff: Annotated[bool, Depends(is_staff)]) -> None:
    if not staff:
        raise HTTPException(403, "This is for staff")


def admin_only(x_role: Annotated[str, Header()] = "") -> None:
    if x_role != "admin":
        raise HTTPException(403, "This is for administrators")


# --8<-- [end:roles]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Customers", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Customer,
        operations=("list", "create", "get", "update", "delete", "restore", "purge"),
        show_deleted=is_staff,
        dependencies={"restore": [Depends(staff_only)], "purge": [Depends(admin_only)]},
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

"""Payments: a request that is sent again pays once."""

from typing import Annotated

from fastapi import FastAPI, Header, HTTPException
from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    Limits,
    Timestamps,
    add_exception_handlers,
    idempotency_table,
    make_crud_router,
    prune_idempotency_keys,
)


# --8<-- [start:model]
class Payment(Timestamps, Base):
    __tablename__ = "payments"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    payee: Mapped[str] = mapped_column(String(50))
    amount: Mapped[int]


keys = idempotency_table(Base.metadata)  # so that Alembic sees it as well


# --8<-- [end:model]
# Stands in for real authentication: it believes what the header says.
def current_user(x_user: Annotated[str, Header()] = "") -> str:
    if not x_user:
        raise HTTPException(401, "Say who you are in X-User")
    return x_user


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Payments", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Payment,
        operations=("list", "create", "get", "batch_create"),
        idempotency="required",
        actor=current_user,
        limits=Limits(idempotency_hours=48),
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)


# --8<-- [start:prune]
async def prune() -> int:
    async with db.session() as session:
        return await prune_idempotency_keys(session, keys)


# --8<-- [end:prune]

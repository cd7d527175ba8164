"""Accounts: money moves in one transaction, or not at all."""

from fastapi import FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    DbSession,
    NotFound,
    Repository,
    add_exception_handlers,
    make_crud_router,
)


class Account(Base):
    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("balance >= 0", name="not_overdrawn"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(100))
    balance: Mapped[int] = mapped_column(default=0)


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Accounts", lifespan=db.lifespan)
app.include_router(make_crud_router(Account), prefix="/api/v1")
add_exception_handlers(app)


# --8<-- [start:endpoint]
class Transfer(BaseModel):
    source: int
    target: int
    amount: int = Field(gt=0)


@app.post("/api/v1/transfers", status_code=204)
async def transfer(order: Transfer, session: DbSession) -> None:
    accounts = Repository[Account](session)
    for key, change in ((order.source, -order.amount), (order.target, order.amount)):
        account = await accounts.update(key, {"balance": Account.balance + change})
        if account is None:
            raise NotFound(Account.__name__, key)


# --8<-- [end:endpoint]

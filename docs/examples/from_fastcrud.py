"""Items that FastCRUD has served: the same table, with its marks of deletion."""

from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from sqlalchemy import DateTime, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, Service, add_exception_handlers, make_crud_router


def now() -> datetime:
    return datetime.now(UTC)


# --8<-- [start:model]
class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    tier: Mapped[str | None] = mapped_column(String(20))
    is_deleted: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)
    updated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), onupdate=now)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


# --8<-- [end:model]
# --8<-- [start:service]
class ItemService(Service[Item]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["name"] = values["name"].strip()


# --8<-- [end:service]
db = Database(metadata=Base.metadata)
app = FastAPI(title="Items", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Item,
        service=ItemService,
        soft_delete="is_deleted",
        hidden=["is_deleted", "deleted_at"],
        operations=["list", "create", "get", "update", "delete", "restore"],
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

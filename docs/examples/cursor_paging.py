"""Events: a long list to walk through, the newest first."""

from datetime import datetime

from fastapi import FastAPI
from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    Limits,
    Settings,
    UTCDateTime,
    add_exception_handlers,
    make_crud_router,
)


# --8<-- [start:model]
class Event(Base):
    __tablename__ = "events"
    __table_args__ = (Index(None, "happened_at", "id"), Index(None, "kind", "happened_at", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    happened_at: Mapped[datetime] = mapped_column(UTCDateTime)


# --8<-- [end:model]
settings = Settings()
db = Database(settings=settings, metadata=Base.metadata, create_all=True)
app = FastAPI(title="Events", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Event,
        pagination="cursor",
        default_sort="-happened_at",
        sort=["happened_at"],
        filters={"kind": ["eq", "in"], "happened_at": ...},
        cursor_secret=settings.secret_key,
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
# --8<-- [start:both]
app.include_router(
    make_crud_router(
        Event,
        name="event_table",
        pagination="both",
        default_sort="-happened_at",
        count=("estimated", "exact", "none"),
        limits=Limits(max_exact_count=1000),
        operations=["list"],
    ),
    prefix="/api/v1",
)
# --8<-- [end:both]
add_exception_handlers(app)

"""Orders that Celery workers pack."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, add_exception_handlers, make_crud_router
from fastapi_crud.tasks import Health, Relay, TaskContext, outbox_table, task
from fastapi_crud.tasks.celery import CeleryDispatcher, make_celery


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    article: Mapped[str] = mapped_column(String(100))
    packed: Mapped[bool] = mapped_column(default=False)


outbox_table(Base.metadata)


# --8<-- [start:task]
@task("orders.pack")
async def pack(context: TaskContext, order_id: int) -> None:
    order = await context.session.get(Order, order_id)
    if order is not None:
        order.packed = True


# --8<-- [end:task]
# --8<-- [start:celery]
db = Database(metadata=Base.metadata, create_all=True)
celery = make_celery(database=db)
relay = Relay(db, dispatcher=CeleryDispatcher(celery))
# --8<-- [end:celery]


# --8<-- [start:lifespan]
@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    async with db.lifespan(app) as state, relay.lifespan(app):
        yield state


app = FastAPI(title="Orders", lifespan=lifespan)
# --8<-- [end:lifespan]
app.include_router(make_crud_router(Order, on_created=pack), prefix="/api/v1")
add_exception_handlers(app)


# --8<-- [start:health]
@app.get("/health/tasks")
async def task_health() -> Health:
    return await relay.health()


# --8<-- [end:health]

"""A shop as it is deployed: web processes, a relay and workers of one code."""

from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    CrudOptions,
    Database,
    Timestamps,
    add_cors,
    add_exception_handlers,
    get_settings,
    make_crud_router,
)
from fastapi_crud.auth import UserMixin, make_auth_router, owner
from fastapi_crud.tasks import Relay, TaskContext, outbox_table, task
from fastapi_crud.tasks.celery import CeleryDispatcher, make_celery


class User(UserMixin, Base):
    __tablename__ = "users"


class Order(Timestamps, Base):
    __tablename__ = "orders"
    __crud__ = CrudOptions(scope=owner("buyer_id", user=User), read_only=["packed"])

    id: Mapped[int] = mapped_column(primary_key=True)
    article: Mapped[str] = mapped_column(String(100))
    packed: Mapped[bool] = mapped_column(default=False)
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)


outbox_table(Base.metadata)


@task("orders.pack")
async def pack(context: TaskContext, order_id: int) -> None:
    order = await context.session.get(Order, order_id)
    if order is not None:
        order.packed = True


# --8<-- [start:app]
db = Database(metadata=Base.metadata, pool_size=5, max_overflow=5, pool_pre_ping=True)
celery = make_celery(database=db)
relay = Relay(db, dispatcher=CeleryDispatcher(celery))

app = FastAPI(title="Shop", lifespan=db.lifespan)
app.include_router(make_auth_router(User), prefix="/api/v1/auth")
app.include_router(make_crud_router(Order, on_created=pack), prefix="/api/v1")
add_exception_handlers(app)
add_cors(app, get_settings())
# --8<-- [end:app]

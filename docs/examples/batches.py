"""Products: several at once, all or none, and known by their number to another system."""

from fastapi import FastAPI
from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, Limits, add_exception_handlers, make_crud_router


class Product(Base):
    __tablename__ = "products"
    __table_args__ = (CheckConstraint("stock >= 0", name="in_stock"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    stock: Mapped[int] = mapped_column(default=0)


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Products", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Product,
        operations=("list", "get", "batch_create", "batch_update", "batch_delete", "upsert"),
        limits=Limits(max_batch=500),
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

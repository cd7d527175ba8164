"""Products that come from a file, and leave as one."""

from decimal import Decimal

from fastapi import FastAPI
from sqlalchemy import Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, Limits, add_exception_handlers, make_crud_router


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str | None] = mapped_column(String(100))
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Products", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Product,
        operations=("list", "get", "create", "import"),
        export=True,
        fields=True,
        limits=Limits(max_export=500_000, max_import=20_000),
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

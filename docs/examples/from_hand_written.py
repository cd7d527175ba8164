"""An app of one's own that moves bit by bit: its sessions, its paths, some of its endpoints."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import String
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, PermissionDenied, Service, get_db, make_crud_router


class Base(DeclarativeBase):
    """The app's own."""


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    cents: Mapped[int]
    on_sale: Mapped[bool] = mapped_column(default=True)


# --8<-- [start:rules]
class ProductService(Service[Product]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["name"] = values["name"].strip()

    async def before_delete(self, id: object) -> None:
        product = await self.get_for_update(id)
        if product is not None and product.on_sale:
            msg = "Take it off sale first"
            raise PermissionDenied(msg)


# --8<-- [end:rules]
db = Database(metadata=Base.metadata, create_all=True)
# --8<-- [start:session]
sessions = async_sessionmaker(db.engine, expire_on_commit=False)


async def get_session() -> AsyncGenerator[AsyncSession]:
    async with sessions() as session:
        yield session


app = FastAPI(title="Products", lifespan=db.lifespan)
app.dependency_overrides[get_db] = get_session
# --8<-- [end:session]
# --8<-- [start:routes]
own = APIRouter(prefix="/products", tags=["products"])


class Raise(BaseModel):
    percent: int


@own.get("/cheapest")
async def cheapest(session: Annotated[AsyncSession, Depends(get_session)]) -> str:
    found, _ = await ProductService(session).get_multi(order_by=[Product.cents], limit=1)
    return found[0].name if found else "nothing"


@own.post("/{id}/raise")
async def raise_price(
    id: int, body: Raise, session: Annotated[AsyncSession, Depends(get_session)]
) -> int | None:
    cents = Product.cents + Product.cents * body.percent / 100
    product = await ProductService(session).change(id, {"cents": cents})
    await session.commit()
    return None if product is None else product.cents


app.include_router(own)
app.include_router(make_crud_router(Product, service=ProductService))
# --8<-- [end:routes]

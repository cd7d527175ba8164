"""Orders: stock, order and invoice are changed together, by three services."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    CrudError,
    Database,
    DbSession,
    NotFound,
    Repository,
    Service,
    add_exception_handlers,
    make_crud_router,
)


class Article(Base):
    __tablename__ = "articles"
    __table_args__ = (CheckConstraint("stock >= 0", name="in_stock"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    stock: Mapped[int] = mapped_column(default=0)


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey(Article.id))
    pieces: Mapped[int]


class Invoice(Base):
    __tablename__ = "invoices"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id))
    text: Mapped[str] = mapped_column(String(200))


class Discount(Base):
    __tablename__ = "discounts"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id))


# --8<-- [start:services]
class InvoiceCreate(BaseModel):
    order_id: int
    text: str


class OrderCreate(BaseModel):
    article_id: int
    pieces: int = Field(ge=1, le=100)


class InvoiceService(Service[Invoice, InvoiceCreate]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["text"] = values["text"].strip()


class OrderService(Service[Order, OrderCreate]):
    async def before_create(self, values: dict[str, Any]) -> None:
        articles = Repository[Article](self.session)
        left = {"stock": Article.stock - values["pieces"]}
        if await articles.update(values["article_id"], left) is None:
            raise NotFound(Article.__name__, values["article_id"])

    async def after_create(self, row: Order) -> None:
        text = f"{row.pieces} pieces of article {row.article_id}"
        await InvoiceService(self.session).create(InvoiceCreate(order_id=row.id, text=text))


# --8<-- [end:services]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Orders", lifespan=db.lifespan)
app.include_router(make_crud_router(Article), prefix="/api/v1")
app.include_router(make_crud_router(Invoice, service=InvoiceService), prefix="/api/v1")
app.include_router(
    make_crud_router(Order, service=OrderService, operations=["list", "create", "get"]),
    prefix="/api/v1",
)
add_exception_handlers(app)


# --8<-- [start:endpoint]
class Basket(BaseModel):
    orders: list[OrderCreate] = Field(min_length=1, max_length=20)
    discount: str | None = None


class Bought(BaseModel):
    orders: list[int]
    discounted: bool


@app.post("/api/v1/baskets", status_code=201)
async def buy(basket: Basket, session: DbSession) -> Bought:
    service = OrderService(session)
    orders = [await service.create(order) for order in basket.orders]
    discounted = False
    if basket.discount:
        values = {"code": basket.discount, "order_id": orders[0].id}
        try:
            async with session.begin_nested():
                await Repository[Discount](session).create(values)
            discounted = True
        except CrudError:  # somebody has used it: the orders stand all the same
            pass
    return Bought(orders=[order.id for order in orders], discounted=discounted)


# --8<-- [end:endpoint]

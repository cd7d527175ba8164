"""Models that are already there: SQLModel, dataclass-mapped, with a key of two columns."""

from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column
from sqlmodel import Field, SQLModel

from fastapi_crud import CrudOptions, Database, Limits, add_exception_handlers, make_crud_router


# --8<-- [start:sqlmodel]
class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=50)
    age: int | None = None


# --8<-- [end:sqlmodel]
# --8<-- [start:dataclass]
class DataclassBase(MappedAsDataclass, DeclarativeBase):
    metadata = SQLModel.metadata


class Coin(DataclassBase):
    __tablename__ = "coins"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(String(20))
    value: Mapped[int] = mapped_column(default=1)


# --8<-- [end:dataclass]
# --8<-- [start:composite]
class PlainBase(DeclarativeBase):
    metadata = SQLModel.metadata


class OrderLine(PlainBase):
    __tablename__ = "order_lines"
    __crud__ = CrudOptions(name="lines", limits=Limits(default_limit=20, max_limit=50))

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    quantity: Mapped[int] = mapped_column(default=1)


# --8<-- [end:composite]
db = Database(metadata=SQLModel.metadata, create_all=True)
app = FastAPI(title="What is already there", lifespan=db.lifespan)
# --8<-- [start:routers]
for model in (Hero, Coin, OrderLine):
    app.include_router(make_crud_router(model), prefix="/api/v1")
# --8<-- [end:routers]
add_exception_handlers(app)

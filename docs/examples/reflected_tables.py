"""Tables that somebody else made: customers in a few columns, parcels as they are found."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Connection, DateTime, MetaData, String
from sqlalchemy.ext.automap import AutomapBase, automap_base
from sqlalchemy.ext.declarative import DeferredReflection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, add_exception_handlers, make_crud_router


# --8<-- [start:written]
class Legacy(DeclarativeBase):
    """Tables that are not ours to create."""


class Customer(Legacy):
    __tablename__ = "CUST_MASTER"

    number: Mapped[int] = mapped_column("CUST_NO", primary_key=True)
    name: Mapped[str] = mapped_column("CUST_NM", String(60))
    since: Mapped[datetime | None] = mapped_column("SINCE_DT", DateTime, info={"read_only": True})


# --8<-- [end:written]
# --8<-- [start:deferred]
class Reflected(DeferredReflection, Legacy):
    __abstract__ = True


class Parcel(Reflected):
    __tablename__ = "parcels"


# --8<-- [end:deferred]
# --8<-- [start:automap]
Found: type[AutomapBase] = automap_base(metadata=MetaData())


# --8<-- [end:automap]
# --8<-- [start:lifespan]
db = Database()


def reflect(connection: Connection) -> None:
    Reflected.prepare(connection)
    Found.metadata.reflect(connection, only=["tags"])
    Found.prepare()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    async with db.engine.connect() as connection:
        await connection.run_sync(reflect)
    app.include_router(make_crud_router(Parcel), prefix="/api/v1")
    tags = make_crud_router(Found.classes["tags"], operations=["list", "get"])
    app.include_router(tags, prefix="/api/v1")
    async with db.lifespan(app) as state:
        yield state


app = FastAPI(title="Parcels", lifespan=lifespan)
app.include_router(make_crud_router(Customer, name="customers"), prefix="/api/v1")
# --8<-- [end:lifespan]
add_exception_handlers(app)

"""An app with two kinds of users, one of which needs more than text."""

from fastapi import FastAPI
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped

from fastapi_crud import Database, make_crud_router
from fastapi_crud.auth import UserMixin, make_auth_router


class Base(DeclarativeBase):
    metadata = MetaData()


class Staff(UserMixin, Base):
    __tablename__ = "staff"
    __auth_prefix__ = "staff_"

    tenant_id: Mapped[int]


class Customer(UserMixin, Base):
    __tablename__ = "customers"


db = Database("sqlite:////nowhere/crowd.db", metadata=Base.metadata)
app = FastAPI(lifespan=db.lifespan)
app.include_router(make_auth_router(Customer))
app.include_router(make_auth_router(Staff, name="staff_auth"), prefix="/staff")
app.include_router(make_crud_router(Customer))

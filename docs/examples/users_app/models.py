"""The tables."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base
from fastapi_crud.auth import UserMixin


class User(UserMixin, Base):
    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(100), info={"min_length": 2})

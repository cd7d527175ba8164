"""The model that libraries are compared by."""

from fastapi import FastAPI
from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, SoftDelete, add_exception_handlers, make_crud_router


# --8<-- [start:ours]
class User(SoftDelete, Base):
    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("name", "age"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(50))
    age: Mapped[int | None]
    password_hash: Mapped[str] = mapped_column(String(50), default="!")


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(lifespan=db.lifespan)
app.include_router(make_crud_router(User))
add_exception_handlers(app)
# --8<-- [end:ours]

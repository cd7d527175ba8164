"""Notes of users: who registers and logs in has notes of its own.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, CrudOptions, Database, add_exception_handlers, make_crud_router
from fastapi_crud.auth import UserMixin, make_auth_router, owner


class User(UserMixin, Base):
    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(100), info={"min_length": 1})


class Note(Base):
    __tablename__ = "notes"
    __crud__ = CrudOptions(scope=owner("author_id", user=User))

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str | None] = mapped_column(Text)
    done: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Notes", lifespan=db.lifespan)
app.include_router(make_auth_router(User), prefix="/api/v1/auth")
app.include_router(make_crud_router(Note), prefix="/api/v1")
add_exception_handlers(app)

"""An admin UI for superusers."""

from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, SoftDelete, make_crud_router
from fastapi_crud.admin import add_admin
from fastapi_crud.auth import Auth, UserMixin, make_auth_router


class User(UserMixin, Base):
    __tablename__ = "users"


class Note(SoftDelete, Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200), info={"min_length": 2})


# --8<-- [start:app]
auth = Auth(User)
notes = make_crud_router(Note)

db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(lifespan=db.lifespan)
app.include_router(make_auth_router(User), prefix="/api/v1/auth")
app.include_router(notes, prefix="/api/v1")
# --8<-- [end:app]
# --8<-- [start:admin]
users = make_crud_router(User, writable=["is_active", "is_superuser"])  # for the admin UI alone

add_admin(app, db, [users, notes], auth=auth)
# --8<-- [end:admin]

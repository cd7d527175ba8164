"""Notes behind a login whose tokens travel in cookies, for pages in a browser.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, add_exception_handlers, make_crud_router
from fastapi_crud.auth import Auth, Cookies, UserMixin, make_auth_router


class User(UserMixin, Base):
    __tablename__ = "users"


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(200))
    author_id: Mapped[UUID] = mapped_column(ForeignKey(User.id))


# --8<-- [start:auth]
auth = Auth(User, cookies=Cookies(trusted_origins=["https://app.example.com"]))
# --8<-- [end:auth]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Notes", lifespan=db.lifespan)
app.include_router(make_auth_router(User), prefix="/auth")
app.include_router(make_crud_router(Note, scope=auth.owner("author_id")))
add_exception_handlers(app)

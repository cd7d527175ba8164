"""An API whose documentation loads nothing from other hosts.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

# --8<-- [start:app]
from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, add_docs, add_exception_handlers, make_crud_router
from fastapi_crud.auth import UserMixin, make_auth_router


class User(UserMixin, Base):
    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(100))


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Users", lifespan=db.lifespan, docs_url=None, redoc_url=None)
app.include_router(make_auth_router(User), prefix="/auth")
app.include_router(make_crud_router(User))
add_exception_handlers(app)
add_docs(app)
# --8<-- [end:app]

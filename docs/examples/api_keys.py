"""Measurements: stations send them by API keys of the people who run them.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

from fastapi import Depends, FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, add_exception_handlers, make_crud_router
from fastapi_crud.auth import Auth, UserMixin, make_auth_router


# --8<-- [start:auth]
class User(UserMixin, Base):
    __tablename__ = "users"

    role: Mapped[str] = mapped_column(String(20), default="member")


auth = Auth(
    User,
    api_keys=True,
    roles={"member": ["measurements:read", "measurements:write"]},
)
# --8<-- [end:auth]


class Measurement(Base):
    __tablename__ = "measurements"

    id: Mapped[int] = mapped_column(primary_key=True)
    station: Mapped[str] = mapped_column(String(50))
    value: Mapped[float]


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Measurements", lifespan=db.lifespan)
# --8<-- [start:routers]
app.include_router(make_auth_router(auth), prefix="/api/v1/auth")
read = [Depends(auth.require_scopes("measurements:read"))]
write = [Depends(auth.require_scopes("measurements:write"))]
app.include_router(
    make_crud_router(
        Measurement,
        operations=("list", "get", "create"),
        dependencies={"list": read, "get": read, "create": write},
    ),
    prefix="/api/v1",
)
# --8<-- [end:routers]
add_exception_handlers(app)

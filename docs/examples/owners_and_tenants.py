"""Documents: tenants see their own, authors change their own, some columns are for managers.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, FastAPI
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    CrudOptions,
    Database,
    Filter,
    add_exception_handlers,
    make_crud_router,
)
from fastapi_crud.auth import Auth, UserMixin, make_auth_router


# --8<-- [start:user]
class Tenant(Base):
    __tablename__ = "tenants"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class User(UserMixin, Base):
    __tablename__ = "users"

    tenant_id: Mapped[int | None] = mapped_column(ForeignKey(Tenant.id), info={"read_only": True})
    role: Mapped[str] = mapped_column(String(20), default="member")


auth = Auth(User, roles={"manager": ["documents:manage"]})
# --8<-- [end:user]


# --8<-- [start:tenant]
class Document(Base):
    __tablename__ = "documents"
    __crud__ = CrudOptions(scope=auth.owner("tenant_id", by="tenant_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id), index=True, info={"hidden": True})
    author_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), index=True)
    title: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20), default="draft")
    cost: Mapped[int] = mapped_column(default=0)


# --8<-- [end:tenant]
# --8<-- [start:scope]
CurrentUser = Annotated[User, Depends(auth.current_user)]


def open_documents(user: CurrentUser) -> Filter | Literal[True]:
    return True if user.role == "manager" else Filter("state", "ne", "archived")


# --8<-- [end:scope]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Documents", lifespan=db.lifespan)
app.include_router(make_auth_router(auth), prefix="/api/v1/auth")
# --8<-- [start:router]
is_manager = auth.has_scopes("documents:manage")

app.include_router(
    make_crud_router(
        Document,
        scope={
            "list": open_documents,
            "update": auth.owner("author_id", unless="documents:manage"),
        },
        readable_by={"cost": is_manager},
        writable_by={"cost": is_manager, "state": is_manager},
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

"""Documents: tenants see their own, owners change their own, some columns are for managers."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    CrudOptions,
    Database,
    DbSession,
    Filter,
    Service,
    add_exception_handlers,
    make_crud_router,
)


# --8<-- [start:user]
@dataclass(frozen=True)
class User:
    name: str
    tenant: str
    manager: bool = False


USERS = {
    user.name: user for user in (User("ann", "acme"), User("bob", "acme"), User("eve", "globex"))
} | {"max": User("max", "acme", manager=True)}


# Stands in for real authentication: it believes what the header says.
async def current_user(session: DbSession, x_user: Annotated[str, Header()] = "") -> User:
    if x_user not in USERS:
        raise HTTPException(401, "Say who you are in X-User")
    session.info["user"] = USERS[x_user]  # for the service
    return USERS[x_user]


CurrentUser = Annotated[User, Depends(current_user)]
# --8<-- [end:user]


# --8<-- [start:tenant]
def own_tenant(user: CurrentUser) -> Filter:
    return Filter("tenant", "eq", user.tenant)


class Document(Base):
    __tablename__ = "documents"
    __crud__ = CrudOptions(scope=own_tenant)

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(String(50), index=True, info={"hidden": True})
    owner: Mapped[str] = mapped_column(String(50), info={"read_only": True})
    title: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20), default="draft")
    cost: Mapped[int] = mapped_column(default=0)


# --8<-- [end:tenant]
# --8<-- [start:owner]
def own_documents(user: CurrentUser) -> Filter | Literal[True]:
    return True if user.manager else Filter("owner", "eq", user.name)


# --8<-- [end:owner]
# --8<-- [start:service]
class DocumentService(Service[Document]):
    async def before_create(self, values: dict[str, Any]) -> None:
        user: User = self.session.info["user"]
        values |= {"tenant": user.tenant, "owner": user.name}


# --8<-- [end:service]
# --8<-- [start:columns]
def is_manager(user: CurrentUser) -> bool:
    return user.manager


# --8<-- [end:columns]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Documents", lifespan=db.lifespan)
# --8<-- [start:router]
app.include_router(
    make_crud_router(
        Document,
        service=DocumentService,
        scope={"update": own_documents},
        readable_by={"cost": is_manager},
        writable_by={"cost": is_manager, "state": is_manager},
    ),
    prefix="/api/v1",
)
# --8<-- [end:router]
add_exception_handlers(app)

"""Contracts: every change leaves an entry that says who made it; what is signed stays."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import FastAPI, Header
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Audited,
    AuditEntry,
    Base,
    Database,
    PermissionDenied,
    SoftDelete,
    add_exception_handlers,
    make_crud_router,
)


# --8<-- [start:models]
class Contract(SoftDelete, Base):
    __tablename__ = "contracts"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    signed: Mapped[bool] = mapped_column(default=False)
    notes: Mapped[str | None] = mapped_column(String(200), info={"write_only": True})
    iban: Mapped[str | None] = mapped_column(String(34))


class Change(AuditEntry, Base):
    __tablename__ = "changes"


# --8<-- [end:models]
# --8<-- [start:service]
class ContractService(Audited[Contract]):
    audit_model = Change
    audit_hidden = frozenset({"iban"})

    async def before_update(self, id: object, values: dict[str, Any]) -> None:
        await super().before_update(id, values)
        contract = await self.get_for_update(id)
        if contract is not None and contract.signed:
            msg = "What is signed does not change"
            raise PermissionDenied(msg)

    async def after_update(self, row: Contract, values: Mapping[str, Any]) -> None:
        await super().after_update(row, values)
        title = row.title
        if values.get("signed"):
            self.after_commit(lambda: print(f"{title} was signed by {self.actor}"))


# --8<-- [end:service]
def current_user(x_user: Annotated[str | None, Header()] = None) -> str | None:
    return x_user  # stands in for real authentication: it believes what the header says


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Contracts", lifespan=db.lifespan)
# --8<-- [start:routers]
contracts = make_crud_router(
    Contract,
    service=ContractService,
    actor=current_user,
    operations=(
        *("list", "create", "get", "update", "delete"),
        *("restore", "purge", "batch_update"),
    ),
)
changes = make_crud_router(Change, operations=("list", "get"), default_sort="-id")
# --8<-- [end:routers]
for router in (contracts, changes):
    app.include_router(router, prefix="/api/v1")
add_exception_handlers(app)

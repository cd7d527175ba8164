"""Invoices: code that blocks, and code that is not ours and knows no `await`."""

import asyncio
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from fastapi_crud import (
    Base,
    Database,
    DbSession,
    Service,
    add_exception_handlers,
    make_crud_router,
)


class Invoice(Base):
    __tablename__ = "invoices"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str] = mapped_column(String(100))
    cents: Mapped[int]
    pdf: Mapped[bytes] = mapped_column(LargeBinary, info={"hidden": True})


# --8<-- [start:blocking]
def render(customer: str, cents: int) -> bytes:
    """Stand in for a library that blocks: it waits, or computes."""
    return zlib.compress(f"{customer} owes {cents / 100:.2f}".encode(), level=9)


class InvoiceService(Service[Invoice]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["pdf"] = await asyncio.to_thread(render, values["customer"], values["cents"])


# --8<-- [end:blocking]
# --8<-- [start:pool]
scanner = ThreadPoolExecutor(max_workers=2, thread_name_prefix="scanner")


async def scan(data: bytes) -> int:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(scanner, zlib.crc32, data)


# --8<-- [end:pool]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Invoices", lifespan=db.lifespan)
app.include_router(make_crud_router(Invoice, service=InvoiceService), prefix="/api/v1")
add_exception_handlers(app)


# --8<-- [start:session]
def owed_by(session: Session, customer: str) -> int:
    """Stand in for code that is written for a plain session."""
    owed = session.scalars(sa.select(Invoice.cents).where(Invoice.customer == customer))
    return sum(owed)


@app.get("/api/v1/customers/{customer}/debt")
async def debt(customer: str, session: DbSession) -> int:
    return await session.run_sync(owed_by, customer)


# --8<-- [end:session]
# --8<-- [start:script]
def main() -> None:
    async def total() -> int:
        async with db.session() as session:
            return await session.scalar(sa.select(sa.func.sum(Invoice.cents))) or 0

    print("Owed in all:", asyncio.run(total()))


if __name__ == "__main__":
    main()
# --8<-- [end:script]

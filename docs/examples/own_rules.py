"""Tickets: seats are limited, states have an order, and a purchase has a method of its own."""

from enum import StrEnum
from typing import Any

from fastapi import FastAPI
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Conflict,
    Database,
    DbSession,
    NotFound,
    PermissionDenied,
    Repository,
    Service,
    add_exception_handlers,
    make_crud_router,
)


class State(StrEnum):
    RESERVED = "reserved"
    PAID = "paid"
    USED = "used"


class Concert(Base):
    __tablename__ = "concerts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    seats: Mapped[int] = mapped_column(info={"ge": 0})


class Ticket(Base):
    __tablename__ = "tickets"

    id: Mapped[int] = mapped_column(primary_key=True)
    concert_id: Mapped[int] = mapped_column(ForeignKey(Concert.id))
    holder: Mapped[str] = mapped_column(String(100))
    state: Mapped[State] = mapped_column(default=State.RESERVED)


# --8<-- [start:errors]
class SoldOut(Conflict):
    """There is no seat left."""

    code = "sold_out"


class WrongState(Conflict):
    """A ticket is reserved, then paid, then used."""

    code = "wrong_state"


# --8<-- [end:errors]
MOVED = "A ticket stays with its concert"
NEXT = {State.RESERVED: State.PAID, State.PAID: State.USED}


# --8<-- [start:service]
class TicketService(Service[Ticket]):
    async def before_create(self, values: dict[str, Any]) -> None:
        concerts = Repository[Concert](self.session)
        concert = await concerts.get_for_update(values["concert_id"])
        if concert is None:
            raise NotFound(Concert.__name__, values["concert_id"])
        if await self.repository.count(Ticket.concert_id == concert.id) >= concert.seats:
            raise SoldOut
        values["state"] = State.RESERVED

    async def before_update(self, id: object, values: dict[str, Any]) -> None:
        ticket = await self.get_for_update(id)
        if ticket is None:
            return
        if values.get("concert_id", ticket.concert_id) != ticket.concert_id:
            raise PermissionDenied(MOVED)
        if values.get("state", ticket.state) not in {ticket.state, NEXT.get(ticket.state)}:
            raise WrongState

    async def use(self, id: int) -> Ticket:
        ticket = await self.change(id, {"state": State.USED})
        if ticket is None:
            raise NotFound(Ticket.__name__, id)
        return ticket


# --8<-- [end:service]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Tickets", lifespan=db.lifespan)
app.include_router(make_crud_router(Concert), prefix="/api/v1")
app.include_router(make_crud_router(Ticket, service=TicketService), prefix="/api/v1")
add_exception_handlers(app)


# --8<-- [start:endpoint]
@app.post("/api/v1/tickets/{ticket_id}/use")
async def use_ticket(ticket_id: int, session: DbSession) -> str:
    ticket = await TicketService(session).use(ticket_id)
    return f"Welcome, {ticket.holder}"


# --8<-- [end:endpoint]

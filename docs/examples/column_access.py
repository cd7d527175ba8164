"""Members: what clients may see and set, by name, by word on the column, and by router."""

from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, Timestamps, add_exception_handlers, make_crud_router


# --8<-- [start:model]
class Member(Timestamps, Base):
    __tablename__ = "members"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    # Hidden, because its name says that it is a secret.
    reset_token: Mapped[str | None] = mapped_column(String(64))
    # Read-only, because its name says that it is a privilege.
    role: Mapped[str] = mapped_column(String(20), default="member")
    # The model's own word.
    remark: Mapped[str | None] = mapped_column(String(200), info={"hidden": True})
    invited_by: Mapped[str | None] = mapped_column(String(100), info={"write_only": True})
    points: Mapped[int] = mapped_column(default=0, info={"read_only": True})


# --8<-- [end:model]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Members", lifespan=db.lifespan)
# --8<-- [start:routers]
app.include_router(make_crud_router(Member), prefix="/api/v1")
app.include_router(
    make_crud_router(Member, name="staff_members", writable={"role"}, hidden={"points"}),
    prefix="/api/v1",
)
# --8<-- [end:routers]
add_exception_handlers(app)

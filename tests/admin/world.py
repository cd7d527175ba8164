"""An app with an admin UI: users and notes."""

import enum
import re
from datetime import datetime
from html import unescape
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from typing_extensions import override

from fastapi_crud import CrudOptions, Database, PermissionDenied, Service, SoftDelete, UTCDateTime
from fastapi_crud.admin import add_admin
from fastapi_crud.auth import Auth, AuthSettings, UserMixin, UserService
from fastapi_crud.models import NAMING_CONVENTION
from tests.conftest import Client, client_of

PASSWORD = "correct horse battery"
ADMIN, BOB = "admin@example.com", "bob@example.com"
SAME_SITE = {"sec-fetch-site": "same-origin"}
KEY = "0123456789abcdefGHIJKLMNOPQRSTUV"


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class User(UserMixin, Base):
    __tablename__ = "users"


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Note(SoftDelete, Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(50), unique=True, info={"min_length": 2})
    body: Mapped[str | None]
    color: Mapped[Color | None]
    pinned: Mapped[bool] = mapped_column(default=True)
    done: Mapped[bool | None]
    tags: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    due_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    stars: Mapped[int] = mapped_column(default=3)
    token: Mapped[str | None] = mapped_column(info={"write_only": True})
    data: Mapped[str | None] = mapped_column(sa.String(20))
    secret_plan: Mapped[str | None]


class Pair(Base):
    __tablename__ = "pairs"

    left: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    right: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    count: Mapped[int]


told: list[str] = []
"""What hooks have seen."""


class NoteService(Service[Note]):
    @override
    async def before_create(self, values: dict[str, Any]) -> None:
        if values["title"] == "boom":
            raise LookupError(values["title"])
        told.append(f"{self.actor.email} creates {values['title']}")
        self.after_commit(lambda: told.append("stored"))

    @override
    async def before_update(self, id: Any, values: dict[str, Any]) -> None:
        told.append(f"{self.actor.email} changes {sorted(values)}")

    @override
    async def before_delete(self, id: Any) -> None:
        note = await self.get_for_update(id)
        if note is not None and note.title == "kept":
            msg = "This one stays"
            raise PermissionDenied(msg)
        told.append("deletes")


Note.__crud__ = CrudOptions(service=NoteService, search=["title"], readable=["token"])
SETTINGS = AuthSettings(
    secret_key=KEY, password_memory_kib=8, password_time_cost=1, password_parallelism=1
)
auth = Auth(User, settings=SETTINGS)


def app_of(database: Database, *resources: Any, **options: Any) -> FastAPI:
    """An app with the admin UI."""
    app = FastAPI()
    shown = resources or (User, Note, Pair)
    chosen: dict[str, Any] = {"secure": False, **options}
    add_admin(app, database, shown, auth=auth, **chosen)
    return app


async def open_accounts(database: Database) -> None:
    """A superuser and somebody else."""
    async with database.session() as session:
        service: Any = UserService[User](session)
        for email in (ADMIN, BOB):
            user = await service.repository.create(
                {
                    "email": email,
                    "hashed_password": await auth.passwords.hash(PASSWORD),
                    "is_superuser": email == ADMIN,
                }
            )
            assert user.email_key


async def enter(client: Client, email: str = ADMIN, password: str = PASSWORD) -> Any:
    """Log in by the form."""
    form = {"username": email, "password": password}
    return await client.post("/admin/login", data=form, headers=SAME_SITE)


def visitor(app: FastAPI) -> Client:
    """A browser: of this site, with cookies."""
    client = client_of(app)
    client.headers.update(SAME_SITE)
    return client


def words(page: str) -> str:
    """What a page says."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def alert(page: str) -> str:
    """What a page says is wrong."""
    found = re.search(r'role="alert">(.*?)</div>', page, re.DOTALL)
    return "" if found is None else unescape(found[1]).strip()


def field(page: str, name: str) -> str:
    """The tag of a field of a form; empty where there is none."""
    found = re.search(rf'<(?:input|select|textarea)[^>]*\bname="{name}"[^>]*>([^<]*)', page)
    return "" if found is None else found[0]

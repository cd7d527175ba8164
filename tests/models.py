"""Sample models: one of each kind that the library promises to take."""

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Optional
from uuid import UUID, uuid4

from fastapi import Header
from sqlalchemy import (
    JSON,
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
    func,
    select,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    WriteOnlyMapped,
    column_property,
    mapped_column,
    relationship,
    validates,
)
from sqlmodel import Field, SQLModel

from fastapi_crud import CrudOptions, SoftDelete, Timestamps, UUIDPrimaryKey, Versioned
from fastapi_crud.models import NAMING_CONVENTION


class Base(DeclarativeBase):
    """The base of the sample models."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Note(Base):
    """Plain: what most people have."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(20), unique=True)
    body: Mapped[str | None] = mapped_column(Text)
    done: Mapped[bool] = mapped_column(default=False)


class Everything(Base):
    """A column of every type, under names that differ from their columns'."""

    __tablename__ = "everything"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    small: Mapped[int | None] = mapped_column("small_col", SmallInteger)
    medium: Mapped[int | None] = mapped_column(Integer)
    large: Mapped[int | None] = mapped_column(BigInteger)
    ratio: Mapped[float | None]
    single: Mapped[float | None] = mapped_column(REAL)
    price: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    flag: Mapped[bool | None]
    code: Mapped[str | None] = mapped_column("code_col", String(5))
    text: Mapped[str | None] = mapped_column(Text)
    color: Mapped[Color | None]
    size: Mapped[str | None] = mapped_column(Enum("S", "M", name="size"))
    at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    local: Mapped[datetime | None] = mapped_column(DateTime)
    day: Mapped[date | None] = mapped_column(Date)
    hour: Mapped[time | None] = mapped_column(Time)
    span: Mapped[timedelta | None] = mapped_column(Interval)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary(8))
    token_id: Mapped[UUID | None] = mapped_column(Uuid, info={"hidden": False})
    token_text: Mapped[str | None] = mapped_column(Uuid(as_uuid=False), info={"hidden": False})
    data: Mapped[Any] = mapped_column(JSON, nullable=True)
    labels: Mapped[list[str] | None] = mapped_column(JSON)


class Account(UUIDPrimaryKey, Timestamps, Base):
    """With what must not leak and what must not be set."""

    __tablename__ = "accounts"

    email: Mapped[str] = mapped_column(String(100), unique=True)
    hashed_password: Mapped[str | None] = mapped_column(String(100))
    is_superuser: Mapped[bool] = mapped_column(default=False)
    role: Mapped[str] = mapped_column(String(20), default="member")
    pin_note: Mapped[str | None] = mapped_column(String(20), info={"write_only": True})


class Tag(Base):
    """A text key that nothing generates."""

    __tablename__ = "tags"

    slug: Mapped[str] = mapped_column(String(30), primary_key=True)
    label: Mapped[str] = mapped_column(String(30), server_default="new")


class Line(Base):
    """A composite key."""

    __tablename__ = "lines"

    order_id: Mapped[int] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(default=1)


class Author(Base):
    """With relationships, a computed column, an expression and a hybrid."""

    __tablename__ = "authors"
    __table_args__ = (CheckConstraint("length(name) > 1", name="name_long"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    name_length: Mapped[int | None] = mapped_column(Computed("length(name)", persisted=True))
    books: Mapped[list["Book"]] = relationship(back_populates="author")

    @hybrid_property
    def shout(self) -> str:
        return self.name.upper()


class Book(Base):
    """With a foreign key and a rule over two columns."""

    __tablename__ = "books"
    __table_args__ = (UniqueConstraint("author_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(50))
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    blurb: Mapped[str | None] = mapped_column(Text, deferred=True)
    author: Mapped[Author] = relationship(back_populates="books")


Author.book_count = column_property(  # pyright: ignore[reportAttributeAccessIssue]
    select(func.count(Book.id))
    .where(Book.author_id == Author.id)
    .correlate_except(Book)
    .scalar_subquery()
)


class Ticket(Versioned, Base):
    """Versioned: an update checks and counts."""

    __tablename__ = "tickets"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(50))


class Article(SoftDelete, Versioned, Timestamps, Base):
    """Deleted softly, versioned, unique while it is live, and with JSON to merge."""

    __tablename__ = "articles"
    __table_args__ = (
        Index(
            "uq_articles_slug",
            "slug",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
            sqlite_where=text("deleted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(30))
    title: Mapped[str | None] = mapped_column(String(50))
    stock: Mapped[int] = mapped_column(default=0)
    meta: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Checked(Base):
    """With a validator, which only setting the attribute runs."""

    __tablename__ = "checked"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))

    @validates("name")
    def lower(self, _: str, value: str) -> str:
        return value.lower()


class Employee(Base):
    """The base of a joined inheritance."""

    __tablename__ = "employees"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "employee"}

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(50))


class Manager(Employee):
    """In a table of its own (joined)."""

    __tablename__ = "managers"
    __mapper_args__ = {"polymorphic_identity": "manager"}

    id: Mapped[int] = mapped_column(ForeignKey("employees.id"), primary_key=True)
    budget: Mapped[int]


class Clerk(Employee):
    """In the table of its parent (single)."""

    __mapper_args__ = {"polymorphic_identity": "clerk"}

    desk: Mapped[str | None] = mapped_column(String(20))


class Folder(Base):
    """Whose files are deleted with it, in Python."""

    __tablename__ = "folders"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    files: Mapped[list["File"]] = relationship(cascade="all, delete-orphan")


class File(Base):
    __tablename__ = "files"

    id: Mapped[int] = mapped_column(primary_key=True)
    folder_id: Mapped[Optional[int]] = mapped_column(ForeignKey("folders.id"))  # noqa: UP045


async def own_tenant(tenant: Annotated[int, Header()] = 1) -> Any:
    """The scope of teams: those of the tenant in a header."""
    return Team.tenant == tenant


class Team(Base):
    """With rules of its own: a scope, and a hidden column."""

    __tablename__ = "teams"
    __crud__ = CrudOptions(scope=own_tenant, hidden=["motto"])

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    tenant: Mapped[int] = mapped_column(default=1)
    motto: Mapped[str | None] = mapped_column(String(50))
    members: Mapped[list["Member"]] = relationship(back_populates="team")


member_skills = Table(
    "member_skills",
    Base.metadata,
    Column("member_id", Integer, ForeignKey("members.id"), primary_key=True),
    Column("skill_id", Integer, ForeignKey("skills.id"), primary_key=True),
)


class Member(Base):
    """With relationships of every kind: to one, to many, to itself, many to many."""

    __tablename__ = "members"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    salary: Mapped[int | None]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    boss_id: Mapped[int | None] = mapped_column(ForeignKey("members.id"))
    team: Mapped[Team | None] = relationship(back_populates="members")
    boss: Mapped["Member | None"] = relationship(remote_side="Member.id", back_populates="reports")
    reports: Mapped[list["Member"]] = relationship(
        back_populates="boss", order_by="Member.name.desc()"
    )
    skills: Mapped[list["Skill"]] = relationship(secondary=member_skills)
    badges: WriteOnlyMapped["Skill"] = relationship(secondary=member_skills, viewonly=True)


class Skill(Base):
    __tablename__ = "skills"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class DataclassBase(MappedAsDataclass, DeclarativeBase):
    """Another base: dataclasses."""

    metadata = Base.metadata


class Coin(DataclassBase):
    """Dataclass-mapped: `__init__` takes only some attributes."""

    __tablename__ = "coins"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(String(20))
    value: Mapped[int] = mapped_column(default=1)
    note: Mapped[str | None] = mapped_column(String(20), default=None, init=False)


class SQLModelBase(SQLModel):
    """The base of SQLModel tables."""

    metadata = Base.metadata


class Hero(SQLModelBase, table=True):
    """An SQLModel table."""

    __tablename__ = "heroes"  # pyright: ignore[reportAssignmentType]

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(max_length=20, index=True)
    age: int | None = Field(default=None, ge=0)

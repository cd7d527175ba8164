"""Misuse fails while the router is built, and the message names the fix."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship

from fastapi_crud import (
    ConfigurationError,
    CrudOptions,
    Database,
    Limits,
    Service,
    make_crud_router,
)
from tests import models


class Base(DeclarativeBase):
    pass


class Login(Base):
    __tablename__ = "logins"
    id: Mapped[int] = mapped_column(primary_key=True)
    hashed_password: Mapped[str]


class Member(Base):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str]


class Shape(Base):
    __tablename__ = "shapes"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_abstract": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))


class Strange(Base):
    __tablename__ = "strange things"
    id: Mapped[int] = mapped_column(primary_key=True)


class Badly(Base):
    __tablename__ = "badly"
    __crud__ = {"name": "x"}
    id: Mapped[int] = mapped_column(primary_key=True)


class DataclassBase(MappedAsDataclass, DeclarativeBase):
    pass


class Owner(DataclassBase):
    __tablename__ = "owners"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)


class Pet(DataclassBase):
    __tablename__ = "pets"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    owner_id: Mapped[int | None] = mapped_column(init=False)
    owner: Mapped[Owner] = relationship(
        primaryjoin="foreign(Pet.owner_id) == Owner.id", viewonly=False
    )


class Money:
    """A class that pydantic knows nothing of."""


class MoneyType(TypeDecorator[Money]):
    impl = String
    cache_ok = True


class Priced(Base):
    __tablename__ = "priced"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[Money] = mapped_column(MoneyType)


class NoteIn(BaseModel):
    title: str
    password: str


class NoteOut(BaseModel):
    id: int
    headline: str


class HashingService(Service[models.Note, NoteIn, NoteIn]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values.pop("password")


class LoginService(Service[Login]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["hashed_password"] = "x"


MISUSES: dict[str, tuple[Callable[[], Any], str]] = {
    "not a model": (lambda: make_crud_router(int), "mapped class"),
    "required hidden column": (lambda: make_crud_router(Login), "hashed_password.*create_schema="),
    "required privilege": (lambda: make_crud_router(Member), "role must be set.*default"),
    "abstract": (lambda: make_crud_router(Shape), "polymorphic_abstract.*subclasses"),
    "table name": (lambda: make_crud_router(Strange), "strange things.*name="),
    "__crud__": (lambda: make_crud_router(Badly), "must be a CrudOptions"),
    "constructor": (lambda: make_crud_router(Pet), "__init__ requires owner.*init=False"),
    "type that pydantic cannot describe": (
        lambda: make_crud_router(Priced),
        "Priced.price has a type.*hide it",
    ),
    "service of another model": (
        lambda: make_crud_router(models.Note, service=Service[Login]),  # pyright: ignore[reportArgumentType]
        r"subclass Service\[Note\]",
    ),
    "foreign create field": (
        lambda: make_crud_router(models.Note, create_schema=NoteIn),
        "password of NoteIn.*before_create",
    ),
    "foreign update field": (
        lambda: make_crud_router(models.Note, update_schema=NoteIn),
        "password of NoteIn.*before_update",
    ),
    "foreign update field of a service": (
        lambda: make_crud_router(models.Note, service=HashingService),
        "password of NoteIn.*before_update",
    ),
    "unknown read field": (
        lambda: make_crud_router(models.Note, read_schema=NoteOut),
        "headline of NoteOut",
    ),
    "unknown column": (lambda: make_crud_router(models.Note, hidden=["ttle"]), "ttle.*it has"),
    "computed column": (
        lambda: make_crud_router(models.Author, writable=["name_length"]),
        "cannot be written",
    ),
    "unknown option": (
        lambda: make_crud_router(models.Note, prefixx="/x"),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        "unknown options.*prefixx",
    ),
    "unknown operation": (
        lambda: make_crud_router(models.Note, operations=["lst"]),  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
        "unknown operations.*lst",
    ),
    "unknown operation in dependencies": (
        lambda: make_crud_router(models.Note, dependencies={"lst": []}),  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
        "unknown operations.*lst",
    ),
    "limits": (lambda: Limits(default_limit=5, max_limit=1), "default_limit <= max_limit"),
    "create_all without tables": (lambda: Database("sqlite://", create_all=True), "metadata="),
}


@pytest.mark.parametrize(("build", "message"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_told_when_the_router_is_built(build: Callable[[], Any], message: str) -> None:
    """Does each misuse raise at once, with a message that names the fix?"""
    with pytest.raises(ConfigurationError, match=message):
        build()


FINE: dict[str, Callable[[], Any]] = {
    "hidden column set by the service": lambda: make_crud_router(Login, service=LoginService),
    "hidden column but no create": lambda: make_crud_router(Login, operations=["list", "get"]),
    "abstract without create": lambda: make_crud_router(Shape, operations=["get"]),
    "constructor without create": lambda: make_crud_router(Pet, operations=["get", "update"]),
    "foreign field handled by the service": lambda: make_crud_router(
        models.Note, service=HashingService, operations=["create"]
    ),
    "indescribable column hidden": lambda: make_crud_router(
        Priced, hidden=["price"], operations=["get"]
    ),
    "privilege made writable": lambda: make_crud_router(Member, writable=["role"]),
    "service of a parent class": lambda: make_crud_router(
        models.Manager,
        service=Service[models.Employee],  # pyright: ignore[reportArgumentType]
    ),
}


@pytest.mark.parametrize("build", FINE.values(), ids=FINE)
def test_named_fixes_work(build: Callable[[], Any]) -> None:
    """Does what the messages recommend build?"""
    assert build().routes


class Classy(Base):
    __tablename__ = "classy"
    id: Mapped[int] = mapped_column(primary_key=True)

    @classmethod
    def __crud__(cls) -> CrudOptions:
        return CrudOptions(name="fine_things", operations=["get"])


def test_options_on_the_model_and_arguments_over_them() -> None:
    """Does `__crud__` hold, as value or classmethod, and do arguments win?"""
    assert make_crud_router(Classy).prefix == "/fine_things"
    assert make_crud_router(Classy, name="others").prefix == "/others"

"""Misuse fails while the router is built, and the message names the fix."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import ForeignKey, String, TypeDecorator
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship

from fastapi_crud import (
    ConfigurationError,
    CrudOptions,
    Database,
    Limits,
    Service,
    make_crud_router,
)
from fastapi_crud.owners import Owner as RowOwner, owning
from fastapi_crud.router.route import check_app
from tests import models
from tests.deletable_models import Volume


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


class OwnCreate(Service[models.Tag]):
    """With rules for new rows, which a PUT that creates and an upsert would go past."""

    async def before_create(self, values: dict[str, Any]) -> None:
        values["label"] = "own"

    async def create(self, data: Any) -> models.Tag:
        return await super().create(data)


class OwnUpsert(OwnCreate):
    async def before_upsert(self, values: dict[str, Any]) -> None:
        values["label"] = "own"

    async def create_under(self, id: Any, data: Any) -> models.Tag:
        return await super().create_under(id, data)


class WholeUpsert(OwnCreate):
    async def upsert(self, items: Any, **how: Any) -> list[models.Tag]:
        return await super().upsert(items, **how)


class ShelfOut(BaseModel):
    slug: str


class VolumeOut(BaseModel):
    id: int
    shelf: ShelfOut


class TellingUpsert(Service[models.Tag]):
    async def after_upsert(self, row: models.Tag, values: Mapping[str, Any]) -> None:
        """Tell somebody."""


async def told(session: AsyncSession, row: Any) -> None:
    """Hear of a change."""


async def allowed() -> bool:
    return True


def tags(**options: Any) -> Any:
    return make_crud_router(models.Tag, **options)


class Guarded(Base):
    __tablename__ = "guarded"
    __crud__ = CrudOptions(dependencies={"delete": [Depends(allowed)]})
    id: Mapped[int] = mapped_column(primary_key=True)


class Safe(Base):
    __tablename__ = "safes"
    id: Mapped[int] = mapped_column(primary_key=True)
    house_id: Mapped[int | None] = mapped_column(ForeignKey("houses.id"))
    hashed_pin: Mapped[str] = mapped_column(info={"inputs": {"pin": str}})


class House(Base):
    __tablename__ = "houses"
    id: Mapped[int] = mapped_column(primary_key=True)
    safes: Mapped[list[Safe]] = relationship()


class PreparingService(Service[Safe]):
    async def prepare(self, values: dict[str, Any], id: Any = None) -> None:
        values["hashed_pin"] = values.pop("pin")


class SafeIn(BaseModel):
    hashed_pin: str


class SafeWithSchema(Base):
    __tablename__ = "safes_with_schemas"
    __crud__ = CrudOptions(create_schema=SafeIn)
    id: Mapped[int] = mapped_column(primary_key=True)
    flat_id: Mapped[int | None] = mapped_column(ForeignKey("flats.id"))
    hashed_pin: Mapped[str] = mapped_column(info={"inputs": {"pin": str}})


class Flat(Base):
    __tablename__ = "flats"
    id: Mapped[int] = mapped_column(primary_key=True)
    safes: Mapped[list[SafeWithSchema]] = relationship()


@owning("role")
async def own_role() -> RowOwner:
    return RowOwner("role", "member")


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
    "deleted rows of a model that has none": (
        lambda: tags(show_deleted=allowed, operations=["list", "restore"]),
        "show_deleted= and restore in operations= needs soft deletion: give the model SoftDelete",
    ),
    "mark that is no column": (lambda: tags(soft_delete="gone"), "soft_delete='gone': name a"),
    "mark of a wrong type": (lambda: tags(soft_delete="label"), "date-time or boolean"),
    "mark that cannot be NULL": (
        lambda: make_crud_router(models.Account, soft_delete="created_at"),
        "soft_delete='created_at': it must be nullable",
    ),
    "unguarded purge": (
        lambda: tags(operations=["delete", "purge"], dependencies={"delete": [Depends(allowed)]}),
        "list purge in dependencies=: it deletes for good",
    ),
    "unguarded purge of a model with dependencies": (
        lambda: make_crud_router(
            Guarded, operations=["delete", "purge"], dependencies=[Depends(allowed)]
        ),
        "list purge in dependencies=: it deletes for good",
    ),
    "inputs that nobody turns into columns": (
        lambda: make_crud_router(Safe),
        "hashed_pin must be set but clients may not set it",
    ),
    "inputs that nobody turns into columns, of changes": (
        lambda: make_crud_router(Safe, operations=["update"]),
        "pin of SafeUpdate is no column: turn it into one in before_update",
    ),
    "inputs of nested rows": (
        lambda: make_crud_router(House, nested=["safes"]),
        "House: Safe has inputs, .* leave it out of nested=",
    ),
    "owned column that is not there": (
        lambda: make_crud_router(models.Note, scope=own_role),
        r"read_only=\['role'\]: Note has no such column",
    ),
    "PUT with keys that are generated": (
        lambda: make_crud_router(models.Note, upsert=True),
        "generated: add client_ids=True",
    ),
    "PUT past the rules of a service": (
        lambda: tags(upsert=True, service=OwnCreate),
        "upsert=True goes past create of OwnCreate: override create_under as well",
    ),
    "upsert without a key": (
        lambda: make_crud_router(models.Author, operations=["upsert"]),
        "upsert has no unique key to go by: give the model one",
    ),
    "upsert of a model that spans tables": (
        lambda: make_crud_router(models.Manager, operations=["upsert"], client_ids=True),
        "leave upsert out of operations=",
    ),
    "upsert past the rules of a service": (
        lambda: tags(operations=["upsert"], service=OwnCreate),
        "upsert goes past before_create, create of OwnCreate: override before_upsert as well",
    ),
    "upsert that tells nobody of new rows": (
        lambda: tags(operations=["upsert"], on_created=told),
        "upsert tells nobody of new and changed rows.*leave upsert out of operations=",
    ),
    "upsert that tells nobody of changed rows": (
        lambda: tags(operations=["upsert"], on_updated=told),
        "upsert tells nobody.*or tell in after_upsert of your service=",
    ),
    "batches that cannot say a state": (
        lambda: tags(
            operations=["batch_create", "batch_update", "batch_delete", "upsert"],
            require_if_match=True,
        ),
        "batch_delete, batch_update, upsert cannot say .*batch_update can with a readable version",
    ),
    "version that cannot be said": (
        lambda: make_crud_router(
            models.Ticket, hidden=["version"], operations=["batch_update"], require_if_match=True
        ),
        "batch_update cannot say which state",
    ),
    "embedded row that may be deleted": (
        lambda: make_crud_router(Volume, read_schema=VolumeOut),
        "shelf of VolumeOut may be deleted: let it be None as well",
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
    "guarded purge of a model with dependencies": lambda: make_crud_router(
        Guarded, operations=["purge"], dependencies={"purge": [Depends(allowed)]}
    ),
    "inputs that the service prepares": lambda: make_crud_router(Safe, service=PreparingService),
    "inputs of nested rows with a schema of their own": lambda: make_crud_router(
        Flat, nested=["safes"]
    ),
    "owned column that must be set": lambda: make_crud_router(Member, scope=own_role),
    "guarded purge": lambda: tags(operations=["purge"], dependencies={"purge": [Depends(allowed)]}),
    "restore with a mark": lambda: make_crud_router(
        models.Note, soft_delete="done", operations=["delete", "restore"], show_deleted=True
    ),
    "PUT with keys that clients choose": lambda: make_crud_router(
        models.Note, upsert=True, client_ids=True
    ),
    "upsert with rules of its own": lambda: tags(
        operations=["create", "replace", "upsert"], upsert=True, service=OwnUpsert
    ),
    "upsert of its own": lambda: tags(operations=["upsert"], service=WholeUpsert),
    "upsert that tells by itself": lambda: tags(
        operations=["upsert"], service=TellingUpsert, on_created=told, on_updated=told
    ),
    "upsert that deletes nothing": lambda: tags(operations=["upsert"], on_deleted=told),
    "changes that are told": lambda: tags(on_created=told, on_updated=told, on_deleted=told),
    "PUT that creates, but no PUT": lambda: tags(
        operations=["create"], upsert=True, service=OwnCreate
    ),
    "batches that can say a state": lambda: make_crud_router(
        models.Ticket, operations=["update", "batch_update"], require_if_match=True
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


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "mariadb"])
def test_upserts_are_checked_with_the_database(dialect: str) -> None:
    """Is a key that MySQL could not tell from others refused there, and nowhere else?"""
    options: Any = {"operations": ["upsert"]}
    plain = [make_crud_router(it, **options) for it in (models.Tag, models.Note, models.Book)]
    doubtful = [
        make_crud_router(models.Article, **options),
        make_crud_router(models.Note, name="chosen", client_ids=True, **options),
    ]
    own = Database("sqlite://", metadata=models.Base.metadata)
    doubtful_elsewhere = make_crud_router(models.Article, name="own", database=own, **options)
    for router in (*plain, doubtful_elsewhere):
        app = FastAPI()
        app.include_router(router)
        check_app(app, dialect)
    for router in doubtful:
        app = FastAPI()
        app.include_router(router)
        if dialect in {"sqlite", "postgresql"}:
            check_app(app, dialect)
            continue
        with pytest.raises(ConfigurationError, match=r"on MySQL and MariaDB.*leave upsert out"):
            check_app(app, dialect)

"""What type checkers see of the public names. Never run: checked by mypy and pyright.

Each line that must be rejected carries an ignore with its code; an ignore that is not needed is
an error itself, so that a mistake that passes is found.
"""

from functools import cached_property
from typing import Any, assert_type
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlmodel import Field, SQLModel

from fastapi_crud import (
    And,
    Base,
    CrudRouter,
    CursorPage,
    Filter,
    Limits,
    Not,
    Operand,
    Operator,
    Or,
    OrderBy,
    Page,
    Query,
    Repository,
    Schemas,
    Service,
    SQLiteFullText,
    make_crud_router,
    make_schemas,
)
from fastapi_crud.tasks import Task, TaskContext, enqueue, task


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    flag: Mapped[bool]


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)


class UserCreate(BaseModel):
    name: str


class UserUpdate(BaseModel):
    name: str | None = None


class UserRead(BaseModel):
    id: int


class UserRepository(Repository[User]):
    async def get_by_name(self, name: str) -> User | None:
        return await self.get_by(name=name)


class UserRepositoryService(Service[User]):
    @cached_property
    def repository(self) -> UserRepository:
        return UserRepository(self.session)

    async def named(self, name: str) -> User | None:
        return await self.repository.get_by_name(name)


class UserService(Service[User, UserCreate, UserUpdate]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["name"] = values["name"].strip()

    async def after_create(self, row: User) -> None:
        assert_type(row.name, str)


async def repositories(session: AsyncSession) -> None:
    repository = Repository[User](session)
    assert_type(await repository.get(1), User | None)
    assert_type(await repository.get_by(name="a"), User | None)
    assert_type(
        await repository.get_multi(where=[User.name == "a"], order_by=[User.name]), list[User]
    )
    assert_type(await repository.get_page(Query(limit=5)), Page[User])
    assert_type(await repository.count(User.id > 1), int)
    assert_type(await repository.exists(), bool)
    assert_type(await repository.create({"name": "a"}), User)
    assert_type(await repository.batch_create([{"name": "a"}]), list[User])
    assert_type(await repository.update(1, {"name": "b"}), User | None)
    assert_type(await repository.delete(1), bool)
    async for row in repository.stream():
        assert_type(row, User)
    assert_type(await UserRepository(session).get_by_name("a"), User | None)
    assert_type(await repository.get_cursor_page(Query(cursor="")), CursorPage[User])
    await repository.get_multi(
        where=[Filter("name", "eq", "a"), Or(User.name == "a", Not(User.flag))]
    )
    await repository.count(And(Filter("name")), User.flag)
    await repository.get_multi(where=["name"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    await repository.get_multi(limit="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await repository.create([1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Repository[User]()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def services(session: AsyncSession) -> None:
    service = UserService(session)
    assert_type(await service.create(UserCreate(name="a")), User)
    assert_type(await service.get(1), User | None)
    assert_type(await service.get_multi(skip=1, limit=2), tuple[list[User], int])
    query = Query(
        where=[Filter("name", "ne", "a")], order_by=["-name", OrderBy("id"), User.name.desc()]
    )
    assert_type(await service.get_page(query), Page[User])
    assert_type(await service.get_cursor_page(query), CursorPage[User])
    Query(count="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Filter(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(await service.update(1, UserUpdate(name="b")), User | None)
    assert_type(await service.delete(1), bool)
    assert_type(
        await Service[User, UserCreate, UserUpdate](session).create(UserCreate(name="a")), User
    )
    assert_type(Service[User](session), Service[User, BaseModel, BaseModel])
    await service.create(UserUpdate(name="a"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await service.update(1, UserCreate(name="a"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def own_rows() -> ColumnElement[bool]:
    return User.name == "a"


async def is_hr() -> bool:
    return True


def same_length(operand: Operand, value: str) -> ColumnElement[bool]:
    return func.length(operand.text) == len(value)


def lists() -> None:
    make_crud_router(
        User,
        operations=["list", "search"],
        filters={"*": ..., "name": ["eq", "same_length"]},
        operators=[
            Operator("same_length", "is as long as", same_length, frozenset({"text"}), "text")
        ],
        sort=["name"],
        default_sort="-name",
        search=["name"],
        fields=True,
        pagination="both",
        count=["exact", "none"],
        limits=Limits(max_in=5),
        cursor_secret="secret",
        allow_params=["utm_*"],
        scope={"get": own_rows, "update": own_rows},
        readable_by={"name": is_hr},
        writable_by={"name": is_hr},
    )
    make_crud_router(User, filters=["name"], search=SQLiteFullText("users_fts"), scope=own_rows)
    make_crud_router(User, pagination="page")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    make_crud_router(User, count=["some"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    make_crud_router(User, scope={"get": 5})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


def routers() -> None:
    assert_type(make_crud_router(User), CrudRouter[User, BaseModel, BaseModel, BaseModel])
    assert_type(make_crud_router(Team), CrudRouter[Team, BaseModel, BaseModel, BaseModel])
    assert_type(
        make_crud_router(User, service=UserService, read_schema=UserRead),
        CrudRouter[User, UserCreate, UserUpdate, UserRead],
    )
    router: APIRouter = make_crud_router(User, name="people", operations=["list", "get"])
    assert_type(router.prefix, str)
    assert_type(make_schemas(User), Schemas)
    make_crud_router(User, nmae="people")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    make_crud_router(User, operations=["lst"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    make_crud_router(User, create_schema=int)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    make_crud_router(Team, service=UserService)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    make_crud_router(User, service=UserService, create_schema=UserRead)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]


@task("typing.welcome")
async def welcome(context: TaskContext, user_id: int, *, greeting: str = "Hello") -> None:
    assert_type(context.session, AsyncSession)


@task("typing.count", time_limit=5)
def count_words(text: str) -> int:
    return len(text.split())


async def tasks(session: AsyncSession) -> None:
    assert_type(await welcome.enqueue(session, 1, greeting="Hi"), UUID | None)
    assert_type(await enqueue(session, count_words, text="a b"), UUID | None)
    assert_type(await welcome.later(delay=60, dedupe_key="k").enqueue(session, 1), UUID | None)
    plain: Task[...] = count_words
    make_crud_router(User, on_created=welcome, on_updated=plain, on_deleted=told)
    await welcome.enqueue(session, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await welcome.enqueue(session)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await welcome.enqueue(session, 1, gretting="Hi")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await welcome.later(delay=60).enqueue(session, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await count_words.enqueue(session, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await count_words.enqueue("a b")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    await enqueue(session, count_words, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    count_words.delay(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    make_crud_router(User, on_created=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def told(session: AsyncSession, row: User) -> None:
    assert_type(row.name, str)

"""The blog of the tutorial on FastCRUD 0.23, for the questions of its tests.

FastCRUD has no accounts and no hooks, and its routers write no links to rows that are there:
sign-up, login, and writing a post with its tags are endpoints of its own. Related rows come with
a post always, and not with a list: joined to a list, `limit` counts joined rows. Two requests
that take a name at the same time both pass FastCRUD's look beforehand: hence `conflict`.
What else its answers differ in is told in `answers.py`.
"""

import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from fastcrud import CreateConfig, FastCRUD, FilterConfig, JoinConfig, PolicyConfig, crud_router
from jose import JWTError, jwt
from passlib.context import CryptContext
from pydantic import BaseModel, ConfigDict, EmailStr, Field
from sqlalchemy import JSON, ForeignKey, String, Text, and_, delete, event, or_, select
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    hashed_password: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Mail(Base):
    __tablename__ = "mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, str]] = mapped_column(JSON)


class Tag(Base):
    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)


class Comment(Base):
    __tablename__ = "comments"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class PostTag(Base):
    __tablename__ = "post_tags"

    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True
    )
    tag_id: Mapped[int] = mapped_column(ForeignKey(Tag.id, ondelete="CASCADE"), primary_key=True)


class Post(Base):
    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    tags: Mapped[list[Tag]] = relationship(secondary="post_tags", lazy="raise")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UserCreate(Strict):
    email: EmailStr = Field(max_length=254)
    name: str = Field(min_length=2, max_length=100)
    password: str = Field(min_length=8, max_length=1024, exclude=True)


class UserUpdate(Strict):
    name: str = Field(min_length=2, max_length=100)


class UserRead(BaseModel):
    id: uuid.UUID
    name: str
    created_at: datetime


class TagCreate(Strict):
    name: str = Field(max_length=50)


class TagRead(BaseModel):
    id: int
    name: str


class CommentUpdate(Strict):
    text: str = Field(min_length=1)


class CommentCreate(CommentUpdate):
    post_id: int


class CommentRead(BaseModel):
    id: int
    author_id: uuid.UUID
    post_id: int
    text: str
    created_at: datetime
    updated_at: datetime


class PostCreate(Strict):
    title: str = Field(max_length=200)
    body: str
    tag_ids: list[int] = Field(default=[], max_length=100, exclude=True)


class PostUpdate(Strict):
    title: str = Field(default="", max_length=200)
    body: str = ""
    tag_ids: list[int] = Field(default=[], max_length=100, exclude=True)


class PostRead(BaseModel):
    id: int
    author_id: uuid.UUID
    title: str
    body: str
    created_at: datetime
    updated_at: datetime


class PostWithRelated(PostRead):
    author: UserRead
    tags: list[TagRead] = []
    comments: list[CommentRead] = []


engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///blog.db"))
sessionmaker = async_sessionmaker(engine, expire_on_commit=False)
passwords = CryptContext(schemes=["argon2"])


@event.listens_for(engine.sync_engine, "connect")
def check_foreign_keys(connection: Any, _: object) -> None:
    if engine.dialect.name == "sqlite":
        connection.execute("PRAGMA foreign_keys = ON")


async def get_db() -> AsyncGenerator[AsyncSession]:
    async with sessionmaker() as session:
        yield session


def search(_: Any) -> Callable[[str], Any]:
    def matches(text: str) -> Any:
        columns = (Post.title, Post.body)
        return and_(
            *(
                or_(*(it.icontains(word, autoescape=True) for it in columns))
                for word in text.split()
            )
        )

    return matches


def tagged(_: Any) -> Callable[[str], Any]:
    return lambda name: Post.tags.any(Tag.name == name)


users = FastCRUD(User)
posts = FastCRUD(Post)
Db = Annotated[AsyncSession, Depends(get_db)]
Token = Annotated[str | None, Depends(OAuth2PasswordBearer(tokenUrl="login", auto_error=False))]


async def find_user(token: Token, db: Db) -> UserRead | None:
    try:
        claims = jwt.decode(token or "", os.environ["SECRET_KEY"], algorithms=["HS256"])
        key = uuid.UUID(claims["sub"])
    except (JWTError, KeyError, ValueError):
        return None
    return await users.get(db, id=key, schema_to_select=UserRead, return_as_model=True)


MaybeUser = Annotated[UserRead | None, Depends(find_user)]


async def get_current_user(user: MaybeUser) -> UserRead:
    if user is None:
        headers = {"WWW-Authenticate": "Bearer"}
        raise HTTPException(401, "Could not validate credentials", headers)
    return user


CurrentUser = Annotated[UserRead, Depends(get_current_user)]


async def get_current_user_id(user: CurrentUser) -> uuid.UUID:
    return user.id


def owned(owner: Any, **rules: Any) -> Callable[..., PolicyConfig]:
    def policy(user: MaybeUser) -> PolicyConfig:
        own = owner == user.id if user else False
        return PolicyConfig(read=True, create=True, update=own, delete=own, **rules)

    return policy


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(title="Blog", lifespan=lifespan)


@app.exception_handler(IntegrityError)
async def conflict(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"detail": "Conflict"}, status_code=409)


async def send_mails(send: Callable[[dict[str, str]], Awaitable[object]]) -> None:
    """Send what waits: called now and then by a worker."""
    async with sessionmaker() as db:
        for mail in (await db.scalars(select(Mail).order_by(Mail.id))).all():
            await send(mail.content)
            await db.delete(mail)
            await db.commit()


@app.post("/users", status_code=201)
@app.post("/register", status_code=201)
async def register(data: UserCreate, db: Db) -> UserRead:
    hashed = await run_in_threadpool(passwords.hash, data.password)
    user = await users.create(
        db,
        data,
        commit=False,
        schema_to_select=UserRead,
        return_as_model=True,
        server_data={"email": data.email.lower(), "hashed_password": hashed},
    )
    text = f"Hello {data.name}!"
    db.add(Mail(content={"to": data.email, "subject": "Welcome", "text": text}))
    await db.commit()
    return user


@app.post("/login")
async def login(form: Annotated[OAuth2PasswordRequestForm, Depends()], db: Db) -> dict[str, str]:
    user = await users.get(db, email=form.username.lower())
    known = user["hashed_password"] if user else None
    if not await run_in_threadpool(passwords.verify, form.password, known) or user is None:
        raise HTTPException(401, "Wrong address or password")
    claims = {"sub": str(user["id"]), "exp": now() + timedelta(minutes=30)}
    token = jwt.encode(claims, os.environ["SECRET_KEY"], algorithm="HS256")
    return {"access_token": token, "token_type": "bearer"}


@app.get("/me")
async def me(user: CurrentUser) -> UserRead:
    return user


def link(db: AsyncSession, post_id: int, tag_ids: list[int]) -> None:
    db.add_all([PostTag(post_id=post_id, tag_id=tag_id) for tag_id in {*tag_ids}])


@app.post("/posts", status_code=201)
async def create_post(data: PostCreate, user: CurrentUser, db: Db) -> PostRead:
    post = await posts.create(
        db,
        data,
        commit=False,
        schema_to_select=PostRead,
        return_as_model=True,
        server_data={"author_id": user.id},
    )
    link(db, post.id, data.tag_ids)
    await db.commit()
    return post


@app.patch("/posts/{id}", dependencies=[Depends(get_current_user)])
async def update_post(
    id: int,
    data: PostUpdate,
    policy: Annotated[PolicyConfig, Depends(owned(Post.author_id))],
    db: Db,
) -> PostRead:
    try:
        post = await posts.with_policy(policy).update(
            db, data, commit=False, schema_to_select=PostRead, return_as_model=True, id=id
        )
    except NoResultFound as error:
        raise HTTPException(404, "Item not found") from error
    if "tag_ids" in data.model_fields_set:
        await db.execute(delete(PostTag).where(PostTag.post_id == id))
        link(db, id, data.tag_ids)
    await db.commit()
    return post


signed_in = [get_current_user]
routers = [
    crud_router(
        session=get_db,
        model=User,
        create_schema=UserCreate,
        update_schema=UserUpdate,
        select_schema=UserRead,
        path="/users",
        deleted_methods=["create"],
        policy=owned(User.id, hidden_columns={"email", "hashed_password"}),
        read_deps=signed_in,
        read_multi_deps=signed_in,
        update_deps=signed_in,
        delete_deps=signed_in,
    ),
    crud_router(
        session=get_db,
        model=Tag,
        create_schema=TagCreate,
        update_schema=TagCreate,
        select_schema=TagRead,
        path="/tags",
        included_methods=["create", "read_multi"],
        create_deps=signed_in,
    ),
    crud_router(
        session=get_db,
        model=Comment,
        create_schema=CommentCreate,
        update_schema=CommentUpdate,
        select_schema=CommentRead,
        path="/comments",
        deleted_methods=["read"],
        filter_config=FilterConfig(post_id=None),
        create_config=CreateConfig(auto_fields={"author_id": get_current_user_id}),
        policy=owned(Comment.author_id),
        update_deps=signed_in,
        delete_deps=signed_in,
    ),
    crud_router(
        session=get_db,
        model=Post,
        create_schema=PostCreate,
        update_schema=PostUpdate,
        select_schema=PostRead,
        path="/posts",
        included_methods=["read_multi", "delete"],
        filter_config=FilterConfig(author_id=None, title__search=None, title__tagged=None),
        custom_filters={"search": search, "tagged": tagged},
        policy=owned(Post.author_id),
        delete_deps=signed_in,
    ),
    crud_router(
        session=get_db,
        model=Post,
        create_schema=PostCreate,
        update_schema=PostUpdate,
        select_schema=PostWithRelated,
        path="/posts",
        included_methods=["read"],
        joins_config=[
            JoinConfig(
                model=User,
                join_on=Post.author_id == User.id,
                join_prefix="author_",
                schema_to_select=UserRead,
            ),
            JoinConfig(model=PostTag, join_on=Post.id == PostTag.post_id, join_prefix="post_tags_"),
            JoinConfig(
                model=Tag,
                join_on=PostTag.tag_id == Tag.id,
                join_prefix="tags_",
                schema_to_select=TagRead,
                relationship_type="one-to-many",
                sort_columns="name",
            ),
            JoinConfig(
                model=Comment,
                join_on=Comment.post_id == Post.id,
                join_prefix="comments_",
                schema_to_select=CommentRead,
                relationship_type="one-to-many",
                sort_columns="id",
            ),
        ],
    ),
]
for router in routers:
    app.include_router(router)

"""The blog of the tutorial on FastAPI and SQLAlchemy alone, for the questions of its tests.

It leaves out what nobody there asks for: throttling, refresh tokens, ETags, most filters, retries.
"""

import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jose import JWTError, jwt
from passlib.context import CryptContext
from pydantic import BaseModel, ConfigDict, EmailStr, Field, TypeAdapter
from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Integer,
    Select,
    String,
    Table,
    Text,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload


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


class Post(Base):
    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    author: Mapped[User] = relationship(lazy="raise")
    tags: Mapped[list[Tag]] = relationship(secondary="post_tags", order_by=Tag.name, lazy="raise")
    comments: Mapped[list[Comment]] = relationship(
        order_by=Comment.id, passive_deletes=True, lazy="raise"
    )


Table(
    "post_tags",
    Base.metadata,
    Column("post_id", Integer, ForeignKey(Post.id, ondelete="CASCADE"), primary_key=True),
    Column("tag_id", Integer, ForeignKey(Tag.id, ondelete="CASCADE"), primary_key=True),
)


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UserCreate(Strict):
    email: EmailStr = Field(max_length=254)
    name: str = Field(min_length=2, max_length=100)
    password: str = Field(min_length=8, max_length=1024)


class UserUpdate(Strict):
    name: str = Field(min_length=2, max_length=100)


class UserRead(Shown):
    id: uuid.UUID
    name: str
    created_at: datetime


class TagCreate(Strict):
    name: str = Field(max_length=50)


class TagRead(Shown):
    id: int
    name: str


class CommentUpdate(Strict):
    text: str = Field(min_length=1)


class CommentCreate(CommentUpdate):
    post_id: int


class CommentRead(Shown):
    id: int
    author_id: uuid.UUID
    post_id: int
    text: str
    created_at: datetime
    updated_at: datetime


class PostCreate(Strict):
    title: str = Field(max_length=200)
    body: str
    tag_ids: list[int] = Field(default=[], max_length=100)


class PostUpdate(Strict):
    title: str = Field(default="", max_length=200)
    body: str = ""
    tag_ids: list[int] = Field(default=[], max_length=100)


class PostRead(Shown):
    id: int
    author_id: uuid.UUID
    title: str
    body: str
    created_at: datetime
    updated_at: datetime


RELATED: dict[str, TypeAdapter[Any]] = {
    "author": TypeAdapter(UserRead),
    "tags": TypeAdapter(list[TagRead]),
    "comments": TypeAdapter(list[CommentRead]),
}


class Page(BaseModel):
    items: list[Any]
    total: int


engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///blog.db"))
sessionmaker = async_sessionmaker(engine, expire_on_commit=False)
passwords = CryptContext(schemes=["argon2"])


async def get_db() -> AsyncGenerator[AsyncSession]:
    async with sessionmaker() as session:
        yield session


Db = Annotated[AsyncSession, Depends(get_db)]
Skip = Annotated[int, Query(ge=0, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Include = Annotated[str, Query(pattern=r"^((author|tags|comments)(,|$))*$")]
Sort = Annotated[str, Query(pattern=r"^-?(id|title|created_at|updated_at)$")]
Token = Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="login"))]


async def get_current_user(token: Token, db: Db) -> User:
    refused = HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})
    try:
        claims = jwt.decode(token, os.environ["SECRET_KEY"], algorithms=["HS256"])
        user = await db.get(User, uuid.UUID(claims["sub"]))
    except (JWTError, KeyError, ValueError) as error:
        raise refused from error
    if user is None:
        raise refused
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(title="Blog", lifespan=lifespan)


async def save(db: AsyncSession) -> None:
    try:
        await db.commit()
    except IntegrityError as error:
        raise HTTPException(409, "Conflict") from error


async def page(db: AsyncSession, wanted: Select[Any], skip: int, limit: int) -> tuple[Any, int]:
    total = await db.scalar(select(func.count()).select_from(wanted.order_by(None).subquery()))
    rows = await db.scalars(wanted.offset(skip).limit(limit))
    return rows.all(), total or 0


async def get_own(db: AsyncSession, model: type[Any], key: int, user: User) -> Any:
    row = await db.get(model, key)
    if row is None:
        raise HTTPException(404, f"{model.__name__} not found")
    if row.author_id != user.id:
        raise HTTPException(403, "Forbidden")
    return row


async def tags_of(db: AsyncSession, keys: Sequence[int]) -> list[Tag]:
    tags = (await db.scalars(select(Tag).where(Tag.id.in_(keys)))).all()
    if len(tags) < len({*keys}):
        raise HTTPException(409, "Tag not found")
    return [*tags]


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
    user = User(email=data.email.lower(), name=data.name, hashed_password=hashed)
    text = f"Hello {data.name}!"
    db.add_all([user, Mail(content={"to": data.email, "subject": "Welcome", "text": text})])
    await save(db)
    return UserRead.model_validate(user)


@app.post("/login")
async def login(form: Annotated[OAuth2PasswordRequestForm, Depends()], db: Db) -> dict[str, str]:
    user = await db.scalar(select(User).where(User.email == form.username.lower()))
    known = user.hashed_password if user else None
    if not await run_in_threadpool(passwords.verify, form.password, known) or user is None:
        raise HTTPException(401, "Wrong address or password")
    claims = {"sub": str(user.id), "exp": now() + timedelta(minutes=30)}
    token = jwt.encode(claims, os.environ["SECRET_KEY"], algorithm="HS256")
    return {"access_token": token, "token_type": "bearer"}


@app.get("/me")
async def me(user: CurrentUser) -> UserRead:
    return UserRead.model_validate(user)


@app.get("/users", dependencies=[Depends(get_current_user)])
async def list_users(db: Db, skip: Skip = 0, limit: Limit = 100) -> Page:
    rows, total = await page(db, select(User).order_by(User.id), skip, limit)
    return Page(items=[UserRead.model_validate(row) for row in rows], total=total)


@app.get("/users/{user_id}", dependencies=[Depends(get_current_user)])
async def get_user(user_id: uuid.UUID, db: Db) -> UserRead:
    user = await db.get(User, user_id)
    if user is None:
        raise HTTPException(404, "User not found")
    return UserRead.model_validate(user)


@app.patch("/users/{user_id}")
async def update_user(user_id: uuid.UUID, data: UserUpdate, user: CurrentUser, db: Db) -> UserRead:
    if user.id != user_id:
        raise HTTPException(403, "Forbidden")
    user.name = data.name
    await save(db)
    return UserRead.model_validate(user)


@app.delete("/users/{user_id}", status_code=204)
async def delete_user(user_id: uuid.UUID, user: CurrentUser, db: Db) -> None:
    if user.id != user_id:
        raise HTTPException(403, "Forbidden")
    await db.execute(delete(User).where(User.id == user_id))
    await save(db)


@app.get("/tags")
async def list_tags(db: Db, skip: Skip = 0, limit: Limit = 100) -> Page:
    rows, total = await page(db, select(Tag).order_by(Tag.id), skip, limit)
    return Page(items=[TagRead.model_validate(row) for row in rows], total=total)


@app.post("/tags", status_code=201, dependencies=[Depends(get_current_user)])
async def create_tag(data: TagCreate, db: Db) -> TagRead:
    tag = Tag(name=data.name)
    db.add(tag)
    await save(db)
    return TagRead.model_validate(tag)


@app.get("/comments")
async def list_comments(
    db: Db, post_id: int | None = None, skip: Skip = 0, limit: Limit = 100
) -> Page:
    wanted = select(Comment).order_by(Comment.id)
    if post_id is not None:
        wanted = wanted.where(Comment.post_id == post_id)
    rows, total = await page(db, wanted, skip, limit)
    return Page(items=[CommentRead.model_validate(row) for row in rows], total=total)


@app.post("/comments", status_code=201)
async def create_comment(data: CommentCreate, user: CurrentUser, db: Db) -> CommentRead:
    if await db.get(Post, data.post_id) is None:
        raise HTTPException(409, "Post not found")
    comment = Comment(**data.model_dump(), author_id=user.id)
    db.add(comment)
    await save(db)
    return CommentRead.model_validate(comment)


@app.patch("/comments/{comment_id}")
async def update_comment(
    comment_id: int, data: CommentUpdate, user: CurrentUser, db: Db
) -> CommentRead:
    comment = await get_own(db, Comment, comment_id, user)
    comment.text = data.text
    await save(db)
    return CommentRead.model_validate(comment)


@app.delete("/comments/{comment_id}", status_code=204)
async def delete_comment(comment_id: int, user: CurrentUser, db: Db) -> None:
    await db.delete(await get_own(db, Comment, comment_id, user))
    await save(db)


def shown(post: Post, include: str) -> dict[str, Any]:
    row = PostRead.model_validate(post).model_dump()
    for name in filter(None, include.split(",")):
        row[name] = RELATED[name].validate_python(getattr(post, name), from_attributes=True)
    return row


def loading(include: str) -> list[Any]:
    return [selectinload(getattr(Post, name)) for name in filter(None, include.split(","))]


@app.get("/posts")
async def list_posts(
    db: Db,
    search: Annotated[str, Query(max_length=200)] = "",
    tag: Annotated[str | None, Query(alias="tags__name")] = None,
    author_id: uuid.UUID | None = None,
    include: Include = "",
    sort: Sort = "id",
    skip: Skip = 0,
    limit: Limit = 100,
) -> Page:
    column = getattr(Post, sort.removeprefix("-"))
    wanted = select(Post).order_by(column.desc() if sort[0] == "-" else column, Post.id)
    for word in search.split():
        match = [each.icontains(word, autoescape=True) for each in (Post.title, Post.body)]
        wanted = wanted.where(or_(*match))
    if tag is not None:
        wanted = wanted.where(Post.tags.any(Tag.name == tag))
    if author_id is not None:
        wanted = wanted.where(Post.author_id == author_id)
    rows, total = await page(db, wanted.options(*loading(include)), skip, limit)
    return Page(items=[shown(row, include) for row in rows], total=total)


@app.get("/posts/{post_id}")
async def get_post(post_id: int, db: Db, include: Include = "") -> dict[str, Any]:
    post = await db.get(Post, post_id, options=loading(include))
    if post is None:
        raise HTTPException(404, "Post not found")
    return shown(post, include)


@app.post("/posts", status_code=201)
async def create_post(data: PostCreate, user: CurrentUser, db: Db, response: Response) -> PostRead:
    values = data.model_dump(exclude={"tag_ids"})
    post = Post(**values, author_id=user.id, tags=await tags_of(db, data.tag_ids))
    db.add(post)
    await save(db)
    response.headers["Location"] = f"/posts/{post.id}"
    return PostRead.model_validate(post)


@app.patch("/posts/{post_id}")
async def update_post(post_id: int, data: PostUpdate, user: CurrentUser, db: Db) -> PostRead:
    post = await get_own(db, Post, post_id, user)
    for name in data.model_fields_set - {"tag_ids"}:
        setattr(post, name, getattr(data, name))
    if "tag_ids" in data.model_fields_set:
        await db.refresh(post, ["tags"])
        post.tags = await tags_of(db, data.tag_ids)
    await save(db)
    return PostRead.model_validate(post)


@app.delete("/posts/{post_id}", status_code=204)
async def delete_post(post_id: int, user: CurrentUser, db: Db) -> None:
    post = await get_own(db, Post, post_id, user)
    await db.execute(delete(Post).where(Post.id == post.id))
    await save(db)

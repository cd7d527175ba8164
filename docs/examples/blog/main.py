"""A blog. Set SECRET_KEY to what `secrets.token_urlsafe(32)` gives."""

from dataclasses import replace
from uuid import UUID

from fastapi import Depends, FastAPI
from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastapi_crud import Base, CrudOptions, Database, add_exception_handlers, make_crud_router
from fastapi_crud.auth import UserMixin, current_user, make_auth_router, owner
from fastapi_crud.auth.emails import Email
from fastapi_crud.models import IntPrimaryKey, Timestamps
from fastapi_crud.tasks import Relay, TaskContext, outbox_table, send_email, task


@task("blog.welcome")
async def welcome(context: TaskContext, user_id: UUID) -> None:
    user = await context.session.get_one(User, user_id)
    await send_email.enqueue(context.session, user.email, "Welcome", f"Hello {user.name}!")


class User(UserMixin, Base):
    __tablename__ = "users"
    email: Mapped[Email] = mapped_column(String(254), info={"write_only": True})
    name: Mapped[str] = mapped_column(String(100), info={"min_length": 2})

    @classmethod
    def __crud__(cls) -> CrudOptions:
        return replace(super().__crud__(), on_created=welcome)


class Tag(IntPrimaryKey, Base):
    __tablename__ = "tags"
    name: Mapped[str] = mapped_column(String(50), unique=True)


class Comment(IntPrimaryKey, Timestamps, Base):
    __tablename__ = "comments"
    author_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text, info={"min_length": 1})


class Post(IntPrimaryKey, Timestamps, Base):
    __tablename__ = "posts"
    __crud__ = CrudOptions(
        search=["title", "body"],
        filters={"*": ..., "tags.name": ["eq"]},
        links=["tags"],
        include=["author", "tags", "comments"],
    )
    author_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    author: Mapped[User] = relationship()
    comments: Mapped[list[Comment]] = relationship(order_by=Comment.id, passive_deletes=True)
    tags: Mapped[list[Tag]] = relationship(secondary="post_tags", order_by=Tag.name)


Table(
    "post_tags",
    Base.metadata,
    Column("post_id", Integer, ForeignKey(Post.id, ondelete="CASCADE"), primary_key=True),
    Column("tag_id", Integer, ForeignKey(Tag.id, ondelete="CASCADE"), primary_key=True),
)
outbox_table(Base.metadata)
db = Database(metadata=Base.metadata, create_all=True)
relay = Relay(db)
app = FastAPI(title="Blog", lifespan=db.lifespan)
for router in (
    make_auth_router(User),
    make_crud_router(User),
    make_crud_router(Tag, dependencies={"create": [Depends(current_user(User))]}),
    make_crud_router(Comment, scope=dict.fromkeys(("create", "update"), owner("author_id"))),
    make_crud_router(Post, scope=dict.fromkeys(("create", "update"), owner("author_id"))),
):
    app.include_router(router)
add_exception_handlers(app)

"""Models with rows that are written together with theirs: children, and links."""

from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    attribute_keyed_dict,
    column_property,
    mapped_column,
    relationship,
)

from fastapi_crud import Database, Timestamps, Versioned
from fastapi_crud.models import NAMING_CONVENTION, SoftDelete


class Base(DeclarativeBase):
    """A base with tables of its own, for what the sample models do not have."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


post_topics = Table(
    "post_topics",
    Base.metadata,
    Column("post_id", Integer, ForeignKey("posts.id"), primary_key=True),
    Column("topic_id", Integer, ForeignKey("topics.id"), primary_key=True),
)
comment_topics = Table(
    "comment_topics",
    Base.metadata,
    Column("comment_id", Integer, ForeignKey("comments.id"), primary_key=True),
    Column("topic_id", Integer, ForeignKey("topics.id"), primary_key=True),
)
pin_topics = Table(
    "pin_topics",
    Base.metadata,
    Column("pin_id", Integer, ForeignKey("pins.id"), primary_key=True),
    Column("topic_id", Integer, ForeignKey("topics.id"), primary_key=True),
)


class Topic(SoftDelete, Base):
    """What is linked to: some are deleted, some are of another tenant."""

    __tablename__ = "topics"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    tenant: Mapped[int] = mapped_column(default=1)
    posts: Mapped[list["Post"]] = relationship(secondary=post_topics, back_populates="topics")


class Comment(Base):
    """A child with links of its own."""

    __tablename__ = "comments"
    __table_args__ = (UniqueConstraint("post_id", "text"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"))
    text: Mapped[str] = mapped_column(String(20))
    tenant: Mapped[int] = mapped_column(default=1)
    post: Mapped["Post"] = relationship(back_populates="comments")
    topics: Mapped[set[Topic]] = relationship(secondary=comment_topics)


class Cover(SoftDelete, Base):
    """An only child."""

    __tablename__ = "covers"

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id"))
    image: Mapped[str] = mapped_column(String(20))


class Post(Versioned, Timestamps, Base):
    """With children and links, versioned, with a computed count."""

    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(20), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id"))
    tenant: Mapped[int] = mapped_column(default=1)
    topics: Mapped[list[Topic]] = relationship(
        secondary=post_topics, back_populates="posts", order_by=Topic.name
    )
    comments: Mapped[dict[str, Comment]] = relationship(
        back_populates="post",
        collection_class=attribute_keyed_dict("text"),
        cascade="all, delete-orphan",
    )
    cover: Mapped[Cover | None] = relationship()
    replies: Mapped[list["Post"]] = relationship(back_populates="parent")
    parent: Mapped["Post | None"] = relationship(back_populates="replies", remote_side="Post.id")
    topic_count: Mapped[int] = column_property(
        select(func.count())
        .select_from(post_topics)
        .where(post_topics.c.post_id == literal_column("posts.id"))
        .scalar_subquery()
    )


class Pin(Versioned, Base):
    """Nothing but a key, a version and links."""

    __tablename__ = "pins"

    id: Mapped[int] = mapped_column(primary_key=True)
    topics: Mapped[list[Topic]] = relationship(secondary=pin_topics)


class DataclassBase(MappedAsDataclass, DeclarativeBase):
    metadata = Base.metadata


class Wheel(DataclassBase):
    """Its `__init__` asks for the foreign key."""

    __tablename__ = "wheels"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    car_id: Mapped[int] = mapped_column(ForeignKey("cars.id"))


class Car(DataclassBase):
    """Its `__init__` asks for the children."""

    __tablename__ = "cars"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    wheels: Mapped[list[Wheel]] = relationship()


async def emptied(own: Database) -> Database:
    """The same database, with no rows but topics: 1 to 3, 4 is deleted, 5 is another tenant's."""
    async with own.session() as session:
        await session.execute(update(Post).values(parent_id=None))
        for table in reversed(Base.metadata.sorted_tables):
            await session.execute(table.delete())
        for key, name in enumerate(("c", "b", "a", "deleted", "foreign"), start=1):
            deleted = datetime.now(UTC) if name == "deleted" else None
            session.add(Topic(id=key, name=name, deleted_at=deleted, tenant=1 + (key == 5)))
    return own

"""Models whose rows are only marked as deleted, in every way that there is to say so."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, MetaData, String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import CrudOptions, Database, Timestamps, Versioned
from fastapi_crud.models import NAMING_CONVENTION, SoftDelete


class Base(DeclarativeBase):
    """A base with tables of its own: `tests.models` has none that are deleted softly."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Named:
    """What all of them have."""

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(30))
    body: Mapped[str | None] = mapped_column(String(30))


class Document(Named, SoftDelete, Versioned, Timestamps, Base):
    """By the mixin; versioned; unique among live rows (among all where indexes are never partial)."""

    __tablename__ = "documents"
    __table_args__ = (
        Index(
            "uq_documents_slug",
            "slug",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
            sqlite_where=text("deleted_at IS NULL"),
        ),
    )


class Leaflet(Named, SoftDelete, Timestamps, Base):
    """By the mixin; its key stays taken when a row is deleted."""

    __tablename__ = "leaflets"
    __table_args__ = (Index("uq_leaflets_slug", "slug", unique=True),)


class Flagged(Named, Base):
    """By a flag."""

    __tablename__ = "flagged"

    is_deleted: Mapped[bool] = mapped_column(default=False, info={"soft_delete": True})


class Optioned(Named, Base):
    """By the model's options; a time without an offset."""

    __tablename__ = "optioned"
    __crud__ = CrudOptions(soft_delete="removed")

    removed: Mapped[datetime | None] = mapped_column(DateTime)


class Methodical(Named, Base):
    """By options that are made when asked for; a flag that may be NULL."""

    __tablename__ = "methodical"

    gone: Mapped[bool | None]

    @classmethod
    def __crud__(cls) -> CrudOptions:
        return CrudOptions(soft_delete="gone")


class Shelf(Named, SoftDelete, Base):
    """With related rows that are deleted softly as well."""

    __tablename__ = "shelves"

    volumes: Mapped[list["Volume"]] = relationship(back_populates="shelf", order_by="Volume.id")


class Volume(Named, SoftDelete, Base):
    __tablename__ = "volumes"

    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelves.id"))
    shelf: Mapped[Shelf | None] = relationship(back_populates="volumes")


class Sticker(Named, Base):
    """Really deleted; loaded with an outer join."""

    __tablename__ = "stickers"

    volume_id: Mapped[int | None] = mapped_column(ForeignKey("volumes.id"))
    volume: Mapped[Volume | None] = relationship(lazy="joined")


DELETABLE: tuple[type[Named], ...] = (Document, Leaflet, Flagged, Optioned, Methodical)


async def emptied(own: Database) -> Database:
    """The same database, with these tables empty."""
    async with own.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())
    return own

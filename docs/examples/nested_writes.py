"""Recipes: stored together with their steps, and linked to tags that are there."""

from fastapi import FastAPI
from sqlalchemy import Column, ForeignKey, Integer, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastapi_crud import Base, Database, Versioned, add_exception_handlers, make_crud_router

# --8<-- [start:models]
recipe_tags = Table(
    "recipe_tags",
    Base.metadata,
    Column("recipe_id", Integer, ForeignKey("recipes.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_id", Integer, ForeignKey("tags.id"), primary_key=True),
)


class Tag(Base):
    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)


class Step(Base):
    __tablename__ = "steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    recipe_id: Mapped[int] = mapped_column(ForeignKey("recipes.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(String(500), info={"min_length": 1})


class Recipe(Versioned, Base):
    __tablename__ = "recipes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    steps: Mapped[list[Step]] = relationship(order_by=Step.id, passive_deletes=True)
    tags: Mapped[list[Tag]] = relationship(secondary=recipe_tags, order_by=Tag.id)


# --8<-- [end:models]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Recipes", lifespan=db.lifespan)
# --8<-- [start:router]
recipes = make_crud_router(Recipe, nested=["steps"], links=["tags"], include=["steps", "tags"])
# --8<-- [end:router]
for router in (recipes, make_crud_router(Step), make_crud_router(Tag)):
    app.include_router(router, prefix="/api/v1")
add_exception_handlers(app)

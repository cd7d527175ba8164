"""Bodies that take more than a row: children, and keys of others."""

from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from sqlalchemy.orm import DeclarativeBase, Mapped, WriteOnlyMapped, mapped_column, relationship

from fastapi_crud import ConfigurationError, make_schemas
from fastapi_crud.bodies import column_values
from fastapi_crud.columns import ModelInfo, inspect_model
from fastapi_crud.nesting import with_relations
from fastapi_crud.schemas import Schemas, replace_of
from tests import models, related_models as related


def create_schema_of(info: ModelInfo) -> type[BaseModel]:
    return make_schemas(info.model, hidden=["motto"] if info.model is models.Team else []).create


def extended(
    model: type[Any], schemas: Schemas | None = None, *, most: int = 2, **said: list[str]
) -> Schemas:
    """The schemas of a model with these relationships."""
    given = schemas or make_schemas(model)
    return with_relations(
        given, inspect_model(model), most=most, create_schema_of=create_schema_of, **said
    )


def test_children_are_created_with_their_parent() -> None:
    """Does a body take them, without what the relationship fills, and only to create?"""
    schemas = extended(related.Post, nested=["comments", "cover"])
    shown = schemas.create.model_json_schema()
    assert shown["properties"]["comments"] == {
        "description": "Created together with this row.",
        "items": {"$ref": "#/$defs/PostCommentsCreate"},
        "maxItems": 2,
        "title": "Comments",
        "type": "array",
    }
    assert shown["properties"]["cover"]["$ref"] == "#/$defs/PostCoverCreate"
    assert shown["required"] == ["title"]
    assert {*shown["$defs"]["PostCommentsCreate"]["properties"]} == {"text", "tenant"}
    assert shown["$defs"]["PostCommentsCreate"]["required"] == ["text"]
    for body in (schemas.update, schemas.replace):
        assert {"comments", "cover"}.isdisjoint(body.model_json_schema()["properties"])
    with pytest.raises(ValidationError) as caught:
        schemas.create.model_validate({"title": "a", "comments": [{"text": "x", "post_id": 1}]})
    (error,) = caught.value.errors()
    assert (error["type"], error["loc"]) == ("extra_forbidden", ("comments", 0, "post_id"))


def test_links_are_set_by_keys() -> None:
    """Do all three bodies take a list of keys, which may be left out but not null?"""
    schemas = extended(models.Member, links=["skills"])
    for body, name in (
        (schemas.create, "Create"),
        (schemas.update, "Update"),
        (schemas.replace, "Replace"),
    ):
        shown = body.model_json_schema()
        field = shown["properties"]["skill_ids"]
        assert shown["title"] == f"Member{name}"
        assert "skills" not in shown["properties"]
        assert "skill_ids" not in shown.get("required", ())
        assert (field["type"], field["maxItems"], field["uniqueItems"]) == ("array", 2, True)
        assert field["items"]["type"] == "integer"
        assert "default" not in field
    assert schemas.replace.defaulted_fields == make_schemas(models.Member).replace.defaulted_fields  # type: ignore[attr-defined]


BAD: list[tuple[Any, str]] = [
    (None, "list_type"),
    ([None], "int_type"),
    ([1, 1], "value_error"),
    ([1, 2, 3], "too_long"),
    ([2**40], "less_than_equal"),
]


@pytest.mark.parametrize(("keys", "code"), BAD, ids=str)
def test_keys_are_checked(keys: Any, code: str) -> None:
    """Is a list refused that is too long, repeats a key, or holds what is none?"""
    body = extended(models.Member, links=["skills"]).update
    with pytest.raises(ValidationError) as caught:
        body.model_validate({"skill_ids": keys})
    assert [(error["type"], error["loc"][0]) for error in caught.value.errors()] == [
        (code, "skill_ids")
    ]


def test_values_are_named_by_the_relationship() -> None:
    """Does a service find what a field says under the name of the relationship, if it is sent?"""
    info = inspect_model(models.Member)
    schemas = extended(models.Member, links=["skills"], nested=["reports"])
    for body in (schemas.create, schemas.update, schemas.replace):
        sent = {"name": "a", "salary": None, "team_id": None, "boss_id": None}
        data = body.model_validate({**sent, "skill_ids": [2, 1]})
        assert column_values(data, info, only_set=True) == {**sent, "skills": [2, 1]}
        absent = column_values(body.model_validate(sent), info)
        assert absent.keys().isdisjoint({"skills", "reports"})


class Own(BaseModel):
    """A post of the developer's own making."""

    model_config = ConfigDict(extra="forbid")

    title: str
    word: str = "x"

    @field_validator("title")
    @classmethod
    def loud(cls, title: str) -> str:
        return title.upper()


class OwnComment(BaseModel):
    post_id: int
    text: str

    @field_validator("text")
    @classmethod
    def loud(cls, text: str) -> str:
        return text.upper()


def test_schemas_of_the_developers_own_keep_their_rules() -> None:
    """Do validators still run, in the parent and in the child, and does the description stay?"""
    info = inspect_model(related.Post)
    derived = make_schemas(related.Post)
    own = Schemas(
        Own, derived.update, replace_of(Own, info, "PostReplace"), derived.read, derived.page
    )
    schemas = with_relations(
        own,
        info,
        nested=["comments"],
        links=["topics"],
        most=2,
        create_schema_of=lambda _: OwnComment,
    )
    body: Any = schemas.create.model_validate(
        {"title": "a", "comments": [{"text": "b"}], "topic_ids": [1]}
    )
    assert (body.title, body.comments[0].text, body.topics) == ("A", "B", [1])
    shown = schemas.create.model_json_schema()
    assert shown["description"] == "A post of the developer's own making."
    assert {*shown["$defs"]["OwnCommentsCreate"]["properties"]} == {"text"}
    assert "topic_ids" in schemas.replace.model_json_schema()["properties"]


def test_a_child_without_the_foreign_key_needs_no_schema_of_its_own() -> None:
    """Is the schema of the child's own router used where it has nothing that must go?"""
    hidden = make_schemas(related.Comment, hidden=["post_id"]).create
    schemas = with_relations(
        make_schemas(related.Post),
        inspect_model(related.Post),
        nested=["comments"],
        most=2,
        create_schema_of=lambda _: hidden,
    )
    assert {*schemas.create.model_json_schema()["$defs"]} == {"CommentCreate"}


def test_nothing_changes_where_nothing_is_said() -> None:
    """Are the schemas the very same?"""
    schemas = make_schemas(models.Member)
    assert extended(models.Member, schemas) == schemas


class Base(DeclarativeBase):
    """What nobody should ask for."""


def linked(name: str, *to: str) -> sa.Table:
    """A table of links from odd ones."""
    columns = [sa.Column(f"{key}_id", sa.Integer, primary_key=True) for key in ("odd", *to)]
    key = sa.ForeignKeyConstraint(["odd_id"], ["odds.id"])
    targets = {"a_id": "pairs.a", "b_id": "pairs.b", "even_id": "evens.id"}
    names = [column.name for column in columns[1:]]
    other = sa.ForeignKeyConstraint(names, [targets[each] for each in names])
    return sa.Table(name, Base.metadata, *columns, key, other)


class Even(Base):
    __tablename__ = "evens"

    id: Mapped[int] = mapped_column(primary_key=True)
    odd_id: Mapped[int | None] = mapped_column(sa.ForeignKey("odds.id"))


class Pair(Base):
    __tablename__ = "pairs"

    a: Mapped[int] = mapped_column(primary_key=True)
    b: Mapped[int] = mapped_column(primary_key=True)


class Odd(Base):
    __tablename__ = "odds"

    id: Mapped[int] = mapped_column(primary_key=True)
    best_id: Mapped[int | None] = mapped_column(sa.ForeignKey("evens.id"))
    mark_ids: Mapped[str | None]
    best: Mapped[Even | None] = relationship(foreign_keys=best_id)
    evens: Mapped[list[Even]] = relationship(foreign_keys=Even.odd_id)
    copy: Mapped[list[Even]] = relationship(foreign_keys=Even.odd_id, overlaps="evens")
    seen: Mapped[list[Even]] = relationship(foreign_keys=Even.odd_id, viewonly=True)
    stream: WriteOnlyMapped[Even] = relationship(foreign_keys=Even.odd_id, overlaps="copy,evens")
    marks: Mapped[list[Even]] = relationship(secondary=linked("marks", "even"))
    item: Mapped[list[Even]] = relationship(secondary=linked("item", "even"))
    items: Mapped[list[Even]] = relationship(secondary=linked("items", "even"))
    only: Mapped[Even | None] = relationship(secondary=linked("only", "even"))
    pairs: Mapped[list[Pair]] = relationship(secondary=linked("paired", "a", "b"))


class OddCreate(BaseModel):
    item_ids: list[int]


MISUSES: list[tuple[dict[str, list[str]], str]] = [
    ({"nested": ["x"]}, "nested='x': it has no such relationship; it has best, copy, evens"),
    ({"links": ["id"]}, "links='id': it has no such relationship"),
    ({"nested": ["items"]}, "nested='items': it is many-to-many: .*with links="),
    ({"nested": ["best"]}, "nested='best': .*set the foreign key instead"),
    ({"nested": ["seen"]}, "nested='seen': it is viewonly"),
    ({"nested": ["stream"]}, "nested='stream': .*give it another lazy="),
    ({"nested": ["copy"]}, "nested='copy': its field copy is a name that pydantic keeps"),
    ({"links": ["evens"]}, "links='evens': it is not many-to-many: .*nested="),
    ({"links": ["only"]}, "links='only': it is not many-to-many"),
    ({"links": ["seen"]}, "links='seen': it is viewonly"),
    ({"links": ["stream"]}, "links='stream': .*give it another lazy="),
    ({"links": ["pairs"]}, "links='pairs': its rows have a composite key"),
    ({"links": ["marks"]}, "links='marks': its field mark_ids is a column of Odd"),
    ({"links": ["item", "items"]}, "links='items': its field item_ids is the field of item"),
    ({"links": ["items"], "nested": ["items"]}, "in nested= and in links=: leave one of them out"),
]


@pytest.mark.parametrize(("said", "message"), MISUSES, ids=[str(row[0]) for row in MISUSES])
def test_misuse_is_refused(said: dict[str, Any], message: str) -> None:
    """Is the developer told what is wrong with which relationship, and what to do?"""
    with pytest.raises(ConfigurationError, match=f"Odd: .*{message}"):
        extended(Odd, **said)


def test_a_field_must_not_be_there_already() -> None:
    """Is a schema of the developer's own that has such a field refused?"""
    derived = make_schemas(Odd)
    own = Schemas(OddCreate, derived.update, derived.replace, derived.read, derived.page)
    with pytest.raises(ConfigurationError, match="item_ids is a field of OddCreate"):
        extended(Odd, own, links=["items"])
    assert extended(Odd, links=["items", "items"]).create.model_fields.keys() >= {"items"}

"""The pydantic models of a resource, derived from its columns."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
import sqlalchemy as sa
from hypothesis import given, settings, strategies as st
from pydantic import MISSING, BaseModel, Field, TypeAdapter, ValidationError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import ConfigurationError, Schemas, make_schemas
from fastapi_crud.bodies import column_values
from fastapi_crud.columns import inspect_model
from fastapi_crud.schemas import InputSchema, OutputSchema, replace_of
from tests import models
from tests.strategies import Level, model_of
from tests.test_bodies import ACCOUNT, OwnCreate

Which = Literal["create", "update", "replace", "read", "page"]
WHICH: tuple[Which, ...] = ("create", "update", "replace", "read", "page")
BODIES: tuple[Which, ...] = ("create", "update", "replace")


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Address(BaseModel):
    street: str
    zip: str


class Described(Base):
    """With all that `info` may say."""

    __tablename__ = "described"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(
        sa.String(50),
        info={"min_length": 2, "pattern": "^[a-z]+$", "title": "The title", "examples": ["abc"]},
    )
    size: Mapped[int] = mapped_column(
        default=3, doc="How big.", info={"ge": 1, "lt": 10, "multiple_of": 1}
    )
    price: Mapped[Decimal | None] = mapped_column(sa.Numeric(10, 2), info={"gt": 0, "le": 100})
    level: Mapped[Level] = mapped_column(default=Level.LOW)
    address: Mapped[Address | None] = mapped_column(sa.JSON)
    places: Mapped[list[Address]] = mapped_column(sa.JSON, default=list)
    secret: Mapped[str | None] = mapped_column(sa.String(5), info={"write_only": True})
    pass_phrase: Mapped[str] = mapped_column(sa.String(5), info={"write_only": True})


class Keyed(Base):
    """With columns that clients write by other fields."""

    __tablename__ = "keyed"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(5))
    hashed_password: Mapped[str] = mapped_column(
        sa.String(5),
        info={
            "inputs": {"password": Annotated[str, Field(min_length=8)], "twice": str},
            "update_inputs": {"old_password": str},
        },
    )
    hashed_hint: Mapped[str | None] = mapped_column(
        sa.String(5), info={"hidden": True, "inputs": {"hint": str | None}}
    )
    hashed_pin: Mapped[str] = mapped_column(sa.String(5), default="", info={"inputs": {"pin": int}})


class Awkward(Base):
    """With columns named as pydantic names its own."""

    __tablename__ = "awkward"

    id: Mapped[int] = mapped_column(primary_key=True)
    copy: Mapped[str] = mapped_column(sa.String(5))
    json: Mapped[str | None] = mapped_column(sa.String(5))
    model_config: Mapped[int] = mapped_column(default=1)
    model_name: Mapped[str | None] = mapped_column(sa.String(5))
    schema: Mapped[int | None] = mapped_column(info={"read_only": True})


def schema_of(model: type[Any], which: Which) -> type[BaseModel]:
    schema: type[BaseModel] = getattr(make_schemas(model), which)
    return schema


def takes(schema: type[BaseModel], body: dict[str, Any]) -> bool:
    try:
        schema.model_validate(body)
    except ValidationError:
        return False
    return True


def errors_of(schema: type[BaseModel], body: Any) -> dict[Any, str]:
    """Field → type of its first error: a field that may be absent tells one more."""
    with pytest.raises(ValidationError) as caught:
        schema.model_validate(body)
    return {next(iter(e["loc"]), None): e["type"] for e in reversed(caught.value.errors())}


# Which fields there are

FIELDS: list[tuple[type[Any], Which, str, str]] = [
    # model, schema, required, optional
    (models.Note, "create", "title", "body done"),
    (models.Note, "update", "", "id title body done"),
    (models.Note, "replace", "title", "id body done"),
    (models.Note, "read", "id title body done", ""),
    (models.Account, "create", "email", "pin_note"),
    (models.Account, "update", "", "email pin_note id is_superuser role created_at updated_at"),
    (models.Account, "replace", "email", "pin_note id is_superuser role created_at updated_at"),
    (models.Account, "read", "id email is_superuser role created_at updated_at", ""),
    (models.Tag, "create", "slug", "label"),
    (models.Tag, "update", "", "label slug"),
    (models.Tag, "replace", "", "label slug"),
    (models.Line, "create", "order_id line_no", "quantity"),
    (models.Line, "update", "", "quantity order_id line_no"),
    (models.Author, "create", "name", ""),
    (models.Author, "update", "", "name id name_length book_count"),
    (models.Author, "read", "id name name_length book_count", ""),
    (models.Book, "create", "title author_id", "blurb"),
    (models.Book, "read", "id title author_id blurb", ""),
    (models.Ticket, "create", "text", ""),
    (models.Ticket, "replace", "text", "id version"),
    (models.Ticket, "read", "id text version", ""),
    (models.Employee, "create", "name", ""),
    (models.Manager, "create", "name budget", ""),
    (models.Manager, "read", "id kind name budget", ""),
    (models.Clerk, "create", "name", "desk"),
    (models.Coin, "create", "name", "value note"),
    (models.Hero, "create", "name", "age"),
    (models.Hero, "read", "id name age", ""),
    (Described, "create", "title pass_phrase", "size price level address places secret"),
    (Described, "replace", "title", "size price level address places secret pass_phrase id"),
    (Described, "read", "id title size price level address places", ""),
    (Keyed, "create", "name password twice", "hint pin"),
    (Keyed, "update", "", "id name password twice old_password hint pin"),
    (Keyed, "replace", "name", "id password twice old_password hint pin"),
    (Keyed, "read", "id name", ""),
    (models.Note, "page", "items total", ""),
]


@pytest.mark.parametrize(
    ("model", "which", "required", "optional"),
    FIELDS,
    ids=[f"{row[0].__name__} {row[1]}" for row in FIELDS],
)
def test_which_fields_there_are(
    model: type[Any], which: Which, required: str, optional: str
) -> None:
    """Which fields must be there, which may, and which do not exist?"""
    fields = schema_of(model, which).model_fields
    assert {name for name, spec in fields.items() if spec.is_required()} == {*required.split()}
    assert {name for name, spec in fields.items() if not spec.is_required()} == {*optional.split()}


@pytest.mark.parametrize(
    ("options", "create", "read"),
    [
        ({}, "title body done", "id title body done"),
        ({"hidden": ["body"]}, "title done", "id title done"),
        ({"read_only": {"done"}}, "title body", "id title body done"),
        ({"client_ids": True}, "id title body done", "id title body done"),
        ({"hidden": ("id", "body"), "read_only": ["title"]}, "done", "title done"),
    ],
    ids=str,
)
def test_options_change_which_fields_there_are(
    options: dict[str, Any], create: str, read: str
) -> None:
    """Do the options of the router reach the schemas?"""
    schemas = make_schemas(models.Note, **options)
    assert {*schemas.create.model_fields} == {*create.split()}
    assert {*schemas.read.model_fields} == {*read.split()}


def test_a_hybrid_is_read_where_it_is_asked_for() -> None:
    """Is a hybrid in the answer, and in the bodies only to be ignored?"""
    schemas = make_schemas(models.Author, hybrids=["shout"])
    assert "shout" in schemas.read.model_fields
    assert "shout" not in schemas.create.model_fields
    assert "shout" in getattr(schemas.update, "ignored_fields")  # noqa: B009 - a class of ours
    assert (
        schemas.read.model_validate(models.Author(id=1, name="Ann")).model_dump()["shout"] == "ANN"
    )


@pytest.mark.parametrize("option", ["readable", "writable"])
def test_a_column_with_an_underscore_may_be_opened(option: str) -> None:
    """Does a column that looks private work where the developer opens it?"""
    model = model_of(sa.Column("_private", sa.Integer))
    read = make_schemas(model, **{option: ["_private"]}).read  # type: ignore[arg-type]
    answer = read.model_validate(model(id=1, _private=2), from_attributes=True)
    assert answer.model_dump(by_alias=True) == {"id": 1, "_private": 2}


@pytest.mark.parametrize("option", ["hidden", "readable", "read_only", "writable", "hybrids"])
def test_options_with_unknown_names_are_refused(option: str) -> None:
    """Is a misspelt column told when the schemas are made?"""
    with pytest.raises(ConfigurationError, match="has no such column"):
        make_schemas(models.Note, **{option: ["nmae"]})  # type: ignore[arg-type]


def test_only_mapped_classes_have_schemas() -> None:
    """Is anything else an error that says so?"""
    with pytest.raises(ConfigurationError, match="not a mapped class"):
        make_schemas(int)


# Names and identity


def test_what_is_made_from_the_schema_of_an_answer_is_made_on_use() -> None:
    """Does FastAPI's adapter of an answer wait until it is used, but not one of a subclass?"""
    schemas = make_schemas(models.Note)
    read: Any = schemas.read
    adapter: TypeAdapter[Any] = TypeAdapter(read)
    assert not adapter.pydantic_complete
    assert adapter.json_schema() == schemas.read.model_json_schema()
    own: type[BaseModel] = type("Own", (schemas.read,), {})
    for complete in (own, schemas.create, schemas.update, schemas.replace):
        assert TypeAdapter(complete).pydantic_complete


def test_schemas_are_named_after_the_class() -> None:
    """What are the schemas called, and where do they say they are from?"""
    schemas = make_schemas(models.Note)
    assert [getattr(schemas, which).__name__ for which in WHICH] == [
        "NoteCreate",
        "NoteUpdate",
        "NoteReplace",
        "NoteRead",
        "NotePage",
    ]
    assert {getattr(schemas, which).__module__ for which in WHICH} == {"tests.models"}


def test_schemas_may_be_named_otherwise() -> None:
    """Does `name=` give the beginning of the names?"""
    assert make_schemas(models.Note, name="Memo").create.__name__ == "MemoCreate"


def test_the_same_arguments_give_the_same_classes() -> None:
    """May one derive the schemas again, to subclass what the router uses?"""
    assert make_schemas(models.Note) is make_schemas(models.Note, name="Note", hidden=())
    assert make_schemas(models.Note, hidden=["body"]) is make_schemas(models.Note, hidden={"body"})
    assert make_schemas(models.Note, hidden=["body"]) is not make_schemas(models.Note)
    assert make_schemas(models.Note, name="Memo") is not make_schemas(models.Note)


def test_schemas_can_be_extended() -> None:
    """Does a subclass keep the fields, the strictness, and what the bodies ignore?"""
    base: Any = make_schemas(models.Note).update

    class NoteUpdate(base):  # type: ignore[misc]
        reason: str

    assert NoteUpdate.ignored_fields == {"id"}
    assert takes(NoteUpdate, {"reason": "x", "id": 3})
    assert errors_of(NoteUpdate, {"other": 1}) == {"reason": "missing", "other": "extra_forbidden"}


def test_bodies_and_answers_have_bases_of_their_own() -> None:
    """Can our schemas be told from the developer's?"""
    schemas: Schemas = make_schemas(models.Note)
    assert issubclass(schemas.create, InputSchema)
    assert issubclass(schemas.replace, InputSchema)
    assert issubclass(schemas.read, OutputSchema)


# What bodies say


@pytest.mark.parametrize("which", BODIES)
def test_unknown_keys_are_refused(which: Which) -> None:
    """Is a misspelt key an error instead of silence?"""
    assert errors_of(schema_of(models.Note, which), {"title": "a", "boddy": "b"}) == {
        "boddy": "extra_forbidden"
    }


@pytest.mark.parametrize(
    ("model", "key"),
    [(models.Note, "id"), (models.Account, "role"), (models.Account, "hashed_password"), (models.Ticket, "version"),
     (models.Author, "name_length"), (models.Author, "shout"), (models.Author, "books"), (models.Employee, "kind")],
    ids=lambda it: getattr(it, "__name__", it),
)  # fmt: skip
def test_what_clients_may_not_set_is_refused_in_a_new_row(model: type[Any], key: str) -> None:
    """Is a read-only, hidden or foreign key an error in POST?"""
    assert errors_of(schema_of(model, "create"), {key: 1})[key] == "extra_forbidden"


@pytest.mark.parametrize("which", ["update", "replace"])
@pytest.mark.parametrize("value", [1, "x", None, [], {"a": "\0"}], ids=repr)
def test_what_was_read_may_be_sent_back(which: Which, value: Any) -> None:
    """Is a readable key that clients may not set ignored in PUT and PATCH, whatever it holds?"""
    body = {"email": "a@example.com", "role": value, "id": value, "created_at": value}
    assert takes(schema_of(models.Account, which), body)


@pytest.mark.parametrize("which", ["update", "replace"])
def test_what_cannot_be_read_cannot_be_sent(which: Which) -> None:
    """Is a hidden key as unknown as any other?"""
    body = {"email": "a@example.com", "hashed_password": "x"}
    assert errors_of(schema_of(models.Account, which), body) == {
        "hashed_password": "extra_forbidden"
    }


ABSENT_OR_NULL: list[tuple[Which, dict[str, Any], dict[str, str]]] = [
    ("create", {"title": "a"}, {}),
    ("create", {"title": "a", "body": None}, {}),
    ("create", {"title": None}, {"title": "string_type"}),
    ("create", {"title": "a", "done": None}, {"done": "bool_type"}),
    ("create", {}, {"title": "missing"}),
    ("update", {}, {}),
    ("update", {"body": None}, {}),
    ("update", {"title": None}, {"title": "string_type"}),
    ("update", {"done": None}, {"done": "bool_type"}),
    ("replace", {"title": "a"}, {}),
    ("replace", {}, {"title": "missing"}),
    ("replace", {"title": "a", "done": None}, {"done": "bool_type"}),
]


@pytest.mark.parametrize(("which", "body", "errors"), ABSENT_OR_NULL, ids=str)
def test_absent_is_not_null(which: Which, body: dict[str, Any], errors: dict[str, str]) -> None:
    """May a key be left out where null may not be sent?"""
    schema = schema_of(models.Note, which)
    if errors:
        assert errors_of(schema, body) == errors
    else:
        sent = schema.model_validate(body).model_dump()
        assert {name: value for name, value in sent.items() if value is not MISSING} == body


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_body_is_an_object(body: Any) -> None:
    """Is anything but an object refused?"""
    assert errors_of(schema_of(models.Note, "create"), body) == {None: "model_type"}


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"title": "abc"}, True), ({"title": "a"}, False), ({"title": "ABC"}, False),
        ({"size": 1}, True), ({"size": 0}, False), ({"size": 10}, False), ({"price": "0.01"}, True),
        ({"price": None}, True), ({"price": 0}, False), ({"price": "100.01"}, False),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("which", BODIES)
def test_info_bounds_bodies(which: Which, body: dict[str, Any], good: bool) -> None:
    """Do bounds in `info` hold in each body, on top of the column's?"""
    assert takes(schema_of(Described, which), {"title": "abc", "pass_phrase": "x"} | body) is good


@pytest.mark.parametrize(
    ("which", "body", "errors"),
    [
        ("create", {}, {"password": "missing", "twice": "missing"}),
        ("create", {"password": None}, {"password": "string_type", "twice": "missing"}),
        ("create", {"password": "a", "twice": "a"}, {"password": "string_too_short"}),
        ("create", {"password": "a" * 8, "twice": "a", "pin": "x"}, {"pin": "int_parsing"}),
        (
            "create",
            {"password": "a" * 8, "twice": "a", "old_password": "a"},
            {"old_password": "extra_forbidden"},
        ),
        ("update", {"password": None}, {"password": "string_type"}),
        ("update", {"hashed_password": "x"}, {"hashed_password": "extra_forbidden"}),
        ("replace", {"password": "a"}, {"password": "string_too_short"}),
        ("replace", {"old_password": 1}, {"old_password": "string_type"}),
    ],
    ids=str,
)
def test_inputs_are_checked_by_their_own_types(
    which: Which, body: dict[str, Any], errors: dict[str, str]
) -> None:
    """Are they bounded as they say, in all bodies that have them, and not as the column is?"""
    assert errors_of(schema_of(Keyed, which), {"name": "a"} | body) == errors


def test_inputs_are_values_beside_the_columns() -> None:
    """Does a service get what was sent of them, under their names?"""
    body = {"name": "a", "password": "long enough", "twice": "b", "hint": None}
    for which in BODIES:
        sent = schema_of(Keyed, which).model_validate(body)
        assert column_values(sent, inspect_model(Keyed), only_set=True) == body


def test_info_does_not_bound_answers() -> None:
    """Does a row from before the bounds stay readable?"""
    row = Described(
        id=1, title="", size=0, price=Decimal(1000), level=Level.LOW, address=None, places=[]
    )
    assert schema_of(Described, "read").model_validate(row).model_dump()["size"] == 0


# JSON Schema

JSON_SCHEMA: list[tuple[type[Any], Which, str, dict[str, Any]]] = [
    (models.Note, "create", "title", {"type": "string", "maxLength": 20, "title": "Title"}),
    (models.Note, "update", "title", {"type": "string", "maxLength": 20, "title": "Title"}),
    (models.Note, "create", "body", {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Body"}),
    (models.Note, "create", "done", {"type": "boolean", "title": "Done", "description": "Default: false."}),
    (models.Note, "update", "id", {"type": "integer", "format": "int32", "title": "Id", "readOnly": True}),
    (models.Note, "read", "title", {"type": "string", "title": "Title"}),
    (models.Account, "replace", "created_at", {"type": "string", "format": "date-time", "title": "Created At", "readOnly": True}),
    (Described, "create", "title", {"type": "string", "minLength": 2, "maxLength": 50, "pattern": "^[a-z]+$", "title": "The title", "examples": ["abc"]}),
    (Described, "read", "title", {"type": "string", "title": "The title", "examples": ["abc"]}),
    (Described, "create", "size", {"type": "integer", "format": "int32", "minimum": 1, "maximum": 2147483647, "exclusiveMaximum": 10, "multipleOf": 1, "title": "Size", "description": "How big. Default: 3."}),
    (Described, "read", "size", {"type": "integer", "format": "int32", "title": "Size", "description": "How big."}),
    (Keyed, "create", "password", {"type": "string", "minLength": 8, "title": "Password", "writeOnly": True}),
    (Keyed, "replace", "password", {"type": "string", "minLength": 8, "title": "Password", "writeOnly": True}),
    (Keyed, "update", "old_password", {"type": "string", "title": "Old Password", "writeOnly": True}),
    (Keyed, "create", "hint", {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Hint", "writeOnly": True}),
    (models.Everything, "create", "size", {"anyOf": [{"type": "string", "enum": ["S", "M"]}, {"type": "null"}], "title": "Size"}),
    (models.Everything, "create", "small", {"anyOf": [{"type": "integer", "format": "int32", "minimum": -32768, "maximum": 32767}, {"type": "null"}], "title": "Small"}),
    (models.Note, "page", "total", {"type": "integer", "minimum": 0, "title": "Total", "description": "How many rows there are in all."}),
    (models.Note, "page", "items", {"type": "array", "items": {"$ref": "#/$defs/NoteRead"}, "title": "Items", "description": "The rows of this page."}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "which", "name", "expected"),
    JSON_SCHEMA,
    ids=[f"{row[0].__name__} {row[1]} {row[2]}" for row in JSON_SCHEMA],
)
def test_what_the_documentation_says(
    model: type[Any], which: Which, name: str, expected: dict[str, Any]
) -> None:
    """Does the JSON Schema of a field say what holds, and no more?"""
    mode: Any = "serialization" if which in {"read", "page"} else "validation"
    assert schema_of(model, which).model_json_schema(mode=mode)["properties"][name] == expected


def test_an_enum_is_documented_by_its_values() -> None:
    """Do the default and the values in the documentation speak of what clients send?"""
    schema = schema_of(Described, "create").model_json_schema()
    assert schema["properties"]["level"] == {
        "$ref": "#/$defs/Level",
        "description": "Default: low level.",
    }
    assert schema["$defs"]["Level"]["enum"] == ["low level", "high level"]


ALL_MODELS = [
    models.Note, models.Everything, models.Account, models.Tag, models.Line, models.Author, models.Book,
    models.Ticket, models.Checked, models.Employee, models.Manager, models.Clerk, models.Folder,
    models.File, models.Coin, models.Hero, Described, Keyed, Awkward,
]  # fmt: skip


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("which", BODIES)
def test_documented_fields_have_no_default(model: type[Any], which: Which) -> None:
    """Does no field state a default, which code generators would require clients to send?"""
    schema = schema_of(model, which).model_json_schema()
    assert [name for name, spec in schema["properties"].items() if "default" in spec] == []
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda it: it.__name__)
def test_what_is_ignored_is_marked_read_only(model: type[Any]) -> None:
    """Are exactly the keys that PUT and PATCH ignore marked as `readOnly`?"""
    for which in BODIES[1:]:
        schema: Any = schema_of(model, which)
        properties = schema.model_json_schema()["properties"]
        marked = {name for name, spec in properties.items() if spec.get("readOnly")}
        assert marked == schema.ignored_fields


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda it: it.__name__)
def test_the_body_of_post_marks_nothing_read_only(model: type[Any]) -> None:
    """Does POST document only what it takes?"""
    schema: Any = schema_of(model, "create")
    assert schema.ignored_fields == frozenset()
    assert "readOnly" not in str(schema.model_json_schema())


@pytest.mark.parametrize(
    ("model", "defaulted"),
    [
        (models.Note, {"title", "body", "done"}),
        (models.Account, {"email"}),
        (models.Tag, {"label"}),
        (Keyed, {"name"}),
        (Described, {"title", "size", "price", "level", "address", "places"}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_put_leaves_what_cannot_be_read_alone(model: type[Any], defaulted: set[str]) -> None:
    """Do only readable columns go back to their default where a PUT leaves them out?"""
    schema: Any = schema_of(model, "replace")
    assert schema.defaulted_fields == defaulted


# Rows to answers


def test_an_answer_is_made_of_a_row() -> None:
    """Is a row of the model what the answer is filled from?"""
    row = models.Note(id=1, title="a", body=None, done=True)
    read = schema_of(models.Note, "read").model_validate(row)
    assert read.model_dump() == {"id": 1, "title": "a", "body": None, "done": True}


def test_a_page_is_made_of_rows() -> None:
    """Is a page made of rows and their number?"""
    page = schema_of(models.Tag, "page").model_validate(
        {"items": [models.Tag(slug="a", label="b")], "total": 7}
    )
    assert page.model_dump() == {"items": [{"slug": "a", "label": "b"}], "total": 7}


# Names that pydantic uses itself


@pytest.mark.filterwarnings("error")
def test_columns_may_be_named_as_pydantic_names_its_own() -> None:
    """Do `copy`, `json`, `schema` and `model_config` come and go under their names?"""
    schemas = make_schemas(Awkward)
    body = schemas.create.model_validate({"copy": "a", "json": "b", "model_name": "c"})
    assert column_values(body, inspect_model(Awkward)) == {
        "copy": "a",
        "json": "b",
        "model_name": "c",
    }
    row = Awkward(id=1, copy="a", json=None, model_config=2, model_name="c", schema=3)
    answer = schemas.read.model_validate(row).model_dump(by_alias=True)
    assert answer == {
        "id": 1,
        "copy": "a",
        "json": None,
        "model_config": 2,
        "model_name": "c",
        "schema": 3,
    }
    assert errors_of(schemas.create, {"copy_": "a"}) == {
        "copy": "missing",
        "copy_": "extra_forbidden",
    }


def test_a_patch_of_awkward_names_takes_only_what_was_sent() -> None:
    """Does "only what was sent" see through aliases?"""
    update = make_schemas(Awkward).update
    body = update.model_validate({"json": None, "model_config": 4})
    assert column_values(body, inspect_model(Awkward), only_set=True) == {
        "json": None,
        "model_config": 4,
    }


class Perceptron(Base):
    """With a column named as what we ask SQLModel tables for."""

    __tablename__ = "perceptrons"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_fields: Mapped[int]


class Scarecrow(Base):
    """With a column named as what we note on schemas."""

    __tablename__ = "scarecrows"

    id: Mapped[int] = mapped_column(primary_key=True)
    ignored_fields: Mapped[int]


@pytest.mark.parametrize(
    ("model", "name"), [(Perceptron, "model_fields"), (Scarecrow, "ignored_fields")]
)
def test_columns_may_be_named_as_what_we_look_at(model: type[Any], name: str) -> None:
    """Is no name of a column mistaken for something else?"""
    schemas = make_schemas(model)
    body = schemas.create.model_validate({name: 1})
    assert column_values(body, inspect_model(model)) == {name: 1}


# PUT with a create schema of the developer's own


def test_put_lets_out_what_is_no_column() -> None:
    """May a PUT leave out a password, while the other fields stay as they were?"""
    replace = replace_of(OwnCreate, ACCOUNT, "AccountReplace")
    assert replace.__name__ == "AccountReplace"
    assert replace.__module__ == OwnCreate.__module__
    assert issubclass(replace, OwnCreate)
    assert errors_of(replace, {}) == {"email": "missing"}
    assert "password" not in column_values(replace.model_validate({"email": "a"}), ACCOUNT)
    given_one = replace.model_validate({"email": "a", "password": "x"})
    assert column_values(given_one, ACCOUNT)["password"] == "x"


def test_put_keeps_the_bounds_of_what_is_no_column() -> None:
    """Is a password that POST refuses refused by PUT as well?"""
    replace = replace_of(OwnCreate, ACCOUNT, "AccountReplace")
    assert errors_of(OwnCreate, {"email": "a", "password": ""}) == {"password": "string_too_short"}
    assert not takes(replace, {"email": "a", "password": ""})


def test_put_keeps_the_alias_of_a_column() -> None:
    """Is a field that is a column under its alias left as the developer wrote it?"""
    replace = replace_of(OwnCreate, ACCOUNT, "AccountReplace")
    body = replace.model_validate({"email": "a", "role": "admin"})
    assert column_values(body, ACCOUNT)["role"] == "admin"


# A law

NOTE_KEYS = {"title": st.text(max_size=25), "body": st.none() | st.text(), "done": st.booleans()}


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=NOTE_KEYS))
def test_a_patch_says_what_was_sent_and_nothing_else(body: dict[str, Any]) -> None:
    """Are the values for the columns exactly those of the body, whatever it holds?"""
    update = schema_of(models.Note, "update")
    storable = len(body.get("title", "")) <= 20 and "\0" not in str(list(body.values()))
    try:
        values = column_values(
            update.model_validate(body), inspect_model(models.Note), only_set=True
        )
    except ValidationError:
        assert not storable or "\\x00" in repr(body)
    else:
        assert values == body


class Tight(Base):
    __tablename__ = "tight"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(5), info={"min_length": 2, "pattern": "^[a-z]+$"})
    age: Mapped[int] = mapped_column(info={"ge": 0})


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"name": "a", "age": 1}, "string_too_short"),
        ({"name": "abcdef", "age": 1}, "string_too_long"),
        ({"name": "A1", "age": 1}, "string_pattern_mismatch"),
        ({"name": "ab", "age": -1}, "greater_than_equal"),
        ({"name": "ab", "age": 2**31}, "less_than_equal"),
    ],
)
def test_bounds_of_info_and_of_the_column_both_hold(body: dict[str, Any], problem: str) -> None:
    """Is each bound told in pydantic's own words, whichever side it comes from?"""
    with pytest.raises(ValidationError) as caught:
        make_schemas(Tight).create.model_validate(body)
    assert [error["type"] for error in caught.value.errors()] == [problem]


def test_bounds_of_info_are_documented() -> None:
    """Does the JSON schema tell them all?"""
    properties = make_schemas(Tight).create.model_json_schema()["properties"]
    name, age = properties["name"], properties["age"]
    assert (name["minLength"], name["maxLength"], name["pattern"]) == (2, 5, "^[a-z]+$")
    assert (age["minimum"], age["maximum"]) == (0, 2**31 - 1)

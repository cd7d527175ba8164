"""`fields=` and `include=`: just what was asked for, in as many statements as there are includes."""

from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from fastapi_crud import (
    ConfigurationError,
    Database,
    Query,
    Repository,
    Service,
    make_crud_router,
)
from fastapi_crud.operations import DEFAULT_OPERATIONS
from tests.conftest import Serve, counted
from tests.models import Account, Author, Book, Line, Member, Note
from tests.router.test_related import items, with_members

ALL = (*DEFAULT_OPERATIONS, "search")


# Fields


async def test_only_the_fields_that_were_asked_for(db: Database, serve: Serve) -> None:
    """Are they shown, always with the key, and nothing else even loaded?"""
    async with db.session() as session:
        session.add(Note(title="a", body="b"))
    client = serve(db, make_crud_router(Note, fields=True, operations=ALL))
    with counted(db.engine) as statements:
        rows = await items(client, "/notes?fields=title,done")
    assert [row.keys() for row in rows] == [{"id", "title", "done"}]
    assert "body" not in statements.texts[0]
    path = f"/notes/{rows[0]['id']}"
    assert (await client.get(f"{path}?fields=title")).json() == {"id": rows[0]["id"], "title": "a"}
    found = await client.post("/notes:search", json={"fields": ["body"]})
    assert found.json()["items"] == [{"id": rows[0]["id"], "body": "b"}]
    for bad in ("fields=nope", "fields=", "fields=title,title", "fields=titel", "x=1"):
        for where in ("/notes", path):
            assert (await client.get(f"{where}?{bad}")).status_code == 422, (where, bad)
    assert (await client.get(path)).json().keys() == {"id", "title", "body", "done"}


async def test_fields_of_other_kinds(db: Database, serve: Serve) -> None:
    """Can expressions, deferred columns, hybrids and parts of a composite key be chosen?"""
    async with db.session() as session:
        session.add(Book(title="t", blurb="long", author=Author(name="Ann")))
        session.add(Line(order_id=1, line_no=2))
    client = serve(
        db,
        make_crud_router(Author, fields=True, hybrids={"shout"}),
        make_crud_router(Book, fields=True),
        make_crud_router(Line, fields=True),
    )
    author = (await items(client, "/authors"))[0]["id"]
    assert await items(client, "/authors?fields=book_count") == [{"id": author, "book_count": 1}]
    assert await items(client, "/authors?fields=shout") == [{"id": author, "shout": "ANN"}]
    assert (await items(client, "/books?fields=blurb"))[0]["blurb"] == "long"
    assert await items(client, "/lines?fields=quantity") == [
        {"order_id": 1, "line_no": 2, "quantity": 1}
    ]


class CamelNote(BaseModel):
    """A schema of the developer's own: other names, a rule, and a computed field."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    id: int
    heading: str = Field(validation_alias="title", serialization_alias="headLine")
    done: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shown(self) -> str:
        return f"{self.heading}!"

    @model_validator(mode="after")
    def whole(self) -> "CamelNote":
        assert self.heading is not None
        assert self.done is not None
        return self


async def test_names_are_those_of_the_answers(db: Database, serve: Serve) -> None:
    """Are fields, filters and sort orders called as in the answers of a schema of one's own?"""
    async with db.session() as session:
        session.add_all(Note(title=title) for title in "ab")
    client = serve(db, make_crud_router(Note, read_schema=CamelNote, fields=True))
    rows = await items(client, "/notes?sort=-headLine&headLine__in=a&headLine__in=b&limit=1")
    assert rows == [{"id": rows[0]["id"], "headLine": "b", "done": False, "shown": "b!"}]
    rows = await items(client, "/notes?fields=headLine")
    assert [row.keys() - {"shown"} for row in rows] == [{"id", "headLine"}] * 2
    for bad in ("title=a", "sort=title", "fields=heading", "body=x"):
        assert (await client.get(f"/notes?{bad}")).status_code == 422


class Endless(BaseModel):
    name: str
    reports: list["Endless"]


class Shown(BaseModel):
    id: int
    name: str


class OwnList(Service[Member]):
    async def get_multi(self, **_: Any) -> tuple[list[Member], int]:
        return [], 0


async def no_one() -> bool:
    return False


class Shows(BaseModel):
    id: int
    team: Any


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"include": ["nope"]}, "no relationship 'nope'; it has"),
        ({"include": ["name"]}, "no relationship 'name'"),
        ({"include": ["boss.boss.boss"]}, "at most 2 relationships in a row"),
        ({"include": ["badges"]}, "never loaded as a whole"),
        ({"include": ["team"], "read_schema": Shows}, "shows it already"),
        ({"read_schema": Endless}, "embeds relationships more than 5 deep"),
        ({"search": ["salary"]}, "only text is searched"),
        ({"search": ["nope"]}, "no column 'nope'"),
        ({"filters": {"name": ["gt"]}}, r"no operator 'gt' for it; there are eq, ne"),
        ({"filters": {"boss.nope": ["eq"]}}, "no column 'nope'"),
        ({"filters": ["nope.name"]}, "no relationship 'nope'"),
        ({"sort": ["boss.name"]}, "sort by a plain column"),
        ({"default_sort": "-nope"}, "no column 'nope'"),
        (
            {"filters": {"boss.name": ...}, "read_schema": Shown, "readable_by": {"name": no_one}},
            "it cannot stand for related rows",
        ),
        ({"service": OwnList, "pagination": "both"}, "override get_cursor_page of OwnList"),
        ({"pagination": "pages"}, "it is one of offset, cursor, both"),
        ({"search": []}, "has no fields"),
        ({"search": "name"}, r"give a list, such as search=\['name'\]"),
        ({"default_sort": "boss.name"}, "sort by a plain column"),
        ({"cursor_secret": ""}, "cursor_secret is empty"),
        ({"count": []}, "one or more of exact, estimated, none"),
        ({"count": ["some"]}, "one or more of exact, estimated, none"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_misuse_is_told_when_the_router_is_built(options: Any, message: str) -> None:
    """Does the error name what there is instead?"""
    with pytest.raises(ConfigurationError, match=message):
        make_crud_router(Member, **options)


# Documentation


def document(*routers: Any) -> dict[str, Any]:
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    return app.openapi()


def test_answers_are_documented_as_they_are() -> None:
    """Are fields optional where they can be chosen, and relationships where they can be included?"""
    schemas = document(
        make_crud_router(Member, fields=True, include=["team", "skills", "reports.skills"]),
        make_crud_router(Note),
    )["components"]["schemas"]
    view = schemas["MemberView"]
    assert view["required"] == ["id"]
    assert {"name", "team", "skills", "reports"} <= view["properties"].keys()
    assert view["properties"]["skills"]["items"] == {"$ref": "#/components/schemas/SkillRead"}
    nested = view["properties"]["reports"]["items"]["$ref"].rpartition("/")[2]
    assert {"name", "skills"} <= schemas[nested]["properties"].keys()
    assert "skills" not in schemas[nested].get("required", [])
    assert schemas["MemberPage"]["properties"]["items"]["items"] == {
        "$ref": "#/components/schemas/MemberView"
    }
    assert "NoteView" not in schemas
    assert not [name for name in schemas if "__" in name]


def test_parameters_of_one_row_are_documented() -> None:
    """Are `fields` and `include` told where one row is got, as lists of names?"""
    paths = document(
        make_crud_router(Member, fields=True, include=["team"]), make_crud_router(Note)
    )["paths"]
    parameters = {p["name"]: p["schema"] for p in paths["/members/{id}"]["get"]["parameters"]}
    assert parameters["include"] == {"type": "array", "items": {"type": "string", "enum": ["team"]}}
    assert parameters["fields"]["items"]["enum"] == ["id", "name", "salary", "team_id", "boss_id"]
    assert [p["name"] for p in paths["/notes/{id}"]["get"]["parameters"]] == [
        "id",
        "If-None-Match",
    ]


async def test_python_can_include_as_well(db: Database) -> None:
    """Are related rows loaded by a query from Python, without a bound?"""
    await with_members(db)
    async with db.session() as session:
        repository = Repository[Member](session)
        page = await repository.get_page(
            Query(order_by=["name"], include=["reports.skills", "team"])
        )
        assert [other.name for other in page.items[0].reports] == ["cid", "bob"]
        assert page.items[0].reports[0].skills[0].name == "sql"
        assert page.items[0].team
        some = await repository.get_cursor_page(Query(cursor="", fields=["name"], include=["team"]))
        assert {member.team.name for member in some.items if member.team} == {"red"}


async def test_hidden_columns_cannot_be_asked_for(db: Database, serve: Serve) -> None:
    """Is a secret column in no filter, sort order, choice of fields or search?"""
    client = serve(db, make_crud_router(Account, fields=True, operations=ALL))
    for name in (
        "hashed_password",
        "pin_note",
        "hashed_password__startswith",
        "hashed_password__isnull",
    ):
        assert (await client.get(f"/accounts?{name}=x")).status_code == 422
        assert (await client.post("/accounts:search", json={name: "x"})).status_code == 422
    for query in ("sort=hashed_password", "fields=hashed_password", "sort=-pin_note"):
        assert (await client.get(f"/accounts?{query}")).status_code == 422

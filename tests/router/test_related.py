"""Related rows: as their own model has them, in answers and in conditions."""

from typing import Annotated, Any

import pytest
from fastapi import Header
from pydantic import BaseModel, Field

from fastapi_crud import (
    ConfigurationError,
    CrudOptions,
    Database,
    Filter,
    Limits,
    make_crud_router,
)
from tests.conftest import Client, Serve, counted
from tests.models import Author, Book, Member, Skill, Team


async def with_members(db: Database) -> None:
    async with db.session() as session:
        red, sql, art = Team(name="red"), Skill(name="sql"), Skill(name="art")
        ann = Member(name="ann", team=red, skills=[sql, art])
        session.add_all(
            [ann, *(Member(name=name, team=red, boss=ann, skills=[sql]) for name in ("bob", "cid"))]
        )


async def items(client: Client, path: str) -> list[dict[str, Any]]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["items"]
    return rows


# Includes


@pytest.mark.parametrize("rows", [1, 7])
async def test_each_include_costs_one_statement(db: Database, serve: Serve, rows: int) -> None:
    """Is it one more for each relationship, whatever the number of rows?"""
    async with db.session() as session:
        for n in range(rows):
            author = Author(name=f"Author {n}", books=[Book(title=title) for title in "xyz"])
            session.add(author)
    client = serve(
        db,
        make_crud_router(Author, include=["books", "books.author"], pagination="both"),
        make_crud_router(Book, include=["author"]),
    )
    for path, most in (
        ("/authors", 1), ("/authors?include=books", 2), ("/authors?include=books,books.author", 3),
        ("/authors?cursor=&include=books.author", 3), ("/authors?skip=99&include=books", 3),
        ("/books?include=author", 2),
    ):  # fmt: skip
        with counted(db.engine) as statements:
            found = await items(client, path)
        assert len(statements) <= most, (path, statements.texts)
        if "include=books" in path and "skip" not in path:
            assert [[book["title"] for book in author["books"]] for author in found] == [
                ["x", "y", "z"]
            ] * rows
        if "books.author" in path:
            assert {
                book["author"]["id"] == author["id"] for author in found for book in author["books"]
            } == {True}


async def test_relationships_of_every_kind(db: Database, serve: Serve) -> None:
    """Are to-one, to-many, self-referential and many-to-many relationships shown, nested ones too?"""
    await with_members(db)
    paths = ["team", "boss", "reports", "skills", "reports.skills", "boss.team"]
    client = serve(db, make_crud_router(Member, include=paths))
    rows = await items(
        client, "/members?sort=name&include=boss,reports,skills&include=reports.skills,boss.team"
    )
    seen = [
        (
            row["name"],
            row["boss"] and (row["boss"]["name"], row["boss"]["team"]["name"]),
            [
                (other["name"], [skill["name"] for skill in other["skills"]])
                for other in row["reports"]
            ],
            [skill["name"] for skill in row["skills"]],
        )
        for row in rows
    ]
    assert seen == [
        ("ann", None, [("cid", ["sql"]), ("bob", ["sql"])], ["sql", "art"]),
        ("bob", ("ann", "red"), [], ["sql"]),
        ("cid", ("ann", "red"), [], ["sql"]),
    ]
    assert "team" not in rows[0]
    one = (await client.get(f"/members/{rows[1]['id']}?include=team")).json()
    assert one["team"].keys() == {"id", "name", "tenant"}
    for bad in (
        "include=nope",
        "include=skills.members",
        "include=badges",
        "include=boss.boss",
        "include=",
    ):
        assert (await client.get(f"/members?{bad}")).status_code == 422


async def test_many_related_rows_are_bounded(db: Database, serve: Serve) -> None:
    """Are only the first of a to-many relationship shown, in its order, for each row?"""
    await with_members(db)
    limits = Limits(max_included=1)
    client = serve(
        db, make_crud_router(Member, include=["reports", "skills", "boss"], limits=limits)
    )
    rows = await items(client, "/members?sort=name&include=reports,skills,boss")
    assert [[other["name"] for other in row["reports"]] for row in rows] == [["cid"], [], []]
    assert [[skill["name"] for skill in row["skills"]] for row in rows] == [["sql"]] * 3
    assert [row["boss"] is None for row in rows] == [True, False, False]


async def test_includes_and_fields_together(db: Database, serve: Serve) -> None:
    """Is a relationship shown beside the few fields that were asked for?"""
    await with_members(db)
    client = serve(db, make_crud_router(Member, include=["team", "skills"], fields=True))
    rows = await items(client, "/members?fields=name&include=team&sort=name&limit=1")
    assert [row.keys() for row in rows] == [{"id", "name", "team"}]


async def test_secrets_of_related_rows_stay_secret(db: Database, serve: Serve) -> None:
    """Do the rules of the related model hold for its rows, even where it has no router?"""
    async with db.session() as session:
        session.add(Member(name="ann", team=Team(name="red", motto="m")))
    client = serve(
        db, make_crud_router(Member, include=["team"], filters={"*": ..., "team.name": ["eq"]})
    )
    row = (await items(client, "/members?include=team&team__name=red"))[0]
    assert "motto" not in row["team"]
    assert (await client.get("/members?team__motto=m")).status_code == 422


class TagOut(BaseModel):
    name: str


class DeepMember(BaseModel):
    name: str
    skills: list[TagOut]
    reports: list["DeepReport"]


class DeepReport(BaseModel):
    name: str
    boss: "Boss | None"


class Boss(BaseModel):
    name: str
    skills: list[TagOut]


async def test_a_read_schema_may_embed_at_any_depth(db: Database, serve: Serve) -> None:
    """Are the loaders derived from the schema, all the way down, for every verb?"""
    await with_members(db)
    client = serve(db, make_crud_router(Member, read_schema=DeepMember))
    with counted(db.engine) as statements:
        rows = await items(client, "/members?limit=1")
    assert rows[0]["reports"][0]["boss"]["skills"] == [{"name": "sql"}, {"name": "art"}]
    assert len(statements) <= 5
    created = await client.post("/members", json={"name": "new"})
    assert created.json() == {"name": "new", "skills": [], "reports": []}


# Related models bring their own


async def with_teams(db: Database) -> None:
    async with db.session() as session:
        red = Team(name="red", tenant=1, motto="m")
        blue = Team(name="blue", tenant=2)
        ann = Member(name="ann", team=red, salary=10)
        session.add_all(
            [ann, Member(name="bob", team=blue, boss=ann), Member(name="cid", boss=ann)]
        )


async def test_included_rows_have_the_scope_of_their_model(db: Database, serve: Serve) -> None:
    """Is a related row outside its own scope not shown, and do its hidden columns stay hidden?"""
    await with_teams(db)
    client = serve(
        db,
        make_crud_router(Member, include=["team", "team.members"]),
        make_crud_router(Team, include=["members"]),
    )
    rows = (await client.get("/members?include=team&sort=name", headers={"tenant": "1"})).json()[
        "items"
    ]
    assert [row["team"] for row in rows] == [
        {"id": rows[0]["team_id"], "name": "red", "tenant": 1},
        None,
        None,
    ]
    rows = (await client.get("/members?include=team&sort=name", headers={"tenant": "2"})).json()[
        "items"
    ]
    assert [row["team"] and row["team"]["name"] for row in rows] == [None, "blue", None]
    one = await client.get(
        f"/members/{rows[0]['id']}?include=team.members", headers={"tenant": "1"}
    )
    assert [member["name"] for member in one.json()["team"]["members"]] == ["ann"]
    assert (await client.get("/teams", headers={"tenant": "2"})).json()["total"] == 1


async def test_filters_do_not_look_behind_the_scope(db: Database, serve: Serve) -> None:
    """Does a related row outside its scope count as missing, in filters and search alike?"""
    await with_teams(db)
    router = make_crud_router(Member, filters={"team.name": ...}, search=["name", "team.name"])
    client = serve(db, router)

    async def names(query: str, tenant: int) -> list[str]:
        answer = await client.get(f"/members?{query}&sort=name", headers={"tenant": str(tenant)})
        return [row["name"] for row in answer.json()["items"]]

    assert await names("team__name=blue", 1) == []
    assert await names("team__name=blue", 2) == ["bob"]
    assert await names("team__name__ne=red", 1) == ["bob", "cid"]
    assert await names("team__name__ne=red", 2) == ["ann", "bob", "cid"]
    assert await names("team__name__isnull=true", 1) == ["bob", "cid"]
    assert await names("team__name__isnull=false", 2) == ["bob"]
    assert await names("search=blu", 1) == []
    assert await names("search=blu", 2) == ["bob"]


class TeamOut(BaseModel):
    name: str


class MemberOut(BaseModel):
    id: int
    name: str
    team: TeamOut | None


async def test_embedded_rows_have_the_scope_of_their_model(db: Database, serve: Serve) -> None:
    """Does that hold for relationships of a read schema, after every verb?"""
    await with_teams(db)
    client = serve(db, make_crud_router(Member, read_schema=MemberOut))
    rows = (await client.get("/members?sort=name", headers={"tenant": "1"})).json()["items"]
    assert [row["team"] for row in rows] == [{"name": "red"}, None, None]
    patched = await client.patch(
        f"/members/{rows[1]['id']}", json={"name": "b"}, headers={"tenant": "1"}
    )
    assert patched.json() == {"id": rows[1]["id"], "name": "b", "team": None}
    patched = await client.patch(
        f"/members/{rows[1]['id']}", json={"name": "b"}, headers={"tenant": "2"}
    )
    assert patched.json()["team"] == {"name": "blue"}


async def peers(boss: Annotated[str, Header()] = "ann") -> Any:
    """Members by the name of their boss, over the relationship to themselves."""
    return Filter("boss.name", "eq", boss)


async def test_a_scope_over_relationships_guards_writes(db: Database, serve: Serve) -> None:
    """Can a scope look into other rows, of the same table even, for every verb?"""
    await with_teams(db)
    client = serve(db, make_crud_router(Member, scope=peers, include=["boss", "reports"]))
    rows = (await client.get("/members?include=boss,reports&sort=name")).json()["items"]
    assert [(row["name"], row["boss"], row["reports"]) for row in rows] == [
        ("bob", None, []),
        ("cid", None, []),
    ]
    path = f"/members/{rows[0]['id']}"
    assert (await client.patch(path, json={"salary": 3})).json()["salary"] == 3
    assert (await client.patch(path, json={"salary": 4}, headers={"boss": "x"})).status_code == 404
    assert (await client.patch(path, json={"boss_id": None})).status_code == 403
    assert (await client.post("/members", json={"name": "dan"})).status_code == 403
    assert (await client.get(path)).json()["salary"] == 3


async def test_author_books_are_untouched_by_scopes_of_others(db: Database, serve: Serve) -> None:
    """Does a model without rules cost no dependency and no condition?"""
    async with db.session() as session:
        session.add(Book(title="t", author=Author(name="Ann")))
    client = serve(db, make_crud_router(Book, include=["author"]))
    assert (await client.get("/books?include=author")).json()["items"][0]["author"]["name"] == "Ann"


async def test_nested_rows_are_written_as_their_own_model_says(
    sqlite: Database, serve: Serve
) -> None:
    """Does the create schema that a related model has hold for rows that come with a parent?"""

    class Named(BaseModel):
        title: str = Field(max_length=3)

    client = serve(sqlite, make_crud_router(Author, nested=["books"], include=["books"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Book, "__crud__", CrudOptions(create_schema=Named), raising=False)
        strict = serve(sqlite, make_crud_router(Author, nested=["books"], include=["books"]))
        patch.setattr(
            Book,
            "__crud__",
            CrudOptions(create_schema=Named, writable_by={"title": lambda: True}),
        )
        with pytest.raises(ConfigurationError, match="Book has columns that not all may write"):
            make_crud_router(Author, nested=["books"])
    body = {"name": "ann", "books": [{"title": "long title"}]}
    assert (await client.post("/authors", json=body)).status_code == 201
    assert (await strict.post("/authors", json=body)).status_code == 422
    body["books"] = [{"title": "abc"}]
    assert (await strict.post("/authors", json=body)).status_code == 201

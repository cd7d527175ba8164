"""Row scopes and column rights: what a caller may not see does not exist."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pytest
from fastapi import Depends, Header

from fastapi_crud import (
    ConfigurationError,
    CrudOptions,
    Database,
    Filter,
    Or,
    make_crud_router,
)
from fastapi_crud.operations import DEFAULT_OPERATIONS, OPERATIONS
from fastapi_crud.owners import Owner, owning
from fastapi_crud.query.loading import View
from fastapi_crud.router.callers import Callers, conditions_of
from tests.conftest import Client, Serve, rows_of
from tests.models import Member, Note
from tests.router.test_related import peers, with_teams

ALL = (*DEFAULT_OPERATIONS, "search")
Headers = Mapping[str, str]


async def own_notes(owner: Annotated[str, Header()] = "nobody") -> Any:
    """Notes whose body is the owner's name."""
    return Note.body == owner


ANN, BOB = {"owner": "ann"}, {"owner": "bob"}


async def with_notes(db: Database) -> list[int]:
    """Two notes of Ann's and one of Bob's; their keys."""
    rows = [Note(title="a", body="ann"), Note(title="b", body="bob"), Note(title="c", body="ann")]
    async with db.session() as session:
        session.add_all(rows)
    return [row.id for row in rows]


async def listed(client: Client, path: str, headers: Headers) -> list[Any]:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return [row["title"] for row in answer.json()["items"]]


async def test_rows_outside_the_scope_are_not_there(db: Database, serve: Serve) -> None:
    """Are they neither listed, counted, found, got, changed nor deleted?"""
    first, _, third = await with_notes(db)
    client = serve(db, make_crud_router(Note, scope=own_notes, pagination="both", operations=ALL))
    assert await listed(client, "/notes", ANN) == ["a", "c"]
    page = (await client.get("/notes", params={"skip": 9}, headers=ANN)).json()
    assert (page["items"], page["total"]) == ([], 2)
    assert await listed(client, "/notes?cursor=&limit=1", BOB) == ["b"]
    assert await listed(client, "/notes?title=a", BOB) == []
    found = await client.post("/notes:search", json={"not": {"title": "a"}}, headers=ANN)
    assert ([row["title"] for row in found.json()["items"]], found.json()["total"]) == (["c"], 1)

    for method, body in (
        ("GET", None),
        ("PATCH", {"title": "x"}),
        ("PATCH", {}),
        ("PUT", {"title": "x"}),
        ("DELETE", None),
    ):
        answer = await client.request(method, f"/notes/{first}", json=body, headers=BOB)
        missing = await client.request(method, "/notes/0", json=body, headers=BOB)
        assert (answer.status_code, missing.status_code) == (404, 404), method
        assert answer.json()["detail"] == f"Note '{first}' not found"
    assert [note.title for note in await rows_of(db, Note)] == ["a", "b", "c"]

    assert (await client.patch(f"/notes/{first}", json={"title": "x"}, headers=ANN)).json()[
        "title"
    ] == "x"
    assert (await client.delete(f"/notes/{third}", headers=ANN)).status_code == 204
    assert sorted(note.title for note in await rows_of(db, Note)) == ["b", "x"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
async def test_no_row_is_written_out_of_the_scope(db: Database, serve: Serve, method: str) -> None:
    """Is a row that would lie outside afterwards refused, and nothing of it kept?"""
    first, *_ = await with_notes(db)
    client = serve(db, make_crud_router(Note, scope=own_notes))
    path = "/notes" if method == "POST" else f"/notes/{first}"
    refused = await client.request(method, path, json={"title": "x", "body": "bob"}, headers=ANN)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert [(note.title, note.body) for note in await rows_of(db, Note)] == [
        ("a", "ann"), ("b", "bob"), ("c", "ann"),
    ]  # fmt: skip
    allowed = await client.request(method, path, json={"title": "x", "body": "ann"}, headers=ANN)
    assert allowed.status_code in {200, 201}


async def every_note() -> Any:
    return True


async def no_note() -> Any:
    return False


async def test_readable_is_not_yet_writable(db: Database, serve: Serve) -> None:
    """Is a row that can be read but not written 403, and one that cannot be read 404?"""
    first, *_ = await with_notes(db)
    router = make_crud_router(
        Note,
        scope={"get": every_note, "list": every_note, "update": own_notes, "delete": own_notes},
    )
    client = serve(db, router)
    assert (await client.get(f"/notes/{first}", headers=BOB)).status_code == 200
    for method, body in (
        ("PATCH", {"title": "x"}),
        ("PATCH", {}),
        ("PUT", {"title": "x"}),
        ("DELETE", None),
    ):
        mine = await client.request(method, f"/notes/{first}", json=body, headers=BOB)
        missing = await client.request(method, "/notes/0", json=body, headers=BOB)
        assert (mine.status_code, missing.status_code) == (403, 404)


@pytest.mark.parametrize("listed", ["list", "get", "search"])
async def test_no_way_of_reading_goes_around_a_scope(
    db: Database, serve: Serve, listed: Any
) -> None:
    """Do all ways to read have the scope of the one that is listed, and writes as well?"""
    first, *_ = await with_notes(db)
    client = serve(db, make_crud_router(Note, scope={listed: own_notes}, operations=ALL))
    assert (await client.get("/notes", headers=BOB)).json()["total"] == 1
    assert (await client.post("/notes:search", json={}, headers=BOB)).json()["total"] == 1
    for method, body in (("GET", None), ("PATCH", {"title": "x"}), ("DELETE", None)):
        answer = await client.request(method, f"/notes/{first}", json=body, headers=BOB)
        assert answer.status_code == 404


async def test_new_rows_need_not_be_readable(db: Database, serve: Serve) -> None:
    """Can anyone leave a note that only some may read?"""
    client = serve(db, make_crud_router(Note, scope={"get": no_note, "list": no_note}))
    created = await client.post("/notes", json={"title": "a"})
    assert created.status_code == 201
    assert (await client.get(created.headers["location"])).status_code == 404
    assert (await client.get("/notes")).json() == {"items": [], "total": 0}


async def titled() -> Any:
    return [Filter("title", "ne", "c"), Note.title != "b"]


async def test_scopes_add_up(db: Database, serve: Serve) -> None:
    """Must several conditions, and the scopes of model and router, all hold?"""
    await with_notes(db)
    client = serve(db, make_crud_router(Note, scope=(Depends(own_notes), titled)))
    assert await listed(client, "/notes", ANN) == ["a"]
    assert await listed(client, "/notes", BOB) == []


@pytest.mark.parametrize("value", [None, "", "id = 1"], ids=repr)
async def test_a_scope_that_says_nothing_is_an_error(
    db: Database, serve: Serve, value: Any
) -> None:
    """Does a forgotten return not open all rows?"""
    await with_notes(db)

    async def forgotten() -> Any:
        return value

    with pytest.raises(ConfigurationError, match="True for all rows"):
        conditions_of(value)
    client = serve(db, make_crud_router(Note, scope=forgotten))
    assert (await client.get("/notes")).status_code == 500


def test_what_a_scope_may_give() -> None:
    """Are all rows, none, one condition and several understood?"""
    mine = Filter("title", "eq", "a")
    assert conditions_of(True) == []
    assert conditions_of(False) == [Or()]
    assert conditions_of([mine, mine]) == [mine, mine]
    assert conditions_of(()) == []
    assert conditions_of(Owner("body", "ann")) == [Filter("body", "eq", "ann")]
    assert conditions_of(Owner("body", None)) == [Or()]
    assert conditions_of(Owner("body", "ann").of_anybody()) == []


# Owners


@owning("body")
async def own_body() -> Owner:
    return Owner("body", "ann")


@owning("title")
async def own_title() -> Owner:
    return Owner("title", "t")


def callers(
    scope: Any, related: Mapping[type[Any], Sequence[Any]] | None = None, **options: Any
) -> Callers:
    said = CrudOptions(scope=scope, **options)
    return Callers(model=Note, options=said, view=View(), related=related or {})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_who_makes_rows_is_asked_whose_they_are(operation: Any) -> None:
    """Is every owner asked where rows may be made, and nowhere else?"""
    asked = callers(({"update": own_body}, {"delete": own_title})).dependencies(operation)
    owners = [it for name, it in asked.items() if name.startswith("owner_")]
    makes = operation in {"create", "batch_create", "import", "upsert", "replace"}
    assert owners == ([own_body, own_title] if makes else [])


@pytest.mark.parametrize(
    ("given", "fixed"),
    [
        ({"read_0": True, "write_0": True}, {}),
        ({"read_0": Owner("body", "ann")}, {"body": "ann"}),
        ({"write_0": Owner("body", "ann")}, {"body": "ann"}),
        ({"owner_0": Owner("body", "ann").of_anybody()}, {"body": "ann"}),
        ({"owner_0": Owner("body", None)}, {}),
        (
            {"owner_0": Owner("body", "ann"), "write_0": Owner("title", "t")},
            {"body": "ann", "title": "t"},
        ),
        ({"related_0_0": Owner("body", "bob"), "owner_0": Owner("title", "t")}, {"title": "t"}),
    ],
    ids=["none", "read", "written", "asked for", "nobody", "two columns", "related"],
)
def test_what_new_rows_get(given: Mapping[str, Any], fixed: Mapping[str, str]) -> None:
    """Do they get what the owners of this model say, and not those of related ones?"""
    assert callers(own_body, {Member: [own_body]}).sight(given).rights.fixed == fixed


def test_the_scope_of_an_operation_says_whose_its_rows_are() -> None:
    """Does it win over the scopes of other operations that own the same column?"""

    @owning("body")
    async def other() -> Owner:
        return Owner("body", "bob")

    asked = callers({"create": own_body, "update": other}).dependencies("create")
    answers = {own_body: Owner("body", "ann"), other: Owner("body", "bob")}
    assert {*asked.values()} == answers.keys()
    sight = callers(own_body).sight({name: answers[it] for name, it in asked.items()})
    assert sight.rights.fixed == {"body": "ann"}
    assert sight.view.write_scope == [Filter("body", "eq", "ann")]


# Columns by role


async def may_see(role: Annotated[str, Header()] = "") -> bool:
    return role in {"hr", "boss"}


async def may_change(role: Annotated[str, Header()] = "") -> bool:
    return role == "boss"


HR, BOSS = {"role": "hr"}, {"role": "boss"}


def member_router(**options: Any) -> Any:
    return make_crud_router(
        Member,
        readable_by={"salary": may_see},
        writable_by={"salary": may_change, "name": Depends(may_see)},
        operations=ALL,
        **options,
    )


async def test_a_column_that_one_may_not_read_is_not_there(db: Database, serve: Serve) -> None:
    """Is it in no answer, filter, sort order, choice of fields, search or body of such a caller?"""
    await with_teams(db)
    client = serve(db, member_router(fields=True, pagination="both", default_sort="-salary"))
    rows = (await client.get("/members", headers=HR)).json()["items"]
    assert [row["salary"] for row in rows] == [10, None, None]
    path = f"/members/{rows[0]['id']}"
    seen = [
        (await client.get("/members")).json()["items"][0],
        (await client.get("/members?cursor=")).json()["items"][0],
        (await client.get(path)).json(),
        (await client.post("/members:search", json={})).json()["items"][0],
        (await client.patch(path, json={"team_id": None})).json(),
        (await client.put(path, json={"team_id": None})).json(),
        (await client.post("/members", json={"name": "dan"}, headers=HR)).json(),
    ]
    assert ["salary" in row for row in seen] == [False] * 6 + [True]
    for query in ("salary__gte=5", "sort=salary", "fields=salary", "salry=1"):
        refused = await client.get(f"/members?{query}")
        assert refused.status_code == 422
        assert "salary" not in refused.json()["errors"][0]["msg"]
    searched = await client.post("/members:search", json={"not": {"salary": 10}})
    assert searched.json()["errors"][0]["type"] == "unknown_parameter"
    for method, where in (("PATCH", path), ("PUT", path)):
        refused = await client.request(method, where, json={"name": "x", "salary": 5})
        assert refused.status_code == 422
        assert refused.json()["errors"][0] == {
            "type": "extra_forbidden", "loc": ["body", "salary"],
            "msg": "Extra inputs are not permitted", "pointer": "#/salary",
        }  # fmt: skip
    assert (await client.get(path, headers=HR)).json()["salary"] == 10


async def test_a_column_that_one_may_not_write_is_read_only(db: Database, serve: Serve) -> None:
    """Is it refused in POST, and ignored in PATCH and PUT, which leave it as it is?"""
    await with_teams(db)
    client = serve(db, member_router())
    path = f"/members/{(await client.get('/members', headers=HR)).json()['items'][0]['id']}"
    refused = await client.post("/members", json={"name": "x", "salary": 5}, headers=HR)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/salary")
    for method in ("PATCH", "PUT"):
        body = {"name": "new", "salary": 99}
        assert (await client.request(method, path, json=body, headers=HR)).json()["salary"] == 10
        changed = await client.request(method, path, json=body, headers=BOSS)
        assert changed.json()["salary"] == 99
        await client.patch(path, json={"salary": 10}, headers=BOSS)
    assert (await client.patch(path, json={"name": "other"})).json()["name"] == "new"
    assert (await client.put(path, json={"name": "other"})).json()["name"] == "new"
    assert (await client.get(path, headers=HR)).json()["salary"] == 10


def test_rights_are_documented(db: Database, serve: Serve) -> None:
    """Is a column that not all may read optional in answers, and 403 told where there is a scope?"""
    from fastapi import FastAPI

    app = FastAPI()
    app.include_router(member_router(scope=peers))
    document = app.openapi()
    assert "salary" not in document["components"]["schemas"]["MemberRead"]["required"]
    assert "name" in document["components"]["schemas"]["MemberRead"]["required"]
    operations = [op for methods in document["paths"].values() for op in methods.values()]
    told = {op["operationId"]: "403" in op["responses"] for op in operations}
    assert told == {
        "list_members": False, "search_members": False, "get_member": False,
        "create_member": True, "update_member": True, "replace_member": True, "delete_member": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (Member, {"readable_by": {"id": may_see}}, "readable_by=.*other than its key"),
        (Member, {"writable_by": {"nope": may_see}}, "writable_by=.*name columns of the model"),
        (Member, {"scope": {"nope": may_see}}, "unknown operations"),
        (Member, {"filters": {"boss.salary": ["eq"]}, "readable_by": {"salary": may_see}}, "hidden"),
        (Member, {"filters": {"team.motto": ["eq"]}}, "'team.motto' is hidden"),
        (Member, {"search": ["team.motto"]}, "'team.motto' is hidden"),
        (Member, {"default_sort": "salary", "hidden": ["salary"], "pagination": "cursor"}, "cursors would show salary"),
        (Member, {"sort": ["salary"], "hidden": ["salary"], "pagination": "both"}, "cursors would show salary"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)  # fmt: skip
def test_misuse_is_told_when_the_router_is_built(model: Any, options: Any, message: str) -> None:
    """Does a rule that could not hold fail early?"""
    with pytest.raises(ConfigurationError, match=message):
        make_crud_router(model, **options)


async def test_related_rows_of_the_same_model_keep_its_secrets(db: Database, serve: Serve) -> None:
    """Do hidden columns and rights of the router hold for rows that are related to its own?"""
    await with_teams(db)
    client = serve(
        db,
        make_crud_router(
            Member,
            name="staff",
            hidden=["team_id"],
            readable_by={"salary": may_see},
            include=["boss"],
        ),
    )
    rows = (await client.get("/staff?include=boss&sort=-name", headers=HR)).json()["items"]
    assert rows[0]["salary"] is None
    assert rows[0]["boss"].keys() == {"id", "name", "boss_id"}

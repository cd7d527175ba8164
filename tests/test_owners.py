"""Rows that belong to somebody: what a scope with an `Owner` shows, and whose new rows are."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import FrozenInstanceError
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from fastapi import Depends, Header
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from fastapi_crud import ConfigurationError, CrudOptions, Database, Filter, Or, make_crud_router
from fastapi_crud.models import NAMING_CONVENTION
from fastapi_crud.operations import DEFAULT_OPERATIONS
from fastapi_crud.owners import Owner, owned_by, owning
from fastapi_crud.query.clauses import Where
from tests.conftest import Client, Serve, rows_of, tables_of


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


Name = Annotated[str, Header()]
ANN, BOB, NOBODY = {"who": "ann"}, {"who": "bob"}, dict[str, str]()


@owning("owner")
async def own(who: Name = "") -> Owner:
    """The rows of who says so in a header; nobody's where nobody does."""
    return Owner("owner", who or None)


@owning("owner")
async def own_or_all(who: Name = "") -> Owner:
    """All rows for Bob, and for everybody else their own."""
    owner = Owner("owner", who or None)
    return owner.of_anybody() if who == "bob" else owner


@owning("owner")
async def of_anybody() -> Owner:
    """All rows, for somebody who is nobody in particular."""
    return Owner("owner", None).of_anybody()


class Task(Base):
    """Always somebody's; clients choose its key, so that PUT can create it."""

    __tablename__ = "owning_tasks"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    slug: Mapped[str] = mapped_column(sa.String(20))
    owner: Mapped[str] = mapped_column(sa.String(20))
    tenant: Mapped[str] = mapped_column(sa.String(20), default="none")


class Offer(Base):
    """Somebody's, or nobody's."""

    __tablename__ = "owning_offers"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    slug: Mapped[str] = mapped_column(sa.String(20))
    owner: Mapped[str | None] = mapped_column(sa.String(20))


class Board(Base):
    """Has an owner as well, but no scope: it is anybody's to set."""

    __tablename__ = "owning_boards"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str | None] = mapped_column(sa.String(20))
    pins: Mapped[list["Pin"]] = relationship(order_by="Pin.id")


class Pin(Base):
    """Its scope stands on the model."""

    __tablename__ = "owning_pins"
    __crud__ = CrudOptions(scope=own)

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(20))
    owner: Mapped[str] = mapped_column(sa.String(20))
    board_id: Mapped[int | None] = mapped_column(sa.ForeignKey("owning_boards.id"))


@pytest.fixture(scope="module")
async def tables(database: Database) -> AsyncIterator[Database]:
    """The tables of this module, on each backend."""
    async with tables_of(database, Base.metadata) as its_own:
        yield its_own


@pytest.fixture
async def store(tables: Database) -> Database:
    """The same, with all of them empty."""
    async with tables.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())
    return tables


ALL: Any = (
    *DEFAULT_OPERATIONS, "search", "batch_create", "batch_update", "batch_delete", "upsert",
)  # fmt: skip


def router(model: type[Any] = Task, scope: Any = own, **options: Any) -> Any:
    """Endpoints for everything that can be done with rows, PUT that creates included."""
    return make_crud_router(model, scope=scope, operations=ALL, upsert=True, **options)


async def with_tasks(store: Database) -> None:
    """A task of Ann's, and one of Bob's."""
    async with store.session() as session:
        session.add_all([Task(id=1, slug="a", owner="ann"), Task(id=2, slug="b", owner="bob")])


async def owners(store: Database, model: type[Any] = Task) -> dict[str, str | None]:
    """Slug → whose it is."""
    return {row.slug: row.owner for row in await rows_of(store, model)}


async def seen(client: Client, headers: Mapping[str, str], path: str = "/owning_tasks") -> Any:
    """The slugs of a list."""
    answer = await client.get(path, params={"sort": "slug"}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["items"])
    return [row["slug"] for row in answer.json()["items"]]


# What an owner says


@pytest.mark.parametrize(
    ("owner", "conditions", "values"),
    [
        (Owner("user_id", 7), [Filter("user_id", "eq", 7)], {"user_id": 7}),
        (Owner("user_id", 0), [Filter("user_id", "eq", 0)], {"user_id": 0}),
        (Owner("user_id", None), [Or()], {}),
        (Owner("user_id", 7, everything=True), [], {"user_id": 7}),
        (Owner("user_id", 7).of_anybody(), [], {"user_id": 7}),
        (Owner("user_id", None).of_anybody(), [], {}),
    ],
    ids=["somebody", "somebody falsy", "nobody", "everything", "of anybody", "anybody's nobody"],
)
def test_what_an_owner_says(owner: Owner, conditions: list[Where], values: Any) -> None:
    """Which rows exist for it, and what do new ones get?"""
    assert owner.conditions == conditions
    assert owner.values == values


def test_an_owner_is_a_value() -> None:
    """Is it frozen, and does `of_anybody` leave the one that it came from as it was?"""
    owner = Owner("user_id", 7)
    assert owner.of_anybody() == Owner("user_id", 7, everything=True)
    assert owner == Owner("user_id", 7)
    with pytest.raises(FrozenInstanceError):
        owner.value = 8  # type: ignore[misc]


class Asking:
    """A dependency that is an object."""

    async def __call__(self) -> Owner:
        return Owner("tenant", "x")


async def unmarked() -> Owner:
    return Owner("owner", "x")


@pytest.mark.parametrize(
    ("dependency", "column"),
    [
        (own, "owner"),
        (Depends(own), "owner"),
        (owning("tenant")(Asking()), "tenant"),
        (unmarked, None),
        (Depends(unmarked), None),
        (Depends(), None),
        (None, None),
    ],
    ids=["marked", "in Depends", "object", "unmarked", "unmarked in Depends", "empty", "nothing"],
)
def test_which_column_a_scope_owns(dependency: Any, column: str | None) -> None:
    """Is the mark found, wherever the function is?"""
    assert owned_by(dependency) == column


def test_a_marked_scope_stays_what_it_was() -> None:
    """Is the same function given back, so that the mark can be a decorator?"""
    assert owning("owner")(unmarked) is unmarked
    del unmarked.crud_owning  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]


def test_an_owned_column_must_be_there() -> None:
    """Is a mark with a misspelt column told when the router is built?"""
    with pytest.raises(ConfigurationError, match=r"read_only=\['ownre'\].*it has id, slug, owner"):
        router(scope=owning("ownre")(Asking()))


# Over HTTP


@pytest.mark.parametrize("scope", [own, Depends(own)], ids=["bare", "in Depends"])
async def test_only_own_rows_exist(store: Database, serve: Serve, scope: Any) -> None:
    """Are the rows of others neither listed, found, got, changed, replaced nor deleted?"""
    await with_tasks(store)
    client = serve(store, router(scope=scope))
    assert (await seen(client, ANN), await seen(client, BOB)) == (["a"], ["b"])
    found = await client.post("/owning_tasks:search", json={}, headers=BOB)
    assert [row["slug"] for row in found.json()["items"]] == ["b"]
    for method in ("GET", "PATCH", "DELETE"):
        body = None if method != "PATCH" else {"slug": "x"}
        answer = await client.request(method, "/owning_tasks/1", json=body, headers=BOB)
        assert answer.status_code == 404, method
    taken = await client.put("/owning_tasks/1", json={"slug": "x"}, headers=BOB)
    assert (taken.status_code, taken.json()["code"]) == (409, "unique_violation")
    for verb, wanted in {
        "batchUpdate": {"items": [{"id": 1}]},
        "batchDelete": {"ids": [1]},
    }.items():
        answer = await client.post(f"/owning_tasks:{verb}", json=wanted, headers=BOB)
        assert answer.status_code == 404, verb
    assert await owners(store) == {"a": "ann", "b": "bob"}
    assert (await client.delete("/owning_tasks/2", headers=BOB)).status_code == 204


WAYS: dict[str, tuple[str, str, Any]] = {
    "create": ("POST", "", {"id": 5, "slug": "new"}),
    "batch_create": ("POST", ":batchCreate", {"items": [{"id": 5, "slug": "new"}]}),
    "upsert": ("POST", ":upsert", {"items": [{"id": 5, "slug": "new"}], "on_conflict": ["id"]}),
    "replace": ("PUT", "/5", {"slug": "new"}),
}
"""Every way to make a row: method, end of the path, body."""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[str, str, Any]:
    """Each way to make a row in turn."""
    return WAYS[request.param]


async def made(
    client: Client, way: tuple[str, str, Any], headers: Mapping[str, str], name: str = "tasks"
) -> tuple[int, Any]:
    """Make a row; the status, and the row or the problem."""
    method, path, body = way
    answer = await client.request(method, f"/owning_{name}{path}", json=body, headers=headers)
    told = answer.json()
    return answer.status_code, told["items"][0] if "items" in told else told


@pytest.mark.parametrize(
    "scope",
    [own, Depends(own), {"update": own}, {"delete": own}, own_or_all],
    ids=["for all", "in Depends", "for changes only", "for deletions only", "of anybody"],
)
async def test_new_rows_are_the_callers(
    store: Database, serve: Serve, way: tuple[str, str, Any], scope: Any
) -> None:
    """Do they get the value however they are made, even where other operations have the scope?"""
    client = serve(store, router(scope=scope))
    status, row = await made(client, way, BOB)
    assert status in {200, 201}, row
    assert row == {"id": 5, "slug": "new", "owner": "bob", "tenant": "none"}
    assert await owners(store) == {"new": "bob"}


@pytest.mark.parametrize("name", ["create", "batch_create", "upsert"])
async def test_clients_cannot_say_whose_a_new_row_is(
    store: Database, serve: Serve, name: str
) -> None:
    """Is the column an unknown key where rows are made?"""
    method, path, body = WAYS[name]
    row = {"id": 5, "slug": "new", "owner": "bob"}
    wanted = {**body, "items": [row]} if "items" in body else row
    client = serve(store, router())
    status, problem = await made(client, (method, path, wanted), BOB)
    assert status == 422
    assert {error["type"] for error in problem["errors"]} == {"extra_forbidden"}
    assert problem["errors"][0]["loc"][-1] == "owner"
    assert await owners(store) == {}


CHANGES: dict[str, tuple[str, str, Any]] = {
    "update": ("PATCH", "/1", {"owner": "bob"}),
    "replace": ("PUT", "/1", {"slug": "a", "owner": "bob"}),
    "batch_update": ("POST", ":batchUpdate", {"items": [{"id": 1, "owner": "bob"}]}),
    "upsert": (
        "POST",
        ":upsert",
        {"items": [{"id": 1, "slug": "a"}], "on_conflict": ["id"]},
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    ("scope", "who"),
    [(own, ANN), (own_or_all, BOB), ({"delete": own}, BOB)],
    ids=["own", "of anybody", "for deletions only"],
)
async def test_a_row_stays_whose_it_is(
    store: Database, serve: Serve, change: tuple[str, str, Any], scope: Any, who: Mapping[str, str]
) -> None:
    """Is nobody's row given to another by a change, whatever the body says and whoever sends it?"""
    await with_tasks(store)
    method, path, body = change
    answer = await serve(store, router(scope=scope)).request(
        method, f"/owning_tasks{path}", json=body, headers=who
    )
    assert answer.status_code == 200, answer.text
    assert await owners(store) == {"a": "ann", "b": "bob"}


async def test_rows_of_others_may_exist_as_well(store: Database, serve: Serve) -> None:
    """Are all rows there for who may have anybody's, to read and to change?"""
    await with_tasks(store)
    client = serve(store, router(scope=own_or_all))
    assert (await seen(client, ANN), await seen(client, BOB)) == (["a"], ["a", "b"])
    changed = await client.patch("/owning_tasks/1", json={"slug": "c"}, headers=BOB)
    assert (changed.status_code, changed.json()["owner"]) == (200, "ann")


@pytest.mark.parametrize(
    ("model", "refusal"),
    [(Task, (422, "not_null_violation")), (Offer, (403, "forbidden"))],
    ids=["always somebody's", "may be nobody's"],
)
async def test_nobody_has_rows(
    store: Database, serve: Serve, way: tuple[str, str, Any], model: type[Any], refusal: Any
) -> None:
    """Do no rows exist for nobody, not even ownerless ones, and is every way to make one refused?"""
    await with_tasks(store)
    async with store.session() as session:
        session.add(Offer(id=1, slug="c"))
    before = await owners(store, model)
    client = serve(store, router(model))
    name = model.__tablename__.removeprefix("owning_")
    assert await seen(client, NOBODY, f"/owning_{name}") == []
    status, problem = await made(client, way, NOBODY, name)
    assert (status, problem["code"]) == refusal
    assert await owners(store, model) == before


@pytest.mark.parametrize(("model", "status"), [(Task, 422), (Offer, 201)])
async def test_who_has_all_rows_may_be_nobody(
    store: Database, serve: Serve, model: type[Any], status: int
) -> None:
    """Are new rows then nobody's, where they may be?"""
    name = model.__tablename__.removeprefix("owning_")
    client = serve(store, router(model, scope=of_anybody))
    assert (await made(client, WAYS["create"], NOBODY, name))[0] == status
    assert await owners(store, model) == ({"new": None} if status == 201 else {})


@owning("tenant")
async def own_tenant(tenant: Annotated[str, Header()] = "acme") -> Owner:
    """The rows of a tenant."""
    return Owner("tenant", tenant)


async def test_a_row_may_belong_to_several(
    store: Database, serve: Serve, way: tuple[str, str, Any]
) -> None:
    """Do the values of all scopes reach a new row, and must all hold for one that is there?"""
    client = serve(store, router(scope=(own, {"get": own_tenant})))
    status, row = await made(client, way, ANN)
    assert status in {200, 201}, row
    assert (row["owner"], row["tenant"]) == ("ann", "acme")
    assert await seen(client, ANN) == ["new"]
    assert await seen(client, ANN | {"tenant": "globex"}) == []
    assert await seen(client, BOB) == []


async def test_a_hidden_column_may_say_whose_a_row_is(
    store: Database, serve: Serve, way: tuple[str, str, Any]
) -> None:
    """Does it work all the same, and show in no answer?"""
    client = serve(store, router(hidden=["owner"]))
    status, row = await made(client, way, ANN)
    assert status in {200, 201}, row
    assert "owner" not in row
    assert await owners(store) == {"new": "ann"}
    assert await seen(client, BOB) == []


# On the model


async def test_an_owner_on_the_model_holds_for_all_routers(store: Database, serve: Serve) -> None:
    """Are new rows the caller's there as well, beside a scope of the router's own?"""
    client = serve(store, make_crud_router(Pin, scope={"list": every_pin}))
    pinned = await client.post("/owning_pins", json={"text": "a"}, headers=ANN)
    assert (pinned.status_code, pinned.json()["owner"]) == (201, "ann")
    refused = await client.post("/owning_pins", json={"text": "a", "owner": "ann"}, headers=ANN)
    assert refused.status_code == 422
    for who, total in ((ANN, 1), (BOB, 0)):
        assert (await client.get("/owning_pins", headers=who)).json()["total"] == total


async def every_pin() -> bool:
    return True


async def test_related_rows_are_the_callers_own(store: Database, serve: Serve) -> None:
    """Does an answer include only those of them that are the caller's?"""
    async with store.session() as session:
        pins = [Pin(text=text, owner=owner) for text, owner in (("x", "ann"), ("y", "bob"))]
        session.add(Board(id=1, pins=pins))
    client = serve(store, make_crud_router(Board, include=["pins"]))
    for who, texts in ((ANN, ["x"]), (BOB, ["y"]), (NOBODY, [])):
        board = (await client.get("/owning_boards/1?include=pins", headers=who)).json()
        assert [pin["text"] for pin in board["pins"]] == texts


async def test_the_owner_of_related_rows_owns_nothing_else(store: Database, serve: Serve) -> None:
    """Does a scope that a related model brings leave new rows alone, though a column is called so?"""
    client = serve(store, make_crud_router(Board, include=["pins"]))
    for body, owner in (({}, None), ({"owner": "eve"}, "eve")):
        made = await client.post("/owning_boards", json=body, headers=ANN)
        assert (made.status_code, made.json()["owner"]) == (201, owner)

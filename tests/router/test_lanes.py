"""Who goes the short way: nobody whose rules, sessions or listeners would not be heard there."""

from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import Depends, FastAPI
from pydantic import BaseModel, EmailStr, computed_field, model_validator
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from fastapi_crud import (
    Database,
    DbSession,
    Filter,
    Query,
    Repository,
    Service,
    SoftDelete,
    add_exception_handlers,
    get_db,
    make_crud_router,
)
from fastapi_crud.columns import inspect_model
from fastapi_crud.lane import Lane
from fastapi_crud.pages import Pages
from fastapi_crud.plans import Plans
from fastapi_crud.query.conditions import Translator
from fastapi_crud.query.loading import View
from fastapi_crud.router import work
from tests.conftest import Serve, tables_of
from tests.models import Article, Author, Employee, Note, Ticket
from tests.samples import Spelled

pytestmark = pytest.mark.usefixtures("every_lane")

NoteService = Service[Note, BaseModel, BaseModel]


class Plain(NoteService):
    """With nothing that an operation calls."""

    async def archive(self) -> None: ...


class Before(NoteService):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["body"] = "before"

    async def before_update(self, id: Any, values: dict[str, Any]) -> None:
        values["body"] = f"changed from {id}"

    async def before_delete(self, id: Any) -> None: ...


class After(NoteService):
    async def after_create(self, row: Note) -> None:
        assert isinstance(row, Note)


class Overriding(NoteService):
    async def get(self, id: Any) -> Note | None:
        row = await super().get(id)
        assert row is None or isinstance(row, Note)
        return row


class Made(NoteService):
    def __init__(self, session: Any) -> None:
        super().__init__(session)
        assert session is not None


class Asking(NoteService):
    """Its hooks ask it for rows."""

    async def before_create(self, values: dict[str, Any]) -> None:
        assert await self.get(99) is None
        first = await self.repository.create({"title": f"{values['title']}, first"})
        assert isinstance(first, Note)

    async def before_update(self, id: Any, values: dict[str, Any]) -> None:
        row = await self.get_for_update(id)
        assert isinstance(row, Note)
        values["body"] = f"was {row.body}"


class Trimmed(BaseModel):
    id: int
    title: str

    @computed_field
    def length(self) -> int:
        return len(self.title)


class Judging(Trimmed):
    @model_validator(mode="before")
    @classmethod
    def judge(cls, row: Any) -> Any:
        assert isinstance(row, Note)
        return row


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """As many as there were sessions opened."""
    sessions: list[None] = []
    original: Any = vars(work)["opened"]

    def count(*said: Any) -> Any:
        sessions.append(None)
        return original(*said)

    monkeypatch.setattr(work, "opened", count)
    return sessions


CREATE: tuple[str, str, Any] = ("POST", "/notes", {"title": "b"})
LIST: tuple[str, str, Any] = ("GET", "/notes", None)
GET: tuple[str, str, Any] = ("GET", "/notes/1", None)
UPDATE: tuple[str, str, Any] = ("PATCH", "/notes/1", {"title": "b"})
REPLACE: tuple[str, str, Any] = ("PUT", "/notes/1", {"title": "b"})
DELETE: tuple[str, str, Any] = ("DELETE", "/notes/1", None)
ALL = (LIST, GET, CREATE, UPDATE, REPLACE, DELETE)


async def everybody() -> bool:
    return True


ASKED: dict[str, tuple[dict[str, Any], tuple[Any, ...], tuple[Any, ...]]] = {
    "nothing": ({}, ALL, ()),
    "a dependency": ({"dependencies": [Depends(everybody)]}, ALL, ()),
    "methods of one's own": ({"service": Plain}, ALL, ()),
    "hooks before": ({"service": Before}, (LIST, GET), (CREATE, UPDATE, REPLACE, DELETE)),
    "a hook after": ({"service": After}, (LIST, GET, UPDATE, DELETE), (CREATE,)),
    "a method": ({"service": Overriding}, (LIST, CREATE, UPDATE), (GET,)),
    "an __init__": ({"service": Made}, (), ALL),
    "a scope": ({"scope": everybody}, (), ALL),
    "an actor": ({"actor": everybody}, (), ALL),
    "a schema of one's own": ({"read_schema": Trimmed}, ALL, ()),
    "a schema that looks at the row": ({"read_schema": Judging}, (), ALL),
    "a PUT that creates": ({"upsert": True, "client_ids": True}, (LIST, GET, UPDATE), (REPLACE,)),
    "estimates": (
        {"count": ("exact", "estimated")},
        (LIST,),
        (("GET", "/notes?count=estimated", None),),
    ),
    "letters that SQLite cannot lower": ({}, (), (("GET", "/notes?title__icontains=Ä", None),)),
}
"""What is asked for → the calls that need no session, and those that do."""


async def stored(database: Database) -> None:
    """Have one note."""
    async with database.session() as session:
        await session.execute(sa.delete(Note))
        session.add(Note(id=1, title="a"))


@pytest.mark.parametrize("name", ASKED)
async def test_who_needs_a_session(
    sqlite: Database, serve: Serve, opened: list[None], name: str
) -> None:
    """Is a session opened just where something would miss it, and all answered either way?"""
    said, short, long = ASKED[name]
    client = serve(sqlite, make_crud_router(Note, **said))
    for calls, expected in ((short, 0), (long, 1)):
        for method, path, body in calls:
            await stored(sqlite)
            opened.clear()
            answer = await client.request(method, path, json=body)
            assert answer.is_success, answer.text
            assert len(opened) == expected, (method, path)


@pytest.mark.parametrize(
    ("call", "headers"),
    [(UPDATE, {"If-Match": "*"}), (REPLACE, {"If-Match": "*"}), (DELETE, {"If-Match": "*"})],
    ids=["PATCH", "PUT", "DELETE"],
)
async def test_conditions_need_a_session(
    sqlite: Database, serve: Serve, opened: list[None], call: Any, headers: dict[str, str]
) -> None:
    """Is a row that must be looked at first locked in a transaction?"""
    client = serve(sqlite, make_crud_router(Note))
    await stored(sqlite)
    method, path, body = call
    answer = await client.request(method, path, json=body, headers=headers)
    assert answer.is_success
    assert len(opened) == 1


MODELS: dict[str, tuple[type[Any], str, dict[str, Any], bool]] = {
    "a version": (Ticket, "/tickets", {"text": "a"}, False),
    "what the database works out": (Author, "/authors", {"name": "Ann"}, False),
    "subclasses": (Employee, "/employees", {"name": "Ann"}, False),
    "soft deletion and a version": (Article, "/articles", {"slug": "a"}, False),
}


@pytest.mark.parametrize("name", MODELS)
async def test_models_that_are_more_than_columns(
    sqlite: Database, serve: Serve, opened: list[None], name: str
) -> None:
    """Does SQLAlchemy do what only it does?"""
    model, path, body, short = MODELS[name]
    client = serve(sqlite, make_crud_router(model))
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    assert (len(opened) == 0) is short


async def test_hooks_before_are_part_of_the_transaction(sqlite: Database, serve: Serve) -> None:
    """Is what hooks change stored, and what they store undone with a change that fails?"""
    client = serve(sqlite, make_crud_router(Note, service=Before))
    assert (await client.post("/notes", json={"title": "a"})).json()["body"] == "before"
    assert (await client.patch("/notes/1", json={"title": "b"})).json()["body"] == "changed from 1"
    asking = serve(sqlite, make_crud_router(Note, service=Asking))
    assert (await asking.post("/notes", json={"title": "b"})).status_code == 409
    assert [note["title"] for note in (await client.get("/notes")).json()["items"]] == ["b"]
    assert (await asking.post("/notes", json={"title": "c"})).status_code == 201
    assert (await client.get("/notes")).json()["total"] == 3
    assert (await asking.patch("/notes/1", json={})).json()["body"] == "was changed from 1"


async def test_listeners_of_sessions_are_heard(
    sqlite: Database, serve: Serve, opened: list[None]
) -> None:
    """Is a session opened for whoever listens to sessions, as long as they do?"""
    client = serve(sqlite, make_crud_router(Note))

    def hear(*said: object) -> None:
        del said

    event.listen(Session, "do_orm_execute", hear)
    try:
        await client.get("/notes")
        assert len(opened) == 1
    finally:
        event.remove(Session, "do_orm_execute", hear)
    await client.get("/notes")
    assert len(opened) == 1


async def test_sessions_of_ones_own_are_used(
    sqlite: Database, serve: Serve, opened: list[None]
) -> None:
    """Is a session opened where the app makes sessions in a way of its own?"""
    client = serve(sqlite, make_crud_router(Note))
    sqlite.sessionmaker = async_sessionmaker(sqlite.engine)
    await client.get("/notes")
    assert len(opened) == 1


async def test_an_override_of_get_db_is_used(
    sqlite: Database, serve: Serve, opened: list[None]
) -> None:
    """Does the session of `dependency_overrides` do all the work?"""
    app = FastAPI()
    app.include_router(make_crud_router(Note))
    add_exception_handlers(app)
    used: list[Any] = []

    async def get_own() -> Any:
        async with sqlite.sessionmaker() as session:
            used.append(session)
            yield session

    app.dependency_overrides[get_db] = get_own
    client = serve(None, app=app)
    for method, path, body in ((*CREATE,), (*UPDATE,), (*LIST,)):
        assert (await client.request(method, path, json=body)).is_success
    assert (len(used), len(opened)) == (3, 0)


async def test_a_request_has_one_connection(tmp_path: Any, serve: Serve) -> None:
    """Does a request whose dependency holds a session work with a pool of one?"""
    database = Database(
        f"sqlite:///{tmp_path}/one.db", metadata=Note.metadata, pool_size=1, max_overflow=0,
        pool_timeout=1,
    )  # fmt: skip
    await database.create_all()

    async def looks(session: DbSession) -> None:
        assert await Repository[Note](session).count(Filter("title", "eq", "x")) == 0

    client = serve(database, make_crud_router(Note, dependencies=[Depends(looks)]))
    for method, path, body in ALL:
        await stored(database)
        answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text
    await database.engine.dispose()


async def test_what_a_session_holds_is_heard_of(sqlite: Database, serve: Serve) -> None:
    """Does an instance that a dependency holds know of a change, and is what it changed seen?"""
    held: list[Note] = []

    async def holds(session: DbSession) -> None:
        row = await Repository[Note](session).get(1)
        assert row is not None
        row.done = True
        held.append(row)

    client = serve(sqlite, make_crud_router(Note, dependencies=[Depends(holds)]))
    await stored(sqlite)
    changed = await client.patch("/notes/1", json={"body": "new"})
    assert (changed.json()["done"], changed.json()["body"]) == (True, "new")
    assert held[0].body == "new"
    await stored(sqlite)
    assert (await client.get("/notes")).json()["items"][0]["done"] is True


class Base(DeclarativeBase):
    pass


class Page(SoftDelete, Base):
    __tablename__ = "pages"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(20))
    times: Mapped[int] = mapped_column(default=0, onupdate=sa.text("times + 1"))
    words: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    state: Mapped[str] = mapped_column(sa.String(20), default="new", onupdate="changed")
    moment: Mapped[Any] = mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())


def shouted(context: Any) -> str:
    """What a row says, loudly."""
    text: str = context.get_current_parameters().get("text", "?")
    return text.upper()


class Loud(Base):
    __tablename__ = "loud"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(20))
    shout: Mapped[str] = mapped_column(sa.String(20), default=shouted, onupdate=shouted)


async def test_defaults_that_look_at_the_row(db: Database, serve: Serve) -> None:
    """Do they see the other values, of a new row and of one that is changed?"""
    async with tables_of(db, Base.metadata):
        client = serve(db, make_crud_router(Loud))
        assert (await client.post("/loud", json={"text": "a"})).json()["shout"] == "A"
        assert (await client.patch("/loud/1", json={"text": "b"})).json()["shout"] == "B"


async def test_defaults_of_every_kind(db: Database, serve: Serve, opened: list[None]) -> None:
    """Are SQL, server and context defaults what they are in a session, and deletion soft?"""
    async with tables_of(db, Base.metadata):
        client = serve(db, make_crud_router(Page, writable=["state"]))
        created = (await client.post("/pages", json={"text": "a"})).json()
        assert (created["times"], created["words"], created["state"]) == (0, [], "new")
        assert created["moment"].endswith("Z")
        changed = (await client.patch("/pages/1", json={"text": "b"})).json()
        assert (changed["times"], changed["text"], changed["state"]) == (1, "b", "changed")
        changed = (await client.patch("/pages/1", json={"state": "mine"})).json()
        assert (changed["times"], changed["state"]) == (2, "mine")
        assert (await client.get("/pages/1")).json() == changed
        assert (await client.delete("/pages/1")).status_code == 204
        assert (await client.delete("/pages/1")).status_code == 404
        assert (await client.patch("/pages/1", json={"text": "c"})).status_code == 404
        assert (await client.get("/pages")).json() == {"items": [], "total": 0}
        assert len(opened) <= (0 if db.engine.dialect.update_returning else 5)


class Untitled(BaseModel):
    """A row without its key."""

    body: str | None


async def test_the_key_need_not_be_shown(sqlite: Database, serve: Serve) -> None:
    """Is the place of a new row told although its answer does not show the key?"""
    client = serve(sqlite, make_crud_router(Note, read_schema=Untitled))
    created = await client.post("/notes", json={"title": "a"})
    assert (created.status_code, created.json()) == (201, {"body": None})
    assert (await client.get(created.headers["location"])).json() == {"body": None}


async def test_stored_addresses_are_shown_as_they_are(sqlite: Database, serve: Serve) -> None:
    """Is an address in the answer not parsed again, whichever way it was read?"""

    class Shown(BaseModel):
        id: int
        title: EmailStr
        body: EmailStr | None

    client = serve(sqlite, make_crud_router(Note, read_schema=Shown))
    created = await client.post("/notes", json={"title": "no address"})
    assert created.json() == {"id": 1, "title": "no address", "body": None}
    schema = client._transport.app.openapi()["components"]["schemas"]["Shown"]  # type: ignore[attr-defined]
    assert schema["properties"]["title"]["format"] == "email"


async def test_loaded_rows_are_heard_of(
    sqlite: Database, serve: Serve, opened: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Are instances made for whoever listens to them?"""

    class Own(DeclarativeBase):
        pass

    class Word(Own):
        __tablename__ = "words"
        id: Mapped[int] = mapped_column(primary_key=True)

    heard: list[Any] = []

    def hear(*said: object) -> None:
        heard.append(said)

    event.listen(Word, "load", hear)
    async with tables_of(sqlite, Own.metadata):
        client = serve(sqlite, make_crud_router(Word))
        await client.post("/words", json={})
        await client.get("/words")
        assert (len(heard), len(opened)) == (1, 2)


async def test_errors_say_the_same(
    db: Database, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is a violation told alike by the driver, by SQLAlchemy and by a session?"""
    client = serve(db, make_crud_router(Note))
    assert (await client.post("/notes", json={"title": "a"})).status_code == 201
    taken = await client.post("/notes", json={"title": "a"})
    assert (taken.status_code, taken.json()["errors"][0]["pointer"]) == (409, "#/title")
    monkeypatch.setattr(Plans, "usable", False)
    assert (await client.post("/notes", json={"title": "a"})).json() == taken.json()
    monkeypatch.setattr(Database, "plain", False)
    assert (await client.post("/notes", json={"title": "a"})).json() == taken.json()


async def test_a_lane_by_itself(sqlite: Database) -> None:
    """Is a row that does not exist not found, and does a record have its columns only?"""
    lane = Lane(inspect_model(Note), ["id", "title"], sqlite.engine, View())
    assert await lane.update(9, {"title": "a"}) is None
    assert await lane.get(9) is None
    assert not await lane.delete(9)
    record = await lane.create({"title": "a"})
    assert (record.title, hasattr(record, "body")) == ("a", False)


async def test_errors_that_say_nothing_to_clients(sqlite: Database) -> None:
    """Is a table that is missing told to the developer, as it is?"""
    lane = Lane(inspect_model(Page), ["id", "text"], sqlite.engine, View())
    with pytest.raises(exc.OperationalError, match="no such table: pages"):
        await lane.get(1)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (Query(limit=100), False),
        (Query(limit=10, count="none"), False),
        (Query(limit=11), True),
        (Query(limit=100, skip=1), True),
        (Query(limit=100, where=[Filter("title", "eq", "a")]), True),
    ],
    ids=["usual", "usual, not counted", "unusual", "further on", "with a condition"],
)
def test_how_long_usual_first_pages_are_is_said_in_sql(query: Query, told: bool) -> None:
    """Have they no values that PostgreSQL would plan anew for, and have other pages?"""
    dialect = create_async_engine("sqlite+aiosqlite://").dialect
    pages = Pages(inspect_model(Note), ("id",), Translator("sqlite"), dialect)
    statement, values = pages.page(query, planned=True) or pytest.fail("it is not prepared")
    plan = statement.plan
    assert plan is not None
    most = query.limit + (query.count == "none")
    assert ("crud_limit" in {name for name, *_ in plan.parameters}) is told
    assert (f"LIMIT {most}" in plan.text) is not told
    assert values["crud_limit"] == most


async def test_pages_of_any_length(db: Database, serve: Serve) -> None:
    """Are there as many rows as asked for, and is it told that there are more?"""
    async with db.session() as session:
        await Repository[Note](session).create_multi([{"title": f"{n:02}"} for n in range(12)])
    client = serve(db, make_crud_router(Note, count=("exact", "none")))
    for limit, count in product((9, 10, 11, 12, 20, 25), ("exact", "none")):
        page = await client.get(f"/notes?limit={limit}&count={count}")
        titles = [note["title"] for note in page.json()["items"]]
        assert titles == [f"{n:02}" for n in range(min(limit, 12))]
        assert ('rel="next"' in page.headers["link"]) is (limit < 12)


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
async def test_questions_that_are_asked_anew(sqlite: Database) -> None:
    """Are pages right whose SQL is somebody's own: to sort by, or of types that are not kept?"""
    async with sqlite.session() as session:
        await Repository[Note](session).create_multi([{"title": "bb"}, {"title": "a"}])
    lane = Lane(inspect_model(Note), ["id", "title"], sqlite.engine, View())
    page = await lane.get_page(Query(order_by=[sa.func.length(Note.title)]))
    assert [row.title for row in page.items] == ["a", "bb"]
    spelled = sa.type_coerce(Note.title, Spelled()) == "bb"
    page = await lane.get_page(Query(where=[spelled]))
    assert [row.title for row in page.items] == ["bb"]

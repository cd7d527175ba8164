"""Lists as files: what the list would show, streamed, and nothing that only looks whole."""

import asyncio
import csv
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from io import StringIO
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Header
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    computed_field,
    field_serializer,
    field_validator,
)
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Message, Scope

from fastapi_crud import (
    ConfigurationError,
    Database,
    DbSession,
    Filter,
    Limits,
    NotFound,
    Query,
    Repository,
    Service,
    UniqueViolation,
    add_exception_handlers,
    get_db,
    make_crud_router,
)
from fastapi_crud.database import STATE_KEY
from tests import models
from tests.conftest import Client, Serve, counted

CSV = {"Accept": "text/csv"}
NDJSON = {"Accept": "application/x-ndjson"}
EVERYTHING: dict[str, Any] = {
    "medium": -7, "ratio": 0.5, "price": "-12.50", "flag": True, "text": "=1+1", "color": "red",
    "size": "M", "at": "2024-05-06T07:08:09Z", "local": "2024-05-06T07:08:09", "day": "2024-05-06",
    "hour": "07:08:09", "span": "P1DT2H", "raw": "AAE=", "labels": ["a", "b"],
    "token_id": "0189d8c2-7b1e-7cc0-8000-000000000000", "data": {"a": [1, None]},
}  # fmt: skip


def notes(db: Database, serve: Serve, **options: Any) -> Client:
    return serve(db, make_crud_router(models.Note, export=True, **options))


async def stored(db: Database, *titles: str) -> None:
    """Store notes."""
    async with db.session() as session:
        data = ({"title": title, "body": "b", "done": False} for title in titles)
        await Repository[models.Note](session).create_multi(data)


def table(text: str) -> list[list[str]]:
    return [*csv.reader(StringIO(text, newline=""), strict=True)]


def objects(text: str) -> list[Any]:
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


async def test_files_hold_what_the_list_shows(db: Database, serve: Serve) -> None:
    """Are all rows in both formats, each value as the list has it, by one statement?"""
    client = serve(db, make_crud_router(models.Everything, export=True))
    for body in (EVERYTHING, {"text": "a\r\nb"}, {}):
        assert (await client.post("/everything", json=body)).status_code == 201
    page = await client.get("/everything")
    items = page.json()["items"]
    assert page.headers["vary"] == "Accept, Prefer"
    for headers in (CSV, NDJSON):
        with counted(db.engine) as statements:
            answer = await client.get("/everything", headers=headers)
        assert (answer.status_code, len(statements)) == (200, 1), statements.texts
        assert answer.headers["vary"] == "Accept, Prefer"
        assert "content-length" not in answer.headers
    assert objects(answer.text) == items
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="everything.ndjson"'
    answer = await client.get("/everything", headers=CSV)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="everything.csv"'
    header, first, second, last = table(answer.text)
    assert header == [*items[0]]
    shown = dict(zip(header, first, strict=True))
    assert (shown["flag"], shown["text"], shown["price"]) == ("true", "'=1+1", "-12.50")
    assert (shown["data"], shown["labels"]) == ('{"a":[1,null]}', '["a","b"]')
    assert all(shown[name] == items[0][name] for name in ("at", "local", "day", "span", "raw"))
    assert dict(zip(header, second, strict=True))["text"] == "a\r\nb"
    assert last == [str(items[2]["id"]), *[""] * (len(header) - 1)]


@pytest.mark.parametrize("rows", [0, 1, 1000, 2001])
async def test_any_number_of_rows(db: Database, serve: Serve, rows: int) -> None:
    """Are no rows a whole file, with its header, and many rows still all there?"""
    await stored(db, *(f"t{i:04}" for i in range(rows)))
    client = notes(db, serve)
    header, *lines = table((await client.get("/notes?sort=title", headers=CSV)).text)
    assert header == ["id", "title", "body", "done"]
    assert [line[1] for line in lines] == [f"t{i:04}" for i in range(rows)]
    listed = objects((await client.get("/notes?sort=-title", headers=NDJSON)).text)
    assert [row["title"] for row in listed] == [f"t{i:04}" for i in reversed(range(rows))]


@pytest.mark.parametrize("pagination", ["offset", "cursor", "both"])
async def test_parameters_mean_the_same(db: Database, serve: Serve, pagination: Any) -> None:
    """Do filters, order, search, fields and limit choose what they choose in a page?"""
    await stored(db, "a", "b", "c", "É")
    client = notes(db, serve, fields=True, search=["title"], pagination=pagination)
    rows: list[Any] = []
    for query, titles in [
        ("title__ne=a&title__in=b&title__in=c&sort=-title", ["c", "b"]),
        ("limit=2&sort=title", ["a", "b"]),
        ("search=é", ["É"]),
        ("title__icontains=é", ["É"]),
        ("fields=title&title=a", ["a"]),
        *([("skip=1&limit=1&sort=title", ["b"])] if pagination != "cursor" else []),
        *([("cursor=&title=c", ["c"])] if pagination != "offset" else []),
    ]:
        rows = objects((await client.get(f"/notes?{query}", headers=NDJSON)).text)
        assert [row["title"] for row in rows] == titles
    assert [*rows[0]] == ["id", "title", "body", "done"]
    answer = await client.get("/notes?fields=title,done&title=a", headers=CSV)
    assert [line[1:] for line in table(answer.text)] == [["title", "done"], ["a", "false"]]


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("*/*", 200, "application/json"),
        ("text/csv;q=0.5, application/json", 200, "application/json"),
        ("text/csv, application/json;q=0.5", 200, "text/csv; charset=utf-8; header=present"),
        ("image/png", 406, "application/problem+json"),
        (f"image/png, {'x/y, ' * 100}", 406, "application/problem+json"),
    ],
)
async def test_the_client_chooses(
    sqlite: Database, serve: Serve, accept: str, status: int, kind: str
) -> None:
    """Does `Accept` decide, and is nothing acceptable a 406 that says what there is?"""
    answer = await notes(sqlite, serve).get("/notes", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    if status == 406:
        assert answer.json()["code"] == "not_acceptable"
        assert "text/csv" in answer.json()["detail"]


async def test_without_the_option_nothing_changes(sqlite: Database, serve: Serve) -> None:
    """Does a list that is not exported answer as ever, whatever is accepted?"""
    client = serve(sqlite, make_crud_router(models.Note))
    answer = await client.get("/notes", headers=CSV)
    assert (answer.status_code, answer.json()) == (200, {"items": [], "total": 0})
    assert "vary" not in answer.headers


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("include=books", "conflicting_parameters", "include"),
        ("cursor=abc", "conflicting_parameters", "cursor"),
        ("limit=0", "invalid_parameter", "limit"),
        ("limit=4", "invalid_parameter", "limit"),
        ("nope=1", "unknown_parameter", "nope"),
        ("", "too_many_rows", "limit"),
        ("skip=0", "too_many_rows", "limit"),
    ],
)
async def test_what_cannot_be_exported_is_refused(
    db: Database, serve: Serve, query: str, code: str, parameter: str
) -> None:
    """Is it told as a problem, before the first byte, at its parameter?"""
    options: Any = {"include": ["books"], "pagination": "both", "limits": Limits(max_export=3)}
    client = serve(db, make_crud_router(models.Author, export=True, **options))
    for name in ("Ann", "Bob", "Cid", "Dan"):
        await client.post("/authors", json={"name": name})
    answer = await client.get(f"/authors?{query}", headers=CSV)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    (told,) = answer.json()["errors"]
    assert (told["type"], told["parameter"]) == (code, parameter)


async def test_a_limit_or_a_filter_makes_room(db: Database, serve: Serve) -> None:
    """Are as many rows given as may be, where the client says which?"""
    await stored(db, "a", "b", "c", "d")
    client = notes(db, serve, limits=Limits(max_export=3))
    for query, count in [("limit=3", 3), ("title__ne=a", 3), ("skip=1", 3), ("skip=9", 0)]:
        rows = objects((await client.get(f"/notes?{query}", headers=NDJSON)).text)
        assert len(rows) == count


async def test_scopes_and_rights_hold(db: Database, serve: Serve) -> None:
    """Does a file hold the rows and columns that this caller may see, and no others?"""

    def own(who: Annotated[str, Header()]) -> Any:
        return True if who == "root" else [Filter("body", "eq", who)]

    def is_root(who: Annotated[str, Header()]) -> bool:
        return who == "root"

    client = notes(db, serve, scope=own, readable_by={"done": is_root})
    for title, body in (("a", "ann"), ("b", "bob")):
        posted = {"title": title, "body": body}
        await client.post("/notes", json=posted, headers={"who": "root"})
    for who, header, titles in [
        ("root", "id,title,body,done", ["a", "b"]),
        ("bob", "id,title,body", ["b"]),
    ]:
        text = (await client.get("/notes", headers={**CSV, "who": who})).text
        assert text.split("\r\n")[0] == header
        assert [line[1] for line in table(text)[1:]] == titles
        rows = objects((await client.get("/notes", headers={**NDJSON, "who": who})).text)
        assert [",".join(row) for row in rows] == [header] * len(titles)
    secret = await client.get("/notes?done=true", headers={**CSV, "who": "bob"})
    assert secret.json()["errors"][0]["type"] == "unknown_parameter"


async def test_deleted_rows_are_left_out(db: Database, serve: Serve) -> None:
    """Are rows that are marked as deleted in a file only where they are asked for?"""
    router = make_crud_router(models.Article, export=True, show_deleted=True)
    client = serve(db, router)
    for slug in ("a", "b"):
        await client.post("/articles", json={"slug": slug})
    page = (await client.get("/articles?slug=b")).json()
    await client.delete(f"/articles/{page['items'][0]['id']}")
    for query, slugs in [("", ["a"]), ("?deleted=only", ["b"]), ("?deleted=include", ["a", "b"])]:
        rows = objects((await client.get(f"/articles{query}", headers=NDJSON)).text)
        assert [row["slug"] for row in rows] == slugs


class BookOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    title: str


class AuthorOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    name: Annotated[str, Field(serialization_alias="fullName")]
    name_length: Annotated[int | None, Field(exclude=True)]
    books: list[BookOut]

    @computed_field
    def initial(self) -> str:
        return self.name[0]


async def test_read_schemas_of_the_developer(db: Database, serve: Serve) -> None:
    """Are embedded rows, aliases, computed and left-out fields as the list has them?"""
    router = make_crud_router(models.Author, read_schema=AuthorOut, export=True, fields=True)
    client = serve(db, router, make_crud_router(models.Book))
    author = (await client.post("/authors", json={"name": "Ann"})).json()
    await client.post("/books", json={"title": "x", "author_id": author["id"]})
    with counted(db.engine) as statements:
        answer = await client.get("/authors", headers=NDJSON)
    assert objects(answer.text) == (await client.get("/authors")).json()["items"]
    assert len(statements) == 2, statements.texts
    text = (await client.get("/authors", headers=CSV)).text
    assert table(text) == [
        ["id", "fullName", "books", "initial"],
        [str(author["id"]), "Ann", '[{"title":"x"}]', "A"],
    ]
    text = (await client.get("/authors?fields=fullName", headers=CSV)).text
    assert table(text)[0] == ["id", "fullName", "initial"]


class NoteOut(BaseModel):
    id: int
    title: Annotated[str, Field(serialization_alias="Title")]
    done: bool

    @field_validator("title")
    @classmethod
    def upper(cls, value: str) -> str:
        return value.upper()

    @field_serializer("done")
    def done_or_not(self, value: bool) -> str:
        return "done" if value else "open"


async def test_rules_of_a_read_schema_hold_for_columns(db: Database, serve: Serve) -> None:
    """Are its validators and serializers called where rows are read as columns alone?"""
    await stored(db, "a", "b")
    client = notes(db, serve, read_schema=NoteOut)
    answer = await client.get("/notes?sort=Title", headers=NDJSON)
    assert objects(answer.text) == (await client.get("/notes?sort=Title")).json()["items"]
    text = (await client.get("/notes?sort=Title", headers=CSV)).text
    header, *lines = table(text)
    assert header == ["id", "Title", "done"]
    assert [line[1:] for line in lines] == [["A", "open"], ["B", "open"]]


async def test_formulas_may_stay(sqlite: Database, serve: Serve) -> None:
    """Is text left as it is where the developer says so?"""
    await stored(sqlite, "=1")
    client = notes(sqlite, serve, csv_formulas=True)
    assert table((await client.get("/notes", headers=CSV)).text)[1][1] == "=1"


@pytest.mark.parametrize("headers", [CSV, NDJSON], ids=["csv", "ndjson"])
async def test_head_has_the_same_headers(db: Database, serve: Serve, headers: Any) -> None:
    """Is HEAD answered without a body, and without reading all rows?"""
    await stored(db, *(f"t{i}" for i in range(1500)))
    client = notes(db, serve)
    head = await client.head("/notes", headers=headers)
    got = await client.get("/notes", headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(got.headers)


async def test_preferences_hold(sqlite: Database, serve: Serve) -> None:
    """May unknown parameters pass where the client says so, and is that answered?"""
    answer = await notes(sqlite, serve).get(
        "/notes?nope=1", headers={**CSV, "Prefer": "handling=lenient"}
    )
    assert answer.headers["preference-applied"] == "handling=lenient"


class Breaking(Service[models.Note, BaseModel, BaseModel]):
    """Gives a part, and then an error."""

    error: Exception = NotFound("Note", 1)
    parts = 1

    def partitions(
        self, query: Query, *, most: int | None = None
    ) -> AsyncGenerator[Sequence[models.Note]]:
        async def broken() -> AsyncGenerator[Sequence[models.Note]]:
            for part in range(self.parts):
                yield [models.Note(id=part, title="a", body=None, done=False)]
            raise self.error

        return broken()


class NeverBegins(Breaking):
    parts = 0


class Secretive(NeverBegins):
    error = UniqueViolation(fields=["done", "title"])


class Misused(NeverBegins):
    error = ConfigurationError("fix it")


async def messages_of(app: FastAPI, path: str, headers: Any, *, leaves_after: int = 99) -> Any:
    """Talk ASGI: what an app sends until the client leaves after so many parts."""
    sent: list[Message] = []
    left = asyncio.Event()

    async def receive() -> Message:
        if not sent:
            return {"type": "http.request", "body": b"", "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > leaves_after:
            left.set()
            await asyncio.sleep(0)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": raw,
        "query_string": b"", "scheme": "http", "server": ("test", 80), "root_path": "",
        "http_version": "1.1", "state": {},
    }  # fmt: skip
    try:
        await asyncio.wait_for(app(scope, receive, send), 20)
    except (RuntimeError, NotFound) as error:
        return sent, error
    return sent, None


def app_of(db: Database, *routers: Any) -> FastAPI:
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    add_exception_handlers(app)
    setattr(app.state, STATE_KEY, db)
    return app


async def test_an_error_before_the_first_row_is_an_answer(sqlite: Database, serve: Serve) -> None:
    """Is it a problem with its own status, that names no column the caller cannot see?"""
    answer = await notes(sqlite, serve, service=NeverBegins).get("/notes", headers=CSV)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    client = notes(sqlite, serve, service=Secretive, readable_by={"done": lambda: False})
    answer = await client.get("/notes", headers=CSV)
    assert answer.status_code == 409
    client = notes(sqlite, serve, service=Misused)
    assert (await client.get("/notes", headers=CSV)).status_code == 500


@pytest.mark.parametrize("headers", [CSV, NDJSON], ids=["csv", "ndjson"])
async def test_an_error_in_the_middle_cuts_the_file_off(sqlite: Database, headers: Any) -> None:
    """Is the last message missing, and the error raised, so that the server closes the line?"""
    app = app_of(sqlite, make_crud_router(models.Note, export=True, service=Breaking))
    sent, error = await messages_of(app, "/notes", headers)
    assert error is not None
    assert [message.get("more_body") for message in sent] == [None, True]
    assert sent[0]["status"] == 200


@pytest.mark.parametrize("leaves_after", [1, 2])
async def test_a_client_that_leaves_gives_its_connection_back(
    db: Database, leaves_after: int
) -> None:
    """Does reading stop, and is the only connection free for the next request?"""
    await stored(db, *(f"t{i}" for i in range(5000)))
    narrow = Database(db.engine.url, pool_size=1, max_overflow=0, pool_timeout=5)
    try:
        app = app_of(narrow, make_crud_router(models.Note, export=True))
        for _ in range(3):
            sent, error = await messages_of(app, "/notes", CSV, leaves_after=leaves_after)
            assert error is None
            assert len(sent) < 5
            assert sent[-1]["more_body"]
        sent, error = await messages_of(app, "/notes", CSV)
        assert (error, sent[-1]["more_body"]) == (None, False)
        pool: Any = narrow.engine.pool
        assert pool.checkedout() == 0
    finally:
        await narrow.engine.dispose()


async def test_a_server_may_tell_that_the_client_has_gone(sqlite: Database) -> None:
    """Is it no error of the app's where sending fails?"""
    await stored(sqlite, *(f"t{i}" for i in range(1500)))
    app = app_of(sqlite, make_crud_router(models.Note, export=True))

    async def receive() -> Message:
        return await asyncio.Future()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError("broken pipe")

    scope: Scope = {
        "type": "http", "method": "GET", "path": "/notes", "raw_path": b"/notes",
        "headers": [(b"accept", b"text/csv")], "query_string": b"", "scheme": "http",
        "server": ("test", 80), "root_path": "", "http_version": "1.1", "state": {},
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), 20)


async def test_one_connection_is_enough(db: Database, serve: Serve) -> None:
    """Is the session of a dependency used where it is still open, whenever it ends?"""
    await stored(db, "a")

    async def plain(session: Annotated[AsyncSession, Depends(get_db)]) -> None:
        await Repository[models.Note](session).count()

    async def early(session: DbSession) -> None:
        await Repository[models.Note](session).get_multi()

    narrow = Database(db.engine.url, pool_size=1, max_overflow=0, pool_timeout=5)
    try:
        for dependency in (plain, early):
            client = notes(narrow, serve, dependencies=[Depends(dependency)])
            for _ in range(2):
                answer = await client.get("/notes", headers=NDJSON)
                assert [row["title"] for row in objects(answer.text)] == ["a"]
    finally:
        await narrow.engine.dispose()


async def test_a_session_of_the_apps_own(db: Database, serve: Serve) -> None:
    """Are rows of an open transaction in the file where the app opens the session?"""

    async def own() -> AsyncIterator[AsyncSession]:
        async with db.sessionmaker() as session:
            await Repository[models.Note](session).create({"title": "new", "done": True})
            yield session

    app = FastAPI()
    app.dependency_overrides[get_db] = own
    client = serve(None, make_crud_router(models.Note, export=True), app=app)
    rows = objects((await client.get("/notes", headers=NDJSON)).text)
    assert [row["title"] for row in rows] == ["new"]


async def test_background_tasks_run_afterwards(sqlite: Database, serve: Serve) -> None:
    """Are tasks of the developer's dependencies run once the file is sent?"""
    done: list[str] = []

    def later(tasks: BackgroundTasks) -> None:
        tasks.add_task(done.append, "done")

    client = notes(sqlite, serve, dependencies=[Depends(later)])
    await client.get("/notes", headers=CSV)
    assert done == ["done"]


async def test_rules_of_a_service_are_not_left_out(sqlite: Database, serve: Serve) -> None:
    """Must a service with rules for the list have rules for the export, and are those followed?"""

    class Picky(Service[models.Note, BaseModel, BaseModel]):
        async def get_multi(self, **query: Any) -> Any:
            return [], 0

    with pytest.raises(
        ConfigurationError, match=r"through get_multi: override partitions of Picky"
    ):
        make_crud_router(models.Note, service=Picky, export=True)

    class Whole(Picky):
        def partitions(self, query: Query, *, most: int | None = None) -> Any:
            wanted = Query(where=[*query.where, Filter("title", "ne", "a")], limit=query.limit)
            return super().partitions(wanted, most=most)

    await stored(sqlite, "a", "b")
    client = notes(sqlite, serve, service=Whole)
    rows = objects((await client.get("/notes", headers=NDJSON)).text)
    assert [row["title"] for row in rows] == ["b"]

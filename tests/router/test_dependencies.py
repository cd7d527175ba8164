"""One session per request, committed before the answer leaves, rolled back on any error."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from fastapi_crud import (
    ConfigurationError,
    Database,
    DbSession,
    Repository,
    Service,
    UniqueViolation,
    add_exception_handlers,
    get_db,
    make_crud_router,
)
from tests import models
from tests.conftest import Serve, client_of, rows_of


async def test_committed_before_the_answer_leaves(sqlite: Database, serve: Serve) -> None:
    """Is the row stored for everybody when the first byte of the 201 is sent?"""
    app = FastAPI()
    app.include_router(make_crud_router(models.Note, database=sqlite))
    seen: list[int] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.append(len(await rows_of(sqlite, models.Note)))
            await send(message)

        await app(scope, receive, watch)

    wrapped: Any = watched
    async with client_of(wrapped) as client:
        assert (await client.post("/notes", json={"title": "a"})).status_code == 201
    assert seen == [1]


async def test_failed_commit_is_an_error_and_stores_nothing(sqlite: Database, serve: Serve) -> None:
    """Does a commit that fails give 503 with Retry-After, never a 201 with nothing stored?"""
    client = serve(sqlite, make_crud_router(models.Note))

    def refuse(_: Any) -> None:
        raise OSError("the connection is gone")

    event.listen(sqlite.sessionmaker.class_.sync_session_class, "before_commit", refuse)
    try:
        answer = await client.post("/notes", json={"title": "a"})
    finally:
        event.remove(sqlite.sessionmaker.class_.sync_session_class, "before_commit", refuse)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "database_unavailable"
    assert await rows_of(sqlite, models.Note) == []


class SeatBase(DeclarativeBase):
    pass


class Seat(SeatBase):
    __tablename__ = "seats"
    __table_args__ = (sa.UniqueConstraint("place", deferrable=True, initially="DEFERRED"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int]


@pytest.mark.parametrize("backend", ["postgresql", "psycopg"], indirect=True)
async def test_deferred_constraint_fails_at_commit_with_409(db: Database, serve: Serve) -> None:
    """Is a rule that PostgreSQL checks only at commit still a 409 that the client sees?"""
    async with db.engine.begin() as connection:
        await connection.run_sync(SeatBase.metadata.create_all)
    client = serve(db, make_crud_router(Seat))
    assert (await client.post("/seats", json={"place": 1})).status_code == 201
    answer = await client.post("/seats", json={"place": 1})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["pointer"] == "#/place"
    async with db.engine.begin() as connection:
        await connection.run_sync(SeatBase.metadata.drop_all)


class FailingService(Service[models.Note]):
    async def after_create(self, row: models.Note) -> None:
        if row.title == "http":
            raise HTTPException(418, "no")
        if row.title == "domain":
            raise UniqueViolation(fields=["title"])
        raise RuntimeError("bug")


@pytest.mark.parametrize(("title", "status"), [("http", 418), ("domain", 409), ("bug", 500)])
async def test_any_error_rolls_back(
    sqlite: Database, serve: Serve, title: str, status: int
) -> None:
    """Is nothing stored when a hook raises after the row was written?"""
    client = serve(sqlite, make_crud_router(models.Note, service=FailingService))
    answer = await client.post("/notes", json={"title": title})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "bug" not in answer.text or title == "bug"
    assert await rows_of(sqlite, models.Note) == []


async def write_then_fail(session: Annotated[AsyncSession, Depends(get_db)]) -> None:
    """A dependency that writes, and then refuses the request."""
    await Repository[models.Note](session).create({"title": "from the dependency"})
    raise HTTPException(401, "who are you?")


async def test_refusing_dependency_rolls_back(sqlite: Database, serve: Serve) -> None:
    """Is what a dependency wrote undone when it refuses the request?"""
    router = make_crud_router(models.Note, dependencies=[Depends(write_then_fail)])
    answer = await serve(sqlite, router).get("/notes")
    assert answer.status_code == 401
    assert await rows_of(sqlite, models.Note) == []


async def test_all_dependencies_share_one_session_and_one_connection(
    tmp_path: Any, serve: Serve
) -> None:
    """Does a request need no second connection, whatever scope asks? A pool of one shows it."""
    database = Database(
        f"sqlite:///{tmp_path}/one.db",
        metadata=models.Base.metadata,
        pool_size=1,
        max_overflow=0,
        pool_timeout=1,
    )
    await database.create_all()
    seen: set[int] = set()

    async def plain(session: Annotated[AsyncSession, Depends(get_db)]) -> None:
        seen.add(id(session))
        await session.execute(sa.text("SELECT 1"))

    async def scoped(session: DbSession) -> None:
        seen.add(id(session))
        await session.execute(sa.text("SELECT 1"))

    class Watching(Service[models.Note]):
        async def before_create(self, values: dict[str, Any]) -> None:
            seen.add(id(self.session))

    router = make_crud_router(
        models.Note, service=Watching, dependencies=[Depends(plain), Depends(scoped)]
    )
    client = serve(database, router)
    calls = [client.post("/notes", json={"title": f"t{i}"}) for i in range(5)]
    answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [201] * 5
    assert (await client.post("/notes", json={"title": "last"})).status_code == 201
    seen.clear()
    await client.post("/notes", json={"title": "really last"})
    assert len(seen) == 1
    await database.engine.dispose()


own = APIRouter()


@own.post("/own", status_code=201)
async def own_endpoint(session: DbSession, title: str) -> dict[str, int]:
    """An endpoint as the docs show it."""
    row = await Repository[models.Note](session).create({"title": title})
    return {"id": row.id}


@own.post("/seed", status_code=201)
async def seed_endpoint(
    title: str, session: Annotated[AsyncSession, Depends(get_db)]
) -> dict[str, int]:
    """An endpoint as the seed writes it."""
    row = await Repository[models.Note](session).create({"title": title})
    return {"id": row.id}


@own.post("/both", status_code=201)
async def both_scopes(
    title: str, plain: Annotated[AsyncSession, Depends(get_db)], session: DbSession
) -> dict[str, Any]:
    """An endpoint with both."""
    row = await Repository[models.Note](plain).create({"title": title})
    return {"id": row.id, "same": plain is session}


@pytest.mark.parametrize("path", ["/own", "/seed", "/both"])
async def test_own_endpoints_are_committed(sqlite: Database, serve: Serve, path: str) -> None:
    """Is what an endpoint of one's own writes stored, however it asks for the session?"""
    client = serve(sqlite, own)
    assert (await client.post(path, params={"title": "a"})).status_code == 201
    assert [row.title for row in await rows_of(sqlite, models.Note)] == ["a"]


async def test_failed_commit_of_an_own_endpoint_is_seen(sqlite: Database, serve: Serve) -> None:
    """Does `DbSession` commit before the answer is sent, so that failure is a 409?"""
    lazy = APIRouter()

    @lazy.post("/lazy", status_code=201)
    async def endpoint(session: DbSession) -> None:  # pyright: ignore[reportUnusedFunction]
        session.add_all([models.Note(title="a"), models.Note(title="a")])

    answer = await serve(sqlite, lazy).post("/lazy")
    assert answer.status_code == 409
    assert await rows_of(sqlite, models.Note) == []


async def test_override_as_in_the_seed(sqlite: Database) -> None:
    """Does `app.dependency_overrides[get_db]` give our endpoints the session of a test?"""
    app = FastAPI()
    app.include_router(make_crud_router(models.Note))
    make_session = async_sessionmaker(sqlite.engine, expire_on_commit=True)
    async with make_session() as session:

        async def override() -> AsyncIterator[AsyncSession]:
            yield session

        app.dependency_overrides[get_db] = override
        async with client_of(app) as client:
            created = await client.post("/notes", json={"title": "a"})
            assert created.status_code == 201
            assert (await client.post("/notes", json={"title": "a"})).status_code == 409
            path = created.headers["location"]
            assert (await client.patch(path, json={"body": "b"})).json()["body"] == "b"
            assert (await client.get("/notes")).json()["total"] == 1
        assert [note.title for note in await session.scalars(sa.select(models.Note))] == ["a"]


async def test_without_a_database_the_error_names_the_fix(serve: Serve) -> None:
    """Is a forgotten lifespan told, to the developer and not to the client?"""
    app = FastAPI()
    app.include_router(make_crud_router(models.Note))
    add_exception_handlers(app)
    async with client_of(app) as client:
        answer = await client.get("/notes")
    assert answer.status_code == 500
    assert "lifespan" not in answer.text

    request = Request({"type": "http", "app": app, "headers": [], "method": "GET", "path": "/"})
    with pytest.raises(ConfigurationError, match=r"lifespan=db\.lifespan"):
        await anext(get_db(request))


async def test_router_with_a_database_of_its_own(
    sqlite: Database, tmp_path: Any, serve: Serve
) -> None:
    """Do two routers of one app work on two databases?"""
    other = Database(f"sqlite:///{tmp_path}/other.db", metadata=models.Base.metadata)
    await other.create_all()
    client = serve(
        sqlite,
        make_crud_router(models.Note),
        make_crud_router(models.Tag, database=other),
    )
    assert (await client.post("/notes", json={"title": "a"})).status_code == 201
    assert (await client.post("/tags", json={"slug": "a"})).status_code == 201
    assert len(await rows_of(sqlite, models.Tag)) == 0
    assert len(await rows_of(other, models.Tag)) == 1
    await other.engine.dispose()


async def test_mounted_app_finds_the_database_of_the_outer_app(sqlite: Database) -> None:
    """Does the lifespan state reach an app that is mounted in another?"""
    inner, outer = FastAPI(), FastAPI(lifespan=sqlite.lifespan)
    inner.include_router(make_crud_router(models.Note))
    outer.mount("/inner", inner)
    async with sqlite.lifespan(outer) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await outer({**scope, "state": dict(state)}, receive, send)

        wrapped: Any = with_state
        async with client_of(wrapped) as client:
            created = await client.post("/inner/notes", json={"title": "a"})
            assert created.headers["location"].startswith("/inner/notes/")
            assert (await client.get(created.headers["location"])).status_code == 200

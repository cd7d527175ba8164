"""Who is told of changes: in their transaction, or not at all."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import HTTPException
from sqlalchemy import MetaData, String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import Database, Service, SoftDelete, make_crud_router
from fastapi_crud.announcing import Enqueues, announce
from fastapi_crud.operations import OPERATIONS
from fastapi_crud.tasks import Relay, outbox_table, task
from fastapi_crud.tasks.outbox import OUTBOX
from fastapi_crud.tasks.task import registry
from tests.conftest import Client, Serve, counted, tables_of


class Base(DeclarativeBase):
    """A base of its own: the outbox is a table of the same metadata."""

    metadata = MetaData()


class Order(SoftDelete, Base):
    """Whose rows can be restored."""

    __tablename__ = "told_orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)


class Position(Base):
    """With a key of several columns, which clients choose."""

    __tablename__ = "told_positions"

    order_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    count: Mapped[int] = mapped_column(default=1)


EVENTS = ("created", "updated", "deleted")
MOST: Any = [each for each in OPERATIONS if each != "upsert"]
PLAIN: Any = [each for each in MOST if each not in {"restore", "purge"}]

Task = Any
Calls = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
async def outbox_tables(database: Database) -> AsyncIterator[Database]:
    """The tables of these tests, on each backend."""
    outbox_table(Base.metadata)
    async with tables_of(database, Base.metadata) as own:
        yield own


@pytest.fixture
async def told(outbox_tables: Database) -> Database:
    """A database without rows and jobs."""
    async with outbox_tables.session() as session:
        for table in Base.metadata.sorted_tables:
            await session.execute(table.delete())
    return outbox_tables


@pytest.fixture
def own_tasks() -> Iterator[None]:
    """Forget the tasks that a test defines."""
    known = {**registry}
    yield
    registry.clear()
    registry.update(known)


@pytest.fixture
def calls(own_tasks: None) -> Calls:
    """What tasks and functions were called with, in that order."""
    return []


def order_tasks(calls: Calls) -> dict[str, Any]:
    """A task for each event, which takes a key of one part."""

    def made(change: str) -> Task:
        async def write(id: int) -> None:
            calls.append((change, id))

        return task(f"announcing.{change}")(write)

    return {f"on_{change}": made(change) for change in EVENTS}


def position_tasks(calls: Calls) -> dict[str, Any]:
    """A task for each event, which takes a key of two parts."""

    def made(change: str) -> Task:
        async def write(order_id: int, kind: str) -> None:
            calls.append((change, order_id, kind))

        return task(f"announcing.{change}")(write)

    return {f"on_{change}": made(change) for change in EVENTS}


def functions(calls: Calls) -> dict[str, Any]:
    """A function for each event, which writes down what it gets."""

    def made(change: str) -> Callable[[AsyncSession, Any], Any]:
        async def write(session: AsyncSession, row: Any) -> None:
            assert session.in_transaction()
            calls.append((change, getattr(row, "name", row)))

        return write

    return {f"on_{change}": made(change) for change in EVENTS}


async def answered(client: Client, *asked: str, status: int = 200, **more: Any) -> Any:
    """Send a request that is answered with a status, and give what is in the answer."""
    answer = await client.request(*asked, **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def ran(database: Database, calls: Calls) -> Calls:
    """Run the jobs, and give what was called since the last time."""
    await Relay(database, concurrency=1).drain()
    seen = sorted(calls)
    calls.clear()
    return seen


async def count_jobs(database: Database) -> int:
    async with database.session() as session:
        return int(await session.scalar(sa.select(sa.func.count()).select_from(OUTBOX)) or 0)


async def test_tasks_hear_of_every_change(told: Database, serve: Serve, calls: Calls) -> None:
    """Does each operation ask for a call with the key of each row that it changes?"""
    client = serve(told, make_crud_router(Order, operations=MOST, **order_tasks(calls)))
    id_ = (await answered(client, "POST", "/told_orders", status=201, json={"name": "a"}))["id"]
    path = f"/told_orders/{id_}"
    assert await ran(told, calls) == [("created", id_)]
    await answered(client, "PATCH", path, json={"name": "b"})
    assert await ran(told, calls) == [("updated", id_)]
    await answered(client, "PUT", path, json={"name": "c"})
    assert await ran(told, calls) == [("updated", id_)]
    await answered(client, "DELETE", path, status=204)
    assert await ran(told, calls) == [("deleted", id_)]
    await answered(client, "POST", f"{path}:restore")
    assert await ran(told, calls) == [("updated", id_)]
    await answered(client, "POST", f"{path}:purge", status=204)
    assert await ran(told, calls) == [("deleted", id_)]


async def test_tasks_hear_of_batches(told: Database, serve: Serve, calls: Calls) -> None:
    """Does a batch ask for a call for each of its rows?"""
    client = serve(told, make_crud_router(Order, operations=MOST, **order_tasks(calls)))
    path = "/told_orders:batch"
    body: Any = {"items": [{"name": "a"}, {"name": "b"}]}
    items = (await answered(client, "POST", f"{path}Create", status=201, json=body))["items"]
    a, b = (each["id"] for each in items)
    assert await ran(told, calls) == [("created", a), ("created", b)]
    body = {"items": [{"id": a, "name": "c"}, {"id": b, "name": "d"}]}
    await answered(client, "POST", f"{path}Update", json=body)
    assert await ran(told, calls) == [("updated", a), ("updated", b)]
    await answered(client, "POST", f"{path}Delete", status=204, json={"ids": [a, b]})
    assert await ran(told, calls) == [("deleted", a), ("deleted", b)]


async def test_tasks_get_all_parts_of_a_key(told: Database, serve: Serve, calls: Calls) -> None:
    """Is a task called with each part of a composite key, also by a PUT that creates?"""
    options = position_tasks(calls)
    client = serve(told, make_crud_router(Position, operations=PLAIN, upsert=True, **options))
    path = "/told_positions"
    await answered(client, "POST", path, status=201, json={"order_id": 1, "kind": "a"})
    assert await ran(told, calls) == [("created", 1, "a")]
    await answered(client, "PUT", f"{path}/2/b", status=201, json={"count": 2})
    assert await ran(told, calls) == [("created", 2, "b")]
    await answered(client, "PUT", f"{path}/2/b", json={"count": 3})
    assert await ran(told, calls) == [("updated", 2, "b")]
    await answered(client, "DELETE", f"{path}/2/b", status=204)
    assert await ran(told, calls) == [("deleted", 2, "b")]
    ids = [{"order_id": 1, "kind": "a"}]
    await answered(client, "POST", f"{path}:batchDelete", status=204, json={"ids": ids})
    assert await ran(told, calls) == [("deleted", 1, "a")]


async def test_functions_get_the_row(told: Database, serve: Serve, calls: Calls) -> None:
    """Does a function get the session and the row, or the key of one that is gone?"""
    client = serve(told, make_crud_router(Order, operations=MOST, **functions(calls)))
    id_ = (await answered(client, "POST", "/told_orders", status=201, json={"name": "a"}))["id"]
    await answered(client, "PATCH", f"/told_orders/{id_}", json={"name": "b"})
    await answered(client, "DELETE", f"/told_orders/{id_}", status=204)
    assert calls == [("created", "a"), ("updated", "b"), ("deleted", id_)]


class Refusing(Service[Order]):
    """Refuses what has happened already."""

    async def after_delete(self, id: Any) -> None:
        raise HTTPException(418)


async def test_nobody_hears_of_what_failed(told: Database, serve: Serve, calls: Calls) -> None:
    """Is no job stored for a change that is refused, or finds nothing?"""
    options = order_tasks(calls)
    client = serve(told, make_crud_router(Order, operations=MOST, service=Refusing, **options))
    id_ = (await answered(client, "POST", "/told_orders", status=201, json={"name": "a"}))["id"]
    assert await count_jobs(told) == 1
    await answered(client, "POST", "/told_orders", status=409, json={"name": "a"})
    await answered(client, "DELETE", f"/told_orders/{id_}", status=418)
    await answered(client, "PATCH", "/told_orders/999999", status=404, json={"name": "b"})
    await answered(client, "DELETE", "/told_orders/999999", status=404)
    body = {"items": [{"name": "b"}, {"name": "a"}]}
    await answered(client, "POST", "/told_orders:batchCreate", status=409, json=body)
    assert await ran(told, calls) == [("created", id_)]


async def test_a_rollback_takes_the_jobs_along(told: Database, serve: Serve, calls: Calls) -> None:
    """Is neither row nor job stored, if somebody fails who is told after them?"""

    async def refuse(session: AsyncSession, row: Order) -> None:
        await created.enqueue(session, row.id)
        raise HTTPException(418)

    created = order_tasks(calls)["on_created"]
    client = serve(told, make_crud_router(Order, on_created=refuse))
    await answered(client, "POST", "/told_orders", status=418, json={"name": "a"})
    assert (await answered(client, "GET", "/told_orders"))["items"] == []
    assert await count_jobs(told) == 0


async def test_a_task_costs_one_statement(told: Database, serve: Serve, calls: Calls) -> None:
    """Does a POST send one statement more if a task is told of it?"""
    created = order_tasks(calls)["on_created"]
    verbs: list[list[str]] = []
    for number, options in enumerate([{}, {"on_created": created}]):
        router: Any = make_crud_router(Order, **options)
        client = serve(told, router)
        with counted(told.engine) as statements:
            json = {"name": f"{number}"}
            await answered(client, "POST", "/told_orders", status=201, json=json)
        verbs.append(statements.verbs)
    without, with_task = verbs
    assert len(with_task) == len(without) + 1
    assert with_task.count("INSERT") == without.count("INSERT") + 1


async def test_events_are_told_apart(told: Database, serve: Serve, calls: Calls) -> None:
    """Is nobody told of changes that they did not ask about?"""
    deleted = functions(calls)["on_deleted"]
    client = serve(told, make_crud_router(Order, on_deleted=deleted))
    id_ = (await answered(client, "POST", "/told_orders", status=201, json={"name": "a"}))["id"]
    await answered(client, "PATCH", f"/told_orders/{id_}", json={"name": "b"})
    assert calls == []
    await answered(client, "DELETE", f"/told_orders/{id_}", status=204)
    assert calls == [("deleted", id_)]


async def test_whatever_can_enqueue_is_a_task(calls: Calls) -> None:
    """Is a task known by what it can do, and everything else called?"""

    class Queue:
        async def enqueue(self, session: AsyncSession, /, *args: Any, **kwargs: Any) -> None:
            calls.append((session, *args))

    async def function(session: AsyncSession, row: Any) -> None:
        calls.append((session, row))

    assert isinstance(Queue(), Enqueues)
    async with AsyncSession() as session:
        await announce(Queue(), session, (1, "a"), "row")
        await announce(function, session, (1, "a"), "row")
    assert calls == [(session, 1, "a"), (session, "row")]

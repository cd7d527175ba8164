"""The work of a request: in one transaction, once for each idempotency key, again if it lost."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from fastapi import Header, HTTPException
from sqlalchemy import MetaData, String, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import (
    Database,
    Repository,
    Service,
    SoftDelete,
    TransactionConflict,
    idempotency_table,
    make_crud_router,
)
from fastapi_crud.operations import OPERATIONS
from fastapi_crud.router import work
from tests import models
from tests.conftest import Serve, rows_of


class Base(DeclarativeBase):
    """A base of its own: an idempotency table belongs to the metadata of its model."""

    metadata = MetaData()


class Payment(SoftDelete, Base):
    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    amount: Mapped[int] = mapped_column(default=0)


class Checked(Service[Payment]):
    """Counts what it does, and refuses some of it."""

    calls = 0

    async def before_create(self, values: dict[str, Any]) -> None:
        type(self).calls += 1
        if values["reference"] == "teapot":
            raise HTTPException(418)


async def caller(user: Annotated[str | None, Header()] = None) -> str | None:
    return user


@pytest.fixture
async def payments(db: Database) -> AsyncIterator[Database]:
    """A database with payments and the keys of their requests."""
    idempotency_table(Base.metadata)
    own = Database(engine=db.engine, metadata=Base.metadata)
    await own.create_all()
    yield own
    await own.drop_all()


def key(text: str, **more: str) -> dict[str, str]:
    return {"Idempotency-Key": text, **more}


async def test_a_repeated_request_is_not_done_again(payments: Database, serve: Serve) -> None:
    """Is each POST that writes answered the same again, headers and all, and done once?"""
    operations: Any = [it for it in OPERATIONS if it != "upsert"]
    if payments.engine.dialect.name != "mysql":
        operations.append("upsert")
    client = serve(payments, make_crud_router(Payment, operations=operations, idempotency=True))
    created = await client.post("/payments", json={"reference": "a"}, headers=key("first"))
    path = created.headers["location"]
    await client.post("/payments", json={"reference": "b"})
    id_ = created.json()["id"]
    requests: list[tuple[str, Any, int]] = [
        ("/payments", {"reference": "c"}, 201),
        ("/payments:batchCreate", {"items": [{"reference": "d"}]}, 201),
        ("/payments:batchUpdate", {"items": [{"id": id_, "amount": 5}]}, 200),
        ("/payments:upsert", {"items": [{"reference": "e"}], "on_conflict": ["reference"]}, 200),
        ("/payments:batchDelete", {"ids": [id_]}, 204), (f"{path}:restore", None, 200),
        (f"{path}:purge", None, 204),
    ]  # fmt: skip
    for where, body, status in requests:
        if "upsert" in where and "upsert" not in operations:
            continue
        answers = [await client.post(where, json=body, headers=key("k")) for _ in range(3)]
        first, *rest = answers
        assert first.status_code == status, (where, first.text)
        assert "idempotency-replayed" not in first.headers
        for again in rest:
            assert (again.status_code, again.content) == (status, first.content), where
            headers = dict(again.headers)
            assert headers.pop("idempotency-replayed") == "true"
            assert headers == dict(first.headers), where
    references = sorted(row.reference for row in await rows_of(payments, Payment))
    assert references == ["b", "c", "d", *(["e"] if "upsert" in operations else [])]


async def test_a_key_belongs_to_one_request_and_caller(payments: Database, serve: Serve) -> None:
    """Is another body under the same key refused, and another caller's, path's or method's apart?"""
    client = serve(
        payments,
        make_crud_router(Payment, idempotency=True),
        make_crud_router(Payment, name="acted", idempotency=True, actor=caller),
    )
    first = await client.post("/payments", json={"reference": "a"}, headers=key("k"))
    other = await client.post("/payments", json={"reference": "b"}, headers=key("k"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    for number, (path, more) in enumerate((
        ("/payments", {"Authorization": "Bearer x"}), ("/payments", {"Authorization": "Bearer y"}),
        ("/payments", {"Cookie": "session=1"}), ("/acted", {}), ("/acted", {"user": "ann"}),
        ("/acted", {"user": "bob"}),
    )):  # fmt: skip
        headers, body = key("k", **more), {"reference": f"n{number}"}
        mine = await client.post(path, json=body, headers=headers)
        assert mine.status_code == 201, (path, more, mine.text)
        again = await client.post(path, json=body, headers={**headers, "x-other": "1"})
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == mine.json()
    assert (await client.post("/payments", json={"reference": "z"})).status_code == 201
    again = await client.post("/payments", json={"reference": "a"}, headers=key('"k"'))
    assert again.json() == first.json()
    patched = await client.patch(first.headers["location"], json={"amount": 1}, headers=key("k"))
    assert (patched.status_code, patched.json()["amount"]) == (200, 1)


async def test_failures_are_not_kept(payments: Database, serve: Serve) -> None:
    """Can a request that failed, for whatever reason, be sent again under its key?"""
    Checked.calls = 0
    router = make_crud_router(Payment, service=Checked, idempotency=True)
    client = serve(payments, router)
    await client.post("/payments", json={"reference": "taken"})
    for body, status in (
        ({"reference": 5}, 422), ({"reference": "taken"}, 409), ({"reference": "teapot"}, 418),
        ({"reference": "fine"}, 201), ({"reference": "fine"}, 201),
    ):  # fmt: skip
        answer = await client.post("/payments", json=body, headers=key("k"))
        assert answer.status_code == status, (body, answer.text)
    assert Checked.calls == 4
    table = Base.metadata.tables["idempotency_keys"]
    async with payments.engine.connect() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(table)) == 1


async def test_a_key_may_be_required(payments: Database, serve: Serve) -> None:
    """Is a POST without a key 400 where it must have one, and a malformed key always?"""
    searching: Any = [*OPERATIONS[:6], "search", "purge"]
    client = serve(
        payments,
        make_crud_router(Payment, idempotency="required", operations=searching),
        make_crud_router(Payment, name="may", idempotency=True),
        make_crud_router(Payment, name="none"),
    )
    body = {"reference": "a"}
    for path, headers, status in (
        ("/payments", {}, 400), ("/payments", key(""), 400), ("/payments", key("x" * 256), 400),
        ("/payments/1:purge", {}, 400), ("/may", key('"'), 400), ("/may", key("é"), 400),
        ("/payments:search", {}, 200), ("/payments:search", key("\t"), 200),
        ("/none", key('"'), 201),
    ):  # fmt: skip
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        sent = {} if path.endswith("search") else body
        answer = await client.post(path, json=sent, headers=raw)
        assert answer.status_code == status, (path, headers, answer.text)
        if status == 400:
            assert answer.json()["code"] == "invalid_idempotency_key"
    located = (await client.get("/none")).json()["items"][0]["id"]
    assert (await client.patch(f"/payments/{located}", json={"amount": 2})).status_code == 200


async def test_what_was_preferred_is_kept(payments: Database, serve: Serve) -> None:
    """Is an answer that is given again the same, and never said to be what it is not?"""
    client = serve(payments, make_crud_router(Payment, idempotency=True))
    minimal = key("k", Prefer="return=minimal")
    first = await client.post("/payments", json={"reference": "a"}, headers=minimal)
    assert (first.status_code, first.content) == (201, b"")
    for headers in (minimal, key("k"), key("k", Prefer="return=representation")):
        again = await client.post("/payments", json={"reference": "a"}, headers=headers)
        assert (again.status_code, again.content) == (201, b"")
        assert again.headers.get("preference-applied") in {None, "return=minimal"}
        assert again.headers["location"] == first.headers["location"]
    full = await client.post("/payments", json={"reference": "b"}, headers=key("l"))
    again = await client.post(
        "/payments", json={"reference": "b"}, headers=key("l", Prefer="return=minimal")
    )
    assert again.content == full.content
    assert "preference-applied" not in again.headers


class Flaky(Service[models.Note]):
    """Overrides a hook: what it did must not be done twice."""

    calls = 0

    async def before_create(self, values: dict[str, Any]) -> None:
        type(self).calls += 1
        raise TransactionConflict


async def test_conflict_is_retried_only_where_nothing_else_could_happen(
    sqlite: Database, serve: Serve
) -> None:
    """Does an operation with hooks answer 503 at once, with Retry-After?"""
    Flaky.calls = 0
    client = serve(sqlite, make_crud_router(models.Note, service=Flaky))
    answer = await client.post("/notes", json={"title": "a"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "transaction_conflict"
    assert Flaky.calls == 1


@pytest.mark.parametrize(("failures", "status"), [(0, 201), (1, 201), (2, 201), (3, 503)])
async def test_lost_transaction_is_tried_again(
    sqlite: Database, serve: Serve, monkeypatch: pytest.MonkeyPatch, failures: int, status: int
) -> None:
    """Is a plain operation that loses to another transaction tried three times in all?"""
    monkeypatch.setattr(work, "BACKOFF", 0)
    client = serve(sqlite, make_crud_router(models.Note))
    left = [TransactionConflict() for _ in range(failures)]

    def lose(*_: Any) -> None:
        if left:
            raise left.pop()

    session_class = sqlite.sessionmaker.class_.sync_session_class
    event.listen(session_class, "before_commit", lose)
    try:
        answer = await client.post("/notes", json={"title": "a"})
    finally:
        event.remove(session_class, "before_commit", lose)
    assert answer.status_code == status
    assert len(await rows_of(sqlite, models.Note)) == (1 if status == 201 else 0)


async def test_lost_transaction_is_not_tried_again_where_somebody_was_told(
    sqlite: Database, serve: Serve
) -> None:
    """Is a function that hears of changes called once, and the client told to try again?"""
    heard: list[str] = []

    async def hear(session: Any, row: models.Note) -> None:
        heard.append(row.title)
        raise TransactionConflict

    client = serve(sqlite, make_crud_router(models.Note, on_created=hear))
    answer = await client.post("/notes", json={"title": "a"})
    assert (answer.status_code, heard) == (503, ["a"])
    assert await rows_of(sqlite, models.Note) == []


class Titled(Service[models.Note]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["title"] = "always the same"


async def test_a_hidden_column_is_in_no_error(sqlite: Database, serve: Serve) -> None:
    """Is a conflict in a column that clients do not know of told without it?"""
    client = serve(sqlite, make_crud_router(models.Note, service=Titled, hidden=["title"]))
    assert (await client.post("/notes", json={})).status_code == 201
    clash = await client.post("/notes", json={})
    assert clash.status_code == 409
    assert "title" not in clash.text.lower().replace('"title":', "")


class Forgetful(Service[models.Note]):
    """With a repository that is made anew each time, and so would not know the scope."""

    @property
    def repository(self) -> Repository[models.Note]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return Repository[models.Note](self.session)


async def test_a_scope_cannot_be_forgotten(sqlite: Database, serve: Serve) -> None:
    """Is a service whose repository would lose the scope an error, rather than a way around it?"""

    async def no_note() -> bool:
        return False

    client = serve(sqlite, make_crud_router(models.Note, service=Forgetful, scope=no_note))
    assert (await client.get("/notes")).status_code == 500

"""The machine that asks an app and a plain model the same, and compares them."""

import asyncio
import itertools
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx2
from fastapi import FastAPI
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy.engine import URL

from fastapi_crud import Database, idempotency_table, make_crud_router
from fastapi_crud.database import STATE_KEY
from fastapi_crud.operations import OPERATIONS, Operation
from tests.conftest import client_of, empty_tables
from tests.contract.world import (
    CLIENT_IDS,
    Body,
    Kind,
    Refused,
    Rows,
    Work,
    World,
    live,
    plain,
    text,
)
from tests.models import Base

NUMBERS = itertools.count()


@dataclass(frozen=True)
class Served:
    """An app, and a loop of its own to ask it from: the rules of a machine are no coroutines."""

    kind: Kind
    runner: asyncio.Runner
    database: Database
    client: httpx2.AsyncClient

    def ask(self, method: str, path: str, **said: Any) -> httpx2.Response:
        answer = self.runner.run(self.client.request(method, f"/rows{path}", **said))
        assert answer.status_code < 500, (method, path, said, answer.text)
        return answer


@contextmanager
def served(url: URL, kind: Kind) -> Generator[Served]:
    app, database = FastAPI(), Database(url, metadata=Base.metadata)
    operations: list[Operation] = [it for it in OPERATIONS if kind.soft or it != "restore"]
    router = make_crud_router(
        kind.model, name="rows", operations=operations, show_deleted=kind.soft, upsert=True,
        client_ids=True, idempotency=True, pagination="both",
    )  # fmt: skip
    app.include_router(router)
    setattr(app.state, STATE_KEY, database)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        client = client_of(app)
        runner.run(database.create_all())
        try:
            yield Served(kind, runner, database, client)
        finally:
            runner.run(client.aclose())
            runner.run(leave(database))


async def leave(database: Database) -> None:
    await empty_tables(database)
    async with database.engine.begin() as connection:
        await connection.run_sync(idempotency_table(Base.metadata).drop)
    await database.engine.dispose()


class Machine(RuleBasedStateMachine):
    """Asks the app and the model the same."""

    served: ClassVar[Served]

    def __init__(self) -> None:
        super().__init__()
        self.kind = self.served.kind
        self.world = World(self.kind)
        self.listed: Rows = {}
        self.tags: dict[Any, tuple[str, str]] = {}
        self.sent: list[tuple[str, Body, httpx2.Response]] = []
        self.served.runner.run(empty_tables(self.served.database))

    def pick(self, place: int) -> Any:
        """The id of a row, or one that a client may choose."""
        ids = [*sorted(self.world.rows), *(i for i in CLIENT_IDS if i not in self.world.rows)]
        return ids[place % len(ids)]

    def version(self, key: Any, how: str) -> Body:
        """What an item of a batch says of the version of its row."""
        version = self.world.rows.get(key, {}).get("version", 1)
        return {"right": {"version": version}, "wrong": {"version": version + 1}}.get(how, {})

    def demand(self, key: Any, how: str) -> Body:
        tag = self.tags.get(key, ("", '"1"'))[1]
        tags = {"right": tag, "any": "*", "several": f'"0", {tag}', "stale": '"0"'}
        tags["weak"] = f"W/{tag}"
        return {"If-Match": tags[how]} if how in tags else {}

    def expect(
        self, method: str, path: str, status: int, work: Work, *,
        body: Any = None, headers: Body | None = None, minimal: bool = False,
    ) -> None:  # fmt: skip
        """Ask; the answer, and the rows afterwards, are what the work makes of the model's."""
        number, said = next(NUMBERS), {"Content-Type": "application/json", **(headers or {})}
        said |= {"Prefer": "return=minimal"} if minimal else {}
        said |= {"Idempotency-Key": f"k{number}"} if method == "POST" and number % 2 else {}
        request: Body = {"content": "" if body is None else json.dumps(body), "headers": said}
        answer = self.served.ask(method, path, **request)
        outcome = self.world.outcome(work, succeeded=answer.is_success)
        if isinstance(outcome, Refused):
            places = {it["pointer"] for it in answer.json().get("errors", [])}
            assert answer.status_code == outcome.status, (outcome, answer.text)
            assert places <= outcome.pointers, (outcome, places)
            assert bool(places) == bool(outcome.pointers), (outcome, places)
            self.compare(self.world.rows)
            return
        rows, ids = outcome
        assert answer.status_code == (204 if minimal and status == 200 else status), answer.text
        if "Idempotency-Key" in said:
            self.sent.append((path, request, answer))
        known = self.compare(rows)
        ids = [known.get(key, key) for key in ids]
        self.check(answer, ids, shown=not minimal and status != 204, single=path[:1] != ":")

    def compare(self, rows: Rows) -> dict[Any, Any]:
        """Compare all rows with the model's; tell which id the database gave to which of them."""
        every = "?limit=1000&deleted=include" if self.kind.soft else "?limit=1000"
        page = self.served.ask("GET", every).json()
        assert page["total"] == len(page["items"]) == len(rows)
        listed: Rows = {row["id"]: row for row in page["items"]}
        names = {row[self.kind.unique]: key for key, row in live(listed).items()}
        known = {
            key: key if isinstance(key, int) else names[row[self.kind.unique]]
            for key, row in rows.items()
        }
        found = {known[key]: {**row, "id": known[key]} for key, row in rows.items()}
        for key in self.world.unchanged & {*listed} if self.kind.soft else ():
            if listed[key]["version"] == self.listed[key]["version"]:
                found[key]["version"] -= 1  # it may count what changes nothing, or not
        assert text(found) == text({key: plain(row) for key, row in listed.items()})
        for key, row in listed.items():
            before = self.listed.get(key, row)
            assert row.get("created_at") == before.get("created_at")
            if row.get("version") != before.get("version"):
                assert row["updated_at"] > before["updated_at"]
        self.world.rows, self.world.unchanged, self.listed = found, set(), listed
        self.tags = {key: tag for key, tag in self.tags.items() if key in listed}
        return known

    def check(
        self, answer: httpx2.Response, ids: Sequence[Any], *, shown: bool, single: bool
    ) -> None:
        """Does an answer show the rows as they are read afterwards, tags included?"""
        if shown:
            body = answer.json()
            assert body.get("items", [body]) == [self.listed[key] for key in ids]
        for key in {*ids} & {*live(self.world.rows)}:
            read = self.served.ask("GET", f"/{key}")
            content, tag = text(read.json()), read.headers["ETag"]
            assert content == text(self.listed[key])
            before = self.tags.get(key, (content, tag))
            assert (before[0] == content) == (before[1] == tag)
            self.tags[key] = content, tag
            assert answer.headers.get("ETag", tag) == tag
            assert single == ("ETag" in answer.headers)
            assert answer.headers.get("Location", f"/rows/{key}") == f"/rows/{key}"

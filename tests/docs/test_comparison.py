"""What the comparison tells of us is what we do."""

import re
from typing import Any

from sqlalchemy import event

from tests.docs.conftest import DOCS, Load, Visit

REQUESTS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "`POST` with a taken address": ("POST", "", {"email": "a", "name": "b"}),
    "`POST` with a taken pair": ("POST", "", {"email": "b", "name": "a", "age": 1}),
    "`GET ?nmae=x`": ("GET", "?nmae=x", None),
    "`GET ?sort=nope`": ("GET", "?sort=nope", None),
    "`GET ?sort=-password_hash`": ("GET", "?sort=-password_hash", None),
    "`GET ?limit=1000000000`": ("GET", "?limit=1000000000", None),
    "`GET /99999999999999999999`": ("GET", "/99999999999999999999", None),
    "`PATCH`": ("PATCH", "/1", {"name": "c"}),
    "`PATCH {}`": ("PATCH", "/1", {}),
    '`PATCH {"name": null}`': ("PATCH", "/1", {"name": None}),
}
"""Row of the comparison → the request that it is about."""


async def test_the_comparison_tells_what_we_answer(visit: Visit) -> None:
    """Does each request of the page get the status that the page tells of us?"""
    page = (DOCS / "explanation" / "comparison.md").read_text()
    rows = dict(re.findall(r"^\| (`(?:POST|GET|PATCH|DELETE).*?) \| (.*?) \|", page, re.MULTILINE))
    async with visit("compared") as client:
        created = await client.post("/users", json={"email": "a", "name": "a", "age": 1})
        told = {"`POST`": f"{created.status_code}, the readable columns"}
        assert {*created.json()} == {"id", "email", "name", "age", "deleted_at"}
        for name, (method, path, body) in REQUESTS.items():
            answer = await client.request(method, f"/users{path}", json=body)
            told[name] = str(answer.status_code)
        gone = [(await client.request(m, "/users/1")).status_code for m in ("DELETE", "GET")]
        told["`DELETE`, then `GET`"] = "{}, {}".format(*gone)
    assert rows.keys() == told.keys()
    assert {name: row for name, row in rows.items() if not row.startswith(told[name])} == {}


async def test_the_comparison_counts_our_statements(visit: Visit, load: Load) -> None:
    """Is each operation as many statements as the page tells of us?"""
    page = (DOCS / "explanation" / "comparison.md").read_text()
    row = re.search(r"^\| fastapi_crud ((?:\| \d )+)\|$", page, re.MULTILINE)
    assert row
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    counts: list[int] = []
    async with visit("compared") as client:
        engine = load("compared").db.engine.sync_engine
        event.listen(engine, "before_cursor_execute", count)
        for method, path, body in (
            ("POST", "", {"email": "a", "name": "a"}),
            ("GET", "/1", None),
            ("GET", "", None),
            ("PATCH", "/1", {"name": "b"}),
            ("DELETE", "/1", None),
        ):
            statements.clear()
            assert (await client.request(method, f"/users{path}", json=body)).is_success
            counts.append(len(statements))
        event.remove(engine, "before_cursor_execute", count)
    assert counts == [int(cell) for cell in re.findall(r"\d", row[1])]

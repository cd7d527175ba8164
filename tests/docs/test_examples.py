"""The examples of the documentation do what their pages say."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from fastapi_crud import get_settings
from tests.conftest import Client
from tests.docs.conftest import EXAMPLES, Load, Visit


async def test_quickstart_serves_notes(visit: Visit) -> None:
    """Does the smallest app answer all six operations?"""
    async with visit("quickstart") as client:
        created = await client.post("/api/v1/notes", json={"title": "a"})
        assert (created.status_code, created.headers["location"]) == (201, "/api/v1/notes/1")
        assert (await client.get("/api/v1/notes/1")).json() == created.json()
        assert (await client.patch("/api/v1/notes/1", json={"body": "b"})).json()["body"] == "b"
        replaced = await client.put("/api/v1/notes/1", json={"title": "c"})
        assert replaced.json() == {"id": 1, "title": "c", "body": None, "done": False}
        assert (await client.get("/api/v1/notes")).json() == {
            "items": [replaced.json()],
            "total": 1,
        }
        assert (await client.delete("/api/v1/notes/1")).status_code == 204


async def test_two_wires_serve_the_same_notes(visit: Visit) -> None:
    """Does each router answer its own clients about the same rows?"""
    async with visit("two_wires") as client:
        created = await client.post("/api/notes", json={"title": "a"})
        assert (await client.get("/api/notes?limit=1")).json()["total"] == 1
        listed = await client.get("/api/admin_notes?range=[0,9]")
        assert listed.json() == [created.json()]
        assert listed.headers["content-range"] == "admin_notes 0-0/1"


async def test_api_docs_come_from_the_app(visit: Visit) -> None:
    """Do both pages name nothing but what the app serves itself?"""
    async with visit("api_docs") as client:
        for path in ("/docs", "/redoc"):
            page = await client.get(path)
            assert (page.status_code, "https://" in page.text) == (200, False)
            for asset in re.findall(r"/docs-assets/[\w.-]+", page.text):
                assert (await client.get(asset)).status_code == 200


async def test_service_rules_tidy_titles_of_new_and_changed_notes(visit: Visit) -> None:
    """Do POST, PATCH and PUT all go through the hooks?"""
    async with visit("service_rules") as client:
        created = await client.post("/api/v1/notes", json={"title": " a "})
        assert created.json()["title"] == "a"
        assert (await client.patch("/api/v1/notes/1", json={"title": " b"})).json()["title"] == "b"
        assert (await client.put("/api/v1/notes/1", json={"title": "c "})).json()["title"] == "c"
        assert (await client.patch("/api/v1/notes/1", json={"done": True})).json()["title"] == "c"


async def test_service_rules_keep_unfinished_notes(visit: Visit) -> None:
    """Is the deletion refused until the note is done?"""
    async with visit("service_rules") as client:
        await client.post("/api/v1/notes", json={"title": "a"})
        refused = await client.delete("/api/v1/notes/1")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        await client.patch("/api/v1/notes/1", json={"done": True})
        assert (await client.delete("/api/v1/notes/1")).status_code == 204
        assert (await client.delete("/api/v1/notes/1")).status_code == 404


async def test_service_rules_tell_of_new_notes_once_they_are_stored(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    """Is the callback run for a stored note, and not for a refused one?"""
    async with visit("service_rules") as client:
        with caplog.at_level(logging.WARNING, logger="service_rules"):
            await client.post("/api/v1/notes", json={"title": ""})
            await client.post("/api/v1/notes", json={"title": "a"})
    assert caplog.messages == ["New note: a"]


async def test_custom_schemas_check_and_show_what_the_page_says(visit: Visit) -> None:
    """Do the body's own rule, the column's bounds and the property hold?"""
    booking = {"room": "Blue", "starts_on": "2030-01-01", "ends_on": "2030-01-03"}
    async with visit("custom_schemas") as client:
        created = await client.post("/api/v1/bookings", json=booking)
        assert created.json() == {"id": 1, "room": "Blue", "starts_on": "2030-01-01", "nights": 2}

        backwards = {**booking, "ends_on": "2029-01-01"}
        for answer in (
            await client.post("/api/v1/bookings", json=backwards),
            await client.put("/api/v1/bookings/1", json=backwards),
        ):
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["msg"].endswith("ends_on must lie after starts_on")

        patched = await client.patch("/api/v1/bookings/1", json={"ends_on": "2029-01-01"})
        assert (patched.status_code, patched.json()["code"]) == (422, "check_violation")
        short = await client.patch("/api/v1/bookings/1", json={"room": "B"})
        assert (short.status_code, short.json()["errors"][0]["pointer"]) == (422, "#/room")


async def test_column_access_is_what_the_page_says(visit: Visit) -> None:
    """Who may see and set which column, on which router?"""
    async with visit("column_access") as client:
        created = await client.post("/api/v1/members", json={"name": "Ann", "invited_by": "Bob"})
        seen = created.json()
        assert seen.keys() == {"id", "name", "role", "points", "created_at", "updated_at"}
        assert (seen["role"], seen["points"]) == ("member", 0)

        for name in ("reset_token", "role", "remark", "points", "created_at"):
            refused = await client.post("/api/v1/members", json={"name": "Ann", name: "x"})
            assert refused.json()["errors"][0]["pointer"] == f"#/{name}"

        ignored = await client.patch("/api/v1/members/1", json={"role": "chair"})
        assert (ignored.status_code, ignored.json()["role"]) == (200, "member")
        hidden = await client.patch("/api/v1/members/1", json={"remark": "x"})
        assert hidden.json()["errors"][0]["type"] == "extra_forbidden"

        changed = await client.patch("/api/v1/staff_members/1", json={"role": "chair"})
        assert changed.json()["role"] == "chair"
        assert "points" not in changed.json()


@pytest.mark.parametrize(
    ("order", "status", "balances"),
    [
        ({"source": 1, "target": 2, "amount": 30}, 204, [70, 30]),
        ({"source": 1, "target": 2, "amount": 101}, 422, [100, 0]),
        ({"source": 1, "target": 9, "amount": 30}, 404, [100, 0]),
        ({"source": 1, "target": 2, "amount": 0}, 422, [100, 0]),
    ],
    ids=["moves", "overdrawn", "nobody", "nothing"],
)
async def test_own_endpoint_moves_all_or_nothing(
    visit: Visit, order: dict[str, int], status: int, balances: list[int]
) -> None:
    """Is a transfer that fails half-way rolled back, with the right answer?"""
    async with visit("own_endpoint") as client:
        for balance in (100, 0):
            await client.post("/api/v1/accounts", json={"owner": "a", "balance": balance})
        answer = await client.post("/api/v1/transfers", json=order)
        assert answer.status_code == status
        assert [row["balance"] for row in await items(client, "/api/v1/accounts")] == balances


async def test_script_stores_and_prints(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Does the script run without FastAPI, hooks included?"""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/books.db")
    script = load("script")
    get_settings.cache_clear()
    await script.main()
    get_settings.cache_clear()
    assert capsys.readouterr().out.splitlines() == [
        "Stored Sanditon",
        "Short: 2",
        "Sanditon 120",
        "Persuasion 249",
        "Emma 474",
    ]


async def test_several_databases_keep_their_rows_apart(visit: Visit, load: Load) -> None:
    """Does each router work in its own database, which has only its own tables?"""
    async with visit("several_databases") as client:
        assert (await client.post("/api/v1/orders", json={"product": "a"})).status_code == 201
        assert (await client.post("/api/v1/events", json={"text": "b"})).status_code == 201
        assert (await client.delete("/api/v1/events/1")).status_code == 405
        assert len(await items(client, "/api/v1/orders")) == 1
        assert len(await items(client, "/api/v1/events")) == 1
    module = load("several_databases")
    assert [*module.db.metadata.tables] == ["orders"]
    assert [*module.archive.metadata.tables] == ["events"]
    assert module.db.engine.url != module.archive.engine.url


async def test_existing_models_work_as_they_are(visit: Visit) -> None:
    """Do an SQLModel, a dataclass and a composite key get their endpoints?"""
    async with visit("existing_models") as client:
        hero = await client.post("/api/v1/hero", json={"name": "Ann"})
        assert hero.json() == {"id": 1, "name": "Ann", "age": None}
        coin = await client.post("/api/v1/coins", json={"name": "Penny"})
        assert coin.json() == {"id": 1, "name": "Penny", "value": 1}
        line = await client.post("/api/v1/lines", json={"order_id": 7, "line_no": 2})
        assert line.headers["location"] == "/api/v1/lines/7/2"
        assert (await client.get("/api/v1/lines/7/2")).json()["quantity"] == 1
        assert (await client.get("/api/v1/lines", params={"limit": 51})).status_code == 422


def test_every_example_is_driven() -> None:
    """Is there a test for each file of the folder?"""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    files = {path.stem for path in EXAMPLES.glob("*.py")}
    packages = {path.parent.name for path in EXAMPLES.glob("*/__init__.py")}
    assert {name for name in files | packages if name not in tests} == set()


async def items(client: Client, path: str) -> list[dict[str, Any]]:
    """The rows of a list."""
    rows: list[dict[str, Any]] = (await client.get(path)).json()["items"]
    return rows

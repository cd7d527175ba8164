"""What the admin UI shows and changes is what the service of a resource says."""

import logging
import re
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from typing_extensions import override

from fastapi_crud import Database, Service, make_crud_router
from fastapi_crud.admin.views import ResourceView
from tests.admin.world import (
    ADMIN,
    PASSWORD,
    Color,
    Note,
    Pair,
    User,
    alert,
    app_of,
    auth,
    enter,
    field,
    told,
    visitor,
    words,
)
from tests.conftest import Client

SAVE = {"save": "Save"}


async def stored(shop: Database, model: Any = Note) -> list[Any]:
    """All rows of a model."""
    async with shop.session() as session:
        return [*await session.scalars(sa.select(model).order_by(*sa.inspect(model).primary_key))]


async def create(admin: Client, **form: str) -> Any:
    """Send the form of a new note."""
    return await admin.post("/admin/notes/create", data={**SAVE, **form})


async def edited(admin: Client, path: str, **changes: str) -> Any:
    """Open the form of a row, change some of it and send it as a browser does."""
    page = (await admin.get(f"/admin/{path}")).text
    form: dict[str, str] = {}
    for name in ("title", "body", "color", "done", "tags", "due_at", "stars", "data", "email"):
        if tag := field(page, name):
            form[name] = form_value(page, tag)
    if "checked" in field(page, "pinned"):
        form["pinned"] = "y"
    return await admin.post(f"/admin/{path}", data={**form, **SAVE, **changes})


def form_value(page: str, tag: str) -> str:
    """What a browser sends of a field that nobody touched."""
    if tag.startswith("<select"):
        options = page.split(tag)[1].split("</select>", maxsplit=1)[0]
        chosen = re.search(r'<option selected value="([^"]*)"', options)
        return chosen[1] if chosen else ""
    if tag.startswith("<textarea"):
        return unescape(tag.split(">", 1)[1]).removeprefix("\n").replace("\n", "\r\n")
    value = re.search(r'value="([^"]*)"', tag)
    return unescape(value[1]) if value else ""


async def test_a_new_row_goes_through_the_service(shop: Database, admin: Client) -> None:
    """Is it checked and stored, do hooks know who it was, and does after_commit run?"""
    created = await create(
        admin, title="Milk", color="blue", due_at="2030-01-01T10:00:00.123456Z", tags='{"a": 1}'
    )
    assert (created.status_code, created.headers["location"]) == (
        302,
        "http://test/admin/notes/list",
    )
    (note,) = await stored(shop)
    assert (note.title, note.color, note.tags, note.stars) == ("Milk", Color.BLUE, {"a": 1}, 3)
    assert (note.pinned, note.done, note.body) == (False, None, None)  # the box was not checked
    assert told == [f"{ADMIN} creates Milk", "stored"]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"title": "M"}, "title: String should have at least 2 characters"),
        ({}, "title: Field required"),
        ({"title": "Milk", "stars": "many"}, "stars: Input should be a valid integer"),
        ({"title": "Milk", "tags": "{"}, "tags: must be JSON"),
        ({"title": "Milk", "due_at": "soon"}, "due_at: must be an ISO 8601 date and time"),
        ({"title": "there"}, "title: "),
        ({"title": "boom"}, "Something went wrong on our side"),
    ],
    ids=["short", "missing", "integer", "json", "datetime", "unique", "unexpected"],
)
async def test_what_is_wrong_stands_above_the_form(
    shop: Database,
    admin: Client,
    caplog: pytest.LogCaptureFixture,
    form: dict[str, str],
    says: str,
) -> None:
    """Is each error one of the form, and are values and SQL neither shown nor logged?"""
    await create(admin, title="there")
    caplog.clear()
    refused = await create(admin, **form, token="t0psecret")
    assert refused.status_code == 400
    assert alert(refused.text).startswith(says)
    assert "INSERT" not in refused.text
    logged = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert "t0psecret" not in logged
    assert len(await stored(shop)) == 1


async def test_only_what_differs_is_changed(shop: Database, admin: Client) -> None:
    """Does a form that nobody touched change nothing, and one field only itself?"""
    async with shop.session() as session:
        session.add(
            Note(
                title="Milk", body="one\ntwo", color=Color.RED, tags={"é": ["x"]}, stars=5,
                pinned=True, done=True, data="d", secret_plan="p", token="t",
            )
        )  # fmt: skip
    page = (await admin.get("/admin/notes/edit/1")).text
    assert "checked" in field(page, "pinned")
    assert 'selected value="red"' in page
    assert (await edited(admin, "notes/edit/1")).status_code == 302
    assert told[-1] == f"{ADMIN} changes []"
    assert (await edited(admin, "notes/edit/1", title="Bread", body="")).status_code == 302
    assert told[-1] == f"{ADMIN} changes ['body', 'title']"
    (note,) = await stored(shop)
    assert (note.title, note.body, note.token, note.secret_plan) == ("Bread", None, "t", "p")
    assert (await edited(admin, "notes/edit/1", token="new")).status_code == 302
    refused = await edited(admin, "notes/edit/1", title="")
    assert (refused.status_code, alert(refused.text)[:6]) == (400, "title:")


async def test_hidden_columns_do_not_exist(shop: Database, admin: Client) -> None:
    """Are they on no page, and are read-only ones in no form?"""
    async with shop.session() as session:
        session.add(Note(title="Milk", secret_plan="covert plan", token="covert token"))
    for path in ("notes/list", "notes/details/1", "notes/edit/1", "notes/export/csv"):
        page = (await admin.get(f"/admin/{path}")).text
        assert "Milk" in page
        assert "covert" not in page
        assert "secret_plan" not in page
    for path in ("users/list", "users/create"):
        page = (await admin.get(f"/admin/{path}")).text
        assert "hashed_password" not in page
        assert "email_key" not in page
        assert "argon2" not in page
    form = (await admin.get("/admin/users/create")).text
    assert field(form, "email")
    assert 'type="password"' in field(form, "password")
    for name in ("is_superuser", "is_active", "created_at", "id"):
        assert field(form, name) == ""
    assert (await admin.get("/admin/notes/1/secret_plan/download/")).status_code == 404


async def test_deleted_rows_are_gone(shop: Database, admin: Client) -> None:
    """Is a deletion the service's: soft, refused by a hook, and final for the UI?"""
    await create(admin, title="Milk")
    await create(admin, title="kept")
    url = await admin.delete("/admin/notes/delete?pks=1")
    assert "error" not in url.text
    assert told[-1] == "deletes"
    milk, _ = await stored(shop)
    assert milk.deleted_at is not None
    page = words((await admin.get("/admin/notes/list")).text)
    assert "Milk" not in page
    assert "kept" in page
    for path in ("details", "edit"):
        assert (await admin.get(f"/admin/notes/{path}/1")).status_code == 404
    refused = await admin.delete("/admin/notes/delete?pks=2")
    assert "This+one+stays" in refused.text


async def test_users_are_made_and_changed_by_their_rules(shop: Database, admin: Client) -> None:
    """Is a password hashed, a weak one refused, and one's own asked for?"""
    weak = {"email": "new@example.com", "password": "12345678", **SAVE}
    refused = await admin.post("/admin/users/create", data=weak)
    assert refused.status_code == 400
    made = await admin.post("/admin/users/create", data={**weak, "password": PASSWORD})
    assert made.status_code == 302
    users = {user.email: user for user in await stored(shop, User)}
    assert (await auth.passwords.verify(PASSWORD, users["new@example.com"].hashed_password))[0]
    taken = await admin.post("/admin/users/create", data={**weak, "password": PASSWORD})
    assert alert(taken.text).startswith("email: ")
    own = f"users/edit/{users[ADMIN].id}"
    refused = await edited(admin, own, password="another good one")
    assert alert(refused.text) == "The current password is missing or wrong"
    changed = await edited(admin, own, password="another good one", current_password=PASSWORD)
    assert changed.status_code == 302
    assert (await enter(admin, password="another good one")).status_code == 302


async def test_rows_are_found_sorted_and_searched(admin: Client) -> None:
    """Do search and order work on what may be read?"""
    for title in ("Apple", "Banana"):
        await create(admin, title=title)
    found = words((await admin.get("/admin/notes/list?search=bana")).text)
    assert ("Banana" in found, "Apple" in found) == (True, False)
    ordered = words((await admin.get("/admin/notes/list?sortBy=title&sort=desc")).text)
    assert ordered.index("Banana") < ordered.index("Apple")
    assert (await admin.get("/admin/notes/list?sortBy=secret_plan")).status_code == 400


async def test_what_is_stored_is_text_and_no_markup(admin: Client) -> None:
    """Is a value shown as it is written, on every page?"""
    await create(admin, title="<b>x</b>", body="</textarea><b>x</b>")
    for path in ("list", "details/1", "edit/1"):
        page = (await admin.get(f"/admin/notes/{path}")).text
        assert "&lt;b&gt;x" in page
        assert "<b>x" not in page


async def test_composite_keys(shop: Database, admin: Client) -> None:
    """Can rows with a key of two columns be made, changed and deleted?"""
    made = await admin.post(
        "/admin/pairs/create", data={"left": "1", "right": "a", "count": "2", **SAVE}
    )
    assert made.status_code == 302
    changed = await admin.post("/admin/pairs/edit/1;a", data={"count": "3", **SAVE})
    assert changed.status_code == 302
    (pair,) = await stored(shop, Pair)
    assert pair.count == 3
    assert (await admin.delete("/admin/pairs/delete?pks=1;a")).status_code == 200
    assert await stored(shop, Pair) == []


@pytest.mark.parametrize("key", ["x", "1;2", str(2**70), "99"])
async def test_keys_that_no_row_has(admin: Client, key: str) -> None:
    """Is a key that cannot be, or is not there, not found?"""
    for path in ("details", "edit"):
        assert (await admin.get(f"/admin/notes/{path}/{key}")).status_code == 404


async def test_exports_are_bounded(
    shop: Database, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Does a file hold no more rows than fit into memory?"""
    assert ResourceView.export_max_rows == 10_000
    monkeypatch.setattr(ResourceView, "export_max_rows", 2)
    async with shop.session() as session:
        session.add_all([Pair(left=left, right="a", count=2) for left in range(3)])
    lines = (await admin.get("/admin/pairs/export/csv")).text.splitlines()
    assert len(lines) == 1 + 2


class Vanishing(Service[Pair]):
    """The row is gone by the time that it is written."""

    @override
    async def update(self, id: Any, data: Any) -> None:
        return None

    @override
    async def delete(self, id: Any) -> bool:
        return False


async def test_rows_that_are_gone_meanwhile(shop: Database) -> None:
    """Is it told that a row was deleted by somebody else, and not that it was changed?"""
    async with shop.session() as session:
        session.add(Pair(left=1, right="a", count=2))
    async with visitor(app_of(shop, make_crud_router(Pair, service=Vanishing))) as client:
        await enter(client)
        refused = await client.post("/admin/pairs/edit/1;a", data={"count": "3", **SAVE})
        assert alert(refused.text) == "Pair '1;a' not found"
        gone = await client.delete("/admin/pairs/delete?pks=1;a")
        assert "not+found" in gone.text

"""The example with an admin UI does what its page says."""

import sqlalchemy as sa

from tests.docs.conftest import Load, Visit

ADMIN, BOB, PASSWORD = "admin@example.com", "bob@example.com", "correct horse battery"
SAVE = {"save": "Save"}


async def test_superusers_manage_users_and_notes(load: Load, visit: Visit) -> None:
    """Do the rules of the schema hold in the UI, and can accounts be closed there?"""
    example = load("admin_ui")
    async with visit("admin_ui") as client:
        client.base_url = "https://test"
        client.headers["sec-fetch-site"] = "same-origin"
        ids: dict[str, str] = {}
        for email in (ADMIN, BOB):
            body = {"email": email, "password": PASSWORD}
            ids[email] = (await client.post("/api/v1/auth/register", json=body)).json()["id"]
        async with example.db.session() as session:
            admin = sa.update(example.User).where(example.User.email == ADMIN)
            await session.execute(admin.values(is_superuser=True))

        login = {"username": ADMIN, "password": PASSWORD}
        assert (await client.post("/admin/login", data=login)).status_code == 302
        short = await client.post("/admin/notes/create", data={"title": "a", **SAVE})
        assert "title: String should have at least 2 characters" in short.text
        made = await client.post("/admin/notes/create", data={"title": "ab", **SAVE})
        assert made.status_code == 302
        assert (await client.get("/api/v1/notes")).json()["total"] == 1

        form = {"email": BOB, **SAVE}  # the box of `is_active` is not checked
        closed = await client.post(f"/admin/users/edit/{ids[BOB]}", data=form)
        assert closed.status_code == 302
        refused = await client.post("/api/v1/auth/login", data={**login, "username": BOB})
        assert refused.status_code == 401

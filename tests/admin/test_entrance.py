"""Superusers come in, nobody else, and only as long as they are superusers."""

import pytest
import sqlalchemy as sa

from fastapi_crud import Database
from tests.admin.world import ADMIN, BOB, PASSWORD, User, app_of, auth, enter, visitor
from tests.conftest import Client


async def is_in(client: Client) -> bool:
    """Whether a visitor sees more than the login."""
    answer = await client.get("/admin/")
    assert answer.status_code in {200, 302}
    return bool(answer.status_code == 200)


async def test_superusers_come_in_and_leave(guest: Client) -> None:
    """Is the UI closed before the login, open after it, and closed after the logout?"""
    assert not await is_in(guest)
    entered = await enter(guest)
    cookie = entered.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "max-age=28800"))
    assert await is_in(guest)
    kept = dict(guest.cookies)
    assert (await guest.get("/admin/logout")).status_code == 302
    assert not await is_in(guest)
    guest.cookies.update(kept)
    assert not await is_in(guest)  # the login has ended, not just the cookie


@pytest.mark.parametrize(
    ("email", "password"),
    [(ADMIN, "wrong password"), ("nobody@example.com", PASSWORD), (BOB, PASSWORD), (ADMIN, "")],
    ids=["password", "address", "no superuser", "empty"],
)
async def test_others_stay_out_and_are_told_the_same(
    guest: Client, email: str, password: str
) -> None:
    """Is the answer the same for all that is wrong, and is nobody let in?"""
    answer = await enter(guest, email, password)
    assert (answer.status_code, "Invalid credentials." in answer.text) == (400, True)
    assert not await is_in(guest)


async def test_a_login_of_somebody_else_does_not_stay_open(shop: Database, guest: Client) -> None:
    """Is the login ended that turned out not to be a superuser's?"""
    await enter(guest, BOB)
    async with shop.session() as session:
        sessions = auth.tables.sessions
        running = await session.scalars(
            sa.select(sessions.c.id).where(sessions.c.revoked_at.is_(None))
        )
        assert running.all() == []


@pytest.mark.parametrize(
    "change", [{"is_superuser": False}, {"is_active": False}], ids=["superuser", "active"]
)
async def test_power_ends_at_once(shop: Database, admin: Client, change: dict[str, bool]) -> None:
    """Is somebody out at the next request who is no superuser any more, or closed?"""
    assert await is_in(admin)
    async with shop.session() as session:
        await session.execute(sa.update(User).where(User.email == ADMIN).values(change))
    assert not await is_in(admin)


async def test_guessing_is_slowed_down(guest: Client) -> None:
    """Do wrong passwords here count as they do at the login of the API?"""
    for _ in range(auth.settings.max_failures):
        assert (await enter(guest, password="wrong password")).status_code == 400
    waits = await enter(guest)
    assert waits.status_code == 429
    assert "Too many attempts" in waits.text


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "http://evil"}])
async def test_other_sites_cannot_do_anything(admin: Client, headers: dict[str, str]) -> None:
    """Is a change, or a login, refused that a page of another site has caused?"""
    del admin.headers["sec-fetch-site"]
    form = {"title": "evil", "save": "Save"}
    for path, data in (("/notes/create", form), ("/login", {"username": BOB, "password": "x"})):
        refused = await admin.post(f"/admin{path}", data=data, headers=headers)
        assert refused.status_code == 403
    gone = await admin.delete("/admin/notes/delete?pks=1", headers=headers)
    assert gone.status_code == 403


@pytest.mark.parametrize("cookie", ["nonsense", ""])
async def test_a_forged_cookie_is_none(guest: Client, cookie: str) -> None:
    """Is a cookie that was not signed here passed over?"""
    guest.cookies.set("admin", cookie)
    assert not await is_in(guest)


async def test_tls_is_the_default(shop: Database) -> None:
    """Is the cookie for TLS and this host alone, unless said otherwise?"""
    async with visitor(app_of(shop, secure=True)) as client:
        entered = await enter(client)
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith("__Host-admin=")
    assert "secure" in cookie.lower()
    assert "path=/;" in cookie.lower()


async def test_a_logout_without_a_login(guest: Client) -> None:
    """Does a logout do no harm where nobody is logged in?"""
    assert (await guest.get("/admin/logout")).status_code == 302

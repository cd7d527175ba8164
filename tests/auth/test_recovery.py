"""Passwords and addresses that change: by the current password, and by links in mails."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from fastapi_crud import Database
from fastapi_crud.models import utc_now
from tests.auth.world import (
    ANN,
    BOB,
    PASSWORD,
    app_with,
    auth,
    bearer,
    log_in,
    mailbox,
    problem,
    set_columns,
    sign_up,
    stopped_clock,
    user_row,
)
from tests.conftest import Client, Serve, counted

OTHER_PASSWORD = "incorrect zebra staple"
NEW = "new@example.com"
TWIN = "ａｎｎ@example.com"
ASKS = {
    "verify": ("/auth/request-verify-token", {"email": ANN}),
    "reset": ("/auth/forgot-password", {"email": ANN}),
    "change_email": ("/auth/change-email", {"new_email": NEW, "current_password": PASSWORD}),
}
"""Purpose → what asks for a link."""
USES: dict[str, tuple[str, dict[str, str]]] = {
    "verify": ("/auth/verify", {}),
    "reset": ("/auth/reset-password", {"new_password": OTHER_PASSWORD}),
    "change_email": ("/auth/verify", {}),
}
"""Purpose → what takes it."""
PURPOSES = pytest.mark.parametrize("purpose", [*ASKS])


@pytest.fixture
async def ann(lite_client: Client) -> Client:
    """A client on SQLite that calls by a login of Ann's."""
    await sign_up(lite_client)
    lite_client.headers.update(bearer(await log_in(lite_client)))
    return lite_client


async def ask(client: Client, purpose: str) -> str:
    """Ask for a link: its token."""
    path, body = ASKS[purpose]
    assert (await client.post(path, json=body)).status_code == 202
    return mailbox.token(purpose)


async def use(client: Client, purpose: str, token: str) -> Any:
    """Follow a link: the answer."""
    path, more = USES[purpose]
    return await client.post(path, json={"token": token, **more})


async def me(client: Client) -> dict[str, Any]:
    user: dict[str, Any] = (await client.get("/auth/me")).json()
    return user


# Links


@PURPOSES
async def test_a_link_works_once(ann: Client, purpose: str) -> None:
    """Does a link do what it is for, and nothing the second time?"""
    token = await ask(ann, purpose)
    assert (await use(ann, purpose, token)).status_code == 204
    assert problem(await use(ann, purpose, token)) == (400, "invalid_token")


@PURPOSES
async def test_of_many_uses_one_counts(app_client: Client, purpose: str) -> None:
    """Do many who follow a link at the same time set one password, or address?"""
    await sign_up(app_client)
    app_client.headers.update(bearer(await log_in(app_client)))
    token = await ask(app_client, purpose)
    answers = await asyncio.gather(*(use(app_client, purpose, token) for _ in range(6)))
    assert sorted(it.status_code for it in answers) == [204] + [400] * 5


@pytest.mark.parametrize("wrong", ["verify", "change_email"])
async def test_a_link_is_for_one_purpose(ann: Client, wrong: str) -> None:
    """Is a password not set by a link that is for something else, nor an address by a reset?"""
    token = await ask(ann, wrong)
    assert problem(await use(ann, "reset", token)) == (400, "invalid_token")
    reset = await ask(ann, "reset")
    assert problem(await use(ann, "verify", reset)) == (400, "invalid_token")
    assert (await use(ann, wrong, token)).status_code == 204


@pytest.mark.parametrize(
    ("purpose", "minutes", "status"),
    [
        pytest.param("reset", 29, 204, id="reset in time"),
        pytest.param("reset", 30, 400, id="reset too late"),
        pytest.param("verify", 24 * 60 - 1, 204, id="verify in time"),
        pytest.param("verify", 24 * 60, 400, id="verify too late"),
        pytest.param("change_email", 24 * 60, 400, id="change of address too late"),
    ],
)
async def test_links_expire(
    ann: Client, monkeypatch: pytest.MonkeyPatch, purpose: str, minutes: int, status: int
) -> None:
    """Does a link work as long as its mail says, and no longer?"""
    clock = stopped_clock(monkeypatch, "mails")
    token = await ask(ann, purpose)
    notice = next(it for it in mailbox.notices if it.token == token)
    clock.move(minutes=minutes)
    assert notice.expires_at is not None
    assert (clock.now < notice.expires_at) == (status == 204)
    assert (await use(ann, purpose, token)).status_code == status


CHANGES = {
    "change-password": (
        "POST",
        "/auth/change-password",
        {"current_password": PASSWORD, "new_password": OTHER_PASSWORD},
    ),
    "PATCH of the password": (
        "PATCH",
        "/auth/me",
        {"current_password": PASSWORD, "password": OTHER_PASSWORD},
    ),
    "PATCH of the address": ("PATCH", "/auth/me", {"current_password": PASSWORD, "email": BOB}),
}


@PURPOSES
@pytest.mark.parametrize("change", [*CHANGES, "reset", "change of the address by a link"])
async def test_a_change_ends_links_that_are_out(ann: Client, purpose: str, change: str) -> None:
    """Does no link work any more, once the password or the address has changed?"""
    token = await ask(ann, purpose)
    if change in CHANGES:
        method, path, body = CHANGES[change]
        assert (await ann.request(method, path, json=body)).status_code in {200, 204}
    else:
        by = "reset" if change == "reset" else "change_email"
        assert (await use(ann, by, await ask(ann, by))).status_code == 204
    assert problem(await use(ann, purpose, token)) == (400, "invalid_token")


@PURPOSES
async def test_a_new_mail_of_another_purpose_ends_no_link(ann: Client, purpose: str) -> None:
    """Do links live beside each other, and beside a login?"""
    token = await ask(ann, purpose)
    for other in ASKS:
        if other != purpose:
            await ask(ann, other)
    await log_in(ann)
    assert (await use(ann, purpose, token)).status_code == 204


async def test_the_last_new_address_counts(ann: Client) -> None:
    """Can the owner of an address that was mistyped not take the account?"""
    mistyped = await ask(ann, "change_email")
    body = {"new_email": BOB, "current_password": PASSWORD}
    assert (await ann.post("/auth/change-email", json=body)).status_code == 202
    meant = mailbox.token("change_email")
    assert problem(await use(ann, "change_email", mistyped)) == (400, "invalid_token")
    assert (await use(ann, "change_email", meant)).status_code == 204
    assert problem(await use(ann, "change_email", mistyped)) == (400, "invalid_token")
    assert (await me(ann))["email"] == BOB


@PURPOSES
@pytest.mark.parametrize("how", ["deleted", "inactive"])
async def test_links_of_accounts_that_are_closed(
    ann: Client, lite_users: Database, purpose: str, how: str
) -> None:
    """Does a link do nothing for an account that is not there, or not open?"""
    token, user = await ask(ann, purpose), await me(ann)
    if how == "deleted":
        assert (await ann.delete(f"/users/{user['id']}")).status_code == 204
    else:
        await set_columns(lite_users, user, is_active=False)
    assert problem(await use(ann, purpose, token)) == (400, "invalid_token")
    if how == "inactive":
        await set_columns(lite_users, user, is_active=True)
        assert (await use(ann, purpose, token)).status_code == 204


@pytest.mark.parametrize("purpose", ["verify", "reset"])
async def test_a_link_is_for_the_address_it_went_to(
    ann: Client, lite_users: Database, purpose: str
) -> None:
    """Does a link not work for another address, however that was changed?"""
    token = await ask(ann, purpose)
    await set_columns(lite_users, await me(ann), email=BOB, email_key=BOB)
    assert problem(await use(ann, purpose, token)) == (400, "invalid_token")
    await set_columns(lite_users, await me(ann), email="Ann@Example.com", email_key=ANN)
    assert (await use(ann, purpose, token)).status_code == 204


# To whom mails go


@pytest.mark.parametrize("purpose", ["verify", "reset"])
@pytest.mark.parametrize("typed", [TWIN, "ANN@EXAMPLE.COM", "ann@ｅxample.com"])
async def test_links_go_to_the_address_on_record(ann: Client, purpose: str, typed: str) -> None:
    """Does a link for an account not go to a mailbox whose name only looks the same?"""
    path, _ = ASKS[purpose]
    assert (await ann.post(path, json={"email": typed})).status_code == 202
    assert [it.email for it in mailbox.notices] == [ANN]


async def test_known_and_unknown_addresses_cost_the_same(
    lite_client: Client, lite_users: Database
) -> None:
    """Are the statements the same for an address that is known and one that is not?"""
    await sign_up(lite_client)
    texts: list[list[str]] = []
    for email in (ANN, BOB, ANN, BOB):
        with counted(lite_users.engine) as statements:
            await lite_client.post("/auth/forgot-password", json={"email": email})
        texts.append(statements.texts)
    assert texts[2] == texts[3]  # the first request finds no count of its own yet


later: list[tuple[str, str]] = []


async def keep_for_later(_: object, purpose: str, email: str) -> None:
    """Store that a mail is to be written."""
    later.append((purpose, email))


async def test_mails_can_be_written_later(lite_users: Database, serve: Serve) -> None:
    """With `defer`: is an address only stored, whether or not anybody has it, and no link made?"""
    client = serve(lite_users, app=app_with(defer=keep_for_later))
    await sign_up(client)
    later.clear()
    for email in (ANN, BOB):
        answer = await client.post("/auth/forgot-password", json={"email": email})
        assert (answer.status_code, answer.content) == (202, b"")
    assert later == [("reset", ANN), ("reset", BOB)]
    assert mailbox.notices == []
    async with lite_users.session() as session:
        assert (await session.execute(sa.select(auth.tables.one_time_tokens))).all() == []


async def test_nobody_is_flooded_with_links(lite_users: Database, serve: Serve) -> None:
    """Are only a few links sent to one mailbox, without telling who asks?"""
    client = serve(lite_users, app=app_with(max_failures=2, max_address_failures=4))
    await sign_up(client)
    for _ in range(4):
        assert await ask(client, "reset")
    assert [it.kind for it in mailbox.notices] == ["reset"] * 2


async def test_nobody_is_flooded_with_new_addresses(lite_users: Database, serve: Serve) -> None:
    """Does somebody with an account not fill the mailboxes of others?"""
    client = serve(lite_users, app=app_with(max_failures=2, max_address_failures=4))
    await sign_up(client)
    client.headers.update(bearer(await log_in(client)))
    path, body = ASKS["change_email"]
    answers = [await client.post(path, json=body) for _ in range(4)]
    assert [it.status_code for it in answers] == [202] * 4
    sent = [it.kind for it in mailbox.notices]
    assert sent == ["change_email", "email_changed"] * 2
    answer = await client.post(path, json={**body, "new_email": BOB})
    assert problem(answer) == (429, "too_many_attempts")


# What a reset does besides


async def test_a_reset_keeps_when_the_address_was_verified(
    ann: Client, lite_users: Database
) -> None:
    """Is the time of the first verification kept, and set where there was none?"""
    before = utc_now()
    assert (await use(ann, "reset", await ask(ann, "reset"))).status_code == 204
    first = (await user_row(lite_users)).email_verified_at
    assert first is not None
    assert first >= before
    assert (await use(ann, "reset", await ask(ann, "reset"))).status_code == 204
    assert (await user_row(lite_users)).email_verified_at == first


async def test_a_refused_password_ends_nothing(ann: Client) -> None:
    """Do logins and links go on where the new password was too weak?"""
    token = await ask(ann, "reset")
    body = {"token": token, "new_password": "password1"}
    assert problem(await ann.post("/auth/reset-password", json=body)) == (422, "weak_password")
    body = {"current_password": PASSWORD, "new_password": "password1"}
    assert problem(await ann.post("/auth/change-password", json=body)) == (422, "weak_password")
    assert (await ann.get("/auth/me")).status_code == 200
    assert (await use(ann, "reset", token)).status_code == 204


async def test_tokens_are_stored_as_hashes(ann: Client, lite_users: Database) -> None:
    """Is no token of a mail found in the database?"""
    tokens = [await ask(ann, purpose) for purpose in ASKS]
    async with lite_users.session() as session:
        rows = (await session.execute(sa.select(auth.tables.one_time_tokens))).all()
    assert {row.purpose for row in rows} == {*ASKS}
    assert not any(token in str(rows) for token in tokens)
    assert not any(token in repr(mailbox.notices) for token in tokens)

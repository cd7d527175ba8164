"""Accounts over HTTP: opened, shown, changed, and their passwords and addresses, by links as well."""

from typing import Any

import pytest

from fastapi_crud import Database
from fastapi_crud.models import utc_now
from tests.auth.world import (
    ANN,
    BOB,
    PASSWORD,
    app_with,
    bearer,
    hear,
    heard,
    log_in,
    mailbox,
    make_key,
    problem,
    rotating,
    set_columns,
    sign_up,
    user_row,
)
from tests.conftest import Client, Serve

NEW = {"email": ANN, "name": "Ann", "password": PASSWORD}
OTHER_PASSWORD = "incorrect zebra staple"
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
FORGED = "fcv_" + "a" * 43
FIELDS = [
    "id", "email", "name", "is_active", "is_superuser", "email_verified_at", "scopes",
    "created_at", "updated_at",
]  # fmt: skip


@pytest.fixture
async def ann(lite_client: Client) -> Client:
    """A client on SQLite that calls by a login of Ann's."""
    await sign_up(lite_client)
    lite_client.headers.update(bearer(await log_in(lite_client)))
    return lite_client


async def log_in_with(client: Client, password: str, email: str = ANN) -> int:
    """Try a password: the status of the answer."""
    form = {"username": email, "password": password}
    return (await client.post("/auth/login", data=form)).status_code


# Register


async def test_anybody_can_open_an_account(app_client: Client, users: Database) -> None:
    """Is the account shown without a secret, and can its password be used?"""
    answer = await app_client.post("/auth/register", json=NEW)
    assert answer.status_code == 201
    assert answer.headers.items() >= NO_STORE.items()
    body = answer.json()
    assert [*body] == FIELDS
    said = (body["email"], body["is_active"], body["is_superuser"], body["scopes"])
    assert said == (ANN, True, False, [])
    row = await user_row(users)
    assert row.hashed_password.startswith("$argon2id$")
    assert row.email_key == ANN
    me = await app_client.get("/auth/me", headers=bearer(await log_in(app_client)))
    assert me.json() == body


REFUSED = [
    pytest.param({"email": "ann"}, "validation_error", "#/email", id="no address"),
    pytest.param({"email": "Ann <ann@example.com>"}, "validation_error", "#/email", id="named"),
    pytest.param({"email": None}, "validation_error", "#/email", id="null"),
    pytest.param({"name": "A"}, "validation_error", "#/name", id="rule of the model"),
    pytest.param({"password": "qzxjw"}, "validation_error", "#/password", id="short"),
    pytest.param({"password": "x" * 1025}, "validation_error", "#/password", id="long"),
    pytest.param({"password": "password1"}, "weak_password", "#/password", id="common"),
    pytest.param({"password": "ann@EXAMPLE.com"}, "weak_password", "#/password", id="address"),
    pytest.param({"name": "A. Nonymous", "password": "a. nonymous"}, "weak_password", "#/password", id="name"),
    pytest.param({"is_superuser": True}, "validation_error", "#/is_superuser", id="superuser"),
    pytest.param({"scopes": ["qzxjw"]}, "validation_error", "#/scopes", id="scopes"),
    pytest.param({"hashed_password": "qzxjw"}, "validation_error", "#/hashed_password", id="hash"),
    pytest.param({"email_key": BOB}, "validation_error", "#/email_key", id="key"),
    pytest.param({"seen_at": None}, "validation_error", "#/seen_at", id="hidden"),
    pytest.param({"current_password": PASSWORD}, "validation_error", "#/current_password", id="current"),
]  # fmt: skip


@pytest.mark.parametrize("path", ["/auth/register", "/users"])
@pytest.mark.parametrize(("change", "code", "pointer"), REFUSED)
async def test_what_is_no_account_is_refused(
    lite_client: Client, path: str, change: dict[str, Any], code: str, pointer: str
) -> None:
    """Do both ways to an account refuse the same, and say where, without repeating it?"""
    answer = await lite_client.post(path, json={**NEW, **change})
    assert problem(answer) == (422, code)
    assert [it["pointer"] for it in answer.json()["errors"]] == [pointer]
    assert "qzxjw" not in answer.text
    assert PASSWORD not in answer.text


async def test_an_address_is_taken_once(app_client: Client) -> None:
    """Is it 409 for an address that is taken, in any spelling, and is the field named?"""
    await app_client.post("/auth/register", json=NEW)
    for email in (ANN, "ANN@example.com", "ann@EXAMPLE.com", "ａｎｎ@example.com"):
        answer = await app_client.post("/auth/register", json={**NEW, "email": email})
        assert problem(answer) == (409, "email_taken")
        assert answer.json()["detail"] == "An account with this address already exists"
        assert [it["pointer"] for it in answer.json()["errors"]] == ["#/email"]
        other = await app_client.post("/users", json={**NEW, "email": email})
        assert problem(other) == (409, "unique_violation")
        assert [it["pointer"] for it in other.json()["errors"]] == ["#/email"]
        assert "email_key" not in answer.text + other.text


async def test_both_ways_to_an_account_agree(lite_client: Client, lite_users: Database) -> None:
    """Do `/register` and `POST /users` show and store the same?"""
    one = (await lite_client.post("/auth/register", json=NEW)).json()
    two = (await lite_client.post("/users", json={**NEW, "email": BOB})).json()
    own = {"id", "email", "created_at", "updated_at"}
    assert {k: v for k, v in one.items() if k not in own} == {
        k: v for k, v in two.items() if k not in own
    }
    assert [*one] == [*two]
    assert (await user_row(lite_users, BOB)).email_key == BOB
    assert await log_in(lite_client, BOB)


async def test_few_accounts_are_opened_from_one_address(lite_users: Database, serve: Serve) -> None:
    """Does somebody have to wait who opens account after account?"""
    client = serve(lite_users, app=app_with(max_address_failures=2))
    answers = [
        await client.post("/auth/register", json={**NEW, "email": f"{i}@example.com"})
        for i in range(3)
    ]
    assert [it.status_code for it in answers] == [201, 201, 429]
    assert problem(answers[2]) == (429, "too_many_attempts")
    assert int(answers[2].headers["retry-after"]) >= 1


async def test_accounts_can_be_hidden(lite_users: Database, serve: Serve) -> None:
    """With `hide_existing`: is the answer the same, byte by byte, for an address that is taken?"""
    client = serve(lite_users, app=app_with(hide_existing=True))
    answers = [await client.post("/auth/register", json=NEW) for _ in range(2)]
    assert [(it.status_code, it.content) for it in answers] == [(202, b"")] * 2
    assert answers[0].headers == answers[1].headers
    weak = await client.post("/auth/register", json={**NEW, "password": "password1"})
    assert problem(weak) == (422, "weak_password")
    assert await log_in(client)


# Me


async def test_i_see_myself(ann: Client) -> None:
    """Am I shown as the users router shows me, and not to be kept?"""
    answer = await ann.get("/auth/me")
    assert (answer.status_code, [*answer.json()]) == (200, FIELDS)
    assert answer.headers.items() >= NO_STORE.items()
    assert (await ann.get(f"/users/{answer.json()['id']}")).json() == answer.json()
    head = await ann.head("/auth/me")
    assert (head.status_code, head.content) == (200, b"")


async def test_an_api_key_sees_whose_it_is(ann: Client) -> None:
    """Does a key tell whose it is, and change nothing of its user here?"""
    key = await make_key(ann, {"access_token": ann.headers["authorization"].split()[1]})
    assert (await ann.get("/auth/me", headers=key)).json()["email"] == ANN
    answer = await ann.patch("/auth/me", json={"name": "New"}, headers=key)
    assert problem(answer) == (403, "insufficient_scope")


async def test_i_change_what_is_mine(app_client: Client) -> None:
    """Can a name be changed as it is, and is the new state the answer?"""
    user = await sign_up(app_client)
    headers = bearer(await log_in(app_client))
    answer = await app_client.patch("/auth/me", json={"name": "New"}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers.items() >= NO_STORE.items()
    assert {**answer.json(), "updated_at": user["updated_at"]} == {**user, "name": "New"}
    same = await app_client.patch("/auth/me", json={}, headers=headers)
    assert same.json() == answer.json()


SELF_CHANGES = [
    pytest.param({"name": "A"}, (422, "validation_error"), id="rule of the model"),
    pytest.param({"name": None}, (422, "validation_error"), id="null"),
    pytest.param({"hashed_password": "x"}, (422, "validation_error"), id="hash"),
    pytest.param({"email_key": BOB}, (422, "validation_error"), id="key"),
    pytest.param({"unknown": 1}, (422, "validation_error"), id="unknown"),
    pytest.param({"email": BOB}, (400, "invalid_current_password"), id="address alone"),
    pytest.param({"password": OTHER_PASSWORD}, (400, "invalid_current_password"), id="password alone"),
    pytest.param({"password": None}, (422, "validation_error"), id="no password"),
    pytest.param(
        {"email": BOB, "current_password": "wrong"}, (400, "invalid_current_password"), id="wrong"
    ),
    pytest.param(
        {"email": BOB, "current_password": PASSWORD}, (409, "email_taken"), id="taken address"
    ),
    pytest.param(
        {"password": ANN, "current_password": PASSWORD}, (422, "weak_password"), id="own address"
    ),
    pytest.param(
        {"password": "Somebody", "current_password": PASSWORD}, (422, "weak_password"), id="own name"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), SELF_CHANGES)
async def test_some_changes_of_myself_are_refused(
    ann: Client, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Is each change refused that is wrong, or for which the current password is missing?"""
    await sign_up(ann, BOB)
    before = (await ann.get("/auth/me")).json()
    answer = await ann.patch("/auth/me", json=change)
    assert problem(answer) == expected
    assert PASSWORD not in answer.text
    assert (await ann.get("/auth/me")).json() == before
    assert await log_in_with(ann, PASSWORD) == 200


async def test_what_gives_power_is_not_mine_to_change(ann: Client) -> None:
    """Are read-only columns ignored, so that what was read can be sent back?"""
    me = (await ann.get("/auth/me")).json()
    powers = {"is_superuser": True, "is_active": False, "scopes": ["a"], "id": me["id"]}
    answer = await ann.patch(
        "/auth/me", json={**me, **powers, "email_verified_at": me["created_at"]}
    )
    assert answer.status_code == 200
    assert {**answer.json(), "updated_at": me["updated_at"]} == me


async def test_a_new_address_is_not_verified(app_client: Client, users: Database) -> None:
    """Does an address that changes need the password, end other logins, and lose its mark?"""
    user = await sign_up(app_client)
    await set_columns(users, user, email_verified_at=utc_now())
    this, other = await log_in(app_client), await log_in(app_client)
    change = {"email": BOB, "current_password": PASSWORD}
    answer = await app_client.patch("/auth/me", json=change, headers=bearer(this))
    assert answer.status_code == 200
    assert (answer.json()["email"], answer.json()["email_verified_at"]) == (BOB, None)
    assert (await app_client.get("/auth/me", headers=bearer(this))).status_code == 200
    assert (await app_client.get("/auth/me", headers=bearer(other))).status_code == 401
    assert await log_in_with(app_client, PASSWORD, ANN) == 401
    assert await log_in_with(app_client, PASSWORD, BOB) == 200


async def test_a_user_who_is_gone_cannot_change(lite_users: Database, serve: Serve) -> None:
    """Is it 401 where the account is closed while it changes itself?"""
    client = serve(lite_users, app=app_with())
    user = await sign_up(client)
    headers = bearer(await log_in(client))
    await set_columns(lite_users, user, is_active=False)
    answer = await client.patch("/auth/me", json={"name": "New"}, headers=headers)
    assert problem(answer) == (401, "unauthorized")


# Change of the password


async def test_a_password_is_changed_by_the_current_one(app_client: Client) -> None:
    """Does the new password count, do other logins end, and is the user told?"""
    await sign_up(app_client)
    this, other = await log_in(app_client), await log_in(app_client)
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await app_client.post("/auth/change-password", json=body, headers=bearer(this))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers.items() >= NO_STORE.items()
    assert (await app_client.get("/auth/me", headers=bearer(this))).status_code == 200
    assert (await app_client.post("/auth/refresh", json=rotating(this))).status_code == 200
    assert (await app_client.get("/auth/me", headers=bearer(other))).status_code == 401
    assert (await app_client.post("/auth/refresh", json=rotating(other))).status_code == 401
    assert await log_in_with(app_client, PASSWORD) == 401
    assert await log_in_with(app_client, OTHER_PASSWORD) == 200
    assert [(it.kind, it.email, it.token) for it in mailbox.notices] == [
        ("password_changed", ANN, None)
    ]


PASSWORD_CHANGES = [
    pytest.param("wrong", OTHER_PASSWORD, (400, "invalid_current_password"), None, id="wrong"),
    pytest.param(PASSWORD, "password1", (422, "weak_password"), "#/new_password", id="common"),
    pytest.param(PASSWORD, ANN, (422, "weak_password"), "#/new_password", id="own address"),
    pytest.param(PASSWORD, "Somebody", (422, "weak_password"), "#/new_password", id="own name"),
    pytest.param(PASSWORD, "qzxjw", (422, "validation_error"), "#/new_password", id="short"),
    pytest.param("", OTHER_PASSWORD, (422, "validation_error"), "#/current_password", id="none"),
]  # fmt: skip


@pytest.mark.parametrize(("current", "new", "expected", "pointer"), PASSWORD_CHANGES)
async def test_some_changes_of_a_password_are_refused(
    ann: Client, current: str, new: str, expected: tuple[int, str], pointer: str | None
) -> None:
    """Is nothing changed, and nothing repeated, where the password is wrong or the new one bad?"""
    other = await log_in(ann)
    body = {"current_password": current, "new_password": new}
    answer = await ann.post("/auth/change-password", json=body)
    assert problem(answer) == expected
    assert [it["pointer"] for it in answer.json().get("errors", [])] == [pointer] * bool(pointer)
    assert PASSWORD not in answer.text
    assert new not in answer.text
    assert await log_in_with(ann, PASSWORD) == 200
    assert (await ann.get("/auth/me", headers=bearer(other))).status_code == 200
    assert mailbox.notices == []


@pytest.mark.parametrize("path", ["change-password", "change-email"])
async def test_current_passwords_are_not_guessed(ann: Client, path: str) -> None:
    """Does the sixth wrong password wait, even if it is right, while logins go on?"""
    more = {"new_password": OTHER_PASSWORD} if path == "change-password" else {"new_email": BOB}
    for guess in range(5):
        answer = await ann.post(f"/auth/{path}", json={"current_password": f"no {guess}", **more})
        assert problem(answer) == (400, "invalid_current_password")
    answer = await ann.post(f"/auth/{path}", json={"current_password": PASSWORD, **more})
    assert problem(answer) == (429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) >= 1
    assert await log_in_with(ann, PASSWORD) == 200


# Links


@pytest.mark.parametrize("email", [ANN, "ANN@Example.com", "ａｎｎ@example.com"])
async def test_a_password_is_reset_by_a_link(app_client: Client, email: str) -> None:
    """Does a link to the address on record set a password, end all logins, and verify the address?"""
    await sign_up(app_client)
    before = await log_in(app_client)
    asked = await app_client.post("/auth/forgot-password", json={"email": email})
    assert (asked.status_code, asked.content) == (202, b"")
    assert [(it.kind, it.email) for it in mailbox.notices] == [("reset", ANN)]
    body = {"token": mailbox.token("reset"), "new_password": OTHER_PASSWORD}
    answer = await app_client.post("/auth/reset-password", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers.items() >= NO_STORE.items()
    assert (await app_client.get("/auth/me", headers=bearer(before))).status_code == 401
    assert await log_in_with(app_client, PASSWORD) == 401
    after = await log_in(app_client, password=OTHER_PASSWORD)
    me = (await app_client.get("/auth/me", headers=bearer(after))).json()
    assert me["email_verified_at"] is not None
    assert [it.kind for it in mailbox.notices] == ["reset", "password_changed"]
    again = await app_client.post("/auth/reset-password", json=body)
    assert problem(again) == (400, "invalid_token")


async def test_a_weak_password_does_not_use_up_the_link(ann: Client) -> None:
    """Can the same link be used once more, where the new password was refused?"""
    await ann.post("/auth/forgot-password", json={"email": ANN})
    token = mailbox.token("reset")
    for weak in ("password1", ANN, "Somebody"):
        body = {"token": token, "new_password": weak}
        answer = await ann.post("/auth/reset-password", json=body)
        assert problem(answer) == (422, "weak_password")
        assert [it["pointer"] for it in answer.json()["errors"]] == ["#/new_password"]
    body = {"token": token, "new_password": OTHER_PASSWORD}
    assert (await ann.post("/auth/reset-password", json=body)).status_code == 204


async def test_an_address_is_verified_by_a_link(app_client: Client) -> None:
    """Is an address marked once its owner follows the link, and is there no other link then?"""
    await sign_up(app_client)
    headers = bearer(await log_in(app_client))
    asked = await app_client.post("/auth/request-verify-token", json={"email": ANN})
    assert (asked.status_code, asked.content) == (202, b"")
    body = {"token": mailbox.token("verify")}
    answer = await app_client.post("/auth/verify", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers.items() >= NO_STORE.items()
    me = (await app_client.get("/auth/me", headers=headers)).json()
    assert me["email_verified_at"] is not None
    assert problem(await app_client.post("/auth/verify", json=body)) == (400, "invalid_token")
    mailbox.notices.clear()
    again = await app_client.post("/auth/request-verify-token", json={"email": ANN})
    assert (again.status_code, mailbox.notices) == (202, [])


@pytest.mark.parametrize("path", ["forgot-password", "request-verify-token"])
async def test_nobody_learns_who_has_an_account(
    lite_users: Database, ann: Client, path: str
) -> None:
    """Is the answer the same for accounts that are open, closed, or not there?"""
    closed = await sign_up(ann, BOB)
    await set_columns(lite_users, closed, is_active=False)
    answers = [
        await ann.post(f"/auth/{path}", json={"email": email})
        for email in (ANN, BOB, "nobody@example.com")
    ]
    assert [(it.status_code, it.content) for it in answers] == [(202, b"")] * 3
    assert answers[0].headers == answers[1].headers == answers[2].headers
    assert [it.email for it in mailbox.notices] == [ANN]


async def test_an_address_changes_by_a_link(app_client: Client, users: Database) -> None:
    """Does the address change when the new one is confirmed, and is the old one warned before?"""
    await sign_up(app_client)
    headers = bearer(await log_in(app_client))
    body = {"new_email": BOB, "current_password": PASSWORD}
    asked = await app_client.post("/auth/change-email", json=body, headers=headers)
    assert (asked.status_code, asked.content) == (202, b"")
    assert asked.headers.items() >= NO_STORE.items()
    sent = [(it.kind, it.email, it.token is None) for it in mailbox.notices]
    assert sent == [("change_email", BOB, False), ("email_changed", ANN, True)]
    assert (await app_client.get("/auth/me", headers=headers)).json()["email"] == ANN
    answer = await app_client.post("/auth/verify", json={"token": mailbox.token("change_email")})
    assert answer.status_code == 204
    me = (await app_client.get("/auth/me", headers=headers)).json()
    assert (me["email"], me["email_verified_at"] is None) == (BOB, False)
    assert (await user_row(users, BOB)).email_key == BOB
    assert await log_in_with(app_client, PASSWORD, BOB) == 200


EMAIL_CHANGES = [
    pytest.param({"new_email": BOB, "current_password": "wrong"}, (400, "invalid_current_password"), id="wrong"),
    pytest.param({"new_email": "x", "current_password": PASSWORD}, (422, "validation_error"), id="no address"),
    pytest.param({"new_email": BOB}, (422, "validation_error"), id="no password"),
    pytest.param({"email": BOB, "current_password": PASSWORD}, (422, "validation_error"), id="other key"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), EMAIL_CHANGES)
async def test_some_changes_of_an_address_are_refused(
    ann: Client, body: dict[str, str], expected: tuple[int, str]
) -> None:
    """Is no mail sent for a change that is refused?"""
    assert problem(await ann.post("/auth/change-email", json=body)) == expected
    assert mailbox.notices == []


async def test_a_taken_address_is_found_out_by_its_owner_alone(ann: Client) -> None:
    """Is the answer no other for an address that is taken, until somebody follows the link?"""
    await sign_up(ann, BOB)
    body = {"new_email": BOB, "current_password": PASSWORD}
    assert (await ann.post("/auth/change-email", json=body)).status_code == 202
    token = {"token": mailbox.token("change_email")}
    for _ in range(2):
        answer = await ann.post("/auth/verify", json=token)
        assert problem(answer) == (409, "email_taken")
    assert (await ann.get("/auth/me")).json()["email"] == ANN


BAD_TOKENS = [
    pytest.param({"token": FORGED}, (400, "invalid_token"), id="forged"),
    pytest.param({"token": "x"}, (400, "invalid_token"), id="no token"),
    pytest.param({"token": "fcr_" + "a" * 43}, (400, "invalid_token"), id="refresh token"),
    pytest.param({"token": ""}, (422, "validation_error"), id="empty"),
    pytest.param({"token": "a" * 513}, (422, "validation_error"), id="long"),
    pytest.param({"token": None}, (422, "validation_error"), id="null"),
    pytest.param({}, (422, "validation_error"), id="nothing"),
    pytest.param({"token": FORGED, "email": ANN}, (422, "validation_error"), id="more"),
]


@pytest.mark.parametrize("path", ["verify", "reset-password"])
@pytest.mark.parametrize(("body", "expected"), BAD_TOKENS)
async def test_links_that_do_not_work_are_refused(
    lite_client: Client, path: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Is it the same answer, whatever is wrong with a link?"""
    more = {"new_password": OTHER_PASSWORD} if path == "reset-password" else {}
    answer = await lite_client.post(f"/auth/{path}", json={**body, **more})
    assert problem(answer) == expected
    assert FORGED not in answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("forgot-password", {"email": "x"}, id="forgot-password"),
        pytest.param("forgot-password", {}, id="nothing"),
        pytest.param("request-verify-token", {"email": None}, id="request-verify-token"),
        pytest.param("request-verify-token", {"email": ANN, "purpose": "reset"}, id="more"),
    ],
)
async def test_what_is_no_address_is_refused(
    lite_client: Client, path: str, body: dict[str, Any]
) -> None:
    """Is it 422 where there is no address to write to?"""
    answer = await lite_client.post(f"/auth/{path}", json=body)
    assert problem(answer) == (422, "validation_error")


@pytest.mark.parametrize("path", ["forgot-password", "request-verify-token"])
async def test_few_mails_are_sent(lite_users: Database, serve: Serve, path: str) -> None:
    """Is nobody flooded with mails, without telling, and does a client that tries wait?"""
    client = serve(lite_users, app=app_with(max_failures=2, max_address_failures=4))
    await sign_up(client)
    answers = [await client.post(f"/auth/{path}", json={"email": ANN}) for _ in range(4)]
    assert {it.status_code for it in answers} == {202}
    assert len(mailbox.notices) == 2
    answer = await client.post(f"/auth/{path}", json={"email": BOB})
    assert problem(answer) == (429, "too_many_attempts")
    assert int(answer.headers["retry-after"]) >= 1


# What they have in common


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/auth/me", id="me"),
        pytest.param("PATCH", "/auth/me", id="update me"),
        pytest.param("POST", "/auth/change-password", id="change-password"),
        pytest.param("POST", "/auth/change-email", id="change-email"),
    ],
)
async def test_accounts_are_for_their_users(lite_client: Client, method: str, path: str) -> None:
    """Is it 401 for nobody and for bad tokens, with the challenge that RFC 6750 asks for?"""
    for headers, challenge in (
        ({}, "Bearer"),
        ({"Authorization": "Basic eDp5"}, "Bearer"),
        ({"Authorization": "Bearer x"}, 'Bearer error="invalid_token"'),
    ):
        answer = await lite_client.request(method, path, json={}, headers=headers)
        assert problem(answer) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("path", ["change-password", "change-email"])
async def test_api_keys_do_not_change_accounts(ann: Client, path: str) -> None:
    """Is it 403 for an API key, with the right password as well?"""
    key = await make_key(ann, {"access_token": ann.headers["authorization"].split()[1]})
    more = {"new_password": OTHER_PASSWORD} if path == "change-password" else {"new_email": BOB}
    body = {"current_password": PASSWORD, **more}
    answer = await ann.post(f"/auth/{path}", json=body, headers=key)
    assert problem(answer) == (403, "insufficient_scope")


async def test_everything_is_told(lite_users: Database, serve: Serve) -> None:
    """Is the app told of each step of an account, whose it is, and of no secret?"""
    client = serve(lite_users, app=app_with(on_event=hear))
    user = (await client.post("/auth/register", json=NEW)).json()
    headers = bearer(await log_in(client))
    await client.post("/auth/request-verify-token", json={"email": ANN})
    await client.post("/auth/verify", json={"token": mailbox.token("verify")})
    change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    await client.post("/auth/change-password", json=change, headers=headers)
    move = {"current_password": OTHER_PASSWORD, "new_email": BOB}
    await client.post("/auth/change-email", json=move, headers=headers)
    await client.post("/auth/verify", json={"token": mailbox.token("change_email")})
    back = {"current_password": OTHER_PASSWORD, "email": ANN, "password": PASSWORD}
    await client.patch("/auth/me", json=back, headers=headers)
    await client.post("/auth/forgot-password", json={"email": ANN})
    reset = {"token": mailbox.token("reset"), "new_password": OTHER_PASSWORD}
    await client.post("/auth/reset-password", json=reset)
    told = [it.name for it in heard if it.user_id == user["id"]]
    assert told == [
        "registered", "logged_in", "email_verified", "password_changed", "email_change_requested",
        "email_changed", "password_changed", "email_changed", "password_reset",
    ]  # fmt: skip
    nobodys = [it.name for it in heard if it.user_id is None]
    assert nobodys == ["verify_requested", "reset_requested"]
    assert not any(secret in repr(heard) for secret in (PASSWORD, OTHER_PASSWORD, "fcv_"))


async def test_a_mail_that_fails_changes_nothing(
    lite_users: Database, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Is the answer what it is, and the failure logged without whom it was for?"""

    client = serve(lite_users, app=app_with(notifier=broken))
    await sign_up(client)
    answer = await client.post("/auth/forgot-password", json={"email": ANN})
    assert answer.status_code == 202
    assert [it.getMessage() for it in caplog.records if it.levelname == "ERROR"] == [
        "a mail could not be sent: reset"
    ]
    assert ANN not in caplog.text


async def broken(_: object) -> None:
    """A notifier that cannot send."""
    msg = "no mail server"
    raise OSError(msg)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("register", NEW, id="register"),
        pytest.param("verify", {"token": FORGED}, id="verify"),
        pytest.param("forgot-password", {"email": ANN}, id="forgot-password"),
        pytest.param(
            "reset-password", {"token": FORGED, "new_password": OTHER_PASSWORD}, id="reset-password"
        ),
    ],
)
async def test_a_database_that_is_away_is_503(
    serve: Serve, path: str, body: dict[str, str]
) -> None:
    """Is the client told to try again where the database does not answer?"""
    client = serve(Database("postgresql://nobody@127.0.0.1:1/none"), app=app_with())
    answer = await client.post(f"/auth/{path}", json=body)
    assert problem(answer) == (503, "database_unavailable")

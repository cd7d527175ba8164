"""Logins over HTTP: their answers, what they refuse, and what each of them can see and end."""

from typing import Any
from uuid import UUID

import pytest

from fastapi_crud import Database
from fastapi_crud.models import utc_now
from tests.auth.world import (
    ANN,
    BOB,
    PASSWORD,
    app_with,
    auth,
    bearer,
    hear,
    heard,
    log_in,
    make_key,
    problem,
    rotating,
    set_columns,
    sign_up,
)
from tests.conftest import Client, Serve

FORM = {"username": ANN, "password": PASSWORD}
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
FORGED = "fcr_" + "a" * 43


@pytest.fixture
async def ann(lite_client: Client) -> Client:
    """A client of the usual app, on SQLite, where Ann has an account."""
    await sign_up(lite_client)
    return lite_client


def assert_pair(body: dict[str, Any], scope: str = "") -> None:
    assert [*body] == ["access_token", "refresh_token", "token_type", "expires_in", "scope"]
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 1800, scope)
    assert body["refresh_token"].startswith("fcr_")
    assert auth.codec.decode(body["access_token"])["scope"] == scope


# Login


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"data": FORM}, id="form"),
        pytest.param({"data": {"grant_type": "password", **FORM, "client_id": "x"}}, id="OAuth2"),
        pytest.param({"data": {"email": ANN, "password": PASSWORD}}, id="form with email"),
        pytest.param({"json": FORM}, id="JSON"),
        pytest.param({"json": {"email": ANN, "password": PASSWORD}}, id="JSON with email"),
        pytest.param({"json": {**FORM, "username": " ANN@Example.com "}}, id="other spelling"),
    ],
)
async def test_a_password_opens_a_login(app_client: Client, sent: dict[str, Any]) -> None:
    """Does who knows the password get tokens that nobody keeps, however they are asked for?"""
    user = await sign_up(app_client)
    answer = await app_client.post("/auth/login", **sent)
    assert answer.status_code == 200
    assert answer.headers.items() >= NO_STORE.items()
    assert_pair(answer.json())
    assert auth.codec.decode(answer.json()["access_token"])["sub"] == user["id"]
    assert (await app_client.get("/auth/me", headers=bearer(answer.json()))).json() == user


@pytest.mark.parametrize(
    ("username", "password", "columns"),
    [
        pytest.param(ANN, PASSWORD + "x", {}, id="wrong password"),
        pytest.param(ANN, PASSWORD.upper(), {}, id="wrong case"),
        pytest.param(ANN, f" {PASSWORD}", {}, id="space before"),
        pytest.param(BOB, PASSWORD, {}, id="unknown"),
        pytest.param("", PASSWORD, {}, id="nobody"),
        pytest.param(ANN, PASSWORD, {"is_active": False}, id="inactive"),
        pytest.param(ANN, PASSWORD, {"is_active": False, "is_superuser": True}, id="superuser"),
        pytest.param(ANN, PASSWORD, {"hashed_password": ""}, id="no hash"),
        pytest.param(ANN, PASSWORD, {"hashed_password": PASSWORD}, id="password in clear"),
    ],
)
async def test_a_login_is_refused(
    app_client: Client, users: Database, username: str, password: str, columns: dict[str, Any]
) -> None:
    """Is the answer the same, whatever is wrong?"""
    user = await sign_up(app_client)
    if columns:
        await set_columns(users, user, **columns)
    answer = await app_client.post("/auth/login", json={"username": username, "password": password})
    assert problem(answer) == (401, "invalid_credentials")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["detail"] == "Incorrect email or password"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({}, (415, "unsupported_media_type"), id="no body"),
        pytest.param({"files": FORM}, (415, "unsupported_media_type"), id="multipart"),
        pytest.param(
            {"content": "{}", "headers": {"content-type": "text/plain"}},
            (415, "unsupported_media_type"),
            id="text",
        ),
        pytest.param({"data": {"username": ANN}}, (422, "validation_error"), id="no password"),
        pytest.param({"json": {"password": PASSWORD}}, (422, "validation_error"), id="no name"),
        pytest.param({"json": []}, (422, "validation_error"), id="list"),
        pytest.param({"json": {**FORM, "id": 1}}, (422, "validation_error"), id="more than asked"),
        pytest.param({"json": {**FORM, "email": ANN}}, (422, "validation_error"), id="two names"),
        pytest.param({"json": {**FORM, "username": 1}}, (422, "validation_error"), id="number"),
        pytest.param({"json": {**FORM, "password": ""}}, (422, "validation_error"), id="empty"),
        pytest.param({"json": {**FORM, "scope": "a" * 1025}}, (422, "validation_error"), id="long"),
        pytest.param({"json": {**FORM, "scope": 'a "b"'}}, (422, "invalid_data"), id="no scope"),
        pytest.param({"json": {**FORM, "scope": "é"}}, (422, "invalid_data"), id="foreign scope"),
        pytest.param({"json": {**FORM, "password": "x" * 17_000}}, (413, "content_too_large"), id="large"),
    ],
)  # fmt: skip
async def test_what_is_no_login_is_refused(
    ann: Client, sent: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Is each malformed body told from a wrong password, and never repeated?"""
    answer = await ann.post("/auth/login", **sent)
    assert problem(answer) == expected
    assert PASSWORD not in answer.text


async def test_errors_say_where(ann: Client) -> None:
    """Do the items of a 422 point into the body, for a form as for JSON?"""
    for sent in ({"data": {"username": ANN}}, {"json": {"username": ANN}}):
        (item,) = (await ann.post("/auth/login", **sent)).json()["errors"]  # type: ignore[arg-type]
        assert (item["type"], item["pointer"]) == ("missing", "#/password")


@pytest.mark.parametrize(
    ("verified", "password", "expected"),
    [
        pytest.param(False, PASSWORD, (403, "email_not_verified"), id="right password"),
        pytest.param(False, "wrong password", (401, "invalid_credentials"), id="wrong password"),
        pytest.param(True, PASSWORD, None, id="verified"),
    ],
)
async def test_addresses_may_have_to_be_verified(
    lite_users: Database, serve: Serve, verified: bool, password: str, expected: Any
) -> None:
    """With `require_verified`: does only who knows the password learn that it is missing?"""
    client = serve(lite_users, app=app_with(require_verified=True))
    user = await sign_up(client)
    if verified:
        await set_columns(lite_users, user, email_verified_at=utc_now())
    answer = await client.post("/auth/login", data={**FORM, "password": password})
    assert answer.status_code == 200 if expected is None else problem(answer) == expected


@pytest.mark.parametrize(
    ("own", "superuser", "asked", "scope"),
    [
        pytest.param(["a", "b"], False, "", "a b", id="all of them"),
        pytest.param(["a", "b"], False, "a", "a", id="fewer"),
        pytest.param(["a", "b"], False, " b  a ", "a b", id="in any order"),
        pytest.param(["a", "b"], False, "a c", "a", id="more than there are"),
        pytest.param(["a"], False, "c", "", id="others"),
        pytest.param([], True, "", "", id="superuser"),
        pytest.param([], True, "c a", "a c", id="superuser who limits itself"),
    ],
)
async def test_a_login_can_be_limited(
    lite_users: Database, ann: Client, own: list[str], superuser: bool, asked: str, scope: str
) -> None:
    """Does a login get the scopes that it asks for and its user has, and does it keep to them?"""
    user = await _me(ann)
    await set_columns(lite_users, user, scopes=own, is_superuser=superuser)
    answer = await ann.post("/auth/login", data={**FORM, "scope": asked})
    assert answer.status_code == 200
    assert_pair(answer.json(), scope)
    await set_columns(lite_users, user, scopes=["a", "b", "c"])
    again = await ann.post("/auth/refresh", json=rotating(answer.json()))
    limit = {*asked.split()} or {"a", "b", "c"}
    assert {*again.json()["scope"].split()} == ({"a", "b", "c"} & limit)


async def _me(client: Client) -> dict[str, Any]:
    me: dict[str, Any] = (await client.get("/auth/me", headers=bearer(await log_in(client)))).json()
    return me


# Refresh


async def test_a_refresh_token_works_once(app_client: Client) -> None:
    """Does each refresh token give the next pair, and end its login if it comes again?"""
    await sign_up(app_client)
    first = await log_in(app_client)
    answer = await app_client.post("/auth/refresh", json=rotating(first))
    assert answer.status_code == 200
    assert answer.headers.items() >= NO_STORE.items()
    second = answer.json()
    assert_pair(second)
    assert second["refresh_token"] != first["refresh_token"]
    assert (await app_client.get("/auth/me", headers=bearer(second))).status_code == 200
    replayed = await app_client.post("/auth/refresh", json=rotating(first))
    assert problem(replayed) == (401, "invalid_refresh_token")
    assert replayed.headers["www-authenticate"] == "Bearer"
    assert (await app_client.get("/auth/me", headers=bearer(second))).status_code == 401
    last = await app_client.post("/auth/refresh", json=rotating(second))
    assert problem(last) == (401, "invalid_refresh_token")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(FORGED, id="forged"),
        pytest.param("x", id="no token"),
        pytest.param(FORGED.replace("fcr", "fck"), id="API key"),
        pytest.param("a.b.c", id="JWT"),
    ],
)
async def test_a_refresh_is_refused(ann: Client, token: str) -> None:
    """Is it the same answer, whatever else is sent in place of a refresh token?"""
    answer = await ann.post("/auth/refresh", json={"refresh_token": token})
    assert problem(answer) == (401, "invalid_refresh_token")
    assert answer.json()["detail"] == "Log in again"


BAD_BODIES = [
    pytest.param({"json": {}}, (422, "validation_error"), id="nothing"),
    pytest.param({"json": {"refresh_token": ""}}, (422, "validation_error"), id="empty"),
    pytest.param({"json": {"refresh_token": None}}, (422, "validation_error"), id="null"),
    pytest.param({"json": {"refresh_token": "x" * 513}}, (422, "validation_error"), id="long"),
    pytest.param({"json": {"refresh_token": "a\x00"}}, (422, "validation_error"), id="NUL"),
    pytest.param({"json": {"refresh_token": FORGED, "id": 1}}, (422, "validation_error"), id="more"),
    pytest.param({"json": [FORGED]}, (422, "validation_error"), id="list"),
    pytest.param({"data": {"refresh_token": FORGED}}, (415, "unsupported_media_type"), id="form"),
    pytest.param(
        {"content": "{", "headers": {"content-type": "application/json"}},
        (422, "validation_error"),
        id="no JSON",
    ),
]  # fmt: skip


@pytest.mark.parametrize("path", ["refresh", "logout"])
@pytest.mark.parametrize(("sent", "expected"), BAD_BODIES)
async def test_what_holds_no_token_is_refused(
    ann: Client, path: str, sent: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Is a body without a refresh token malformed, and its value never repeated?"""
    answer = await ann.post(f"/auth/{path}", **sent)
    assert problem(answer) == expected
    assert FORGED not in answer.text


async def test_tabs_can_share_a_refresh_token_for_a_while(
    lite_users: Database, serve: Serve
) -> None:
    """Within `refresh_reuse_leeway_seconds`: do two tabs both go on, and a third, later use not?"""
    client = serve(lite_users, app=app_with(refresh_reuse_leeway_seconds=60))
    await sign_up(client)
    first = await log_in(client)
    one = await client.post("/auth/refresh", json=rotating(first))
    other = await client.post("/auth/refresh", json=rotating(first))
    assert (one.status_code, other.status_code) == (200, 200)
    assert (await client.post("/auth/refresh", json=rotating(one.json()))).status_code == 200
    late = await client.post("/auth/refresh", json=rotating(first))
    assert problem(late) == (401, "invalid_refresh_token")


# Logout


async def test_a_logout_ends_its_login_alone(app_client: Client) -> None:
    """Do the tokens of a login end with it, and those of another login not?"""
    await sign_up(app_client)
    gone, stays = await log_in(app_client), await log_in(app_client)
    answer = await app_client.post("/auth/logout", json=rotating(gone))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers.items() >= NO_STORE.items()
    assert (await app_client.get("/auth/me", headers=bearer(gone))).status_code == 401
    assert (await app_client.post("/auth/refresh", json=rotating(gone))).status_code == 401
    assert (await app_client.get("/auth/me", headers=bearer(stays))).status_code == 200
    assert (await app_client.post("/auth/refresh", json=rotating(stays))).status_code == 200


@pytest.mark.parametrize("token", [FORGED, "x", "fck_" + "a" * 43])
async def test_a_logout_tells_nothing(ann: Client, token: str) -> None:
    """Is it 204 as well where there is nothing to end?"""
    answer = await ann.post("/auth/logout", json={"refresh_token": token})
    assert answer.status_code == 204


async def test_a_logout_can_come_twice_and_late(ann: Client) -> None:
    """Does a used refresh token still end its login, and an ended login stay ended?"""
    first = await log_in(ann)
    second = (await ann.post("/auth/refresh", json=rotating(first))).json()
    for pair in (first, first, second):
        assert (await ann.post("/auth/logout", json=rotating(pair))).status_code == 204
    assert (await ann.get("/auth/me", headers=bearer(second))).status_code == 401


async def test_logout_all_ends_all_of_mine(app_client: Client) -> None:
    """Do all logins of a user end, and none of others?"""
    await sign_up(app_client)
    await sign_up(app_client, BOB)
    mine, bobs = [await log_in(app_client), await log_in(app_client)], await log_in(app_client, BOB)
    answer = await app_client.post("/auth/logout-all", headers=bearer(mine[0]))
    assert (answer.status_code, answer.content) == (204, b"")
    for pair in mine:
        assert (await app_client.get("/auth/me", headers=bearer(pair))).status_code == 401
    assert (await app_client.get("/auth/me", headers=bearer(bobs))).status_code == 200


# Sessions


async def test_my_logins_are_listed(app_client: Client) -> None:
    """Are the logins that run listed, mine alone, with where they came from and which is this?"""
    await sign_up(app_client)
    await sign_up(app_client, BOB)
    app_client.headers["User-Agent"] = "Tést\x85 1"
    gone, other, this = [await log_in(app_client) for _ in range(3)]
    await log_in(app_client, BOB)
    await app_client.post("/auth/logout", json=rotating(gone))
    answer = await app_client.get("/auth/sessions", headers=bearer(this))
    assert answer.status_code == 200
    assert answer.headers.items() >= NO_STORE.items()
    body = answer.json()
    assert body["total"] == len(body["items"]) == 2
    assert [it["id"] for it in body["items"]] == [_login_of(this), _login_of(other)]
    assert [it["current"] for it in body["items"]] == [True, False]
    assert [*body["items"][0]] == [
        "id", "created_at", "last_used_at", "expires_at", "user_agent", "address", "current",
    ]  # fmt: skip
    assert body["items"][0]["address"] == "127.0.0.1"
    head = await app_client.head("/auth/sessions", headers=bearer(this))
    assert (head.status_code, head.content) == (200, b"")


def _login_of(pair: dict[str, str]) -> str:
    return str(auth.codec.decode(pair["access_token"])["sid"])


async def test_one_of_my_logins_can_be_ended(app_client: Client) -> None:
    """Does a login end that its user ends from another one, or itself, and once only?"""
    await sign_up(app_client)
    lost, this = await log_in(app_client), await log_in(app_client)
    path = f"/auth/sessions/{_login_of(lost)}"
    answer = await app_client.delete(path, headers=bearer(this))
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await app_client.get("/auth/me", headers=bearer(lost))).status_code == 401
    assert (await app_client.post("/auth/refresh", json=rotating(lost))).status_code == 401
    assert problem(await app_client.delete(path, headers=bearer(this))) == (404, "not_found")
    own = await app_client.delete(f"/auth/sessions/{_login_of(this)}", headers=bearer(this))
    assert own.status_code == 204
    assert (await app_client.get("/auth/me", headers=bearer(this))).status_code == 401


async def test_logins_of_others_do_not_exist(app_client: Client) -> None:
    """Is a login of somebody else's not found, and does it go on?"""
    await sign_up(app_client)
    await sign_up(app_client, BOB)
    mine, bobs = await log_in(app_client), await log_in(app_client, BOB)
    answer = await app_client.delete(f"/auth/sessions/{_login_of(bobs)}", headers=bearer(mine))
    assert problem(answer) == (404, "not_found")
    assert (await app_client.get("/auth/me", headers=bearer(bobs))).status_code == 200


@pytest.mark.parametrize(
    "id", ["1", "x", "0190a8f0-0000-7000-8000-000000000000", "%00", "%ED%A0%80", "é" * 36, "{}"]
)
async def test_logins_that_cannot_exist_do_not(ann: Client, id: str) -> None:
    """Is it 404 for what is no id of a login?"""
    headers = bearer(await log_in(ann))
    answer = await ann.delete(f"/auth/sessions/{id}", headers=headers)
    assert problem(answer) == (404, "not_found")


GUARDED = [
    pytest.param("POST", "/auth/logout-all", id="logout-all"),
    pytest.param("GET", "/auth/sessions", id="sessions"),
    pytest.param("DELETE", f"/auth/sessions/{UUID(int=0)}", id="end session"),
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_logins_are_for_those_who_logged_in(ann: Client, method: str, path: str) -> None:
    """Is it 401 for nobody and for bad tokens, and 403 for API keys?"""
    nobody = await ann.request(method, path)
    assert problem(nobody) == (401, "unauthorized")
    assert nobody.headers["www-authenticate"] == "Bearer"
    forged = await ann.request(method, path, headers={"Authorization": "Bearer x"})
    assert problem(forged) == (401, "unauthorized")
    assert forged.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    key = await make_key(ann, await log_in(ann))
    by_key = await ann.request(method, path, headers=key)
    assert problem(by_key) == (403, "insufficient_scope")
    assert by_key.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'


# What they have in common


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        pytest.param("PUT", "/auth/login", "POST, OPTIONS", id="login"),
        pytest.param("GET", "/auth/refresh", "POST, OPTIONS", id="refresh"),
        pytest.param("DELETE", "/auth/logout", "POST, OPTIONS", id="logout"),
        pytest.param("POST", "/auth/sessions", "GET, HEAD, OPTIONS", id="sessions"),
        pytest.param("GET", "/auth/sessions/1", "DELETE, OPTIONS", id="session"),
    ],
)
async def test_other_methods_are_not_allowed(
    ann: Client, method: str, path: str, allow: str
) -> None:
    """Is it 405 with what is allowed, and does OPTIONS tell the same?"""
    answer = await ann.request(method, path)
    assert (problem(answer), answer.headers["allow"]) == ((405, "method_not_allowed"), allow)
    asked = await ann.options(path)
    assert (asked.status_code, asked.headers["allow"]) == (204, allow)


async def test_everything_is_told(lite_users: Database, serve: Serve) -> None:
    """Is the app told of each step of a login, by whom and from where, and of no secret?"""
    client = serve(lite_users, app=app_with(on_event=hear))
    user = await sign_up(client)
    await client.post("/auth/login", data={**FORM, "password": "wrong password"})
    first = await log_in(client)
    second = (await client.post("/auth/refresh", json=rotating(first))).json()
    await client.post("/auth/refresh", json=rotating(first))
    third, fourth = await log_in(client), await log_in(client)
    await client.delete(f"/auth/sessions/{_login_of(third)}", headers=bearer(fourth))
    await client.post("/auth/logout", json=rotating(fourth))
    await client.post("/auth/logout-all", headers=bearer(await log_in(client)))
    of = {_login_of(pair): name for name, pair in {"1": second, "3": third, "4": fourth}.items()}
    assert [(it.name, of.get(it.session_id or "")) for it in heard] == [
        ("login_failed", None),
        ("logged_in", "1"),
        ("refreshed", "1"),
        ("refresh_reused", "1"),
        ("logged_in", "3"),
        ("logged_in", "4"),
        ("session_ended", "3"),
        ("logged_out", "4"),
        ("logged_in", None),
        ("logged_out_everywhere", None),
    ]
    assert {it.user_id for it in heard} == {user["id"]}
    assert {it.address for it in heard} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("login", FORM, id="login"),
        pytest.param("refresh", {"refresh_token": FORGED}, id="refresh"),
        pytest.param("logout", {"refresh_token": FORGED}, id="logout"),
    ],
)
async def test_a_database_that_is_away_is_503(
    serve: Serve, path: str, body: dict[str, str]
) -> None:
    """Is the client told to try again where the database does not answer?"""
    client = serve(Database("postgresql://nobody@127.0.0.1:1/none"), app=app_with())
    answer = await client.post(f"/auth/{path}", json=body)
    assert problem(answer) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) > 0

"""API keys over HTTP: made, listed and revoked; and the keys that tokens are checked with."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport
from jose import jwt

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.auth import TokenCodec, make_auth_router
from fastapi_crud.database import STATE_KEY
from tests.auth.test_tokens import KEYS
from tests.auth.world import (
    ANN,
    BOB,
    PASSWORD,
    app_of,
    app_with,
    auth_with,
    bearer,
    hear,
    heard,
    log_in,
    make_key,
    problem,
    set_columns,
    sign_up,
)
from tests.conftest import Client, Serve

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
SHOWN = ["id", "name", "scopes", "created_at", "expires_at"]


@pytest.fixture
async def ann(lite_client: Client) -> Client:
    """A client on SQLite that calls by a login of Ann's."""
    await sign_up(lite_client)
    lite_client.headers.update(bearer(await log_in(lite_client)))
    return lite_client


def soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def test_a_key_is_shown_once(app_client: Client, users: Database) -> None:
    """Is a key given when it is made, and never again, and does it call for its user?"""
    user = await sign_up(app_client)
    await set_columns(users, user, scopes=["b", "a"])
    mine = bearer(await log_in(app_client))
    ends = soon()
    body = {"name": "Backup", "scopes": ["b", "a", "b"], "expires_at": ends}
    answer = await app_client.post("/auth/api-keys", json=body, headers=mine)
    assert answer.status_code == 201
    assert answer.headers.items() >= NO_STORE.items()
    made = answer.json()
    assert [*made] == [*SHOWN, "key"]
    assert (made["name"], made["scopes"]) == ("Backup", ["a", "b"])
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromisoformat(ends)
    key = {"Authorization": f"Bearer {made.pop('key')}"}
    listed = await app_client.get("/auth/api-keys", headers=mine)
    assert listed.headers.items() >= NO_STORE.items()
    assert listed.json() == {"items": [made], "total": 1}
    assert (await app_client.get("/auth/me", headers=key)).json()["id"] == user["id"]
    head = await app_client.head("/auth/api-keys", headers=mine)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_key_can_be_revoked(app_client: Client) -> None:
    """Is a key useless and not listed once it is revoked, and the others not?"""
    await sign_up(app_client)
    pair = await log_in(app_client)
    gone, stays = await make_key(app_client, pair), await make_key(app_client, pair)
    newest, oldest = (await app_client.get("/auth/api-keys", headers=bearer(pair))).json()["items"]
    path = f"/auth/api-keys/{oldest['id']}"
    answer = await app_client.delete(path, headers=bearer(pair))
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await app_client.get("/auth/me", headers=gone)).status_code == 401
    assert (await app_client.get("/auth/me", headers=stays)).status_code == 200
    listed = (await app_client.get("/auth/api-keys", headers=bearer(pair))).json()
    assert listed == {"items": [newest], "total": 1}
    assert problem(await app_client.delete(path, headers=bearer(pair))) == (404, "not_found")


async def test_keys_of_others_do_not_exist(app_client: Client) -> None:
    """Is a key of somebody else's neither listed nor revoked?"""
    await sign_up(app_client)
    await sign_up(app_client, BOB)
    mine, bobs = await log_in(app_client), await log_in(app_client, BOB)
    key = await make_key(app_client, bobs)
    (shown,) = (await app_client.get("/auth/api-keys", headers=bearer(bobs))).json()["items"]
    listed = (await app_client.get("/auth/api-keys", headers=bearer(mine))).json()
    assert listed == {"items": [], "total": 0}
    answer = await app_client.delete(f"/auth/api-keys/{shown['id']}", headers=bearer(mine))
    assert problem(answer) == (404, "not_found")
    assert (await app_client.get("/auth/me", headers=key)).status_code == 200


@pytest.mark.parametrize("id", ["1", "x", "0190a8f0-0000-7000-8000-000000000000", "%00", "é" * 36])
async def test_keys_that_cannot_exist_do_not(ann: Client, id: str) -> None:
    """Is it 404 for what is no id of a key?"""
    assert problem(await ann.delete(f"/auth/api-keys/{id}")) == (404, "not_found")


BAD_KEYS = [
    pytest.param({}, (422, "validation_error"), id="nothing"),
    pytest.param({"name": ""}, (422, "validation_error"), id="no name"),
    pytest.param({"name": "x" * 101}, (422, "validation_error"), id="long name"),
    pytest.param({"name": "a\x00"}, (422, "validation_error"), id="NUL"),
    pytest.param({"name": "k", "scopes": "a"}, (422, "validation_error"), id="text of scopes"),
    pytest.param({"name": "k", "scopes": ["a b"]}, (422, "validation_error"), id="two in one"),
    pytest.param({"name": "k", "scopes": ['a"\r\nX: 1']}, (422, "validation_error"), id="header"),
    pytest.param({"name": "k", "scopes": ["a\n"]}, (422, "validation_error"), id="newline"),
    pytest.param({"name": "k", "scopes": ["é"]}, (422, "validation_error"), id="foreign scope"),
    pytest.param({"name": "k", "scopes": ["a"] * 101}, (422, "validation_error"), id="too many"),
    pytest.param({"name": "k", "expires_at": "2030-01-01"}, (422, "validation_error"), id="date"),
    pytest.param({"name": "k", "expires_at": "2030-01-01T00:00:00"}, (422, "validation_error"), id="no offset"),
    pytest.param({"name": "k", "expires_at": "9999-12-31T23:59:59-12:00"}, (422, "validation_error"), id="after the last year"),
    pytest.param({"name": "k", "expires_at": "0001-01-01T00:00:00+12:00"}, (422, "validation_error"), id="before the first year"),
    pytest.param({"name": "k", "expires_at": "2020-01-01T00:00:00Z"}, (422, "invalid_data"), id="past"),
    pytest.param({"name": "k", "key": "fck_mine"}, (422, "validation_error"), id="a key of one's own"),
    pytest.param({"name": "k", "user_id": str(uuid4())}, (422, "validation_error"), id="for another"),
    pytest.param({"name": "k", "scopes": ["admin"]}, (403, "insufficient_scope"), id="more than I may"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), BAD_KEYS)
async def test_what_makes_no_key_is_refused(
    ann: Client, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Is no key made of what is malformed, or of more than its user may do?"""
    assert problem(await ann.post("/auth/api-keys", json=body)) == expected
    assert (await ann.get("/auth/api-keys")).json()["total"] == 0


async def test_a_limited_login_makes_no_keys(lite_users: Database, ann: Client) -> None:
    """Can a login that gave up scopes, even a superuser's, not get them back by a key?"""
    user = (await ann.get("/auth/me")).json()
    await set_columns(lite_users, user, is_superuser=True, scopes=["a", "b"])
    form = {"username": ANN, "password": PASSWORD, "scope": "a"}
    limited = bearer((await ann.post("/auth/login", data=form)).json())
    for scopes in ([], ["a"], ["b"], ["c"]):
        body = {"name": "key", "scopes": scopes}
        answer = await ann.post("/auth/api-keys", json=body, headers=limited)
        assert problem(answer) == (403, "insufficient_scope")
        assert (await ann.post("/auth/api-keys", json=body)).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/auth/api-keys", id="list"),
        pytest.param("POST", "/auth/api-keys", id="create"),
        pytest.param("DELETE", f"/auth/api-keys/{uuid4()}", id="revoke"),
    ],
)
async def test_keys_are_made_by_those_who_logged_in(ann: Client, method: str, path: str) -> None:
    """Is it 401 for nobody, and 403 for an API key, which makes no others?"""
    key = await make_key(ann, {"access_token": ann.headers["authorization"].split()[1]})
    del ann.headers["authorization"]
    nobody = await ann.request(method, path, json={"name": "key"})
    assert (problem(nobody), nobody.headers["www-authenticate"]) == (
        (401, "unauthorized"),
        "Bearer",
    )
    by_key = await ann.request(method, path, json={"name": "key"}, headers=key)
    assert problem(by_key) == (403, "insufficient_scope")


async def test_everything_is_told(lite_users: Database, serve: Serve) -> None:
    """Is the app told of keys that are made and revoked, and not of the keys?"""
    client = serve(lite_users, app=app_with(on_event=hear))
    user = await sign_up(client)
    pair = await log_in(client)
    key = await make_key(client, pair)
    (shown,) = (await client.get("/auth/api-keys", headers=bearer(pair))).json()["items"]
    await client.delete(f"/auth/api-keys/{shown['id']}", headers=bearer(pair))
    assert [(it.name, it.user_id) for it in heard] == [
        ("logged_in", user["id"]),
        ("api_key_created", user["id"]),
        ("api_key_revoked", user["id"]),
    ]
    assert key["Authorization"].split()[1] not in repr(heard)


async def test_keys_are_there_where_they_are_asked_for(lite_users: Database, serve: Serve) -> None:
    """Are there no endpoints of keys, and no keys in the document, unless `Auth` says so?"""
    app = app_with(api_keys=False)
    client = serve(lite_users, app=app)
    assert (await client.get("/auth/api-keys")).status_code == 404
    assert not any("api-keys" in path for path in app.openapi()["paths"])


# The keys that tokens are checked with


@cache
def app_that_publishes(algorithm: str) -> FastAPI:
    own = auth_with(keys={"new": KEYS[algorithm]()}, algorithm=algorithm)
    app = FastAPI()
    app.include_router(make_auth_router(own, jwks=True), prefix="/auth")
    return app


@pytest.mark.parametrize(
    ("algorithm", "kind", "private"), [("RS256", "RSA", "d p q"), ("ES256", "EC", "d")]
)
async def test_others_can_check_tokens(
    lite_users: Database, serve: Serve, algorithm: str, kind: str, private: str
) -> None:
    """Is a token verified by the published key, which holds no private part?"""
    client = serve(lite_users, app=app_that_publishes(algorithm))
    body = {"email": ANN, "name": "Ann", "password": PASSWORD}
    assert (await client.post("/auth/register", json=body)).status_code == 201
    pair = await log_in(client)
    answer = await client.get("/auth/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    (key,) = answer.json()["keys"]
    assert {"kty": kind, "kid": "new", "alg": algorithm, "use": "sig"}.items() <= key.items()
    assert not {*private.split()} & key.keys()
    claims = jwt.decode(
        pair["access_token"], key, [algorithm], audience="fastapi_crud", issuer="fastapi_crud"
    )
    assert claims["sub"] == (await client.get("/auth/me", headers=bearer(pair))).json()["id"]
    assert jwt.get_unverified_header(pair["access_token"])["kid"] == "new"


async def test_a_shared_key_is_not_published(lite_users: Database, serve: Serve) -> None:
    """Is the list empty where one key signs and verifies, and is there none unless asked for?"""
    app = FastAPI()
    app.include_router(make_auth_router(auth_with(), jwks=True))
    answer = await serve(lite_users, app=app).get("/.well-known/jwks.json")
    assert answer.json() == {"keys": []}
    usual = serve(lite_users, app=app_with())
    assert (await usual.get("/auth/.well-known/jwks.json")).status_code == 404


class SilentCodec:
    """A codec that publishes no keys."""

    def __init__(self) -> None:
        self.inner: TokenCodec = auth_with().codec

    def encode(self, claims: Any) -> str:
        return self.inner.encode(claims)

    def decode(self, token: str) -> dict[str, Any]:
        return self.inner.decode(token)


async def test_a_codec_may_publish_nothing(lite_users: Database) -> None:
    """Is the developer told how to go on who asks for keys that a codec of one's own has not?"""
    own = auth_with(codec=SilentCodec())
    app = app_of(own=own)
    app.include_router(make_auth_router(own, name="keys", jwks=True), prefix="/keys")
    setattr(app.state, STATE_KEY, lite_users)
    async with Client(transport=ASGITransport(app=app), base_url="http://test") as client:
        await sign_up(client)
        assert await log_in(client)
        with pytest.raises(ConfigurationError, match="SilentCodec publishes no keys: leave out"):
            await client.get("/keys/.well-known/jwks.json")

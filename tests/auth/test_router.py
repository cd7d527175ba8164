"""The endpoints of accounts and logins: there, documented, and found wherever they are mounted."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from openapi_spec_validator import validate
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import ConfigurationError, Database, make_crud_router
from fastapi_crud.auth import Auth, Cookies, make_auth_router
from fastapi_crud.auth.routes import ROUTES
from tests.auth.world import (
    ANN,
    PASSWORD,
    User,
    app_of,
    app_with,
    auth,
    auth_with,
    bearer,
    log_in,
    mailbox,
    make_key,
    problem,
    rotating,
    sign_up,
)
from tests.conftest import Client, Serve

ALWAYS = {
    "/login", "/refresh", "/logout", "/logout-all", "/sessions", "/sessions/{id}", "/me",
    "/change-password",
}  # fmt: skip
MAIL = {
    "/request-verify-token", "/verify", "/forgot-password", "/reset-password", "/change-email",
}  # fmt: skip
JSON = "application/json"
BARE: dict[str, Any] = {"notifier": None, "api_keys": False, "registration": False}


def paths_of(own: Auth[Any], **options: Any) -> set[str]:
    """The paths of an auth router."""
    app = FastAPI()
    app.include_router(make_auth_router(own, **options))
    return {*app.openapi()["paths"]}


async def test_the_way_in_and_out(app_client: Client) -> None:
    """Does who signs up get in, stay in and get out?"""
    user = await sign_up(app_client)
    pair = await log_in(app_client)
    me = await app_client.get("/auth/me", headers=bearer(pair))
    assert (me.status_code, me.json()["email"]) == (200, ANN)
    assert me.json() == user
    again = (await app_client.post("/auth/refresh", json=rotating(pair))).json()
    gone = await app_client.post("/auth/logout", json=rotating(again))
    assert gone.status_code == 204
    late = await app_client.get("/auth/me", headers=bearer(again))
    assert (late.status_code, late.headers["www-authenticate"]) == (
        401,
        'Bearer error="invalid_token"',
    )


@pytest.mark.parametrize(
    ("changes", "options", "more"),
    [
        pytest.param({}, {}, set[str](), id="bare"),
        pytest.param({"registration": True}, {}, {"/register"}, id="registration"),
        pytest.param({"notifier": mailbox}, {}, MAIL, id="mail"),
        pytest.param({"api_keys": True}, {}, {"/api-keys", "/api-keys/{id}"}, id="API keys"),
        pytest.param({}, {"jwks": True}, {"/.well-known/jwks.json"}, id="published keys"),
        pytest.param(
            {"cookies": Cookies()},
            {},
            {"/cookie/login", "/cookie/refresh", "/cookie/logout"},
            id="cookies",
        ),
    ],
)
def test_endpoints_are_there_where_they_work(
    changes: dict[str, Any], options: dict[str, Any], more: set[str]
) -> None:
    """Is there no endpoint that could not do what it says, and no `/token`?"""
    assert paths_of(auth_with(**{**BARE, **changes}), **options) == ALWAYS | more


def test_the_default_auth_is_found_by_the_model() -> None:
    """Does the model stand for its auth?"""
    app = FastAPI()
    app.include_router(make_auth_router(User))
    assert {*app.openapi()["paths"]} == paths_of(auth)


class Root(DeclarativeBase):
    metadata = sa.MetaData()


class Plant(Root):
    __tablename__ = "plants"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]


def test_what_is_no_user_is_refused() -> None:
    """Is the developer told what a model lacks, and how to get it?"""
    with pytest.raises(
        ConfigurationError, match=r"Plant has no email_key, .*: let it inherit User"
    ):
        make_auth_router(Plant)


# Where it is


@pytest.mark.parametrize("prefix", ["", "/auth", "/api/v1/accounts"])
async def test_it_has_no_prefix_of_its_own(lite_users: Database, serve: Serve, prefix: str) -> None:
    """Do the endpoints work wherever they are mounted, with and without a slash at the end?"""
    app = FastAPI()
    app.include_router(make_auth_router(User), prefix=prefix)
    client = serve(lite_users, app=app)
    body = {"email": ANN, "name": "Ann", "password": PASSWORD}
    assert (await client.post(f"{prefix}/register/", json=body)).status_code == 201
    form = {"username": ANN, "password": PASSWORD}
    for path in (f"{prefix}/login", f"{prefix}/login/"):
        pair = (await client.post(path, data=form)).json()
        me = await client.get(path.replace("login", "me"), headers=bearer(pair))
        assert (me.status_code, me.json()["email"]) == (200, ANN)
    lost = await client.get(f"{prefix}/me")
    assert (problem(lost), lost.json()["instance"]) == ((401, "unauthorized"), f"{prefix}/me")


async def test_two_routers_live_beside_each_other(lite_users: Database, serve: Serve) -> None:
    """Can another auth of the same users have endpoints of its own, under another name?"""
    app = app_of()
    app.include_router(make_auth_router(auth_with(**BARE), name="mobile"), prefix="/mobile")
    async with lite_users.lifespan(app):
        pass
    client = serve(lite_users, app=app)
    await sign_up(client)
    pair = await log_in(client)
    answer = await client.get("/mobile/me", headers=bearer(pair))
    assert answer.json()["email"] == ANN
    document = app.openapi()
    assert document["paths"]["/mobile/me"]["get"]["operationId"] == "mobile_me"
    assert document["paths"]["/mobile/me"]["get"]["tags"] == ["mobile"]


async def test_two_routers_of_one_name_stop_the_start(lite_users: Database) -> None:
    """Is an app refused whose document would have two operations of one id?"""
    app = app_of()
    app.include_router(make_auth_router(auth_with()), prefix="/mobile")
    with pytest.raises(ConfigurationError, match="two endpoints are called auth_register"):
        async with lite_users.lifespan(app):
            pass


# What is said of it


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of an app with every endpoint."""
    app = FastAPI()
    own = auth_with(cookies=Cookies())
    app.include_router(make_auth_router(own, jwks=True), prefix="/auth")
    app.include_router(make_crud_router(User, name="users"))
    made: dict[str, Any] = app.openapi()
    return made


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for path, methods in document["paths"].items()
        if path.startswith("/auth")
        for operation in methods.values()
    }


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """Does openapi-spec-validator accept it?"""
    validate(document)


def test_each_endpoint_is_said(document: dict[str, Any]) -> None:
    """Has each endpoint an id by its name, a summary, a tag, and the status of success?"""
    said = operations(document)
    assert {*said} == {f"auth_{route.name}" for route in ROUTES}
    for route in ROUTES:
        operation = said[f"auth_{route.name}"]
        assert (operation["summary"], operation["tags"]) == (route.summary, ["auth"])
        assert re.fullmatch(r"[A-Z][^.]+", route.summary)
        assert str(route.status) in operation["responses"]


def test_tags_can_be_chosen() -> None:
    """Do tags replace the name, and can there be none?"""
    for tags in (["accounts", "people"], []):
        app = FastAPI()
        app.include_router(make_auth_router(auth_with(), tags=tags))
        assert app.openapi()["paths"]["/me"]["get"].get("tags", []) == tags


OPEN = {
    "register", "login", "refresh", "logout", "request_verify_token", "verify", "forgot_password",
    "reset_password", "jwks", "cookie_login", "cookie_refresh", "cookie_logout",
}  # fmt: skip


def test_guarded_endpoints_are_marked(document: dict[str, Any]) -> None:
    """Does the document say which endpoints want a token, and that they can answer 401?"""
    for name, operation in operations(document).items():
        is_open = name.removeprefix("auth_") in OPEN
        assert ("security" not in operation) == is_open, name
        assert is_open or "401" in operation["responses"], name


def test_bodies_are_those_of_the_users_router(document: dict[str, Any]) -> None:
    """Are an account that is opened, changed and shown, and a user, of the same schemas?"""
    paths = document["paths"]

    def schema(of: dict[str, Any]) -> Any:
        found = of["content"]["application/json"]["schema"]
        name = found.get("$ref", "").rpartition("/")[2]
        plain = document["components"]["schemas"][name] if name else found
        return {**plain, "title": None}

    def body(operation: dict[str, Any]) -> Any:
        return schema(operation["requestBody"])

    def answer(operation: dict[str, Any], status: str) -> Any:
        return schema(operation["responses"][status])

    register, create = paths["/auth/register"]["post"], paths["/users"]["post"]
    assert body(register) == body(create)
    assert answer(register, "201") == answer(create, "201")
    assert body(paths["/auth/me"]["patch"]) == body(paths["/users/{id}"]["patch"])
    assert answer(paths["/auth/me"]["get"], "200") == answer(paths["/users/{id}"]["get"], "200")


def test_secrets_are_written_only(document: dict[str, Any]) -> None:
    """Is each password a password in the document, and in no answer?"""
    schemas = document["components"]["schemas"]
    secret = {
        (name, field): spec
        for name, schema in schemas.items()
        for field, spec in schema.get("properties", {}).items()
        if "password" in field
    }
    assert {field for _, field in secret} == {"password", "current_password", "new_password"}
    for (name, _), spec in secret.items():
        assert (spec["format"], spec["writeOnly"]) == ("password", True)
        assert not name.endswith("Read")
    assert "hashed" not in str(document)
    assert "email_key" not in str(document)


async def test_every_answer_is_documented(lite_users: Database, serve: Serve) -> None:
    """Is the status of each answer of a tour through all endpoints in the document?"""
    app = app_with()
    client = serve(lite_users, app=app)
    said = app.openapi()["paths"]
    user = await sign_up(client)
    pair = await log_in(client)
    key, mine = await make_key(client, pair), bearer(pair)
    seen: set[tuple[str, str, int]] = set()
    for path, methods in said.items():
        for method in methods:
            for headers, media, content in (
                ({}, JSON, "{}"),
                ({"Authorization": "Bearer x"}, JSON, "{}"),
                (key, JSON, '{"name":"New"}'),
                (mine, JSON, "{"),
                (mine, JSON, "[]"),
                (mine, JSON, '{"email":"x"}'),
                (mine, JSON, '{"refresh_token":"x"}'),
                (mine, JSON, '{"token":"x","new_password":"another password"}'),
                (mine, "text/plain", "{}"),
            ):
                answer = await client.request(
                    method,
                    path.replace("{id}", user["id"]),
                    content=content,
                    headers={**headers, "content-type": media},
                )
                assert answer.status_code < 500, (method, path, answer.text)
                seen.add((path, method, answer.status_code))
            if path == "/auth/logout-all":
                mine = bearer(await log_in(client))
    missing = {it for it in seen if str(it[2]) not in said[it[0]][it[1]]["responses"]}
    assert missing == set()


def test_settings_are_read_when_they_are_needed() -> None:
    """Is no setting read while the router is built?"""
    unread = Auth(User)
    make_auth_router(unread)
    assert "settings" not in vars(unread)

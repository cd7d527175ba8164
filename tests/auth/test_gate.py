"""Dependencies of auth in anybody's endpoints, without anything else of ours in the app."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Annotated, Any, cast

import pytest
from fastapi import Depends, FastAPI

from fastapi_crud import ConfigurationError, Database, make_crud_router
from fastapi_crud.auth import Auth, Caller
from fastapi_crud.auth.logins import Client as Place
from fastapi_crud.database import STATE_KEY
from fastapi_crud.owners import Owner, owned_by
from fastapi_crud.router.route import problems_of
from tests.auth.world import (
    ANN,
    BOB,
    PASSWORD,
    SETTINGS,
    Post,
    User,
    app_of,
    auth,
    bearer,
    log_in,
    set_columns,
    sign_up,
    stored_user,
)
from tests.conftest import Client, Serve, client_of

Headers = dict[str, str]
Dependency = Callable[..., Any]
NOBODY = "Bearer"
BAD_TOKEN = 'Bearer error="invalid_token"'
NOT_ENOUGH = 'Bearer error="insufficient_scope"'
NOT_THAT = 'Bearer error="insufficient_scope", scope="posts:write"'


def plain_app(**dependencies: Dependency) -> FastAPI:
    """An app of somebody else's: an endpoint for each dependency, which tells what it gives."""
    app = FastAPI()

    def add(name: str, dependency: Dependency) -> None:
        async def endpoint(given: Annotated[Any, Depends(dependency)]) -> Any:
            return told(given)

        app.get(f"/{name}")(endpoint)

    for name, dependency in dependencies.items():
        add(name, dependency)
    return app


def told(given: object) -> object:
    """What a dependency gave, as JSON."""
    if isinstance(given, Caller):
        caller = cast("Caller[User]", given)
        return caller.user.email + (" by key" if caller.key_id else "")
    if isinstance(given, Owner):
        return {"column": given.column, "value": str(given.value), "all": given.everything}
    if isinstance(given, User):
        return given.email
    return given if isinstance(given, bool) else str(given)


async def headers_of(database: Database) -> Mapping[str, Headers]:
    """The headers of all kinds of callers: ann is a user, bob a superuser."""
    ann = await stored_user(database, scopes=["posts:write", "posts:read"])
    bob = await stored_user(database, BOB, is_superuser=True)
    async with database.session() as session:
        login = await auth.logins.open(session, ann.id, Place(address="192.0.2.1"))
        of_bob = await auth.logins.open(session, bob.id, Place(address="192.0.2.1"))
        limited = await auth.logins.open(
            session, bob.id, Place(address="192.0.2.1"), frozenset({"posts:read"})
        )
        reads, _ = await auth.keys.create(session, ann.id, "reads", ["posts:read"], None)
        writes, _ = await auth.keys.create(session, bob.id, "writes", ["posts:write"], None)
    tokens = {
        "bad": "x",
        "user": auth.access_token(ann.id, login.id),
        "superuser": auth.access_token(bob.id, of_bob.id),
        "limited": auth.access_token(bob.id, limited.id),
        "key": reads,
        "superuser's key": writes,
    }
    return {"nobody": {}, **{who: {"Authorization": f"Bearer {it}"} for who, it in tokens.items()}}


WHO = ("nobody", "bad", "user", "superuser", "limited", "key", "superuser's key")
BY_KEYS = (f"{ANN} by key", f"{BOB} by key")
GIVEN: Mapping[str, tuple[Dependency, Sequence[object]]] = {
    # a text that begins with Bearer is the challenge of a refusal
    "caller": (auth.caller, ("None", BAD_TOKEN, ANN, BOB, BOB, *BY_KEYS)),
    "known_caller": (auth.known_caller, (NOBODY, BAD_TOKEN, ANN, BOB, BOB, *BY_KEYS)),
    "login_caller": (
        auth.login_caller, (NOBODY, BAD_TOKEN, ANN, BOB, NOT_ENOUGH, NOT_ENOUGH, NOT_ENOUGH),
    ),
    "current_user": (auth.current_user, (NOBODY, BAD_TOKEN, ANN, BOB, BOB, ANN, BOB)),
    "optional_user": (auth.optional_user, ("None", BAD_TOKEN, ANN, BOB, BOB, ANN, BOB)),
    "current_superuser": (
        auth.current_superuser,
        (NOBODY, BAD_TOKEN, NOT_ENOUGH, BOB, NOT_ENOUGH, NOT_ENOUGH, NOT_ENOUGH),
    ),
    "require_scopes": (
        auth.require_scopes("posts:write"),
        (NOBODY, BAD_TOKEN, ANN, BOB, NOT_THAT, NOT_THAT, BOB),
    ),
    "has_scopes": (
        auth.has_scopes("posts:write"), (False, BAD_TOKEN, True, True, False, False, True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*GIVEN])
async def test_dependencies_work_in_plain_endpoints(
    lite: Database, serve: Serve, name: str
) -> None:
    """Does each kind of caller get what it may, and others 401 or 403 with a challenge?"""
    dependency, expected = GIVEN[name]
    client = serve(lite, app=plain_app(it=dependency))
    headers = await headers_of(lite)
    for who, outcome in zip(WHO, expected, strict=True):
        answer = await client.get("/it", headers=headers[who])
        if isinstance(outcome, str) and outcome.startswith("Bearer"):
            status = 403 if "scope" in outcome else 401
            assert (answer.status_code, answer.headers["www-authenticate"]) == (status, outcome), (
                who
            )
            assert answer.json().keys() == {"detail"}
        else:
            assert (answer.status_code, answer.json()) == (200, outcome), who


REFUSALS: Mapping[str, tuple[Dependency, set[int]]] = {
    "caller": (auth.caller, {401}),
    "known_caller": (auth.known_caller, {401}),
    "login_caller": (auth.login_caller, {401, 403}),
    "current_user": (auth.current_user, {401}),
    "optional_user": (auth.optional_user, {401}),
    "current_superuser": (auth.current_superuser, {401, 403}),
    "require_scopes": (auth.require_scopes("a"), {401, 403}),
    "has_scopes": (auth.has_scopes("a"), {401}),
    "owner": (auth.owner("author_id"), {401}),
    "own": (auth.own, {401}),
}


@pytest.mark.parametrize(("dependency", "statuses"), REFUSALS.values(), ids=[*REFUSALS])
def test_dependencies_say_how_they_refuse(dependency: Dependency, statuses: set[int]) -> None:
    """Does the document of a router learn what its dependencies can answer?"""
    assert problems_of([Depends(dependency)]) == statuses


def test_dependencies_are_made_once() -> None:
    """Is a dependency the same object each time, so that it can be overridden in tests?"""
    for name in ("caller", "known_caller", "login_caller", "current_user", "optional_user"):
        assert getattr(auth, name) is getattr(auth, name)


async def test_a_dependency_can_be_overridden(lite: Database, serve: Serve) -> None:
    """Can a test say who calls?"""
    app = plain_app(user=auth.current_user)
    app.dependency_overrides[auth.current_user] = lambda: User(email=BOB)
    assert (await serve(lite, app=app).get("/user")).json() == BOB


async def test_users_may_be_in_another_database(lite: Database) -> None:
    """Are callers looked up where the users are, in an app that has no other database?"""
    elsewhere = Auth(User, settings=SETTINGS, database=lite)
    headers = await headers_of(lite)
    async with client_of(plain_app(user=elsewhere.current_user)) as client:
        assert (await client.get("/user", headers=headers["user"])).json() == ANN
        assert (await client.get("/user")).status_code == 401


async def test_a_database_that_is_away_is_told() -> None:
    """Is it 503, as for any request, where nobody can tell who calls?"""
    app = app_of(make_crud_router(Post, name="posts", dependencies=[Depends(auth.current_user)]))
    away = Database("sqlite:////nowhere/at/all.db")
    setattr(app.state, STATE_KEY, away)
    async with client_of(app) as client:
        headers = {"Authorization": f"Bearer {auth.access_token(User().id, 'x')}"}
        assert (await client.get("/posts", headers=headers)).status_code == 401
        key = {"Authorization": f"Bearer fck_{'x' * 43}"}
        answer = await client.get("/posts", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


# Rows that belong to somebody


def test_an_owner_needs_an_attribute() -> None:
    """Is it an error at once to go by an attribute that users lack?"""
    with pytest.raises(ConfigurationError, match="User has no tenant_id"):
        auth.owner("tenant_id", by="tenant_id")
    assert owned_by(auth.owner("author_id")) == "author_id"


OWNERS: Mapping[str, tuple[Dependency, Sequence[object]]] = {
    "own": (auth.owner("author_id"), (NOBODY, BAD_TOKEN, False, True, False, False, False)),
    "unless": (
        auth.owner("author_id", unless="posts:write"),
        (NOBODY, BAD_TOKEN, True, True, False, False, True),
    ),
}


@pytest.mark.parametrize("name", [*OWNERS])
async def test_for_whom_all_rows_exist(lite: Database, serve: Serve, name: str) -> None:
    """Are rows of others there for superusers and for those with a scope, and for nobody else?"""
    dependency, expected = OWNERS[name]
    client = serve(lite, app=plain_app(it=dependency))
    headers = await headers_of(lite)
    for who, outcome in zip(WHO, expected, strict=True):
        answer = await client.get("/it", headers=headers[who])
        if isinstance(outcome, str):
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, outcome), who
        else:
            assert (answer.json()["column"], answer.json()["all"]) == ("author_id", outcome), who


async def test_rows_may_be_of_a_tenant(lite: Database, serve: Serve) -> None:
    """Can rows belong to what an attribute of the user says, and to nobody where it says nothing?"""
    client = serve(lite, app=plain_app(it=auth.owner("tenant", by="seen_at")))
    headers = await headers_of(lite)
    answer = await client.get("/it", headers=headers["user"])
    assert answer.json() == {"column": "tenant", "value": "None", "all": False}


@pytest.fixture
async def blog(lite: Database, serve: Serve) -> Client:
    """Posts that belong to their authors, two of whom have an account."""
    router = make_crud_router(Post, name="posts", scope=auth.owner("author_id", unless="edit"))
    client = serve(lite, app=app_of(router))
    await sign_up(client)
    await sign_up(client, BOB)
    return client


async def post(client: Client, headers: Headers, **more: Any) -> Any:
    """A new post; what was answered."""
    return await client.post("/posts", json={"title": "New", **more}, headers=headers)


async def test_everybody_has_their_own_rows(blog: Client) -> None:
    """Are new rows the caller's, and those of others not there to read or to write?"""
    ann, bob = [bearer(await log_in(blog, email)) for email in (ANN, BOB)]
    made = (await post(blog, ann)).json()
    me = (await blog.get("/auth/me", headers=ann)).json()
    assert made["author_id"] == me["id"]
    path = f"/posts/{made['id']}"
    assert (await blog.get(path, headers=ann)).status_code == 200
    assert (await blog.get("/posts", headers=bob)).json()["items"] == []
    for method in ("GET", "PATCH", "DELETE"):
        answer = await blog.request(method, path, json={"title": "Mine"}, headers=bob)
        assert answer.status_code == 404, method
    assert (await blog.get("/posts")).status_code == 401


async def test_nobody_gives_rows_away(blog: Client, lite: Database) -> None:
    """Is the owner of a row out of reach for clients, superusers among them?"""
    ann = await log_in(blog)
    bob = (await blog.get("/auth/me", headers=bearer(await log_in(blog, BOB)))).json()
    me = (await blog.get("/auth/me", headers=bearer(ann))).json()
    for superuser in (False, True):
        await set_columns(lite, me, is_superuser=superuser)
        answer = await post(blog, bearer(ann), author_id=bob["id"])
        assert answer.status_code == 422


async def test_a_scope_opens_all_rows(blog: Client, lite: Database) -> None:
    """Do all rows exist for who has the scope, by a login that is not limited to less?"""
    ann, bob = await log_in(blog), await log_in(blog, BOB)
    made = (await post(blog, bearer(ann))).json()
    me = (await blog.get("/auth/me", headers=bearer(bob))).json()
    await set_columns(lite, me, scopes=["edit", "other"])
    assert len((await blog.get("/posts", headers=bearer(bob))).json()["items"]) == 1
    changed = await blog.patch(
        f"/posts/{made['id']}", json={"title": "Edited"}, headers=bearer(bob)
    )
    assert changed.json() == {**made, "title": "Edited"}
    form = {"username": BOB, "password": PASSWORD, "scope": "other"}
    limited = (await blog.post("/auth/login", data=form)).json()
    assert (await blog.get("/posts", headers=bearer(limited))).json()["items"] == []


async def test_users_have_themselves(lite: Database, serve: Serve) -> None:
    """Is the scope of users their own row, and all rows for superusers?"""
    client = serve(lite, app=plain_app(own=auth.own))
    headers = await headers_of(lite)
    assert (await client.get("/own", headers=headers["superuser"])).json() is True
    for who in ("user", "limited", "key", "superuser's key"):
        assert "Filter" in (await client.get("/own", headers=headers[who])).json(), who
    assert (await client.get("/own")).status_code == 401
    user = SimpleNamespace(id=1, is_superuser=False)
    clause = await auth.own(Caller(user, frozenset()))
    assert (clause.field, clause.value) == ("id", 1)

"""What is looked at when an app starts: keys, and where its logins are."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from pydantic import ValidationError
from sqlalchemy.orm import DeclarativeBase

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.auth import Auth, AuthSettings, UserMixin, make_auth_router
from fastapi_crud.auth.starting import check_auth
from fastapi_crud.database import STATE_KEY
from tests.auth.world import KEY, SETTINGS, User
from tests.conftest import client_of

AuthOf = Callable[..., Auth[Any]]


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without keys."""
    monkeypatch.chdir(tmp_path)
    for name in ("SECRET_KEY", "AUTH_KEYS", "AUTH_TOKEN_URL"):
        monkeypatch.delenv(name, raising=False)


def own_auth(**options: Any) -> Auth[Any]:
    """An auth that nobody else has looked at."""
    return Auth(User, **options)


def settings_of(**values: Any) -> AuthSettings:
    """Settings with a key."""
    return AuthSettings(secret_key=KEY, **values)


def app_with(*routers: APIRouter, prefix: str = "") -> FastAPI:
    """An app of these routers."""
    app = FastAPI()
    for router in routers:
        app.include_router(router, prefix=prefix)
    return app


async def start(app: FastAPI, database: Database) -> None:
    """Let an app start and stop."""
    async with database.lifespan(app):
        pass


def token_url(app: FastAPI) -> str:
    """Where the document says that the login is."""
    (scheme,) = app.openapi()["components"]["securitySchemes"].values()
    url: str = scheme["flows"]["password"]["tokenUrl"]
    return url


# Keys


def guarded_endpoint(auth: Auth[Any]) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def endpoint(user: Annotated[Any, Depends(auth.current_user)]) -> str:
        return str(user)

    return app


def guarded_websocket(auth: Auth[Any]) -> FastAPI:
    app = FastAPI()

    @app.websocket("/")
    async def endpoint(
        socket: WebSocket,
        user: Annotated[Any, Depends(auth.current_user)],
    ) -> None: ...

    return app


def guarded_router(auth: Auth[Any]) -> FastAPI:
    router = APIRouter(dependencies=[Depends(auth.require_scopes("a"))])
    router.add_api_route("/", lambda: "", methods=["GET"])
    return app_with(router)


def guarded_app(auth: Auth[Any]) -> FastAPI:
    app = FastAPI(dependencies=[Depends(auth.owner("author_id"))])
    app.add_api_route("/", lambda: "", methods=["GET"])
    return app


def mounted_app(auth: Auth[Any]) -> FastAPI:
    app = FastAPI()
    app.mount("/v1", guarded_endpoint(auth))
    return app


GUARDED: list[Callable[[Auth[Any]], FastAPI]] = [
    lambda auth: app_with(make_auth_router(auth)),
    guarded_endpoint,
    guarded_websocket,
    guarded_router,
    guarded_app,
    mounted_app,
]
IDS = ["auth router", "endpoint", "websocket", "router", "app", "mounted app"]


@pytest.mark.parametrize("app_of", GUARDED, ids=IDS)
async def test_an_app_without_a_key_does_not_start(
    lite: Database, app_of: Callable[[Auth[Any]], FastAPI]
) -> None:
    """Is it told when the app starts, rather than at the first login, that a key is missing?"""
    with pytest.raises(ConfigurationError, match="set SECRET_KEY to what"):
        await start(app_of(own_auth()), lite)
    await start(app_of(own_auth(settings=SETTINGS)), lite)


async def test_a_key_may_be_in_the_environment(
    lite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is the environment read when the app starts, and a bad key refused then?"""
    app = guarded_endpoint(own_auth())
    monkeypatch.setenv("SECRET_KEY", KEY)
    await start(app, lite)
    monkeypatch.setenv("SECRET_KEY", "short")
    with pytest.raises(ValidationError, match="32 bytes or more"):
        await start(guarded_endpoint(own_auth()), lite)


async def test_apps_without_auth_need_no_key(lite: Database) -> None:
    """Does an app start that guards nothing, and is anything taken for an app?"""
    app = FastAPI()
    app.add_api_route("/", lambda: "", methods=["GET"])
    await start(app, lite)
    check_auth(object(), "sqlite")


# Where the logins are


def nested() -> FastAPI:
    router = APIRouter(prefix="/v1")
    router.include_router(make_auth_router(own_auth(settings=SETTINGS)), prefix="/users")
    return app_with(router, prefix="/api")


def mounted() -> FastAPI:
    """An app within another, whose document is about itself."""
    inner = app_with(make_auth_router(own_auth(settings=SETTINGS)), prefix="/users")
    outer = FastAPI()
    outer.mount("/api", inner)
    outer.state.documented = inner
    return outer


def at(prefix: str) -> Callable[[], FastAPI]:
    return lambda: app_with(make_auth_router(own_auth(settings=SETTINGS)), prefix=prefix)


MOUNTS: list[tuple[str, Callable[[], FastAPI], str]] = [
    ("root", at(""), "login"),
    ("prefix", at("/users"), "users/login"),
    ("nested", nested, "api/v1/users/login"),
    ("mounted", mounted, "users/login"),
]


@pytest.mark.parametrize(("make", "url"), [it[1:] for it in MOUNTS], ids=[it[0] for it in MOUNTS])
async def test_the_document_follows_the_mount(
    lite: Database, make: Callable[[], FastAPI], url: str
) -> None:
    """Does the Authorize button of the document find the login, wherever that is mounted?"""
    app = make()
    await start(app, lite)
    assert token_url(getattr(app.state, "documented", app)) == url


async def test_the_document_is_right_at_its_address(lite: Database) -> None:
    """Is the login where the document of a mounted app says, from where that is served?"""
    app = mounted()
    setattr(app.state.documented.state, STATE_KEY, lite)  # a server hands it on by itself
    async with lite.lifespan(app), client_of(app) as client:
        document = (await client.get("/api/openapi.json")).json()
        (scheme,) = document["components"]["securitySchemes"].values()
        url = scheme["flows"]["password"]["tokenUrl"]
        answer = await client.post(f"{document['servers'][0]['url']}/{url}")
    assert answer.status_code == 415


@pytest.mark.parametrize("where", ["settings", "environment"])
async def test_a_setting_wins(lite: Database, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Does the document say what the deployment says, where it says anything?"""
    url = "https://login.example.com/token"
    if where == "environment":
        monkeypatch.setenv("AUTH_TOKEN_URL", url)
        monkeypatch.setenv("SECRET_KEY", KEY)
        auth = own_auth()
    else:
        auth = own_auth(settings=settings_of(token_url=url))
        assert auth.scheme.token_url == url
    app = app_with(make_auth_router(auth), prefix="/users")
    await start(app, lite)
    assert token_url(app) == url


async def test_without_a_start_it_is_a_guess(lite: Database) -> None:
    """Does the document of an app that was not started by us say where most have it?"""
    auth = own_auth(settings=SETTINGS)
    assert token_url(guarded_endpoint(auth)) == "auth/login"
    app = guarded_endpoint(auth)
    await start(app, lite)
    assert token_url(app) == "auth/login"


async def test_two_apps_may_share_an_auth(lite: Database) -> None:
    """Does each app document its own login, if both are documented once they have started?"""
    auth = own_auth(settings=SETTINGS)
    for prefix in ("/first", "/second"):
        app = app_with(make_auth_router(auth), prefix=prefix)
        await start(app, lite)
        assert token_url(app) == f"{prefix[1:]}/login"


class Base(DeclarativeBase):
    pass


class Customer(UserMixin, Base):
    __tablename__ = "starting_customers"


class Staff(UserMixin, Base):
    __tablename__ = "starting_staff"
    __auth_prefix__ = "staff_auth_"


async def test_two_user_models_have_two_logins(lite: Database) -> None:
    """Does the document tell the logins of two user models apart?"""
    app = FastAPI()
    for model, place in ((Customer, "auth"), (Staff, "staff")):
        auth: Auth[Any] = Auth(model, settings=SETTINGS)
        app.include_router(make_auth_router(auth, name=place), prefix=f"/{place}")
    await start(app, lite)
    schemes = app.openapi()["components"]["securitySchemes"]
    urls = {name: it["flows"]["password"]["tokenUrl"] for name, it in schemes.items()}
    assert urls == {"OAuth2PasswordBearer": "auth/login", "StaffBearer": "staff/login"}
    assert isinstance(Staff.metadata.tables["staff_auth_sessions"], sa.Table)

"""Swagger UI and ReDoc come from the app itself; `tests/docs/test_api_docs.py` looks at them."""

import re
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from fastapi_crud import add_docs
from fastapi_crud.exceptions import ConfigurationError
from tests.conftest import Client, client_of

LOADED = re.compile(r"""(?:src|href|spec-url)=["']([^"']+)|url: ['"]([^'"]+)""")


def make_app(**options: Any) -> FastAPI:
    """An app without pages of FastAPI's."""
    return FastAPI(title="Notes", docs_url=None, redoc_url=None, **options)


def behind(root_path: str, app: FastAPI) -> Client:
    """A client of an app whose server says that it is below a path."""
    transport = httpx2.ASGITransport(app=app, root_path=root_path)
    return Client(transport=transport, base_url="http://test")


async def loaded(client: Client, path: str) -> dict[str, int]:
    """What a page loads, and the status of each."""
    page = await client.get(path)
    assert page.status_code == 200
    urls = [one or other for one, other in LOADED.findall(page.text)]
    return {url: (await client.get(url)).status_code for url in urls}


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
@pytest.mark.parametrize("root_path", ["", "/behind/a/proxy"])
async def test_pages_load_from_the_app(path: str, root_path: str) -> None:
    """Is everything that a page loads below the root path, and there?"""
    app = make_app()
    add_docs(app)
    async with behind(root_path, app) as client:
        statuses = await loaded(client, f"{root_path}{path}")
    assert f"{root_path}/openapi.json" in statuses
    assert all(url.startswith(f"{root_path}/") for url in statuses)
    assert {*statuses.values()} == {200}


async def test_pages_work_in_an_app_within_another() -> None:
    """Do the pages of a mounted app know where it is?"""
    app, inner = FastAPI(), make_app()
    add_docs(inner)
    app.mount("/inner", inner)
    async with client_of(app) as client:
        for path in ("/inner/docs", "/inner/redoc"):
            statuses = await loaded(client, path)
            assert all(url.startswith("/inner/") for url in statuses)
            assert {*statuses.values()} == {200}


async def test_redoc_loads_no_logo() -> None:
    """Is the picture of another host left out of what ReDoc's script asks for?"""
    app = make_app()
    add_docs(app)
    async with client_of(app) as client:
        script = await client.get("/docs-assets/redoc.standalone.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert len(script.content) > 500_000
    assert "cdn.redoc" not in script.text


async def test_paths_can_be_chosen() -> None:
    """Are the pages where the app wants them, and are those it does not want left out?"""
    app = make_app(swagger_ui_oauth2_redirect_url=None)
    add_docs(app, docs_url="/", redoc_url=None, assets_url="/static")
    async with client_of(app) as client:
        assert {"/static/swagger-ui.css", "/openapi.json"} <= (await loaded(client, "/")).keys()
        for path in ("/docs", "/redoc", "/docs/oauth2-redirect", "/docs-assets/swagger-ui.css"):
            assert (await client.get(path)).status_code == 404
    app = make_app()
    add_docs(app, docs_url=None)
    async with client_of(app) as client:
        assert (await client.get("/redoc")).status_code == 200
        for path in ("/docs", "/docs/oauth2-redirect"):
            assert (await client.get(path)).status_code == 404


async def test_the_options_of_the_app_hold() -> None:
    """Does Swagger UI get the parameters, the client and the page to come back to?"""
    app = make_app(
        swagger_ui_parameters={"docExpansion": "none"},
        swagger_ui_init_oauth={"clientId": "swagger"},
        swagger_ui_oauth2_redirect_url="/back",
    )
    add_docs(app)
    async with behind("/proxy", app) as client:
        page = (await client.get("/proxy/docs")).text
        back = await client.get("/proxy/back")
    assert '"docExpansion": "none"' in page
    assert '{"clientId": "swagger"}' in page
    assert "window.location.origin + '/proxy/back'" in page
    assert (back.status_code, "swaggerUIRedirectOauth2" in back.text) == (200, True)


async def test_the_pages_are_not_documented() -> None:
    """Does the document show the API alone?"""
    app = make_app()
    add_docs(app)
    assert app.openapi()["paths"] == {}


def taken(path: str) -> FastAPI:
    """An app that has a route at a path."""

    def page(_: Request) -> Response:
        return Response()

    app = make_app()
    app.add_route(path, page)
    return app


@pytest.mark.parametrize(
    ("app", "message"),
    [
        (FastAPI(), r"FastAPI\(docs_url=None, redoc_url=None\)"),
        (FastAPI(docs_url=None), r"FastAPI\(docs_url=None, redoc_url=None\)"),
        (FastAPI(redoc_url=None), r"FastAPI\(docs_url=None, redoc_url=None\)"),
        (make_app(openapi_url=None), "openapi_url"),
        (make_app(openapi_url=""), "openapi_url"),
        (taken("/docs"), "a route at /docs"),
        (taken("/redoc"), "a route at /redoc"),
        (taken("/docs-assets"), "a route at /docs-assets"),
    ],
    ids=[
        "both", "ReDoc", "Swagger UI", "no document", "empty", "docs taken", "redoc taken",
        "assets taken",
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(app: FastAPI, message: str) -> None:
    """Does each misuse name the fix, and leave the app as it was?"""
    before = len(app.routes)
    with pytest.raises(ConfigurationError, match=message):
        add_docs(app)
    assert len(app.routes) == before


def test_the_pages_are_added_once() -> None:
    """Is a second call refused, since its pages would never be seen?"""
    app = make_app()
    add_docs(app)
    with pytest.raises(ConfigurationError, match="a route at /docs"):
        add_docs(app)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does the error say what to install?"""
    monkeypatch.setattr("fastapi_crud.router.docs_pages.PACKAGE", "not_installed")
    with pytest.raises(ConfigurationError, match=r"fastapi-crud-factory\[swagger\]"):
        add_docs(make_app())

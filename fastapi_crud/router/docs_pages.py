"""Swagger UI and ReDoc, with all that they load served by the app itself."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.util import find_spec

from fastapi import FastAPI
from fastapi.openapi.docs import (
    get_redoc_html,
    get_swagger_ui_html,
    get_swagger_ui_oauth2_redirect_html,
)
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from fastapi_crud.exceptions import ConfigurationError

PACKAGE, FOLDER = "fastapi_offline", "static"
"""The package that brings scripts and styles, and where in it they lie."""
REDOC = "redoc.standalone.js"
LOGO, NO_IMAGE = '"https://cdn.redoc.ly/redoc/logo-mini.svg"', '"data:,"'
"""What ReDoc shows at its foot, from another host; it leaves it out if it is no image."""
HEAD = b"""<style>
    html.dark-mode .swagger-ui table.headers td { color: inherit; }
    @media (max-width: 640px) {
        .swagger-ui table.parameters thead { display: none; }
        .swagger-ui table.parameters :is(tbody, tr, td) { display: block; }
        .swagger-ui table.parameters td.parameters-col_description { padding-top: 0; }
        .swagger-ui .responses-inner { overflow-x: auto; }
    }
    </style>
    <script>
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
    dark.addEventListener("change", follow);
    follow();
    </script>
    </head>"""
"""What Swagger UI lacks: it has dark colours but waits to be asked, and is too wide for a phone."""

Page = Callable[[Request], Response]


def add_docs(
    app: FastAPI,
    *,
    docs_url: str | None = "/docs",
    redoc_url: str | None = "/redoc",
    assets_url: str = "/docs-assets",
) -> None:
    """Document the API by Swagger UI and ReDoc that load nothing from other hosts.

    Needs the extra `swagger`. The app is made with `docs_url=None` and `redoc_url=None`, so that
    it has no such pages yet. Its `swagger_ui_parameters`, `swagger_ui_init_oauth`,
    `swagger_ui_oauth2_redirect_url` and the server's root path hold as for FastAPI's pages.

    Args:
        app: The app.
        docs_url: Where Swagger UI is; `None` for nowhere.
        redoc_url: Where ReDoc is; `None` for nowhere.
        assets_url: Where their scripts and styles are.

    Raises:
        ConfigurationError: The extra is missing, the app has such pages already or no OpenAPI
            document, or a path is taken.
    """
    if find_spec(PACKAGE) is None:
        msg = "add_docs needs fastapi-offline: pip install 'fastapi-crud-factory[swagger]'"
        raise ConfigurationError(msg)
    if app.docs_url is not None or app.redoc_url is not None:
        msg = "add_docs replaces FastAPI's pages: FastAPI(docs_url=None, redoc_url=None)"
        raise ConfigurationError(msg)
    if not app.openapi_url:
        msg = "add_docs shows the OpenAPI document, and the app has none: give it an openapi_url"
        raise ConfigurationError(msg)
    pages = _pages(app, docs_url, redoc_url, assets_url)
    paths = {getattr(route, "path", None) for route in app.routes}
    for path in (*pages, assets_url):
        if path in paths:
            raise ConfigurationError(f"add_docs: the app has a route at {path}; choose another URL")
    for path, page in pages.items():
        app.add_route(path, page, include_in_schema=False)
    app.mount(assets_url, StaticFiles(packages=[(PACKAGE, FOLDER)]), name="docs-assets")


def _pages(
    app: FastAPI, docs_url: str | None, redoc_url: str | None, assets_url: str
) -> dict[str, Page]:
    pages: dict[str, Page] = {}
    if docs_url is not None:
        pages[docs_url] = _swagger_ui(app, assets_url)
        if app.swagger_ui_oauth2_redirect_url:
            pages[app.swagger_ui_oauth2_redirect_url] = _oauth2_redirect
    if redoc_url is not None:
        pages[redoc_url] = _redoc(app, assets_url)
        pages[f"{assets_url}/{REDOC}"] = _redoc_script
    return pages


def _swagger_ui(app: FastAPI, assets_url: str) -> Page:
    def page(request: Request) -> HTMLResponse:
        root = _root_path(request)
        redirect = app.swagger_ui_oauth2_redirect_url
        made = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title} - Swagger UI",
            swagger_js_url=f"{root}{assets_url}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{assets_url}/swagger-ui.css",
            swagger_favicon_url=f"{root}{assets_url}/favicon.png",
            oauth2_redirect_url=f"{root}{redirect}" if redirect else None,
            init_oauth=app.swagger_ui_init_oauth,
            swagger_ui_parameters=app.swagger_ui_parameters,
        )
        return HTMLResponse(bytes(made.body).replace(b"</head>", HEAD, 1))

    return page


def _redoc(app: FastAPI, assets_url: str) -> Page:
    def page(request: Request) -> HTMLResponse:
        root = _root_path(request)
        return get_redoc_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title} - ReDoc",
            redoc_js_url=f"{root}{assets_url}/{REDOC}",
            redoc_favicon_url=f"{root}{assets_url}/favicon.png",
            with_google_fonts=False,
        )

    return page


def _oauth2_redirect(_: Request) -> HTMLResponse:
    return get_swagger_ui_oauth2_redirect_html()


def _redoc_script(_: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_own_redoc(), headers=headers, media_type="text/javascript")


@cache
def _own_redoc() -> bytes:
    script = (files(PACKAGE) / FOLDER / REDOC).read_text(encoding="utf-8")
    return script.replace(LOGO, NO_IMAGE).encode()


def _root_path(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")

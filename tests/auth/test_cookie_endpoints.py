"""Logins whose tokens travel in cookies, over HTTP."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from fastapi_crud import Database
from fastapi_crud.auth import Auth, Cookies
from fastapi_crud.database import STATE_KEY
from tests.auth.world import ANN, PASSWORD, SETTINGS, User, app_of, bearer, log_in, sign_up
from tests.conftest import Client

COOKIES = Cookies()
BY_COOKIES = Auth(User, settings=SETTINGS, cookies=COOKIES)
OWN = {"Sec-Fetch-Site": "same-origin"}
FORM = {"username": ANN, "password": PASSWORD}


@pytest.fixture
async def page(lite: Database) -> AsyncIterator[Client]:
    """A browser on a page of the app itself, over TLS."""
    app = app_of(own=BY_COOKIES)
    setattr(app.state, STATE_KEY, lite)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with Client(transport=transport, base_url="https://test", headers=OWN) as client:
        await sign_up(client)
        yield client


async def test_a_page_logs_in_stays_in_and_gets_out(page: Client) -> None:
    """Do the cookies stand for the tokens, without a token in any body?"""
    entered = await page.post("/auth/cookie/login", data=FORM)
    assert entered.status_code == 200
    assert entered.json().keys() == {"expires_in", "scope"}
    assert entered.headers["cache-control"] == "no-store"
    assert {*page.cookies} == {COOKIES.access_name, COOKIES.refresh_name}
    assert (await page.get("/auth/me")).json()["email"] == ANN
    first = page.cookies[COOKIES.refresh_name]
    went_on = await page.post("/auth/cookie/refresh")
    assert (went_on.status_code, went_on.json().keys()) == (200, {"expires_in", "scope"})
    assert page.cookies[COOKIES.refresh_name] != first
    assert (await page.patch("/auth/me", json={"name": "New"})).json()["name"] == "New"
    access = page.cookies[COOKIES.access_name]
    gone = await page.post("/auth/cookie/logout")
    assert (gone.status_code, {*page.cookies}) == (204, set())
    assert (await page.get("/auth/me")).status_code == 401
    late = await page.get("/auth/me", headers={"Cookie": f"{COOKIES.access_name}={access}"})
    assert late.status_code == 401


@pytest.mark.parametrize("path", ["login", "refresh", "logout"])
async def test_other_sites_cannot_log_in_or_out(page: Client, path: str) -> None:
    """Is a login of somebody else's, and the end of one's own, out of reach for other sites?"""
    await page.post("/auth/cookie/login", data=FORM)
    there = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"}
    answer = await page.post(f"/auth/cookie/{path}", data=FORM, headers=there)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request")
    assert (await page.get("/auth/me")).status_code == 200


async def test_other_sites_change_nothing(page: Client) -> None:
    """Is every change by cookie refused that a page of another site sends?"""
    await page.post("/auth/cookie/login", data=FORM)
    there = {"Sec-Fetch-Site": "cross-site"}
    me = (await page.get("/auth/me", headers=there)).json()
    for method, path in (
        ("PATCH", "/auth/me"),
        ("POST", "/auth/logout-all"),
        ("POST", "/auth/change-password"),
        ("DELETE", f"/auth/sessions/{me['id']}"),
    ):
        answer = await page.request(method, path, json={"name": "Evil"}, headers=there)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request"), path
    assert (await page.get("/auth/me")).json() == me


async def test_bearer_tokens_work_beside_cookies(page: Client) -> None:
    """Do programs call as ever, and does a bad header not fall back on a cookie?"""
    pair = await log_in(page)
    there = {"Sec-Fetch-Site": "cross-site"}
    answer = await page.patch("/auth/me", json={"name": "By"}, headers={**bearer(pair), **there})
    assert answer.status_code == 200
    await page.post("/auth/cookie/login", data=FORM)
    for wrong in ("Bearer ", "Bearer x", "Basic eA=="):
        answer = await page.get("/auth/me", headers={"Authorization": wrong})
        assert answer.status_code == 401, wrong


async def test_a_refresh_without_a_cookie_is_refused(page: Client) -> None:
    """Is it 401 where there is nothing to refresh, and 204 where there is nothing to end?"""
    answer = await page.post("/auth/cookie/refresh")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_refresh_token")
    assert (await page.post("/auth/cookie/logout")).status_code == 204


def test_the_document_knows_both_ways() -> None:
    """Does OpenAPI offer a bearer token or a cookie for guarded calls?"""
    document = app_of(own=BY_COOKIES).openapi()
    ways = document["paths"]["/auth/me"]["get"]["security"]
    schemes = document["components"]["securitySchemes"]
    used = [schemes[name] for way in ways for name in way]
    assert [it["type"] for it in used] == ["oauth2", "apiKey"]
    assert used[1]["name"] == COOKIES.access_name
    assert "/auth/cookie/login" in document["paths"]
    assert "/auth/cookie/login" not in app_of().openapi()["paths"]

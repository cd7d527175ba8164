"""The pages that document an API, as a person uses them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from fastapi_crud import Database
from tests.browsing import DESKTOP, PHONE, looking, serving
from tests.docs.conftest import ENVIRONMENT, Load

pytestmark = pytest.mark.browser

ANN = {"email": "ann@example.com", "password": "correct horse battery", "name": "Ann"}
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
SCHEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


@pytest.fixture(scope="module")
async def url(load: Load) -> AsyncIterator[str]:
    """The address of the example, where Ann is registered."""
    module = load("api_docs")
    database: Database = module.db
    await database.drop_all()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        async with serving(module.app) as url:
            async with httpx2.AsyncClient(base_url=url) as client:
                assert (await client.post("/auth/register", json=ANN)).status_code == 201
            yield url


async def test_a_person_authorizes_and_calls(
    chromium: Browser, url: str, screenshots: Path
) -> None:
    """Is a guarded call 401 before, and 200 after the password is told to Swagger UI?"""
    async with looking(chromium, f"{url}/docs") as look:
        page = look.page
        operation = page.locator(".opblock", has=page.locator("[data-path='/auth/me']")).first
        await operation.locator(".opblock-summary").click()
        await operation.get_by_role("button", name="Try it out").click()
        assert await status_shown(page, operation_id(await operation.get_attribute("id"))) == "401"
        assert look.complaints == ["x"]
        await page.screenshot(path=screenshots / "swagger-ui-refused.png")

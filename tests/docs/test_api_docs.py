"""The pages that document an API, as a person uses them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browsing import WINDOWS, Size, looking
from tests.docs.conftest import ENVIRONMENT, Load
from tests.serving import serving

pytestmark = pytest.mark.browser

ANN = {"email": "ann@example.com", "password": "correct horse battery", "name": "Ann"}
REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@pytest.fixture(scope="module")
async def url(load: Load) -> AsyncIterator[str]:
    """The address of the example, where Ann is registered."""
    module = load("api_docs")
    await module.db.drop_all()
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
    """Is a guarded call 401 at first, and 200 once the password was told to Swagger UI?"""
    async with looking(chromium, f"{url}/docs") as look:
        page = look.page
        guarded = page.locator("#operations-auth-auth_me")
        await guarded.locator(".opblock-summary-control").click()
        await guarded.get_by_role("button", name="Try it out").click()
        await guarded.get_by_role("button", name="Execute").click()
        await expect(guarded.locator(".live-responses-table .response-col_status")).to_have_text(
            ["Code", "401"]
        )
        await page.screenshot(path=screenshots / "swagger-ui-refused.png")
        await authorize(page, screenshots)
        await guarded.get_by_role("button", name="Execute").click()
        answer = guarded.locator(".live-responses-table")
        await expect(answer.locator(".response .response-col_status")).to_have_text("200")
        await expect(answer).to_contain_text('"email": "ann@example.com"')
        await answer.scroll_into_view_if_needed()
        await page.screenshot(path=screenshots / "swagger-ui-called.png")
        assert (look.elsewhere, look.complaints) == ([], [REFUSED])


async def authorize(page: Page, screenshots: Path) -> None:
    """Log in by the dialog, with the password flow."""
    await page.locator(".auth-wrapper .authorize").first.click()
    dialog = page.locator(".dialog-ux .modal-ux")
    await dialog.locator("#oauth_username").fill(ANN["email"])
    await dialog.locator("#oauth_password").fill(ANN["password"])
    await page.screenshot(path=screenshots / "swagger-ui-authorize.png")
    await dialog.locator(".auth-btn-wrapper").get_by_role("button", name="Apply").first.click()
    await expect(dialog.get_by_role("button", name="Remove")).to_be_visible()
    await page.screenshot(path=screenshots / "swagger-ui-authorized.png")
    await dialog.locator(".close-modal").click()


@WINDOWS
async def test_swagger_ui_fits(
    chromium: Browser, url: str, screenshots: Path, size: Size, dark: bool
) -> None:
    """Does it fit a phone, follow the colours of the system, and load nothing from elsewhere?"""
    async with looking(chromium, f"{url}/docs", size=size, dark=dark) as look:
        list_users = look.page.locator("#operations-users-list_users")
        await list_users.locator(".opblock-summary-control").click()
        await expect(list_users.locator(".parameters").first).to_be_visible()
        await look.picture(screenshots, "swagger-ui")
        assert (look.elsewhere, look.complaints) == ([], [])
        assert await look.overflow() <= 0
        assert (await look.darkness(".swagger-ui") > 0.5) == dark


@WINDOWS
async def test_redoc_fits(
    chromium: Browser, url: str, screenshots: Path, size: Size, dark: bool
) -> None:
    """Does it show all operations, fit a phone, and load nothing from elsewhere?"""
    async with looking(chromium, f"{url}/redoc", size=size, dark=dark) as look:
        for words in ("Open an account", "List users"):
            await expect(look.page.get_by_role("heading", name=words).first).to_be_attached()
        await look.picture(screenshots, "redoc")
        assert (look.elsewhere, look.complaints) == ([], [])
        assert await look.overflow() <= 0

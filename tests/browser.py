"""A browser, launched once for all tests that look at pages.

It is Chromium as the system has it. Tests that need it are skipped where there is none, and fail
there with `CI=true`.
"""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.npm import unavailable

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
TIMEOUT = 20_000
"""Milliseconds to wait for what a page is to show, on a busy machine."""


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser, without a window."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        unavailable("there is no Chromium: install the package chromium, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page, with storage of its own, that reaches nothing but this machine."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(TIMEOUT)
    await context.route(lambda url: "//127.0.0.1:" not in url, lambda route: route.abort())
    yield await context.new_page()
    await context.close()

"""Pages as a person sees them: opened in Debian's Chromium, by its own protocol.

`CHROMIUM` may name the program. Where there is none, tests that need it are skipped with a reason;
with `CI=true` they fail. `SCREENSHOTS` may name a folder that keeps the pictures.
"""

import os
import re
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    async_playwright,
    expect,
)

from tests.npm import unavailable

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
expect.set_options(timeout=30_000)  # machines that test are busy

Size = tuple[int, int]
PHONE, DESKTOP = (390, 844), (1280, 900)
"""Widths and heights of windows."""
WINDOWS = pytest.mark.parametrize(
    ("size", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone-dark", "desktop-light"]
)
"""Between them, both widths and both schemes of colours."""
BACKGROUND = """element => {
    for (let behind = element; behind; behind = behind.parentElement) {
        const colour = getComputedStyle(behind).backgroundColor;
        if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
}"""
"""The colour that is seen behind an element."""


@dataclass
class Look:
    """A page, and what it did besides being shown."""

    page: Page
    window: str
    """What kind of window it is in."""
    elsewhere: list[str] = field(default_factory=list[str])
    """Requests to other hosts."""
    complaints: list[str] = field(default_factory=list[str])
    """Errors in its console, and those that no script caught."""

    async def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        wider = "document.documentElement.scrollWidth - window.innerWidth"
        return int(await self.page.evaluate(wider))

    async def darkness(self, selector: str) -> float:
        """How dark what is behind an element is: 0 is white, 1 is black."""
        colour = await self.page.eval_on_selector(selector, BACKGROUND)
        return 1 - sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 765

    async def picture(self, folder: Path, name: str) -> None:
        """Keep a picture of what the window shows."""
        await self.page.screenshot(path=folder / f"{name}-{self.window}.png")


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A browser with an empty profile of its own."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        unavailable("no Chromium: install the package chromium, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS])
        yield browser
        await browser.close()


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """An empty page, with storage of its own, that reaches nothing but this machine."""
    context = await chromium.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    await context.route(lambda url: "//127.0.0.1:" not in url, lambda route: route.abort())
    yield await context.new_page()
    await context.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures are kept."""
    if "SCREENSHOTS" not in os.environ:
        return tmp_path_factory.mktemp("screenshots")
    folder = Path(os.environ["SCREENSHOTS"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@asynccontextmanager
async def looking(
    browser: Browser, url: str, *, size: Size = DESKTOP, dark: bool = False
) -> AsyncGenerator[Look]:
    """Open a page in a window of its own, without cookies or storage of others."""
    window = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
    )
    look = Look(await window.new_page(), f"{size[0]}-{'dark' if dark else 'light'}")
    host = urlsplit(url).netloc

    def note_request(request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in {"data", "blob"} and asked.netloc != host:
            look.elsewhere.append(request.url)

    def note_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            look.complaints.append(message.text)

    def note_error(error: Error) -> None:
        look.complaints.append(str(error))

    look.page.on("request", note_request)
    look.page.on("console", note_message)
    look.page.on("pageerror", note_error)
    try:
        await look.page.goto(url)
        yield look
    finally:
        await window.close()

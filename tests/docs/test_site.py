"""The site of the documentation: its links lead somewhere, and a person can read it anywhere.

`SITE` may name the folder of a site that is built already; else mkdocs builds one.
"""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import pytest
from playwright.async_api import Browser, expect
from starlette.staticfiles import StaticFiles

from tests.browsing import WINDOWS, Size, looking
from tests.docs.conftest import ROOT
from tests.serving import serving

PAGES = (
    "",
    "how-to/api-docs/",
    "reference/auth/",
    "reference/http/",
    "explanation/performance/",
)
HOST = "http://site"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"])
    if find_spec("mkdocs") is None:
        reason = "no site: pip install '.[docs]', or set SITE"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="session")
async def url(site: Path) -> AsyncIterator[str]:
    """Where the site is served."""
    async with serving(StaticFiles(directory=site, html=True)) as url:
        yield url


class Anchors(HTMLParser):
    """What a page points to, and what in it can be pointed to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.names: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src"} and value is not None:
                self.targets.add(value)
            if name in {"id", "name"} and value is not None:
                self.names.add(value)


def test_links_lead_somewhere(site: Path) -> None:
    """Does each link within the site have a file at its end, and in it the place it names?"""
    pages = {page: Anchors(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    broken: list[str] = []
    for page, anchors in pages.items():
        address = f"{HOST}/{page.relative_to(site)}".removesuffix("index.html")
        for target in anchors.targets:
            aim = urlsplit(urljoin(address, target))
            if f"{aim.scheme}://{aim.netloc}" == HOST and not leads(aim, site, pages):
                broken.append(f"{page.relative_to(site)}: {target}")
    assert broken == []
    assert sum(len(anchors.targets) for anchors in pages.values()) > 1000


def leads(aim: SplitResult, site: Path, pages: Mapping[Path, Anchors]) -> bool:
    """Whether a link has a file at its end, and there what it names."""
    file = site / unquote(aim.path).lstrip("/")
    if file.is_dir():
        file /= "index.html"
    if file in pages:
        return unquote(aim.fragment) in pages[file].names
    return file.is_file()


@pytest.mark.browser
@WINDOWS
async def test_pages_fit(
    chromium: Browser, url: str, screenshots: Path, size: Size, dark: bool
) -> None:
    """Do pages fit a phone, follow the colours of the system, and load nothing from elsewhere?"""
    async with looking(chromium, url, size=size, dark=dark) as look:
        for path in PAGES:
            await look.page.goto(f"{url}/{path}")
            await expect(look.page.locator("article h1")).to_be_visible()
            name = path.strip("/").replace("/", "-") or "front"
            await look.picture(screenshots, f"site-{name}")
            assert await look.overflow() <= 0, path
            assert (await look.darkness("article") > 0.5) == dark, path
        assert (look.elsewhere, look.complaints) == ([], [])


@pytest.mark.browser
async def test_a_word_is_found(chromium: Browser, url: str, screenshots: Path) -> None:
    """Does the search of the site, which runs in the browser, find a page by a word in it?"""
    async with looking(chromium, url) as look:
        box = look.page.get_by_role("textbox", name="Search")
        await box.click()
        ready = look.page.get_by_text("Type to start searching")
        await expect(ready).to_be_visible()  # its index is loaded by then
        await box.press_sequentially("tenants")
        found = look.page.locator(".md-search-result__link").filter(has_text="Owners and tenants")
        await expect(found.first).to_be_visible()
        await look.picture(screenshots, "site-search")
        await found.first.click()
        await expect(look.page).to_have_url(re.compile("how-to/owners-and-tenants/"))
        assert (look.elsewhere, look.complaints) == ([], [])

"""The example of a React-admin page works in a browser."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType

import pytest
from playwright.async_api import Page, expect
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tests.docs.conftest import EXAMPLES, Load
from tests.npm import run
from tests.serving import serving

pytestmark = [pytest.mark.npm, pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def admin(packages: Path, load: Load) -> ModuleType:
    """The app, with its page built as its `package.json` says."""
    folder = Path(mkdtemp(dir=packages)) / "react_admin"
    shutil.copytree(EXAMPLES / "react_admin", folder)
    built = run(folder, "npm", "run", "build")
    assert built.returncode == 0, built.stdout
    module = load("react_admin.main")
    (mounted,) = (route for route in module.app.routes if isinstance(route, Mount))
    mounted.app = StaticFiles(directory=folder / "dist", html=True)
    return module


@pytest.fixture
async def posts(admin: ModuleType, page: Page) -> AsyncIterator[str]:
    """The address of the page, which shows the list of twelve posts by Ann."""
    database = admin.database
    await database.drop_all()
    await database.create_all()
    async with database.session() as session:
        session.add(admin.Author(id=1, name="Ann"))
        session.add_all(admin.Post(title=f"Post {n:02}", author_id=1) for n in range(1, 13))
    async with serving(admin.app) as url:
        await page.goto(f"{url}/#/posts")
        await expect(page.locator("tbody tr")).to_have_count(10)
        yield f"{url}/#/posts"


async def test_a_list(posts: str, page: Page) -> None:
    """Are rows, related rows and the total shown, and does the search narrow them?"""
    rows = page.locator("tbody tr")
    await expect(page.get_by_text("1-10 of 12")).to_be_visible()
    await expect(rows.first).to_contain_text("Ann")
    await page.get_by_placeholder("Search").fill("12")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Post 12")


async def test_a_form_shows_what_is_wrong(posts: str, page: Page) -> None:
    """Does each error of a new row stand at its field, until the row is stored?"""
    await page.get_by_label("Create", exact=True).click()
    title = page.get_by_role("textbox", name="Title")
    for text, problem in (("x" * 41, "at most 40 characters"), ("Post 01", "already exists")):
        await title.fill(text)
        await page.get_by_label("Save").click()
        await expect(title).to_have_accessible_description(re.compile(problem))
    await title.fill("A new one")
    await page.get_by_label("Save").click()
    await expect(page.get_by_text("1-10 of 13")).to_be_visible()


async def test_a_row_is_changed_and_deleted(posts: str, page: Page, admin: ModuleType) -> None:
    """Does a form change a row, and its button delete it?"""
    await page.goto(f"{posts}/12")
    title = page.get_by_role("textbox", name="Title")
    await expect(title).to_have_value("Post 12")
    await title.fill("Another one")
    await page.get_by_label("Save").click()
    await expect(page.locator("tbody tr", has_text="Post 01")).to_be_visible()
    await page.goto(f"{posts}/12")
    await expect(title).to_have_value("Another one")
    await page.get_by_label("Delete").click()
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_text("1-10 of 11")).to_be_visible()
    async with admin.database.session() as session:
        assert await session.get(admin.Post, 12) is None

"""The site needs nothing from elsewhere, and its drawings can be read."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.docs.conftest import DOCS, ROOT

SVG = "{http://www.w3.org/2000/svg}"
DRAWINGS = sorted(DOCS.rglob("*.svg"))
PAGES = sorted(DOCS.rglob("*.md"))
STYLES = sorted(DOCS.rglob("*.css"))
FOREIGN = re.compile(
    r"!\[[^\]]*\]\(\s*(?:https?:)?//|<(?:img|script|link|iframe|video)\b|^```mermaid",
    re.IGNORECASE | re.MULTILINE,
)
"""What a page would load from elsewhere: pictures, scripts, and drawings that a script makes."""


def test_the_theme_loads_nothing_from_elsewhere() -> None:
    """Are fonts, styles, scripts and plug-ins of the site its own?"""
    assert not re.search(r"url\(|@import", "".join(path.read_text() for path in STYLES))
    config = (ROOT / "mkdocs.yml").read_text()
    assert re.search(r"^  font: false$", config, re.MULTILINE)
    for word in ("extra_javascript", "analytics", "http://", "https://", "mermaid"):
        assert word not in config, word
    plugins = config.partition("\nplugins:\n")[2].partition("\n\n")[0]
    assert set(re.findall(r"^  - (\w+)", plugins, re.MULTILINE)) == {"search", "mkdocstrings"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_loads_nothing_from_elsewhere(page: Path) -> None:
    """Are pictures files of the site, and is nothing else embedded?"""
    assert FOREIGN.findall(page.read_text()) == []


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_can_be_read(path: Path) -> None:
    """Is it whole by itself, with a title, for both schemes of colour, and on a page?"""
    text = path.read_text()
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title")
    assert "viewBox" in root.attrib
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"href|url\(|@import|<script", text)
    shown = [
        page
        for page in PAGES
        if re.search(rf"!\[[^\]]+\]\([\w./-]*{path.name}\)", page.read_text())
    ]
    assert shown

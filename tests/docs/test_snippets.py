"""The code on the pages comes from files that are tested."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.conftest import DOCS, EXAMPLES, ROOT

PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^ *```python.*?\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INCLUDE = re.compile(r'^ *--8<-- "([^":]+)(?::(\w+))?"\n$')


def python_fences() -> Iterator[tuple[Path, str]]:
    """The Python on all pages."""
    for page in PAGES:
        yield from ((page, match[1]) for match in FENCE.finditer(page.read_text()))


@pytest.mark.parametrize(
    ("page", "code"), [*python_fences()], ids=lambda value: getattr(value, "name", "")
)
def test_python_on_a_page_is_an_example(page: Path, code: str) -> None:
    """Is each fence an include of a file, or a section of it, that is there?"""
    include = INCLUDE.match(code)
    assert include, f"{page.name}: move this into docs/examples and include it"
    path, section = include.groups()
    text = (EXAMPLES / path).read_text()
    if section is None:
        assert "--8<--" not in text, f"{path} has sections: include one of them"
    else:
        for end in ("start", "end"):
            assert text.count(f"# --8<-- [{end}:{section}]") == 1


def test_every_section_is_shown() -> None:
    """Is each marked section of an example on a page?"""
    shown = {f"{m[1]}:{m[2]}" for _, code in python_fences() if (m := INCLUDE.match(code))}
    marked = {
        f"{path.relative_to(EXAMPLES)}:{name}"
        for path in EXAMPLES.rglob("*.py")
        for name in re.findall(r"# --8<-- \[start:(\w+)\]", path.read_text())
    }
    assert marked - shown == set()

"""The comparison tells how long the blog is, however it is written."""

import re

from tests.docs.conftest import DOCS, EXAMPLES, ROOT

BLOGS = {
    "fastapi_crud": EXAMPLES / "blog" / "main.py",
    "FastCRUD 0.23.0": ROOT / "tests" / "benchmarks" / "blog" / "by_fastcrud.py",
    "by hand, with FastAPI and SQLAlchemy": ROOT / "tests" / "benchmarks" / "blog" / "by_hand.py",
}
"""Row of the comparison → the blog that it is about."""


def test_the_comparison_counts_the_lines_of_the_blogs() -> None:
    """Is each blog as long as the page tells?"""
    page = (DOCS / "explanation" / "comparison.md").read_text()
    table = page.partition("| the blog | lines |\n|---|---|\n")[2].partition("\n\n")[0]
    told = {name: int(lines) for name, lines in re.findall(r"\| (.+?) \| (\d+) \|", table)}
    assert told == {name: len(blog.read_text().splitlines()) for name, blog in BLOGS.items()}

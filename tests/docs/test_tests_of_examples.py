"""The tests that readers are shown pass, each file in a process and a folder of its own."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import DOCS, EXAMPLES, ROOT

OF_THIS_RUN = ("SECRET_KEY", "PYTEST_", "COV", "TEST_")
"""What a reader's environment lacks."""
TUTORIAL = {
    "test_notes.py": {"quickstart.py": "quickstart.py", "conftest_of_notes.py": "conftest.py"},
    "test_welcome.py": {
        "welcome_mail.py": "welcome_mail.py",
        "conftest_of_welcome.py": "conftest.py",
    },
}
"""Tests of the tutorial → what lies beside them, and its name there."""


@pytest.mark.parametrize(
    ("file", "passed"),
    [
        ("test_notes.py", 3),
        ("test_welcome.py", 2),
        ("users_app/test_users.py", 4),
        ("blog/test_blog.py", 7),
    ],
)
async def test_the_tests_of_the_reader_pass(file: str, passed: int, tmp_path: Path) -> None:
    """Do they pass as the page says, with nothing of this run around them?"""
    page = (DOCS / "tutorial" / "4-testing.md").read_text()
    ini = tmp_path / "pytest.ini"
    ini.write_text(page.partition("```ini\n")[2].partition("```")[0])
    tests = EXAMPLES / file
    if file in TUTORIAL:  # the reader has each app in a folder of its own
        for name, copied in TUTORIAL[file].items():
            shutil.copy(EXAMPLES / name, tmp_path / copied)
        tests = Path(shutil.copy(tests, tmp_path))
    await passes(tests, passed, tmp_path)


async def test_the_blog_by_hand_does_what_ours_does(tmp_path: Path) -> None:
    """Is the comparison fair: do the same tests pass?"""
    shutil.copy(ROOT / "tests/benchmarks/blog/conftest_by_hand.py", tmp_path / "conftest.py")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    tests = Path(shutil.copy(EXAMPLES / "blog" / "test_blog.py", tmp_path))
    await passes(
        tests, 7, tmp_path, DATABASE_URL="sqlite+aiosqlite:///blog.db", SECRET_KEY="x" * 32
    )


async def passes(tests: Path, passed: int, tmp_path: Path, **environment: str) -> None:
    """Run tests with nothing of this run around them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", str(tests), "-q"),
        *("--rootdir", str(tmp_path), "-c", str(tmp_path / "pytest.ini")),
        *("-p", "no:cacheprovider"),
        cwd=tmp_path,
        env={
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(OF_THIS_RUN)
            },
            "PYTHONPATH": str(ROOT),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert f"{passed} passed" in output.decode()


def test_the_blog_is_as_short_as_its_page_says() -> None:
    """Are there fewer than 80 lines, imports and blank ones counted?"""
    assert len((EXAMPLES / "blog" / "main.py").read_text().splitlines()) < 80

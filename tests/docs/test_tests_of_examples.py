"""The tests that readers are shown pass, each file in a process and a folder of its own."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import EXAMPLES, ROOT

OF_THIS_RUN = ("SECRET_KEY", "PYTEST_", "COV", "TEST_")
"""What a reader's environment lacks."""


@pytest.mark.parametrize(
    ("file", "passed"),
    [("test_notes.py", 2), ("test_welcome.py", 2), ("users_app/test_users.py", 3)],
)
async def test_the_tests_of_the_reader_pass(file: str, passed: int, tmp_path: Path) -> None:
    """Do they pass as the page says, with nothing of this run around them?"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", str(EXAMPLES / file), "-q"),
        *("--rootdir", str(tmp_path), "-c", os.devnull, "-o", "asyncio_mode=auto"),
        *("-p", "no:cacheprovider"),
        cwd=tmp_path,
        env={
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(OF_THIS_RUN)
            },
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert f"{passed} passed" in output.decode()

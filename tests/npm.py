"""Packages of the npm registry, installed once for all tests, and what they are run against.

Tests that need them are skipped where the registry does not answer, and fail there with `CI=true`.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any, NoReturn

import pytest

PACKAGES = (
    "openapi-typescript@7", "openapi-fetch@0", "typescript@5", "@hey-api/openapi-ts@0",
    "ra-data-simple-rest@5", "ra-data-json-server@5", "@refinedev/simple-rest@6",
    "react-admin@5", "react@18", "react-dom@18", "esbuild@0",
)  # fmt: skip
INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--legacy-peer-deps")
"""Without peers: of those that are not listed above, only types are used."""


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which they are installed; scripts in folders below it find them."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "npm"
    with (shared / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            install(folder)
    problem = folder / "problem.txt"
    if problem.exists():
        unavailable(problem.read_text(encoding="utf-8"))
    return folder


def install(folder: Path) -> None:
    """Install the packages, or leave a note of why not."""
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    problem = "there is no npm"
    if shutil.which("npm"):
        installed = run(folder, *INSTALL, *PACKAGES)
        problem = f"npm cannot install: {installed.stdout}" if installed.returncode else ""
    if problem:
        (folder / "problem.txt").write_text(problem, encoding="utf-8")


def unavailable(reason: str) -> NoReturn:
    """Skip what needs something from outside; fail where it must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command; all that it prints is its output."""
    return subprocess.run(
        command,
        cwd=folder,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        check=False,
        timeout=300,
    )


async def run_script(folder: Path, script: str) -> None:
    """Run a script by node, while an app is served; what it throws is printed."""
    node: Any = await asyncio.create_subprocess_exec(
        "node", "--input-type=module", "-e", script, cwd=folder, stdout=PIPE, stderr=STDOUT
    )
    async with asyncio.timeout(60):
        printed, _ = await node.communicate()
    assert node.returncode == 0, printed.decode()

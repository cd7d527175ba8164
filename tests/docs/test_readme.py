"""The transcripts of the README, the tutorial and some guides, word for word."""

import argparse
import asyncio
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.docs.conftest import DOCS, ENVIRONMENT, EXAMPLES, ROOT, Visit

README = ROOT / "README.md"
TRANSCRIPTS = {
    README: "quickstart",
    DOCS / "tutorial" / "1-first-api.md": "quickstart",
    DOCS / "tutorial" / "2-filter-sort-page.md": "filter_sort_page",
    DOCS / "tutorial" / "3-business-rules.md": "service_rules",
    DOCS / "tutorial" / "5-authentication.md": "private_notes",
    DOCS / "how-to" / "api-keys.md": "api_keys",
}
"""Page → the example that it talks to."""

HOST = "localhost:8000"
PAGES = pytest.mark.parametrize(
    ("page", "example"), TRANSCRIPTS.items(), ids=[page.stem for page in TRANSCRIPTS]
)


COMMAND = re.compile(r"curl |[A-Z]+=\w+…\n")
"""A command that is tried: curl, or a variable that keeps a part of the last answer."""


@dataclass(frozen=True)
class Exchange:
    """One command of a transcript and what is answered."""

    command: str
    answer: str

    def fits(self, answer: str) -> bool:
        """Tell whether this is the answer; `…` stands for what is another each time."""
        parts = (re.escape(part) for part in self.answer.split("…"))
        return re.fullmatch(r"[^\"\s]+".join(parts), answer.strip("\n")) is not None


@dataclass
class Shell:
    """What a reader's shell and eyes remember between two commands."""

    ask: Callable[[str], Awaitable[str]]
    last: str = ""
    variables: dict[str, str] = field(default_factory=dict[str, str])

    async def run(self, command: str) -> str:
        """Ask, or keep what the page tells to keep of the last answer, such as `ANN=eyJ…`."""
        if not command.startswith("curl "):
            name, _, begin = command.rstrip("…").partition("=")
            kept = re.findall(rf'"({begin}[\w.-]+)"', self.last)
            assert len(kept) == 1, command
            self.variables[name] = kept[0]
            return ""
        for name, value in self.variables.items():
            command = command.replace(f"${name}", value)
        self.last = await self.ask(command)
        return self.last


def exchanges_of(page: Path) -> list[Exchange]:
    """Read the commands of a page that are tried, and their answers."""
    fences = re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    parts = [part for fence in fences for part in re.split(r"^\$ ", fence, flags=re.MULTILINE)]
    lines = (part.partition("\n") for part in parts if COMMAND.match(part))
    return [Exchange(command, answer.strip("\n")) for command, _, answer in lines]


def parse_curl(command: str) -> argparse.Namespace:
    """Read a curl command; an option that this parser does not know fails the test."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body")
    parser.add_argument("-w", dest="write", default="")
    parser.add_argument("url")
    program, *arguments = shlex.split(command)
    assert program == "curl"
    return parser.parse_args(arguments)


async def replay(client: httpx2.AsyncClient, command: str) -> str:
    """Do what a curl command says, and give what it would print."""
    curl = parse_curl(command)
    response = await client.request(
        curl.method or ("GET" if curl.body is None else "POST"),
        f"http://{curl.url}",
        headers=dict(header.split(": ", 1) for header in curl.headers),
        content=curl.body,
    )
    written = str(curl.write).replace("%{http_code}", str(response.status_code))
    written = re.sub(r"%header\{([\w-]+)\}", lambda found: response.headers[found[1]], written)
    return response.text + written.replace("\\n", "\n")


@contextmanager
def uvicorn_serving(app: str, folder: Path) -> Generator[int]:
    """Serve an example by uvicorn as the README says, on a free port and an empty folder.

    The port is open before the server starts: who calls early waits in the queue of the socket.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), app]
        server = subprocess.Popen(
            [*command, "--fd", str(listener.fileno()), "--log-level", "warning"],
            pass_fds=[listener.fileno()],
            cwd=folder,
            env={k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "SECRET_KEY"}},
        )
        port: int = listener.getsockname()[1]
    try:
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


@PAGES
async def test_the_transcript_is_what_the_app_answers(
    visit: Visit, page: Path, example: str
) -> None:
    """Does each command of the page get exactly the printed answer?"""
    exchanges = exchanges_of(page)
    assert exchanges
    async with visit(example) as client:
        shell = Shell(partial(replay, client))
        for exchange in exchanges:
            answer = await shell.run(exchange.command)
            assert exchange.fits(answer), answer


@PAGES
async def test_the_transcript_is_what_uvicorn_and_curl_print(
    tmp_path: Path, page: Path, example: str
) -> None:
    """Does a reader in an empty folder see the same, with a real server and the real curl?"""
    if "SECRET_KEY" in (EXAMPLES / f"{example}.py").read_text():
        (tmp_path / ".env").write_text(f"SECRET_KEY={ENVIRONMENT['SECRET_KEY']}\n")
    with uvicorn_serving(f"{example}:app", tmp_path) as port:
        shell = Shell(ask)
        for exchange in exchanges_of(page):
            answer = await shell.run(exchange.command.replace(HOST, f"127.0.0.1:{port}"))
            assert exchange.fits(answer), answer


async def ask(command: str) -> str:
    """Run a curl command; without curl, do what it says."""
    if not shutil.which("curl"):  # pragma: no cover - most machines have it
        async with httpx2.AsyncClient(timeout=30) as client:
            return await replay(client, command)
    options = [*shlex.split(command), "--max-time", "30", "--noproxy", "*"]
    curl = await asyncio.create_subprocess_exec(*options, stdout=subprocess.PIPE)
    output, _ = await curl.communicate()
    assert curl.returncode == 0
    return output.decode()


def test_the_readme_shows_every_operation() -> None:
    """Does the transcript go through all six operations and one error?"""
    commands = [exchange.command for exchange in exchanges_of(README)]
    methods = [parse_curl(c).method or ("POST" if " -d " in c else "GET") for c in commands]
    assert methods == ["POST", "GET", "GET", "PATCH", "PUT", "DELETE", "GET"]


def test_the_readme_has_two_commands_whose_names_exist() -> None:
    """Do the commands name an app, a folder and an extra that are there?"""
    commands = re.findall(r"^```sh\n(.*?)\n```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert len(commands) == 2
    serve, test = commands
    assert "--app-dir docs/examples quickstart:app" in serve
    assert (EXAMPLES / "quickstart.py").exists()
    assert "pip install -e '.[test]'" in test
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "test" in project["optional-dependencies"]


def test_the_links_of_the_readme_lead_somewhere() -> None:
    """Does each relative link name a file of the repository?"""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []

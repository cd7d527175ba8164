"""Serves a variant in a process of its own, on a free port."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from http.client import HTTPConnection

from tests.benchmarks.speed.asking import HEADERS, Ask, Asker, Wrong
from tests.benchmarks.speed.variants import OPERATIONS, Variant

HOST = "127.0.0.1"
PATIENCE = 30  # seconds


@asynccontextmanager
async def serving(variant: Variant, url: str) -> AsyncGenerator[int]:
    """Serve a variant's app, after a look whether it answers as it should.

    Args:
        variant: Which.
        url: Its database.

    Yields:
        The port.

    Raises:
        Wrong: If an answer is not right.
    """
    with socket.create_server((HOST, 0), backlog=128) as listening:
        port: int = listening.getsockname()[1]
        number = listening.fileno()
        module = "tests.benchmarks.speed.server"
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, variant.name, url, str(number), pass_fds=[number]
        )
    try:
        try:
            await asyncio.to_thread(_check, Asker(variant), port)
        except OSError as error:
            msg = f"{variant.name} does not answer: {error}"
            raise Wrong(msg) from error
        yield port
    finally:
        with suppress(ProcessLookupError):
            server.terminate()
        await server.wait()


def _check(asker: Asker, port: int) -> None:
    for operation in OPERATIONS:
        ask = asker.ask(operation)
        asker.check(operation, ask, *_answer(ask, port))


def _answer(ask: Ask, port: int) -> tuple[int, bytes]:
    connection = HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        connection.request(ask.method, ask.target, ask.body or None, HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()

"""Calls an app as ASGI has it, without sockets, and counts the CPU time of its process."""

import asyncio
import gc
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import process_time
from typing import Any

from starlette.applications import Starlette

from tests.benchmarks.speed.asking import HEADERS, Ask, Asker
from tests.benchmarks.speed.variants import Operation, Variant

BATCH = 16
"""Requests between two looks at the clock."""
AT_ONCE = 4
"""How many of them are under way at a time: so many connections all variants can have together."""

Message = MutableMapping[str, Any]


@dataclass(frozen=True)
class Caller:
    """Calls the app of a variant.

    Args:
        app: The app, started.
        state: What its lifespan gave.
        asker: Makes the requests.
    """

    app: Starlette
    state: dict[str, Any]
    asker: Asker

    async def check(self, operation: Operation) -> None:
        """Ask once, and look at the answer.

        Raises:
            Wrong: If it is not right.
        """
        ask = self.asker.ask(operation)
        status, content = await self._call(ask, self._scope(ask))
        self.asker.check(operation, ask, status, content)

    async def cost(self, operation: Operation, seconds: float) -> float:
        """Measure the CPU seconds that a request takes.

        Args:
            operation: What to ask.
            seconds: How much CPU time the figure covers.

        Raises:
            Wrong: If a request fails.
        """
        gc.collect()
        taken, requests = 0.0, 0
        while taken < seconds:
            asks = [self.asker.ask(operation) for _ in range(BATCH)]
            queue = iter([(ask, self._scope(ask)) for ask in asks])
            began = process_time()
            await asyncio.gather(*(self._work_off(queue, operation) for _ in range(AT_ONCE)))
            taken += process_time() - began
            requests += BATCH
        return taken / requests

    async def _work_off(self, queue: Any, operation: Operation) -> None:
        for ask, scope in queue:
            status, content = await self._call(ask, scope)
            if not 200 <= status < 300:
                self.asker.check(operation, ask, status, content)

    async def _call(self, ask: Ask, scope: Message) -> tuple[int, bytes]:
        sent: list[Message] = []
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if asked:
                await asyncio.get_running_loop().create_future()
            asked = True
            return {"type": "http.request", "body": ask.body.encode(), "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    def _scope(self, ask: Ask) -> Message:
        path, _, query = ask.target.partition("?")
        headers = {**HEADERS, "Content-Length": str(len(ask.body.encode()))}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": ask.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": dict(self.state),
        }


@asynccontextmanager
async def calling(variant: Variant, url: str) -> AsyncGenerator[Caller]:
    """Start the app of a variant on a database."""
    app = variant.make_app(url)
    async with app.router.lifespan_context(app) as state:
        yield Caller(app, dict(state or {}), Asker(variant))

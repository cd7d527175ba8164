"""The event loop that uvicorn would take."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from uvicorn.config import Config

ResultT = TypeVar("ResultT")


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run something on uvloop where it is installed."""
    factory = Config(app="", loop="auto").get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)

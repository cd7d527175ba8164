"""Gates: how many statements run at a time where more would only be in each other's way."""

import asyncio
from asyncio import Semaphore
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

PATIENCE = 1.0
"""Seconds that a statement waits at a gate: one that is inside may wait for a lock of somebody
else's, and the others are not to wait behind it, one after the other."""


class Gate:
    """Lets a few in at a time, in the order in which they came.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._places = Semaphore(most)

    @asynccontextmanager
    async def passed(self) -> AsyncGenerator[None]:
        """Wait for a place, and go on without one where that takes too long."""
        taken = False
        try:
            async with asyncio.timeout(PATIENCE if self._places.locked() else None):
                taken = await self._places.acquire()
        except TimeoutError:
            pass
        try:
            yield
        finally:
            if taken:
                self._places.release()

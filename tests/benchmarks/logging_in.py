"""How long the event loop stands still while passwords are hashed at their real cost.

Run it with `python -m tests.benchmarks.logging_in`. Three logins at the same time must not keep
others waiting for more than 50 ms; the same work done on the loop itself is shown beside it.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from time import perf_counter

from fastapi import FastAPI

from fastapi_crud import Database
from fastapi_crud.auth import Auth, AuthSettings, PasslibHasher, make_auth_router
from fastapi_crud.database import STATE_KEY
from tests.auth.world import ANN, KEY, PASSWORD, Base, User
from tests.conftest import Client, client_of

LOGINS = 3
TICK = 0.001  # seconds
MOST = 0.050  # seconds


async def longest_stall(work: Callable[[], Awaitable[object]]) -> float:
    """Give the longest time, in seconds, for which nothing else could run during some work."""
    done, longest = asyncio.Event(), 0.0

    async def watch() -> None:
        nonlocal longest
        last = perf_counter()
        while not done.is_set():
            await asyncio.sleep(TICK)
            now = perf_counter()
            longest, last = max(longest, now - last - TICK), now

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await work()
    done.set()
    await watcher
    return longest


async def log_in(client: Client) -> None:
    """Log in, whatever it takes."""
    answer = await client.post("/auth/login", data={"username": ANN, "password": PASSWORD})
    answer.raise_for_status()


async def main() -> None:
    """Measure, and say whether it is as promised."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/app.db", metadata=Base.metadata)
        await database.create_all()
        app = FastAPI()
        app.include_router(
            make_auth_router(Auth(User, settings=AuthSettings(secret_key=KEY))), prefix="/auth"
        )
        setattr(app.state, STATE_KEY, database)
        async with client_of(app) as client:
            body = {"email": ANN, "name": "Ann", "password": PASSWORD}
            (await client.post("/auth/register", json=body)).raise_for_status()
            await log_in(client)

            async def in_threads() -> None:
                await asyncio.gather(*(log_in(client) for _ in range(LOGINS)))

            hasher = PasslibHasher()
            hashed = hasher.hash(PASSWORD)

            async def on_the_loop() -> None:
                for _ in range(LOGINS):
                    hasher.verify(PASSWORD, hashed)

            began = perf_counter()
            stalls = [await longest_stall(in_threads) for _ in range(5)]
            seconds = (perf_counter() - began) / 5
            inline = await longest_stall(on_the_loop)
        await database.engine.dispose()
    worst = max(stalls)
    sys.stdout.write(
        f"{LOGINS} logins at once take {seconds * 1000:.0f} ms\n"
        f"the loop stood still for {worst * 1000:.0f} ms at most, of {MOST * 1000:.0f} allowed\n"
        f"on the loop itself it would be {inline * 1000:.0f} ms\n"
    )
    if worst > MOST:
        raise SystemExit(1)


if __name__ == "__main__":
    asyncio.run(main())

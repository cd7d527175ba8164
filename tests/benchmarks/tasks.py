"""What it costs that no job is lost: outbox, relay and worker beside a plain `.delay()`.

    python -m tests.benchmarks.tasks [--jobs N] [--rounds N]

One Celery worker over Redis does the same jobs on PostgreSQL in each way; the relay that runs them
in this process, without a broker, is shown beside it. Figures are jobs per second, from the first
that is asked for until the last is done, each asked for in a transaction of its own.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from fastapi_crud.tasks import Relay
from tests.benchmarks.measuring import measure, show, show_table
from tests.conftest import SERVERS, empty_database
from tests.tasks.fleet import REDIS_URL, Shop, open_shop
from tests.tasks.shop import EFFECTS, note


def main() -> None:
    """Run it on the PostgreSQL and Redis that answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    said = parser.parse_args()
    os.environ["CI"] = "true"  # a server that is missing is an error
    asyncio.run(_on_servers(said.jobs, said.rounds))


async def _on_servers(jobs: int, rounds: int) -> None:
    async with empty_database(SERVERS["postgresql"]) as url:
        with tempfile.TemporaryDirectory() as folder:
            await _in_shop(url, Path(folder), jobs, rounds)


async def _in_shop(url: URL, folder: Path, jobs: int, rounds: int) -> None:
    async with open_shop(url, REDIS_URL, folder) as shop, shop.worker("threads"):
        send: Any = shop.send(note)

        async def at_once() -> None:
            await _emptied(shop)
            for number in range(jobs):
                await asyncio.to_thread(send, {"number": number})
            await shop.done("noted", jobs)

        async def by_outbox() -> None:
            await _emptied(shop)
            async with shop.relay().lifespan():
                await _ask(shop, jobs)
                await shop.done("noted", jobs)

        async def in_process() -> None:
            await _emptied(shop)
            async with Relay(shop.database, concurrency=4).lifespan():
                await _ask(shop, jobs)
                await shop.done("noted", jobs)

        ways = {"plain .delay()": at_once, "outbox, relay, worker": by_outbox}
        taken = await measure({**ways, "outbox, in process": in_process}, rounds)
        show(f"{jobs} jobs, {rounds} rounds")
        show_table(
            ["way", "jobs/s", "x .delay()"],
            [
                [way, jobs / (taken.milliseconds(way) / 1000), taken.ratio(way, "plain .delay()")]
                for way in taken.seconds
            ],
        )


async def _ask(shop: Shop, jobs: int) -> None:
    for number in range(jobs):
        await shop.order(note, number)


async def _emptied(shop: Shop) -> None:
    async with shop.database.session() as session:
        await session.execute(EFFECTS.delete())


if __name__ == "__main__":
    main()

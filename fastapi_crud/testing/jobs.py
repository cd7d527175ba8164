"""The outbox in tests: which jobs were asked for, and a run of them; Celery without workers."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa

from fastapi_crud.database import Database
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.tasks.outbox import OUTBOX, State
from fastapi_crud.tasks.relay import Relay

NO_CELERY = "Celery is not installed: pip install 'fastapi-crud-factory[celery]'"


@dataclass(frozen=True, kw_only=True)
class StoredJob:
    """A job as it stands in the outbox.

    Args:
        name: The name of its task.
        payload: The arguments, as JSON.
        state: What has become of it.
        last_error: How the last attempt ended, if it failed.
    """

    name: str
    payload: Mapping[str, Any]
    state: State
    last_error: str | None


class Outbox:
    """The jobs of a database.

    Args:
        database: Where the outbox is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def jobs(self) -> list[StoredJob]:
        """List all jobs, in the order in which they were asked for."""
        row = OUTBOX.c
        columns = (row.name, row.payload, row.state, row.last_error)
        async with self._database.session() as session:
            found = await session.execute(sa.select(*columns).order_by(row.created_at, row.id))
            return [StoredJob(**each) for each in found.mappings()]

    async def run(self) -> int:
        """Run all jobs that are due, and those that they ask for; tell how many.

        Jobs with a delay are left.

        Raises:
            AssertionError: If one has failed. Use `Relay(database).drain()` where it is to fail.
        """
        count = await Relay(self._database, concurrency=1).drain()
        failed = [f"{it.name}: {it.last_error}" for it in await self.jobs() if it.last_error]
        if failed:
            raise AssertionError("\n".join(["jobs have failed", *failed]))
        return count


def eager_celery() -> Generator[Any]:
    """Let the app of Celery run tasks within `delay`, until this goes on.

    Raises:
        ConfigurationError: If Celery is not installed.
    """
    try:
        import celery  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise ConfigurationError(NO_CELERY) from missing
    current: Any = cast("Any", celery).current_app
    conf = current.conf
    before = (conf.task_always_eager, conf.task_eager_propagates)
    conf.task_always_eager = conf.task_eager_propagates = True
    yield current
    conf.task_always_eager, conf.task_eager_propagates = before

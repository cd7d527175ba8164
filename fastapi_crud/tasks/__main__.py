"""The command `python -m fastapi_crud.tasks app:relay`: runs a relay until it is told to stop."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Sequence
from functools import reduce
from importlib import import_module

from fastapi_crud.tasks.relay import Relay

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

logger: logging.Logger = logging.getLogger("fastapi_crud.tasks")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a relay until SIGTERM or SIGINT, then let the jobs at work end.

    A second signal does what it does elsewhere: it ends the process.

    Args:
        arguments: Those of the command line; its own unless given.

    Raises:
        SystemExit: If no relay is found there.
    """
    says = "Run a relay until SIGTERM or SIGINT; jobs at work may end."
    parser = argparse.ArgumentParser(prog="python -m fastapi_crud.tasks", description=says)
    parser.add_argument("relay", help="where the relay is, as module:name, such as app:relay")
    asked = parser.parse_args(arguments)
    try:
        relay = found(asked.relay)
    except ValueError as error:
        parser.error(str(error))
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    asyncio.run(run(relay))


def found(place: str) -> Relay:
    """Import a relay.

    Args:
        place: Where it is, as `module:name`.

    Raises:
        ValueError: If there is no relay.
    """
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise ValueError(f"{place!r} is not of the form module:name, such as app:relay")
    try:
        relay: object = reduce(getattr, name.split("."), import_module(module))
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(f"{place!r} cannot be found: {error}") from error
    if not isinstance(relay, Relay):
        raise ValueError(f"{place!r} is no Relay, but a {type(relay).__name__}")
    return relay


async def run(relay: Relay) -> None:
    """Run a relay until a signal tells it to stop, and close its database."""
    loop = asyncio.get_running_loop()

    def stop(number: int, _: object) -> None:
        logger.info("%s: the relay takes no more jobs", signal.Signals(number).name)
        loop.call_soon_threadsafe(relay.stop)
        restore()

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.signal(each, stop) for each in SIGNALS}
    logger.info("the relay runs")
    try:
        await relay.run()
    finally:
        restore()
        await relay.database.engine.dispose()
    logger.info("the relay has stopped")


if __name__ == "__main__":
    main()

"""A process that serves one variant's app with uvicorn; `serving` starts it."""

import socket
import sys

import uvicorn

from tests.benchmarks.speed.variants import VARIANTS


def main(name: str, url: str, number: str) -> None:
    """Serve until a signal comes.

    Args:
        name: The variant.
        url: Its database.
        number: The file descriptor of a socket that listens.
    """
    config = uvicorn.Config(
        VARIANTS[name].make_app(url),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
    )
    uvicorn.Server(config).run([socket.socket(fileno=int(number))])


if __name__ == "__main__":
    main(*sys.argv[1:])

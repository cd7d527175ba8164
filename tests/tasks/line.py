"""A line to a broker that tests cut and mend."""

import asyncio
from contextlib import suppress

from sqlalchemy.engine import make_url

from tests.tasks.fleet import free_port

PORTS = {"redis": 6379, "amqp": 5672}


class Line:
    """A proxy on a port of its own; cut at first.

    Args:
        broker: The URL of the broker at its other end.
    """

    def __init__(self, broker: str) -> None:
        target = make_url(broker)
        port = free_port()
        self.url = target.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
        """The URL of the broker for those at this end."""
        self._target = (target.host or "127.0.0.1", target.port or PORTS[target.drivername])
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        """Let connections pass."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._port)

    def cut(self) -> None:
        """Close all connections, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for each in [*self._open]:
            each.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        if self._server is None:  # it was cut meanwhile
            writer.transport.abort()
            back.transport.abort()
            return
        self._open |= {writer, back}
        try:
            with suppress(OSError):
                await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            for each in (writer, back):
                self._open.discard(each)
                each.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()

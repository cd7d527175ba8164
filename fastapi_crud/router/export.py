"""Lists as files: all rows that match, streamed, in the format that the client accepts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from fastapi_crud.database import AsyncSession
from fastapi_crud.exceptions import (
    ConfigurationError,
    CrudError,
    InvalidQuery,
    Issue,
    NotAcceptable,
)
from fastapi_crud.lane import Lane
from fastapi_crud.query.loading import attributes_of
from fastapi_crud.query.parameters import IntegerParameter
from fastapi_crud.query.vocabulary import Vocabulary
from fastapi_crud.router.asking import Asker, Wanted
from fastapi_crud.router.dependencies import database_of, opened
from fastapi_crud.router.formats import FORMATS, OFFERED, Format
from fastapi_crud.router.headers import header_lines
from fastapi_crud.router.negotiation import best_of
from fastapi_crud.router.problems import problem_of
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.responses import JSON
from fastapi_crud.router.route import HEAD_KEY
from fastapi_crud.router.views import shows_plainly
from fastapi_crud.router.work import discreet, service_in
from fastapi_crud.unit_of_work import reads_plainly

VARY = {"Vary": "Accept, Prefer"}
"""What the answer of a list depends on where it comes in several formats."""
MAX_CHOICES = 64
"""How many `Accept` headers the choice is remembered for."""
MAX_REMEMBERED = 200
"""How long such a header is at most."""

Parts = AsyncGenerator[Sequence[Any]]


@dataclass(frozen=True)
class Exporter:
    """Answers requests for the list of one resource as a file.

    Args:
        resource: The resource.
    """

    resource: Resource

    def format_of(self, request: Request) -> Format | None:
        """Choose the format that a client accepts; None for a page in JSON.

        Raises:
            NotAcceptable: If it accepts none.
        """
        accept = ",".join(header_lines(request.scope, b"accept"))
        chosen = _chosen(accept) if len(accept) <= MAX_REMEMBERED else best_of(accept, OFFERED)
        if chosen is None:
            raise NotAcceptable
        return None if chosen == JSON else FORMATS[chosen]

    def answer(
        self,
        request: Request,
        session: AsyncSession | None,
        given: Mapping[str, Any],
        endpoint: Callable[..., Any],
        form: Format,
    ) -> Response:
        """Answer with all rows that a request asks for.

        Args:
            request: The request.
            session: The session of the request, where the app has its own way to open one.
            given: What its dependencies gave.
            endpoint: The endpoint.
            form: The format.

        Raises:
            InvalidQuery: If its query cannot be read, or asks for what is not in a file.
        """
        asked = self._asker.read(request, given, endpoint)
        for name, value in (("include", asked.query.include), ("cursor", asked.query.cursor)):
            if value:
                message = "Only pages in JSON have it"
                raise InvalidQuery([Issue("conflicting_parameters", ("query", name), message)])
        return Export(self, request, session, asked, form)

    @asynccontextmanager
    async def parts(
        self, request: Request, session: AsyncSession | None, asked: Wanted
    ) -> AsyncGenerator[Parts]:
        """Open what gives the rows of a request; the session is given back at the end."""
        if session is not None:
            async with self._parts(session, None, asked) as parts:
                yield parts
            return
        database = self.resource.options.database or database_of(request)
        async with opened(request, database) as own:
            plain = database.plain and self._plain
            names = self.resource.writer.attributes(asked.selection)
            lane = Lane(self.resource.info, names, database.engine, asked.sight.view)
            async with self._parts(own, lane.within(own) if plain else None, asked) as parts:
                yield parts

    @asynccontextmanager
    async def _parts(
        self, session: AsyncSession, lane: Lane | None, asked: Wanted
    ) -> AsyncGenerator[Parts]:
        service = service_in(self.resource, session, asked.sight, lane)
        most = self.resource.options.limits.max_export
        query = asked.query
        unbounded = query.limit > most
        parts = service.partitions(query, most=most if unbounded else None)
        async with aclosing(parts):
            yield parts

    @cached_property
    def _asker(self) -> Asker:
        return Asker(self.resource, "list", _unpaged(self.resource.vocabulary))

    @cached_property
    def _plain(self) -> bool:
        """Whether rows are nothing but columns; scopes and rights play no part in that."""
        read, info = self.resource.schemas.read, self.resource.info
        plain = shows_plainly(read) and reads_plainly(info, attributes_of(read))
        return plain and self.resource.service.only_prepares("export")


class Export(Response):
    """The answer: what goes wrong before its first row is a problem like any other.

    What goes wrong later cannot be told any more: the connection is cut off, so that no client
    takes what it got for the whole.

    Args:
        exporter: Gives the rows.
        request: The request.
        session: Its session, where the app has its own way to open one.
        asked: What is asked for.
        form: The format.
    """

    def __init__(
        self,
        exporter: Exporter,
        request: Request,
        session: AsyncSession | None,
        asked: Wanted,
        form: Format,
    ) -> None:
        name = f"{exporter.resource.names.plural}.{form.suffix}"
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        super().__init__(None, 200, {**asked.applied, **disposition, **VARY})
        del self.headers["content-length"]
        self.headers["content-type"] = form.content_type
        self._exporter, self._request, self._session = exporter, request, session
        self._asked, self._form = asked, form
        self._begun = False

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        resource = self._exporter.resource
        try:
            with discreet(resource, self._asked.sight.rights.hidden):
                async with self._exporter.parts(self._request, self._session, self._asked) as parts:
                    await self._send(parts, receive, _raising(send))
        except ConfigurationError:
            raise
        except ClientDisconnect:
            pass  # nobody is there to tell
        except (CrudError, HTTPException) as error:
            if self._begun:
                raise
            await problem_of(self._request, error, resource.problems)(scope, receive, send)
        if self.background is not None:
            await self.background()

    async def _send(self, parts: Parts, receive: Receive, send: Send) -> None:
        """Send part by part; stop between two where the client has gone."""
        form, writer = self._form, self._exporter.resource.writer
        said = (self._asked.selection, self._exporter.resource.options.csv_formulas)
        part = await anext(parts, None)
        content = form.head(writer, *said) + (form.part(writer, part, *said) if part else b"")
        self._begun = True
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if HEAD_KEY in self._request.scope:
            part = None
        gone = asyncio.ensure_future(_left(receive))
        try:
            while part:
                await send({"type": "http.response.body", "body": content, "more_body": True})
                if gone.done():
                    raise ClientDisconnect
                part = await anext(parts, None)
                content = form.part(writer, part, *said) if part else b""
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": content, "more_body": False})


def _raising(send: Send) -> Send:
    """Say plainly that the client has gone, where a server tells so by an `OSError`."""

    async def send_or_raise(message: Message) -> None:
        try:
            await send(message)
        except OSError as error:
            raise ClientDisconnect from error

    return send_or_raise


async def _left(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


@lru_cache(MAX_CHOICES)
def _chosen(accept: str) -> str | None:
    return best_of(accept, OFFERED)


def _unpaged(vocabulary: Vocabulary) -> Vocabulary:
    """Let a list be asked for as many rows as an export may have; one more means all."""
    most = vocabulary.limits.max_export
    limit = vocabulary.parameters["limit"]
    assert isinstance(limit, IntegerParameter)  # noqa: S101 - as it was made
    parameters = {**vocabulary.parameters, "limit": replace(limit, default=most, maximum=most)}
    limits = replace(vocabulary.limits, default_limit=most + 1, max_limit=most + 1)
    return replace(vocabulary, parameters=parameters, limits=limits)

"""Request ids: each request has one, in its answer and in the log records that it leaves."""

import re
from secrets import token_hex

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastapi_crud.records import request_id_as

REQUEST_ID = "X-Request-ID"

REQUEST_ID_KEY = "fastapi_crud.request_id"
"""Where the id of a request is kept, in its ASGI scope."""

WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
"""What an id may be: it is written to logs and headers as it came."""

STARTS = frozenset({"http.response.start", "websocket.accept"})
"""Messages that have the headers of an answer."""


class RequestIds:
    """ASGI middleware that gives each request an id.

    Args:
        app: What answers the requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] not in {"http", "websocket"} or REQUEST_ID_KEY in scope:
            await self.app(scope, receive, send)
            return
        request_id = _id_of(scope)
        scope[REQUEST_ID_KEY] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] in STARTS:
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with request_id_as(request_id):
            await self.app(scope, receive, send_with_id)


def add_request_ids(app: FastAPI) -> None:
    """Give each request an id, in the header `X-Request-ID` of its answer and in log records.

    A request may bring its own: up to 128 letters, digits and `_.:-`. Any other is replaced.
    `JSONFormatter` and `RequestIdFilter` write it to the log, `current_request_id` gives it. Add
    it after other middleware, so that their records have it too.

    Args:
        app: The app.
    """
    app.add_middleware(RequestIds)


def request_id_header(scope: Scope) -> dict[str, str]:
    """Give the header for an answer that is made outside of the middleware."""
    request_id: str | None = scope.get(REQUEST_ID_KEY)
    return {} if request_id is None else {REQUEST_ID: request_id}


def _id_of(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if WELL_FORMED.fullmatch(given) else token_hex(16)

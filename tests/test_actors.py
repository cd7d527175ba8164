"""How actors are named."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from fastapi_crud import ConfigurationError
from fastapi_crud.actors import actor_text
from tests.models import Note


@dataclass
class Machine:
    """Has a text of its own, as dataclasses have."""

    name: str


NAMED: list[tuple[Any, str | None]] = [
    (None, None),
    ("ann", "ann"),
    (7, "7"),
    (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (SimpleNamespace(id=0, sub="ann"), "0"),
    (SimpleNamespace(id=None, sub="ann"), "ann"),
    ({"id": 7, "sub": "ann"}, "7"),
    ({"sub": "ann", "exp": 1}, "ann"),
    ({"name": "ann"}, "{'name': 'ann'}"),
    (Machine("press"), "Machine(name='press')"),
]


def test_an_actor_has_a_text() -> None:
    """Is an actor named by what tells it from others?"""
    for actor, text in NAMED:
        assert actor_text(actor) == text, actor


def test_an_actor_like_any_other_is_refused() -> None:
    """Is an address in memory no name?"""
    for actor in (object(), Note(title="not stored yet")):
        with pytest.raises(ConfigurationError, match=f"{type(actor).__name__} without `id`"):
            actor_text(actor)

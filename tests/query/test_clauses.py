"""What a client asked for, as a value."""

from dataclasses import FrozenInstanceError

import pytest

from fastapi_crud import Query
from fastapi_crud.query.clauses import DEFAULT_LIMIT, MAX_LIMIT, MAX_SKIP


def test_a_query_asks_for_the_first_page() -> None:
    """What is asked for where nothing is said?"""
    assert Query() == Query(skip=0, limit=DEFAULT_LIMIT, where=(), order_by=())


def test_a_query_cannot_be_changed() -> None:
    """Is a query frozen, so that it can be passed around?"""
    query = Query()
    with pytest.raises(FrozenInstanceError):
        query.limit = 1  # type: ignore[misc]


def test_a_query_takes_names_only() -> None:
    """Can nobody mix up skip and limit?"""
    with pytest.raises(TypeError):
        Query(0, 100)  # type: ignore[call-arg]


def test_the_bounds_are_those_of_the_contract() -> None:
    """Do the constants say what the documentation promises?"""
    assert (DEFAULT_LIMIT, MAX_LIMIT, MAX_SKIP) == (100, 1000, 9_223_372_036_854_775_807)

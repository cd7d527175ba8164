"""What a client asked for, as a value."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given

from fastapi_crud import And, Filter, Not, Or, OrderBy, Query, Search
from fastapi_crud.query.clauses import DEFAULT_LIMIT, MAX_LIMIT, MAX_SKIP
from tests.models import Note
from tests.query.questions import orders, unhurried

A, B = Filter("a"), Filter("b", "gte", 1)


def test_a_query_asks_for_the_first_page() -> None:
    """What is asked for where nothing is said?"""
    assert Query() == Query(
        skip=0,
        limit=DEFAULT_LIMIT,
        where=(),
        order_by=(),
        count="exact",
        cursor=None,
        fields=None,
        include=(),
    )


@pytest.mark.parametrize(
    ("value", "attribute"),
    [
        (Query(), "limit"),
        (A, "value"),
        (Search("a", ("b",)), "text"),
        (And(A), "parts"),
        (Or(A), "parts"),
        (Not(A), "part"),
        (OrderBy("a"), "descending"),
    ],
    ids=lambda it: type(it).__name__,
)
def test_what_is_asked_cannot_be_changed(value: Any, attribute: str) -> None:
    """Is every clause frozen, so that it can be passed around?"""
    with pytest.raises(FrozenInstanceError):
        setattr(value, attribute, 1)


def test_a_query_takes_names_only() -> None:
    """Can nobody mix up skip and limit?"""
    with pytest.raises(TypeError):
        Query(0, 100)  # type: ignore[call-arg]


def test_the_bounds_are_those_of_the_contract() -> None:
    """Do the constants say what the documentation promises?"""
    assert (DEFAULT_LIMIT, MAX_LIMIT, MAX_SKIP) == (100, 1000, 9_223_372_036_854_775_807)


def test_lists_of_a_query_are_frozen() -> None:
    """Does what happens to a list afterwards leave the query as it is?"""
    where, order, fields, include = [A], ["a"], ["a"], ["b"]
    query = Query(where=where, order_by=order, fields=fields, include=include)
    for each in (where, order, fields, include):
        each.clear()
    assert query == Query(where=(A,), order_by=(OrderBy("a"),), fields=("a",), include=("b",))
    assert hash(query) == hash(Query(where=(A,), order_by=("a",), fields=("a",), include=("b",)))


def test_names_to_sort_by_are_read() -> None:
    """Are `-name`, `OrderBy` and SQL all taken, and SQL left as it is?"""
    title = Note.title.desc()
    query = Query(order_by=["a", "-b", OrderBy("c", descending=True), title])
    assert query.order_by[:3] == (OrderBy("a"), OrderBy("b", True), OrderBy("c", True))
    assert query.order_by[3] is title


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("name", OrderBy("name")),
        ("-name", OrderBy("name", descending=True)),
        ("--name", OrderBy("-name", descending=True)),
        ("", OrderBy("")),
    ],
    ids=str,
)
def test_an_order_is_read_and_written(text: str, order: OrderBy) -> None:
    """Does `-` in front mean the largest first?"""
    assert OrderBy.of(text) == order
    assert str(order) == text


@unhurried
@given(orders)
def test_an_order_is_read_as_it_was_written(order: OrderBy) -> None:
    """Does writing and reading give the same order?"""
    assert OrderBy.of(str(order)) == order


def test_clauses_are_equal_by_what_they_say() -> None:
    """Do conditions take any number of parts, and compare by them, in their order and kind?"""
    assert And(A, B) == And(A, B)
    assert And(A, B) != And(B, A)
    assert (And().parts, Or(A, B).parts, Not(A).part) == ((), (A, B), A)
    assert Filter("a") == Filter("a", "eq", None)
    assert len({And(A), And(A), Or(A), Not(A), Not(A), A}) == 4

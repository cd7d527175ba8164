"""From a JSON body to a `Query`."""

from typing import Any

import pytest
from hypothesis import given

from fastapi_crud import And, Filter, InvalidQuery, Issue, Limits, Not, Or, Query, Search
from fastapi_crud.query.conditions import walk
from fastapi_crud.query.parsing import MAX_ISSUES, Caller
from fastapi_crud.query.tree import parse_body
from fastapi_crud.query.vocabulary import Vocabulary
from tests.models import Everything, Note
from tests.query.questions import WIDE, any_bodies, prompt, vocabulary_of

SMALL = Limits(default_limit=10, max_filters=3, max_depth=2)
KNOWN = vocabulary_of(Note, limits=SMALL, search=["title"], fields=True, pagination="both")
EVERYTHING = vocabulary_of(Everything, **WIDE)

A, B = Filter("title", "eq", "a"), Filter("done", "eq", True)
a, b = {"title": "a"}, {"done": True}


def issues_of(
    body: Any, caller: Caller | None = None, vocabulary: Vocabulary = KNOWN
) -> tuple[Issue, ...]:
    """What is wrong with a body."""
    with pytest.raises(InvalidQuery) as caught:
        parse_body(body, vocabulary, caller)
    return caught.value.issues


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, []),
        (a, [A]),
        ({**a, **b}, [A, B]),
        ({"title__eq": "a"}, [A]),
        ({"id__in": [1, 2]}, [Filter("id", "in", (1, 2))]),
        ({"and": [a, b]}, [And(A, B)]),
        ({"or": [a, b]}, [Or(A, B)]),
        ({"or": [a]}, [Or(A)]),
        ({"not": a}, [Not(A)]),
        ({"not": {**a, **b}}, [Not(And(A, B))]),
        ({"or": [{**a, **b}, a]}, [Or(And(A, B), A)]),
        ({"or": [{"not": a}, b], **b}, [Or(Not(A), B), B]),
        ({"not": {"or": [a, b]}}, [Not(Or(A, B))]),
        ({"and": [{"and": [a]}]}, [And(And(A))]),
        ({"search": "x", "or": [a, b]}, [Search("x", ("title",)), Or(A, B)]),
    ],
    ids=str,
)
def test_a_body_chooses_rows(body: Any, where: list[Any]) -> None:
    """What does each object mean: all its keys hold?"""
    assert parse_body(body, KNOWN) == Query(limit=10, where=where)


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({"limit": 2, "skip": 1}, Query(limit=2, skip=1)),
        ({"sort": ["-title", "id"]}, Query(limit=10, order_by=["-title", "id"])),
        ({"sort": "title"}, Query(limit=10, order_by=["title"])),
        ({"fields": ["title"]}, Query(limit=10, fields=["title"])),
        ({"cursor": ""}, Query(limit=10, cursor="", count="none")),
    ],
    ids=str,
)
def test_a_body_chooses_a_page(body: Any, query: Query) -> None:
    """Does the outermost object hold the other parameters as well?"""
    assert parse_body(body, KNOWN) == query


WRONG: list[tuple[Any, str, tuple[str | int, ...], str]] = [
    ([], "invalid_filter", (), "Must be an object"),
    (None, "invalid_filter", (), "Must be an object"),
    ("a", "invalid_filter", (), "Must be an object"),
    ({"titel": 1}, "unknown_parameter", ("titel",), "Unknown parameter; did you mean title?"),
    (
        {"or": [a, {"titel": 1}]},
        "unknown_parameter", ("or", 1, "titel"), "Unknown parameter; did you mean title?",
    ),
    ({"id": "1"}, "invalid_parameter", ("id",), "Input should be a valid integer"),
    (
        {"not": {"id": "1"}},
        "invalid_parameter", ("not", "id"), "Input should be a valid integer",
    ),
    ({"limit": 0}, "invalid_parameter", ("limit",), "Must be an integer from 1 to 1000"),
    ({"or": {}}, "invalid_filter", ("or",), "Must be a list of objects"),
    ({"or": []}, "invalid_filter", ("or",), "Must be a list of objects"),
    ({"and": "a"}, "invalid_filter", ("and",), "Must be a list of objects"),
    ({"and": [a, {}]}, "invalid_filter", ("and", 1), "Must not be empty"),
    ({"and": [a, []]}, "invalid_filter", ("and", 1), "Must be an object"),
    ({"not": {}}, "invalid_filter", ("not",), "Must not be empty"),
    ({"not": [a]}, "invalid_filter", ("not",), "Must be an object"),
    ({"not": None}, "invalid_filter", ("not",), "Must be an object"),
    ({"or": [a, {"limit": 1}]}, "invalid_filter", ("or", 1, "limit"), "Belongs to the outermost object"),
    ({"not": {"search": "a"}}, "invalid_filter", ("not", "search"), "Belongs to the outermost object"),
    ({"skip": 0, "cursor": ""}, "conflicting_parameters", ("skip",), "Cannot be combined with cursor"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "at", "message"), WRONG, ids=lambda it: str(it)[:30])
def test_what_is_wrong_with_a_body(
    body: Any, code: str, at: tuple[str | int, ...], message: str
) -> None:
    """Is each mistake told by its place in the body and its code?"""
    assert issues_of(body) == (Issue(code, ("body", *at), message),)


def test_all_mistakes_of_a_body_are_told_at_once() -> None:
    """Does one answer name everything that is wrong, in every branch?"""
    body: dict[str, Any] = {"limit": 0, "or": [{"id": "x"}, {"not": {}}], "title": 5}
    assert [issue.loc[1:] for issue in issues_of(body)] == [
        ("limit",),
        ("or", 0, "id"),
        ("or", 1, "not"),
        ("title",),
    ]


def test_a_body_of_mistakes_is_not_read_to_its_end() -> None:
    """Does a body of thousands of mistakes cost no more than one of a few?"""
    assert len(issues_of({"or": [{}] * 10_000})) == MAX_ISSUES
    assert len(issues_of({"or": [a] * 10_000})) == MAX_ISSUES


def test_filters_of_all_branches_are_counted() -> None:
    """Is the number of filters bounded, wherever they stand?"""
    assert parse_body({"or": [a, b], "not": a}, KNOWN).where == (Or(A, B), Not(A))
    assert issues_of({"or": [a, b], "not": a, "done": True}) == (
        Issue("too_many_filters", ("body", "done"), "At most 3 filters"),
    )


def test_nesting_is_bounded() -> None:
    """How deep may conditions be nested, whatever else the body is?"""
    assert parse_body({"not": {"not": a}}, KNOWN).where == (Not(Not(A)),)
    assert issues_of({"not": {"or": [{"not": a}]}}) == (
        Issue(
            "too_deep", ("body", "not", "or", 0, "not"), "Must not be nested deeper than 2 levels"
        ),
    )
    bottomless: Any = a
    for _ in range(10_000):
        bottomless = {"not": bottomless}
    assert [issue.type for issue in issues_of(bottomless)] == ["too_deep"]


def test_what_a_caller_may_not_see_is_no_condition() -> None:
    """Is a filter by a hidden column unknown in every branch?"""
    caller = Caller(hidden={"title"})
    assert [(issue.type, issue.loc) for issue in issues_of({"or": [b, a]}, caller)] == [
        ("unknown_parameter", ("body", "or", 1, "title"))
    ]


def test_a_lenient_caller_may_say_anything_unknown_in_a_body() -> None:
    """Are unknown keys passed over, in every branch, and other mistakes not?"""
    caller = Caller(lenient=True)
    assert parse_body({"x": 1, "or": [{"x": 1, **a}, b]}, KNOWN, caller).where == (Or(A, B),)
    assert issues_of({"x": 1, "limit": 0}, caller)[0].loc == ("body", "limit")


@prompt
@given(any_bodies)
def test_any_body_is_a_query_or_invalid(body: Any) -> None:
    """Is the answer to any JSON a query within the bounds, or `InvalidQuery`?"""
    issues: tuple[Issue, ...] = ()
    try:
        where = parse_body(body, EVERYTHING).where
        assert sum(isinstance(each, Filter) for each in walk(where)) <= 50
    except InvalidQuery as error:
        issues = error.issues
    assert {issue.loc[0] for issue in issues} <= {"body"}

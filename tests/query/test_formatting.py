"""From a `Query` to what a client would send, and back."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from fastapi_crud import And, Filter, Limits, Not, Operator, Or, Query, Search
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.formatting import canonical, format_body, format_query
from fastapi_crud.query.parsing import parse_query
from fastapi_crud.query.tree import parse_body
from tests.models import Author, Book, Color, Everything, Note
from tests.query.questions import (
    INFO,
    WIDE,
    filters,
    name_of,
    pages,
    queries,
    searches,
    trees,
    unhurried,
    vocabulary_of,
)

NOTE, BOOK, AUTHOR = map(inspect_model, (Note, Book, Author))
EVERYTHING = vocabulary_of(Everything, **WIDE, limits=Limits(max_depth=50, max_filters=200))

EVEN = Operator(
    "even",
    "is even",
    lambda it, value: it.column % 2 == (not value),
    frozenset({"integer"}),
    "flag",
)
NEAR = Operator("near", "is near", lambda it, value: it.column == value, frozenset({"integer"}))
LIKE = Operator(
    "like", "is like", lambda it, value: it.column.like(value), frozenset({"integer"}), "text"
)


@unhurried
@given(queries(filters() | searches))
def test_a_query_string_is_read_as_it_was_written(query: Query) -> None:
    """Does writing a query string and reading it give the same query, for values of every kind?"""
    assert parse_query(format_query(query, INFO.model), EVERYTHING) == query


@settings(unhurried, max_examples=60)
@given(queries(trees | searches))
def test_a_body_is_read_as_it_was_written(query: Query) -> None:
    """Does that hold for JSON, with conditions over conditions?"""
    body = json.loads(json.dumps(format_body(query, INFO.model), allow_nan=False))
    assert parse_body(body, EVERYTHING) == query


@settings(unhurried, max_examples=30)
@given(st.lists(trees, min_size=2, max_size=3), pages())
def test_conditions_of_one_name_are_joined(where: list[Any], page: dict[str, Any]) -> None:
    """Are conditions that no object can hold side by side written as parts of one AND?"""
    twice = [*where, where[0]]
    query = Query(where=twice, **page)
    assert parse_body(format_body(query, INFO.model), EVERYTHING) == Query(
        where=[And(*twice)], **page
    )
    assert len({name_of(condition) for condition in twice}) < len(twice)


@pytest.mark.parametrize(
    ("condition", "pairs", "body"),
    [
        (Filter("title", "eq", "a,b"), [("title", "a,b")], {"title": "a,b"}),
        (Filter("title", "in", ("a", "b")), [("title__in", "a"), ("title__in", "b")],
         {"title__in": ["a", "b"]}),
        (Filter("done", "ne", True), [("done__ne", "true")], {"done__ne": True}),
        (Filter("body", "isnull", False), [("body__isnull", "false")], {"body__isnull": False}),
        (Filter("body", "contains", "%"), [("body__contains", "%")], {"body__contains": "%"}),
        (Filter("id", EVEN, True), [("id__even", "true")], {"id__even": True}),
        (Filter("id", NEAR, 3), [("id__near", "3")], {"id__near": 3}),
        (Filter("id", LIKE, "1%"), [("id__like", "1%")], {"id__like": "1%"}),
        (Search('a "b c"', ("title",)), [("search", 'a "b c"')], {"search": 'a "b c"'}),
    ],
    ids=lambda it: it[:40] if isinstance(it, str) else "",
)  # fmt: skip
def test_how_a_condition_is_written(
    condition: Any, pairs: list[tuple[str, str]], body: dict[str, Any]
) -> None:
    """Which parameter is it, and which key?"""
    query = Query(where=[condition])
    assert format_query(query, NOTE.model) == pairs
    assert format_body(query, NOTE.model) == body


@pytest.mark.parametrize(
    ("condition", "text", "plain"),
    [
        (Filter("price", "gt", Decimal("1E+3")), "1000", "1000"),
        (Filter("color", "eq", Color.RED), "red", "red"),
        (Filter("at", "lt", datetime(2024, 1, 1, tzinfo=UTC)), "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        (Filter("medium", "eq", -1), "-1", -1),
        (Filter("ratio", "eq", 0.5), "0.5", 0.5),
    ],
    ids=str,
)  # fmt: skip
def test_how_a_value_is_written(condition: Filter, text: str, plain: object) -> None:
    """Is it written as answers show it?"""
    query = Query(where=[condition])
    assert [value for _, value in format_query(query, INFO.model)] == [text]
    assert [*format_body(query, INFO.model).values()] == [plain]


def test_paths_are_written() -> None:
    """Is a path spelled with `__`, and read again?"""
    query = Query(where=[Filter("author.name", "ne", "a"), Filter("author.books.title", "eq", "b")])
    pairs = [("author__name__ne", "a"), ("author__books__title", "b")]
    vocabulary = vocabulary_of(Book, filters=["author.name", "author.books.title"])
    assert format_query(query, BOOK.model) == pairs
    assert parse_query(pairs, vocabulary) == query
    assert parse_body(format_body(query, BOOK.model), vocabulary) == query


def test_how_a_page_is_written() -> None:
    """Is everything said that is not so by default, and nothing else?"""
    assert format_query(Query(), NOTE.model) == []
    assert format_body(Query(), NOTE.model) == {}
    query = Query(
        skip=3, limit=5, order_by=["-name", "id"], count="none", fields=["name"], include=["books"]
    )
    assert format_query(query, AUTHOR.model) == [
        ("skip", "3"),
        ("limit", "5"),
        ("count", "none"),
        ("sort", "-name,id"),
        ("fields", "name"),
        ("include", "books"),
    ]
    assert format_body(query, AUTHOR.model) == {
        "skip": 3,
        "limit": 5,
        "count": "none",
        "sort": ["-name", "id"],
        "fields": ["name"],
        "include": ["books"],
    }
    assert format_query(Query(cursor="", count="none"), AUTHOR.model) == [("cursor", "")]
    assert format_body(Query(cursor=""), AUTHOR.model) == {"count": "exact", "cursor": ""}


def test_how_conditions_over_conditions_are_written() -> None:
    """Is a tree an object of one key for each condition?"""
    done, body = Filter("done", "eq", True), Filter("body", "isnull", True)
    query = Query(where=[Or(And(done, body), Not(done)), body])
    assert format_body(query, NOTE.model) == {
        "or": [{"and": [{"done": True}, {"body__isnull": True}]}, {"not": {"done": True}}],
        "body__isnull": True,
    }


@pytest.mark.parametrize(
    "condition",
    [And(), Or(Filter("done", "eq", True)), Not(Filter("done", "eq", True)), Note.id > 3],
    ids=lambda it: type(it).__name__,
)
def test_what_a_query_string_cannot_say(condition: Any) -> None:
    """Is it refused rather than left out?"""
    with pytest.raises(ValueError, match="a query string has no AND, OR and NOT, and no SQL"):
        format_query(Query(where=[condition]), NOTE.model)


@pytest.mark.parametrize(
    "condition", [Note.id > 3, Or(Note.id > 3), Not(And(Note.id > 3))], ids=["bare", "or", "not"]
)
def test_what_json_cannot_say(condition: Any) -> None:
    """Is SQL refused wherever it stands?"""
    with pytest.raises(ValueError, match="JSON has no SQL"):
        format_body(Query(where=[condition]), NOTE.model)


# To tell two conditions apart


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Filter("title", "eq", "a"), ["title", "eq", "a"]),
        (Or(Filter("id", "in", (1, 2))), ["Or", ["id", "in", [1, 2]]]),
        (Search("a", ("title",)), ["Search", "a"]),
        (Filter("id", "in", {2, 1}), ["id", "in", ["1", "2"]]),
        (Filter("id", "eq", Note.id), ["id", "eq", ["notes.id", "[]"]]),
        (Filter("title", "eq", 3), ["title", "eq", 3]),
        (Filter("title", "eq", b"a"), ["title", "eq", "a"]),
        (Not(Note.done), ["Not", ["notes.done", "[]"]]),
        (Note.id > 3, ["notes.id > :id_1", "[('id_1', 3)]"]),
        (Note.done.is_(None), ["notes.done IS NULL", "[]"]),
    ],
    ids=[
        "filter",
        "tree",
        "search",
        "set",
        "column",
        "other type",
        "other type still",
        "attribute",
        "SQL",
        "SQL without values",
    ],
)
def test_a_condition_is_written_in_one_way(condition: Any, expected: Any) -> None:
    """Is it JSON that is the same in every process, for SQL as well?"""
    assert canonical(condition, NOTE) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Note.id > 3, Note.id > 4),
        (Note.id > 3, Note.id < 3),
        (And(Note.id > 3), Or(Note.id > 3)),
        (And(Note.id > 3, Filter("id", "eq", 1)), And(Note.id > 3, Filter("id", "eq", 2))),
        (Filter("title", "eq", "1"), Filter("title", "ne", "1")),
    ],
    ids=["value", "operator", "word", "beside SQL", "filter"],
)
def test_two_conditions_are_told_apart(one: Any, other: Any) -> None:
    """Is what differs written differently, and each the same each time?"""
    assert canonical(one, NOTE) == canonical(one, NOTE)
    assert canonical(one, NOTE) != canonical(other, NOTE)
    assert json.dumps(canonical(one, NOTE))


def test_a_search_stays_outside_where_filters_are_joined() -> None:
    """Is `search` left where it is read, beside several filters of one name?"""
    where: list[Any] = [Filter("id", "gt", 1), Search("a", ("title",)), Filter("id", "gt", 2)]
    assert format_body(Query(where=where), NOTE.model) == {
        "and": [{"id__gt": 1}, {"id__gt": 2}],
        "search": "a",
    }

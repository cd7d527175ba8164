"""The parameters that choose rows."""

from decimal import Decimal
from typing import Any, cast

import pytest

from fastapi_crud import Filter, Limits, Operator, Search, SQLiteFullText
from fastapi_crud.query.filters import FilterParameter, SearchParameter
from fastapi_crud.query.operators import OPERATORS
from fastapi_crud.query.parameters import Parameter
from tests.models import Author, Book, Color, Everything, Note
from tests.query.questions import column, vocabulary_of

LIMITS = Limits(max_in=3, max_value=9, max_search=5)
KNOWN = vocabulary_of(Everything, limits=LIMITS, search=["text", "code"]).parameters
OVER = vocabulary_of(
    Book, limits=LIMITS, filters=["author.name"], search=["author.name", "title"]
).parameters

EVEN = Operator(
    "even",
    "is even",
    lambda it, value: it.column % 2 == (not value),
    frozenset({"integer"}),
    "flag",
)
OWN = FilterParameter(
    name="id__even", path="id", column=column(Note, "id"), operator=EVEN, limits=LIMITS
)

SEVERAL = "must have 1 to 3 values"
LONG = "must have at most 9 characters"


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("medium", ["7"], Filter("medium", "eq", 7)),
        ("medium__eq", ["7"], Filter("medium", "eq", 7)),
        ("medium__ne", ["7"], Filter("medium", "ne", 7)),
        ("price__gte", ["1.5"], Filter("price", "gte", Decimal("1.50"))),
        ("medium__in", ["7"], Filter("medium", "in", (7,))),
        ("medium__in", ["7", "8"], Filter("medium", "in", (7, 8))),
        ("medium__in", ["7,8", "9"], Filter("medium", "in", (7, 8, 9))),
        ("medium__not_in", ["7,7"], Filter("medium", "not_in", (7, 7))),
        ("color__in", ["red", "blue"], Filter("color", "in", (Color.RED, Color.BLUE))),
        ("text__in", ["a,b", "c"], Filter("text", "in", ("a,b", "c"))),
        ("text__in", [""], Filter("text", "in", ("",))),
        ("text__contains", ["a,b"], Filter("text", "contains", "a,b")),
        ("code__contains", ["longer"], Filter("code", "contains", "longer")),
        ("text__startswith", [""], Filter("text", "startswith", "")),
        ("text__isnull", ["true"], Filter("text", "isnull", True)),
        ("data__isnull", ["false"], Filter("data", "isnull", False)),
    ],
    ids=str,
)
def test_what_a_query_string_compares(name: str, texts: list[str], expected: Filter) -> None:
    """Which filter is meant, lists repeated or by commas where no value can hold one?"""
    assert KNOWN[name].read(texts) == expected


@pytest.mark.parametrize(
    ("name", "texts", "message"),
    [
        ("medium", ["x"], "must be an integer"),
        ("medium", [""], "must be an integer"),
        ("medium", ["1,2"], "must be an integer"),
        ("medium", ["1" * 10], LONG),
        ("medium__in", ["1,2,3,4"], SEVERAL),
        ("medium__in", ["1,2", "3,4"], SEVERAL),
        ("medium__in", ["1", "x"], "must be an integer"),
        ("medium__in", [""], "must be an integer"),
        ("medium__in", ["1", "2" * 10], LONG),
        ("text__in", ["a", "b", "c", "d"], SEVERAL),
        ("color__in", ["red,blue"], "must be one of red, blue"),
        ("text", ["a" * 10], LONG),
        ("text__contains", ["a" * 10], LONG),
        ("text__contains", ["\0"], "must not contain NUL"),
        ("text__contains", ["\ud800"], "must not contain lone surrogates"),
        ("text__isnull", ["1"], "must be true or false"),
        ("text__isnull", [""], "must be true or false"),
    ],
    ids=ascii,
)
def test_what_a_query_string_cannot_compare(name: str, texts: list[str], message: str) -> None:
    """Is it told what the value must be?"""
    with pytest.raises(ValueError) as caught:
        KNOWN[name].read(texts)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "json", "expected"),
    [
        ("medium", 7, Filter("medium", "eq", 7)),
        ("medium__in", [7, 8], Filter("medium", "in", (7, 8))),
        ("text__in", ["a,b"], Filter("text", "in", ("a,b",))),
        ("text__contains", "a", Filter("text", "contains", "a")),
        ("text__isnull", False, Filter("text", "isnull", False)),
        ("labels__isnull", True, Filter("labels", "isnull", True)),
    ],
    ids=str,
)
def test_what_a_body_compares(name: str, json: Any, expected: Filter) -> None:
    """Which filter is meant by JSON?"""
    assert KNOWN[name].read_json(json) == expected


@pytest.mark.parametrize(
    ("name", "json", "message"),
    [
        ("medium", "7", "Input should be a valid integer"),
        ("medium", None, "Input should be a valid integer"),
        ("medium", "7" * 10, LONG),
        ("medium__in", 7, "must be a list"),
        ("medium__in", "7,8", "must be a list"),
        ("medium__in", {"0": 7}, "must be a list"),
        ("medium__in", [], SEVERAL),
        ("medium__in", [1, 2, 3, 4], SEVERAL),
        ("medium__in", [1, None], "Input should be a valid integer"),
        ("medium__in", [[1]], "Input should be a valid integer"),
        ("text__in", ["a" * 10], LONG),
        ("text__in", ["\0"], "must not contain NUL"),
        ("text__contains", 5, "must be text"),
        ("text__contains", ["a"], "must be text"),
        ("text__contains", "a" * 10, LONG),
        ("text__isnull", "true", "must be true or false"),
        ("text__isnull", None, "must be true or false"),
    ],
    ids=ascii,
)
def test_what_a_body_cannot_compare(name: str, json: Any, message: str) -> None:
    """Is JSON of another type refused?"""
    with pytest.raises(ValueError) as caught:
        KNOWN[name].read_json(json)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("code", {"type": "string", "maxLength": 5}),
        (
            "flag__in",
            {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3},
        ),
        ("flag__isnull", {"type": "boolean"}),
        ("code__contains", {"type": "string", "maxLength": 9}),
        ("search", {"type": "string", "maxLength": 5}),
    ],
    ids=str,
)
def test_comparisons_are_described(name: str, schema: dict[str, Any]) -> None:
    """Does the JSON schema say the shape of the value and its bounds?"""
    assert KNOWN[name].schema() == schema


def test_built_in_operators_are_named_and_others_given() -> None:
    """Can a filter be compared and written by name, and still hold an operator of one's own?"""
    assert cast("Filter", KNOWN["id__gt"].read(["1"])).operator == "gt"
    assert OWN.read(["true"]) == Filter("id", EVEN, True)
    assert OWN.read_json(False) == Filter("id", EVEN, False)


def test_an_operator_that_borrows_a_name_is_given_as_it_is() -> None:
    """Is an operator told from a built-in one of the same name?"""
    greater = Operator("gt", "is greater", OPERATORS["lt"].expression, frozenset({"integer"}))
    parameter = FilterParameter(
        name="id__gt", path="id", column=column(Note, "id"), operator=greater, limits=LIMITS
    )
    assert parameter.read(["1"]) == Filter("id", greater, 1)


@pytest.mark.parametrize(
    ("parameter", "hidden", "seen"),
    [
        (KNOWN["code__contains"], {"text"}, True),
        (KNOWN["code__contains"], {"code"}, False),
        (OVER["author__name"], {"name"}, True),
        (OVER["author__name"], {"author"}, False),
    ],
    ids=["another", "itself", "of another model", "the way to it"],
)
def test_filters_by_hidden_attributes_are_gone(
    parameter: Parameter, hidden: set[str], seen: bool
) -> None:
    """Can nobody filter by what they may not see?"""
    assert parameter.without(hidden) is (parameter if seen else None)


# Search


@pytest.mark.parametrize("text", ["", "a b", '"a b"'], ids=str)
def test_words_to_find(text: str) -> None:
    """Is the text kept as it was typed, and what to search known?"""
    expected = Search(text, ("text", "code"))
    assert KNOWN["search"].read([text]) == expected
    assert KNOWN["search"].read_json(text) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abcdef", "must have at most 5 characters"),
        ("\0", "must not contain NUL"),
        (None, "must be text"),
        (["a"], "must be text"),
    ],
    ids=ascii,
)
def test_words_nobody_can_find(value: Any, message: str) -> None:
    """Is the text bounded?"""
    with pytest.raises(ValueError) as caught:
        KNOWN["search"].read_json(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("parameter", "hidden", "fields"),
    [
        (KNOWN["search"], {"flag"}, ("text", "code")),
        (KNOWN["search"], {"text"}, ("code",)),
        (KNOWN["search"], {"text", "code"}, None),
        (OVER["search"], {"name"}, ("author.name", "title")),
        (OVER["search"], {"author"}, ("title",)),
    ],
    ids=["another", "one of them", "all", "of another model", "the way to it"],
)
def test_hidden_attributes_are_not_searched(
    parameter: Parameter, hidden: set[str], fields: tuple[str, ...] | None
) -> None:
    """Can nobody find a row by what they may not see?"""
    seen = parameter.without(hidden)
    assert (seen and seen.read_json("a")) == (fields and Search("a", fields))


def test_an_index_is_not_searched_where_something_is_hidden() -> None:
    """Is it taken away, since nobody knows what it holds?"""
    index = SQLiteFullText("authors_fts")
    search = vocabulary_of(Author, search=index).parameters["search"]
    assert isinstance(search, SearchParameter)
    assert search.read(["a"]) == Search("a", index)
    assert search.without({"anything"}) is None

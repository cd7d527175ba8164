"""From query-string pairs to a `Query`."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from fastapi_crud import Filter, InvalidQuery, Issue, Limits, OrderBy, Query, Search
from fastapi_crud.query.clauses import MAX_SKIP
from fastapi_crud.query.parsing import MAX_ISSUES, MAX_SUGGESTIONS, Caller, parse_query
from fastapi_crud.query.vocabulary import Vocabulary
from tests.models import Author, Everything, Note
from tests.query.questions import WIDE, any_pairs, prompt, unhurried, vocabulary_of
from tests.strategies import query_pairs

Pairs = list[tuple[str, str]]

SMALL = Limits(default_limit=10, max_limit=50, max_filters=3)
PAGE = vocabulary_of(Note, limits=SMALL, filters=[], sort=[])
KNOWN = vocabulary_of(
    Note, limits=SMALL, search=["title"], fields=True, count=["none", "exact"], default_sort="-done"
)
WALK = vocabulary_of(Note, limits=SMALL, pagination="cursor", count=["exact", "none"])
BOTH = vocabulary_of(Note, limits=SMALL, pagination="both")
EVERYTHING = vocabulary_of(Everything, **WIDE)
OTHERS = Caller(foreign={"token"})

LIMIT = "Must be an integer from 1 to 50"
SKIP = f"Must be an integer from 0 to {MAX_SKIP}"


def issues_of(
    pairs: Pairs, vocabulary: Vocabulary, caller: Caller | None = None
) -> tuple[Issue, ...]:
    """What is wrong with a query string."""
    with pytest.raises(InvalidQuery) as caught:
        parse_query(pairs, vocabulary, caller)
    return caught.value.issues


@pytest.mark.parametrize(
    ("pairs", "query"),
    [
        ([], Query(limit=10)),
        ([("skip", "3")], Query(skip=3, limit=10)),
        ([("limit", "1")], Query(limit=1)),
        ([("limit", "50"), ("skip", "0")], Query(limit=50)),
        ([("skip", str(MAX_SKIP))], Query(skip=MAX_SKIP, limit=10)),
        ([("token", "x"), ("token", "y")], Query(limit=10)),
    ],
    ids=str,
)
def test_a_query_string_chooses_a_page(pairs: Pairs, query: Query) -> None:
    """Which page does a query string ask for, parameters of others left aside?"""
    assert parse_query(pairs, PAGE, OTHERS) == query


@pytest.mark.parametrize(
    ("pairs", "asked"),
    [
        ([("title", "a")], {"where": [Filter("title", "eq", "a")]}),
        ([("title", "")], {"where": [Filter("title", "eq", "")]}),
        (
            [("id__gt", "1"), ("id__lt", "9"), ("title", "a")],
            {"where": [Filter("id", "gt", 1), Filter("id", "lt", 9), Filter("title", "eq", "a")]},
        ),
        ([("id__in", "1"), ("id__in", "2,3")], {"where": [Filter("id", "in", (1, 2, 3))]}),
        ([("search", "a b")], {"where": [Search("a b", ("title",))]}),
        ([("sort", "title")], {"order_by": ["title"]}),
        ([("sort", "title"), ("sort", "-id")], {"order_by": ["title", "-id"]}),
        ([("fields", "title,id")], {"fields": ["title", "id"]}),
        ([("count", "exact")], {"count": "exact"}),
    ],
    ids=str,
)
def test_a_query_string_chooses_rows(pairs: Pairs, asked: dict[str, Any]) -> None:
    """Which rows are asked for, the developer's order and way to count standing for what is not?"""
    default: dict[str, Any] = {"limit": 10, "count": "none", "order_by": ["-done"]}
    assert parse_query(pairs, KNOWN) == Query(**{**default, **asked})


@pytest.mark.parametrize(
    ("vocabulary", "pairs", "query"),
    [
        (WALK, [], Query(limit=10, cursor="", count="none")),
        (WALK, [("cursor", "")], Query(limit=10, cursor="", count="none")),
        (WALK, [("cursor", "abc")], Query(limit=10, cursor="abc", count="none")),
        (WALK, [("count", "exact")], Query(limit=10, cursor="", count="exact")),
        (BOTH, [], Query(limit=10)),
        (BOTH, [("skip", "1")], Query(skip=1, limit=10)),
        (BOTH, [("cursor", "")], Query(limit=10, cursor="", count="none")),
        (BOTH, [("cursor", "a"), ("limit", "2")], Query(limit=2, cursor="a", count="none")),
    ],
    ids=lambda it: "" if isinstance(it, Vocabulary) else str(it)[:40],
)
def test_a_query_string_walks(vocabulary: Vocabulary, pairs: Pairs, query: Query) -> None:
    """Does a walk begin where the list is only walked, or where a cursor is given, uncounted?"""
    assert parse_query(pairs, vocabulary) == query


def test_a_walk_passes_nothing_over() -> None:
    """Are `skip` and `cursor` refused together?"""
    assert issues_of([("cursor", ""), ("skip", "0")], BOTH) == (
        Issue("conflicting_parameters", ("query", "skip"), "Cannot be combined with cursor"),
    )
    assert issues_of([("skip", "1")], WALK)[0].type == "unknown_parameter"


@pytest.mark.parametrize(
    ("pair", "code", "message"),
    [
        (("limit", "0"), "invalid_parameter", LIMIT),
        (("limit", "51"), "invalid_parameter", LIMIT),
        (("limit", ""), "invalid_parameter", LIMIT),
        (("limit", "ten"), "invalid_parameter", LIMIT),
        (("limit", "1.0"), "invalid_parameter", LIMIT),
        (("limit", " 1"), "invalid_parameter", LIMIT),
        (("limit", "+1"), "invalid_parameter", LIMIT),
        (("limit", "01"), "invalid_parameter", LIMIT),
        (("limit", "1_0"), "invalid_parameter", LIMIT),
        (("limit", "\u0661"), "invalid_parameter", LIMIT),
        (("limit", "9" * 5000), "invalid_parameter", LIMIT),
        (("skip", "-1"), "invalid_parameter", SKIP),
        (("skip", "-0"), "invalid_parameter", SKIP),
        (("skip", str(MAX_SKIP + 1)), "invalid_parameter", SKIP),
        (("limt", "1"), "unknown_parameter", "Unknown parameter; did you mean limit?"),
        (("Skip", "1"), "unknown_parameter", "Unknown parameter; did you mean skip?"),
        (("tokn", "1"), "unknown_parameter", "Unknown parameter; did you mean token?"),
        (("page", "1"), "unknown_parameter", "Unknown parameter"),
        (("", ""), "unknown_parameter", "Unknown parameter"),
    ],
    ids=lambda it: str(it)[:20],
)
def test_what_is_wrong_with_a_parameter(pair: tuple[str, str], code: str, message: str) -> None:
    """Is each mistake told by its place and its code, without the value that was sent?"""
    assert issues_of([pair], PAGE, OTHERS) == (Issue(code, ("query", pair[0]), message),)


@pytest.mark.parametrize(
    ("pair", "code", "message"),
    [
        (("id", "x"), "invalid_parameter", "Must be an integer"),
        (("id__gt3", "1"), "unknown_parameter", "Unknown parameter; did you mean id__gt?"),
        (("id__isnull", "true"), "unknown_parameter", "Unknown parameter; did you mean "),
        (("done__gt", "true"), "unknown_parameter", "Unknown parameter; did you mean "),
        (("sort", "ttle"), "invalid_parameter", "Has an unknown name; did you mean title?"),
        (("fields", ""), "invalid_parameter", "Has an unknown name"),
        (("count", "estimated"), "invalid_parameter", "Must be one of none, exact"),
        (("search", "a" * 201), "invalid_parameter", "Must have at most 200 characters"),
        (("cursor", ""), "unknown_parameter", "Unknown parameter"),
    ],
    ids=lambda it: str(it)[:20],
)
def test_what_is_wrong_with_a_filter(pair: tuple[str, str], code: str, message: str) -> None:
    """Are operators that a column lacks unknown, and messages the parameter's own?"""
    (issue,) = issues_of([pair], KNOWN)
    assert (issue.type, issue.loc) == (code, ("query", pair[0]))
    assert issue.msg.startswith(message)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("titel", "title"),
        ("titel__icontains", "title__icontains"),
        ("title__icontain", "title__icontains"),
        ("titel__icontain", "title"),
        ("id__gte_", "id__gte"),
        ("sorte", "sort"),
        ("sort__eq", "sort"),
        ("tokens", "token"),
        ("zzzzzz__contains", None),
        ("__", None),
        ("titel" * 20, None),
    ],
    ids=lambda it: str(it)[:20],
)
def test_what_was_probably_meant(name: str, meant: str | None) -> None:
    """Is the field that is close suggested with its operator, or the operator of that field?"""
    (issue,) = issues_of([(name, "1")], KNOWN, OTHERS)
    hint = f"; did you mean {meant}?" if meant else ""
    assert issue == Issue("unknown_parameter", ("query", name), f"Unknown parameter{hint}")


def test_a_parameter_given_twice_is_refused() -> None:
    """Is the last one not silently taken, even if both say the same?"""
    issues = issues_of([("skip", "1"), ("limit", "1"), ("skip", "1")], PAGE)
    assert issues == (Issue("duplicate_parameter", ("query", "skip"), "Given more than once"),)
    assert issues_of([("title", "a"), ("title", "a")], KNOWN)[0].type == "duplicate_parameter"


def test_all_mistakes_are_told_at_once() -> None:
    """Does one answer name everything that is wrong, each parameter once?"""
    pairs = [("limit", "x"), ("a", "1"), ("skip", "1"), ("skip", "2"), ("a", "2")]
    assert [issue.loc[1] for issue in issues_of(pairs, PAGE)] == ["limit", "a", "skip"]


def test_not_all_mistakes_are_told_where_they_are_many() -> None:
    """Does a request with thousands of mistakes cost no more than one with a few?"""
    pairs = [(f"limit{n}", "") for n in range(10_000)]
    messages = [issue.msg for issue in issues_of(pairs, PAGE)]
    assert len(messages) == MAX_ISSUES
    assert messages[:MAX_SUGGESTIONS] == ["Unknown parameter; did you mean limit?"] * 3
    assert {*messages[MAX_SUGGESTIONS:]} == {"Unknown parameter"}


def test_filters_are_bounded() -> None:
    """May a list have so many filters, and is each beyond them told; a search not being one?"""
    names = ["id__gt", "id__lt", "id__ne", "id__gte", "id__lte"]
    pairs = [("search", "a"), *((name, "1") for name in names)]
    assert len(parse_query(pairs[:4], KNOWN).where) == 4
    assert issues_of(pairs, KNOWN) == (
        Issue("too_many_filters", ("query", "id__gte"), "At most 3 filters"),
        Issue("too_many_filters", ("query", "id__lte"), "At most 3 filters"),
    )


# Who asks


@pytest.mark.parametrize("name", ["utm_source", "utm_", "fbclid"])
def test_names_that_are_nobodys_business(name: str) -> None:
    """Are parameters passed over whose names fit a pattern, and those alone?"""
    vocabulary = vocabulary_of(Note, allow_params=["utm_*", "fbclid"])
    assert parse_query([(name, "1"), (name, "2")], vocabulary) == Query()
    assert issues_of([("UTM_source", "1")], vocabulary)[0].type == "unknown_parameter"


def test_a_lenient_caller_may_say_anything_unknown() -> None:
    """Are unknown parameters passed over where that is preferred, and other mistakes not?"""
    caller = Caller(lenient=True)
    assert parse_query([("a", "1"), ("a", "2")], PAGE, caller) == Query(limit=10)
    assert issues_of([("a", "1"), ("limit", "0")], PAGE, caller)[0].loc == ("query", "limit")


@pytest.mark.parametrize("pair", [("title", "a"), ("title__in", "a"), ("search", "a")], ids=str)
def test_what_a_caller_may_not_see_does_not_exist(pair: tuple[str, str]) -> None:
    """Is a filter by a hidden column unknown, and never suggested?"""
    caller = Caller(hidden={"title"})
    assert issues_of([pair], KNOWN, caller)[0].type == "unknown_parameter"
    assert "title" not in issues_of([(f"{pair[0]}x", "a")], KNOWN, caller)[0].msg
    assert parse_query([("body", "a")], KNOWN, caller).where == (Filter("body", "eq", "a"),)


@pytest.mark.parametrize("name", ["sort", "fields"])
def test_what_a_caller_may_not_see_cannot_be_named(name: str) -> None:
    """Is a hidden column no name to sort by or to show, while others are?"""
    caller = Caller(hidden={"title"})
    (issue,) = issues_of([(name, "title")], KNOWN, caller)
    assert issue.msg == "Has an unknown name"
    asked = parse_query([(name, "body")], KNOWN, caller)
    assert (asked.fields, asked.order_by) in {
        (("body",), (OrderBy("done", True),)),
        (None, (OrderBy("body"),)),
    }


def test_rows_are_not_sorted_by_what_a_caller_may_not_see() -> None:
    """Is a hidden column left out of the default order?"""
    vocabulary = vocabulary_of(Author, default_sort=["-name", "id"])
    assert parse_query([], vocabulary).order_by == (OrderBy("name", True), OrderBy("id"))
    assert parse_query([], vocabulary, Caller(hidden={"name"})).order_by == (OrderBy("id"),)


# Laws


@prompt
@given(query_pairs)
def test_any_query_string_is_a_page_or_invalid(pairs: Pairs) -> None:
    """Is the answer to any pairs a page within the bounds, or `InvalidQuery`?"""
    try:
        query = parse_query(pairs, PAGE, OTHERS)
    except InvalidQuery as error:
        places = {issue.loc for issue in error.issues}
    else:
        places = {("query", name) for name, _ in pairs if name == "token"}
        assert 0 <= query.skip <= MAX_SKIP
        assert 1 <= query.limit <= 50
    assert places <= {("query", name) for name, _ in pairs}


@prompt
@given(any_pairs)
def test_any_query_string_is_a_query_or_invalid(pairs: Pairs) -> None:
    """Is that so where there are filters on columns of every kind?"""
    issues: tuple[Issue, ...] = ()
    try:
        assert len(parse_query(pairs, EVERYTHING).where) <= len(pairs)
    except InvalidQuery as error:
        issues = error.issues
    assert {issue.loc for issue in issues} <= {("query", name) for name, _ in pairs}


@unhurried
@given(st.integers(0, MAX_SKIP), st.integers(1, 50))
def test_every_page_can_be_asked_for(skip: int, limit: int) -> None:
    """Is every value within the bounds accepted as it is?"""
    pairs = [("limit", str(limit)), ("skip", str(skip))]
    assert parse_query(pairs, PAGE) == Query(skip=skip, limit=limit)

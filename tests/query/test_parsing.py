"""From query-string pairs to a `Query`."""

import pytest
from hypothesis import given, strategies as st

from fastapi_crud import InvalidQuery, Issue, Query
from fastapi_crud.query.clauses import MAX_SKIP
from fastapi_crud.query.parsing import IntegerParameter, page_parameters, parse_query
from tests.strategies import query_pairs

PAGE = page_parameters(10, 50)
Pairs = list[tuple[str, str]]

LIMIT = "Must be an integer from 1 to 50"
SKIP = f"Must be an integer from 0 to {MAX_SKIP}"


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
    assert parse_query(pairs, PAGE, {"token"}) == query


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
    with pytest.raises(InvalidQuery) as caught:
        parse_query([pair], PAGE, ["token"])
    assert caught.value.issues == (Issue(code, ("query", pair[0]), message),)


def test_a_parameter_given_twice_is_refused() -> None:
    """Is the last one not silently taken, even if both say the same?"""
    with pytest.raises(InvalidQuery) as caught:
        parse_query([("skip", "1"), ("limit", "1"), ("skip", "1")], PAGE)
    assert [(issue.type, issue.loc) for issue in caught.value.issues] == [
        ("duplicate_parameter", ("query", "skip"))
    ]


def test_all_mistakes_are_told_at_once() -> None:
    """Does one answer name everything that is wrong, each parameter once?"""
    pairs = [("limit", "x"), ("a", "1"), ("skip", "1"), ("skip", "2"), ("a", "2")]
    with pytest.raises(InvalidQuery) as caught:
        parse_query(pairs, PAGE)
    assert [issue.loc[1] for issue in caught.value.issues] == ["limit", "a", "skip"]


@given(query_pairs)
def test_any_query_string_is_a_query_or_invalid(pairs: Pairs) -> None:
    """Is the answer to any pairs a page within the bounds, or `InvalidQuery`?"""
    try:
        query = parse_query(pairs, PAGE, ["token"])
    except InvalidQuery as error:
        places = {issue.loc for issue in error.issues}
    else:
        places = {("query", name) for name, _ in pairs if name == "token"}
        assert 0 <= query.skip <= MAX_SKIP
        assert 1 <= query.limit <= 50
    assert places <= {("query", name) for name, _ in pairs}


@given(st.integers(0, MAX_SKIP), st.integers(1, 50))
def test_every_page_can_be_asked_for(skip: int, limit: int) -> None:
    """Is every value within the bounds accepted as it is?"""
    pairs = [("limit", str(limit)), ("skip", str(skip))]
    assert parse_query(pairs, PAGE) == Query(skip=skip, limit=limit)


def test_the_parameters_of_a_page() -> None:
    """Do the parameters say their names, defaults and bounds, for the documentation?"""
    skip, limit = PAGE["skip"], PAGE["limit"]
    assert skip == IntegerParameter("skip", 0, 0, MAX_SKIP, "How many rows to pass over.")
    assert limit == IntegerParameter("limit", 10, 1, 50, "How many rows to give at most.")
    assert list(PAGE) == ["skip", "limit"]

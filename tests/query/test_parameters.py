"""Parameters that read themselves."""

from typing import Any

import pytest

from fastapi_crud import OrderBy
from fastapi_crud.query.clauses import MAX_SKIP
from fastapi_crud.query.parameters import (
    LONGEST_NAME,
    MAX_CURSOR,
    ChoiceParameter,
    CursorParameter,
    IntegerParameter,
    NamesParameter,
    Parameter,
    did_you_mean,
)

SKIP = IntegerParameter(name="skip", default=0, minimum=0, maximum=MAX_SKIP)
LIMIT = IntegerParameter(name="limit", default=10, minimum=1, maximum=50)
SORT = NamesParameter(
    name="sort",
    allowed={"name": 1, "-name": 2, "age": 3, "-age": 4},
    attributes={"name": "title", "-name": "title"},
)
COUNT = ChoiceParameter(name="count", choices=("exact", "none"))
CURSOR = CursorParameter(name="cursor")

WITHIN = "must be an integer from 1 to 50"
SUGGESTED = "has an unknown name; did you mean name?"


@pytest.mark.parametrize(
    ("parameter", "texts", "value"),
    [
        (LIMIT, ["1"], 1),
        (LIMIT, ["50"], 50),
        (SKIP, ["0"], 0),
        (SKIP, [str(MAX_SKIP)], MAX_SKIP),
        (SORT, ["name"], (1,)),
        (SORT, ["-age,name"], (4, 1)),
        (SORT, ["-age", "name"], (4, 1)),
        (COUNT, ["none"], "none"),
        (CURSOR, [""], ""),
        (CURSOR, ["a" * MAX_CURSOR], "a" * MAX_CURSOR),
    ],
    ids=lambda it: str(it)[:20],
)
def test_what_a_query_string_says(parameter: Parameter, texts: list[str], value: Any) -> None:
    """Is each parameter read, lists in both spellings?"""
    assert parameter.read(texts) == value


@pytest.mark.parametrize(
    ("parameter", "texts", "message"),
    [
        *((LIMIT, [text], WITHIN) for text in ["0", "51", "", "ten", "1.0", " 1", "+1", "01"]),
        *((LIMIT, [text], WITHIN) for text in ["1_0", "\u0661", "9" * 5000, "-0"]),
        (SKIP, ["-1"], f"must be an integer from 0 to {MAX_SKIP}"),
        (SKIP, [str(MAX_SKIP + 1)], f"must be an integer from 0 to {MAX_SKIP}"),
        (SORT, ["nmae"], SUGGESTED),
        (SORT, ["age,nmae"], SUGGESTED),
        (SORT, ["zzz"], "has an unknown name"),
        (SORT, [""], "has an unknown name"),
        (SORT, ["name,"], "has an unknown name"),
        (SORT, ["name,name"], "has a name twice"),
        (SORT, ["name", "-name"], "has a name twice"),
        (SORT, ["name,age,-name,-age,name"], "must have 1 to 4 names"),
        (SORT, ["," * 1000], "must have 1 to 4 names"),
        (COUNT, ["estimated"], "must be one of exact, none"),
        (COUNT, [""], "must be one of exact, none"),
        (CURSOR, ["a" * (MAX_CURSOR + 1)], "must have at most 8000 characters"),
        (CURSOR, ["\0"], "must not contain NUL"),
    ],
    ids=lambda it: str(it)[:20],
)
def test_what_a_query_string_cannot_say(
    parameter: Parameter, texts: list[str], message: str
) -> None:
    """Is it told what the value must be, without the value?"""
    with pytest.raises(ValueError) as caught:
        parameter.read(texts)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("parameter", "json", "value"),
    [
        (LIMIT, 7, 7),
        (SORT, ["-age", "name"], (4, 1)),
        (SORT, "name", (1,)),
        (COUNT, "exact", "exact"),
        (CURSOR, "", ""),
    ],
    ids=lambda it: str(it)[:20],
)
def test_what_a_body_says(parameter: Parameter, json: Any, value: Any) -> None:
    """Is each parameter read from JSON, a single name without a list as well?"""
    assert parameter.read_json(json) == value


NOT_SAID: list[tuple[Parameter, Any, str]] = [
    *((LIMIT, value, WITHIN) for value in ["7", 7.0, True, None, [7], 0, 51, 10**400]),
    (LIMIT, float("nan"), WITHIN),
    (SORT, [], "must have 1 to 4 names"),
    (SORT, ["name,age"], "has an unknown name"),
    (SORT, [["name"]], "has an unknown name"),
    (SORT, [{}], "has an unknown name"),
    (SORT, None, "has an unknown name"),
    (SORT, [1], "has an unknown name"),
    (COUNT, ["exact"], "must be one of exact, none"),
    (COUNT, None, "must be one of exact, none"),
    (CURSOR, None, "must be text"),
    (CURSOR, 5, "must be text"),
]


@pytest.mark.parametrize(("parameter", "json", "message"), NOT_SAID, ids=lambda it: str(it)[:20])
def test_what_a_body_cannot_say(parameter: Parameter, json: Any, message: str) -> None:
    """Is JSON of any other type refused?"""
    with pytest.raises(ValueError) as caught:
        parameter.read_json(json)
    assert str(caught.value).partition(";")[0] == message


@pytest.mark.parametrize(
    ("parameter", "schema"),
    [
        (
            LIMIT,
            {"type": "integer", "format": "int64", "minimum": 1, "maximum": 50, "default": 10},
        ),
        (
            SORT,
            {
                "type": "array",
                "items": {"type": "string", "enum": ["name", "-name", "age", "-age"]},
            },
        ),
        (COUNT, {"type": "string", "enum": ["exact", "none"]}),
        (CURSOR, {"type": "string", "maxLength": MAX_CURSOR}),
    ],
    ids=lambda it: getattr(it, "name", ""),
)
def test_parameters_are_described(parameter: Parameter, schema: dict[str, Any]) -> None:
    """Does the JSON schema hold every bound?"""
    assert parameter.schema() == schema


@pytest.mark.parametrize("parameter", [LIMIT, COUNT, CURSOR], ids=lambda it: it.name)
def test_what_is_about_no_attribute_is_for_all(parameter: Parameter) -> None:
    """Does a parameter stay as it is where attributes are hidden?"""
    assert parameter.without({"title"}) is parameter


def test_names_of_hidden_attributes_are_unknown() -> None:
    """Are those names left out that are about a hidden attribute, whatever they are called?"""
    seen = SORT.without({"title"})
    assert seen is not None
    assert seen.read(["age"]) == (3,)
    with pytest.raises(ValueError, match=r"^has an unknown name$"):
        seen.read(["name"])
    assert SORT.without({"name"}) == SORT
    assert SORT.read(["name"]) == (1,)


def test_a_parameter_without_names_is_gone() -> None:
    """Is a parameter all of whose attributes are hidden not there at all?"""
    only = NamesParameter(
        name="sort", allowed={"a": OrderBy("a")}, attributes={"a": "a"}, description="x"
    )
    assert only.without({"a"}) is None


def test_which_parameters_may_be_repeated() -> None:
    """Is it lists alone, unless somebody says so?"""
    assert [it.name for it in (SKIP, LIMIT, SORT, COUNT, CURSOR) if it.repeatable] == ["sort"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("limt", "; did you mean limit?"),
        ("Limit", "; did you mean limit?"),
        ("page", ""),
        ("", ""),
        ("limit" + "t" * LONGEST_NAME, ""),
        (5, ""),
        (None, ""),
        (["limit"], ""),
    ],
    ids=lambda it: str(it)[:20],
)
def test_a_suggestion(name: object, suggestion: str) -> None:
    """Is the closest name suggested, if one is close, and none for what nobody would mistype?"""
    assert did_you_mean(name, ["skip", "limit"]) == suggestion


def test_a_suggestion_out_of_nothing() -> None:
    """Is nothing suggested where nothing is known?"""
    assert did_you_mean("a", []) == ""

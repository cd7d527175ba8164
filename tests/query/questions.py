"""What is asked in these tests: vocabularies, and what hypothesis draws of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

from hypothesis import settings, strategies as st

from fastapi_crud import And, Filter, Not, Or, OrderBy, Query, Search
from fastapi_crud.columns import ColumnInfo, ModelInfo, inspect_model
from fastapi_crud.query.clauses import MAX_SKIP
from fastapi_crud.query.operators import OPERATORS, SCALARS
from fastapi_crud.query.vocabulary import Asked, Vocabulary, make_vocabulary
from fastapi_crud.values import MAX_INTERVAL
from tests.models import Color, Everything
from tests.strategies import json_values

INFO = inspect_model(Everything)

unhurried = settings(deadline=None)
"""For a law that has no time in it."""
prompt = settings(deadline=timedelta(seconds=2))
"""For what anybody may send: nothing may take long, on a busy machine either."""


def column(model: type[Any], name: str) -> ColumnInfo:
    """What is known of an attribute."""
    return inspect_model(model).columns[name]


def may_read(_: ModelInfo, __: str) -> bool:
    """Nothing is hidden."""
    return True


def vocabulary_of(model: type[Any], **said: Any) -> Vocabulary:
    """What a list can be asked, where all is readable under its own name unless something is said."""
    info = inspect_model(model)
    names = {name: name for name in info.columns}
    default: dict[str, Any] = {"names": names, "may_read": may_read}
    return make_vocabulary(info, Asked(**{**default, **said}))


FITTING: Mapping[str, list[str]] = {
    name: [it.name for it in OPERATORS.values() if info.kind.name in it.kinds]
    for name, info in INFO.columns.items()
}
"""Attribute → all operators that fit, those to opt in as well."""

WIDE: Mapping[str, Any] = {
    "filters": FITTING, "search": ["code", "text"], "fields": True, "pagination": "both",
    "count": ["exact", "estimated", "none"],
}  # fmt: skip
"""Everything that can be switched on."""

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
"""Text that can be compared with: no NUL, no lone surrogates."""

VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "id": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(-(2**15), 2**15 - 1),
    "medium": st.integers(-(2**31), 2**31 - 1),
    "large": st.integers(-(2**63), 2**63 - 1),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "single": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "price": st.decimals(-(10**8) + 1, 10**8 - 1, places=2),
    "flag": st.booleans(),
    "code": texts,
    "text": texts,
    "color": st.sampled_from(Color),
    "size": st.sampled_from("SM"),
    "at": st.datetimes(timezones=st.just(UTC)),
    "local": st.datetimes(),
    "day": st.dates(),
    "hour": st.times(),
    "span": st.timedeltas(-MAX_INTERVAL, MAX_INTERVAL),
    "token_id": st.uuids(),
    "token_text": st.uuids().map(str),
}
"""Attribute → values that it is compared with, as Python has them."""


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    """A comparison, by any operator that fits."""
    name = draw(st.sampled_from(sorted(FITTING)))
    operator = OPERATORS[draw(st.sampled_from(FITTING[name]))]
    values: dict[str, st.SearchStrategy[Any]] = {
        "flag": st.booleans(),
        "text": texts,
        "one": VALUES.get(name, st.nothing()),
        "many": st.lists(VALUES.get(name, st.nothing()), min_size=1, max_size=3).map(tuple),
    }
    return Filter(name, operator.name, draw(values[operator.shape]))


trees: st.SearchStrategy[Any] = st.recursive(
    filters(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: And(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(*parts)),
        inner.map(Not),
    ),
    max_leaves=8,
)
"""Conditions over conditions."""

searches = st.builds(Search, texts, st.just(("code", "text")))
orders = st.builds(
    OrderBy,
    st.sampled_from([name for name, it in INFO.columns.items() if it.kind.name in SCALARS]),
    st.booleans(),
)


@st.composite
def pages(draw: st.DrawFn) -> dict[str, Any]:
    """Everything of a query but its conditions, as keyword arguments."""
    names = st.sampled_from(sorted(INFO.columns))
    page: dict[str, Any] = {
        "limit": draw(st.integers(1, 1000)),
        "order_by": draw(st.lists(orders, max_size=3, unique_by=lambda it: it.field)),
        "fields": draw(st.none() | st.lists(names, min_size=1, max_size=3, unique=True)),
    }
    if draw(st.booleans()):  # a walk counts nothing unless that is asked
        return page | {"cursor": draw(texts), "count": draw(st.sampled_from(["estimated", "none"]))}
    counts = st.sampled_from(["exact", "estimated", "none"])
    return page | {"skip": draw(st.integers(0, MAX_SKIP)), "count": draw(counts)}


def name_of(condition: Any) -> str:
    """What a condition is called in a request: two of one name cannot stand side by side."""
    match condition:
        case Filter():
            return f"{condition.field}__{condition.operator}"
        case _:
            return type(condition).__name__


def queries(conditions: st.SearchStrategy[Any]) -> st.SearchStrategy[Query]:
    """Queries with conditions of different names."""
    where = st.lists(conditions, max_size=4, unique_by=name_of)
    return st.builds(query_of, where, pages())


def query_of(where: Sequence[Any], page: Mapping[str, Any]) -> Query:
    return Query(where=where, **page)


PARAMETERS = sorted(vocabulary_of(Everything, **WIDE).parameters)
names_to_ask = st.one_of(
    st.sampled_from(PARAMETERS), st.sampled_from(PARAMETERS).map(lambda it: it[:-1]), st.text()
)
values_to_ask = st.one_of(
    texts,
    st.sampled_from(
        [
            "", ",", "1,2", "-", "nan", "inf", "1e999", "-0", "\0", "\ud800", "9" * 5000, "null",
            "true", "id,-id", "2024-02-30", "2024-01-01T00:00:00 02:00", "0001-01-01T00:00:00+23:59",
            "25:00", "P1Y", "red,blue", "0" * 32, "exact", "[]",
        ]
    ),
)  # fmt: skip
any_pairs = st.lists(st.tuples(names_to_ask, values_to_ask), max_size=5)
"""Query strings: known and unknown names, any text."""

any_bodies: st.SearchStrategy[Any] = st.recursive(
    st.one_of(json_values, values_to_ask, st.integers(10**300, 10**400)),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["and", "or", "not"]) | names_to_ask, inner, max_size=4),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)
"""JSON: objects that are nearly conditions, and anything else."""

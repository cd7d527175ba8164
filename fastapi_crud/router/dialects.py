"""Dialects: how the clients of each wire ask for rows, in one table, and what that is in our words.

Only names and forms are translated here. What they mean, and what is refused, is decided by the
same parsing as everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, cast

from pydantic_core import from_json

from fastapi_crud.exceptions import Issue
from fastapi_crud.query.clauses import MAX_SKIP
from fastapi_crud.query.vocabulary import Vocabulary
from fastapi_crud.values import integer_from_text

ORDERS = {"asc": "", "desc": "-"}
"""How a direction is written → what stands before the field in `sort`."""
NULL: Any = None
"""A filter by null: in a query string, a name without a value."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """What clients of one resource may call what they ask, on one wire.

    Args:
        vocabulary: What they can ask.
        filters: What they call a filter → our parameter.
        several: Our parameter for one value → that for several.
        nulls: Our parameter for one value → that for null; columns without null have none.
        lookup: Our parameter for rows by their keys: a list of it is never cut.
    """

    vocabulary: Vocabulary
    filters: Mapping[str, str]
    several: Mapping[str, str]
    nulls: Mapping[str, str]
    lookup: str | None

    def find(self, name: str) -> str | None:
        """Find our parameter of a filter; a dot in its name leads to a related row."""
        return self.filters.get(name) or self.filters.get(name.replace(".", "__"))


@dataclass
class Translation:
    """A query string on its way into our words.

    Args:
        words: What is what.
        lenient: Whether unknown names are to be ignored.
    """

    words: Words
    lenient: bool = False
    pairs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    places: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    issues: list[Issue] = field(default_factory=list[Issue])

    def say(self, name: str, text: str, *place: str) -> None:
        """Say it in our words.

        Args:
            name: Our parameter.
            text: Its value.
            place: Where the client said it.
        """
        self.pairs.append((name, text))
        self.places[name] = place

    def note(self, message: str, *place: str, code: str = "invalid_parameter") -> None:
        """Note what cannot be said."""
        self.issues.append(Issue(code, ("query", *place), message))

    def found(self, issue: Issue) -> Issue:
        """Tell where the client said what is wrong."""
        name = cast("str", issue.loc[1])
        most = self.words.vocabulary.limits.max_limit
        msg = f"Must be 1 to {most} rows" if name == "limit" else issue.msg
        return Issue(issue.type, ("query", *self.places[name]), msg)

    def compare(self, name: str, values: Sequence[Any], *place: str) -> None:
        """Say a filter.

        Args:
            name: What the client calls it.
            values: One, or several of which one must fit.
            place: Where the client said it.
        """
        ours = self.words.find(name)
        if ours is None:
            self.unknown(name, *place)
        elif [*values] == [NULL]:
            self._compare_with_null(ours, *place)
        elif not values or any(isinstance(value, dict | list | None) for value in values):
            self.note("Must be text, a number, true or false, or a list of these", *place)
        else:
            ours = ours if len(values) == 1 else self.words.several.get(ours, ours)
            for value in values:
                self.say(ours, text_of(value), *place)

    def unknown(self, name: str, *place: str) -> None:
        """Say a name that is none of the client's words: it is told or ignored, as others are."""
        if name not in self.words.vocabulary.parameters:
            self.say(name, "", *place)
        elif not self.lenient:
            self.note("Unknown parameter", *place, code="unknown_parameter")

    def _compare_with_null(self, ours: str, *place: str) -> None:
        if ours in self.words.nulls:
            self.say(self.words.nulls[ours], "true", *place)
        else:
            self.note("Is not compared with null", *place)

    def window(self, start: int, end: int, *places: str) -> None:
        """Say which rows: from one place up to, and without, another."""
        if max(abs(start), abs(end)) > MAX_SKIP + 1:
            self.note(f"Must be from 0 to {MAX_SKIP}", places[0])
            return
        self.say("skip", str(start), places[0])
        self.say("limit", str(end - start), places[-1])

    def order(self, fields: Sequence[Any], orders: Sequence[Any], *places: str) -> None:
        """Say what to sort by; what is not said is ascending."""
        signs = [ORDERS.get(str(it or "asc").lower()) for it in orders]
        if None in signs:
            self.note("Must be ASC or DESC", places[-1])
        elif len(signs) > len(fields):
            self.note("Must not have more directions than fields", places[-1])
        else:
            named = zip_longest(signs, fields, fillvalue="")
            self.say("sort", ",".join(f"{sign}{it}" for sign, it in named), places[0])

    def finish(self) -> None:
        """Let a list of keys bring all of its rows."""
        names = {name for name, _ in self.pairs}
        lookup = self.words.lookup
        if lookup in names and "limit" not in names:
            self.say("limit", str(self.words.vocabulary.limits.max_limit), *self.places[lookup])


Controls = Mapping[str, str]
"""What is said beside filters: the client's parameter → its value."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How the clients of one wire ask.

    Args:
        controls: Their parameters beside filters.
        say: Says those in our words.
        flat: Whether filters are parameters of their own, rather than part of one.
        suffixes: What their names of filters end in → our operator.
    """

    controls: tuple[str, ...]
    say: Callable[[Translation, Controls], None]
    flat: bool
    suffixes: Mapping[str, str] = field(default_factory=dict[str, str])


def say_simple_rest(said: Translation, controls: Controls) -> None:
    """Say `filter={"a": 1}&range=[0, 24]&sort=["a", "ASC"]&embed=["b"]`, each of which is JSON."""
    for name, text in controls.items():
        try:
            value = from_json(text, allow_inf_nan=False)
        except ValueError:
            said.note("Must be JSON", name)
        else:
            JSON_CONTROLS[name](said, value)


def _filter(said: Translation, value: Any) -> None:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        said.note("Must be an object", "filter")
        return
    for name, values in flattened(cast("dict[str, Any]", value)):
        said.compare(name, values, "filter", name)


def _range(said: Translation, value: Any) -> None:  # noqa: ANN401 - JSON
    match value:
        case [first, last] if type(first) is type(last) is int:
            said.window(first, last + 1, "range")
        case _:
            said.note("Must be a list of two integers: the first row, and the last", "range")


def _sort(said: Translation, value: Any) -> None:  # noqa: ANN401 - JSON
    match value:
        case [str(name), str(order)]:
            said.order([name], [order], "sort")
        case _:
            said.note("Must be a list of a field, and ASC or DESC", "sort")


def _embed(said: Translation, value: Any, place: str = "embed") -> None:  # noqa: ANN401 - JSON
    names: list[Any] = [*value] if isinstance(value, list) else [value]
    if "include" not in said.words.vocabulary.parameters:
        said.unknown(place, place)
    elif all(isinstance(name, str) for name in names):
        said.say("include", ",".join(names), place)
    else:
        said.note("Must be a list of relationships", place)


JSON_CONTROLS: Mapping[str, Callable[[Translation, Any], None]] = MappingProxyType(
    {"filter": _filter, "range": _range, "sort": _sort, "embed": _embed}
)
"""Parameter of simple-rest → what says it in our words."""


def say_json_server(said: Translation, controls: Controls) -> None:
    """Say `_start=0&_end=25&_sort=a,b&_order=ASC,DESC&_embed=c`."""
    ends: dict[str, int] = {}
    for name in ("_start", "_end"):
        try:
            ends[name] = integer_from_text(controls.get(name, "0"))
        except ValueError:
            said.note("Must be an integer", name)
    if "_end" in controls and len(ends) == len({"_start", "_end"}):
        said.window(ends["_start"], ends["_end"], "_start", "_end")
    elif "_start" in controls and "_start" in ends:
        said.say("skip", str(ends["_start"]), "_start")
    orders = controls["_order"].split(",") if "_order" in controls else []
    if "_sort" in controls:
        said.order(controls["_sort"].split(","), orders, "_sort", "_order")
    if "_embed" in controls:
        _embed(said, [*controls["_embed"].split(",")], "_embed")


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "simple-rest": Dialect(controls=tuple(JSON_CONTROLS), say=say_simple_rest, flat=False),
        "json-server": Dialect(
            controls=("_start", "_end", "_sort", "_order", "_embed"),
            say=say_json_server,
            flat=True,
            suffixes=MappingProxyType(
                {"_gte": "gte", "_lte": "lte", "_ne": "ne", "_like": "icontains"}
            ),
        ),
    }
)
"""Wire → how its clients ask. ADD A WIRE HERE."""


def flattened(filters: Mapping[str, Any], above: str = "") -> list[tuple[str, list[Any]]]:
    """Give filters with their values: `{"author": {"name": "x"}}` filters by `author__name`."""
    found: list[tuple[str, list[Any]]] = []
    for name, value in filters.items():
        whole = f"{above}{name}"
        if isinstance(value, dict) and value:
            found += flattened(cast("dict[str, Any]", value), f"{whole}__")
        else:
            several: list[Any] = [*value] if isinstance(value, list) else [value]
            found.append((whole, several))
    return found


def text_of(value: str | float) -> str:
    """Write a value of JSON as it stands in a query string."""
    return str(value).lower() if isinstance(value, bool) else str(value)

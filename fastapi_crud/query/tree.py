"""From a JSON body to a `Query`: the parameters of the list, and AND, OR and NOT over them.

```json
{"done": false, "or": [{"title__contains": "milk"}, {"not": {"size__gte": 3}}], "limit": 10}
```

The keys of an object must all hold. The outermost one may hold the other parameters as well.
"""

from typing import Any, cast

from fastapi_crud.query.clauses import And, Not, Or, Query, Where
from fastapi_crud.query.filters import FilterParameter
from fastapi_crud.query.parsing import Caller, Reading
from fastapi_crud.query.vocabulary import Vocabulary

WORDS = frozenset({"and", "or", "not"})


def parse_body(body: Any, vocabulary: Vocabulary, caller: Caller | None = None) -> Query:  # noqa: ANN401
    """Read the body of a search.

    Args:
        body: Any JSON.
        vocabulary: What this list can be asked.
        caller: What the request says beside it.

    Raises:
        InvalidQuery: With everything that is wrong, not just the first.
    """
    reading = Reading(vocabulary, caller or Caller(), "body")
    reading.where += _conditions(reading, body, ())
    return reading.query()


def _conditions(reading: Reading, value: Any, at: tuple[str | int, ...]) -> list[Where]:  # noqa: ANN401
    """Read an object: all its keys must hold."""
    if not isinstance(value, dict):
        reading.note("invalid_filter", "Must be an object", *at)
        return []
    found: list[Where | None] = []
    for key, inner in cast("dict[str, Any]", value).items():
        if key in WORDS:
            found.append(_combined(reading, key, inner, (*at, key)))
        else:
            found.append(_compared(reading, key, inner, at))
    return [condition for condition in found if condition is not None]


def _compared(reading: Reading, key: str, value: Any, at: tuple[str | int, ...]) -> Where | None:  # noqa: ANN401
    parameter = reading.find(key, *at)
    if parameter is None:
        return None
    if at and not isinstance(parameter, FilterParameter):
        reading.note("invalid_filter", "Belongs to the outermost object", *at, key)
        return None
    return reading.take(parameter, value, parameter.read_json, *at, key)


def _combined(reading: Reading, word: str, value: Any, at: tuple[str | int, ...]) -> Where | None:  # noqa: ANN401
    depth = sum(part in WORDS for part in at)
    if depth > reading.vocabulary.limits.max_depth:
        most = reading.vocabulary.limits.max_depth
        reading.note("too_deep", f"Must not be nested deeper than {most} levels", *at)
        return None
    if word == "not":
        inner = _one(reading, value, at)
        return None if inner is None else Not(inner)
    if not isinstance(value, list) or not value:
        reading.note("invalid_filter", "Must be a list of objects", *at)
        return None
    items: list[Any] = [*value]
    parts = [_one(reading, item, (*at, i)) for i, item in enumerate(items)]
    kind = And if word == "and" else Or
    return kind(*(part for part in parts if part is not None))


def _one(reading: Reading, value: Any, at: tuple[str | int, ...]) -> Where | None:  # noqa: ANN401
    """Read an object as one condition."""
    if value == {}:
        reading.note("invalid_filter", "Must not be empty", *at)
        return None
    parts = _conditions(reading, value, at)
    return parts[0] if len(parts) == 1 else And(*parts)

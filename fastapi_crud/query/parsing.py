"""From query-string pairs to a `Query`: unknown, repeated and malformed parameters are errors."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from fastapi_crud.exceptions import InvalidQuery, Issue
from fastapi_crud.query.clauses import MAX_SKIP, Query
from fastapi_crud.values import integer_from_text


@dataclass(frozen=True, slots=True)
class IntegerParameter:
    """A query parameter that is an integer within bounds.

    Args:
        name: Its name.
        default: What holds when it is absent.
        minimum: The smallest value.
        maximum: The largest value.
        description: What it does, for the documentation.
    """

    name: str
    default: int
    minimum: int
    maximum: int
    description: str

    def parse(self, text: str) -> int:
        """Read the value.

        Raises:
            ValueError: Saying what it must be.
        """
        msg = f"must be an integer from {self.minimum} to {self.maximum}"
        try:
            value = integer_from_text(text)
        except ValueError:
            raise ValueError(msg) from None
        if not self.minimum <= value <= self.maximum:
            raise ValueError(msg)
        return value


def page_parameters(default_limit: int, max_limit: int) -> Mapping[str, IntegerParameter]:
    """Tell which parameters choose the page."""
    parameters = (
        IntegerParameter("skip", 0, 0, MAX_SKIP, "How many rows to pass over."),
        IntegerParameter("limit", default_limit, 1, max_limit, "How many rows to give at most."),
    )
    return {parameter.name: parameter for parameter in parameters}


def parse_query(
    pairs: Sequence[tuple[str, str]],
    parameters: Mapping[str, IntegerParameter],
    foreign: Collection[str] = (),
) -> Query:
    """Read a query string.

    Args:
        pairs: Names and values as sent, in order.
        parameters: Those that this list knows.
        foreign: Names that belong to somebody else, such as a dependency of the developer's.

    Raises:
        InvalidQuery: With everything that is wrong, not just the first.
    """
    values = {name: parameter.default for name, parameter in parameters.items()}
    counts = Counter(name for name, _ in pairs)
    issues: list[Issue] = []
    for name, text in dict(pairs).items():
        if name not in parameters:
            if name not in foreign:
                issues.append(_unknown(name, (*parameters, *foreign)))
        elif counts[name] > 1:
            issues.append(Issue("duplicate_parameter", ("query", name), "Given more than once"))
        else:
            try:
                values[name] = parameters[name].parse(text)
            except ValueError as error:
                issues.append(Issue("invalid_parameter", ("query", name), str(error).capitalize()))
    if issues:
        raise InvalidQuery(issues)
    return Query(skip=values["skip"], limit=values["limit"])


def _unknown(name: str, known: Sequence[str]) -> Issue:
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return Issue("unknown_parameter", ("query", name), f"Unknown parameter{hint}")

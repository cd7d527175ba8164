"""From a query string to a `Query`: unknown, repeated and malformed parameters are errors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from fastapi_crud.exceptions import InvalidQuery, Issue
from fastapi_crud.query.clauses import Filter, OrderBy, Query, Search, Where
from fastapi_crud.query.parameters import Parameter, closest, did_you_mean, suggestion
from fastapi_crud.query.vocabulary import Vocabulary

MAX_ISSUES = 20
"""How many mistakes are told at once."""
MAX_SUGGESTIONS = 3
"""For how many unknown names a suggestion is looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """What the request says beside the query.

    Args:
        foreign: Parameters that belong to somebody else, such as a dependency of the developer's.
        hidden: Attributes that this caller may not see: for them they do not exist.
        lenient: Whether to ignore unknown parameters (RFC 7240, `handling=lenient`).
    """

    foreign: Collection[str] = ()
    hidden: Collection[str] = ()
    lenient: bool = False


@dataclass
class Reading:
    """A query being read: what was understood, and what was not.

    Args:
        vocabulary: What may be asked.
        caller: Who asks.
        place: Where it stands: `query` or `body`.
    """

    vocabulary: Vocabulary
    caller: Caller
    place: str
    issues: list[Issue] = field(default_factory=list[Issue])
    where: list[Where] = field(default_factory=list[Where])
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    filters: int = 0

    def find(self, name: str, *at: str | int) -> Parameter | None:
        """Find a parameter; note it where there is none of this name."""
        parameter = self.vocabulary.parameters.get(name)
        if parameter is not None and self.caller.hidden:
            parameter = parameter.without(self.caller.hidden)
        if parameter is None and not self._passes(name):
            hint = self._hint(name) if len(self.issues) < MAX_SUGGESTIONS else ""
            self.note("unknown_parameter", f"Unknown parameter{hint}", *at, name)
        return parameter

    def take(self, parameter: Parameter, value: Any, read: Any, *at: str | int) -> Where | None:  # noqa: ANN401
        """Read a value by one of the two ways of a parameter; note what is wrong with it.

        Returns:
            The condition, if it is one; everything else is kept.
        """
        try:
            meaning = read(value)
        except ValueError as error:
            message = str(error)
            self.note("invalid_parameter", message[:1].upper() + message[1:], *at)
            return None
        if isinstance(meaning, Filter):
            self.filters += 1
            if self.filters > self.vocabulary.limits.max_filters:
                most = self.vocabulary.limits.max_filters
                self.note("too_many_filters", f"At most {most} filters", *at)
            return meaning
        if isinstance(meaning, Search):
            return meaning
        self.given[parameter.name] = meaning
        return None

    def note(self, code: str, message: str, *at: str | int) -> None:
        """Note what is wrong."""
        self.issues.append(Issue(code, (self.place, *at), message))
        if len(self.issues) >= MAX_ISSUES:
            raise InvalidQuery(self.issues)

    def query(self) -> Query:
        """Give what was understood.

        Raises:
            InvalidQuery: With everything that was not.
        """
        walks = self.vocabulary.pagination == "cursor" or "cursor" in self.given
        if "cursor" in self.given and "skip" in self.given:
            self.note("conflicting_parameters", "Cannot be combined with cursor", "skip")
        if self.issues:
            raise InvalidQuery(self.issues)
        given, known = self.given, self.vocabulary
        default_count = "none" if walks else known.count[0]
        return Query(
            skip=given.get("skip", 0),
            limit=given.get("limit", known.limits.default_limit),
            where=self.where,
            order_by=given.get("sort", self._default_order()),
            count=given.get("count", default_count),
            cursor=given.get("cursor", "") if walks else None,
            fields=given.get("fields"),
            include=given.get("include", ()),
            deleted=given.get("deleted", "exclude"),
        )

    def _default_order(self) -> tuple[OrderBy, ...]:
        """Sort by nothing that this caller may not see: cursors would tell it."""
        hidden = self.caller.hidden
        return tuple(each for each in self.vocabulary.default_order if each.field not in hidden)

    def _passes(self, name: str) -> bool:
        """Whether a name is somebody else's business, or to be ignored."""
        return (
            self.caller.lenient
            or name in self.caller.foreign
            or any(fnmatchcase(name, pattern) for pattern in self.vocabulary.allow_params)
        )

    def _hint(self, name: str) -> str:
        """Suggest a parameter: by its field first, and by its operator where the field is right."""
        hidden, parameters = self.caller.hidden, self.vocabulary.parameters
        field, _, operator = name.rpartition("__")
        spellings = [f"{field}__{each}" for each in self.vocabulary.operators]
        known = [
            each for each in spellings if each in parameters and parameters[each].without(hidden)
        ]
        if known:
            return did_you_mean(name, [*known, field])
        subjects = [each for each in self.vocabulary.subjects if parameters[each].without(hidden)]
        close = closest(field or name, [*subjects, *self.caller.foreign])
        whole = f"{close}__{operator}"
        return suggestion(whole if field and whole in parameters else close)


def parse_query(
    pairs: Sequence[tuple[str, str]], vocabulary: Vocabulary, caller: Caller | None = None
) -> Query:
    """Read a query string.

    Args:
        pairs: Names and values as sent, in order.
        vocabulary: What this list can be asked.
        caller: What the request says beside it.

    Raises:
        InvalidQuery: With everything that is wrong, not just the first.
    """
    reading = Reading(vocabulary, caller or Caller(), "query")
    for name, texts in _grouped(pairs).items():
        parameter = reading.find(name)
        if parameter is None:
            continue
        if len(texts) > 1 and not parameter.repeatable:
            reading.note("duplicate_parameter", "Given more than once", name)
            continue
        condition = reading.take(parameter, texts, parameter.read, name)
        if condition is not None:
            reading.where.append(condition)
    return reading.query()


def _grouped(pairs: Sequence[tuple[str, str]]) -> Mapping[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, text in pairs:
        grouped.setdefault(name, []).append(text)
    return grouped

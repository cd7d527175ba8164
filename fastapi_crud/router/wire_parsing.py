"""From a query string of a wire to a `Query`: its words become ours, which are read as ever."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import unquote_plus

from fastapi_crud.exceptions import InvalidQuery
from fastapi_crud.query.clauses import Query
from fastapi_crud.query.parsing import Caller, parse_query
from fastapi_crud.router.dialects import NULL, Dialect, Translation, Words


@dataclass(frozen=True)
class WireParser:
    """Reads the query strings of one operation.

    Args:
        dialect: How its clients ask.
        words: What they call what they ask.
        same: Our parameters that they say as we do.
    """

    dialect: Dialect
    words: Words
    same: frozenset[str]

    @cached_property
    def known(self) -> frozenset[str]:
        """The names that query strings may have."""
        filters = self.words.filters if self.dialect.flat else ()
        return frozenset({*self.dialect.controls, *self.same, *filters})

    def read(self, text: bytes, caller: Caller) -> Query:
        """Read a query string.

        Args:
            text: As it was sent.
            caller: What the request says beside it.

        Raises:
            InvalidQuery: If it cannot be read.
        """
        said = Translation(self.words, lenient=caller.lenient)
        controls: dict[str, str] = {}
        for name, values in grouped(text).items():
            if name not in self.dialect.controls:
                self._say(said, name, values, caller)
                continue
            controls[name] = values[0] or ""
            if len(values) > 1:
                said.note("Given more than once", name, code="duplicate_parameter")
        self.dialect.say(said, controls)
        said.finish()
        try:
            query = parse_query(said.pairs, self.words.vocabulary, replace(caller, foreign=()))
        except InvalidQuery as error:
            raise InvalidQuery([*said.issues, *map(said.found, error.issues)]) from error
        if said.issues:
            raise InvalidQuery(said.issues)
        return query

    def _say(self, said: Translation, name: str, values: list[str | None], caller: Caller) -> None:
        if self.dialect.flat and self.words.find(name):
            said.compare(name, values, name)
        elif name in self.same:
            for value in values:
                said.say(name, value or "", name)
        elif name not in caller.foreign:
            said.unknown(name, name)


def grouped(text: bytes) -> Mapping[str, list[str | None]]:
    """Group the values of a query string by name; a name without a value stands for null."""
    found: dict[str, list[str | None]] = {}
    for part in text.decode("latin-1").split("&"):
        name, equals, value = part.partition("=")
        if part:
            found.setdefault(unquote_plus(name), []).append(unquote_plus(value) if equals else NULL)
    return found

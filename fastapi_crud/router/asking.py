"""What a request asks for: its query, its preferences, and what its caller may see of the answer."""

from collections.abc import Callable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.datastructures import QueryParams

from fastapi_crud.access import Rights
from fastapi_crud.exceptions import PermissionDenied
from fastapi_crud.operations import Operation
from fastapi_crud.query.clauses import Query
from fastapi_crud.query.parsing import Caller, parse_query
from fastapi_crud.query.tree import parse_body
from fastapi_crud.query.vocabulary import Vocabulary
from fastapi_crud.router.callers import Sight
from fastapi_crud.router.headers import header_lines
from fastapi_crud.router.preferences import preferences
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.route import query_parameters_of
from fastapi_crud.router.views import WHOLE, Selection, is_derived
from fastapi_crud.router.wire_parsing import WireParser

Pairs = Sequence[tuple[str, str]]

MAX_QUERIES = 64
"""How many query strings a list remembers the meaning of."""
MAX_REMEMBERED = 200
"""How many bytes such a query string has at most."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a request asks for.

    Args:
        query: Which rows, and what to load with them.
        selection: What of them to show.
        sight: What the caller may see.
        applied: Headers that say which preferences were honoured.
    """

    query: Query
    selection: Selection
    sight: Sight
    applied: Mapping[str, str]


@dataclass(frozen=True)
class Asker:
    """Reads what requests of one operation ask for.

    Args:
        resource: What they ask of.
        operation: The operation.
        vocabulary: What they can ask.
    """

    resource: Resource
    operation: Operation
    vocabulary: Vocabulary
    _foreign: WeakKeyDictionary[FastAPI, frozenset[str]] = field(
        default_factory=WeakKeyDictionary[FastAPI, frozenset[str]]
    )

    def read(
        self, request: Request, given: Mapping[str, Any], endpoint: Callable[..., Any]
    ) -> Wanted:
        """Read a query string.

        Args:
            request: The request.
            given: What its dependencies gave.
            endpoint: The endpoint, to know the parameters of its dependencies.

        Raises:
            InvalidQuery: If it cannot be read.
        """
        sight = self.resource.callers.sight(given)
        text: bytes = request.scope["query_string"]
        prefers = header_lines(request.scope, b"prefer")
        plain = sight is self.resource.callers.same_for_all and not prefers
        if plain and len(text) <= MAX_REMEMBERED and (wanted := self._remembered(text)):
            return wanted
        pairs = request.query_params.multi_items()
        if self.operation == "get" and not self.vocabulary.parameters:
            pairs = []  # it has no parameters, so there is nothing to mistype
            text = b""
        foreign: frozenset[str] = frozenset()
        if not self._known >= {name for name, _ in pairs}:
            foreign = self._foreign_in(request.app, endpoint)
        wishes = preferences(request, "handling")
        caller = Caller(foreign=foreign, hidden=sight.rights.hidden, lenient=wishes.lenient)
        return self._asked(self._parsed(text, pairs, caller), sight, wishes.applied)

    @cached_property
    def _parser(self) -> WireParser | None:
        wire = self.resource.wire
        return None if wire is None else wire.parser(self.vocabulary)

    @cached_property
    def _known(self) -> AbstractSet[str]:
        return self.vocabulary.parameters.keys() if self._parser is None else self._parser.known

    def _parsed(self, text: bytes, pairs: Pairs, caller: Caller | None = None) -> Query:
        if self._parser is not None:
            return self._parser.read(text, caller or Caller())
        return parse_query(pairs, self.vocabulary, caller)

    @cached_property
    def _remembered(self) -> Callable[[bytes], Wanted | None]:
        """Read what many requests ask for once, where no caller is asked and no name is foreign."""
        sight = self.resource.callers.sight({})
        known = self._known

        @lru_cache(MAX_QUERIES)
        def read(text: bytes) -> Wanted | None:
            pairs = QueryParams(text).multi_items()
            if not known >= {name for name, _ in pairs}:
                return None
            return self._asked(self._parsed(text, pairs), sight, {})

        return read

    def read_body(self, request: Request, given: Mapping[str, Any], data: Any) -> Wanted:  # noqa: ANN401
        """Read a JSON body.

        Args:
            request: The request.
            given: What its dependencies gave.
            data: The body.

        Raises:
            InvalidQuery: If it cannot be read.
        """
        sight = self.resource.callers.sight(given)
        wishes = preferences(request, "handling")
        caller = Caller(hidden=sight.rights.hidden, lenient=wishes.lenient)
        return self._asked(parse_body(data, self.vocabulary, caller), sight, wishes.applied)

    def _asked(self, query: Query, sight: Sight, applied: Mapping[str, str]) -> Wanted:
        if query.deleted != "exclude" and not sight.sees_deleted:
            msg = "Deleted rows are not for this caller"
            raise PermissionDenied(msg)
        if query.deleted != "exclude":
            sight = replace(sight, view=replace(sight.view, deleted=query.deleted))
        fields = None if query.fields is None else frozenset(query.fields)
        include = tuple(it for it in self.resource.options.include if it in query.include)
        selection = Selection(fields, include, sight.rights.hidden)
        selection = WHOLE if selection == WHOLE else selection
        if not is_derived(self.resource.schemas.read):
            query = replace(query, fields=None)  # its validators may look at any of them
        return Wanted(query=query, selection=selection, sight=sight, applied=applied)

    def _foreign_in(self, app: FastAPI, endpoint: Callable[..., Any]) -> frozenset[str]:
        if app not in self._foreign:
            self._foreign[app] = query_parameters_of(app, endpoint)
        return self._foreign[app]


def check_body(
    data: BaseModel, rights: Rights, *, ignores: bool, at: tuple[str | int, ...] = ()
) -> None:
    """Refuse columns that this caller may not write.

    Args:
        data: A validated body.
        rights: What the caller may not write.
        ignores: Whether columns that are only read-only are passed over instead.
        at: Where in the body it stands.

    Raises:
        RequestValidationError: Naming them.
    """
    forbidden = rights.hidden if ignores else rights.unwritable
    if not forbidden:
        return
    names = {
        name: spec.alias or name
        for name, spec in type(data).model_fields.items()
        if name in data.model_fields_set
    }
    wrong = [alias for name, alias in names.items() if {name, alias} & forbidden]
    if wrong:
        text = "Extra inputs are not permitted"
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("body", *at, name), "msg": text} for name in wrong]
        )

"""What the list of a resource can be asked: its parameters by name, put together once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import get_args

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.asked import Asked as Asked, Pagination as Pagination
from fastapi_crud.query.clauses import MAX_SKIP, CountMode, Deleted, OrderBy
from fastapi_crud.query.filterable import checked_path, filter_parameters, operator_table
from fastapi_crud.query.filters import FilterParameter, SearchParameter
from fastapi_crud.query.limits import Limits
from fastapi_crud.query.operators import OPERATORS, SCALARS
from fastapi_crud.query.parameters import (
    ChoiceParameter,
    CursorParameter,
    IntegerParameter,
    NamesParameter,
    Parameter,
)
from fastapi_crud.query.paths import column_at, hops, is_sql

MAX_INCLUDE_DEPTH = 2


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What the list of a resource can be asked.

    Args:
        parameters: Every parameter by its name: looking one up costs the same however many
            there are.
        default_order: How rows are sorted when the client does not say.
        pagination: How it is paged.
        count: How totals may be counted; the first unless the client says otherwise.
        limits: How much may be asked for.
        allow_params: Patterns of names that are nobody's business, such as `utm_*`.
        operators: The names of all filter operators.
    """

    parameters: Mapping[str, Parameter]
    default_order: tuple[OrderBy, ...] = ()
    pagination: Pagination = "offset"
    count: tuple[CountMode, ...] = ("exact",)
    limits: Limits = Limits()
    allow_params: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """What parameters are about: fields and reserved words, without operators."""
        return tuple(
            name
            for name, it in self.parameters.items()
            if not (isinstance(it, FilterParameter) and name.endswith(f"__{it.operator.name}"))
        )

    def only(self, *names: str) -> "Vocabulary":
        """Give the part of it that one row can be asked: what to show of it."""
        kept = {name: it for name, it in self.parameters.items() if name in names}
        return Vocabulary(parameters=kept, limits=self.limits, allow_params=self.allow_params)


def make_vocabulary(info: ModelInfo, asked: Asked) -> Vocabulary:
    """Put together what the list of a model can be asked.

    Raises:
        ConfigurationError: If a name does not exist or two parameters have one; it names the fix.
    """
    reserved = {it.name: it for it in (*_page(asked), *_choices(info, asked))}
    parameters: dict[str, Parameter] = dict(reserved)
    listed = [*filter_parameters(info, asked)]
    plain = {name for name, _ in listed}
    for name, parameter in listed:
        if parameter.name in reserved or (parameter.name in plain and parameter.name != name):
            continue  # reserved words and exact names come first
        only_spelling = name in reserved and parameter.operator is OPERATORS["eq"]
        _add(info, parameters, replace(parameter, documented=True) if only_spelling else parameter)
    return Vocabulary(
        parameters=MappingProxyType(parameters),
        default_order=_default_order(info, asked),
        pagination=asked.pagination,
        count=tuple(asked.count),
        limits=asked.limits,
        allow_params=tuple(asked.allow_params),
        operators=tuple(operator_table(asked)),
    )


def _page(asked: Asked) -> Iterator[Parameter]:
    limits = asked.limits
    if asked.pagination != "cursor":
        yield IntegerParameter(
            name="skip", default=0, minimum=0, maximum=MAX_SKIP,
            description="How many rows to pass over.",
        )  # fmt: skip
    yield IntegerParameter(
        name="limit", default=limits.default_limit, minimum=1, maximum=limits.max_limit,
        description="How many rows to give at most.",
    )  # fmt: skip
    if asked.pagination != "offset":
        yield CursorParameter(
            name="cursor",
            description="Where the page begins: empty for the first page, then what the page "
            "before gave as `next_cursor` or `prev_cursor`.",
        )
    if len(asked.count) > 1:
        yield ChoiceParameter(
            name="count",
            choices=tuple(asked.count),
            description=f"How the total is counted: `{asked.count[0]}` unless given.",
        )


def _choices(info: ModelInfo, asked: Asked) -> Iterator[Parameter]:
    sortable = _sortable(info, asked)
    if sortable:
        allowed = {
            f"{sign}{name}": OrderBy(attribute, bool(sign))
            for name, attribute in sortable.items()
            for sign in ("", "-")
        }
        attributes = {text: order.field for text, order in allowed.items()}
        yield NamesParameter(
            name="sort", allowed=allowed, attributes=attributes,
            description="What to sort by, `-` for descending; the primary key comes last.",
        )  # fmt: skip
    if asked.search is not None:
        yield _search(info, asked)
    if asked.fields:
        yield NamesParameter(
            name="fields", allowed=asked.names, attributes=asked.names,
            description="Which fields to show; the primary key always is.",
        )  # fmt: skip
    if asked.include:
        for path in asked.include:
            if len(hops(info, tuple(path.split(".")))) > MAX_INCLUDE_DEPTH:
                msg = f"include={path!r}: at most {MAX_INCLUDE_DEPTH} relationships in a row"
                raise ConfigurationError(f"{info.name}: {msg}")
        yield NamesParameter(
            name="include", allowed={path: path for path in asked.include},
            attributes={path: path.partition(".")[0] for path in asked.include},
            description="Which relationships to show with each row.",
        )  # fmt: skip
    if asked.deleted:
        yield ChoiceParameter(
            name="deleted", choices=get_args(Deleted),
            description="Whether deleted rows are shown as well, or only they.",
        )  # fmt: skip


def _search(info: ModelInfo, asked: Asked) -> SearchParameter:
    where, described = asked.search, "a full-text index"
    if isinstance(where, Sequence):
        if not where:
            msg = "search=[] has no fields: name some, or leave it out"
            raise ConfigurationError(f"{info.name}: {msg}")
        for path in where:
            if checked_path(info, asked, path).kind.name != "text":
                msg = f"{info.name}: search={path!r} is no text: only text is searched"
                raise ConfigurationError(msg)
        where, described = tuple(where), ", ".join(f"`{path}`" for path in where)
    assert where is not None  # noqa: S101 - the caller asked
    return SearchParameter(
        name="search", fields=where, longest=asked.limits.max_search,
        description=f"Words, and phrases in quotes, that must all occur in {described}.",
    )  # fmt: skip


def _sortable(info: ModelInfo, asked: Asked) -> dict[str, str]:
    """Name clients use → attribute, of what may be sorted by."""
    if asked.sort is None:
        return {
            name: attribute
            for name, attribute in asked.names.items()
            if is_sql(info, attribute) and info.columns[attribute].kind.name in SCALARS
        }
    public = {attribute: name for name, attribute in asked.names.items()}
    for attribute in asked.sort:
        _check_order(info, attribute)
    return {public.get(attribute, attribute): attribute for attribute in asked.sort}


def _default_order(info: ModelInfo, asked: Asked) -> tuple[OrderBy, ...]:
    said = asked.default_sort
    order = tuple(OrderBy.of(text) for text in ([said] if isinstance(said, str) else said))
    for each in order:
        _check_order(info, each.field)
    return order


def _check_order(info: ModelInfo, attribute: str) -> None:
    _, column = column_at(info, attribute)
    if "." in attribute or column.kind.name not in SCALARS or not is_sql(info, attribute):
        msg = f"{attribute!r} has no order: sort by a plain column of the model"
        raise ConfigurationError(f"{info.name}: {msg}")


def _add(info: ModelInfo, parameters: dict[str, Parameter], parameter: Parameter) -> None:
    if parameter.name in parameters:
        msg = f"two parameters are called {parameter.name}: leave one of them out of filters="
        raise ConfigurationError(f"{info.name}: {msg}")
    parameters[parameter.name] = parameter

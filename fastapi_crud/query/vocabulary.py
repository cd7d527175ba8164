"""What the list of a resource can be asked: its parameters by name, put together once."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import EllipsisType, MappingProxyType
from typing import Any, Literal

from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.clauses import MAX_SKIP, CountMode, FullText, OrderBy
from fastapi_crud.query.filters import FilterParameter, SearchParameter
from fastapi_crud.query.limits import Limits
from fastapi_crud.query.operators import OPERATORS, SCALARS, Operator
from fastapi_crud.query.parameters import (
    ChoiceParameter,
    CursorParameter,
    IntegerParameter,
    NamesParameter,
    Parameter,
)
from fastapi_crud.query.paths import column_at, hops, is_sql

Pagination = Literal["offset", "cursor", "both"]
Filters = Mapping[str, Sequence[str] | EllipsisType] | Sequence[str]
"""Field → its operators, or `...` for those of its type. `"*"` stands for all that is read."""
EVERYTHING = "*"
MAX_INCLUDE_DEPTH = 2


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the developer says of the list of a resource; see `CrudOptions`.

    Args:
        names: What clients call an attribute in answers → its name.
        may_read: Tells whether clients may read an attribute of a related model.
    """

    names: Mapping[str, str]
    may_read: Callable[[ModelInfo, str], bool]
    limits: Limits = Limits()
    filters: Filters | None = None
    sort: Sequence[str] | None = None
    default_sort: Sequence[str] | str = ()
    search: Sequence[str] | FullText | None = None
    include: Sequence[str] = ()
    fields: bool = False
    pagination: Pagination = "offset"
    count: Sequence[CountMode] = ("exact",)
    operators: Sequence[Operator] = ()
    allow_params: Collection[str] = ()


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
    """

    parameters: Mapping[str, Parameter]
    default_order: tuple[OrderBy, ...] = ()
    pagination: Pagination = "offset"
    count: tuple[CountMode, ...] = ("exact",)
    limits: Limits = Limits()
    allow_params: tuple[str, ...] = ()

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
    table = _operators(asked)
    fields = [
        (name, path, operators, *_checked_path(info, asked, path))
        for name, path, operators in _filtered(info, asked, table)
    ]
    plain = {name for name, *_ in fields}
    for name, path, operators, column, _ in fields:
        spelled = (
            parameter
            for operator in operators
            for parameter in _spellings(name, path, column, table[operator], asked.limits)
        )
        for parameter in spelled:
            if parameter.name in reserved or parameter.name in plain - {name}:
                continue  # reserved words and exact names come first
            if name in reserved and parameter.operator is OPERATORS["eq"]:
                parameter = replace(parameter, documented=True)  # noqa: PLW2901 - the only spelling
            _add(info, parameters, parameter)
    return Vocabulary(
        parameters=MappingProxyType(parameters),
        default_order=_default_order(info, asked),
        pagination=asked.pagination,
        count=tuple(asked.count),
        limits=asked.limits,
        allow_params=tuple(asked.allow_params),
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
            name="count", choices=tuple(asked.count), description="How the total is counted."
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


def _search(info: ModelInfo, asked: Asked) -> SearchParameter:
    where, described = asked.search, "a full-text index"
    if isinstance(where, Sequence):
        for path in where:
            column, _ = _checked_path(info, asked, path)
            if column.kind.name != "text":
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
        column_at(info, attribute)
        if "." in attribute or info.columns[attribute].kind.name not in SCALARS:
            msg = f"{info.name}: sort={attribute!r} has no order: name a plain column of the model"
            raise ConfigurationError(msg)
    return {public.get(attribute, attribute): attribute for attribute in asked.sort}


def _default_order(info: ModelInfo, asked: Asked) -> tuple[OrderBy, ...]:
    said = asked.default_sort
    order = tuple(OrderBy.of(text) for text in ([said] if isinstance(said, str) else said))
    for each in order:
        column_at(info, each.field)
    return order


def _operators(asked: Asked) -> Mapping[str, Operator]:
    for operator in asked.operators:
        if operator.name in OPERATORS or not operator.name.isidentifier():
            msg = f"operators={operator.name!r}: give your operator another name"
            raise ConfigurationError(msg)
    return {**OPERATORS, **{operator.name: operator for operator in asked.operators}}


def _filtered(
    info: ModelInfo, asked: Asked, table: Mapping[str, Operator]
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Name of a parameter, path and operators, of all that may be filtered by."""
    said = asked.filters
    if said is None:
        said = [EVERYTHING]
    mapping = said if isinstance(said, Mapping) else dict.fromkeys(said, ...)
    public = {attribute: name for name, attribute in asked.names.items()}
    seen: set[str] = {path for path in mapping if path != EVERYTHING}
    for path, operators in mapping.items():
        paths = [path]
        if path == EVERYTHING:
            paths = [a for a in asked.names.values() if is_sql(info, a) and a not in seen]
        for each in paths:
            way, column = column_at(info, each)
            nullable = column.nullable or any(not it.to_many for it in way)
            chosen = (
                [o.name for o in table.values() if o.is_on_for(column.kind.name, nullable=nullable)]
                if isinstance(operators, EllipsisType)
                else operators
            )
            for name in chosen:
                if name not in table or column.kind.name not in table[name].kinds:
                    fitting = [o.name for o in table.values() if column.kind.name in o.kinds]
                    msg = f"filters[{each!r}]: no operator {name!r} for it; there are "
                    raise ConfigurationError(f"{info.name}: {msg}{', '.join(fitting)}")
            yield public.get(each, each.replace(".", "__")), each, chosen


def _checked_path(info: ModelInfo, asked: Asked, path: str) -> tuple[ColumnInfo, bool]:
    """Look a path up; what a related model hides stays hidden."""
    way, column = column_at(info, path)
    owner = way[-1].target if way else info
    if way and not asked.may_read(owner, column.name):
        msg = f"{path!r} is hidden: make {column.name} of {owner.name} readable, or leave it out"
        raise ConfigurationError(f"{info.name}: {msg}")
    if not is_sql(owner, column.name):
        msg = f"{path!r} is no SQL: give the hybrid an .expression, or leave it out"
        raise ConfigurationError(f"{info.name}: {msg}")
    return column, bool(way)


def _spellings(
    name: str, path: str, column: ColumnInfo, operator: Operator, limits: Limits
) -> Iterator[FilterParameter]:
    """Give the parameters of one comparison: `name` and `name__eq` are the same."""
    after = {"many": "these", "flag": ""}.get(operator.shape, "this")
    description = f"Rows whose `{name}` {operator.summary} {after}".rstrip()
    if operator.shape == "flag":
        description = f"Whether `{name}` {operator.summary}"
    common: dict[str, Any] = {
        "path": path, "column": column, "operator": operator, "limits": limits,
        "repeatable": operator.shape == "many", "description": f"{description}.",
    }  # fmt: skip
    quiet = column.kind.name in operator.quiet
    if operator.name == "eq":
        yield FilterParameter(name=name, **common)
    yield FilterParameter(
        name=f"{name}__{operator.name}",
        documented=operator.name != "eq" and not quiet,
        **common,
    )


def _add(info: ModelInfo, parameters: dict[str, Parameter], parameter: Parameter) -> None:
    if parameter.name in parameters:
        msg = f"two parameters are called {parameter.name}: leave one of them out of filters="
        raise ConfigurationError(f"{info.name}: {msg}")
    parameters[parameter.name] = parameter

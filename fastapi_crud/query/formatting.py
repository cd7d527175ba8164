"""From a `Query` back to what a client would send: parsing it again gives the same query."""

from collections.abc import Iterator
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.sql.elements import ClauseElement

from fastapi_crud.columns import ColumnInfo, ModelInfo, inspect_model
from fastapi_crud.query.clauses import And, Filter, Not, Or, Query, Search, Where
from fastapi_crud.query.literals import json_of_value, text_of_value
from fastapi_crud.query.operators import Operator, find_operator
from fastapi_crud.query.paths import column_at

DEFAULTS = Query()
WALKING = Query(count="none")
PLAIN = ("skip", "limit", "count", "cursor", "deleted")
LISTS = ("fields", "include")


def format_query(query: Query, model: type[Any]) -> list[tuple[str, str]]:
    """Write a query as the pairs of a query string.

    Args:
        query: A query by field names; attribute and parameter must have one name.
        model: The class that it is for.

    Raises:
        ValueError: If a query string cannot say it: AND, OR and NOT, and SQL.
    """
    info = inspect_model(model)
    pairs: list[tuple[str, str]] = []
    for condition in query.where:
        pairs += _pairs(condition, info)
    pairs += [(name, str(value)) for name, value in _page(query).items()]
    if query.order_by:
        pairs.append(("sort", ",".join(str(order) for order in query.order_by)))
    for name in LISTS:
        if names := getattr(query, name):
            pairs.append((name, ",".join(names)))
    return pairs


def format_body(query: Query, model: type[Any]) -> dict[str, Any]:
    """Write a query as the JSON body of a search.

    Args:
        query: A query by field names; attribute and parameter must have one name.
        model: The class that it is for.

    Raises:
        ValueError: If JSON cannot say it: SQL.
    """
    info = inspect_model(model)
    body: dict[str, Any] = {}
    for each in query.where:
        body |= _object(each, info)
    if len(body) < len(query.where):  # two have one name
        body = {"and": [_object(it, info) for it in query.where if not isinstance(it, Search)]}
        for search in (it for it in query.where if isinstance(it, Search)):
            body |= _object(search, info)
    if query.order_by:
        body["sort"] = [str(order) for order in query.order_by]
    for name in LISTS:
        if names := getattr(query, name):
            body[name] = [*names]
    return body | _page(query)


def canonical(where: Where, info: ModelInfo) -> Any:  # noqa: ANN401 - JSON
    """Write a condition the same way in every process: to tell whether two are the same."""
    match where:
        case And() | Or():
            word = type(where).__name__
            return [word, *(canonical(part, info) for part in where.parts)]
        case Not():
            return ["Not", canonical(where.part, info)]
        case Search():
            return ["Search", where.text]
        case Filter():
            operator = find_operator(where.operator)
            column = column_at(info, where.field)[1]
            return [where.field, operator.name, _canonical_value(column, where.value)]
        case _:
            return _canonical_sql(sa.and_(where))


def _canonical_value(column: ColumnInfo, value: Any) -> Any:  # noqa: ANN401 - any value in, JSON out
    if isinstance(element := getattr(value, "__clause_element__", lambda: value)(), ClauseElement):
        return _canonical_sql(element)
    if isinstance(value, set | frozenset):
        return sorted(repr(_canonical_value(column, each)) for each in cast("set[Any]", value))
    if isinstance(value, list | tuple):
        return [_canonical_value(column, each) for each in cast("list[Any]", value)]
    written = json_of_value(column, value)
    return written if isinstance(written, str | int | float | None) else repr(written)


def _canonical_sql(statement: ClauseElement) -> list[str]:
    compiled = statement.compile()
    return [str(compiled), repr(sorted((compiled.params or {}).items()))]


def _page(query: Query) -> dict[str, Any]:
    page = {name: getattr(query, name) for name in PLAIN}
    usual = DEFAULTS if query.cursor is None else WALKING
    return {name: value for name, value in page.items() if value != getattr(usual, name)}


def _pairs(condition: Where, info: ModelInfo) -> Iterator[tuple[str, str]]:
    if isinstance(condition, Search):
        yield "search", condition.text
        return
    if not isinstance(condition, Filter):
        msg = "a query string has no AND, OR and NOT, and no SQL"
        raise ValueError(msg)
    name, operator = _name(condition)
    column = column_at(info, condition.field)[1]
    if operator.shape == "many":
        yield from ((name, text_of_value(column, value)) for value in condition.value)
    elif operator.shape == "one":
        yield name, text_of_value(column, condition.value)
    else:
        yield name, str(condition.value).lower() if operator.shape == "flag" else condition.value


def _object(condition: Where, info: ModelInfo) -> dict[str, Any]:
    match condition:
        case Search():
            return {"search": condition.text}
        case And():
            return {"and": [_object(part, info) for part in condition.parts]}
        case Or():
            return {"or": [_object(part, info) for part in condition.parts]}
        case Not():
            return {"not": _object(condition.part, info)}
        case Filter():
            return _comparison(condition, info)
        case _:
            msg = "JSON has no SQL"
            raise ValueError(msg)


def _comparison(condition: Filter, info: ModelInfo) -> dict[str, Any]:
    name, operator = _name(condition)
    column = column_at(info, condition.field)[1]
    match operator.shape:
        case "many":
            return {name: [json_of_value(column, value) for value in condition.value]}
        case "one":
            return {name: json_of_value(column, condition.value)}
        case _:
            return {name: condition.value}


def _name(condition: Filter) -> tuple[str, Operator]:
    operator = find_operator(condition.operator)
    field = condition.field.replace(".", "__")
    return (field if operator.name == "eq" else f"{field}__{operator.name}"), operator

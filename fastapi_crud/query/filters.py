"""The parameters that choose rows: one per comparison, such as `age__gte`, and `search`."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from typing_extensions import override

from fastapi_crud.columns import ColumnInfo
from fastapi_crud.query.clauses import Filter, FullText, Search
from fastapi_crud.query.limits import Limits
from fastapi_crud.query.literals import (
    CAN_HOLD_A_COMMA,
    flag_of_json,
    schema_of,
    text_within,
    value_of_json,
    value_of_text,
)
from fastapi_crud.query.operators import OPERATORS, Operator
from fastapi_crud.query.parameters import Parameter
from fastapi_crud.values import boolean_from_text


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterParameter(Parameter):
    """A comparison: `age__gte`.

    Args:
        path: The attribute, or the path to it.
        column: What is known of it.
        operator: How it is compared.
        limits: How much may be compared.
    """

    path: str
    column: ColumnInfo
    operator: Operator
    limits: Limits

    @override
    def read(self, texts: Sequence[str]) -> Filter:
        for text in texts:
            text_within(text, self.limits.max_value)
        return self._filter(READERS[self.operator.shape][0](self, texts))

    @override
    def read_json(self, value: Any) -> Filter:
        items: list[Any] = [*value] if isinstance(value, list) else [value]
        for item in items:
            if isinstance(item, str):
                text_within(item, self.limits.max_value)
        return self._filter(READERS[self.operator.shape][1](self, value))

    @override
    def schema(self) -> dict[str, Any]:
        match self.operator.shape:
            case "one":
                return schema_of(self.column)
            case "many":
                items = schema_of(self.column)
                return {
                    "type": "array",
                    "items": items,
                    "minItems": 1,
                    "maxItems": self.limits.max_in,
                }
            case "flag":
                return {"type": "boolean"}
            case _:
                return {"type": "string", "maxLength": self.limits.max_value}

    @override
    def without(self, hidden: Collection[str]) -> Self | None:
        return None if self.path.partition(".")[0] in hidden else self

    def several(self, values: Sequence[Any], read: Callable[[ColumnInfo, Any], Any]) -> Any:  # noqa: ANN401
        """Read one or more values."""
        if not 1 <= len(values) <= self.limits.max_in:
            msg = f"must have 1 to {self.limits.max_in} values"
            raise ValueError(msg)
        return tuple(read(self.column, value) for value in values)

    def _filter(self, value: Any) -> Filter:  # noqa: ANN401 - any value
        known = OPERATORS.get(self.operator.name) is self.operator
        return Filter(self.path, self.operator.name if known else self.operator, value)


def _read_texts(parameter: FilterParameter, texts: Sequence[str]) -> Any:  # noqa: ANN401
    if parameter.column.kind.name in CAN_HOLD_A_COMMA:
        return parameter.several(texts, value_of_text)
    return parameter.several([it for text in texts for it in text.split(",")], value_of_text)


def _read_list(parameter: FilterParameter, value: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(value, list):
        msg = "must be a list"
        raise ValueError(msg)
    items: list[Any] = [*value]
    return parameter.several(items, value_of_json)


Reader = Callable[[FilterParameter, Any], Any]

READERS: dict[str, tuple[Reader, Reader]] = {
    "one": (
        lambda it, texts: value_of_text(it.column, texts[0]),
        lambda it, value: value_of_json(it.column, value),
    ),
    "many": (_read_texts, _read_list),
    "flag": (
        lambda _, texts: boolean_from_text(texts[0]),
        lambda _, value: flag_of_json(value),
    ),
    "text": (
        lambda _, texts: texts[0],
        lambda it, value: text_within(value, it.limits.max_value),
    ),
}
"""Shape of a value → how it is read from a query string, and from JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchParameter(Parameter):
    """Words to find.

    Args:
        fields: Where: paths to text attributes, or a full-text index.
        longest: How many characters it may have.
    """

    fields: tuple[str, ...] | FullText
    longest: int

    @override
    def read_json(self, value: Any) -> Search:
        return Search(text_within(value, self.longest), self.fields)

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.longest}

    @override
    def without(self, hidden: Collection[str]) -> Self | None:
        if not isinstance(self.fields, tuple):
            return None  # what an index holds nobody knows
        fields = tuple(path for path in self.fields if path.partition(".")[0] not in hidden)
        return replace(self, fields=fields) if fields else None

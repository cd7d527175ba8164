"""What OpenAPI says of the questions that the clients of a wire ask."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fastapi_crud.query.clauses import MAX_SKIP
from fastapi_crud.query.filters import FilterParameter
from fastapi_crud.query.parameters import Parameter
from fastapi_crud.query.vocabulary import Vocabulary
from fastapi_crud.router.dialects import Words
from fastapi_crud.router.wire_checks import ID
from fastapi_crud.router.wires import Wire

Schema = dict[str, Any]


def query(wire: Wire, vocabulary: Vocabulary, *, one: bool) -> list[Schema]:
    """Document the query parameters of a list, or of one row.

    Args:
        wire: The wire.
        vocabulary: What the list can be asked.
        one: Whether it is one row that is asked for.
    """
    asked = vocabulary.only("fields", "include", "deleted") if one else vocabulary
    words, same = wire.words(asked), wire.parser(asked).same
    said = [] if one else [*CONTROLS[wire.name](words)]
    if "include" in asked.parameters:
        described = ("Which relationships to show.", asked.parameters["include"].schema())
        flat = wire.dialect.flat
        said.append(_separated("_embed", *described) if flat else _json("embed", *described))
    said += [
        _parameter(name, it.description, it.schema())
        for name, it in asked.parameters.items()
        if name in same
    ]
    return said


def _simple_rest(words: Words) -> list[Schema]:
    properties = {
        name: _or_null(schema) if words.filters[name] in words.nulls else schema
        for name, (_, schema) in _filters(words).items()
    }
    whole = {"type": "object", "properties": properties, "additionalProperties": False}
    window = {
        "type": "array", "prefixItems": [_integer(MAX_SKIP), _integer(MAX_SKIP)],
        "items": False, "minItems": 2,
    }  # fmt: skip
    order = {
        "type": "array", "prefixItems": [_field(words), {"type": "string", "enum": ["ASC", "DESC"]}],
        "items": False, "minItems": 2,
    }  # fmt: skip
    return [
        _json("filter", "Which rows; all of it must hold, and one of the values of a list.", whole),
        _json("range", "The first row, and the last.", window),
        _json("sort", "What to sort by.", order),
    ]


def _json_server(words: Words) -> list[Schema]:
    orders = {"type": "string", "enum": ["ASC", "DESC", "asc", "desc"]}
    return [
        _parameter("_start", "How many rows to pass over.", _integer(MAX_SKIP)),
        _parameter("_end", "The row before which to end.", _integer(MAX_SKIP)),
        _separated("_sort", "What to sort by.", {"type": "array", "items": _field(words)}),
        _separated("_order", "Which way, for each field.", {"type": "array", "items": orders}),
        *(_parameter(name, *described) for name, described in _filters(words).items()),
    ]


CONTROLS: Mapping[str, Callable[[Words], list[Schema]]] = MappingProxyType(
    {"simple-rest": _simple_rest, "json-server": _json_server}
)
"""Wire → what documents how its lists are asked."""


def _filters(words: Words) -> dict[str, tuple[str, Schema]]:
    """Describe each filter once, by the name that clients of the wire would use."""
    found: dict[str, tuple[str, Schema]] = {}
    told: set[str] = set()
    for name in sorted(words.filters, key=lambda it: (it != ID, "__" in it)):
        ours = words.filters[name]
        parameter = words.vocabulary.parameters[ours]
        meaning, documented = ours, parameter.documented
        if isinstance(parameter, FilterParameter):
            meaning = f"{parameter.path} {parameter.operator.name}"
            documented = documented or parameter.operator.name == "eq"
        if documented and not {meaning, ours} & told:
            found[name] = (parameter.description, _schema(words, ours, parameter))
        told |= {meaning, words.several.get(ours, ours), words.nulls.get(ours, ours)}
    return found


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}


def _schema(words: Words, ours: str, parameter: Parameter) -> Schema:
    """Describe the value of a filter: one, or several where that is a filter, too."""
    ways = [parameter.schema()]
    if ours in words.several:
        ways.append(words.vocabulary.parameters[words.several[ours]].schema())
    return {"anyOf": ways} if len(ways) > 1 else ways[0]


def _field(words: Words) -> Schema:
    allowed: Mapping[str, Any] = getattr(words.vocabulary.parameters["sort"], "allowed", {})
    return {"type": "string", "enum": [name for name in allowed if not name.startswith("-")]}


def _integer(maximum: int) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": maximum}


def _parameter(name: str, description: str, schema: Schema) -> Schema:
    return {
        "name": name, "in": "query", "description": description, "schema": schema,
    }  # fmt: skip


def _separated(name: str, description: str, schema: Schema) -> Schema:
    """Describe a parameter that has commas between its values."""
    return {**_parameter(name, description, schema), "style": "form", "explode": False}


def _json(name: str, description: str, schema: Schema) -> Schema:
    """Describe a parameter that is JSON."""
    said = _parameter(name, description, schema)
    del said["schema"]
    return {**said, "content": {"application/json": {"schema": schema}}}

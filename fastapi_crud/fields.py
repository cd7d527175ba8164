"""The fields of derived schemas: what a column looks like in a body, and in an answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, cast
from weakref import WeakSet

from pydantic import (
    MISSING,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    SkipValidation,
    create_model,
)
from pydantic_core import CoreSchema
from typing_extensions import override

from fastapi_crud.annotations import tightened
from fastapi_crud.columns import MISSING_DEFAULT, ColumnInfo
from fastapi_crud.kind import Kind
from fastapi_crud.values import Shown

SHOWN = ("title", "description", "examples", "deprecated")
"""Keys of a column's `info` that describe it, in bodies and answers."""
BOUNDS = ("min_length", "max_length", "pattern", "ge", "gt", "le", "lt", "multiple_of")
"""Keys of a column's `info` that bound it, in bodies only: old rows must stay readable."""


_unread: WeakSet[type[BaseModel]] = WeakSet()
"""Schemas that were made late and have not been used yet."""


def is_unread(schema: type[BaseModel]) -> bool:
    """Tell whether a schema was made late and has not been needed yet."""
    return schema in _unread


class LateSchema(BaseModel):
    """Base of what can be made late: where another schema needs it, it is read only once."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Let pydantic read it first, and keep what it makes of it."""
        if cls in _unread:
            _unread.discard(cls)
            cls.model_rebuild()
        return handler(source)


class InputSchema(LateSchema):
    """Base of the derived body schemas: unknown keys are an error.

    `ignored_fields` are readable but not writable: a client may send back what it read.
    `defaulted_fields` go back to their default where a PUT leaves them out.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", protected_namespaces=())
    ignored_fields: ClassVar[frozenset[str]] = frozenset()
    defaulted_fields: ClassVar[frozenset[str]] = frozenset()


class OutputSchema(LateSchema):
    """Base of the derived answer schemas: filled from the attributes of a row."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True, protected_namespaces=())


class _Lasting(dict[str, Any]):
    """The configuration of a finished schema: subclasses do not inherit that they are finished."""

    @override
    def copy(self) -> dict[str, Any]:
        return {key: value for key, value in self.items() if key != "defer_build"}


SchemaT = TypeVar("SchemaT", bound=BaseModel)


def made_late(name: str, base: type[SchemaT], module: str, fields: dict[str, Any]) -> type[SchemaT]:
    """Make a schema that pydantic reads on first use; its fields must be known to be right.

    Schemas that are made of it are read at once, as others are.
    """
    late: dict[str, Any] = {"defer_build": True}
    schema = create_model(name, __base__=base, __module__=module, __cls_kwargs__=late, **fields)
    schema.model_config = cast("ConfigDict", {**base.model_config})
    _unread.add(schema)
    return schema


def finished(schema: type[SchemaT]) -> type[SchemaT]:
    """Mark the schema of an answer as built: what FastAPI makes from it, it makes on use.

    FastAPI makes an adapter of it for each route, twice, and one of each of its fields for the
    OpenAPI document; most are never used. (Those of bodies are, and warn if they are made late.)
    """
    schema.model_config = cast("ConfigDict", _Lasting(schema.model_config, defer_build=True))
    return schema


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field in the making: its type, its default, and what else `Field` takes."""

    annotation: Any
    default: Any = ...
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


def definition(attribute: str, spec: FieldSpec) -> tuple[str, Any]:
    """Define a field: names that pydantic cannot use for fields become aliases."""
    if not (hasattr(InputSchema, attribute) or attribute.startswith("_")):
        return attribute, (spec.annotation, Field(spec.default, **spec.extra))
    name = f"column_{attribute}"
    return name, (spec.annotation, Field(spec.default, alias=attribute, **spec.extra))


def read_field(column: ColumnInfo) -> FieldSpec:
    """Define a column in an answer."""
    annotation: Any = column.kind.read | None if column.nullable else column.kind.read
    return FieldSpec(annotation, extra=shown(column))


def write_field(column: ColumnInfo, *, optional: bool = False) -> FieldSpec:
    """Define a column in a body."""
    annotation: Any = column.write
    if bounds := {key: column.info[key] for key in BOUNDS if key in column.info}:
        annotation = tightened(annotation, Field(**bounds))
    if column.nullable:
        annotation = annotation | None
    if column.required and not optional:
        return FieldSpec(annotation, extra=shown(column))
    note = _default_note(column)
    return FieldSpec(or_missing(annotation), MISSING, shown(column, note))


def input_fields(
    columns: Iterable[ColumnInfo], key: str, *, optional: bool = False
) -> dict[str, FieldSpec]:
    """Define fields that are no columns: what clients write in place of one that is hidden."""
    fields: dict[str, FieldSpec] = {}
    for column in columns:
        for name, written in column.info.get(key, {}).items():
            annotation: Any = Annotated[written, Shown({"writeOnly": True})]
            left_out = optional or not column.required
            fields[name] = (
                FieldSpec(or_missing(annotation), MISSING) if left_out else FieldSpec(annotation)
            )
    return fields


def ignored_field(column: ColumnInfo) -> FieldSpec:
    """Define a column that a client may send back, and that is not looked at."""
    return FieldSpec(_unchecked(column.kind), MISSING, shown(column))


@cache
def _unchecked(kind: Kind) -> Any:  # noqa: ANN401 - a type form
    unchecked: Any = SkipValidation
    annotation = unchecked[kind.read]
    return or_missing(Annotated[annotation, Shown({"readOnly": True})])


def or_missing(annotation: Any) -> Any:  # noqa: ANN401 - a type form
    """Let a field be absent."""
    return annotation | MISSING


def shown(column: ColumnInfo, note: str | None = None) -> dict[str, Any]:
    """Give what describes a column, and a note of ours."""
    said = {key: column.info[key] for key in SHOWN if key in column.info}
    if note:
        said["description"] = " ".join(filter(None, (said.get("description"), note)))
    return said


def _default_note(column: ColumnInfo) -> str | None:
    default = column.scalar_default
    if default is MISSING_DEFAULT:
        return None
    text: Any = default.value if isinstance(default, Enum) else default
    return f"Default: {str(text).lower() if isinstance(text, bool) else text}."

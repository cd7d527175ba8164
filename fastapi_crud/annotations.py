"""What the annotation of an attribute adds to what its column says."""

import sys
from collections.abc import Hashable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, NewType, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import sqlalchemy as sa
from pydantic import AfterValidator, BeforeValidator, TypeAdapter, WithJsonSchema
from pydantic.fields import FieldInfo
from sqlalchemy.orm import DynamicMapped, Mapped, MappedColumn, WriteOnlyMapped
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeEngine
from typing_extensions import Format, get_annotations

from fastapi_crud.kind import Kind
from fastapi_crud.kinds import kind_of
from fastapi_crud.values import check_json

PYTHON_TYPES: dict[Any, TypeEngine[Any]] = {
    bool: sa.Boolean(),
    int: sa.BigInteger(),
    float: sa.Double(),
    str: sa.Text(),
    bytes: sa.LargeBinary(),
    date: sa.Date(),
    datetime: sa.DateTime(),
    time: sa.Time(),
    timedelta: sa.Interval(),
    Decimal: sa.Numeric(),
    UUID: sa.Uuid(),
}


def kind_of_python(python: Any) -> Kind | None:  # noqa: ANN401 - any annotation
    """Tell how values of a Python type look in JSON, where the column type says something else.

    Args:
        python: The inner type of a `Mapped[...]` annotation.
    """
    column_type = PYTHON_TYPES.get(python)
    return None if column_type is None else kind_of(column_type)


def kind_of_attribute(column_type: Any, annotation: Any) -> Kind:  # noqa: ANN401 - types
    """Join what the column says with what its annotation says; bounds are the column's."""
    kind = kind_of(column_type)
    metadata: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *extra = get_args(annotation)
        metadata = tuple(item for item in extra if not isinstance(item, SchemaItem | MappedColumn))
    bare = kind.write
    if annotation in (None, Any, kind.python) or kind.name == "enum":
        write = kind.write
    elif (other := kind_of_python(annotation)) is not None:
        kind, write, bare = other, other.write, other.write
    elif kind.name != "json" and getattr(annotation, "__module__", "").startswith("pydantic"):
        write = Annotated[kind.write, *_as_metadata(kind, annotation)]
    else:
        kind = Kind(kind.name, annotation, annotation, _checked(kind, annotation), kind.from_text)
        write = bare = kind.write
    tight = tightened(write, *metadata)
    if tight is bare is kind.write:
        return kind
    return Kind(kind.name, kind.python, kind.read, tight, kind.from_text, bare)


def tightened(annotation: Any, *bounds: Any) -> Any:  # noqa: ANN401 - a type form
    """Add bounds to a type before its checks, so that pydantic speaks of text and numbers.

    Args:
        annotation: A type, with bounds and checks of its own.
        *bounds: What `Annotated` takes.
    """
    if not bounds:
        return annotation
    base, *own = get_args(Annotated[annotation, *bounds])
    del own[-len(bounds) :]
    first = next((i for i, item in enumerate(own) if not isinstance(item, FieldInfo)), len(own))
    return Annotated[base, *own[:first], *bounds, *own[first:]]


def _as_metadata(kind: Kind, annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type form
    """Apply a type of pydantic's, such as `EmailStr`, on top of the column's own bounds."""
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def check(value: Any) -> Any:  # noqa: ANN401 - as the column has it
        checked = adapter.validate_python(value)
        if hasattr(checked, "get_secret_value"):  # whose str() is only asterisks
            return checked.get_secret_value()
        return str(checked) if kind.python is str else checked

    return AfterValidator(check), WithJsonSchema(adapter.json_schema())


def _checked(kind: Kind, annotation: Any) -> Any:  # noqa: ANN401 - a type form
    if kind.name != "json":
        return annotation
    return Annotated[annotation, BeforeValidator(check_json)]


def annotation_of(model: type[Any], name: str) -> Any:  # noqa: ANN401 - a type form
    """Read one attribute's annotation, without `Mapped` and `None`.

    One attribute at a time: a relationship whose class exists for type checkers only must not
    take the other attributes with it.
    """
    for cls in model.__mro__:
        raw = get_annotations(cls, format=Format.FORWARDREF).get(name)
        if raw is not None:
            return _with_constraints(model, name, _unwrap(_resolve(cls, raw)))
    return None


def kind_of_hybrid(model: type[Any], hybrid: Any) -> Kind:  # noqa: ANN401 - a hybrid property
    """Tell how the values of a hybrid property look in JSON, by what its getter returns."""
    declared = get_annotations(hybrid.fget, format=Format.FORWARDREF).get("return")
    python = (None if declared is None else _unwrap(_resolve(model, declared))) or Any
    return kind_of_python(python) or Kind("other", python, python, python)


def _with_constraints(model: type[Any], name: str, annotation: Any) -> Any:  # noqa: ANN401
    """Keep what an SQLModel field says of its values, such as `ge=0`."""
    declared: Any = getattr(model, "model_fields", None)
    fields = cast("dict[str, Any]", declared if isinstance(declared, dict) else {})
    metadata = fields[name].metadata if name in fields else ()
    constraints = tuple(item for item in metadata if isinstance(item, Hashable))
    return Annotated[annotation, *constraints] if constraints else annotation


def _resolve(cls: type[Any], raw: Any) -> Any:  # noqa: ANN401 - a type form
    module = sys.modules.get(cls.__module__)
    holder = SimpleNamespace(__annotations__={"it": raw})
    try:
        return get_type_hints(
            holder, vars(module) if module else {}, dict(vars(cls)), include_extras=True
        )["it"]
    except (NameError, TypeError, AttributeError):
        return None


def _unwrap(annotation: Any) -> Any:  # noqa: ANN401 - a type form
    origin = get_origin(annotation)
    if origin in {Mapped, DynamicMapped, WriteOnlyMapped}:
        return _unwrap(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        inner = [arg for arg in get_args(annotation) if arg is not NoneType]
        return inner[0] if len(inner) == 1 else Union[tuple(inner)]  # noqa: UP007 - at run time
    if isinstance(annotation, NewType):
        return _unwrap(annotation.__supertype__)
    if origin is Annotated:
        inner_type, *metadata = get_args(annotation)
        return Annotated[_unwrap(inner_type), *metadata]
    return annotation

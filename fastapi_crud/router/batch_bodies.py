"""The bodies of requests and answers about several rows."""

from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from fastapi_crud.router.resource import Resource
from fastapi_crud.schemas import OutputSchema, key_fields


class Strict(BaseModel):
    """Base of the bodies: unknown keys are an error."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


def items_answer(resource: Resource) -> type[BaseModel]:
    """Give the schema of several rows in an answer: one class, whichever endpoint asks."""
    return _items(f"{resource.names.schema}Items", resource.shown)


@cache
def _items(name: str, shown: Any) -> type[BaseModel]:  # noqa: ANN401 - a class
    described = Field(description="The rows, in the order of the request.")
    module: str = shown.__module__
    rows: Any = list[shown]  # pyright: ignore[reportInvalidTypeForm]
    return create_model(name, __base__=OutputSchema, __module__=module, items=(rows, described))


def create_body(resource: Resource) -> type[BaseModel]:
    """Make the body of `:batchCreate`."""
    items = _several(resource, resource.schemas.create, "The new rows.")
    return _make(resource, "BatchCreate", Strict, items=items)


def update_body(resource: Resource) -> type[BaseModel]:
    """Make the body of `:batchUpdate`: like that of PATCH, with the key of the row."""
    base, keys = resource.schemas.update, key_fields(resource.info)
    item = _make(resource, "BatchUpdateItem", base, **keys)
    items = _several(resource, item, "The keys of the rows, and what changes.")
    return _make(resource, "BatchUpdate", Strict, items=items)


def delete_body(resource: Resource) -> type[BaseModel]:
    """Make the body of `:batchDelete`."""
    keys = key_fields(resource.info)
    composite = len(keys) > 1
    one = _make(resource, "Key", Strict, **keys) if composite else resource.info.key[0].write
    return _make(resource, "BatchDelete", Strict, ids=_several(resource, one, "Primary keys."))


def upsert_body(resource: Resource) -> type[BaseModel]:
    """Make the body of `:upsert`."""
    targets = resource.upsert_targets
    names = [*dict.fromkeys(name for key in targets for name in key)]
    one: Any = Literal[tuple(names)]
    on_conflict: Any = Field(
        [*targets[0]] if len(targets) == 1 else ...,
        min_length=1,
        max_length=len(names),
        description="The columns of a unique key, which decide whether a row is there.",
    )
    mode: Any = Field(
        "merge",
        description="`merge` sets the values that are given, `ignore` leaves rows as they are.",
    )
    return _make(
        resource,
        "Upsert",
        Strict,
        items=_several(resource, resource.upsert_item, "The rows."),
        on_conflict=(list[one], on_conflict),
        mode=(Literal["merge", "ignore"], mode),
    )


def _several(resource: Resource, one: Any, description: str) -> Any:  # noqa: ANN401 - type forms
    most = resource.options.limits.max_batch
    described = Field(min_length=1, max_length=most, description=description)
    return Annotated[list[one], described], ...


def _make(
    resource: Resource,
    name: str,
    base: type[BaseModel],
    /,
    **fields: Any,  # noqa: ANN401
) -> type[BaseModel]:
    full_name = f"{resource.names.schema}{name}"
    return create_model(full_name, __base__=base, __module__=resource.shown.__module__, **fields)

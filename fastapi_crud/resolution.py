"""What a model and a router say about a resource, joined."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.operations import OPERATIONS, Operation
from fastapi_crud.options import CrudOptions, as_list

LISTS = (
    "filters", "sort", "search", "include", "operations", "count", "allow_params", "nested", "links",
)  # fmt: skip
"""Options that are lists; a text would be taken for a list of its letters."""


def resolve_options(model: type[Any], given: Mapping[str, Any]) -> CrudOptions:
    """Join the model's `__crud__` with the arguments of the factory, which win.

    Raises:
        ConfigurationError: If there is no such option, or no such operation.
    """
    base = getattr(model, "__crud__", None) or CrudOptions()
    base = base() if callable(base) else base
    if not isinstance(base, CrudOptions):
        msg = f"{model.__name__}.__crud__ must be a CrudOptions, or a classmethod that gives one"
        raise ConfigurationError(msg)
    known = {option.name for option in fields(CrudOptions)}
    if unknown := sorted(given.keys() - known):
        msg = f"unknown options {unknown}; there are {', '.join(sorted(known))}"
        raise ConfigurationError(msg)
    options = replace(base, **given)
    _check_lists(options)
    if base.scope is not None and "scope" in given:
        options = replace(options, scope=(*as_list(base.scope), *as_list(given["scope"])))
    listed: set[str] = {*options.operations}
    for by_operation in (base.dependencies, options.dependencies, *as_list(options.scope)):
        if isinstance(by_operation, Mapping):
            listed |= by_operation.keys()
    if wrong := sorted(listed - {*OPERATIONS}):
        msg = f"unknown operations {wrong}; there are {', '.join(OPERATIONS)}"
        raise ConfigurationError(msg)
    if base.dependencies and "dependencies" in given:
        options = replace(options, dependencies=_joined(base, options))
    return options


def _joined(base: CrudOptions, options: CrudOptions) -> dict[Operation, Sequence[Any]]:
    """Join the dependencies of a model with those of a router: it may narrow, never widen."""
    said = (base.dependencies, options.dependencies)
    by_operation = [each for each in said if isinstance(each, Mapping)]
    forgotten = by_operation and not any("purge" in each for each in by_operation)
    return {
        operation: [*base.dependencies_of(operation), *options.dependencies_of(operation)]
        for operation in OPERATIONS
        if not (forgotten and operation == "purge")
    }


def _check_lists(options: CrudOptions) -> None:
    for name in LISTS:
        if isinstance(value := getattr(options, name), str):
            msg = f"{name}={value!r} is one text: give a list, such as {name}=[{value!r}]"
            raise ConfigurationError(msg)

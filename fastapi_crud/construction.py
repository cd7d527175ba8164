"""How to make an instance of a mapped class: not every `__init__` takes every attribute."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MISSING_DEFAULT = object()
"""Stands for: there is no default."""


@dataclass(frozen=True)
class Constructor:
    """How to make an instance: dataclass-mapped classes do not take every attribute.

    Args:
        model: The class.
        accepts: The parameters of `__init__`; None if it takes any attribute.
        requires: Those without a default.
    """

    model: type[Any]
    accepts: frozenset[str] | None
    requires: frozenset[str]

    def __call__(self, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an instance of `model`
        """Make an instance with these attributes."""
        if self.accepts is None:
            return self.model(**values)
        row = self.model(**{name: v for name, v in values.items() if name in self.accepts})
        for name, value in values.items():
            if name not in self.accepts:
                setattr(row, name, value)
        return row


def constructor_of(model: type[Any]) -> Constructor:
    """Read the `__init__` of a mapped class."""
    parameters = list(inspect.signature(model.__init__).parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return Constructor(model, None, frozenset())
    named = [p for p in parameters if p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD}]
    required = frozenset(p.name for p in named if p.default is p.empty)
    return Constructor(model, frozenset(p.name for p in named), required)


def default_of(default: Any) -> Any:  # noqa: ANN401 - any kind of default
    """Evaluate a default as an INSERT would; one that needs the statement around it cannot be."""
    if default.is_sequence:
        return default.next_value()
    if not default.is_callable:
        return default.arg
    return call_default(default.arg)


def call_default(function: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - any value or SQL
    """Call what makes a default, without a statement around it.

    Returns:
        `MISSING_DEFAULT` where it looks at that.
    """
    try:
        return function(None)
    except (AttributeError, TypeError):
        return MISSING_DEFAULT


def needs_statement(default: Any) -> bool:  # noqa: ANN401 - any kind of default, or None
    """Tell whether a default looks at the statement around it: at the other values of a row."""
    if default is None or not default.is_callable:
        return False
    try:
        taken = inspect.signature(default.arg).parameters.values()  # of what SQLAlchemy has wrapped
    except ValueError:
        return False
    return any(parameter.default is parameter.empty for parameter in taken)

"""Rows that belong to somebody: a scope that also says whose new rows are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from fastapi_crud.query.clauses import Filter, Or, Where

OWNING = "crud_owning"
"""Where a dependency keeps which column it owns."""
DependencyT = TypeVar("DependencyT", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Owner:
    """What a scope may return: only rows with this value exist, and new rows get it.

    Args:
        column: The attribute that says whose a row is.
        value: Who is asking; nobody's rows exist for None.
        everything: Whether rows of others exist as well; new ones still get the value.
    """

    column: str
    value: Any
    everything: bool = False

    def of_anybody(self) -> "Owner":
        """Give the same owner, for whom the rows of others exist as well."""
        return replace(self, everything=True)

    @property
    def conditions(self) -> list[Where]:
        """Which rows exist."""
        if self.everything:
            return []
        return [Or()] if self.value is None else [Filter(self.column, "eq", self.value)]

    @property
    def values(self) -> Mapping[str, Any]:
        """What new rows get."""
        return {} if self.value is None else {self.column: self.value}


def owning(column: str) -> Callable[[DependencyT], DependencyT]:
    """Mark a scope that returns an `Owner`: clients cannot write its column.

    Args:
        column: The attribute that says whose a row is.
    """

    def mark(dependency: DependencyT) -> DependencyT:
        setattr(dependency, OWNING, column)
        return dependency

    return mark


def owned_by(dependency: object) -> str | None:
    """Tell which column a scope owns; it may be wrapped in `Depends`."""
    inner: object = getattr(dependency, "dependency", dependency)
    return cast("str | None", getattr(inner, OWNING, None))

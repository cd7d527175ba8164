"""What one caller may see and write: the answers of the developer's dependencies, put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from fastapi_crud.access import Rights
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.operations import CREATING, FILLING, READING, Operation
from fastapi_crud.options import CrudOptions, Dependency
from fastapi_crud.owners import Owner
from fastapi_crud.query.clauses import And, Or, Where
from fastapi_crud.query.loading import View


@dataclass(frozen=True)
class Sight:
    """What one caller may see and write.

    Args:
        view: Which rows.
        rights: Which columns.
        actor: Who it is, as far as the developer's dependency tells.
        sees_deleted: Whether deleted rows may be asked for.
    """

    view: View
    rights: Rights = Rights()
    actor: Any = None
    sees_deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Knows what to ask of each request, and what the answers mean.

    Args:
        model: The model.
        options: What the developer said.
        view: What every caller sees.
        related: Related models with a scope → the scopes.
    """

    model: type[Any]
    options: CrudOptions
    view: View
    related: Mapping[type[Any], Sequence[Dependency]] = field(
        default_factory=dict[type[Any], Sequence[Dependency]]
    )

    def dependencies(self, operation: Operation) -> dict[str, Dependency]:
        """Give what an endpoint depends on: parameter → dependency."""
        reading = operation if operation in READING else "get"
        readable = self.options.scopes_of(reading)
        asked: dict[str, Dependency] = {}
        if operation in CREATING or operation in {"upsert", "replace"}:
            owners = [it for several in self.options.owned.values() for it in several]
            asked |= {f"owner_{i}": it for i, it in enumerate(owners)}
        asked |= {f"read_{i}": it for i, it in enumerate(readable)}
        if operation not in READING:
            writable = self.options.scopes_of(operation)
            if operation not in CREATING:
                writable = [*readable, *(it for it in writable if it not in readable)]
            asked |= {f"write_{i}": it for i, it in enumerate(writable)}
        for i, scopes in enumerate(self.related.values()):
            asked |= {f"related_{i}_{j}": it for j, it in enumerate(scopes)}
        asked |= {f"may_read_{name}": it for name, it in self.options.readable_by.items()}
        if operation in FILLING:
            asked |= {f"may_write_{name}": it for name, it in self.options.writable_by.items()}
        if operation in READING and not isinstance(self.options.show_deleted, bool):
            asked["sees_deleted"] = self.options.show_deleted
        return asked | ({"actor": self.options.actor} if self.options.actor else {})

    def sight(self, given: Mapping[str, Any]) -> Sight:
        """Tell what a caller may see and write.

        Args:
            given: What the dependencies answered, by parameter.

        Raises:
            ConfigurationError: If a scope is nothing that could be a condition.
        """
        if self.same_for_all is not None:
            return self.same_for_all

        def told(prefix: str) -> list[Where]:
            values = (value for name, value in given.items() if name.startswith(prefix))
            return [condition for value in values for condition in conditions_of(value)]

        scopes = {model: told(f"related_{i}_") for i, model in enumerate(self.related)}
        if own := told("read_"):
            scopes[self.model] = [*own, *scopes.get(self.model, ())]
        view = replace(self.view, scopes=scopes, write_scope=told("write_"))
        own_scopes = {n: it for n, it in given.items() if not n.startswith("related_")}
        owners = [it for it in own_scopes.values() if isinstance(it, Owner)]
        rights = Rights(
            hidden=_denied(given, "read"),
            read_only=_denied(given, "write"),
            fixed={name: value for owner in owners for name, value in owner.values.items()},
        )
        sees = given.get("sees_deleted", self.options.show_deleted is True)
        return Sight(view, rights, given.get("actor"), bool(sees))

    @cached_property
    def same_for_all(self) -> Sight | None:
        """What every caller may see and write, where nobody need be asked."""
        said = self.options
        asks = said.scope is not None or said.readable_by or said.writable_by or self.related
        if asks or said.actor or not isinstance(said.show_deleted, bool):
            return None
        return Sight(self.view, sees_deleted=said.show_deleted)


def conditions_of(value: Any) -> list[Where]:  # noqa: ANN401 - what a scope gave
    """Read what a scope gave: a condition, several, or True or False for all rows or none.

    Raises:
        ConfigurationError: If it gave nothing, which is more likely forgotten than meant.
    """
    if value is True:
        return []
    if isinstance(value, Owner):
        return value.conditions
    if value is False:
        return [Or()]
    if value is None or isinstance(value, str):
        msg = f"a scope gave {value!r}: return a condition, a list of them, or True for all rows"
        raise ConfigurationError(msg)
    return [*cast("Sequence[Where]", value)] if isinstance(value, list | tuple) else [And(value)]


def _denied(given: Mapping[str, Any], what: str) -> frozenset[str]:
    prefix = f"may_{what}_"
    return frozenset(
        name.removeprefix(prefix)
        for name, allowed in given.items()
        if name.startswith(prefix) and not allowed
    )

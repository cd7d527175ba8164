"""The operations of a resource, and which is like which: none is a way around another."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeVar, get_args

Operation = Literal[
    "list", "create", "get", "update", "replace", "delete", "search", "restore", "purge",
    "batch_create", "batch_update", "batch_delete", "upsert", "import",
]  # fmt: skip
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
DEFAULT_OPERATIONS: tuple[Operation, ...] = (
    "list", "create", "get", "update", "replace", "delete",
)  # fmt: skip

Lookups = tuple[tuple[Operation, ...], ...]
"""For each tuple, the first operation that is listed counts."""

SCOPED_LIKE: Mapping[Operation, Lookups] = MappingProxyType(
    {
        "list": (("list", "get", "search"),),
        "get": (("get", "list", "search"),),
        "search": (("search", "list", "get"),),
        "create": (("create",),),
        "update": (("update", "replace"),),
        "replace": (("replace", "update"),),
        "delete": (("delete", "update", "replace"),),
        "restore": (("restore", "delete", "update", "replace"),),
        "purge": (("purge", "delete", "update", "replace"),),
        "batch_create": (("batch_create", "create"),),
        "import": (("import", "batch_create", "create"),),
        "batch_update": (("batch_update", "update", "replace"),),
        "batch_delete": (("batch_delete", "delete", "update", "replace"),),
        "upsert": (("upsert", "create"), ("upsert", "update", "replace")),
    }
)
"""Operation → where its scope is looked up."""

GUARDED_LIKE: Mapping[Operation, Lookups] = MappingProxyType(
    {
        "search": (("search", "list"),),
        "restore": (("restore", "delete"),),
        "batch_create": (("batch_create", "create"),),
        "import": (("import", "batch_create", "create"),),
        "batch_update": (("batch_update", "update"),),
        "batch_delete": (("batch_delete", "delete"),),
        "upsert": (("upsert", "create"), ("upsert", "update")),
    }
)
"""Operation → where its dependencies are looked up, unless under its own name alone."""

READING: frozenset[Operation] = frozenset({"list", "get", "search"})
CREATING: frozenset[Operation] = frozenset({"create", "batch_create", "import"})
"""What makes new rows only: those need not be readable to whoever may make them."""
REMOVING: frozenset[Operation] = frozenset({"delete", "purge", "batch_delete"})
"""What answers with nothing."""
FILLING: frozenset[Operation] = frozenset(
    {"create", "update", "replace", "batch_create", "batch_update", "upsert", "import"}
)
"""What sets columns that clients send."""

ValueT = TypeVar("ValueT")


def like(listed: Mapping[Operation, ValueT], lookups: Lookups) -> list[ValueT]:
    """Find what is listed for an operation, or for its like; nothing twice."""
    found: dict[Operation, ValueT] = {}
    for names in lookups:
        for name in names:
            value = listed.get(name)
            if value is not None:
                found[name] = value
                break
    return [*found.values()]

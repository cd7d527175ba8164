"""What a service can be told about: before and after each change, inside the transaction."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Generic

from fastapi_crud.access import Rights
from fastapi_crud.announcing import Announced
from fastapi_crud.database import Callback, after_commit
from fastapi_crud.models import ForModel, ModelT

OVERRIDES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "list": ("get_page", "get_multi", "get_cursor_page"),
        "export": ("partitions",),
        "search": ("get_page", "get_multi", "get_cursor_page"),
        "get": ("get",),
        "create": ("create", "prepare", "before_create", "after_create"),
        "update": ("update", "prepare", "before_update", "after_update"),
        "replace": ("replace", "prepare", "before_update", "after_update"),
        "delete": ("delete", "before_delete", "after_delete"),
        "restore": ("restore", "before_restore", "after_restore"),
        "purge": ("purge", "before_delete", "after_delete"),
        "batch_create": ("batch_create", "create", "prepare", "before_create", "after_create"),
        "import": ("batch_create", "create", "prepare", "before_create", "after_create"),
        "batch_update": ("batch_update", "update", "prepare", "before_update", "after_update"),
        "batch_delete": ("batch_delete", "delete", "before_delete", "after_delete"),
        "upsert": ("upsert", "prepare", "before_upsert", "after_upsert"),
    }
)
"""Operation → the methods that a subclass can put rules into."""
PLAIN_ROOMS = frozenset({"fastapi_crud.hooks", "fastapi_crud.row_service", "fastapi_crud.service"})
"""Where methods are that have no rules of a subclass."""
BEFORE = frozenset({"prepare", "before_create", "before_update", "before_delete"})
"""The methods that see what is written, and no row."""
MAKING = frozenset({"__init__", "__new__", "__getattribute__", "__getattr__"})
"""What of a class's inner workings can change all that its instances do."""


class Hooks(ForModel, Generic[ModelT]):
    """The hooks of `Service`. Raise in one to refuse: everything is rolled back."""

    model: type[ModelT]
    rights: Rights = Rights()
    """What this caller may not see or write; set by the router."""
    actor: Any = None
    """Who is calling; set by the router, from its `actor=`."""

    announced: Announced = MappingProxyType({})
    """Who is told of changes; set by the router, from its `on_created=` and the like."""

    @classmethod
    @cache
    def overrides(cls, operation: str) -> frozenset[str]:
        """Tell which methods a subclass has put rules into for an operation."""
        return frozenset(
            name for name in OVERRIDES[operation] if _owner(cls, name) not in PLAIN_ROOMS
        )

    @classmethod
    def is_plain(cls, operation: str) -> bool:
        """Tell whether a subclass changes nothing of what an operation does."""
        return not cls._changed(operation)

    @classmethod
    def only_prepares(cls, operation: str) -> bool:
        """Tell whether a subclass changes nothing but what comes before an operation."""
        return cls._changed(operation) <= BEFORE

    @classmethod
    def _changed(cls, operation: str) -> frozenset[str]:
        ours = [
            base for base in cls.__mro__ if base.__module__ in {*PLAIN_ROOMS, ForModel.__module__}
        ]
        own = {name for base in cls.__mro__ if base not in (*ours, object) for name in vars(base)}
        known = {name for base in ours for name in vars(base)} | MAKING
        changed = {it for it in own & known if not it.startswith("__") or it in MAKING}
        elsewhere = {it for names in OVERRIDES.values() for it in names} - {*OVERRIDES[operation]}
        return frozenset(changed - elsewhere)

    @classmethod
    def defines(cls, name: str) -> bool:
        """Tell whether the developer has a method of this name, not just the library."""
        return not _owner(cls, name).startswith("fastapi_crud.")

    async def prepare(self, values: dict[str, Any], id: Any = None) -> None:  # noqa: A002, ANN401
        """Turn what clients write into columns, such as a password into its hash.

        Called before the hooks, whichever way rows are written. Override it for columns with
        `info={"inputs": {"password": str}}`, or for fields of your schemas that are no columns.

        Args:
            values: Value by name; change it in place.
            id: The primary key of the row that is changed; None for one that is new.
        """

    async def before_create(self, values: dict[str, Any]) -> None:
        """Hook: change the values of a new row, or raise to refuse it.

        Args:
            values: Value by attribute name; change it in place.
        """

    async def after_create(self, row: ModelT) -> None:
        """Hook: a row was stored, but is not committed yet.

        Args:
            row: The row as it is now.
        """

    async def before_update(self, id: Any, values: dict[str, Any]) -> None:  # noqa: A002, ANN401
        """Hook: change the values of a PATCH or PUT, or raise to refuse it.

        Ask `get_for_update(id)` for the row as it was: it stays so until it is written.

        Args:
            id: The primary key of the row.
            values: New value by attribute name; change it in place.
        """

    async def after_update(self, row: ModelT, values: Mapping[str, Any]) -> None:
        """Hook: a row was changed, but is not committed yet.

        Args:
            row: The row as it is now.
            values: What was written.
        """

    async def before_delete(self, id: Any) -> None:  # noqa: A002, ANN401 - any key
        """Hook: raise to refuse the deletion.

        Args:
            id: The primary key of the row.
        """

    async def after_delete(self, id: Any) -> None:  # noqa: A002, ANN401 - any key
        """Hook: a row was deleted, but that is not committed yet.

        Args:
            id: The primary key that the row had.
        """

    async def before_restore(self, id: Any) -> None:  # noqa: A002, ANN401 - any key
        """Hook: raise to refuse that a deletion is undone.

        Args:
            id: The primary key of the row.
        """

    async def after_restore(self, row: ModelT) -> None:
        """Hook: the deletion of a row was undone, but that is not committed yet.

        Args:
            row: The row as it is now.
        """

    async def before_upsert(self, values: dict[str, Any]) -> None:
        """Hook: change the values of a row that is stored or changed, or raise to refuse it.

        Args:
            values: Value by attribute name; change it in place.
        """

    async def after_upsert(self, row: ModelT, values: Mapping[str, Any]) -> None:
        """Hook: a row was stored or changed, or was there and left alone; not committed yet.

        Args:
            row: The row as it is now.
            values: What was given.
        """

    def after_commit(self, callback: Callback) -> None:
        """Run a callback once the transaction has committed; not at all if it rolls back.

        Args:
            callback: A function or coroutine function without arguments.
        """
        after_commit(self.session, callback)


def _owner(cls: type[Any], name: str) -> str:
    return next(base.__module__ for base in cls.__mro__ if name in vars(base))

"""The ways to serve users, in the order in which they are shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, get_args

from starlette.applications import Starlette

Operation = Literal["list", "get", "create", "patch"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)

BACKENDS = ("sqlite", "postgresql")

CLASSIC, FASTCRUD, ALCHEMY = "by_hand", "fastcrud", "advanced_alchemy"
LIMIT, CHECKED = "bare", "bare_checked"
"""What the others are compared with."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A way to serve users.

    Args:
        name: What it is called.
        factory: The module of `apps` and the function in it that makes the app of a URL.
        package: What must be installed for it.
        list_path: A page of 100 with the total.
        items: Where the rows of that page stand in its answer.
        total: Where their number stands.
        creation: What a new user's body says beside name and address.
        returns_changed: Whether PATCH answers with the row.
    """

    name: str
    factory: str
    package: str | None = None
    list_path: str = "/users?limit=100"
    items: str = "items"
    total: str = "total"
    creation: Mapping[str, str] = field(default_factory=dict[str, str])
    returns_changed: bool = True

    @property
    def missing(self) -> bool:
        """Whether its package is not installed."""
        return self.package is not None and find_spec(self.package) is None

    def make_app(self, url: str) -> Starlette:
        """Make its app, for a database."""
        module, _, name = self.factory.partition(":")
        factory: Callable[[str], Starlette] = getattr(
            import_module(f"tests.benchmarks.speed.apps.{module}"), name
        )
        return factory(url)


PASSWORD = "password123"
VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant(name=CLASSIC, factory="by_hand:make_app", creation={"password": PASSWORD}),
        Variant(
            name="by_hand_str", factory="by_hand:make_plain_app", creation={"password": PASSWORD}
        ),
        Variant(
            name=FASTCRUD,
            factory="by_fastcrud:make_app",
            package="fastcrud",
            list_path="/users?page=1&itemsPerPage=100",
            items="data",
            total="total_count",
            creation={"hashed_password": PASSWORD},
            returns_changed=False,
        ),
        Variant(
            name=ALCHEMY,
            factory="by_advanced_alchemy:make_app",
            package="advanced_alchemy",
            creation={"password": PASSWORD},
        ),
        Variant(name=LIMIT, factory="bare:make_app", creation={"password": PASSWORD}),
        Variant(name=CHECKED, factory="bare:make_checked_app", creation={"password": PASSWORD}),
        Variant(name="ours", factory="ours:make_app"),
        Variant(name="ours_str", factory="ours:make_plain_app"),
        Variant(name="ours_dependency", factory="ours:make_guarded_app"),
        Variant(name="ours_hook", factory="ours:make_ruled_app"),
    )
}

"""Misuse of what writes, told while the router is built."""

from collections.abc import Callable, Mapping

from fastapi_crud.router.resource import Resource


def _purge(resource: Resource) -> str | None:
    """Whoever guards operations one by one must not forget the one that cannot be undone."""
    guards = resource.options.dependencies
    if "purge" not in resource.options.operations or not isinstance(guards, Mapping):
        return None
    return None if "purge" in guards else "list purge in dependencies=: it deletes for good"


def _put_creates(resource: Resource) -> str | None:
    """A PUT that creates takes the key from the path, and goes past `create` of a service."""
    if not resource.options.upsert or "replace" not in resource.options.operations:
        return None
    if not resource.options.client_ids and any(
        column.autoincrement or column.has_default for column in resource.info.key
    ):
        return "upsert=True lets clients choose keys that are generated: add client_ids=True"
    return _bypassed(resource, {"create"}, "create_under", "upsert=True")


def _upsert(resource: Resource) -> str | None:
    """Native upserts need a unique key that clients name, and rules of their own."""
    if "upsert" not in resource.options.operations:
        return None
    if not resource.upsert_targets:
        return (
            "upsert has no unique key to go by: give the model one whose columns clients may set, "
            "or leave upsert out of operations= (models that listen to changes, or span tables, "
            "have none)"
        )
    rules = {"create", "before_create", "after_create", "update", "before_update", "after_update"}
    if resource.service.defines("upsert"):
        return None
    return _bypassed(resource, rules, "before_upsert", "upsert")


def _announced(resource: Resource) -> str | None:
    """The database does not tell whether an upserted row is new."""
    said = resource.options
    if "upsert" not in said.operations or not {"created", "updated"} & said.announced.keys():
        return None
    if resource.service.defines("after_upsert"):
        return None
    return (
        "upsert tells nobody of new and changed rows, as on_created= and on_updated= ask: "
        "leave upsert out of operations=, or tell in after_upsert of your service="
    )


def _bypassed(resource: Resource, rules: set[str], instead: str, cause: str) -> str | None:
    service = resource.service
    bypassed = [name for name in sorted(rules) if service.defines(name)]
    if not bypassed or service.defines(instead):
        return None
    names = ", ".join(bypassed)
    return f"{cause} goes past {names} of {service.__name__}: override {instead} as well"


def _preconditions(resource: Resource) -> str | None:
    """What demands the state of each row must be able to say it."""
    if not resource.options.require_if_match:
        return None
    silent = {"batch_delete", "upsert", *(() if resource.version else ("batch_update",))}
    if not (around := sorted(silent & {*resource.options.operations})):
        return None
    return (
        f"{', '.join(around)} cannot say which state of a row is meant, as require_if_match=True "
        "demands: leave it out of operations= (batch_update can with a readable version column)"
    )


WRITE_CHECKS: tuple[Callable[[Resource], str | None], ...] = (
    _purge,
    _put_creates,
    _upsert,
    _announced,
    _preconditions,
)
"""Each tells what is wrong, or None. ADD A CHECK OF WRITING HERE."""

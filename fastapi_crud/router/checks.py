"""Misuse that is better told while the router is built than with the first request."""

from collections.abc import Callable, Iterator
from types import NoneType
from typing import get_args

from fastapi_crud.columns import ColumnInfo
from fastapi_crud.deletion import deletion_of
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.clauses import CountMode
from fastapi_crud.query.loading import attribute_of, attributes_of
from fastapi_crud.query.parameters import NamesParameter
from fastapi_crud.query.paths import hop
from fastapi_crud.query.vocabulary import Pagination
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.write_checks import WRITE_CHECKS
from fastapi_crud.schemas import InputSchema
from fastapi_crud.uniqueness import unique_key


def check_resource(resource: Resource) -> None:
    """Refuse a resource that could not work.

    Raises:
        ConfigurationError: The message names the fix.
    """
    for check in CHECKS:
        if problem := check(resource):
            raise ConfigurationError(f"{resource.info.name}: {problem}")


def check_upserts(resource: Resource, dialect: str) -> None:
    """Refuse upserts that a database could not decide by the key that a client names.

    Args:
        resource: What they are of; its own database goes before that of the app.
        dialect: The name of the app's database.

    Raises:
        ConfigurationError: The message names the fix.
    """
    own = resource.options.database
    for names in resource.upsert_targets:
        unique_key(resource.info, names, own.engine.dialect.name if own else dialect)


def _service_model(resource: Resource) -> str | None:
    model = getattr(resource.service, "model", None)
    if isinstance(model, type) and issubclass(resource.info.model, model):
        return None
    return (
        f"{resource.service.__name__} is not for this model: subclass Service[{resource.info.name}]"
    )


def _abstract(resource: Resource) -> str | None:
    if "create" not in resource.options.operations or not resource.info.mapper.polymorphic_abstract:
        return None
    return "it is polymorphic_abstract: make routers for its subclasses, or leave create out of operations="


def _required_columns(resource: Resource) -> str | None:
    """A row that the derived schema lets in must be complete."""
    if not _creates_by_derived_schema(resource):
        return None
    written = {*resource.schemas.create.model_fields, *resource.options.owned}
    aliases = {spec.alias for spec in resource.schemas.create.model_fields.values()}
    missing = [
        column for name, column in resource.info.columns.items()
        if column.required and name not in written | aliases
    ]  # fmt: skip
    if not missing:
        return None
    return (
        f"{_names(missing)} must be set but clients may not set it: give it a default, "
        "mark it info={'hidden': False, 'read_only': False}, set it in before_create of your "
        "service=, or give a create_schema="
    )


def _constructor(resource: Resource) -> str | None:
    """The class must accept what the derived schema lets in."""
    if not _creates_by_derived_schema(resource):
        return None
    fields = resource.schemas.create.model_fields
    missing = sorted(
        name for name in resource.info.constructor.requires
        if name not in fields or not fields[name].is_required()
    )  # fmt: skip
    if not missing:
        return None
    return (
        f"its __init__ requires {', '.join(missing)}, which clients may leave out: "
        "give it a default or init=False"
    )


def _create_fields(resource: Resource) -> str | None:
    if resource.service.overrides("create"):
        return None
    return _foreign_fields(resource, "create", "before_create")


def _update_fields(resource: Resource) -> str | None:
    if resource.service.overrides("update"):
        return None
    return _foreign_fields(resource, "update", "before_update")


def _foreign_fields(resource: Resource, schema: str, hook: str) -> str | None:
    """What is no column must be turned into one by somebody."""
    if schema not in resource.options.operations:
        return None
    kind = getattr(resource.schemas, schema)
    known = {*resource.info.columns, *resource.options.nested, *resource.options.links}
    foreign = [n for n, spec in kind.model_fields.items() if not {n, spec.alias} & known]
    if not foreign:
        return None
    return (
        f"{', '.join(foreign)} of {kind.__name__} is no column: "
        f"turn it into one in {hook} of your service="
    )


def _read_fields(resource: Resource) -> str | None:
    known: set[object] = {*dir(resource.info.model), *resource.info.columns}
    unknown = [
        name
        for name, spec in resource.schemas.read.model_fields.items()
        if not (name in known or spec.alias in known or spec.validation_alias in known)
    ]
    if not unknown:
        return None
    return f"{', '.join(unknown)} of {resource.schemas.read.__name__} is no attribute of the model"


def _words(resource: Resource) -> str | None:
    """What is one word out of several must be one of them."""
    options = resource.options
    if options.pagination not in get_args(Pagination):
        return f"pagination={options.pagination!r}: it is one of {', '.join(get_args(Pagination))}"
    if options.cursor_secret == "":
        return "cursor_secret is empty: give a secret, or leave it out"
    if not options.count or {*options.count} - {*get_args(CountMode)}:
        return f"count={options.count!r}: it has one or more of {', '.join(get_args(CountMode))}"
    return None


def _rights(resource: Resource) -> str | None:
    """Rights are about columns of the model; the key is in every path."""
    keys = {column.name for column in resource.info.key}
    known = resource.info.columns.keys() - keys
    for option in ("readable_by", "writable_by"):
        if unknown := sorted(getattr(resource.options, option).keys() - known):
            return f"{option}={unknown}: name columns of the model, other than its key"
    return None


def _cursors(resource: Resource) -> str | None:
    """A cursor holds what rows are sorted by: nothing that clients may not see."""
    if resource.options.pagination == "offset":
        return None
    if "get_multi" in resource.service.overrides("list"):
        return f"cursors do not go through get_multi: override get_cursor_page of {resource.service.__name__} instead"
    keys = {column.name for column in resource.info.key}
    shown = {*attributes_of(resource.schemas.read), *keys}
    hidden = sorted({*_sorted_by(resource)} - shown)
    if not hidden:
        return None
    return f"cursors would show {', '.join(hidden)}: leave it out of sort= and default_sort="


def _exports(resource: Resource) -> str | None:
    """An export gives what the list would: not less, not more."""
    rules = sorted(resource.service.overrides("list"))
    if not resource.options.export or not rules or resource.service.overrides("export"):
        return None
    return f"exports do not go through {', '.join(rules)}: override partitions of {resource.service.__name__} as well"


def _sorted_by(resource: Resource) -> Iterator[str]:
    yield from (order.field for order in resource.vocabulary.default_order)
    sort = resource.vocabulary.parameters.get("sort")
    if isinstance(sort, NamesParameter):
        yield from sort.attributes.values()


def _deletion(resource: Resource) -> str | None:
    """What is about deleted rows needs rows that are only marked as deleted."""
    said = resource.options
    asked = ["show_deleted="] if said.show_deleted is not False else []
    asked += ["restore in operations="] if "restore" in said.operations else []
    if resource.deletion is not None or not asked:
        return None
    return f"{' and '.join(asked)} needs soft deletion: give the model SoftDelete, or soft_delete="


def _embedded(resource: Resource) -> str | None:
    """A related row that is marked as deleted is not shown, so it must be allowed to be missing."""
    read = resource.schemas.read
    names = [
        name
        for name, spec in read.model_fields.items()
        if (attribute := attribute_of(name, spec)) in resource.info.relationships
        and not (way := hop(resource.info, attribute)).to_many
        and deletion_of(way.target) is not None
        and NoneType not in get_args(spec.annotation)
    ]
    if not names:
        return None
    return f"{', '.join(names)} of {read.__name__} may be deleted: let it be None as well"


def _creates_by_derived_schema(resource: Resource) -> bool:
    return (
        "create" in resource.options.operations
        and issubclass(resource.schemas.create, InputSchema)
        and not resource.service.overrides("create") & {"create", "prepare", "before_create"}
    )


def _names(columns: list[ColumnInfo]) -> str:
    return ", ".join(column.name for column in columns)


CHECKS: tuple[Callable[[Resource], str | None], ...] = (
    _service_model,
    _abstract,
    _required_columns,
    _constructor,
    _create_fields,
    _update_fields,
    _read_fields,
    _words,
    _rights,
    _cursors,
    _exports,
    _deletion,
    _embedded,
    *WRITE_CHECKS,
)
"""Each tells what is wrong, or None. ADD A CHECK HERE."""

"""What a developer may say about a resource."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypedDict, cast

from pydantic import BaseModel

from fastapi_crud.access import Exposure
from fastapi_crud.announcing import Announced, Change, Told
from fastapi_crud.database import Database
from fastapi_crud.operations import (
    DEFAULT_OPERATIONS,
    GUARDED_LIKE,
    SCOPED_LIKE,
    Lookups,
    Operation,
    like,
)
from fastapi_crud.owners import owned_by
from fastapi_crud.query.asked import Filters, Pagination
from fastapi_crud.query.clauses import CountMode, FullText
from fastapi_crud.query.limits import Limits as Limits
from fastapi_crud.query.operators import Operator
from fastapi_crud.service import Service

CountModes = Sequence[CountMode]
Wire = Literal["native", "simple-rest", "json-server"]

Dependency = Callable[..., Any]
"""A FastAPI dependency: a function, or `Depends(...)` of one."""
Scope = Dependency | Mapping[Operation, Dependency]
"""A dependency that gives conditions, for all operations or by operation."""


@dataclass(frozen=True, kw_only=True)
class CrudOptions:
    """The options of `make_crud_router`, to put on a model as `__crud__` or to share.

    Args:
        service: Your subclass of `Service`.
        create_schema: The body of POST, and of PUT; derived unless given.
        update_schema: The body of PATCH; derived unless given.
        read_schema: One row in an answer; derived unless given.
        name: The plural, for paths and operation ids; the table's name unless given.
        singular: For operation ids and schema names; the class's name in snake case, or the
            singular of `name` where that is given.
        tags: Tags in the documentation; the name unless given.
        operations: Which endpoints there are.
        dependencies: FastAPI dependencies for all operations, or by operation. What does the same
            in another way has those of its like unless it is listed: `batch_create` those of
            `create`, `upsert` those of `create` and `update`, `search` those of `list`.
            Those on the model hold as well: a router may narrow them, never widen them.
        limits: Bounds on what one request may ask for.
        hidden: Columns that are neither read nor written.
        readable: Columns to read although their name looks secret.
        read_only: Columns to read but not write.
        writable: Columns to write although they look privileged or server-set.
        hybrids: Hybrid properties to read.
        client_ids: Whether clients may choose the primary key of new rows.
        scope: A dependency that gives conditions, clauses or SQL: only rows for which they hold
            exist for this request. Or one by operation: of what `get` lets a caller read,
            `update`, `replace` and `delete` let it write those within their own. One that is not
            listed has the scope of its like: `search` that of `list`, `delete` that of `update`,
            `upsert` those of `create` and `update`.
            A scope on the model holds as well, and also where its rows are related ones.
            One that returns an `Owner` also says whose new rows are.
        readable_by: Column → a dependency that tells whether this caller may read it; to others
            it does not exist.
        writable_by: Column → a dependency that tells whether this caller may write it; to others
            it is read-only.
        filters: What clients may filter by: field → operators, or `...` for those of its type;
            paths such as `"author.name"` as well. `"*"` stands for all columns that are read,
            which is the default.
        operators: Filter operators of your own, beside the built-in ones.
        sort: Columns that clients may sort by; all that are read unless given.
        default_sort: How rows are sorted otherwise, such as `"-created_at"`.
        search: Text columns or paths that `search=` looks into, or a full-text index.
        include: Relationships that clients may include, such as `"author"` or `"books.tags"`.
        fields: Whether clients may choose fields.
        pagination: By offset, by cursor, or both.
        export: Whether lists are also given as CSV and NDJSON, whole, to clients that accept these.
        csv_formulas: Whether text in CSV that a spreadsheet would take for a formula is left as it
            is; otherwise a `'` is put before it, which an import takes away again.
        count: How totals may be counted: the first by default, the others by `count=`.
        cursor_secret: Signs cursors, so that only this API makes them.
        allow_params: Patterns of query parameters to pass over, such as `"utm_*"`.
        soft_delete: A date-time or boolean column that marks rows as deleted instead of deleting
            them; `SoftDelete` on the model says the same, and everywhere.
        show_deleted: Whether clients may see deleted rows by `deleted=`: True, or a dependency
            that tells whether this caller may.
        actor: A dependency that gives who is calling: hooks, the audit trail and idempotency
            keys go by it.
        require_if_match: Whether PATCH, PUT and DELETE must say in `If-Match` which state of the
            row they mean.
        upsert: Whether PUT creates the row where there is none.
        idempotency: Whether POST may be repeated safely with an `Idempotency-Key`; `"required"`
            where it must have one.
        nested: Relationships whose rows can be created with their parent.
        links: Many-to-many relationships that can be set by a list of keys: `"tags"` by `tag_ids`.
        on_created: Told of new rows, in their transaction: a task of `fastapi_crud.tasks`, which is
            called with the primary key once that has committed, or a coroutine function of the
            session and the row.
        on_updated: Told of changed and restored rows, likewise.
        on_deleted: Told of deleted rows, likewise; the row is gone, so a function gets its key.
        database: The database of this resource, where it is not the app's.
        validation_detail: `"list"`: the `detail` of a 422 is FastAPI's list; `"text"`: a sentence.
        problem_base: URL that makes the `type` of problems a link: `problem_base + code`.
        wire: How clients ask and are answered: `"native"`, or as the data providers of admin
            frontends have it, `"simple-rest"` or `"json-server"`.
    """

    service: type[Service[Any, Any, Any]] | None = None
    create_schema: type[BaseModel] | None = None
    update_schema: type[BaseModel] | None = None
    read_schema: type[BaseModel] | None = None
    name: str | None = None
    singular: str | None = None
    tags: Sequence[str] | None = None
    operations: Collection[Operation] = DEFAULT_OPERATIONS
    dependencies: Sequence[Any] | Mapping[Operation, Sequence[Any]] = ()
    limits: Limits = Limits()
    hidden: Collection[str] = ()
    readable: Collection[str] = ()
    read_only: Collection[str] = ()
    writable: Collection[str] = ()
    hybrids: Collection[str] = ()
    client_ids: bool = False
    scope: Scope | Sequence[Scope] | None = None
    readable_by: Mapping[str, Dependency] = field(default_factory=dict[str, Dependency])
    writable_by: Mapping[str, Dependency] = field(default_factory=dict[str, Dependency])
    filters: Filters | None = None
    operators: Sequence[Operator] = ()
    sort: Sequence[str] | None = None
    default_sort: Sequence[str] | str = ()
    search: Sequence[str] | FullText | None = None
    include: Sequence[str] = ()
    fields: bool = False
    pagination: Pagination = "offset"
    export: bool = False
    csv_formulas: bool = False
    count: CountModes = ("exact",)
    cursor_secret: str | None = None
    allow_params: Collection[str] = ()
    soft_delete: str | None = None
    show_deleted: bool | Dependency = False
    actor: Dependency | None = None
    require_if_match: bool = False
    upsert: bool = False
    idempotency: bool | Literal["required"] = False
    nested: Sequence[str] = ()
    links: Sequence[str] = ()
    on_created: Told | None = None
    on_updated: Told | None = None
    on_deleted: Told | None = None
    database: Database | None = None
    validation_detail: Literal["list", "text"] = "list"
    problem_base: str | None = None
    wire: Wire = "native"

    def exposure(self) -> Exposure:
        """Give what the options say about columns."""
        return Exposure(
            hidden=frozenset(self.hidden),
            readable=frozenset(self.readable),
            read_only=frozenset({*self.read_only, *self.owned, *_if_any(self.soft_delete)}),
            writable=frozenset(self.writable),
            hybrids=frozenset(self.hybrids),
            client_ids=self.client_ids,
        )

    @cached_property
    def announced(self) -> Announced:
        """Who is told of changes."""
        told: Mapping[Change, Told | None] = {
            "created": self.on_created,
            "updated": self.on_updated,
            "deleted": self.on_deleted,
        }
        return {change: each for change, each in told.items() if each is not None}

    @cached_property
    def owned(self) -> Mapping[str, list[Dependency]]:
        """Columns that say whose a row is, and the scopes that say so."""
        owned: dict[str, list[Dependency]] = {}
        for scope in as_list(self.scope):
            listed = (
                cast("Mapping[str, Any]", scope).values() if isinstance(scope, Mapping) else [scope]
            )
            for each in listed:
                column = owned_by(each)
                if column is not None and each not in owned.setdefault(column, []):
                    owned[column].append(each)
        return owned

    def scopes_of(self, operation: Operation) -> list[Dependency]:
        """Give the scopes of an operation."""
        found: list[Any] = []
        lookups = (*SCOPED_LIKE[operation], *self._more(operation))
        for scope in as_list(self.scope):
            if isinstance(scope, Mapping):
                found += like(cast("Mapping[Operation, Any]", scope), lookups)
            elif scope is not None:
                found.append(scope)
        return found

    def dependencies_of(self, operation: Operation) -> list[Any]:
        """Give the dependencies of one operation."""
        own = GUARDED_LIKE.get(operation, ((operation,),))
        if isinstance(self.dependencies, Mapping):
            listed = like(self.dependencies, (*own, *self._more(operation)))
            return [dependency for several in listed for dependency in several]
        return list(self.dependencies)

    def _more(self, operation: Operation) -> Lookups:
        """Tell what an operation does besides: a PUT that creates is no way around POST."""
        return (("create",),) if operation == "replace" and self.upsert else ()


class RouterOptions(TypedDict, total=False):
    """The keyword arguments of `make_crud_router` beside the classes; see `CrudOptions`."""

    name: str | None
    singular: str | None
    tags: Sequence[str] | None
    operations: Collection[Operation]
    dependencies: Sequence[Any] | Mapping[Operation, Sequence[Any]]
    limits: Limits
    hidden: Collection[str]
    readable: Collection[str]
    read_only: Collection[str]
    writable: Collection[str]
    hybrids: Collection[str]
    client_ids: bool
    scope: Scope | Sequence[Scope] | None
    readable_by: Mapping[str, Dependency]
    writable_by: Mapping[str, Dependency]
    filters: Filters | None
    operators: Sequence[Operator]
    sort: Sequence[str] | None
    default_sort: Sequence[str] | str
    search: Sequence[str] | FullText | None
    include: Sequence[str]
    fields: bool
    pagination: Pagination
    export: bool
    csv_formulas: bool
    count: CountModes
    cursor_secret: str | None
    allow_params: Collection[str]
    soft_delete: str | None
    show_deleted: bool | Dependency
    actor: Dependency | None
    require_if_match: bool
    upsert: bool
    idempotency: bool | Literal["required"]
    nested: Sequence[str]
    links: Sequence[str]
    on_created: Told | None
    on_updated: Told | None
    on_deleted: Told | None
    database: Database | None
    validation_detail: Literal["list", "text"]
    problem_base: str | None
    wire: Wire


def _if_any(name: str | None) -> list[str]:
    return [] if name is None else [name]


def as_list(scope: Any) -> Sequence[Any]:  # noqa: ANN401 - a scope, or several
    """Give scopes as a list."""
    scopes: list[Any] = [*scope] if isinstance(scope, Sequence) else [scope]
    return scopes

"""The endpoints of a resource: a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from pydantic import BaseModel

from fastapi_crud.operations import Operation
from fastapi_crud.router import batch, batch_bodies, endpoints, importing, lists
from fastapi_crud.router.resource import Resource


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One endpoint.

    Args:
        method: Its HTTP method.
        build: Makes the function.
        on_row: Whether it is about one row (`/users/{id}`) or all (`/users`).
        name: Its operation id, of the names.
        summary: One line for the documentation.
        status: What it answers with when all is well.
        problems: What it answers with otherwise.
        body: Which schema its body has.
        answer: Which schema its answer has.
        suffix: What its path ends in.
        twin: A method that does the same, without the suffix, and is not documented.
    """

    method: str
    build: Callable[[Resource], endpoints.Endpoint]
    on_row: bool
    name: str
    summary: str
    status: int
    problems: tuple[int, ...]
    body: str | None = None
    answer: str | None = None
    suffix: str = ""
    twin: str | None = None


ROUTES: Mapping[Operation, RouteRow] = MappingProxyType(
    {
        "restore": RouteRow(
            "POST", endpoints.restore_row, True, "restore_{singular}", "Restore {one}",
            200, (404, 409, 422, 503), answer="read", suffix=":restore",
        ),
        "purge": RouteRow(
            "POST", endpoints.purge_row, True, "purge_{singular}", "Delete {one} for good",
            204, (404, 409, 422, 503), suffix=":purge",
        ),
        "list": RouteRow(
            "GET", lists.list_rows, False, "list_{plural}", "List {plural}",
            200, (422, 503), answer="page",
        ),
        "create": RouteRow(
            "POST", endpoints.create_row, False, "create_{singular}", "Create {one}",
            201, (400, 409, 415, 422, 503), body="create", answer="read",
        ),
        "get": RouteRow(
            "GET", endpoints.get_row, True, "get_{singular}", "Get {one}",
            200, (304, 404, 422, 503), answer="view",
        ),
        "update": RouteRow(
            "PATCH", endpoints.update_row, True, "update_{singular}", "Update {one}",
            200, (400, 404, 409, 412, 415, 422, 503), body="update", answer="read",
        ),
        "replace": RouteRow(
            "PUT", endpoints.replace_row, True, "replace_{singular}", "Replace {one}",
            200, (400, 404, 409, 412, 415, 422, 503), body="replace", answer="read",
        ),
        "delete": RouteRow(
            "DELETE", endpoints.delete_row, True, "delete_{singular}", "Delete {one}",
            204, (404, 409, 412, 422, 503),
        ),
        "search": RouteRow(
            "POST", lists.search_rows, False, "search_{plural}", "Search {plural}",
            200, (400, 415, 422, 503), body="search", answer="page", suffix=":search", twin="QUERY",
        ),
        "batch_create": RouteRow(
            "POST", batch.batch_create, False, "batch_create_{plural}", "Create several {plural}",
            201, (400, 409, 415, 422, 503), body="batch_create", answer="items",
            suffix=":batchCreate",
        ),
        "import": RouteRow(
            "POST", importing.import_rows, False, "import_{plural}", "Import {plural} from a file",
            201, (400, 409, 413, 415, 422, 503), answer="imported", suffix=":import",
        ),
        "batch_update": RouteRow(
            "POST", batch.batch_update, False, "batch_update_{plural}", "Update several {plural}",
            200, (400, 404, 409, 412, 415, 422, 503), body="batch_update", answer="items",
            suffix=":batchUpdate",
        ),
        "batch_delete": RouteRow(
            "POST", batch.batch_delete, False, "batch_delete_{plural}", "Delete several {plural}",
            204, (400, 404, 409, 415, 422, 503), body="batch_delete", suffix=":batchDelete",
        ),
        "upsert": RouteRow(
            "POST", batch.upsert, False, "upsert_{plural}", "Create or update several {plural}",
            200, (400, 409, 415, 422, 503), body="upsert", answer="items", suffix=":upsert",
        ),
    }
)  # fmt: skip
"""Operation → its endpoint. ADD A ROUTE TO EVERY RESOURCE HERE."""


WIRE_ROUTES: Sequence[tuple[Operation, RouteRow]] = (
    ("list", replace(ROUTES["list"], answer="rows")),
    ("create", ROUTES["create"]),
    ("get", ROUTES["get"]),
    ("update", ROUTES["update"]),
    ("update", replace(ROUTES["update"], method="PUT", name="replace_{singular}")),
    ("delete", replace(ROUTES["delete"], status=200, answer="removed")),
)
"""What there is on the wires of admin frontends: their PUT is an update by another method."""


def routes_of(resource: Resource) -> list[tuple[Operation, RouteRow]]:
    """Give the endpoints of a resource, each with the operation that it is."""
    rows = ROUTES.items() if resource.wire is None else WIRE_ROUTES
    return [(name, row) for name, row in rows if name in resource.options.operations]


BATCH_BODIES: Mapping[str, Callable[[Resource], type[BaseModel]]] = MappingProxyType(
    {
        "batch_create": batch_bodies.create_body,
        "batch_update": batch_bodies.update_body,
        "batch_delete": batch_bodies.delete_body,
        "upsert": batch_bodies.upsert_body,
    }
)
"""Name of a body about several rows → what makes it."""

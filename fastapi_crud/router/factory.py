"""`make_crud_router`: from a model to its endpoints. The routes are a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Unpack

from pydantic import BaseModel

from fastapi_crud.columns import inspect_model
from fastapi_crud.models import ModelT
from fastapi_crud.operations import Operation
from fastapi_crud.options import RouterOptions, resolve_options
from fastapi_crud.router import documentation, endpoints
from fastapi_crud.router.checks import check_resource
from fastapi_crud.router.dependencies import session_dependency
from fastapi_crud.router.parameters import query_documentation, search_body, signature
from fastapi_crud.router.resource import Resource, make_resource
from fastapi_crud.router.route import CrudRoute, CrudRouter, RouteFacts
from fastapi_crud.schemas import CreateT, ReadT, UpdateT
from fastapi_crud.service import Service


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
        "list": RouteRow(
            "GET", endpoints.list_rows, False, "list_{plural}", "List {plural}",
            200, (422, 503), answer="page",
        ),
        "create": RouteRow(
            "POST", endpoints.create_row, False, "create_{singular}", "Create {one}",
            201, (400, 409, 415, 422, 503), body="create", answer="read",
        ),
        "get": RouteRow(
            "GET", endpoints.get_row, True, "get_{singular}", "Get {one}",
            200, (404, 422, 503), answer="view",
        ),
        "update": RouteRow(
            "PATCH", endpoints.update_row, True, "update_{singular}", "Update {one}",
            200, (400, 404, 409, 415, 422, 503), body="update", answer="read",
        ),
        "replace": RouteRow(
            "PUT", endpoints.replace_row, True, "replace_{singular}", "Replace {one}",
            200, (400, 404, 409, 415, 422, 503), body="replace", answer="read",
        ),
        "delete": RouteRow(
            "DELETE", endpoints.delete_row, True, "delete_{singular}", "Delete {one}",
            204, (404, 409, 422, 503),
        ),
        "search": RouteRow(
            "POST", endpoints.search_rows, False, "search_{plural}", "Search {plural}",
            200, (400, 415, 422, 503), body="search", answer="page", suffix=":search", twin="QUERY",
        ),
    }
)  # fmt: skip
"""Operation → its endpoint. ADD A ROUTE TO EVERY RESOURCE HERE."""


def make_crud_router(
    model: type[ModelT],
    *,
    service: type[Service[ModelT, CreateT, UpdateT]] | None = None,
    create_schema: type[CreateT] | None = None,
    update_schema: type[UpdateT] | None = None,
    read_schema: type[ReadT] | None = None,
    **options: Unpack[RouterOptions],
) -> CrudRouter[ModelT, CreateT, UpdateT, ReadT]:
    """Make the endpoints of a model: list, create, get, update, replace and delete.

    Include it anywhere, any number of times: `app.include_router(make_crud_router(User))`. What
    is not said comes from the model, on the safe side: secrets are hidden, privileges and what
    the server sets are read-only, all bounds come from the column types.

    Args:
        model: Any mapped class. Its `__crud__` may hold defaults.
        service: Your subclass of `Service`, with your rules.
        create_schema: The body of POST and PUT; derived unless given.
        update_schema: The body of PATCH; derived unless given.
        read_schema: One row in an answer; derived unless given.
        **options: See `CrudOptions`.

    Returns:
        A FastAPI router; its `schemas` are those of its endpoints.

    Raises:
        ConfigurationError: If something cannot work; the message names the fix.
    """
    info = inspect_model(model)
    classes: dict[str, Any] = {
        "service": service,
        "create_schema": create_schema,
        "update_schema": update_schema,
        "read_schema": read_schema,
    }
    given = {name: value for name, value in classes.items() if value is not None}
    resource = make_resource(info, resolve_options(model, {**options, **given}))
    check_resource(resource)
    names, said = resource.names, resource.options
    tags = [names.plural] if said.tags is None else list(said.tags)
    router: CrudRouter[ModelT, CreateT, UpdateT, ReadT] = CrudRouter(
        model, resource.schemas, prefix=f"/{names.plural}", tags=tags
    )
    for operation, row in ROUTES.items():
        if operation in said.operations:
            _add_route(router, resource, operation, row)
    return router


def _add_route(
    router: CrudRouter[Any, Any, Any, Any], resource: Resource, operation: Operation, row: RouteRow
) -> None:
    names = {"plural": resource.names.plural, "singular": resource.names.singular}
    words = {key: name.replace("_", " ").replace("-", " ") for key, name in names.items()}
    identifiers = {key: name.replace("-", "_") for key, name in names.items()}
    path = "".join(f"/{{{column.name}}}" for column in resource.info.key) if row.on_row else ""
    operation_id = row.name.format(**identifiers)
    article = "an" if words["singular"][0].lower() in "aeio" else "a"
    said: dict[str, Any] = {
        "status_code": row.status,
        "response_model": _answer(resource, row),
        "route_class_override": CrudRoute,
        "summary": row.summary.format(**words, one=f"{article} {words['singular']}"),
        "dependencies": resource.options.dependencies_of(operation),
    }
    router.add_api_route(
        path + row.suffix,
        _endpoint(resource, operation, row, operation_id, _allow(resource, row)),
        methods=[row.method],
        operation_id=operation_id,
        name=operation_id,
        responses=_documented(resource, operation, row, words, identifiers),
        openapi_extra=_parameters(resource, operation),
        **said,
    )
    if row.twin is not None:
        twin = f"{operation_id}_by_{row.twin.lower()}"
        router.add_api_route(
            path,
            _endpoint(resource, operation, row, twin, _allow(resource, ROUTES["list"])),
            methods=[row.twin],
            operation_id=twin,
            name=twin,
            include_in_schema=False,
            **said,
        )


def _endpoint(
    resource: Resource, operation: Operation, row: RouteRow, name: str, allow: tuple[str, ...]
) -> endpoints.Endpoint:
    body = _body(resource, row)
    endpoint: Any = row.build(resource)
    endpoint.__signature__ = signature(
        session=session_dependency(resource.options.database),
        key=resource.info.key if row.on_row else (),
        body=body,
        asked=resource.callers.dependencies(operation),
    )
    endpoint.__name__ = name
    endpoint.crud_route = RouteFacts(allow, body is not None, resource.problems)
    made: endpoints.Endpoint = endpoint
    return made


def _documented(
    resource: Resource,
    operation: Operation,
    row: RouteRow,
    words: Mapping[str, str],
    identifiers: Mapping[str, str],
) -> dict[int | str, dict[str, Any]]:
    """Document what is answered beside the body."""
    writes = row.method != "GET" and operation != "search"
    forbidden = (403,) if writes and resource.options.scope is not None else ()
    documented = documentation.responses((*row.problems, *forbidden))
    if operation == "create":
        documented[201] = documentation.created(words["singular"], _links(resource, identifiers))
    elif row.answer == "page":
        documented[200] = documentation.paged(link=operation == "list")
    return documented


def _body(resource: Resource, row: RouteRow) -> Any:  # noqa: ANN401 - a type form
    if row.body == "search":
        module = resource.info.model.__module__
        return search_body(resource.vocabulary, resource.names.schema, module)
    return getattr(resource.schemas, row.body) if row.body else None


def _answer(resource: Resource, row: RouteRow) -> type[BaseModel] | None:
    kinds = {
        "read": resource.shown,
        "view": resource.view,
        "page": resource.schemas.page,
    }
    return kinds[row.answer] if row.answer else None


def _parameters(resource: Resource, operation: Operation) -> dict[str, Any] | None:
    """Document what the library reads from the query string itself."""
    if operation == "list":
        return query_documentation(resource.vocabulary)
    shown = resource.vocabulary.only("fields", "include")
    return query_documentation(shown) if operation == "get" and shown.parameters else None


def _allow(resource: Resource, row: RouteRow) -> tuple[str, ...]:
    """List all methods of the path."""
    there = [r for o, r in ROUTES.items() if o in resource.options.operations]
    path = (row.on_row, row.suffix)
    methods = [other.method for other in there if (other.on_row, other.suffix) == path]
    head = ["HEAD"] if "GET" in methods else []
    twins = [other.twin for other in there if other.twin and path == (other.on_row, "")]
    return (*methods, *head, "OPTIONS", *twins)


def _links(resource: Resource, identifiers: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Say what can be done with a row that was just created."""
    shown = {
        column.name for column in resource.info.key
    } <= resource.schemas.read.model_fields.keys()
    parameters = {c.name: f"$response.body#/{c.name}" for c in resource.info.key}
    return {
        row.name.format(**identifiers): parameters
        for operation, row in ROUTES.items()
        if shown and row.on_row and operation in resource.options.operations
    }

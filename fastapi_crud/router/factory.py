"""`make_crud_router`: from a model to its endpoints."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Unpack, cast

from pydantic import BaseModel

from fastapi_crud.columns import inspect_model
from fastapi_crud.models import ModelT
from fastapi_crud.operations import READING, REMOVING, Operation
from fastapi_crud.options import RouterOptions
from fastapi_crud.resolution import resolve_options
from fastapi_crud.router import batch_bodies, documentation, wire_documentation
from fastapi_crud.router.checks import check_resource, check_upserts
from fastapi_crud.router.crud_router import CrudRouter
from fastapi_crud.router.dependencies import session_dependency
from fastapi_crud.router.endpoints import Endpoint
from fastapi_crud.router.importing import Imported
from fastapi_crud.router.parameters import (
    DocumentedAs,
    query_documentation,
    search_body,
    signature,
)
from fastapi_crud.router.resource import Resource, make_resource
from fastapi_crud.router.route import CrudRoute, RouteFacts, problems_of
from fastapi_crud.router.routes import BATCH_BODIES, ROUTES, RouteRow, routes_of
from fastapi_crud.schemas import CreateT, ReadT, UpdateT
from fastapi_crud.service import Service


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
    router.crud_options = said
    for operation, row in routes_of(resource):
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
        openapi_extra=_parameters(resource, operation, row),
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
    if resource.callers.dependencies(operation):  # which may be wrong, and that is told now
        for route in router.routes:
            cast("CrudRoute", route).read()


def _endpoint(
    resource: Resource, operation: Operation, row: RouteRow, name: str, allow: tuple[str, ...]
) -> Endpoint:
    body = _body(resource, row)
    endpoint: Any = row.build(resource)
    session = session_dependency(resource.options.database)
    endpoint.__signature__ = signature(
        session=session,
        lasting=operation == "list" and resource.options.export,
        key=resource.info.key if row.on_row else (),
        body=body,
        asked=resource.callers.dependencies(operation),
    )
    endpoint.__name__ = name
    endpoint.crud_route = RouteFacts(
        allow,
        body is not None,
        resource.problems,
        partial(check_upserts, resource) if operation == "upsert" else None,
        session,
    )
    made: Endpoint = endpoint
    return made


def _documented(
    resource: Resource,
    operation: Operation,
    row: RouteRow,
    words: Mapping[str, str],
    identifiers: Mapping[str, str],
) -> dict[int | str, dict[str, Any]]:
    """Document what is answered beside the body."""
    said = resource.options
    extra = _refusals(resource, operation, row)
    if 412 in row.problems and said.require_if_match:  # noqa: PLR2004
        extra |= {428}
    if _repeatable(resource, operation, row):
        extra |= {400, 409}
    statuses = sorted({*row.problems, *extra})
    documented = documentation.responses(statuses, by_field=resource.wire is not None)
    if row.answer in {"read", "view"} and row.status == HTTPStatus.OK:
        documented[200] = documentation.tagged()
    if row.body and row.answer and row.status == HTTPStatus.OK and operation not in READING:
        documented[204] = {"description": "Stored; `Prefer: return=minimal` asked for no more."}
    if operation == "replace" and said.upsert:
        documented[201] = {**documentation.tagged(), "model": resource.shown}
    if operation == "create":
        documented[201] = documentation.created(words["singular"], _links(resource, identifiers))
    elif row.answer in {"page", "rows"}:
        placed, listed = row.answer == "rows", operation == "list"
        documented[200] = documentation.paged(
            link=listed and not placed, exported=listed and said.export, placed=placed
        )
    return documented


def _refusals(resource: Resource, operation: Operation, row: RouteRow) -> set[int]:
    """Tell with which statuses callers are refused."""
    said = resource.options
    asked = [*said.dependencies_of(operation), *resource.callers.dependencies(operation).values()]
    writes = row.method != "GET" and operation != "search"
    scoped = (403,) if writes and said.scope is not None else ()
    exported = (406,) if operation == "list" and said.export else ()
    return {*problems_of(asked), *scoped, *exported}


def _body(resource: Resource, row: RouteRow) -> Any:  # noqa: ANN401 - a type form
    if row.body is None:
        return None
    if row.body == "search":
        module = resource.info.model.__module__
        return search_body(resource.vocabulary, resource.names.schema, module)
    if row.body in BATCH_BODIES:
        return BATCH_BODIES[row.body](resource)
    body: type[BaseModel] = getattr(resource.schemas, row.body)
    documented = row.body == "update" and resource.merger is not None  # it reads the body itself
    return Annotated[Any, DocumentedAs(body)] if documented else body


def _answer(resource: Resource, row: RouteRow) -> Any:  # noqa: ANN401 - a type form
    if row.answer == "items":
        return batch_bodies.items_answer(resource)
    if resource.wire is not None and row.answer in {"rows", "removed"}:
        module = resource.info.model.__module__
        removed = resource.wire.removed_schema(module)
        return removed if row.answer == "removed" else list[resource.view]  # type: ignore[name-defined]
    kinds: dict[str, type[BaseModel]] = {
        "read": resource.shown,
        "view": resource.view,
        "page": resource.schemas.page,
        "imported": Imported,
    }
    return kinds[row.answer] if row.answer else None


def _parameters(resource: Resource, operation: Operation, row: RouteRow) -> dict[str, Any] | None:
    """Document what the library reads from the query string itself."""
    said: list[dict[str, Any]] = []
    if resource.wire is not None and operation in {"list", "get"}:
        said += wire_documentation.query(resource.wire, resource.vocabulary, one=operation == "get")
    elif operation == "list":
        said += query_documentation(resource.vocabulary)
    elif operation == "get":
        said += query_documentation(resource.vocabulary.only("fields", "include", "deleted"))
    said += documentation.request_headers(*_headers(resource, operation, row))
    body = documentation.file_body() if operation == "import" else {}
    return {**({"parameters": said} if said else {}), **body} or None


def _headers(
    resource: Resource, operation: Operation, row: RouteRow
) -> tuple[list[str], list[str]]:
    """Tell which headers a request may have, and which it must have."""
    said = resource.options
    names = ["If-None-Match"] if operation == "get" else []
    required: list[str] = []
    if row.method in {"PATCH", "PUT", "DELETE"}:
        names.append("If-Match")
        required += ["If-Match"] if said.require_if_match else []
    if operation == "replace" and said.upsert:
        names.append("If-None-Match")
        required = []
    if _repeatable(resource, operation, row):
        names.append("Idempotency-Key")
        required += ["Idempotency-Key"] if said.idempotency == "required" else []
    if row.answer and operation not in READING | REMOVING:
        names.append("Prefer")
    return names, required


def _repeatable(resource: Resource, operation: Operation, row: RouteRow) -> bool:
    """Tell whether requests may have an idempotency key."""
    writes = row.method == "POST" and operation not in READING
    return bool(resource.options.idempotency) and writes


def _allow(resource: Resource, row: RouteRow) -> tuple[str, ...]:
    """List all methods of the path."""
    there = [other for _, other in routes_of(resource)]
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
        for _, row in routes_of(resource)
        if shown and row.on_row
    }

"""The OpenAPI document is valid, complete, and true of what the app does."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import Depends, FastAPI
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from openapi_spec_validator import validate
from pydantic import BaseModel
from schemathesis.config import SchemathesisConfig

from fastapi_crud import Database, add_exception_handlers, make_crud_router
from fastapi_crud.operations import DEFAULT_OPERATIONS, OPERATIONS
from tests import models
from tests.conftest import client_of

CONFIG = Path(__file__).parents[2] / "docs/examples/schemathesis.toml"

RESOURCES: tuple[type[Any], ...] = (
    models.Note,
    models.Everything,
    models.Account,
    models.Tag,
    models.Line,
    models.Author,
    models.Book,
    models.Article,
)


FULL: dict[str, Any] = {
    "operations": [*DEFAULT_OPERATIONS, "search"],
    "export": True,
    "filters": {"*": ..., "books.title": ...},
    "search": ["name"],
    "fields": True,
    "include": ["books"],
    "pagination": "both",
    "count": ["exact", "estimated", "none"],
}
"""Everything that a list can be asked, for one of the resources."""


WRITES: dict[str, Any] = {
    "operations": OPERATIONS,
    "show_deleted": True,
    "upsert": True,
    "client_ids": True,
    "idempotency": True,
}
"""Every way of writing, for another one."""


def make_app(database: Database) -> FastAPI:
    """An app with many kinds of models."""
    app = FastAPI(lifespan=database.lifespan)
    for model in RESOURCES:
        options: Any = {models.Author: FULL, models.Article: WRITES}.get(model, {})
        app.include_router(make_crud_router(model, **options), prefix="/api")
    add_exception_handlers(app)
    return app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of that app; no request is made, so no database is opened."""
    return make_app(Database("sqlite://", metadata=models.Base.metadata)).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """All operations with their paths and methods."""
    return [(p, m, op) for p, methods in document["paths"].items() for m, op in methods.items()]


def test_document_is_valid(document: dict[str, Any]) -> None:
    """Does openapi-spec-validator accept it?"""
    validate(document)


def test_names(document: dict[str, Any]) -> None:
    """Are operation ids and schema names what clients are promised?"""
    paths = document["paths"]
    assert {m: op["operationId"] for m, op in paths["/api/notes"].items()} == {
        "get": "list_notes",
        "post": "create_note",
    }
    assert {m: op["operationId"] for m, op in paths["/api/notes/{id}"].items()} == {
        "get": "get_note",
        "patch": "update_note",
        "put": "replace_note",
        "delete": "delete_note",
    }
    assert "/api/lines/{order_id}/{line_no}" in paths
    schemas = document["components"]["schemas"]
    names = {"NoteCreate", "NoteUpdate", "NoteReplace", "NoteRead", "NotePage"}
    assert names | {"Problem", "ValidationProblem"} <= schemas.keys()
    assert not [n for n in schemas if "__" in n or n.endswith("_") or "HTTPValidationError" in n]
    assert paths["/api/notes"]["get"]["tags"] == ["notes"]
    assert paths["/api/notes"]["get"]["summary"] == "List notes"


def test_every_problem_is_documented_as_problem_json(document: dict[str, Any]) -> None:
    """Has every answer its own media type, and every problem its schema?"""
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            types = set(response.get("content", {}))
            if status in {"204", "304"}:
                assert types == set()
            elif int(status) >= 400:
                assert types == {"application/problem+json"}, (path, method, status)
                schema = response["content"]["application/problem+json"]["schema"]
                expected = "ValidationProblem" if status == "422" else "Problem"
                assert schema == {"$ref": f"#/components/schemas/{expected}"}
            else:
                files = {"text/csv", "application/x-ndjson"}
                exported = (path, method) == ("/api/authors", "get")
                assert types == {"application/json", *(files if exported else ())}
        assert "422" in operation["responses"]
        assert "503" in operation["responses"]


def test_bodies_have_no_defaults(document: dict[str, Any]) -> None:
    """Do request schemas leave defaults to the description, so that clients need not send them?"""
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith(("Create", "Update", "Replace")):
            assert not [key for key, spec in schema["properties"].items() if "default" in spec], (
                name
            )
            assert schema["additionalProperties"] is False
    assert schemas["NoteCreate"]["properties"]["done"]["description"] == "Default: false."


def test_bounds_come_from_the_columns(document: dict[str, Any]) -> None:
    """Are ranges, lengths, formats and enum values there?"""
    properties = document["components"]["schemas"]["EverythingCreate"]["properties"]

    def of(name: str) -> dict[str, Any]:
        first: dict[str, Any] = properties[name].get("anyOf", [properties[name]])[0]
        return first

    assert (of("small")["minimum"], of("small")["maximum"]) == (-(2**15), 2**15 - 1)
    assert of("large")["format"] == "int64"
    assert of("code")["maxLength"] == 5
    assert of("at")["format"] == "date-time"
    assert of("token_id")["format"] == "uuid"
    assert of("size")["enum"] == ["S", "M"]
    color = document["components"]["schemas"]["Color"]
    assert color["enum"] == ["red", "blue"]


def test_created_rows_are_linked_to_what_can_be_done_next(document: dict[str, Any]) -> None:
    """Does 201 document `Location` and links to get, update, replace and delete?"""
    created = document["paths"]["/api/lines"]["post"]["responses"]["201"]
    assert "Location" in created["headers"]
    assert created["links"]["get_line"] == {
        "operationId": "get_line",
        "parameters": {
            "order_id": "$response.body#/order_id",
            "line_no": "$response.body#/line_no",
        },
    }
    assert set(created["links"]) == {"get_line", "update_line", "replace_line", "delete_line"}


def test_list_parameters(document: dict[str, Any]) -> None:
    """Are all parameters documented, typed, with their bounds, and no more than are needed?"""
    parameters = document["paths"]["/api/notes"]["get"]["parameters"]
    shown = {p["name"]: p["schema"] for p in parameters}
    for name, bounds in {"skip": (0, 2**63 - 1), "limit": (1, 1000)}.items():
        assert (shown[name]["minimum"], shown[name]["maximum"]) == bounds
    assert shown["sort"]["items"]["enum"] == [
        "id", "-id", "title", "-title", "body", "-body", "done", "-done",
    ]  # fmt: skip
    assert shown["done"] == {"type": "boolean"}
    assert shown["id__in"]["items"]["format"] == "int32"
    assert (shown["id__in"]["type"], shown["id__in"]["maxItems"]) == ("array", 100)
    assert shown["body__isnull"] == {"type": "boolean"}
    assert [*shown] == [
        "skip", "limit", "sort",
        "id", "id__ne", "id__in", "id__not_in", "id__gt", "id__gte", "id__lt", "id__lte",
        "title", "title__ne", "title__in", "title__not_in",
        "title__contains", "title__icontains", "title__startswith",
        "body", "body__ne", "body__in", "body__not_in",
        "body__contains", "body__icontains", "body__startswith", "body__isnull",
        "done",
    ]  # fmt: skip
    assert all(p["description"] for p in parameters)


def test_values_of_parameters_are_typed(document: dict[str, Any]) -> None:
    """Have enums their values, and times their formats, without a reference that dangles?"""
    parameters = document["paths"]["/api/everything"]["get"]["parameters"]
    shown = {p["name"]: p["schema"] for p in parameters}
    assert shown["color"]["enum"] == ["red", "blue"]
    assert shown["size"]["enum"] == ["S", "M"]
    assert shown["at__gte"] == {"type": "string", "format": "date-time"}
    assert shown["token_id"] == {"type": "string", "format": "uuid"}
    assert shown["data__isnull"] == {"type": "boolean"}
    assert not [
        name
        for name in shown
        if name.startswith(("data__", "raw", "labels__")) and not name.endswith("isnull")
    ]
    assert not [
        name
        for name in shown
        if name.startswith(("ratio__", "at__", "flag__")) and name.endswith(("in", "ne"))
    ]


def test_pages_are_documented_as_they_are() -> None:
    """Are totals nullable only where nobody may count, and cursors where there are any?"""
    app = FastAPI()
    kinds: dict[str, Any] = {
        "plain": {}, "uncounted": {"count": ["exact", "none"]},
        "walked": {"pagination": "cursor"}, "both": {"pagination": "both"},
    }  # fmt: skip
    for name, options in kinds.items():
        app.include_router(
            make_crud_router(models.Note, name=name, singular=f"{name}_note", **options)
        )
    schemas = app.openapi()["components"]["schemas"]

    def page(name: str) -> dict[str, bool]:
        properties = schemas[f"{name.title()}NotePage"]["properties"]
        assert schemas[f"{name.title()}NotePage"]["required"] == [*properties]
        return {key: "anyOf" in spec for key, spec in properties.items()}

    assert page("plain") == {"items": False, "total": False}
    assert page("uncounted") == {"items": False, "total": True}
    assert page("walked") == {"items": False, "next_cursor": True, "prev_cursor": True}
    assert page("both") == {"items": False, "total": True, "next_cursor": True, "prev_cursor": True}


def test_headers_of_lists_are_documented(document: dict[str, Any]) -> None:
    """Are `Link` and the totals told?"""
    listed = document["paths"]["/api/notes"]["get"]["responses"]["200"]
    assert listed["headers"].keys() == {
        "Link",
        "X-Total-Count",
        "X-Total-Count-Kind",
        "Preference-Applied",
    }


def test_a_search_is_documented_as_a_typed_tree(document: dict[str, Any]) -> None:
    """Does the body say which keys there are, AND, OR and NOT included, and nothing else?"""
    schemas = document["components"]["schemas"]
    body = document["paths"]["/api/authors:search"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/AuthorSearch"
    }
    tree = schemas["AuthorFilter"]
    assert tree["additionalProperties"] is False
    assert tree["properties"]["and"]["items"] == {"$ref": "#/components/schemas/AuthorFilter"}
    assert tree["properties"]["not"]["$ref"] == "#/components/schemas/AuthorFilter"
    assert tree["properties"]["id__gte"]["type"] == "integer"
    assert "required" not in tree
    whole = schemas["AuthorSearch"]["properties"].keys()
    assert whole == tree["properties"].keys() | {
        "skip", "limit", "cursor", "count", "sort", "search", "fields", "include",
    }  # fmt: skip
    assert not [
        name for name, spec in schemas["AuthorSearch"]["properties"].items() if "default" in spec
    ]


def known(*statuses: int) -> Any:
    """A dependency that tells with which statuses it refuses."""

    async def known() -> bool:
        return True

    known.crud_problems = statuses  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    return known


def test_refusals_of_dependencies_are_documented() -> None:
    """Does each operation tell the statuses of its own dependencies, scopes and rights?"""
    router = make_crud_router(
        models.Note,
        operations=DEFAULT_OPERATIONS,
        dependencies={"list": [Depends(known(401, 429))], "update": [Depends(known(402))]},
        scope={"delete": known(401)},
        readable_by={"body": known(403)},
        writable_by={"done": known(413)},
    )
    app = FastAPI()
    app.include_router(router)
    document = app.openapi()
    validate(document)
    usual = {"200", "201", "204", "304", "400", "404", "409", "412", "415", "422", "503"}
    told = {op["operationId"]: op["responses"] for _, _, op in operations(document)}
    assert {name: {*responses} - usual for name, responses in told.items()} == {
        "list_notes": {"401", "403", "429"},
        "create_note": {"403", "413"},
        "get_note": {"403"},
        "update_note": {"403", "413", "402"},
        "replace_note": {"403", "413"},
        "delete_note": {"401", "403"},
    }
    listed, updated = told["list_notes"], told["update_note"]
    assert "WWW-Authenticate" in listed["401"]["headers"]
    assert "Retry-After" in listed["429"]["headers"]
    for response in (listed["401"], listed["429"], updated["413"], updated["402"]):
        assert response["content"].keys() == {"application/problem+json"}
    assert updated["402"]["description"] == "Payment Required."


class Problem(BaseModel):
    mine: int


async def test_users_own_problem_class_does_not_collide(sqlite: Database) -> None:
    """Do our schemas stay right where the app has one of the same name?"""
    app = make_app(sqlite)

    @app.get("/mine")
    async def mine() -> Problem:  # pyright: ignore[reportUnusedFunction]
        return Problem(mine=1)

    document = app.openapi()
    validate(document)
    missing = document["paths"]["/api/notes/{id}"]["get"]["responses"]["404"]
    reference = missing["content"]["application/problem+json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    assert "status_code" in schema["properties"]
    async with client_of(app) as client:
        assert (await client.get("/openapi.json")).status_code == 200


# What a plain JSON schema cannot say of local times, schemathesis must be told.
schemathesis.openapi.format("date-time-local", st.datetimes().map(lambda value: value.isoformat()))
schemathesis.openapi.format("time-local", st.times().map(lambda value: value.isoformat()))


@pytest.mark.slow
def test_schemathesis_finds_nothing(tmp_path: Any) -> None:
    """Do generated requests, good and bad, get only answers that the document promises?"""
    database = Database(f"sqlite:///{tmp_path}/schemathesis.db", metadata=models.Base.metadata)
    asyncio.run(database.create_all())
    app = make_app(database)
    config = SchemathesisConfig.from_path(CONFIG)  # pyright: ignore[reportUnknownMemberType]
    schema: Any = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    quick = settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    for operation in schema.get_all_operations():
        run_operation(operation.ok(), quick)


def run_operation(operation: Any, quick: settings) -> None:
    """Try one operation with generated requests."""
    for mode in schemathesis.GenerationMode:
        strategy = operation.as_strategy(generation_mode=mode)

        @quick
        @given(case=strategy)
        def check(case: Any) -> None:
            case.call_and_validate()

        check()

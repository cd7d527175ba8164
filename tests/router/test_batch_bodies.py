"""The bodies about several rows, as the document tells clients."""

from typing import Any

from fastapi import FastAPI

from fastapi_crud import Limits, make_crud_router, make_schemas
from fastapi_crud.operations import OPERATIONS
from tests import models

OPERATIONS_ON_SEVERAL: Any = ["batch_create", "batch_update", "batch_delete", "upsert"]


def document(model: type[Any], **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The paths of a resource, and the schemas of bodies and answers."""
    app = FastAPI()
    app.include_router(make_crud_router(model, **options))
    told = app.openapi()
    return told["paths"], told["components"]["schemas"]


def test_bodies_are_bounded_lists() -> None:
    """Has each body a list of 1 to `max_batch` items, no other keys, and items of its own kind?"""
    options: Any = {"operations": OPERATIONS_ON_SEVERAL, "limits": Limits(max_batch=7)}
    _, schemas = document(models.Article, **options)
    cases: dict[str, dict[str, Any]] = {
        "ArticleBatchCreate": {"$ref": "#/components/schemas/ArticleCreate"},
        "ArticleBatchUpdate": {"$ref": "#/components/schemas/ArticleBatchUpdateItem"},
        "ArticleUpsert": {"$ref": "#/components/schemas/ArticleCreate"},
        "ArticleBatchDelete": {"type": "integer", "maximum": 2**31 - 1, "minimum": -(2**31)},
    }
    for name, of in cases.items():
        body = schemas[name]
        several = body["properties"]["ids" if name.endswith("Delete") else "items"]
        assert (several["minItems"], several["maxItems"]) == (1, 7), name
        assert {key: several["items"][key] for key in of} == of, name
        assert body["additionalProperties"] is False, name
    item = schemas["ArticleBatchUpdateItem"]
    assert item["required"] == ["id"]
    assert item["properties"].keys() == make_schemas(models.Article).update.model_fields.keys()
    assert item["additionalProperties"] is False
    answer = schemas["ArticleItems"]
    assert answer["properties"]["items"]["items"] == {"$ref": "#/components/schemas/ArticleRead"}


def test_composite_keys_are_objects() -> None:
    """Are keys of several parts told by name, in each body that has them?"""
    _, schemas = document(models.Line, operations=OPERATIONS_ON_SEVERAL)
    ids = schemas["LineBatchDelete"]["properties"]["ids"]["items"]
    assert ids == {"$ref": "#/components/schemas/LineKey"}
    assert schemas["LineKey"]["required"] == ["order_id", "line_no"]
    assert schemas["LineBatchUpdateItem"]["required"] == ["order_id", "line_no"]


def test_upserts_tell_what_they_go_by() -> None:
    """Is the key an enum of columns of unique keys, and left out where there is but one?"""
    for model, options, names, default in (
        (models.Note, {}, ["title"], ["title"]),
        (models.Note, {"client_ids": True}, ["id", "title"], None),
        (models.Book, {}, ["author_id", "title"], ["author_id", "title"]),
        (models.Article, {}, ["slug"], ["slug"]),
        (models.Line, {}, ["order_id", "line_no"], ["order_id", "line_no"]),
    ):
        _, schemas = document(model, operations=["upsert"], **options)
        body = schemas[f"{model.__name__}Upsert"]
        on_conflict = body["properties"]["on_conflict"]
        one = on_conflict["items"]
        assert one.get("enum", [one.get("const")]) == names, model
        assert on_conflict.get("default") == default, model
        assert ("on_conflict" in body["required"]) is (default is None)
        assert body["properties"]["mode"]["enum"] == ["merge", "ignore"]


def test_paths_end_in_verbs() -> None:
    """Has each operation its verb, its name, its status and its answers in the document?"""
    paths, _ = document(models.Article, operations=OPERATIONS)
    told = {
        path: (operation["operationId"], sorted(operation["responses"]))
        for path, methods in paths.items()
        if ":" in path
        for operation in methods.values()
    }
    assert told == {
        "/articles/{id}:restore": ("restore_article", ["200", "404", "409", "422", "503"]),
        "/articles/{id}:purge": ("purge_article", ["204", "404", "409", "422", "503"]),
        "/articles:search": ("search_articles", ["200", "400", "415", "422", "503"]),
        "/articles:batchCreate": ("batch_create_articles", ["201", "400", "409", "415", "422", "503"]),
        "/articles:import": (
            "import_articles", ["201", "400", "409", "413", "415", "422", "503"],
        ),
        "/articles:batchUpdate": (
            "batch_update_articles", ["200", "204", "400", "404", "409", "412", "415", "422", "503"],
        ),
        "/articles:batchDelete": (
            "batch_delete_articles", ["204", "400", "404", "409", "415", "422", "503"],
        ),
        "/articles:upsert": ("upsert_articles", ["200", "204", "400", "409", "415", "422", "503"]),
    }  # fmt: skip

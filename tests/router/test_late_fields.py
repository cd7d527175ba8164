"""Derived schemas are hidden from FastAPI's search, others are not; the document is the same."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, computed_field

from fastapi_crud import make_crud_router, make_schemas
from fastapi_crud.fields import OutputSchema
from fastapi_crud.router import answers
from fastapi_crud.router.late_fields import is_closed
from fastapi_crud.router.route import iter_routes
from tests import models

NOTE = make_schemas(models.Note)
note_read: Any = NOTE.read


@dataclass
class Point:
    x: int


class Inner(BaseModel):
    x: int


class Mine(note_read):  # type: ignore[misc]
    extra: int = 1


class Tree(OutputSchema):
    children: "list[Tree]" = []


class Computing(OutputSchema):
    @computed_field
    def double(self) -> int:
        return 2


class HasPoint(OutputSchema):
    point: Point | None


class HasInner(OutputSchema):
    inner: list[Inner]


@pytest.mark.parametrize(
    ("schema", "closed"),
    [
        (NOTE.create, True), (NOTE.page, True), (Mine, True), (Tree, True),
        (Inner, False), (HasInner, False), (Computing, False), (HasPoint, False),
        (list[note_read], False), (None, False), (Any, False),
    ],
    ids=str,
)  # fmt: skip
def test_only_what_is_derived_throughout_is_closed(schema: Any, closed: bool) -> None:
    """Is a schema looked into where it has one in it that the library does not know?"""
    assert is_closed(schema) is closed


@pytest.mark.parametrize("separate", [True, False])
def test_the_document_is_the_same(monkeypatch: pytest.MonkeyPatch, separate: bool) -> None:
    """Does the document have each schema that FastAPI finds where it looks into them?"""
    documents: list[Any] = []
    for lighter in (True, False):
        if not lighter:
            monkeypatch.setattr(answers, "lighten", id)
        app = FastAPI(separate_input_output_schemas=separate)
        for model in (models.Note, models.Everything, models.Author):
            app.include_router(make_crud_router(model))
        app.include_router(make_crud_router(models.Tag, read_schema=TagRead))
        documents.append(app.openapi())
    assert documents[0] == documents[1]
    assert {"NotePage", "EverythingRead", "Inner"} <= documents[0]["components"]["schemas"].keys()


class TagRead(BaseModel):
    slug: str
    label: Inner | None = None


def test_all_routes_have_one_field_for_each_answer() -> None:
    """Is what describes an answer made once?"""
    app = FastAPI()
    for prefix in ("/a", "/b"):
        app.include_router(make_crud_router(models.Note), prefix=prefix)
    fields = [getattr(route, "response_field", None) for route in iter_routes(app.routes)]
    described = {id(field) for field in fields if field is not None}
    assert len(described) == 2

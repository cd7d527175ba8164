"""What a resource is called in paths, operation ids and schema names."""

from typing import Any

import pytest
import sqlalchemy as sa

from fastapi_crud import ConfigurationError
from fastapi_crud.columns import inspect_model
from fastapi_crud.naming import Names, resolve_names
from tests import models
from tests.strategies import model_of


def named(name: str, table: str) -> type[Any]:
    """A model of that name over a table of that name."""
    model = model_of(sa.Column("a", sa.Integer), name=name)
    inspect_model(model).mapper.local_table.name = table  # type: ignore[attr-defined]
    return model


NAMES: list[tuple[type[Any], dict[str, str], Names]] = [
    (models.Note, {}, Names("notes", "note", "Note")),
    (models.Manager, {}, Names("managers", "manager", "Manager")),
    (models.Clerk, {"name": "clerks"}, Names("clerks", "clerk", "Clerk")),
    (models.Hero, {}, Names("heroes", "hero", "Hero")),
    (models.Note, {"name": "notes"}, Names("notes", "note", "Note")),
    (models.Note, {"name": "memos"}, Names("memos", "memo", "Memo")),
    (models.Note, {"name": "memos", "singular": "note"}, Names("memos", "note", "Note")),
    (models.Note, {"singular": "entry"}, Names("notes", "entry", "Entry")),
    (models.Note, {"name": "sticky-notes"}, Names("sticky-notes", "sticky-note", "StickyNote")),
    (models.Note, {"name": "old_notes"}, Names("old_notes", "old_note", "OldNote")),
    (named("HTTPRequest", "requests"), {}, Names("requests", "http_request", "HTTPRequest")),
    (named("OAuth2Client", "clients"), {}, Names("clients", "o_auth2_client", "OAuth2Client")),
    (named("Person", "people"), {}, Names("people", "person", "Person")),
    (models.Note, {"name": "sheep"}, Names("sheep", "sheep", "Sheep")),
]


@pytest.mark.parametrize(
    ("model", "options", "names"), NAMES, ids=lambda it: getattr(it, "__name__", str(it))
)
def test_what_a_resource_is_called(model: type[Any], options: dict[str, Any], names: Names) -> None:
    """What is it called in paths, in operation ids and in schemas?"""
    assert resolve_names(inspect_model(model), **options) == names


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("categories", "category"), ("classes", "class"), ("boxes", "box"), ("quizzes", "quizz"),
        ("matches", "match"), ("wishes", "wish"), ("glass", "glass"), ("users", "user"),
        ("cities", "city"), ("data", "data"),
    ],
)  # fmt: skip
def test_the_singular_of_a_plural(plural: str, singular: str) -> None:
    """Is the singular of a given name found by its ending?"""
    names = resolve_names(inspect_model(models.Note), plural)
    assert names.singular == singular


@pytest.mark.parametrize(
    "options",
    [{"name": "a/b"}, {"name": "1st"}, {"name": "a b"}, {"name": "ä"}, {"name": "{id}"}, {"name": "-a"},
     {"singular": "a.b"}, {"singular": "n\n"}],
    ids=str,
)  # fmt: skip
def test_names_that_no_path_can_have_are_refused(options: dict[str, Any]) -> None:
    """Is a name refused that would need quoting, with the fix?"""
    with pytest.raises(
        ConfigurationError, match="cannot be part of a path: give name= and singular="
    ):
        resolve_names(inspect_model(models.Note), **options)

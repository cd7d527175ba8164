"""The reference says what the code does."""

import re
from importlib import import_module

import pytest

import fastapi_crud
from fastapi_crud import Settings
from fastapi_crud.access import PRIVILEGES, SECRET_PHRASES, SECRET_WORDS
from fastapi_crud.query.clauses import DEFAULT_LIMIT, MAX_LIMIT
from fastapi_crud.router.problems import STATUSES
from tests.docs.conftest import DOCS, ROOT

REFERENCE = DOCS / "reference"


def test_the_table_of_errors_is_complete() -> None:
    """Does each error stand in the table with its status and code?"""
    page = (REFERENCE / "errors.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| `(\w+)` \|", page, re.MULTILINE)
    told = {name: (int(status), code) for name, status, code in rows}
    assert len(rows) == len(told)
    assert told == {kind.__name__: answer for kind, answer in STATUSES.items()}


def test_the_table_of_settings_is_complete() -> None:
    """Does each setting stand in the table with its default?"""
    page = (REFERENCE / "settings.md").read_text()
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| `(.*?)` \|", page, re.MULTILINE))
    defaults = {name.upper(): spec.default for name, spec in Settings.model_fields.items()}
    assert told == {name: str(value).replace("'", '"') for name, value in defaults.items()}


def test_every_public_name_has_its_entry() -> None:
    """Is everything that `fastapi_crud` exports in the reference?"""
    entries = {
        entry
        for page in REFERENCE.glob("*.md")
        for entry in re.findall(r"^::: ([\w.]+)", page.read_text(), re.MULTILINE)
    }
    modules = [entry for entry in entries if entry.islower() and entry.count(".") == 1]
    documented = {entry.rpartition(".")[2] for entry in entries}
    for name in modules:
        value = getattr(fastapi_crud, name.rpartition(".")[2], None)
        if not callable(value):
            documented |= vars(import_module(name)).keys()
    public = {
        name
        for name, value in vars(fastapi_crud).items()
        if not name.startswith("_") and not hasattr(value, "__path__") and not _is_module(value)
    }
    assert public - documented == set()


@pytest.mark.parametrize(
    ("mark", "names"),
    [
        ("secret words", SECRET_WORDS | {*SECRET_PHRASES}),
        ("privileges", PRIVILEGES),
    ],
)
def test_the_security_model_names_all_words(mark: str, names: frozenset[str]) -> None:
    """Are the listed names those that the code goes by?"""
    page = (DOCS / "explanation" / "security-model.md").read_text()
    listed = page.partition(f"<!-- {mark} -->")[2].partition("<!-- end -->")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == names


def test_the_limits_of_a_page_are_those_of_the_code() -> None:
    """Does the HTTP page tell the bounds of `limit`?"""
    page = (REFERENCE / "http.md").read_text()
    row = f"| `limit` | 1 to {MAX_LIMIT}, unless the router says otherwise | {DEFAULT_LIMIT} |"
    assert row in page


def test_every_page_is_in_the_navigation() -> None:
    """Does `mkdocs.yml` name all pages?"""
    named = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert named == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


def _is_module(value: object) -> bool:
    return type(value).__name__ == "module"

"""The reference says what the code does."""

import re
from dataclasses import fields
from importlib import import_module

import pytest

import fastapi_crud
from fastapi_crud import Limits, Settings
from fastapi_crud.access import PRIVILEGES, SECRET_PHRASES, SECRET_WORDS
from fastapi_crud.operations import GUARDED_LIKE, OPERATIONS, SCOPED_LIKE, Lookups
from fastapi_crud.query.clauses import DEFAULT_LIMIT, MAX_LIMIT
from fastapi_crud.query.operators import ALL, CONTINUOUS, OPERATORS, ORDERED, SCALARS
from fastapi_crud.router.problems import STATUSES
from fastapi_crud.router.routes import ROUTES
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
    assert {*dir(fastapi_crud)} - documented == set()


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


def test_the_table_of_limits_is_complete() -> None:
    """Does each limit stand in the table with its default?"""
    page = (REFERENCE / "http.md").read_text()
    told = dict(re.findall(r"^\| `(\w+_\w+)` \| (\d+) \|", page, re.MULTILINE))
    assert told == {spec.name: str(spec.default) for spec in fields(Limits)}


def test_the_table_of_requests_is_complete() -> None:
    """Does each endpoint stand in the table with its operation id, path and status?"""
    page = (REFERENCE / "http.md").read_text()
    told = re.findall(r"^\| `(\w+)` \| `([A-Z]+) (\S+)` \| (\d+)", page, re.MULTILINE)
    names = {"plural": "users", "singular": "user"}
    assert sorted(told) == sorted(
        (
            row.name.format(**names),
            row.method,
            f"/users{'/{id}' if row.on_row else ''}{row.suffix}",
            str(row.status),
        )
        for row in ROUTES.values()
    )


def test_the_table_of_operations_is_complete() -> None:
    """Does each operation stand in the table with what it is like?"""
    told = {
        row[0].strip("`"): (_named(row[1]), _named(row[2]))
        for row in _table("router.md")
        if row[0].strip("`") in OPERATIONS
    }
    assert told == {
        name: (_like(name, GUARDED_LIKE.get(name, ())), _like(name, SCOPED_LIKE[name]))
        for name in OPERATIONS
    }


def test_the_table_of_operators_is_complete() -> None:
    """Does each operator stand in the table as the code has it?"""
    rows = [row for row in _table("filter-operators.md") if len(row) == OPERATOR_COLUMNS]
    told = {
        name.strip("`"): (says, shape, _kinds(on), _kinds(opt_in), _kinds(quiet))
        for name, says, shape, on, opt_in, quiet in rows[1:]
    }
    assert told == {
        operator.name: (
            operator.summary,
            operator.shape,
            operator.kinds - operator.opt_in - operator.quiet,
            operator.opt_in,
            operator.quiet,
        )
        for operator in OPERATORS.values()
    }


def test_the_table_of_kinds_is_complete() -> None:
    """Do the words for kinds mean what they mean in the code, and is each kind explained?"""
    words = {row[0].strip("*"): row[1] for row in _table("filter-operators.md") if len(row) == 2}
    for word, kinds in KINDS.items():
        told = words[word].replace("all scalar ones", ", ".join(f"`{it}`" for it in SCALARS))
        assert {*re.findall(r"`(\w+)`", told)} == kinds, word
    explained = [row[0] for row in _table("filter-operators.md") if len(row) == 3]
    assert {*re.findall(r"`(\w+)`", ", ".join(explained))} == ALL


def test_the_table_of_query_mistakes_is_complete() -> None:
    """Does each type of mistake that the code tells stand in the table?"""
    page = (REFERENCE / "errors.md").read_text()
    section = page.partition("## Queries")[2].partition("## Classes")[0]
    rooms = [*(ROOT / "fastapi_crud" / "query").glob("*.py"), ROOT / "fastapi_crud" / "streams.py"]
    code = "".join(path.read_text() for path in rooms)
    told = re.findall(r"(?:note|Issue)\(\s*\"(\w+)\"", code)
    assert {*re.findall(r"^\| `(\w+)`", section, re.MULTILINE)} == {*told}


def test_every_page_is_in_the_navigation() -> None:
    """Does `mkdocs.yml` name all pages?"""
    named = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert named == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


KINDS = {
    "scalar": SCALARS,
    "ordered": ORDERED,
    "discrete": SCALARS - CONTINUOUS,
    "continuous": CONTINUOUS,
    "every": ALL,
}
"""Word of the page → the kinds of columns that it stands for."""
OPERATOR_COLUMNS = 6


def _kinds(cell: str) -> frozenset[str]:
    named = re.findall(r"`(\w+)`", cell)
    return frozenset(named) if named or not cell else frozenset(KINDS[cell])


def _named(cell: str) -> set[str]:
    return {*re.findall(r"`(\w+)`", cell)}


def _like(name: str, lookups: Lookups) -> set[str]:
    return {str(other) for names in lookups for other in names} - {name}


def _table(page: str) -> list[list[str]]:
    """All rows of all tables of a page, but for the lines below their heads."""
    lines = (REFERENCE / page).read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]

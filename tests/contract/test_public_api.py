"""The names that people import are those that are promised, and importing costs no extra."""

import re
import subprocess
import sys
from dataclasses import fields
from difflib import unified_diff
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import pytest

import fastapi_crud
from fastapi_crud import CrudOptions, exceptions
from fastapi_crud.options import RouterOptions
from tests.contract import public_api

PROMISED = frozenset(
    {
        "And", "CursorPage", "Filter", "FullText", "Not", "Operand", "Operator", "Or", "OrderBy",
        "PostgreSQLFullText", "SQLiteFullText", "Search", "format_body", "format_query",
        "AuditEntry", "Audited", "Base", "CrudError", "CrudOptions", "Database", "DbSession", "IntPrimaryKey", "Limits",
        "Owner", "Page", "Query", "Repository", "Schemas", "Service", "Settings", "SoftDelete", "Timestamps",
        "UUIDPrimaryKey", "Versioned", "add_cors", "add_docs", "add_exception_handlers", "get_db",
        "JSONFormatter", "RequestIdFilter", "add_request_ids", "current_request_id", "make_health_router",
        "get_settings", "idempotency_table", "make_crud_router", "make_schemas", "owning", "prune_idempotency_keys",
    }
)  # fmt: skip


def test_promised_names_are_there() -> None:
    """Can everything that the docs promise be imported from the top?"""
    assert {*dir(fastapi_crud)} >= PROMISED


def test_every_error_is_public() -> None:
    """Can every error be caught by its name from the top?"""
    errors = {
        n for n, v in vars(exceptions).items() if isinstance(v, type) and issubclass(v, Exception)
    }
    assert errors <= {*dir(fastapi_crud)}


def test_all_public_names_have_docstrings() -> None:
    """Does everything public say what it is?"""
    missing = [
        name
        for name in dir(fastapi_crud)
        for value in [getattr(fastapi_crud, name)]
        if getattr(value, "__module__", "").startswith("fastapi_crud") and not value.__doc__
    ]
    assert missing == []


def test_router_options_are_crud_options() -> None:
    """Are the factory's keyword arguments exactly the fields of `CrudOptions`?"""
    classes = {"service", "create_schema", "update_schema", "read_schema"}
    hints = get_type_hints(CrudOptions)
    assert get_type_hints(RouterOptions).keys() | classes == {f.name for f in fields(CrudOptions)}
    assert {name: hints[name] for name in get_type_hints(RouterOptions)} == get_type_hints(
        RouterOptions
    )


EXTRAS = (
    "celery",
    "fastapi_offline",
    "jose",
    "opentelemetry.sdk",
    "sqladmin",
    "wtforms",
    "passlib",
    "asyncpg",
    "asyncmy",
    "psycopg",
    "httpx2",
    "pytest",
)


def test_importing_the_core_imports_no_extra() -> None:
    """Does all of `fastapi_crud` work with the base dependencies alone?"""
    code = f"import sys; sys.modules |= dict.fromkeys({EXTRAS!r}); from fastapi_crud import *"
    subprocess.run([sys.executable, "-c", code], check=True)


WITHOUT_HTTP = """
import sys
from fastapi_crud import Base, Database, Repository, Service
import fastapi_crud.tasks.celery
assert not {"fastapi", "starlette", "fastapi_crud.router"} & sys.modules.keys()
"""


def test_scripts_and_workers_load_no_fastapi() -> None:
    """Is what a script or a worker needs there without FastAPI, which takes long to load?"""
    subprocess.run([sys.executable, "-c", WITHOUT_HTTP], check=True)


def test_what_type_checkers_see_is_what_is_loaded() -> None:
    """Does each name that is imported for type checkers come from the same room at run time?"""
    source = Path(fastapi_crud.__file__).read_text(encoding="utf-8")
    told = {
        name: f"fastapi_crud.{room}"
        for room, names in re.findall(r"from fastapi_crud\.([\w.]+) import (\([^)]*\)|.*)", source)
        for name in public_api.EXPORT.findall(names)
    }
    homes: dict[str, str] = vars(fastapi_crud)["HOMES"]
    assert told == {name: f"fastapi_crud.{room}" for name, room in homes.items()}
    assert {name for name in homes if not hasattr(fastapi_crud, name)} == set()


def test_no_name_is_hidden_by_a_room() -> None:
    """Is a name that is also that of a room loaded at once, so that it does not become the room?"""
    rooms = {path.stem for path in Path(fastapi_crud.__file__).parent.iterdir()}
    code = f"import fastapi_crud; print(*{rooms!r} & {{*dir(fastapi_crud)}} - vars(fastapi_crud).keys())"
    late = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert late.stdout.split() == []
    assert [
        name for name in dir(fastapi_crud) if isinstance(getattr(fastapi_crud, name), ModuleType)
    ] == []


def test_unknown_names_are_told_as_ever() -> None:
    """Is a mistyped name an error, as with any module?"""
    with pytest.raises(AttributeError, match=r"module 'fastapi_crud' has no attribute 'Databse'"):
        getattr(fastapi_crud, "Databse")  # noqa: B009 - type checkers know that it is not there


def test_the_written_api_is_that_of_the_code() -> None:
    """Is each change of a promise written down, so that it is seen?"""
    written = public_api.SNAPSHOT.read_text(encoding="utf-8").splitlines()
    found = public_api.snapshot(public_api.ROOT).splitlines()
    changed = [*unified_diff(written, found, "written", "found", lineterm="")]
    assert not changed, "\n".join(["run `python -m tests.contract.public_api write`:", *changed])


RELEASED = """
class Service:
    def get(self, id: int) -> int: ...

class Repository(Service):
    def count(self, limit: int = 10) -> int: ...
    def _quickly(self, limit: int) -> int: ...

def make(name: str) -> Repository: ...
"""


@pytest.mark.parametrize(
    ("now", "later", "told"),
    [
        ("", "", []),
        ("limit: int = 10", "limit: int = 20", ["Repository.count: Parameter default was changed"]),
        (
            "name: str",
            "title: str",
            ["make: Parameter was added as required", "make: Parameter was removed"],
        ),
        ("name: str", "name: str, title: str = ''", []),
        ("self, id: int", "self", ["Service.get: Parameter was removed"]),
        ("def make", "def build", ["make: it is gone"]),
        ("_quickly", "_slowly", []),
    ],
    ids=["nothing", "default", "renamed", "added", "inherited", "gone", "private"],
)
def test_breaks_are_found(tmp_path: Path, now: str, later: str, told: list[str]) -> None:
    """Is what a caller would trip over told, and nothing else?"""
    for name, source in {"old": RELEASED, "new": RELEASED.replace(now, later)}.items():
        package = tmp_path / name / "fastapi_crud"
        (tmp_path / name / "docs").mkdir(parents=True)
        package.mkdir()
        (package / "rooms.py").write_text(source)
        (package / "__init__.py").write_text(
            "from fastapi_crud.rooms import Repository as Repository, make as make\n"
        )
    found = public_api.breaks(tmp_path / "old", tmp_path / "new")
    assert [line.replace("fastapi_crud.", "").replace("rooms.", "") for line in found] == told


@pytest.mark.parametrize(
    ("heading", "told"),
    [("### Breaking\n- `x` is gone\n", True), ("### Added\n- `x`\n", False), ("", False)],
)
def test_only_unreleased_breaks_count(heading: str, told: bool) -> None:
    """Must a break stand in the part of the changelog that comes with it?"""
    changelog = f"# Changelog\n\n## Unreleased\n\n{heading}\n## 0.1.0\n\n### Breaking\n- old\n"
    assert public_api.tells_breaks(changelog) is told


def test_the_last_tag_is_asked_of_git(tmp_path: Path) -> None:
    """Is a checkout without tags, or without git, compared with nothing?"""
    assert public_api.last_tag(tmp_path) is None

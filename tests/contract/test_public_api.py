"""The names that people import are those that are promised, and importing costs no extra."""

import subprocess
import sys
from dataclasses import fields
from typing import get_type_hints

import fastapi_crud
from fastapi_crud import CrudOptions, exceptions
from fastapi_crud.options import RouterOptions

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
    assert vars(fastapi_crud).keys() >= PROMISED


def test_every_error_is_public() -> None:
    """Can every error be caught by its name from the top?"""
    errors = {
        n for n, v in vars(exceptions).items() if isinstance(v, type) and issubclass(v, Exception)
    }
    assert errors <= vars(fastapi_crud).keys()


def test_all_public_names_have_docstrings() -> None:
    """Does everything public say what it is?"""
    missing = [
        name
        for name, value in vars(fastapi_crud).items()
        if not name.startswith("_")
        and getattr(value, "__module__", "").startswith("fastapi_crud")
        and not value.__doc__
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
    """Does `import fastapi_crud` work with the base dependencies alone?"""
    code = f"import sys; sys.modules |= dict.fromkeys({EXTRAS!r}); import fastapi_crud"
    subprocess.run([sys.executable, "-c", code], check=True)

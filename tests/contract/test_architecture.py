"""The house is in order: rooms are small, tests mirror them."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fastapi_crud"
ROOMS = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
SHOWN_ELSEWHERE = {
    "__main__.py": "tests/test_main.py",
    "auth/common_passwords.py": "tests/auth/test_passwords.py",
    "auth/desk.py": "tests/auth/test_account_endpoints.py",
    "auth/routes.py": "tests/auth/test_router.py",
    "fields.py": "tests/test_schemas.py",
    "insertions.py": "tests/test_batches.py",
    "kind.py": "tests/test_kinds.py",
    "lane.py": "tests/router/test_lanes.py",
    "lookups.py": "tests/test_upserts.py",
    "pages.py": "tests/router/test_lanes.py",
    "prepared.py": "tests/router/test_lanes.py",
    "router/formats.py": "tests/router/test_export.py",
    "resolution.py": "tests/test_options.py",
    "settling.py": "tests/test_writer.py",
    "query/asked.py": "a value without behaviour",
    "query/filterable.py": "tests/query/test_vocabulary.py",
    "router/dialects.py": "tests/router/test_wires.py",
    "router/wire_checks.py": "tests/router/test_wires.py",
    "router/wire_documentation.py": "tests/router/test_wires.py",
    "router/wire_parsing.py": "tests/router/test_wires.py",
    "router/write_checks.py": "tests/router/test_checks.py",
    "router/resource.py": "a value without behaviour",
    "router/parameters.py": "tests/contract/test_openapi.py",
    "router/documentation.py": "tests/contract/test_openapi.py",
    "router/responses.py": "tests/router/test_endpoints.py",
    "testing/accounts.py": "tests/testing/test_fixtures.py",
    "testing/apps.py": "tests/testing/test_fixtures.py",
    "testing/databases.py": "tests/testing/test_fixtures.py",
    "testing/jobs.py": "tests/testing/test_fixtures.py",
    "testing/statements.py": "tests/testing/test_connection.py",
    "tasks/__main__.py": "tests/tasks/test_main.py",
    "tasks/exceptions.py": "tests/tasks/test_execution.py",
}
"""Rooms without tests of their own name, and where their promises are tested."""


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_are_small(room: Path) -> None:
    """Has every module 300 lines at most, and a docstring that says what goes in?"""
    text = room.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert text.startswith('"""')


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_tests_mirror_the_rooms(room: Path) -> None:
    """Has every module its tests where a newcomer looks for them?"""
    relative = room.relative_to(PACKAGE)
    mirror = ROOT / "tests" / relative.parent / f"test_{relative.name}"
    assert mirror.exists() or str(relative) in SHOWN_ELSEWHERE

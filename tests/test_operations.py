"""The operations of a resource: whose rules hold for one that has none of its own."""

from typing import Any, get_args

import pytest
from hypothesis import given, strategies as st

from fastapi_crud import CrudOptions
from fastapi_crud.operations import (
    CREATING,
    DEFAULT_OPERATIONS,
    FILLING,
    GUARDED_LIKE,
    OPERATIONS,
    READING,
    SCOPED_LIKE,
    Operation,
    like,
)

listings = st.dictionaries(st.sampled_from(OPERATIONS), st.integers())


def test_the_tables_know_all_operations() -> None:
    """Do the type and the tables name the same operations, each its own first?"""
    assert get_args(Operation) == OPERATIONS
    assert {*DEFAULT_OPERATIONS} <= {*OPERATIONS}
    assert SCOPED_LIKE.keys() == {*OPERATIONS}
    assert GUARDED_LIKE.keys() <= {*OPERATIONS}
    assert {*OPERATIONS} >= READING | FILLING >= CREATING
    for table in (SCOPED_LIKE, GUARDED_LIKE):
        for operation, lookups in table.items():
            for names in lookups:
                assert names[0] == operation
                assert {*names} <= {*OPERATIONS}


@given(listed=listings, operation=st.sampled_from(OPERATIONS))
def test_what_is_listed_for_an_operation_counts_alone(
    listed: dict[Operation, int], operation: Operation
) -> None:
    """Is its like asked only where it has nothing of its own, and nothing given twice?"""
    found = like(listed, SCOPED_LIKE[operation])
    if operation in listed:
        assert found == [listed[operation]]
    near = {name for names in SCOPED_LIKE[operation] for name in names}
    assert bool(found) is bool(near & listed.keys())
    assert len(found) <= len(SCOPED_LIKE[operation])


FALLBACKS: list[tuple[Operation, dict[Any, str], list[str], list[str]]] = [
    # operation, what is listed, its scopes, its dependencies
    ("list", {"get": "g"}, ["g"], []),
    ("list", {"search": "s", "get": "g"}, ["g"], []),
    ("get", {"list": "l"}, ["l"], []),
    ("search", {"list": "l"}, ["l"], ["l"]),
    ("search", {"get": "g"}, ["g"], []),
    ("create", {"update": "u"}, [], []),
    ("update", {"replace": "r"}, ["r"], []),
    ("replace", {"update": "u"}, ["u"], []),
    ("delete", {"update": "u", "replace": "r"}, ["u"], []),
    ("restore", {"delete": "d", "update": "u"}, ["d"], ["d"]),
    ("restore", {"update": "u"}, ["u"], []),
    ("purge", {"delete": "d"}, ["d"], []),
    ("purge", {"replace": "r"}, ["r"], []),
    ("batch_create", {"create": "c"}, ["c"], ["c"]),
    ("batch_create", {"create": "c", "batch_create": "b"}, ["b"], ["b"]),
    ("batch_update", {"update": "u"}, ["u"], ["u"]),
    ("batch_update", {"replace": "r"}, ["r"], []),
    ("batch_delete", {"delete": "d", "batch_update": "b"}, ["d"], ["d"]),
    ("upsert", {"create": "c", "update": "u"}, ["c", "u"], ["c", "u"]),
    ("upsert", {"create": "c", "replace": "r"}, ["c", "r"], ["c"]),
    ("upsert", {"update": "u"}, ["u"], ["u"]),
    ("upsert", {"upsert": "x", "create": "c", "update": "u"}, ["x"], ["x"]),
    ("upsert", {"delete": "d"}, [], []),
]


@pytest.mark.parametrize(
    ("operation", "listed", "scopes", "dependencies"),
    FALLBACKS,
    ids=[f"{row[0]} of {', '.join(row[1])}" for row in FALLBACKS],
)
def test_no_operation_is_a_way_around_another(
    operation: Operation, listed: dict[Any, str], scopes: list[str], dependencies: list[str]
) -> None:
    """Whose scope and whose dependencies hold for an operation that is not listed?"""
    scope: Any = listed
    options = CrudOptions(scope=scope, dependencies={k: [v] for k, v in listed.items()})
    found: Any = options.scopes_of(operation)
    assert found == scopes
    assert options.dependencies_of(operation) == dependencies


def test_what_is_for_all_holds_for_all() -> None:
    """Do a scope and dependencies that name no operation hold for every one, beside the others?"""

    async def everywhere() -> None: ...

    async def reading() -> None: ...

    scopes: list[tuple[Any, list[Any]]] = [
        (everywhere, []), ([everywhere, {"get": reading}], [reading]),
    ]  # fmt: skip
    for scope, more in scopes:
        options = CrudOptions(scope=scope, dependencies=[everywhere])
        for operation in OPERATIONS:
            expected = more if operation in READING else []
            assert options.scopes_of(operation) == [everywhere, *expected]
            assert options.dependencies_of(operation) == [everywhere]
    assert CrudOptions().scopes_of("get") == []
    assert CrudOptions().dependencies_of("get") == []

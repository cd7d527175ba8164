"""Header fields are read as Starlette reads them."""

import pytest
from starlette.datastructures import Headers

from fastapi_crud.router.headers import header_lines

SCOPE = {"headers": [(b"if-match", b'"a"'), (b"prefer", b"\xe4"), (b"if-match", b'"b", "c"')]}


@pytest.mark.parametrize("name", ["if-match", "prefer", "if-none-match"])
def test_all_lines_of_a_field(name: str) -> None:
    """Are all lines given, in their order, and none of others?"""
    assert header_lines(SCOPE, name.encode()) == Headers(scope=SCOPE).getlist(name)

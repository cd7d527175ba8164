"""Header fields are read as Starlette reads them."""

import pytest
from starlette.datastructures import Headers

from fastapi_crud.router.headers import header_lines, media_type_of

SCOPE = {"headers": [(b"if-match", b'"a"'), (b"prefer", b"\xe4"), (b"if-match", b'"b", "c"')]}


@pytest.mark.parametrize("name", ["if-match", "prefer", "if-none-match"])
def test_all_lines_of_a_field(name: str) -> None:
    """Are all lines given, in their order, and none of others?"""
    assert header_lines(SCOPE, name.encode()) == Headers(scope=SCOPE).getlist(name)


@pytest.mark.parametrize(
    ("value", "media_type"),
    [(b"Text/CSV; charset=utf-8", "text/csv"), (b" application/json ", "application/json")],
)
def test_the_media_type_of_a_body(value: bytes, media_type: str) -> None:
    """Is it given without its parameters, and nothing where there is none?"""
    assert media_type_of({"headers": [(b"content-type", value)]}) == media_type
    assert media_type_of({"headers": []}) == ""

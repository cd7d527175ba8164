"""What a client accepts: the media type that suits it best."""

import pytest

from fastapi_crud.router.negotiation import best_of

OFFERED = ("application/json", "text/csv", "application/x-ndjson")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("application/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV; Charset=utf-8", "text/csv"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        ("text/csv, application/json", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("text/csv;q=0.1, */*;q=0.9", "application/json"),
        ("*/*, application/json;q=0", "text/csv"),
        ("text/*;q=0.2, text/csv;q=0.9, application/x-ndjson;q=0.5", "text/csv"),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "application/json"),
        ("application/json;q=x, text/csv;q=0.1", "text/csv"),
        ("text/csv;q=2, ;q=1, , application/x-ndjson;q=0.001", "application/x-ndjson"),
        ("image/png", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
    ],
)
def test_the_best_is_chosen(accept: str, chosen: str | None) -> None:
    """Do quality, then exactness, then our own order decide, and is unreadable text passed over?"""
    assert best_of(accept, OFFERED) == chosen

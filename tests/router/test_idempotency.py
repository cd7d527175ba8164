"""The key of a request: how it is written, whose it is, and what was asked with it."""

from typing import Any

import pytest
from fastapi import Request

from fastapi_crud.exceptions import InvalidIdempotencyKey
from fastapi_crud.router.idempotency import fingerprint_of, principal_of, read_key, scope_of


def asked(*headers: tuple[str, str], body: bytes = b"", query: str = "") -> Request:
    """A request as it comes from the server."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/notes",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "server": ("test", 80),
    }
    return Request(scope, receive)


READABLE = {
    "8e03978e-40d5-43dd-bc93-6894a57f9324": "8e03978e-40d5-43dd-bc93-6894a57f9324",
    '"8e03978e-40d5-43dd-bc93-6894a57f9324"': "8e03978e-40d5-43dd-bc93-6894a57f9324",
    " abc\t": "abc",
    "a b, c\\d;e=1": "a b, c\\d;e=1",
    '" a b "': " a b ",
    r'"a\"b\\c"': r'a"b\c',
    "a" * 255: "a" * 255,
    f'"{"~" * 255}"': "~" * 255,
    '"' + r"\"" * 255 + '"': '"' * 255,
}

UNREADABLE = [
    "",
    " ",
    '""',
    "a" * 256,
    f'"{"a" * 256}"',
    "a\x7f",
    "a\tb",
    "clé",
    '"clé"',
    '"a\tb"',
    '"',
    '"a',
    'a"',
    'a"b',
    '"a"b"',
    r'"a\b"',
    '"a\\"',
    '"a", "b"',
    '"a";b=1',
    "a\n",
    '"a"\n',
]


def test_a_key_is_read() -> None:
    """Is a key the same, quoted or not?"""
    for text, key in READABLE.items():
        for required in (True, False):
            assert read_key(asked(("Idempotency-Key", text)), required=required) == key, text


def test_a_malformed_key_is_refused() -> None:
    """Is what cannot be a key refused, wanted or not?"""
    cases = [[("Idempotency-Key", text)] for text in UNREADABLE]
    for headers in [*cases, [("Idempotency-Key", "a")] * 2]:
        for required in (True, False):
            with pytest.raises(InvalidIdempotencyKey):
                read_key(asked(*headers), required=required)


def test_a_key_may_be_missing_unless_required() -> None:
    """Is a request without a key refused only where it must have one?"""
    assert read_key(asked(), required=False) is None
    with pytest.raises(InvalidIdempotencyKey, match="Send an Idempotency-Key"):
        read_key(asked(), required=True)


def test_a_principal_is_the_actor_or_the_credentials() -> None:
    """Do other credentials make another principal, unless the actor is known?"""
    ann, bob = ("Authorization", "Bearer ann"), ("Authorization", "Bearer bob")
    moved, cookie = ("Cookie", "Bearer ann"), ("Cookie", "session=1")
    callers = [(), (ann,), (bob,), (moved,), (cookie,), (ann, cookie)]
    principals = [principal_of(asked(*headers), None) for headers in callers]
    assert len({*principals}) == len(callers)
    assert principals[0] == ""
    assert not any("ann" in principal for principal in principals)
    assert principals[1] == principal_of(asked(ann, ("Accept", "*/*")), None)
    assert {principal_of(asked(*headers), {"id": 7}) for headers in callers} == {"7"}


async def test_a_fingerprint_tells_requests_apart() -> None:
    """Does whatever is asked make another fingerprint, and nothing else?"""
    json, text = ("Content-Type", "application/json"), ("Content-Type", "text/plain")
    requests = [
        asked(body=b"{}"),
        asked(json, body=b"{}"),
        asked(text, body=b"{}"),
        asked(json, body=b"[]"),
        asked(json, body=b"{}", query="a=1"),
        asked(json, body=b"{}", query="a=2"),
    ]
    fingerprints = [await fingerprint_of(request) for request in requests]
    assert len({*fingerprints}) == len(requests)
    assert {len(fingerprint) for fingerprint in fingerprints} == {64}
    same = asked(json, ("Accept", "*/*"), ("Idempotency-Key", "k"), body=b"{}")
    assert await fingerprint_of(same) == fingerprints[1]
    assert await same.body() == b"{}"


def test_a_scope_says_where_a_key_counts() -> None:
    """Is a key scoped to caller, method and path?"""
    assert scope_of(asked(query="a=1"), "ann", "k") == ("ann", "POST", "/notes", "k")

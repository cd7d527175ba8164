"""The bodies of auth: bounded, without anything unknown, and secret where they should be."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from fastapi_crud.auth import bodies
from fastapi_crud.models import uuid7

TOKEN = "x" * 47
GOOD: Mapping[type[BaseModel], dict[str, Any]] = {
    bodies.Credentials: {"username": "ann", "password": "p"},
    bodies.RefreshToken: {"refresh_token": TOKEN},
    bodies.PasswordChange: {"current_password": "p", "new_password": "12345678"},
    bodies.Address: {"email": "ann@example.com"},
    bodies.LinkToken: {"token": TOKEN},
    bodies.PasswordReset: {"token": TOKEN, "new_password": "12345678"},
    bodies.EmailChange: {"new_email": "ann@example.com", "current_password": "p"},
    bodies.ApiKeyCreate: {"name": "backup"},
}
SECRETS = {"password", "current_password", "new_password", "token", "refresh_token"}
BODIES = pytest.mark.parametrize("body", [*GOOD], ids=lambda body: body.__name__)
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def refused(body: type[BaseModel], **given: object) -> list[tuple[str, str]]:
    """What is wrong, and where."""
    with pytest.raises(ValidationError) as refusal:
        body.model_validate({**GOOD[body], **given})
    return [(str(error["loc"][0]), error["type"]) for error in refusal.value.errors()]


@BODIES
def test_bodies_are_what_they_are(body: type[BaseModel]) -> None:
    """Is a good body taken, and one with anything more refused?"""
    taken = body.model_validate(GOOD[body]).model_dump(exclude_unset=True)
    assert taken == GOOD[body]
    assert refused(body, is_superuser=True) == [("is_superuser", "extra_forbidden")]


@BODIES
@pytest.mark.parametrize("text", ["long enough\0", "long enough\ud800"], ids=["NUL", "surrogate"])
def test_bodies_can_be_stored(body: type[BaseModel], text: str) -> None:
    """Is no text taken that a database or a hash could not?"""
    for name in GOOD[body]:
        ((wrong, kind),) = refused(body, **{name: text})
        assert wrong == name
        assert kind in {"value_error", "string_unicode"}


@BODIES
def test_secrets_are_shown_as_such(body: type[BaseModel]) -> None:
    """Does the document say which fields are secret, and how long they are?"""
    for name, schema in body.model_json_schema()["properties"].items():
        secret = name in SECRETS
        assert (schema.get("format") == "password") is secret
        assert schema.get("writeOnly", False) is secret
        assert not secret or {"minLength", "maxLength"} <= schema.keys()


BOUNDS: Sequence[tuple[type[BaseModel], str, int, int]] = [
    (bodies.Credentials, "username", 0, 1024),
    (bodies.Credentials, "password", 1, 1024),
    (bodies.Credentials, "scope", 0, 1024),
    (bodies.RefreshToken, "refresh_token", 1, 512),
    (bodies.PasswordChange, "current_password", 1, 1024),
    (bodies.PasswordChange, "new_password", 8, 1024),
    (bodies.PasswordReset, "new_password", 8, 1024),
    (bodies.LinkToken, "token", 1, 512),
    (bodies.ApiKeyCreate, "name", 1, 100),
]


@pytest.mark.parametrize(
    ("body", "name", "least", "most"), BOUNDS, ids=[f"{it[0].__name__}.{it[1]}" for it in BOUNDS]
)
def test_texts_have_bounds(body: type[BaseModel], name: str, least: int, most: int) -> None:
    """Is a text taken from its least to its greatest length, and told so in words of texts?"""
    for length in (least, most):
        taken = body.model_validate({**GOOD[body], name: "x" * length})
        assert getattr(taken, name) == "x" * length
    assert refused(body, **{name: "x" * (most + 1)}) == [(name, "string_too_long")]
    if least:
        assert refused(body, **{name: "x" * (least - 1)}) == [(name, "string_too_short")]


@pytest.mark.parametrize("body", [bodies.Address, bodies.EmailChange])
def test_addresses_are_stored_in_one_way(body: type[BaseModel]) -> None:
    """Is an address normalized, and anything else refused?"""
    (name,) = {*GOOD[body]} & {"email", "new_email"}
    taken = body.model_validate({**GOOD[body], name: "Ann@EXAMPLE.com"})
    assert getattr(taken, name) == "Ann@example.com"
    assert refused(body, **{name: "Ann <ann@example.com>"}) == [(name, "value_error")]


SCOPES: Sequence[tuple[list[Any], bool]] = [
    ([], True),
    (["posts:write", "a.b/c-d_e~!#"], True),
    ([""], False),
    (["a b"], False),
    (['"'], False),
    (["\\"], False),
    (["a\n"], False),
    (["\xe9"], False),
    ([1], False),
    (["x" * 101], False),
    (["x"] * 101, False),
]


@pytest.mark.parametrize(("scopes", "taken"), SCOPES, ids=lambda it: ascii(it)[:20])
def test_scopes_are_those_of_oauth(scopes: list[Any], taken: bool) -> None:
    """Is a scope of the characters of RFC 6749 §3.3, so that it can stand in a header?"""
    if taken:
        assert bodies.ApiKeyCreate(name="k", scopes=scopes).scopes == scopes
    else:
        assert {name for name, _ in refused(bodies.ApiKeyCreate, scopes=scopes)} == {"scopes"}


MOMENTS: Sequence[tuple[object, datetime | None]] = [
    ("2027-01-01T00:00:00Z", NOW),
    ("2027-01-01T01:00:00+01:00", NOW),
    ("2027-01-01T00:00:00", None),
    ("2027-01-01", None),
    ("1798761600", None),
    (1798761600, None),
    ("9999-12-31T23:59:59-23:59", None),
    ("0001-01-01T00:00:00+14:00", None),
    ("soon", None),
]


@pytest.mark.parametrize(("given", "taken"), MOMENTS, ids=str)
def test_keys_expire_at_a_moment(given: object, taken: datetime | None) -> None:
    """Is a moment read as everywhere else: text with an offset, within what can be stored?"""
    if taken is not None:
        key = bodies.ApiKeyCreate.model_validate({"name": "k", "expires_at": given})
        assert (key.expires_at, key.expires_at and key.expires_at.tzinfo) == (taken, UTC)
    else:
        assert refused(bodies.ApiKeyCreate, expires_at=given)[0][0] == "expires_at"


def test_stored_keys_are_shown_without_their_hash() -> None:
    """Is a key shown once, and never its hash?"""
    stored = {
        "id": uuid7(), "user_id": 1, "name": "k", "token_hash": "h" * 64, "scopes": "a b",
        "created_at": NOW, "expires_at": None, "revoked_at": None,
    }  # fmt: skip
    shown = bodies.ApiKeyRead.of(stored)
    assert shown.scopes == ["a", "b"]
    assert {*shown.model_dump()} == {"id", "name", "scopes", "created_at", "expires_at"}
    new = bodies.NewApiKey.of({**stored, "key": "fck_x"})
    assert new.model_dump() == {**shown.model_dump(), "key": "fck_x"}

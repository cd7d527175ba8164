"""The reference of auth says what the code does."""

import re
from typing import get_args

import pytest

from fastapi_crud import auth
from fastapi_crud.auth import AuthError, AuthSettings, EmailTaken, WeakPassword
from fastapi_crud.auth.bodies import Tokens
from fastapi_crud.auth.events import WARNINGS, EventName
from fastapi_crud.auth.routes import ROUTES
from fastapi_crud.auth.tokens import codec_of
from fastapi_crud.exceptions import CrudError, InvalidData, UniqueViolation
from fastapi_crud.router.problems import STATUSES
from tests.docs.conftest import DOCS, ENVIRONMENT

PAGE = (DOCS / "reference" / "auth.md").read_text()

GENERAL = {415, 422, 503}
"""Statuses that the page says of all endpoints of a kind, in one sentence."""
NEEDS = {
    None: "",
    "registration": "`registration=True`, the default",
    "mail": "a notifier",
    "api_keys": "`api_keys=True`",
    "cookies": "`cookies=Cookies()`",
    "jwks": "`make_auth_router(..., jwks=True)`",
}
"""What an endpoint needs → how the page says so."""


def test_the_table_of_endpoints_is_complete() -> None:
    """Does each endpoint stand in the table with its status, refusals and condition?"""
    told = [
        (method, path, int(status), {*map(int, re.findall(r"\d+", refusals))}, needs.strip())
        for method, path, status, refusals, needs in re.findall(
            r"^\| `([A-Z]+) (\S+)` \| (\d+)[^|]*\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE
        )
    ]
    assert told == [
        (row.method, row.path, row.status, {*row.problems} - GENERAL, NEEDS[row.needs])
        for row in ROUTES
    ]


def test_what_is_said_of_all_endpoints_holds() -> None:
    """Are 415 and 422 answers of endpoints with a body, and 503 of all that use the database?"""
    for row in ROUTES:
        reads_body = row.body is not None or row.document is not None
        assert ({415, 422} <= {*row.problems}) is reads_body, row.path
        assert (503 in row.problems) is (row.needs != "jwks"), row.path


def test_the_tokens_are_as_told() -> None:
    """Does the page name the keys of an answer with tokens?"""
    assert f"`{{{', '.join(Tokens.model_fields)}}}`" in PAGE


def test_the_table_of_errors_is_complete() -> None:
    """Does each error stand in the table with its status and code?"""
    rows = re.findall(r"^\| `([A-Z]\w+)` \| (\d+) \| `(\w+)` \|", PAGE, re.MULTILINE)
    told = {name: (int(status), code) for name, status, code in rows}
    assert len(rows) == len(told)
    kinds = [value for value in vars(auth).values() if isinstance(value, type)]
    refusals = {it.__name__: (it.status, it.code) for it in kinds if issubclass(it, AuthError)}
    others = {
        it.__name__: (STATUSES[parent][0], it.code)
        for it, parent in ((EmailTaken, UniqueViolation), (WeakPassword, InvalidData))
    }
    assert told == refusals | others
    assert others.keys() == {it.__name__ for it in kinds if issubclass(it, CrudError)}


def test_the_table_of_settings_is_complete() -> None:
    """Does each setting stand in the table by its name in the environment, with its default?"""
    section = PAGE.partition("## Settings")[2].partition("## Events")[0]
    told = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\|", section, re.MULTILINE)
    fields = AuthSettings.model_fields
    assert told == [
        (
            str(spec.validation_alias or name.upper()),
            ""
            if (default := spec.get_default(call_default_factory=True)) is None
            else str(default),
        )
        for name, spec in fields.items()
    ]


def test_both_keys_work_while_one_replaces_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do tokens of a `SECRET_KEY` hold under `AUTH_KEYS` as the page writes them?"""
    (text,) = re.findall(r"`AUTH_KEYS=(\{.*?\})`", PAGE)
    old = ENVIRONMENT["SECRET_KEY"]
    keys = text.replace("the new one", old[::-1]).replace("the old one", old)
    claims = {"sub": "1", "sid": "2"}
    token = codec_of(AuthSettings(secret_key=old)).encode(claims)
    monkeypatch.setenv("AUTH_KEYS", keys)
    settings = AuthSettings()
    assert codec_of(settings).decode(token).items() >= claims.items()
    assert [*settings.signing_keys()] == ["2030-02", "default"]


def test_the_table_of_events_is_complete() -> None:
    """Does each event stand in the table, and are warnings called so?"""
    section = PAGE.partition("## Events")[2].partition("## Users")[0]
    told = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    assert [name for name, _ in told] == [*get_args(EventName)]
    assert {name for name, says in told if says.endswith("a warning")} == WARNINGS


def test_every_public_name_has_its_entry() -> None:
    """Is everything that `fastapi_crud.auth` exports in the reference, and nothing else?"""
    entries = re.findall(r"^::: fastapi_crud\.auth\.(\w+)$", PAGE, re.MULTILINE)
    text = (DOCS.parent / "fastapi_crud" / "auth" / "__init__.py").read_text()
    public = re.findall(r"\b(\w+) as \1\b", text)
    assert sorted(entries) == sorted(public)

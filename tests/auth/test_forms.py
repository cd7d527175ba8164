"""The body of a login: a form or JSON, small, and read in one way only."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given, strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request

from fastapi_crud import Database
from fastapi_crud.auth.bodies import Credentials
from fastapi_crud.auth.forms import FORM, MAX_BODY, login_document, read_credentials
from fastapi_crud.exceptions import UnsupportedMediaType
from tests.auth.world import ANN, PASSWORD, app_of, sign_up
from tests.conftest import Serve

JSON = "application/json"
ZOE = {"username": "zoe", "password": "p"}


def request_of(body: bytes, media_type: str | None = FORM, size: int = 1000) -> Request:
    """A request whose body comes in pieces."""
    headers = [] if media_type is None else [(b"content-type", media_type.encode("latin-1"))]
    pieces = [body[start : start + size] for start in range(0, len(body), size)] or [b""]

    async def messages() -> AsyncIterator[dict[str, Any]]:
        for index, piece in enumerate(pieces):
            more = index + 1 < len(pieces)
            yield {"type": "http.request", "body": piece, "more_body": more}

    receive = messages().__anext__
    scope = {"type": "http", "method": "POST", "path": "/login", "headers": headers}
    return Request(scope, receive)


async def read(body: bytes, media_type: str | None = FORM) -> tuple[str, str, str]:
    """What a body says."""
    given = await read_credentials(request_of(body, media_type))
    return given.username, given.password, given.scope


async def refused(body: bytes, media_type: str = FORM) -> list[dict[str, Any]]:
    """Why a body is refused."""
    with pytest.raises(RequestValidationError) as refusal:
        await read(body, media_type)
    errors: list[dict[str, Any]] = [*refusal.value.errors()]
    return errors


# Forms


FORMS: Mapping[str, tuple[bytes, tuple[str, str, str]]] = {
    "plain": (b"username=zoe&password=p", ("zoe", "p", "")),
    "as OAuth2 has it": (
        b"grant_type=password&username=zoe&password=p&scope=a+b", ("zoe", "p", "a b"),
    ),
    "what clients send besides": (
        b"username=zoe&password=p&client_id=x&client_secret=y&audience=z", ("zoe", "p", ""),
    ),
    "empty extras": (b"username=zoe&password=p&scope=&client_id=", ("zoe", "p", "")),
    "by another name": (b"email=zoe&password=p", ("zoe", "p", "")),
    "encoded": (b"username=zo%C3%AB&password=%26%3D+%2B%20", ("zo\xeb", "&= + ", "")),
    "bare UTF-8": ("username=zo\xeb&password=p".encode(), ("zo\xeb", "p", "")),
    "percent junk": (b"username=zoe&password=%zz%1", ("zoe", "%zz%1", "")),
    "an equals sign": (b"username=zoe&password=a=b=", ("zoe", "a=b=", "")),
    "empty pairs": (b"&username=zoe&&password=p&", ("zoe", "p", "")),
    "a semicolon": (b"username=zoe&password=a;b", ("zoe", "a;b", "")),
    "many fields": (
        b"username=zoe&password=p&" + b"&".join(b"x%d=1" % n for n in range(18)), ("zoe", "p", ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "said"), FORMS.values(), ids=[*FORMS])
async def test_forms_are_read(body: bytes, said: tuple[str, str, str]) -> None:
    """Is a form read as browsers and OAuth2 clients write it?"""
    assert await read(body) == said


BAD_FORMS: Mapping[str, tuple[bytes, str, Sequence[str]]] = {
    "a repeated field": (b"username=zoe&password=p&username=ann", "form_invalid", ["body"]),
    "a repeated field that is unknown": (
        b"username=zoe&password=p&x=1&x=1", "form_invalid", ["body"],
    ),
    "bad UTF-8": (b"username=zo\xeb&password=p", "form_invalid", ["body"]),
    "bad UTF-8, encoded": (b"username=zo%EB&password=p", "form_invalid", ["body"]),
    "half a surrogate pair": (b"username=%ED%A0%80&password=p", "form_invalid", ["body"]),
    "too many fields": (
        b"&".join(b"x%d=1" % n for n in range(21)), "form_invalid", ["body"],
    ),
    "another grant": (
        b"grant_type=refresh_token&username=zoe&password=p", "form_invalid", ["body", "grant_type"],
    ),
    "an empty grant": (
        b"grant_type=&username=zoe&password=p", "form_invalid", ["body", "grant_type"],
    ),
    "nothing": (b"", "missing", ["body", "username"]),
    "no password": (b"username=zoe", "missing", ["body", "password"]),
    "an empty password": (
        b"username=zoe&password=", "string_too_short", ["body", "password"],
    ),
    "a password too long": (
        b"username=zoe&password=" + b"x" * 1025, "string_too_long", ["body", "password"],
    ),
    "NUL": (b"username=zoe&password=p%00", "value_error", ["body", "password"]),
    "two names": (
        b"username=zoe&email=ann&password=p", "value_error", ["body"],
    ),
    "JSON": (b'{"username": "zoe", "password": "p"}', "missing", ["body", "username"]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "loc"), BAD_FORMS.values(), ids=[*BAD_FORMS])
async def test_bad_forms_are_refused(body: bytes, kind: str, loc: Sequence[str]) -> None:
    """Is it told what is wrong and where, without what was sent?"""
    error = (await refused(body))[0]
    assert (error["type"], list(error["loc"])) == (kind, loc)
    assert error.keys() == {"type", "loc", "msg"}
    assert "zoe" not in error["msg"]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)


@given(texts, texts.filter(bool), texts)
async def test_any_text_arrives(username: str, password: str, scope: str) -> None:
    """Is a form of any language read as it was written?"""
    body = urlencode({"username": username, "password": password, "scope": scope}).encode()
    assert await read(body) == (username, password, scope)


# JSON


JSON_BODIES: Mapping[str, tuple[bytes, tuple[str, str, str]]] = {
    "plain": (b'{"username": "zoe", "password": "p"}', ("zoe", "p", "")),
    "by another name": (b'{"email": "zoe", "password": "p"}', ("zoe", "p", "")),
    "with scopes": (b'{"username": "zoe", "password": "p", "scope": "a b"}', ("zoe", "p", "a b")),
    "escaped": (b'{"username": "zo\\u00eb", "password": "p"}', ("zo\xeb", "p", "")),
    "bare UTF-8": ('{"username": "zo\xeb", "password": "p"}'.encode(), ("zo\xeb", "p", "")),
}


@pytest.mark.parametrize(("body", "said"), JSON_BODIES.values(), ids=[*JSON_BODIES])
async def test_json_is_read(body: bytes, said: tuple[str, str, str]) -> None:
    """Is JSON read that has the same fields as the form?"""
    assert await read(body, JSON) == said


BAD_JSON: Mapping[str, tuple[bytes, str, Sequence[str]]] = {
    "nothing": (b"", "json_invalid", ["body"]),
    "no JSON": (b"username=zoe&password=p", "json_invalid", ["body"]),
    "bad UTF-8": (b'{"username": "zo\xeb", "password": "p"}', "json_invalid", ["body"]),
    "no object": (b'["zoe", "p"]', "model_type", ["body"]),
    "no password": (b'{"username": "zoe"}', "missing", ["body", "password"]),
    "null": (b'{"username": "zoe", "password": null}', "string_type", ["body", "password"]),
    "a number": (b'{"username": "zoe", "password": 1}', "string_type", ["body", "password"]),
    "something else": (
        b'{"username": "zoe", "password": "p", "role": 1}', "extra_forbidden", ["body", "role"],
    ),
    "a grant": (
        b'{"username": "zoe", "password": "p", "grant_type": "password"}', "extra_forbidden",
        ["body", "grant_type"],
    ),
    "NUL": (b'{"username": "zoe\\u0000", "password": "p"}', "value_error", ["body", "username"]),
    "deep": (b"[" * 10_000, "json_invalid", ["body"]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "loc"), BAD_JSON.values(), ids=[*BAD_JSON])
async def test_bad_json_is_refused(body: bytes, kind: str, loc: Sequence[str]) -> None:
    """Is it told what is wrong and where, without what was sent?"""
    error = (await refused(body, JSON))[0]
    assert (error["type"], list(error["loc"])) == (kind, loc)
    assert error.keys() == {"type", "loc", "msg"}


# Either


@pytest.mark.parametrize(
    "media_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper(), f" {FORM} "], ids=repr
)
async def test_forms_are_known(media_type: str) -> None:
    """Is a form known by its media type, however that is written?"""
    assert await read(urlencode(ZOE).encode(), media_type) == ("zoe", "p", "")


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "multipart/form-data; boundary=x", "application/xml",
     "application/jsonx", "text/json", f"x/{FORM}", "\xe9"],
    ids=repr,
)  # fmt: skip
async def test_other_media_types_are_refused(media_type: str | None) -> None:
    """Is a body refused that is neither, whatever is in it?"""
    for body in (urlencode(ZOE).encode(), b'{"username": "zoe", "password": "p"}'):
        with pytest.raises(UnsupportedMediaType):
            await read(body, media_type)


@pytest.mark.parametrize("media_type", [FORM, JSON])
async def test_large_bodies_are_refused(media_type: str) -> None:
    """Is a body refused as soon as it is too large, however small its pieces are?"""
    body = {
        FORM: b"username=zoe&password=p&x=" + b"x" * MAX_BODY,
        JSON: b'{"username": "zoe", "password": "p"}' + b" " * MAX_BODY,
    }[media_type]
    assert await read(body[:MAX_BODY], media_type) == ("zoe", "p", "")
    with pytest.raises(HTTPException) as refusal:
        await read(body[: MAX_BODY + 1], media_type)
    assert refusal.value.status_code == 413


def test_both_are_documented() -> None:
    """Does the document show a form as OAuth2 has it, and JSON, and hide the password?"""
    body = login_document()["requestBody"]
    assert body["required"] is True
    form, json = (body["content"][it]["schema"] for it in (FORM, JSON))
    assert {*form["properties"]} == {"grant_type", "username", "password", "scope"}
    assert {*json["properties"]} == {"username", "password", "scope"}
    assert form["title"] != json["title"]
    assert form["required"] == json["required"] == ["username", "password"]
    assert json["additionalProperties"] is False
    assert "additionalProperties" not in form
    assert form["properties"]["password"]["format"] == "password"
    assert Credentials.model_json_schema() == json


LOGINS: Mapping[str, tuple[dict[str, Any], int]] = {
    "form": ({"data": {"username": ANN, "password": PASSWORD}}, 200),
    "json": ({"json": {"email": ANN, "password": PASSWORD}}, 200),
    "bad form": ({"data": {"username": ANN}}, 422),
    "multipart": ({"files": {"username": ANN.encode()}}, 415),
    "large": ({"data": {"username": "x" * 20_000, "password": "p"}}, 413),
}


@pytest.mark.parametrize(("sent", "status"), LOGINS.values(), ids=[*LOGINS])
async def test_logins_over_http(
    lite: Database, serve: Serve, sent: dict[str, Any], status: int
) -> None:
    """Does the endpoint take both, and answer others with a problem?"""
    client = serve(lite, app=app_of())
    await sign_up(client)
    answer = await client.post("/auth/login", **sent)
    assert answer.status_code == status
    assert (status == 200) is ("access_token" in answer.json())
    assert PASSWORD not in answer.text

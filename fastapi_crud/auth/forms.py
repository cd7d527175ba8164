"""The body of a login: a form, as OAuth2 has it, or JSON."""

from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from fastapi_crud.auth.bodies import Credentials
from fastapi_crud.exceptions import UnsupportedMediaType
from fastapi_crud.router.headers import media_type_of

FORM = "application/x-www-form-urlencoded"
MAX_BODY = 16_384
"""Bytes that a login may have."""
MAX_FIELDS = 20


async def read_credentials(request: Request) -> Credentials:
    """Read who wants to log in (RFC 6749 §4.3.2).

    Raises:
        UnsupportedMediaType: If the body is neither a form nor JSON.
        RequestValidationError: If something is missing, repeated or too long.
    """
    media_type = media_type_of(request.scope)
    if media_type == FORM:
        return _checked(_read_form(await _read_body(request)))
    if media_type != "application/json":
        raise UnsupportedMediaType
    try:
        return Credentials.model_validate_json(await _read_body(request))
    except ValidationError as error:
        raise _invalid(error) from None


def login_document() -> dict[str, Any]:
    """Document both forms of the body."""
    schema = Credentials.model_json_schema()
    grant = {"type": "string", "pattern": "^password$", "description": "As OAuth2 has it."}
    form = {**schema, "properties": {"grant_type": grant, **schema["properties"]}}
    form.pop("additionalProperties", None)
    form["title"] = "LoginForm"
    content = {FORM: {"schema": form}, "application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


async def _read_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    return body


def _read_form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise RequestValidationError([_issue("form_invalid", "The form cannot be read")]) from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise RequestValidationError([_issue("form_invalid", "A field of the form is repeated")])
    if fields.pop("grant_type", "password") != "password":
        msg = "Only the grant type password is known here"
        raise RequestValidationError([_issue("form_invalid", msg, "grant_type")])
    return fields


def _checked(fields: dict[str, str]) -> Credentials:
    known = {*Credentials.model_fields, "email"}
    try:  # what OAuth2 clients send besides is passed over (RFC 6749 §3.2)
        return Credentials.model_validate({k: v for k, v in fields.items() if k in known})
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> RequestValidationError:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in details])


def _issue(kind: str, text: str, *loc: str) -> dict[str, Any]:
    return {"type": kind, "loc": ("body", *loc), "msg": text}

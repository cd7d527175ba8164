"""Errors as HTTP answers: problem details (RFC 9457), a superset of FastAPI's `{"detail": ...}`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fastapi_crud.exceptions import (
    CheckViolation,
    ConfigurationError,
    Conflict,
    ConstraintViolation,
    ContentTooLarge,
    CrudError,
    DatabaseUnavailable,
    DuplicateItem,
    ForeignKeyViolation,
    IdempotencyKeyReused,
    InvalidData,
    InvalidIdempotencyKey,
    InvalidLines,
    InvalidQuery,
    Issue,
    KeyMismatch,
    LockTimeout,
    NotAcceptable,
    NotDeleted,
    NotFound,
    NotNullViolation,
    PermissionDenied,
    PreconditionFailed,
    PreconditionRequired,
    RequestInProgress,
    TransactionConflict,
    Unavailable,
    UniqueViolation,
    UnsupportedMediaType,
    ValueRejected,
)
from fastapi_crud.router.request_ids import request_id_header

PROBLEM_JSON = "application/problem+json"

STATUSES: Mapping[type[CrudError], tuple[int, str]] = {
    NotFound: (404, "not_found"),
    ConstraintViolation: (409, "constraint_violation"),
    Conflict: (409, "conflict"),
    UniqueViolation: (409, "unique_violation"),
    ForeignKeyViolation: (409, "foreign_key_violation"),
    NotDeleted: (409, "not_deleted"),
    RequestInProgress: (409, "request_in_progress"),
    InvalidData: (422, "invalid_data"),
    NotNullViolation: (422, "not_null_violation"),
    CheckViolation: (422, "check_violation"),
    ValueRejected: (422, "value_rejected"),
    KeyMismatch: (422, "pk_mismatch"),
    DuplicateItem: (422, "duplicate_item"),
    IdempotencyKeyReused: (422, "idempotency_key_reused"),
    InvalidQuery: (422, "invalid_query"),
    InvalidLines: (422, "invalid_lines"),
    NotAcceptable: (406, "not_acceptable"),
    ContentTooLarge: (413, "content_too_large"),
    UnsupportedMediaType: (415, "unsupported_media_type"),
    PermissionDenied: (403, "forbidden"),
    InvalidIdempotencyKey: (400, "invalid_idempotency_key"),
    PreconditionFailed: (412, "precondition_failed"),
    PreconditionRequired: (428, "precondition_required"),
    Unavailable: (503, "unavailable"),
    DatabaseUnavailable: (503, "database_unavailable"),
    LockTimeout: (503, "lock_timeout"),
    TransactionConflict: (503, "transaction_conflict"),
    CrudError: (400, "bad_request"),
}
"""Error → status and code. CHOOSE AN ERROR'S STATUS HERE."""

TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""Phrases of RFC 9110 that older Pythons do not know yet."""


class ProblemItem(BaseModel):
    """One thing wrong with one place of the request."""

    type: str = Field(description="A stable code.", examples=["missing"])
    loc: list[str | int] = Field(description="Where it is.", examples=[["body", "email"]])
    msg: str = Field(description="What is wrong.", examples=["Field required"])
    pointer: str | None = Field(None, description="JSON pointer into the body.")
    parameter: str | None = Field(None, description="Name of the query parameter.")
    line: int | None = Field(None, description="Line of the imported file; the first is 1.")


class ProblemBase(BaseModel):
    """What all problems have (RFC 9457)."""

    type: str = Field(description="URL of the kind of problem.", examples=["about:blank"])
    title: str = Field(description="The kind of problem, in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    status_code: int = Field(description="The HTTP status again.", examples=[404])
    code: str = Field(description="A stable code.", examples=["not_found"])
    instance: str = Field(description="The path that was asked.", examples=["/users/1"])


class Problem(ProblemBase):
    """What went wrong (RFC 9457)."""

    detail: Any = Field(description="What went wrong here, in words.")
    errors: list[ProblemItem] | None = Field(None, description="Where it went wrong, if known.")


class ValidationProblem(ProblemBase):
    """What is wrong with the request (RFC 9457)."""

    detail: list[ProblemItem] | str = Field(description="The items of `errors`, or a sentence.")
    errors: list[ProblemItem] | None = Field(None, description="What is wrong, item by item.")


class FormProblem(ProblemBase):
    """What went wrong, as forms show it (RFC 9457)."""

    detail: Any = Field(description="What went wrong here.")
    message: str = Field(description="What went wrong here, in words.")
    errors: dict[str, str] | None = Field(None, description="Field → what is wrong with it.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemFormat:
    """How problems are written.

    Args:
        validation_detail: `"list"`: the `detail` of a 422 is FastAPI's list; `"text"`: a sentence.
        problem_base: URL that makes `type` a link: `problem_base + code`.
        by_field: Whether there is a `message`, and `errors` are one text for each field.
    """

    validation_detail: Literal["list", "text"] = "list"
    problem_base: str | None = None
    by_field: bool = False


def problem_of(request: Request, error: Exception, style: ProblemFormat) -> Response:
    """Write an error as a problem.

    Args:
        request: What was asked.
        error: A `CrudError`, an `HTTPException` or a `RequestValidationError`.
        style: How problems are written.
    """
    if isinstance(error, RequestValidationError):
        issues = [Issue(e["type"], tuple(e["loc"]), e["msg"]) for e in error.errors()]
        return write_problem(request, style, 422, "validation_error", "Invalid request", issues)
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        named = _title(error.status_code).lower().replace(" ", "_").replace("-", "_")
        code = getattr(error, "code", named)
        headers |= error.headers or {}
        return write_problem(request, style, error.status_code, code, error.detail, headers=headers)
    assert isinstance(error, CrudError)  # noqa: S101 - the callers' promise
    status, code = _status_of(error)
    if isinstance(error, Unavailable | RequestInProgress):
        headers = {"Retry-After": str(error.retry_after)}
    if isinstance(error, UnsupportedMediaType):
        patch = {"Accept-Patch": ACCEPT_PATCH} if request.method == "PATCH" else {}
        headers = {"Accept": ", ".join(error.accepted), **patch}
    return write_problem(request, style, status, code, str(error), error.issues, headers=headers)


ACCEPT_PATCH = "application/json, application/merge-patch+json"


def write_problem(
    request: Request,
    style: ProblemFormat,
    status: int,
    code: str,
    detail: Any,  # noqa: ANN401 - HTTPException takes anything
    issues: Sequence[Issue] = (),
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Write a problem. The values that were sent are never part of it."""
    items = [_item(issue) for issue in issues]
    is_validation = status == HTTPStatus.UNPROCESSABLE_ENTITY and items
    body: dict[str, Any] = {
        "type": f"{style.problem_base}{code}" if style.problem_base else "about:blank",
        "title": _title(status),
        "status": status,
        "status_code": status,
        "code": code,
        "detail": items if is_validation and style.validation_detail == "list" else detail,
        "instance": request.url.path,
    }
    if style.by_field:
        body |= _by_field(detail, issues)
    elif items:
        body["errors"] = items
    if not _has_body(status):
        return Response(status_code=status, headers=dict(headers or {}))
    content = to_json(body, fallback=str)
    return Response(content, status, dict(headers or {}), media_type=PROBLEM_JSON)


def _by_field(detail: Any, issues: Sequence[Issue]) -> dict[str, Any]:  # noqa: ANN401
    """Tell the same as forms show it: a message, and one text for each field."""
    fields: dict[str, str] = {}
    for issue in issues:
        place, *rest = issue.loc
        name = ".".join(str(part) for part in (rest if place == "body" else rest[-1:]))
        if name and issue.type != "json_invalid":
            fields.setdefault(name, issue.msg)
    if not fields:
        return {"message": str(detail)}
    return {"message": "; ".join(f"{it}: {text}" for it, text in fields.items()), "errors": fields}


def code_of(error: CrudError) -> str:
    """Give the code that an error is answered with."""
    return _status_of(error)[1]


def add_exception_handlers(
    app: FastAPI,
    *,
    validation_detail: Literal["list", "text"] = "list",
    problem_base: str | None = None,
) -> None:
    """Give every error of the app the format that the routers' own errors have.

    Args:
        app: The app; its own routes, 404, 405 and 500 are covered as well.
        validation_detail: `"list"`: the `detail` of a 422 is FastAPI's list; `"text"`: a sentence.
        problem_base: URL that makes the `type` of problems a link: `problem_base + code`.
    """
    style = ProblemFormat(validation_detail=validation_detail, problem_base=problem_base)

    async def expected(request: Request, error: Exception) -> Response:
        return problem_of(request, error, style)

    async def unexpected(request: Request, error: Exception) -> Response:
        del error
        detail = "Something went wrong on our side"
        known = request_id_header(request.scope)  # this is written outside of all middleware
        return write_problem(request, style, 500, "internal_server_error", detail, headers=known)

    for kind in (HTTPException, RequestValidationError, CrudError):
        app.add_exception_handler(kind, expected)
    app.add_exception_handler(ConfigurationError, unexpected)
    app.add_exception_handler(Exception, unexpected)


def _item(issue: Issue) -> dict[str, Any]:
    item: dict[str, Any] = {"type": issue.type, "loc": list(issue.loc), "msg": issue.msg}
    if issue.line is not None:
        item["line"] = issue.line
    place, *rest = issue.loc or ("",)
    if place == "body":
        rest = [] if issue.type == "json_invalid" else rest  # else a position in the text
        escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in rest)
        item["pointer"] = "#" + "".join(f"/{part}" for part in escaped)
    elif place == "query" and rest:
        item["parameter"] = rest[0]
    return item


def _status_of(error: CrudError) -> tuple[int, str]:
    """Find the status of an error or of its base, and the code that is its own."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUSES)
    status, code = STATUSES[kind]
    return status, code if kind is type(error) else getattr(error, "code", code)


def _title(status: int) -> str:
    if status in TITLES:
        return TITLES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _has_body(status: int) -> bool:
    return status >= HTTPStatus.OK and status not in {204, 205, 304}

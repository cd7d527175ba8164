"""What OpenAPI says of the answers: every status that can occur, with its own media type."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi_crud.router.answers import Answer, Documented
from fastapi_crud.router.formats import CSV, NDJSON
from fastapi_crud.router.problems import (
    PROBLEM_JSON,
    FormProblem,
    Problem,
    ProblemBase,
    ValidationProblem,
)

PROBLEMS: Mapping[int, tuple[str, type[ProblemBase] | None]] = {
    400: ("The body cannot be read.", Problem),
    304: ("The client has it already.", None),
    401: ("Nobody, or nobody known, is calling.", Problem),
    403: ("This caller may not change the row, or not so.", Problem),
    404: ("There is no such row.", Problem),
    406: ("The client accepts none of the formats.", Problem),
    409: ("The change conflicts with what is stored.", Problem),
    412: ("The row has changed since the client read it.", Problem),
    413: ("The body is too large.", Problem),
    415: ("The body is not of the right media type.", Problem),
    422: ("The request is not valid.", ValidationProblem),
    428: ("The client must say which state of the row it means.", Problem),
    429: ("Too many attempts; try again later.", Problem),
    503: ("Try again later.", Problem),
}
"""Status → when it occurs, and what is answered."""

HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "How to call (RFC 6750)."},
    429: {"Retry-After": "Seconds to wait."},
    503: {"Retry-After": "Seconds to wait."},
    415: {"Accept": "What is accepted."},
}


class ProblemContent(dict[str, Any]):
    """The content of an answer that FastAPI fills in: under the media type of problems.

    FastAPI files the schema of an additional answer under the media type of the route's own
    answer. Only so does it put the schema among the components, under a name that is unique.
    """

    def setdefault(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - as dict has it
        """File it where it belongs."""
        del key
        return super().setdefault(PROBLEM_JSON, default)

    def __deepcopy__(self, memo: dict[int, Any]) -> "ProblemContent":
        """Copy it, mostly empty as it is, without asking how."""
        return ProblemContent({key: deepcopy(value, memo) for key, value in self.items()})


def responses(
    statuses: Sequence[int], *, by_field: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Document the problems that an endpoint can answer with.

    Args:
        statuses: The statuses.
        by_field: Whether their `errors` are one text for each field.
    """
    return {status: problem(status, by_field=by_field) for status in statuses}


@cache
def tagged() -> Documented:
    """Document that an answer tells the state of the row."""
    return Documented(headers={"ETag": _header("The state of the row, for `If-Match`.")})


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


REQUEST_HEADERS: Mapping[str, str] = {
    "If-Match": "Change the row only if it still has this ETag.",
    "If-None-Match": "Answer only if the row does not have this ETag.",
    "Idempotency-Key": "Repeating the request with the same key does not repeat the change.",
    "Prefer": "`return=minimal` leaves the body out of the answer.",
}
"""Header of a request → what it asks for."""


BOUNDS: Mapping[str, Mapping[str, Any]] = {
    "Idempotency-Key": {
        "pattern": r'^([!#-~]|[!#-~][ !#-~]{0,253}[!#-~]|"([ !#-\[\]-~]|\\["\\]){1,255}")$'
    },
}
"""Header of a request → what bounds its value."""


def request_headers(names: Sequence[str], required: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Document headers that a request may have.

    Args:
        names: The headers.
        required: Those that it must have.
    """
    return [
        {
            "name": name,
            "in": "header",
            **({"required": True} if name in required else {}),
            "description": REQUEST_HEADERS[name],
            "schema": {"type": "string", **BOUNDS.get(name, {})},
        }
        for name in names
    ]


def created(location_of: str, links: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Document what POST answers beside the body: `Location`, and what to do next.

    Args:
        location_of: What the location names, such as `user`.
        links: Operation id → its parameters, as expressions on the answer.
    """
    header = _header(f"Where the {location_of} is.")
    return {
        "headers": {"Location": header, **tagged()["headers"]},
        "links": {
            name: {"operationId": name, "parameters": dict(parameters)}
            for name, parameters in deepcopy(dict(links)).items()
        },
    }


@cache
def paged(*, link: bool = False, exported: bool = False, placed: bool = False) -> Documented:
    """Document what a page is answered with beside the body.

    Args:
        link: Whether its neighbours can be linked to.
        exported: Whether all rows are also given as a file.
        placed: Whether it tells where it stands.
    """
    headers = {
        "X-Total-Count": ("How many rows there are in all, where it is known.", "integer"),
        "X-Total-Count-Kind": ("`estimated` where the total is an estimate.", "string"),
        "Preference-Applied": ("The preference that was honoured.", "string"),
        **({"Link": ("Leads to the neighbours of the page.", "string")} if link else {}),
        **({"Content-Range": ("Which rows of how many these are.", "string")} if placed else {}),
        **(EXPORT_HEADERS if exported else {}),
    }
    described = {
        name: {"description": description, "schema": {"type": kind}}
        for name, (description, kind) in headers.items()
    }
    return Documented(headers=described, **({"content": _files()} if exported else {}))


EXPORT_HEADERS: Mapping[str, tuple[str, str]] = {
    "Content-Disposition": ("The name of the file, where it is one.", "string"),
    "Vary": ("What the format depends on.", "string"),
}


def _files() -> dict[str, Any]:
    files = {
        CSV: "Rows, with a line of names before them (RFC 4180).",
        NDJSON: "Rows, a JSON object on each line.",
    }
    return {
        media_type: {"schema": {"type": "string", "description": described}}
        for media_type, described in files.items()
    }


def file_body() -> dict[str, Any]:
    """Document that a request has a file of rows."""
    return {"requestBody": {"required": True, "content": _files()}}


@cache
def problem(status: int, *, by_field: bool) -> dict[str, Any]:
    """Document a problem that an endpoint can answer with; see `responses`."""
    description, model = PROBLEMS.get(status) or (f"{HTTPStatus(status).phrase}.", Problem)
    documented: dict[str, Any] = {"description": description}
    if model is not None:
        documented = Answer(
            FormProblem if by_field else model, {**documented, "content": ProblemContent()}
        )
    if status in HEADERS:
        documented["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in HEADERS[status].items()
        }
    return documented

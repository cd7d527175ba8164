"""Health: whether the process serves, and whether what it needs answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from fastapi_crud.database import Database
from fastapi_crud.exceptions import ConfigurationError, Issue
from fastapi_crud.router.answers import AnsweringRoute
from fastapi_crud.router.dependencies import database_of
from fastapi_crud.router.documentation import responses
from fastapi_crud.router.problems import ProblemFormat, write_problem

logger: logging.Logger = logging.getLogger(__name__)

Check = Callable[[], Awaitable[object]]
"""Raises if what it asks does not answer."""

DATABASE = "database"
"""Name of the check of the app's own database."""

HEADERS = {"Cache-Control": "no-store"}


class Health(BaseModel):
    """The process serves, or all that it needs answers."""

    status: Literal["ok"] = "ok"


def make_health_router(
    *,
    databases: Mapping[str, Database] | None = None,
    checks: Mapping[str, Check] | None = None,
    timeout: float = 2.0,
    include_in_schema: bool = True,
) -> APIRouter:
    """Make endpoints that tell an orchestrator how the app is.

    `GET /healthz` answers 200 while the process serves; it asks nothing else. `GET /readyz` answers
    200 if every database and every check answers, else 503 with the names of those that do not.
    Nothing else is told to clients. The log tells why, when it changes.

    Args:
        databases: Name → database to ask; unless given, the one that the app's lifespan opened, as
            `database`. `{}` for none.
        checks: Name → coroutine function that raises if what it asks does not answer.
        timeout: Seconds that each of them may take.
        include_in_schema: Whether the endpoints are in the OpenAPI document.

    Raises:
        ConfigurationError: If a name is used twice, or no time is left.
    """
    own, named = dict(checks or {}), dict(databases or {})
    if twice := own.keys() & ({DATABASE} if databases is None else named.keys()):
        msg = f"{', '.join(sorted(twice))} is a database already: give the check another name"
        raise ConfigurationError(msg)
    if timeout <= 0:
        msg = "timeout= is in seconds, and more than 0"
        raise ConfigurationError(msg)
    readiness = _Readiness(timeout)

    async def healthz() -> Response:
        return _ok()

    async def readyz(request: Request) -> Response:
        found = {DATABASE: database_of(request)} if databases is None else named
        pings: dict[str, Check] = {name: database.ping for name, database in found.items()}
        failed = await readiness.failures(pings | own)
        return _not_ready(request, failed) if failed else _ok()

    router = APIRouter(
        tags=["health"], include_in_schema=include_in_schema, route_class=AnsweringRoute
    )
    for endpoint, summary, problems in (
        (healthz, "Tell whether the process serves", {}),
        (readyz, "Tell whether all that is needed answers", responses([503])),
    ):
        name = endpoint.__name__
        router.add_api_route(
            f"/{name}",
            endpoint,
            response_model=Health,
            responses=problems,
            summary=summary,
            operation_id=name,
        )
        router.add_api_route(f"/{name}", endpoint, methods=["HEAD"], include_in_schema=False)
    return router


class _Readiness:
    """Asks, and logs what changes: probes come every few seconds.

    Args:
        timeout: Seconds that each check may take.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.failing: set[str] = set()

    async def failures(self, checks: Mapping[str, Check]) -> dict[str, str]:
        """Ask all at once, and give what is wrong, by name."""
        answers = await asyncio.gather(*(self._answer(*each) for each in checks.items()))
        return {name: wrong for name, wrong in zip(checks, answers, strict=True) if wrong}

    async def _answer(self, name: str, check: Check) -> str | None:
        try:
            async with asyncio.timeout(self.timeout):
                await check()
        except TimeoutError:
            return self._failed(name, f"no answer within {self.timeout:g} seconds")
        except Exception as error:  # noqa: BLE001 - whatever it is, it does not answer
            return self._failed(name, "does not answer", error)
        if name in self.failing:
            self.failing.remove(name)
            logger.info("%s answers again", name)
        return None

    def _failed(self, name: str, wrong: str, error: Exception | None = None) -> str:
        if name not in self.failing:
            self.failing.add(name)
            logger.warning("not ready: %s: %s", name, wrong, exc_info=error)
        return wrong


def _ok() -> Response:
    return JSONResponse(Health().model_dump(), headers=HEADERS)


def _not_ready(request: Request, failed: Mapping[str, str]) -> Response:
    issues = [Issue("unavailable", ("checks", name), wrong) for name, wrong in failed.items()]
    detail = f"Not ready: {', '.join(failed)}"
    headers = {**HEADERS, "Retry-After": "1"}
    return write_problem(
        request, ProblemFormat(), 503, "not_ready", detail, issues, headers=headers
    )

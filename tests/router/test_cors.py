"""Browsers may call the API, and see what they need."""

import pytest
from fastapi import FastAPI

from fastapi_crud import Database, Settings, add_cors, make_crud_router
from tests import models
from tests.conftest import client_of


@pytest.mark.parametrize(
    ("origins", "origin", "allowed", "credentials"),
    [
        (["*"], "https://any.example", "*", None),
        (["https://app.example"], "https://app.example", "https://app.example", "true"),
        (["https://app.example"], "https://evil.example", None, "true"),
    ],
)
async def test_origins(
    sqlite: Database,
    origins: list[str],
    origin: str,
    allowed: str | None,
    credentials: str | None,
) -> None:
    """Are listed origins allowed, with credentials only where they are listed one by one?"""
    app = FastAPI()
    app.include_router(make_crud_router(models.Note, database=sqlite))
    add_cors(app, Settings(allowed_origins=origins))
    async with client_of(app) as client:
        answer = await client.get("/notes", headers={"origin": origin})
        preflight = await client.options(
            "/notes",
            headers={
                "origin": origin,
                "access-control-request-method": "PATCH",
                "access-control-request-headers": "if-match, idempotency-key, prefer",
            },
        )
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert answer.headers.get("access-control-allow-credentials") == credentials
    assert "X-Total-Count" in answer.headers["access-control-expose-headers"]
    assert preflight.status_code == (200 if allowed else 400)

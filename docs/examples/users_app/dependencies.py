"""Who is asking."""

import secrets
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from .config import AppSettings, get_settings

bearer = HTTPBearer(auto_error=False)


# Stands in until the library has a module for authentication: it knows one fixed token.
async def current_user(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    settings: Annotated[AppSettings, Depends(get_settings)],
) -> str:
    given = credentials.credentials if credentials else ""
    if not secrets.compare_digest(given.encode(), settings.demo_token.encode()):
        raise HTTPException(
            401, "Could not validate credentials", headers={"WWW-Authenticate": "Bearer"}
        )
    return "demo"

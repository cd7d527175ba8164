"""Accounts with long passwords that no breach has shown.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

import hashlib
import logging

import httpx2
from fastapi import FastAPI

from fastapi_crud import Base, Database, add_exception_handlers
from fastapi_crud.auth import Auth, PasswordPolicy, UserMixin, make_auth_router

logger = logging.getLogger(__name__)

# --8<-- [start:breached]
pwned_passwords = httpx2.AsyncClient(base_url="https://api.pwnedpasswords.com", timeout=2)


async def is_breached(password: str) -> bool:
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        answer = await pwned_passwords.get(f"/range/{digest[:5]}", headers={"Add-Padding": "true"})
        answer.raise_for_status()
    except httpx2.HTTPError:
        logger.exception("the list of breached passwords cannot be asked")
        return False
    counts = dict(line.split(":") for line in answer.text.split())
    return int(counts.get(digest[5:], "0")) > 0


# --8<-- [end:breached]
class User(UserMixin, Base):
    __tablename__ = "users"


# --8<-- [start:auth]
auth = Auth(User, policy=PasswordPolicy(min_length=15, is_breached=is_breached))
# --8<-- [end:auth]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Accounts", lifespan=db.lifespan)
app.include_router(make_auth_router(auth), prefix="/api/v1/auth")
add_exception_handlers(app)

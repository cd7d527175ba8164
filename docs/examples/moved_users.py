"""Users of fastapi-users, moved with their keys and hashes: `python moved_users.py`.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher
from pwdlib_hasher import PwdlibHasher
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Base, Database, Repository, add_exception_handlers
from fastapi_crud.auth import Auth, UserMixin, make_auth_router


# --8<-- [start:auth]
class User(UserMixin, Base):
    __tablename__ = "users"


auth = Auth(User, hasher=PwdlibHasher(Argon2Hasher(), BcryptHasher()))
# --8<-- [end:auth]
# --8<-- [start:move]
old_users = sa.table(
    "user",
    sa.column("id", sa.Uuid),
    sa.column("email", sa.String),
    sa.column("hashed_password", sa.String),
    sa.column("is_active", sa.Boolean),
    sa.column("is_superuser", sa.Boolean),
    sa.column("is_verified", sa.Boolean),
)


async def read_old(session: AsyncSession) -> AsyncIterator[dict[str, Any]]:
    rows = await session.stream(sa.select(old_users))
    async for row in rows.mappings():
        values = {**row}
        verified = values.pop("is_verified")
        yield {**values, "email_verified_at": datetime.now(UTC) if verified else None}


async def main() -> None:
    async with db.session() as old, db.session() as new:
        moved = await Repository[User](new).create_multi(read_old(old))
    print(f"Moved {moved} users")


# --8<-- [end:move]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Accounts", lifespan=db.lifespan)
app.include_router(make_auth_router(auth), prefix="/api/v1/auth")
add_exception_handlers(app)

if __name__ == "__main__":
    asyncio.run(main())

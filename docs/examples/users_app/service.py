"""The rules: passwords are stored as hashes only."""

# --8<-- [start:service]
import asyncio
import hashlib
import secrets
from typing import Any

from fastapi_crud import Service

from .models import User
from .schemas import UserCreate, UserUpdate


class UserService(Service[User, UserCreate, UserUpdate]):
    async def before_create(self, values: dict[str, Any]) -> None:
        values["hashed_password"] = await hash_password(values.pop("password"))

    async def before_update(self, id: object, values: dict[str, Any]) -> None:
        if (password := values.pop("password", None)) is not None:
            values["hashed_password"] = await hash_password(password)

    async def get_by_email(self, email: str) -> User | None:
        return await self.repository.get_by(email=email)


async def hash_password(password: str) -> str:
    """Hash a password, in a thread: it takes long on purpose."""
    return await asyncio.to_thread(_scrypt, password, secrets.token_bytes(16))


def _scrypt(password: str, salt: bytes) -> str:
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    return f"scrypt${salt.hex()}${digest.hex()}"


# --8<-- [end:service]

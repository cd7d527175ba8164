"""Make somebody a superuser: `python make_superuser.py ann@example.com`."""

import asyncio
import sys

from roles_and_scopes import User, db

from fastapi_crud.auth import UserService


async def make_superuser(email: str) -> None:
    async with db.session() as session:
        user = await UserService[User](session).get_by_email(email)
        if user is None:
            sys.exit(f"nobody has registered as {email}")
        user.is_superuser = True


if __name__ == "__main__":
    asyncio.run(make_superuser(sys.argv[1]))

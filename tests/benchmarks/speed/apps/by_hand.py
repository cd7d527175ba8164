"""Layers by hand: endpoint, service, repository; a session per request."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, status
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.benchmarks.speed.apps.bodies import (
    PlainListResponse,
    PlainResponse,
    UserCreate,
    UserListResponse,
    UserResponse,
    UserUpdate,
)
from tests.benchmarks.speed.apps.users import UNOBSERVED, User, fake_hash, make_engine


class UserRepository:
    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def create(self, data: dict[str, Any]) -> User:
        user = User(**data)
        self.db.add(user)
        await self.db.commit()
        await self.db.refresh(user)
        return user

    async def get(self, user_id: str) -> User | None:
        result = await self.db.execute(select(User).where(User.id == user_id))
        return result.scalar_one_or_none()

    async def get_by_email(self, email: str) -> User | None:
        result = await self.db.execute(select(User).where(User.email == email))
        return result.scalar_one_or_none()

    async def get_multi(self, *, skip: int = 0, limit: int = 100) -> list[User]:
        result = await self.db.execute(select(User).offset(skip).limit(limit))
        return list(result.scalars().all())

    async def count(self) -> int:
        result = await self.db.execute(select(func.count(User.id)))
        return result.scalar_one()

    async def update(self, user: User, data: dict[str, Any]) -> User:
        for key, value in data.items():
            setattr(user, key, value)
        await self.db.commit()
        await self.db.refresh(user)
        return user


class UserService:
    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.repository = UserRepository(db)

    async def create(self, user_in: UserCreate) -> User | None:
        if await self.repository.get_by_email(user_in.email) is not None:
            return None
        user_data = user_in.model_dump(exclude={"password"})
        user_data["hashed_password"] = fake_hash(user_in.password)
        return await self.repository.create(user_data)

    async def get(self, user_id: str) -> User | None:
        return await self.repository.get(user_id)

    async def get_multi(self, *, skip: int = 0, limit: int = 100) -> tuple[list[User], int]:
        users = await self.repository.get_multi(skip=skip, limit=limit)
        return users, await self.repository.count()

    async def update(self, user_id: str, user_in: UserUpdate) -> User | None:
        user = await self.repository.get(user_id)
        if user is None:
            return None
        return await self.repository.update(user, user_in.model_dump(exclude_unset=True))


async def get_db(request: Request) -> AsyncGenerator[AsyncSession]:
    async with request.app.state.async_session() as session:
        try:
            yield session
        finally:
            await session.close()


DB = Annotated[AsyncSession, Depends(get_db)]


def make_app(url: str) -> FastAPI:
    """Make it as one finds it, with addresses checked in answers too."""
    return _make_app(url, UserResponse, UserListResponse)


def make_plain_app(url: str) -> FastAPI:
    """Make it with addresses checked in bodies only."""
    return _make_app(url, PlainResponse, PlainListResponse)


def _make_app(url: str, one: type[BaseModel], many: type[BaseModel]) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        engine = make_engine(url)
        app.state.async_session = async_sessionmaker(engine, expire_on_commit=False)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan, telemetry=UNOBSERVED)
    _add_reading(app, one, many)
    _add_writing(app, one)
    return app


def _add_reading(app: FastAPI, one: type[BaseModel], many: type[BaseModel]) -> None:
    @app.get("/users", response_model=many)
    async def list_users(db: DB, skip: int = 0, limit: int = 100) -> Any:
        users, total = await UserService(db).get_multi(skip=skip, limit=limit)
        return many.model_validate({"items": users, "total": total})

    @app.get("/users/{user_id}", response_model=one)
    async def get_user(user_id: str, db: DB) -> Any:
        user = await UserService(db).get(user_id)
        if user is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "User not found")
        return user


def _add_writing(app: FastAPI, one: type[BaseModel]) -> None:
    @app.post("/users", response_model=one, status_code=status.HTTP_201_CREATED)
    async def create_user(user_in: UserCreate, db: DB) -> Any:
        user = await UserService(db).create(user_in)
        if user is None:
            raise HTTPException(status.HTTP_409_CONFLICT, "Email already registered")
        return user

    @app.patch("/users/{user_id}", response_model=one)
    async def update_user(user_id: str, user_in: UserUpdate, db: DB) -> Any:
        user = await UserService(db).update(user_id, user_in)
        if user is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "User not found")
        return user

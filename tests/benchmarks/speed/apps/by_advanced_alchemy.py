"""Endpoints on a service of Advanced Alchemy, as its guide for FastAPI has them.

Its answers are not checked for addresses, which is in its favour; so is the total by a statement
of its own, which is not its default.
"""

from typing import Annotated, Any

from advanced_alchemy.exceptions import NotFoundError
from advanced_alchemy.extensions.fastapi import (
    AdvancedAlchemy,
    AsyncSessionConfig,
    SQLAlchemyAsyncConfig,
    filters,
    repository,
    service,
)
from fastapi import Depends, FastAPI, HTTPException, status

from tests.benchmarks.speed.apps.bodies import (
    PlainListResponse,
    PlainResponse,
    UserCreate,
    UserUpdate,
)
from tests.benchmarks.speed.apps.users import UNOBSERVED, User, fake_hash, make_engine


class UserService(service.SQLAlchemyAsyncRepositoryService[User]):
    class Repo(repository.SQLAlchemyAsyncRepository[User]):
        model_type = User

    repository_type = Repo
    count_with_window_function = False


def make_app(url: str) -> FastAPI:
    app = FastAPI(telemetry=UNOBSERVED)
    config = SQLAlchemyAsyncConfig(
        engine_instance=make_engine(url),
        session_config=AsyncSessionConfig(expire_on_commit=False),
        commit_mode="autocommit",
    )
    alchemy = AdvancedAlchemy(config=config, app=app)
    provided = alchemy.provide_service(UserService)

    @app.get("/users", response_model=PlainListResponse)
    async def list_users(
        users: Annotated[UserService, Depends(provided)], skip: int = 0, limit: int = 100
    ) -> Any:
        rows, total = await users.get_many_and_count(filters.LimitOffset(limit, skip))
        return users.to_schema(rows, total, schema_type=PlainResponse)

    @app.post("/users", response_model=PlainResponse, status_code=status.HTTP_201_CREATED)
    async def create_user(
        body: UserCreate, users: Annotated[UserService, Depends(provided)]
    ) -> Any:
        values = body.model_dump(exclude={"password"})
        row = await users.create(values | {"hashed_password": fake_hash(body.password)})
        return users.to_schema(row, schema_type=PlainResponse)

    @app.get("/users/{user_id}", response_model=PlainResponse)
    async def get_user(user_id: str, users: Annotated[UserService, Depends(provided)]) -> Any:
        try:
            row = await users.get(user_id)
        except NotFoundError as error:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "User not found") from error
        return users.to_schema(row, schema_type=PlainResponse)

    @app.patch("/users/{user_id}", response_model=PlainResponse)
    async def update_user(
        user_id: str, body: UserUpdate, users: Annotated[UserService, Depends(provided)]
    ) -> Any:
        try:
            row = await users.update(body, item_id=user_id)
        except NotFoundError as error:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "User not found") from error
        return users.to_schema(row, schema_type=PlainResponse)

    return app

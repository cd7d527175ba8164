"""FastCRUD's router.

Its answers are not checked for addresses, PATCH answers null, and the hash comes with the body:
all in its favour.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastcrud import crud_router
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.benchmarks.speed.apps.bodies import HashedCreate, PlainResponse, UserUpdate
from tests.benchmarks.speed.apps.users import UNOBSERVED, User, make_engine


def make_app(url: str) -> FastAPI:
    engine = make_engine(url)
    async_session = async_sessionmaker(engine, expire_on_commit=False)

    async def get_session() -> AsyncGenerator[AsyncSession]:
        async with async_session() as session:
            yield session

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan, telemetry=UNOBSERVED)
    router = crud_router(
        session=get_session,
        model=User,
        create_schema=HashedCreate,
        update_schema=UserUpdate,
        select_schema=PlainResponse,
        path="/users",
    )
    app.include_router(router)
    return app

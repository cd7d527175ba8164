"""`make_crud_router`, with and without what users add to it."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, status
from sqlalchemy import MetaData

from fastapi_crud import (
    CrudRouter,
    Database,
    Service,
    add_exception_handlers,
    make_crud_router,
)
from tests.benchmarks.speed.apps.users import POOL, UNOBSERVED, Base, PlainBase, PlainUser, User


async def check_token(x_token: Annotated[str | None, Header()] = None) -> None:
    if x_token is None:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED)


class UserService(Service[User]):
    """Has a rule for every change."""

    async def before_create(self, values: dict[str, Any]) -> None:
        values["name"] = values["name"].strip()

    async def before_update(self, id: object, values: dict[str, Any]) -> None:
        if "name" in values:
            values["name"] = values["name"].strip()


def make_app(url: str) -> FastAPI:
    """Make it with nothing said."""
    return _make_app(url, make_crud_router(User))


def make_plain_app(url: str) -> FastAPI:
    """Make it of a model that takes addresses as text, as `bare` does."""
    return _make_app(url, make_crud_router(PlainUser), PlainBase.metadata)


def make_guarded_app(url: str) -> FastAPI:
    """Make it with a dependency that looks at a header."""
    return _make_app(url, make_crud_router(User, dependencies=[Depends(check_token)]))


def make_ruled_app(url: str) -> FastAPI:
    """Make it with a service whose hooks see what is written."""
    return _make_app(url, make_crud_router(User, service=UserService))


def _make_app(
    url: str, router: CrudRouter[Any, Any, Any, Any], metadata: MetaData = Base.metadata
) -> FastAPI:
    database = Database(url, metadata=metadata, **POOL)
    app = FastAPI(lifespan=database.lifespan, telemetry=UNOBSERVED)
    app.include_router(router)
    add_exception_handlers(app)
    return app

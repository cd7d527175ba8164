"""The router knows whether all its routes are below its prefix."""

from fastapi import APIRouter

from fastapi_crud import make_crud_router
from tests.models import Note


def test_confined_until_a_route_is_elsewhere() -> None:
    """Is it told anew when a route is added?"""
    router = make_crud_router(Note)
    assert router.confined
    elsewhere = APIRouter()
    elsewhere.add_api_route("/elsewhere", lambda: None)
    router.routes.extend(elsewhere.routes)
    assert not router.confined

"""What the tests of the users work with."""

from .main import app as app

pytest_plugins = ["fastapi_crud.testing"]

"""What the tests of the blog work with."""

from .main import app as app

pytest_plugins = ["fastapi_crud.testing"]

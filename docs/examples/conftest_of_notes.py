"""What the tests of the notes work with."""

# --8<-- [start:conftest]
from quickstart import app as app

pytest_plugins = ["fastapi_crud.testing"]
# --8<-- [end:conftest]

"""What the tests of the mails work with."""

from welcome_mail import app as app

pytest_plugins = ["fastapi_crud.testing"]

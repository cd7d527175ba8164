"""A plugin for pytest: `pytest_plugins = ["fastapi_crud.testing"]`; needs the extra `testing`.

PYTEST_DONT_REWRITE: it asserts nothing, and a `conftest.py` may import it before it is a plugin.
"""

from importlib import import_module

from fastapi_crud.exceptions import ConfigurationError

try:
    for _name in ("httpx2", "pytest", "pytest_asyncio"):
        import_module(_name)
except ImportError as _missing:  # pragma: no cover - every test run has the extra
    msg = "the tests lack something: pip install 'fastapi-crud-factory[testing]'"
    raise ConfigurationError(msg) from _missing

from fastapi_crud.testing.accounts import Accounts as Accounts
from fastapi_crud.testing.fixtures import (
    app as app,
    auth_headers as auth_headers,
    celery_eager as celery_eager,
    client as client,
    crud_environment as crud_environment,
    crud_state as crud_state,
    crud_stores as crud_stores,
    database as database,
    db as db,
    mails as mails,
    make_user as make_user,
    outbox as outbox,
    user as user,
)
from fastapi_crud.testing.jobs import Outbox as Outbox, StoredJob as StoredJob
from fastapi_crud.testing.statements import (
    Statements as Statements,
    count_statements as count_statements,
)

"""An admin UI by sqladmin: `add_admin`. Needs the extra `admin`."""

from fastapi_crud.exceptions import ConfigurationError

try:
    import itsdangerous as itsdangerous  # signs starlette's cookies
    import sqladmin as sqladmin
except ImportError as _missing:  # pragma: no cover - every test run has the extra
    msg = "sqladmin is not installed: pip install 'fastapi-crud-factory[admin]'"
    raise ConfigurationError(msg) from _missing

from fastapi_crud.admin.entrance import AdminEntrance as AdminEntrance
from fastapi_crud.admin.resources import add_admin as add_admin

__all__ = ["AdminEntrance", "add_admin"]

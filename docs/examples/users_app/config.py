"""The settings of the app."""

from functools import lru_cache

from fastapi_crud import Settings


class AppSettings(Settings):
    app_name: str = "Users"


@lru_cache
def get_settings() -> AppSettings:
    return AppSettings()

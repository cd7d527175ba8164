"""Settings of an app from its environment; nothing is read at import."""

from functools import lru_cache
from typing import ClassVar

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override


class Settings(BaseSettings):
    """What a deployment decides. Read from the environment, then from `.env`, in that order.

    Names in the environment are those of the attributes in upper case: `DATABASE_URL`.
    Subclass it to add your own; combine it with other settings classes by inheritance.

    Args:
        app_name: Title of the app.
        debug: Whether to log SQL statements, and warn of slow ones.
        database_url: Where the data is; plain `postgresql://` and `mysql://` get an async driver.
        redis_url: Where the broker or cache is.
        secret_key: The key that tokens are signed with; the core needs none.
        algorithm: How they are signed.
        access_token_expire_minutes: How many minutes an access token lives.
        allowed_origins: Origins that browsers may call from, as a JSON list; `["*"]` for any.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore"
    )

    app_name: str = "FastAPI App"
    debug: bool = False
    database_url: str = "sqlite+aiosqlite:///./app.db"
    redis_url: str = "redis://localhost:6379"
    secret_key: str | None = Field(default=None, repr=False)
    algorithm: str = "HS256"
    access_token_expire_minutes: int = 30
    allowed_origins: list[str] = ["*"]


class NamedSettings(BaseSettings):
    """Base of settings that have names of their own in the environment: `AUTH_ISSUER`.

    Only those count there, and in `.env`; in Python they are given by the attributes' names.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        dotenv_filtering="only_existing",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let a setting be read by its name in the environment only, never by its attribute's."""
        outside = (env_settings, dotenv_settings, file_secret_settings)
        for source in outside:
            source.config = source.config.copy()
            source.config["populate_by_name"] = False
        return (init_settings, *outside)


@lru_cache
def get_settings() -> Settings:
    """Give the settings, read once.

    A dependency as well: `Annotated[Settings, Depends(get_settings)]`. In tests override it, or
    call `get_settings.cache_clear()` after changing the environment.
    """
    return Settings()

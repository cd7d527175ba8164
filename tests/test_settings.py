"""What a deployment decides by its environment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fastapi_crud import Settings, get_settings


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder and an environment without our names; nothing cached before or after."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    get_settings.cache_clear()
    yield tmp_path
    get_settings.cache_clear()


def test_there_is_a_default_for_everything() -> None:
    """Does an app start without any configuration?"""
    assert Settings().model_dump() == {
        "app_name": "FastAPI App",
        "debug": False,
        "database_url": "sqlite+aiosqlite:///./app.db",
        "redis_url": "redis://localhost:6379",
        "secret_key": None,
        "algorithm": "HS256",
        "access_token_expire_minutes": 30,
        "allowed_origins": ["*"],
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("APP_NAME", "Shop", "Shop"),
        ("DEBUG", "true", True),
        ("DATABASE_URL", "postgresql://db/app", "postgresql://db/app"),
        ("SECRET_KEY", "x", "x"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "5", 5),
        ("ALLOWED_ORIGINS", '["https://a.example"]', ["https://a.example"]),
        ("allowed_origins", "[]", []),
    ],
)
def test_the_environment_decides(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any
) -> None:
    """Is each setting read from the variable of its name?"""
    monkeypatch.setenv(name, text)
    assert getattr(get_settings(), name.lower()) == value


def test_the_environment_wins_over_the_file(
    clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is `.env` read, after the environment, and are other names in it left alone?"""
    (clean_place / ".env").write_text("APP_NAME=Füßchen\nDEBUG=true\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("DEBUG", "false")
    assert get_settings().app_name == "Füßchen"
    assert get_settings().debug is False


def test_the_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does a later change of the environment need `cache_clear`?"""
    first = get_settings()
    monkeypatch.setenv("APP_NAME", "Other")
    assert get_settings() is first
    get_settings.cache_clear()
    assert get_settings().app_name == "Other"


@pytest.mark.parametrize("name", ["DEBUG", "ALLOWED_ORIGINS", "ACCESS_TOKEN_EXPIRE_MINUTES"])
def test_a_malformed_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Is a value of the wrong form an error instead of a default?"""
    monkeypatch.setenv(name, "perhaps")
    with pytest.raises((ValidationError, ValueError), match=f"(?i){name}"):
        get_settings()


def test_settings_can_be_extended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does a subclass read its own names as well?"""

    class MySettings(Settings):
        greeting: str = "hello"

    monkeypatch.setenv("GREETING", "hi")
    assert MySettings().greeting == "hi"

"""What a deployment decides about auth, and which keys are good enough to sign with."""

import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError
from pydantic_settings import SettingsError

from fastapi_crud import ConfigurationError, Settings
from fastapi_crud.auth.settings import AuthSettings

KEY = "uE3-kWq0ZbT9vXr5LmN8cJ2yHs7AfPd1GoRi4QeVx6U"
OTHER_KEY = "Bz7_tKp2NqV5mXc8RwJ1sLd4GhY9fZa3ToWe6UiQr0E"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"
PUBLIC_PEM = PEM.replace("PRIVATE", "PUBLIC")
SHARED = ("secret_key", "algorithm", "access_token_expire_minutes")
"""The settings that have no `AUTH_` before their names."""

Set = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder and an environment without our names."""
    monkeypatch.chdir(tmp_path)
    for name in AuthSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"AUTH_{name.upper()}", raising=False)
    return tmp_path


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Set a variable of the environment."""
    return monkeypatch.setenv


class AllSettings(Settings, AuthSettings):
    """Those of an app with auth."""


class SettingsOfAll(AuthSettings, Settings):
    """The same, the other way round."""


DEFAULTS: dict[str, Any] = {
    "secret_key": None,
    "algorithm": "HS256",
    "access_token_expire_minutes": 30,
    "keys": {},
    "issuer": "fastapi_crud",
    "audience": "fastapi_crud",
    "refresh_token_idle_days": 30,
    "session_max_days": 90,
    "refresh_reuse_leeway_seconds": 0,
    "verify_token_expire_hours": 24,
    "reset_token_expire_minutes": 30,
    "require_verified": False,
    "hide_existing": False,
    "password_min_length": 8,
    "password_max_bytes": 1024,
    "password_memory_kib": 65536,
    "password_time_cost": 3,
    "password_parallelism": 4,
    "password_threads": 2,
    "max_failures": 5,
    "max_address_failures": 100,
    "max_wait_seconds": 900,
    "token_url": None,
}


# Where settings come from


def test_there_is_a_default_for_everything_but_the_key() -> None:
    """Are the settings complete without any configuration, but for what must be secret?"""
    assert AuthSettings().model_dump() == DEFAULTS


OTHERS: dict[str, Any] = {
    "secret_key": KEY,
    "algorithm": "ES256",
    "access_token_expire_minutes": 5,
    "keys": {"a": KEY},
    "issuer": "https://us.example",
    "audience": "api",
    "refresh_token_idle_days": 7,
    "session_max_days": 8,
    "refresh_reuse_leeway_seconds": 10,
    "verify_token_expire_hours": 1,
    "reset_token_expire_minutes": 2,
    "require_verified": True,
    "hide_existing": True,
    "password_min_length": 15,
    "password_max_bytes": 64,
    "password_memory_kib": 32,
    "password_time_cost": 1,
    "password_parallelism": 1,
    "password_threads": 4,
    "max_failures": 3,
    "max_address_failures": 9,
    "max_wait_seconds": 60,
    "token_url": "/login",
}
"""A value of each setting that is not its default."""
EACH = pytest.mark.parametrize("name", [*AuthSettings.model_fields])


def line_of(name: str, value: Any) -> tuple[str, str]:
    """A variable of the environment and its text."""
    variable = name.upper() if name in SHARED else f"AUTH_{name.upper()}"
    return variable, value if isinstance(value, str) else json.dumps(value)


@EACH
def test_the_environment_decides(setenv: Set, name: str) -> None:
    """Is each setting read from the variable of its name?"""
    setenv(*line_of(name, OTHERS[name]))
    assert getattr(AuthSettings(), name) == OTHERS[name]


@EACH
def test_the_file_decides(clean_place: Path, name: str) -> None:
    """Is each setting read from the line of its name in `.env`?"""
    variable, text = line_of(name, OTHERS[name])
    (clean_place / ".env").write_text(f"{variable}='{text}'\n", encoding="utf-8")
    assert getattr(AuthSettings(), name) == OTHERS[name]


@EACH
def test_code_decides(setenv: Set, name: str) -> None:
    """Can each setting be given by its name, and does that win?"""
    setenv(*line_of(name, DEFAULTS[name]))
    assert getattr(AuthSettings(**{name: OTHERS[name]}), name) == OTHERS[name]


@pytest.mark.parametrize("made", [AuthSettings, AllSettings, SettingsOfAll])
@pytest.mark.parametrize("place", ["environment", "file"])
def test_names_of_others_are_left_alone(
    clean_place: Path, setenv: Set, place: str, made: type[AuthSettings]
) -> None:
    """Is `ISSUER` another than `AUTH_ISSUER`?"""
    names = [name.upper() for name in DEFAULTS if name not in SHARED]
    if place == "file":
        lines = "".join(f"{name}=other\n" for name in names)
        (clean_place / ".env").write_text(lines, encoding="utf-8")
    else:
        for name in names:
            setenv(name, "other")
    assert made().model_dump(include={*DEFAULTS}) == DEFAULTS


@pytest.mark.parametrize("made", [AllSettings, SettingsOfAll])
def test_settings_can_be_combined(clean_place: Path, setenv: Set, made: type[AuthSettings]) -> None:
    """Do the settings of an app and those of auth fit into one class, in any order?"""
    (clean_place / ".env").write_text(f"APP_NAME=Shop\nSECRET_KEY={KEY}\n", encoding="utf-8")
    setenv("AUTH_ISSUER", "us")
    settings = made(audience="them")
    assert (settings.issuer, settings.audience) == ("us", "them")
    assert settings.signing_keys() == {"default": KEY}
    assert vars(settings)["app_name"] == "Shop"


# What cannot be meant


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("algorithm", "none"),
        ("algorithm", "HS512"),
        ("algorithm", "hs256"),
        ("algorithm", ""),
        ("access_token_expire_minutes", 0),
        ("issuer", ""),
        ("audience", ""),
        ("refresh_token_idle_days", 0),
        ("session_max_days", -1),
        ("refresh_reuse_leeway_seconds", 61),
        ("refresh_reuse_leeway_seconds", -1),
        ("password_min_length", 7),
        ("password_max_bytes", 63),
        ("password_parallelism", 0),
        ("password_threads", 0),
        ("max_failures", 0),
        ("keys", "text"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start(name: str, value: Any) -> None:
    """Is a value refused that would make auth unsafe or useless?"""
    with pytest.raises(ValidationError, match=f"(?i){name}"):
        AuthSettings(**{name: value})


@pytest.mark.parametrize(("kib", "lanes"), [(8, 1), (32, 4), (65536, 4)])
def test_lanes_need_memory(kib: int, lanes: int) -> None:
    """Is the least memory accepted that argon2 works with, and less refused?"""
    AuthSettings(password_memory_kib=kib, password_parallelism=lanes)
    with pytest.raises(ValidationError, match=r"password_parallelism|or equal to 8"):
        AuthSettings(password_memory_kib=8 * lanes - 1, password_parallelism=lanes)


# Keys


def test_the_secret_key_signs() -> None:
    """Is a single key enough?"""
    assert AuthSettings(secret_key=KEY).signing_keys() == {"default": KEY}


def test_keys_come_in_place_of_the_secret_key(setenv: Set) -> None:
    """Do several keys keep their order, and is the single one, good or not, left out?"""
    setenv("SECRET_KEY", "short")
    setenv("AUTH_KEYS", json.dumps({"new": KEY, "old": OTHER_KEY}))
    assert [*AuthSettings().signing_keys().items()] == [("new", KEY), ("old", OTHER_KEY)]


@pytest.mark.parametrize("text", [None, ""], ids=["unset", "empty"])
def test_there_is_no_default_key(setenv: Set, text: str | None) -> None:
    """Does a missing key stop whoever needs one, and only them, with the way to make one?"""
    if text is not None:
        setenv("SECRET_KEY", text)
    settings = AuthSettings()
    with pytest.raises(ConfigurationError, match=r"set SECRET_KEY .*token_urlsafe\(32\)"):
        settings.signing_keys()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_asymmetric_keys_are_pem_texts(algorithm: str) -> None:
    """Are private keys accepted, and public keys and texts refused?"""
    settings = AuthSettings(secret_key=PEM, algorithm=algorithm)
    assert settings.signing_keys() == {"default": PEM}
    for key in (KEY, PUBLIC_PEM):
        with pytest.raises(ValidationError, match=f"a key of {algorithm} is the PEM text"):
            AuthSettings(secret_key=key, algorithm=algorithm)


BAD_KEYS = {
    "one byte": "k",
    "31 bytes": KEY[:31],
    "lone surrogate": KEY + "\ud800",
    "private PEM": PEM,
    "public PEM": PUBLIC_PEM,
    "one character": "k" * 64,
    "spaces": " " * 64,
    "few characters": "abc123-" * 8,
    "lower placeholder": "change-me-to-a-long-and-random-text",
    "upper placeholder": "YOUR_SECRET_KEY_GOES_HERE_PLEASE_CHANGE",
    "mixed placeholder": "YourSecretKeyThatNobodyElseShouldKnow",
    "numbered placeholder": "supersecretkey1234567890supersecretkey",
    "test": "test-key-for-the-pipeline-0123456789abc",
    "tutorial": "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
}


@pytest.mark.parametrize("several", [False, True], ids=["secret_key", "keys"])
@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=[*BAD_KEYS])
def test_a_weak_key_is_refused(key: str, *, several: bool) -> None:
    """Is each key checked, and never shown?"""
    changes: dict[str, Any] = {"keys": {"a": KEY, "b": key}} if several else {"secret_key": key}
    with pytest.raises(ValidationError) as error:
        AuthSettings(**changes)
    message = str(error.value)
    assert len(key) == 1 or key not in message
    assert "input_value" not in message


@given(st.sampled_from([secrets.token_urlsafe, secrets.token_hex]), st.integers(32, 64))
def test_a_random_key_is_accepted(make: Callable[[int], str], size: int) -> None:
    """Is no random key taken for a placeholder?"""
    key = make(size)
    assert AuthSettings(secret_key=key).signing_keys() == {"default": key}


def test_random_bytes_of_32_characters_are_enough() -> None:
    """Is a key accepted that has just the bytes that HS256 needs?"""
    for key in (secrets.token_hex(16), base64.b64encode(secrets.token_bytes(24)).decode()):
        assert AuthSettings(secret_key=key).signing_keys() == {"default": key}


def test_keys_are_not_printed() -> None:
    """Do settings that end up in a log keep their keys?"""
    settings = AuthSettings(secret_key=KEY, keys={"a": OTHER_KEY})
    assert KEY not in f"{settings!r}{settings}"
    assert OTHER_KEY not in f"{settings!r}{settings}"


def test_malformed_keys_are_not_printed(setenv: Set) -> None:
    """Does the error of keys that are no JSON keep them?"""
    setenv("AUTH_KEYS", KEY)
    with pytest.raises(SettingsError, match="keys") as error:
        AuthSettings()
    assert KEY not in f"{error.value}{error.value.__cause__}"

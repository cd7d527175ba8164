"""What a deployment decides about tasks and mail."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fastapi_crud import Settings
from fastapi_crud.auth.settings import AuthSettings
from fastapi_crud.tasks.settings import TaskSettings

PREFIXED = {"broker_url": "TASKS_BROKER_URL", "result_backend": "TASKS_RESULT_BACKEND"}
"""The settings whose names begin with `TASKS_` in the environment."""

Set = Callable[[str, str], None]


def variable_of(name: str) -> str:
    """The variable of the environment that a setting is read from."""
    return PREFIXED.get(name, name.upper())


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder and an environment without our names."""
    monkeypatch.chdir(tmp_path)
    for name in TaskSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(variable_of(name), raising=False)
    return tmp_path


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Set a variable of the environment."""
    return monkeypatch.setenv


class AllSettings(Settings, AuthSettings, TaskSettings):
    """Those of an app with everything."""


class SettingsOfAll(TaskSettings, AuthSettings, Settings):
    """The same, the other way round."""


DEFAULTS: dict[str, Any] = {
    "redis_url": "redis://localhost:6379",
    "broker_url": None,
    "result_backend": None,
    "smtp_host": None,
    "smtp_port": 587,
    "smtp_user": None,
    "smtp_password": None,
    "smtp_tls": "starttls",
    "smtp_timeout": 10,
    "mail_from": None,
}
OTHERS: dict[str, Any] = {
    "redis_url": "redis://cache:6379/1",
    "broker_url": "amqp://broker",
    "result_backend": "redis://results",
    "smtp_host": "mail.example.com",
    "smtp_port": 465,
    "smtp_user": "shop",
    "smtp_password": "tangerine",
    "smtp_tls": "tls",
    "smtp_timeout": 2.5,
    "mail_from": "shop@example.com",
}
"""A value of each setting that is not its default."""
NEEDED = {
    "smtp_host": {"mail_from": "shop@example.com"},
    "smtp_user": {"smtp_password": "tangerine"},
    "smtp_password": {"smtp_user": "shop"},
}
"""What must be set as well."""
EACH = pytest.mark.parametrize("name", [*TaskSettings.model_fields])


def test_there_is_a_default_for_everything() -> None:
    """Are the settings complete without any configuration, with the Redis of an app's own?"""
    assert TaskSettings().model_dump() == DEFAULTS
    assert TaskSettings().redis_url == Settings().redis_url


@EACH
def test_the_environment_decides(setenv: Set, name: str) -> None:
    """Is each setting read from the variable of its name?"""
    for each, value in {**NEEDED.get(name, {}), name: OTHERS[name]}.items():
        setenv(variable_of(each), str(value))
    assert getattr(TaskSettings(), name) == OTHERS[name]


@EACH
def test_the_file_decides(clean_place: Path, name: str) -> None:
    """Is each setting read from the line of its name in `.env`, and are other lines left alone?"""
    told = {**NEEDED.get(name, {}), name: OTHERS[name]}
    lines = [f"{variable_of(each)}='{value}'" for each, value in told.items()]
    (clean_place / ".env").write_text("\n".join([*lines, "OTHER=1"]), encoding="utf-8")
    assert getattr(TaskSettings(), name) == OTHERS[name]


@EACH
def test_code_decides(setenv: Set, name: str) -> None:
    """Can each setting be given by its name, and does that win?"""
    setenv(variable_of(name), str(DEFAULTS[name] or ""))
    given: dict[str, Any] = {**NEEDED.get(name, {}), name: OTHERS[name]}
    assert getattr(TaskSettings(**given), name) == OTHERS[name]


@pytest.mark.parametrize("made", [TaskSettings, AllSettings, SettingsOfAll])
@pytest.mark.parametrize("place", ["environment", "file"])
def test_names_of_others_are_left_alone(
    clean_place: Path, setenv: Set, place: str, made: type[TaskSettings]
) -> None:
    """Is `BROKER_URL` another than `TASKS_BROKER_URL`?"""
    if place == "file":
        lines = "".join(f"{name.upper()}=other\n" for name in PREFIXED)
        (clean_place / ".env").write_text(lines, encoding="utf-8")
    else:
        for name in PREFIXED:
            setenv(name.upper(), "other")
    assert made().model_dump(include={*DEFAULTS}) == DEFAULTS


@pytest.mark.parametrize("made", [AllSettings, SettingsOfAll])
def test_settings_can_be_combined(clean_place: Path, setenv: Set, made: type[TaskSettings]) -> None:
    """Do the settings of an app, of auth and of tasks fit into one class, in any order?"""
    lines = "APP_NAME=Shop\nAUTH_ISSUER=us\nTASKS_BROKER_URL=amqp://broker\n"
    (clean_place / ".env").write_text(lines, encoding="utf-8")
    setenv("REDIS_URL", "redis://cache")
    settings = made(smtp_timeout=3)
    assert (settings.broker, settings.redis_url) == ("amqp://broker", "redis://cache")
    assert settings.smtp_timeout == 3
    assert vars(settings)["app_name"] == "Shop"
    assert vars(settings)["issuer"] == "us"


@pytest.mark.parametrize("text", [None, ""], ids=["unset", "empty"])
def test_redis_is_the_broker_unless_there_is_another(setenv: Set, text: str | None) -> None:
    """Does one Redis serve where no broker is named?"""
    setenv("REDIS_URL", "redis://cache")
    if text is not None:
        setenv("TASKS_BROKER_URL", text)
    assert TaskSettings().broker == "redis://cache"
    assert TaskSettings(broker_url="amqp://broker").broker == "amqp://broker"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtp_port", 0),
        ("smtp_port", 65536),
        ("smtp_tls", ""),
        ("smtp_tls", "ssl"),
        ("smtp_tls", "STARTTLS"),
        ("smtp_timeout", 0),
        ("smtp_timeout", "inf"),
        ("smtp_timeout", "nan"),
        ("mail_from", "shop"),
        ("mail_from", "@example.com"),
        ("mail_from", "Shop <shop@example.com>"),
        ("mail_from", "a@example.com,b@example.com"),
        ("mail_from", "a@example.com\n"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start(name: str, value: Any) -> None:
    """Is a value refused that would lose mails, or send them unprotected by mistake?"""
    with pytest.raises(ValidationError, match=name):
        TaskSettings(**{name: value})


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"smtp_host": "mail.example.com"}, "SMTP_HOST needs MAIL_FROM"),
        ({"smtp_host": "mail.example.com", "mail_from": ""}, "SMTP_HOST needs MAIL_FROM"),
        ({"smtp_user": "shop"}, "SMTP_USER and SMTP_PASSWORD need each other"),
        ({"smtp_password": "tangerine"}, "SMTP_USER and SMTP_PASSWORD need each other"),
    ],
)
def test_half_a_configuration_stops_the_start(given: dict[str, Any], missing: str) -> None:
    """Does the error name what is missing, before the first mail?"""
    with pytest.raises(ValidationError, match=missing):
        TaskSettings(**given)


def test_empty_variables_are_as_good_as_none(setenv: Set) -> None:
    """Can the lines of a sample file stay empty?"""
    for name in ("SMTP_HOST", "SMTP_USER", "SMTP_PASSWORD", "MAIL_FROM"):
        setenv(name, "")
    assert not TaskSettings().smtp_host


SECRET = "tangerine-42"


def test_secrets_are_not_printed() -> None:
    """Do settings that end up in a log keep their passwords, those within URLs as well?"""
    settings = TaskSettings(
        smtp_user="shop",
        smtp_password=SECRET,
        broker_url=f"amqp://us:{SECRET}@broker",
        redis_url=f"redis://:{SECRET}@cache",
        result_backend=f"redis://:{SECRET}@results",
    )
    assert SECRET not in f"{settings!r}{settings}"


def test_errors_show_no_secrets() -> None:
    """Does the error about one setting keep the others?"""
    with pytest.raises(ValidationError) as error:
        TaskSettings(smtp_password=SECRET, smtp_tls="ssl")  # type: ignore[arg-type]
    assert SECRET not in str(error.value)
    with pytest.raises(ValidationError) as error:
        TaskSettings(smtp_password=SECRET)
    assert SECRET not in str(error.value)

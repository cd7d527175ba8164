"""What the pages tell about migrations and deployment works, as far as one machine can tell."""

import asyncio
import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from fastapi_crud import Settings
from fastapi_crud.auth import AuthSettings
from fastapi_crud.tasks import TaskSettings
from tests.conftest import empty_database
from tests.docs.accounts import log_in, post, sign_up
from tests.docs.conftest import DOCS, ENVIRONMENT, EXAMPLES, ROOT, Load, Visit

DEPLOY = EXAMPLES / "deploy"
RUN_ALEMBIC = """
import sys
from alembic.config import main
sys.path[:0] = [""]
for arguments in {commands!r}:
    main(arguments, prog="alembic")
"""
"""Some commands in one process, since each would import everything anew."""


async def run_alembic(folder: Path, url: str, *commands: list[str]) -> str:
    """Run commands of Alembic in a folder, as a reader does; what was printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN_ALEMBIC.format(commands=commands)),
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, "DATABASE_URL": url, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.fixture
async def own_database(backend: URL, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without tables, on each backend in turn."""
    if backend.get_backend_name() == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/own.db"
        return
    async with empty_database(backend) as url:
        yield url.render_as_string(hide_password=False)


async def test_migrations_make_the_tables_of_the_shop(own_database: str, tmp_path: Path) -> None:
    """Are all tables made with names for constraints, seen as equal, and dropped again?"""
    undo = [] if "+asyncmy" in own_database else [["downgrade", "base"]]  # as the page tells
    folder = tmp_path / "shop"
    shutil.copytree(DEPLOY, folder)
    said = await run_alembic(
        folder,
        own_database,
        ["revision", "--autogenerate", "-m", "first tables"],
        ["upgrade", "head"],
        ["check"],
        *undo,
    )
    assert "No new upgrade operations detected" in said
    (migration,) = (folder / "migrations" / "versions").glob("*_first_tables.py")
    made = re.findall(r"create_table\(\W*(\w+)", migration.read_text())
    assert {"orders", "users", "task_outbox", "auth_sessions"} <= {*made}
    assert "fk_orders_buyer_id_users" in migration.read_text()
    left = await tables_of(own_database)
    assert left == ({"alembic_version"} if undo else {*made, "alembic_version"})


async def tables_of(url: str) -> set[str]:
    """The tables of a database."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
    await engine.dispose()
    return {*names}


async def test_the_tutorial_gets_its_tables_by_migrations(tmp_path: Path) -> None:
    """Do the steps of the last chapter work, in a folder with the files of the others?"""
    page = (DOCS / "tutorial" / "8-deploy.md").read_text()
    line = re.search(r"^db = .*$", (EXAMPLES / "deployed_notes.py").read_text(), re.MULTILINE)
    told = re.search(r"^```text\n(import .*)\n```", page, re.MULTILINE)
    assert line
    assert told
    notes = (EXAMPLES / "private_notes.py").read_text()
    assert notes.count(", create_all=True") == 1
    notes = notes.replace(", create_all=True", "")
    assert line[0] in notes
    (tmp_path / "private_notes.py").write_text(notes)
    url = f"sqlite:///{tmp_path}/app.db"
    commands = re.findall(r"^\.venv/bin/alembic (.*)$", page, re.MULTILINE)
    init, revision, upgrade, again = map(shlex.split, commands)
    assert upgrade == again

    assert init == ["init", "migrations"]
    command.init(Config(tmp_path / "alembic.ini"), str(tmp_path / "migrations"))
    shutil.copy(EXAMPLES / "notes_env.py", tmp_path / "migrations" / "env.py")
    template = tmp_path / "migrations" / "script.py.mako"
    imports = template.read_text().replace(
        "import sqlalchemy as sa", f"{told[1]}\nimport sqlalchemy as sa"
    )
    template.write_text(imports)
    await run_alembic(tmp_path, url, revision, upgrade, ["check"])
    names = await tables_of(f"sqlite+aiosqlite:///{tmp_path}/app.db")
    assert {"notes", "users", "auth_sessions"} <= names


async def test_the_shop_packs_what_a_user_orders(visit: Visit, load: Load) -> None:
    """Does the deployed app let users order, and store a job for each order?"""
    module = load("deploy.shop")
    async with visit("deploy.shop") as client:
        await module.db.create_all()
        await sign_up(client)
        ann = await log_in(client)
        ordered = await post(client, "/api/v1/orders", ann, article="Pen")
        assert ordered.json()["packed"] is False
        assert (await post(client, "/api/v1/orders", {}, article="Pen")).status_code == 401
    assert (await module.relay.health()).depth == 1


def compose() -> dict[str, Any]:
    """The services of the compose file, aliases resolved."""
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return services


def commands() -> list[list[str]]:
    """The commands that run the shop, of all files."""
    docker = (DEPLOY / "Dockerfile").read_text()
    told = re.findall(r"^CMD (\[.*\])$", docker, re.MULTILINE)
    lines = [
        service["command"]
        for service in compose().values()
        if "build" in service and "command" in service
    ]
    units = [unit(path)["Service"]["ExecStart"] for path in sorted(DEPLOY.glob("*.service"))]
    return [*map(yaml.safe_load, told), *map(shlex.split, [*lines, *units])]


def unit(path: Path) -> configparser.ConfigParser:
    """A unit of systemd."""
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.optionxform = str  # type: ignore[method-assign, assignment] # names keep their case
    parsed.read(path)
    return parsed


def test_the_commands_run_what_is_there(load: Load) -> None:
    """Does each command name a program and an object of the shop that exist?"""
    module = load("deploy.shop")
    kinds = {"uvicorn": "app", "celery": "celery", "python": "relay"}
    found = [(Path(words[0]).name, words[1:]) for words in commands()]
    assert len(found) == 8
    for program, words in found:
        if program == "alembic":
            assert words == ["upgrade", "head"]
            continue
        (name,) = [word.removeprefix("shop:") for word in words if word.startswith("shop:")]
        assert name == kinds[program]
        assert hasattr(module, name)


def test_the_services_wait_for_what_they_need() -> None:
    """Does everything wait for the migration, and that for a healthy database?"""
    services = compose()
    for name in ("web", "relay", "worker"):
        needs = services[name]["depends_on"]
        assert needs["migrate"] == {"condition": "service_completed_successfully"}
    needs = services["migrate"]["depends_on"]
    assert needs == {"postgres": {"condition": "service_healthy"}}
    assert "healthcheck" in services["postgres"]
    override = yaml.safe_load((DEPLOY / "compose.rabbitmq.yaml").read_text())["services"]
    assert override.keys() - services.keys() == {"rabbitmq"}
    assert "healthcheck" in override["rabbitmq"]


def test_the_environment_is_what_settings_read() -> None:
    """Is each variable that the shop is given one that is read?"""
    known = {name.upper() for name in Settings.model_fields}
    for settings in (AuthSettings, TaskSettings):
        fields = settings.model_fields.items()
        known |= {str(spec.validation_alias or name.upper()) for name, spec in fields}
    override = yaml.safe_load((DEPLOY / "compose.rabbitmq.yaml").read_text())["services"]
    for services in (compose(), override):
        for name in ("web", "relay", "worker", "migrate"):
            assert services.get(name, {}).get("environment", {}).keys() <= known


def test_the_image_copies_what_is_there() -> None:
    """Is each file of the Dockerfile in the folder, and its user not root?"""
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]
    assert {name for name, _ in steps} == {
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "EXPOSE",
        "CMD",
    }
    copied = {source for name, rest in steps if name == "COPY" for source in rest.split()[:-1]}
    assert {name for name in copied if not (DEPLOY / name).exists()} == {"wheels"}  # made by hand
    assert [rest for name, rest in steps if name == "USER"] == ["shop"]


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*.service")), ids=lambda path: path.name)
def test_the_units_are_complete(path: Path) -> None:
    """Has each unit a user, a folder and an environment, and is it started at boot if it lasts?"""
    parsed = unit(path)
    service = parsed["Service"]
    assert (service["User"], service["WorkingDirectory"]) == ("shop", "/srv/shop")
    assert service["EnvironmentFile"] == "/etc/shop.env"
    lasts = service.get("Type") != "oneshot"
    assert lasts == ("Install" in parsed) == (service.get("Restart") == "always")

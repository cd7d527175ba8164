"""The plugin as its users have it: a conftest of two lines, and what tests get for it."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.testing import Accounts
from fastapi_crud.testing.databases import Store
from fastapi_crud.testing.jobs import eager_celery
from tests.conftest import BACKENDS, SERVERS, execute_on_server
from tests.testing import crowd, shop

T = TypeVar("T")

HERE = Path(__file__).parent
PLUGIN = 'pytest_plugins = ["fastapi_crud.testing"]\n'
SHOP = f"from tests.testing.shop import app as app\n{PLUGIN}"
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"


@dataclass(eq=False)
class Outcomes:
    """What became of tests: collected as a plugin."""

    passed: int = 0
    failures: list[str] = field(default_factory=list[str])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that has ended, or that could not begin or end."""
        if report.failed:
            self.failures.append(f"{report.nodeid} {report.when}\n{report.longreprtext}")
        elif report.when == "call":
            self.passed += 1

    def __str__(self) -> str:
        return "\n".join([f"{self.passed} passed", *self.failures])


Run = Callable[[str, str], Outcomes]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs tests as a user does, with a conftest, but in this process, to see what it covers.

    It knows only the databases of the apps here, and not those of this run.
    """
    own = WeakSet([shop.db, shop.script_db, shop.log, crowd.db])
    monkeypatch.setattr("fastapi_crud.testing.fixtures.databases", own)
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)

    def run_tests(conftest: str, tests: str) -> Outcomes:
        outcomes = Outcomes()
        for name, text in (("conftest", conftest), ("test_it", tests)):
            (tmp_path / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        (tmp_path / "pytest.ini").write_text(INI)
        options = ["-p", "no:cacheprovider", "--import-mode", "importlib", "--rootdir"]
        pytest.main([*options, str(tmp_path), str(tmp_path)], plugins=[outcomes])
        return outcomes

    return run_tests


def text_of(name: str) -> str:
    """The text of a file of tests."""
    return (HERE / f"{name}_tests.py").read_text()


def test_a_conftest_of_two_lines_is_enough(run: Run) -> None:
    """Does every fixture do what it says, in memory, in the strict mode of pytest-asyncio?"""
    assert str(run(SHOP, text_of("shop"))) == "16 passed"


@pytest.mark.database
@pytest.mark.parametrize("name", [name for name in ("postgresql", "mariadb") if name in BACKENDS])
def test_a_server_gives_databases(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Does the same hold on a server, on which nothing is left?"""
    at_once(execute_on_server(SERVERS[name], "SELECT 1"))
    monkeypatch.setenv("TEST_DATABASE_URL", SERVERS[name].render_as_string(hide_password=False))
    made: list[str] = []
    drop = Store.drop

    async def noted(store: Store) -> None:
        made.append(store.name)
        await drop(store)

    monkeypatch.setattr(Store, "drop", noted)
    assert str(run(SHOP, text_of("shop"))) == "16 passed"
    assert len(made) == 2 + 1
    assert at_once(databases_on(SERVERS[name])).isdisjoint(made)


def test_a_file_that_the_environment_names_is_left_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is memory used in its place?"""
    monkeypatch.setenv("TEST_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    assert str(run(SHOP, LOOKS)) == "1 passed"


LOOKS = """
import pytest

@pytest.mark.asyncio
async def test_it(database):
    await database.ping()
"""
BARE = """
from fastapi import FastAPI
from fastapi_crud import Database
from fastapi_crud.testing.fixtures import databases

app = FastAPI()
"""
WRONG = {
    "no app": (PLUGIN, "which app"),
    "no database": (f"{BARE}{PLUGIN}", "the app opens no database"),
    "no tables": (
        f"{BARE}db = Database('sqlite://', metadata=None)\ndatabases.add(db)\n{PLUGIN}",
        "say Database(metadata=Base.metadata)",
    ),
    "a lifespan that fails": (
        f"{BARE}app.router.lifespan_context = lambda app: 1 / 0\n{PLUGIN}",
        "ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_lacking_is_told(case: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Does the error name the fix?"""
    monkeypatch.setattr("fastapi_crud.testing.databases.Base.metadata", sa.MetaData())
    conftest, message = WRONG[case]
    outcomes = run(conftest, LOOKS)
    assert outcomes.passed == 0
    assert message in outcomes.failures[0]


def test_users_are_made_up_where_they_can_be(run: Run) -> None:
    """Is it told which columns cannot, and whose users are meant?"""
    conftest = f"from tests.testing.crowd import app as app\n{PLUGIN}"
    assert str(run(conftest, text_of("crowd"))) == "3 passed"


@pytest.mark.parametrize(
    ("module", "made", "extra"),
    [
        ("fastapi_crud.auth.logins", lambda: Accounts(Database("sqlite://")), "auth"),
        ("celery", lambda: next(eager_celery()), "celery"),
    ],
)
async def test_extras_are_named(
    module: str, made: Callable[[], object], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Does the error say which extra to install?"""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=rf"fastapi-crud-factory\[{extra}\]"):
        made()


async def databases_on(server: URL) -> set[str]:
    """The names of all databases on a server."""
    engine = create_async_engine(server)
    listed = "SELECT datname FROM pg_database"
    async with engine.connect() as connection:
        mysql = connection.dialect.name in {"mysql", "mariadb"}
        found = await connection.scalars(sa.text("SHOW DATABASES" if mysql else listed))
        names = {*found}
    await engine.dispose()
    return {name for name in names if name.startswith("test_")}


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Do something on an event loop of its own: the runs have theirs."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)

"""The pages about tasks and mails: their examples do what they say, their tables are complete."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_urlsafe
from types import ModuleType
from typing import get_args

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from fastapi_crud import Database, tasks
from fastapi_crud.models import utc_now
from fastapi_crud.tasks import (
    EmailMessage,
    Health,
    MemoryMailer,
    Permanent,
    Relay,
    Retry,
    TaskSettings,
    use_mailer,
)
from fastapi_crud.tasks.celery import RELAY
from fastapi_crud.tasks.outbox import OUTBOX, State
from tests.conftest import Client, client_of
from tests.docs.conftest import DOCS, EXAMPLES, ROOT, Load, Visit
from tests.docs.test_readme import exchanges_of, replay, uvicorn_serving
from tests.tasks.fleet import Program, bindings_kept, free_port, redis_server, until

API = "/api/v1"
ANN = {"email": "ann@example.com", "name": "Ann"}
CELERY_NAMES = {"make_celery", "CeleryDispatcher", "beat_relay", "run_async"}
PAGE = DOCS / "reference" / "tasks.md"
TUTORIAL = DOCS / "tutorial" / "6-background-tasks.md"


@pytest.fixture
def mailer() -> Iterator[MemoryMailer]:
    """What all tasks of this process send by."""
    mailer = MemoryMailer()
    use_mailer(mailer)
    yield mailer
    use_mailer(None)


@asynccontextmanager
async def quiet(module: ModuleType) -> AsyncGenerator[Client]:
    """Serve an example on empty tables, without its relay: tests say when jobs run."""
    app: FastAPI = module.app
    db: Database = module.db
    await db.drop_all()
    async with db.lifespan(app), client_of(app) as client:
        yield client


async def state_of(module: ModuleType) -> list[tuple[str, str]]:
    """Task and state of each job, the oldest first."""
    async with module.db.session() as session:
        found = await session.execute(
            sa.select(OUTBOX.c.name, OUTBOX.c.state).order_by(OUTBOX.c.id)
        )
        return [(name, state) for name, state in found]


async def make_due(module: ModuleType) -> None:
    """Let the time of all waiting jobs come."""
    async with module.db.session() as session:
        await session.execute(sa.update(OUTBOX).values(available_at=utc_now()))


async def test_welcome_mail_greets_new_users(visit: Visit, mailer: MemoryMailer) -> None:
    """Does the relay of the app send a mail to a new user, and one whenever asked?"""
    async with visit("welcome_mail") as client:
        assert (await client.post(f"{API}/users", json=ANN)).status_code == 201
        await until(lambda: sent(mailer, 1))
        asked = await client.post(f"{API}/users/1/send-welcome-email")
        assert (asked.status_code, asked.json()) == (202, {"message": "Email queued"})
        await until(lambda: sent(mailer, 2))
    for message in mailer.messages:
        assert (message.to, message.subject) == (ANN["email"], "Welcome")
        assert message.text == "Hello Ann, good to have you here."


async def sent(mailer: MemoryMailer, count: int) -> bool:
    """Tell whether so many mails were sent."""
    return len(mailer.messages) == count


async def test_welcome_mail_greets_nobody_who_is_not_there(
    load: Load, mailer: MemoryMailer
) -> None:
    """Is there no mail to who was refused, is unknown, or was deleted before the task ran?"""
    example = load("welcome_mail")
    async with quiet(example) as client:
        await client.post(f"{API}/users", json=ANN)
        assert (await client.post(f"{API}/users", json=ANN)).status_code == 409
        assert (await client.post(f"{API}/users/7/send-welcome-email")).status_code == 404
        await client.delete(f"{API}/users/1")
        assert await example.relay.drain() == 1
    assert mailer.messages == []


async def test_the_transcript_of_the_tutorial_is_what_is_answered(
    load: Load, mailer: MemoryMailer
) -> None:
    """Does each command of the page get exactly the printed answer, and a mail its job?"""
    exchanges = exchanges_of(TUTORIAL)
    assert len(exchanges) == 3
    example = load("welcome_mail")
    async with quiet(example) as client:
        for exchange in exchanges:
            assert (await replay(client, exchange.command)).strip("\n") == exchange.answer
        await example.relay.drain()
    assert len(mailer.messages) == 2


async def test_the_server_of_the_tutorial_prints_mails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Does uvicorn print the mail of the page, where no mail server is named?"""
    (printed,) = re.findall(r"^```text\n(.*?)^```", TUTORIAL.read_text(), re.DOTALL | re.MULTILINE)
    output = ""

    async def is_printed() -> bool:
        nonlocal output
        output += capfd.readouterr().out
        return printed in output

    with uvicorn_serving("welcome_mail:app", tmp_path) as port:
        command = exchanges_of(TUTORIAL)[0].command.replace("localhost:8000", f"127.0.0.1:{port}")
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            await replay(client, command)
        await until(is_printed)


async def test_reports_wait_for_figures_and_are_written(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is a report tried again once there are figures, and then written and printed?"""
    monkeypatch.chdir(tmp_path)
    example = load("reports")
    async with quiet(example) as client:
        await client.post(f"{API}/reports", json={"month": "2030-01"})
        path = f"{API}/reports/1/write"
        assert (await client.post(path)).json() == {"new": True}
        assert (await client.post(path)).json() == {"new": False}
        await example.relay.drain()
        assert await state_of(example) == [("reports.write", "new")]
        await client.patch(f"{API}/reports/1", json={"sales": 3})
        await make_due(example)
        await example.relay.drain()
        assert await state_of(example) == [("reports.write", "done"), ("reports.print", "done")]
        text = (await client.get(f"{API}/reports/1")).json()["text"]
    assert text == "In 2030-01, 3 were sold." == (tmp_path / "report-1.txt").read_text()


async def test_reports_that_are_gone_are_given_up(load: Load) -> None:
    """Does a delayed job wait for its time, and is it dead at once if its report is gone?"""
    example = load("reports")
    async with quiet(example) as client:
        assert (await client.post(f"{API}/reports/1/write")).status_code == 404
        await client.post(f"{API}/reports", json={"month": "2030-01"})
        await client.post(f"{API}/reports/1/write", params={"hours": 1})
        assert await example.relay.drain() == 0
        await client.delete(f"{API}/reports/1")
        await make_due(example)
        await example.relay.drain()
        (dead,) = await example.relay.dead()
    assert (dead.attempts, dead.last_error) == (1, "Permanent: the report has been deleted")


async def test_tend_jobs_replays_what_failed_and_prunes_the_old(
    load: Load, mailer: MemoryMailer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Does a job that was given up run again once the cause is gone, and is it pruned in time?"""
    example, tending = load("welcome_mail"), load("tend_jobs")
    async with quiet(example) as client:
        await client.post(f"{API}/users", json=ANN)
        use_mailer(Refusing())
        await example.relay.drain()
        use_mailer(mailer)
        await tending.replay_dead()
        await example.relay.drain()
        assert len(mailer.messages) == 1
        await tending.prune()
        async with example.db.session() as session:
            await session.execute(
                sa.update(OUTBOX).values(finished_at=utc_now().replace(year=2020))
            )
        await tending.prune()
    lines = capsys.readouterr().out.splitlines()
    said = "fastapi_crud.send_email, 1 attempts: Permanent: 550"
    assert lines == [said, "Pruned 0", "Pruned 2"]


class Refusing:
    """A mailer whose server takes no mail."""

    async def send(self, message: EmailMessage) -> None:
        """Refuse."""
        raise Permanent("550")


async def test_newsletter_goes_to_each_reader_once(
    visit: Visit, load: Load, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Does each reader get a mail, by the mailer that the app chose when it started?"""
    memory = MemoryMailer()

    def mailer_of(_: TaskSettings) -> MemoryMailer:
        return memory

    monkeypatch.setattr(load("newsletter"), "mailer_of", mailer_of)
    caplog.set_level("INFO", logger="newsletter")
    try:
        async with visit("newsletter") as client:
            for email in ("a@example.com", "b@example.com"):
                await client.post(f"{API}/readers", json={"email": email})
            issue = {"subject": "News", "text": "There is none."}
            answer = await client.post(f"{API}/issues", json=issue)
            assert (answer.status_code, answer.json()) == (202, {"recipients": 2})
            await until(lambda: sent(memory, 2))
    finally:
        use_mailer(None)
    assert {message.to for message in memory.messages} == {"a@example.com", "b@example.com"}
    assert {f"Sent: {each.message_id}" for each in memory.messages} <= {*caplog.messages}


@pytest.fixture
def bound() -> Iterator[None]:
    """Nothing remains of the Celery app of an example."""
    with bindings_kept():
        yield


@pytest.fixture
async def orders(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """The environment of an app, with a Redis server and a database of its own."""
    port = free_port()
    async with redis_server(port, tmp_path):
        yield {
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "DATABASE_URL": f"sqlite:///{tmp_path}/app.db",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(EXAMPLES)]),
        }


@asynccontextmanager
async def program(
    folder: Path, environment: dict[str, str], *arguments: str
) -> AsyncGenerator[Program]:
    """Run a command of the page, in an empty folder."""
    log = folder / f"{'-'.join(arguments[-3:]).replace('/', '')}.log"
    with log.open("wb") as output:
        running = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = Program(running, log)
    try:
        yield started
    finally:
        started.kill()


WAYS = {
    "app": ["celery -A celery_app:celery worker --loglevel INFO"],
    "command": [
        "celery -A celery_app:celery worker --loglevel INFO",
        "python -m fastapi_crud.tasks celery_app:relay",
    ],
    "beat": ["celery -A celery_beat:celery worker", "celery -A celery_beat:celery beat"],
}
"""How jobs are sent → the commands of the page."""


@pytest.mark.parametrize("way", WAYS)
async def test_celery_app_has_orders_packed(
    orders: dict[str, str], tmp_path: Path, way: str
) -> None:
    """Do workers pack an order, whichever way it was sent?"""
    page = (DOCS / "how-to" / "celery.md").read_text()
    assert all(f"\n{command}\n" in page for command in WAYS[way])
    serve = "uvicorn celery_app:app" if way == "app" else None
    port = str(free_port())
    async with (
        program(tmp_path, orders, *worker_of(WAYS[way][0])) as worker,
        program(tmp_path, orders, *sender_of(way, port)) as sender,
    ):
        await worker.says(" ready.")
        if serve:
            await sender.says("Application startup complete")
        await order_one(orders["DATABASE_URL"], None if serve is None else port)
        await until(lambda: is_packed(orders["DATABASE_URL"]))


def worker_of(command: str) -> list[str]:
    """A command of the page, as a worker that needs few processes."""
    arguments = command.split()
    return [*arguments[:4], "--pool", "solo", "--loglevel", "INFO"]


def sender_of(way: str, port: str) -> list[str]:
    """What looks for jobs."""
    if way == "app":
        return ["uvicorn", "celery_app:app", "--port", port]
    return WAYS[way][1].removeprefix("python -m ").split()


async def order_one(url: str, port: str | None) -> None:
    """Order something: by the app that is served, or by a program without a relay."""
    if port is not None:
        where = f"http://127.0.0.1:{port}{API}/orders"
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            assert (await client.post(where, json={"article": "pen"})).status_code == 201
        return
    code = (
        "import asyncio, celery_app as it\n"
        "async def main():\n"
        "    await it.db.create_all()\n"
        "    async with it.db.session() as session:\n"
        "        order = it.Order(article='pen')\n"
        "        session.add(order)\n"
        "        await session.flush()\n"
        "        await it.pack.enqueue(session, order.id)\n"
        "asyncio.run(main())\n"
    )
    paths = os.pathsep.join([str(ROOT), str(EXAMPLES)])
    environment = {**os.environ, "DATABASE_URL": url, "PYTHONPATH": paths}
    ordering = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=environment)
    assert await ordering.wait() == 0


async def is_packed(url: str) -> bool:
    """Tell whether all orders are packed, and their jobs done."""
    database = Database(url)
    try:
        async with database.session() as session:
            packed = await session.scalar(sa.text("SELECT min(packed) FROM orders"))
        return bool(packed) and (await Relay(database).health()).depth == 0
    finally:
        await database.engine.dispose()


@pytest.mark.usefixtures("bound")
async def test_celery_app_tells_how_the_queue_does(load: Load) -> None:
    """Does the endpoint give the figures of the page, and beat have its entry?"""
    example = load("celery_app")
    async with quiet(example) as client:
        await client.post(f"{API}/orders", json={"article": "pen"})
        figures = (await client.get("/health/tasks")).json()
    assert (figures["depth"], figures["due"], figures["dead"]) == (1, 1, 0)
    page = (DOCS / "how-to" / "celery.md").read_text().partition("## Watch it")[2]
    named = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert named == {*figures} == {*Health.__annotations__}
    assert load("celery_beat").celery.conf.beat_schedule[RELAY]["schedule"] == 5


async def test_auth_mails_are_sent_by_a_task(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a link sent once its job runs, tried again after an error, and its token never stored?"""
    monkeypatch.setenv("SECRET_KEY", token_urlsafe(32))
    monkeypatch.setenv("AUTH_PASSWORD_MEMORY_KIB", "32")
    monkeypatch.setenv("AUTH_PASSWORD_TIME_COST", "1")
    example = load("auth_mails")
    memory, refused = MemoryMailer(), Later()
    monkeypatch.setattr(example, "mailer", refused)
    body = {"email": ANN["email"], "password": "correct horse battery"}
    async with quiet(example) as client:
        assert (await client.post(f"{API}/auth/register", json=body)).status_code == 201
        for email in (ANN["email"], "nobody@example.com"):
            asked = await client.post(f"{API}/auth/forgot-password", json={"email": email})
            assert asked.status_code == 202
        await example.relay.drain()
        assert refused.count == 1
        monkeypatch.setattr(example, "mailer", memory)
        await make_due(example)
        await example.relay.drain()
        (message,) = memory.messages
        token = message.text.partition("#token=")[2]
        async with example.db.session() as session:
            stored = [*await session.scalars(sa.select(OUTBOX.c.payload))]
        wanted = {"purpose": "reset", "email": ANN["email"]}
        assert wanted in stored
        assert token not in str(stored)
        change = {"token": token, "new_password": "horse and battery"}
        assert (await client.post(f"{API}/auth/reset-password", json=change)).status_code == 204


class Later:
    """A mailer whose server is busy."""

    count = 0

    async def send(self, message: EmailMessage) -> None:
        """Refuse for now."""
        self.count += 1
        raise Retry("450")


def test_every_public_name_has_its_entry() -> None:
    """Is everything that `fastapi_crud.tasks` exports in the reference, and nothing else?"""
    entries = re.findall(
        r"^::: fastapi_crud\.tasks\.(?:\w+\.)?(\w+)$", PAGE.read_text(), re.MULTILINE
    )
    text = Path(str(tasks.__file__)).read_text()
    public = re.findall(r"\b(\w+) as \1\b", text)
    assert sorted(entries) == sorted([*public, *CELERY_NAMES])


def test_the_table_of_settings_is_complete() -> None:
    """Does each setting stand in the table by its name in the environment, with its default?"""
    section = PAGE.read_text().partition("## Settings")[2].partition("## Tasks")[0]
    told = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\|", section, re.MULTILINE)
    assert told == [
        (str(spec.validation_alias or name.upper()), written(spec.default))
        for name, spec in TaskSettings.model_fields.items()
    ]


def written(default: object) -> str:
    """A default as the page writes it."""
    return "" if default is None else str(default)


def test_the_table_of_states_is_complete() -> None:
    """Does the page about the outbox name each state that a job can have?"""
    page = (DOCS / "explanation" / "outbox.md").read_text()
    assert tuple(re.findall(r"^\| `(\w+)` \| \w", page, re.MULTILINE))[:5] == get_args(State)

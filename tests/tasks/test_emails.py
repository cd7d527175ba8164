"""Tasks that send mails: asked for with a transaction, sent once it is stored."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from fastapi_crud import Database
from fastapi_crud.models import utc_now
from fastapi_crud.tasks import Permanent, Relay, Retry, enqueue, outbox_table
from fastapi_crud.tasks.emails import send_bulk_emails, send_email, use_mailer
from fastapi_crud.tasks.mailers import EmailMessage, MemoryMailer, SMTPMailer
from fastapi_crud.tasks.outbox import OUTBOX
from tests.tasks.post_office import LOCALHOST, Desk, closed_port, post_office

BOB = "bob@example.com"
SECRET = "tangerine-42"
"""What stands in mails, and nowhere else."""


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Database]:
    """A SQLite database of this test alone, for what is the same on every backend."""
    metadata = sa.MetaData()
    outbox_table(metadata)
    database = Database(f"sqlite:///{tmp_path}/tasks.db", metadata=metadata)
    await database.create_all()
    yield database
    await database.engine.dispose()


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder, an environment without a mail server, and no mailer."""
    monkeypatch.chdir(tmp_path)
    for name in ("SMTP_HOST", "SMTP_USER", "SMTP_PASSWORD", "MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)
    use_mailer(None)
    yield
    use_mailer(None)


@pytest.fixture
def memory() -> MemoryMailer:
    """The mails that are sent, kept."""
    mailer = MemoryMailer()
    use_mailer(mailer)
    return mailer


class Broken:
    """A mailer that does not send to everybody."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def send(self, message: EmailMessage) -> None:
        """Fail."""
        raise self.error


def smtp(port: int) -> SMTPMailer:
    """A mailer to a server on this machine."""
    return SMTPMailer(host=LOCALHOST, port=port, sender="shop@example.com", tls="none")


async def asked(database: Database, **changes: Any) -> UUID:
    """A mail that was asked for, and stored."""
    given: dict[str, Any] = {"to": BOB, "subject": "Hi", "body": SECRET, **changes}
    async with database.session() as session:
        job_id = await send_email.enqueue(session, **given)
    assert job_id is not None
    return job_id


async def next_attempt(database: Database) -> int:
    """Let the time pass until what failed is due, and run it; tell how many."""
    async with database.session() as session:
        await session.execute(sa.update(OUTBOX).values(available_at=utc_now()))
    return await Relay(database).drain()


async def jobs_of(database: Database) -> list[Any]:
    """Name, state, attempts and last error of each job, in the order of asking."""
    row = OUTBOX.c
    wanted = sa.select(row.name, row.state, row.attempts, row.last_error).order_by(row.id)
    async with database.session() as session:
        return [tuple(each) for each in await session.execute(wanted)]


# One mail


async def test_a_mail_is_sent_once_it_is_stored(lite: Database, memory: MemoryMailer) -> None:
    """Is a mail sent with all that was asked for, and with the id of its job?"""
    job_id = await asked(lite, html="<b>Hi</b>")
    assert memory.messages == []
    assert await Relay(lite).drain() == 1
    assert memory.messages == [
        EmailMessage(to=BOB, subject="Hi", text=SECRET, html="<b>Hi</b>", message_id=str(job_id))
    ]


async def test_a_mail_needs_no_html(lite: Database, memory: MemoryMailer) -> None:
    """Are recipient, subject and text enough, in this order?"""
    async with lite.session() as session:
        await enqueue(session, send_email, BOB, "Hi", "Hello")
    await Relay(lite).drain()
    assert [(each.text, each.html) for each in memory.messages] == [("Hello", None)]


async def test_a_mail_that_is_not_stored_is_not_sent(lite: Database, memory: MemoryMailer) -> None:
    """Does nobody get a mail about what was rolled back?"""
    with suppress(LookupError):
        async with lite.session() as session:
            await send_email.enqueue(session, BOB, "Hi", "Hello")
            raise LookupError
    assert await Relay(lite).drain() == 0
    assert memory.messages == []


async def test_a_mail_is_sent_again(lite: Database) -> None:
    """Is a mail that was refused for now sent later, as the same mail?"""
    with post_office(Desk({"DATA": ["451 4.3.0 again, please"]})) as desk:
        use_mailer(smtp(desk.port))
        job_id = await asked(lite)
        assert await Relay(lite).drain() == 1
        assert await Relay(lite).drain() == 0
        assert await jobs_of(lite) == [
            ("fastapi_crud.send_email", "new", 1, "Retry: the mail server answers 451 4.3.0")
        ]
        assert await next_attempt(lite) == 1
    assert await jobs_of(lite) == [("fastapi_crud.send_email", "done", 2, None)]
    ids = [received.message["Message-ID"] for received in desk.received]
    assert ids == [f"<{job_id}@example.com>"] * 2


async def test_a_refused_recipient_is_dead(lite: Database) -> None:
    """Is a mail to nobody not tried again, and can it be looked at, and sent by hand?"""
    with post_office(Desk({"RCPT": [f"550 5.1.1 <{BOB}> is unknown"]})) as desk:
        use_mailer(smtp(desk.port))
        job_id = await asked(lite)
        await Relay(lite).drain()
        [dead] = await Relay(lite).dead()
        assert (dead.id, dead.attempts) == (job_id, 1)
        assert dead.last_error == "Permanent: the mail server answers 550 5.1.1"
        assert await Relay(lite).replay(job_id)
        await Relay(lite).drain()
    assert len(desk.received) == 1


async def test_a_mail_is_tried_three_times_more(lite: Database) -> None:
    """Is a mail given up after three retries?"""
    use_mailer(smtp(closed_port()))
    await asked(lite)
    attempts = [await Relay(lite).drain(), *[await next_attempt(lite) for _ in range(4)]]
    assert attempts == [1, 1, 1, 1, 0]
    [(_, state, count, error)] = await jobs_of(lite)
    assert (state, count) == ("dead", 4)
    assert error == "Retry: the mail server cannot be used: Connection refused"


@pytest.mark.parametrize("task", [send_email, send_bulk_emails])
def test_retries_wait_longer_each_time(task: Any) -> None:
    """Does a mail server that is away get some minutes to come back?"""
    pauses = [task.retry.delay(attempts).total_seconds() for attempts in range(1, 12)]
    assert all(0 <= pause <= 900 for pause in pauses)
    assert (task.retry.max_attempts, task.retry.base) == (4, 60)


@pytest.mark.parametrize(
    "answers",
    [
        {"RCPT": [f"450 4.2.1 <{BOB}>: {BOB} is busy"]},
        {"RCPT": [f"550 5.1.1 <{BOB}>: {BOB} is unknown"]},
        {"DATA": [f"451 4.3.0 {SECRET} again, please"]},
        {"DATA": [f"554 5.7.1 no {SECRET} here"]},
        {},
    ],
    ids=["450", "550", "451", "554", "250"],
)
async def test_logs_hold_no_mail(
    lite: Database, caplog: pytest.LogCaptureFixture, answers: dict[str, list[str]]
) -> None:
    """Does neither a log line nor the last error have an address or a text, whatever happens?"""
    caplog.set_level(logging.DEBUG, "fastapi_crud")
    with post_office(Desk(answers)) as desk:
        use_mailer(smtp(desk.port))
        await asked(lite, html=SECRET)
        await Relay(lite).drain()
    ours = [each for each in caplog.records if each.name.startswith("fastapi_crud")]
    text = "".join(logging.Formatter().format(each) for each in ours)
    text += str(await jobs_of(lite))
    assert bool(ours) is bool(answers)
    for private in ("bob", "shop@example", SECRET):
        assert private not in text


async def test_a_mail_that_cannot_be_written_is_dead(lite: Database, memory: MemoryMailer) -> None:
    """Is a mail to two, or with two lines of subject, given up at once?"""
    await asked(lite, to="a@x, evil@y")
    await asked(lite, subject="Hi\r\nBcc: evil@y")
    await Relay(lite).drain()
    assert [state for _, state, _, _ in await jobs_of(lite)] == ["dead", "dead"]
    assert memory.messages == []


# Many mails


async def test_each_recipient_gets_a_mail(lite: Database, memory: MemoryMailer) -> None:
    """Does everybody get one mail of their own, once?"""
    async with lite.session() as session:
        await send_bulk_emails.enqueue(session, ["a@x", "b@x", "a@x"], "News", "Hello")
    assert await Relay(lite).drain() == 3
    assert sorted(each.to for each in memory.messages) == ["a@x", "b@x"]
    assert {(each.subject, each.text) for each in memory.messages} == {("News", "Hello")}
    assert len({each.message_id for each in memory.messages}) == 2


async def test_nobody_may_be_among_the_recipients(lite: Database, memory: MemoryMailer) -> None:
    """Is an empty list no error?"""
    async with lite.session() as session:
        await send_bulk_emails.enqueue(session, [], "News", "Hello")
    assert await Relay(lite).drain() == 1
    assert await jobs_of(lite) == [("fastapi_crud.send_bulk_emails", "done", 1, None)]


async def test_one_bad_recipient_is_nothing_to_the_others(
    lite: Database, memory: MemoryMailer
) -> None:
    """Do all others get their mail, once?"""
    async with lite.session() as session:
        await send_bulk_emails.enqueue(session, ["a@x", "nobody", "b@x"], "News", "Hello")
    await Relay(lite).drain()
    assert sorted(each.to for each in memory.messages) == ["a@x", "b@x"]
    [dead] = await Relay(lite).dead()
    assert dead.payload["to"] == "nobody"


async def test_many_mails_are_asked_for_together(
    lite: Database, memory: MemoryMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the work breaks off halfway, is no mail asked for, and all of them by the next attempt?"""
    real, calls = type(send_email).enqueue, 0

    async def breaks_once(*args: Any, **kwargs: Any) -> UUID | None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ConnectionError
        return await real(*args, **kwargs)

    async with lite.session() as session:
        await send_bulk_emails.enqueue(session, ["a@x", "b@x"], "News", "Hello")
    monkeypatch.setattr(type(send_email), "enqueue", breaks_once)
    assert await Relay(lite).drain() == 1
    assert [name for name, *_ in await jobs_of(lite)] == ["fastapi_crud.send_bulk_emails"]
    await next_attempt(lite)
    assert sorted(each.to for each in memory.messages) == ["a@x", "b@x"]


# By which mailer


async def test_the_settings_decide(lite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is the server of the environment used, unless a mailer is named?"""
    with post_office() as desk:
        told = {"SMTP_HOST": LOCALHOST, "SMTP_PORT": str(desk.port), "SMTP_TLS": "none"}
        for name, value in {**told, "MAIL_FROM": "us@example.org"}.items():
            monkeypatch.setenv(name, value)
        await asked(lite)
        await asked(lite)
        await Relay(lite).drain()
    assert [received.sender for received in desk.received] == ["us@example.org"] * 2


async def test_without_settings_mails_are_printed(
    lite: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Does a developer see mails without any configuration?"""
    await asked(lite)
    await Relay(lite).drain()
    assert f"To: {BOB}\nSubject: Hi\n\n{SECRET}\n" in capsys.readouterr().out


async def test_wrong_settings_leave_the_mails_alive(
    lite: Database, monkeypatch: pytest.MonkeyPatch, memory: MemoryMailer
) -> None:
    """Can a mistake of ours be put right before the mails are dead?"""
    use_mailer(None)
    monkeypatch.setenv("SMTP_HOST", LOCALHOST)
    await asked(lite)
    await Relay(lite).drain()
    [(_, state, _, error)] = await jobs_of(lite)
    assert state == "new"
    assert "SMTP_HOST needs MAIL_FROM" in error
    use_mailer(memory)
    await next_attempt(lite)
    assert len(memory.messages) == 1


@pytest.mark.parametrize(
    ("error", "state"),
    [(Retry("later"), "new"), (OSError("away"), "new"), (Permanent("never"), "dead")],
    ids=["Retry", "any other", "Permanent"],
)
async def test_a_mailer_may_be_of_the_apps_own(
    lite: Database, error: Exception, state: str
) -> None:
    """Does any object that can send do, and is its error understood?"""
    use_mailer(Broken(error))
    await asked(lite)
    await Relay(lite).drain()
    assert [each[1] for each in await jobs_of(lite)] == [state]

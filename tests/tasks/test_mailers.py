"""Mailers: what is sent, to whom, how well it is protected, and what an error means."""

import asyncio
import io
import logging
import re
import ssl
from collections.abc import Callable
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.tasks import Permanent, Retry
from fastapi_crud.tasks.mailers import (
    THREADS,
    ConsoleMailer,
    EmailMessage,
    MemoryMailer,
    SMTPMailer,
    mailer_of,
)
from fastapi_crud.tasks.settings import TLS, TaskSettings
from tests.tasks.post_office import (
    HANG_UP,
    LOCALHOST,
    LOGIN,
    SILENCE,
    Desk,
    certified,
    closed_port,
    post_office,
    scripted,
    silent,
)

SENDER = "shop@example.com"
BOB = "bob@example.com"
MESSAGE = EmailMessage(to=BOB, subject="Grüße", text="Hallo, Bob!", message_id="7")
IMPATIENT = 0.2
"""Seconds to wait for servers that say nothing."""


def mailer_to(port: int, **changes: Any) -> SMTPMailer:
    """A mailer to a server on this machine, whose certificate it trusts."""
    given: dict[str, Any] = {"tls": "none", "context": certified(LOCALHOST).client, **changes}
    return SMTPMailer(host=LOCALHOST, port=port, sender=SENDER, **given)


async def refused(mailer: SMTPMailer, message: EmailMessage = MESSAGE) -> Retry | Permanent:
    """Send a mail in vain."""
    with pytest.raises((Retry, Permanent)) as caught:
        await mailer.send(message)
    error = caught.value
    assert isinstance(error, (Retry, Permanent))
    return error


# What is sent


@pytest.mark.parametrize("tls", ["starttls", "tls", "none"])
async def test_a_mail_arrives(tls: TLS) -> None:
    """Does the server get one mail, from the sender to the recipient, protected as was said?"""
    with post_office(tls=tls) as desk:
        await mailer_to(desk.port, tls=tls).send(MESSAGE)
    [received] = desk.received
    assert (received.sender, received.recipients) == (SENDER, [BOB])
    assert received.is_upgraded is (tls == "starttls")
    message = received.message
    assert (message["Subject"], message["Message-ID"]) == ("Grüße", "<7@example.com>")
    assert message.get_content() == "Hallo, Bob!\r\n"


async def test_text_and_html_arrive() -> None:
    """Can the recipient choose between the text and the HTML?"""
    message = EmailMessage(to=BOB, subject="Grüße", text="Füße\n.\n..", html="<b>Füße</b>\n.\n..")
    with post_office() as desk:
        await mailer_to(desk.port).send(message)
    read = desk.received[0].message
    assert read.get_content_type() == "multipart/alternative"
    parts = {part.get_content_type(): part.get_content() for part in read.iter_parts()}
    assert parts == {
        "text/plain": "Füße\r\n.\r\n..\r\n",
        "text/html": "<b>Füße</b>\r\n.\r\n..\r\n",
    }


async def test_two_attempts_have_one_message_id() -> None:
    """Does a mailbox that got a mail before its acceptance was lost know the second one?"""
    with post_office(Desk({"DATA": ["451 4.3.0 again, please"]})) as desk:
        mailer = mailer_to(desk.port)
        await refused(mailer)
        await mailer.send(MESSAGE)
    assert {received.message["Message-ID"] for received in desk.received} == {"<7@example.com>"}
    assert len(desk.received) == 2


async def test_an_international_domain_is_written_in_ascii() -> None:
    """Is a domain of other characters known to servers that only know ASCII?"""
    message = EmailMessage(to="bob@bücher.example", subject="Hi", text="Hi")
    with post_office(enable_SMTPUTF8=False) as desk:
        await mailer_to(desk.port).send(message)
    assert desk.received[0].recipients == ["bob@xn--bcher-kva.example"]


async def test_an_international_address_needs_a_server_that_knows_them() -> None:
    """Is an address of other characters sent as it is, or not at all?"""
    message = EmailMessage(to="jürgen@example.com", subject="Grüße", text="Füße")
    with post_office(decode_data=False) as desk:
        await mailer_to(desk.port).send(message)
    assert desk.received[0].recipients == ["jürgen@example.com"]
    assert "To: jürgen@example.com".encode() in desk.received[0].content
    with post_office(enable_SMTPUTF8=False) as desk:
        error = await refused(mailer_to(desk.port), message)
    assert isinstance(error, Permanent)
    assert "MAIL" not in desk.commands


async def test_a_server_may_be_an_old_one() -> None:
    """Is a mail sent to a server that has no extensions?"""
    with post_office(Desk({"EHLO": ["502 5.5.1 what?"]})) as desk:
        await mailer_to(desk.port).send(MESSAGE)
    assert len(desk.received) == 1


# To whom


@pytest.mark.parametrize(
    "to", ["a@x, evil@y", "a@x\r\nRCPT TO:<evil@y>", "Bob <bob@example.com>", ""], ids=ascii
)
async def test_a_mail_has_one_recipient(to: str) -> None:
    """Is what is no address, or more than one, dead before any server is asked?"""
    message = EmailMessage(to=to, subject="Hi", text="Hi")
    with post_office() as desk:
        error = await refused(mailer_to(desk.port), message)
    assert isinstance(error, Permanent)
    assert desk.commands == []


@pytest.mark.parametrize(
    "message",
    [
        EmailMessage(to="a@x, evil@y", subject="Hi", text="Hi"),
        EmailMessage(to=BOB, subject="Hi\nBcc: evil@y", text="Hi"),
        EmailMessage(to=BOB, subject="Hi", text="Hi", sender="us"),
        EmailMessage(to=BOB, subject="Hi", text="Hi", message_id="a b"),
        EmailMessage(to=BOB, subject="Hi", text="\ud800"),
    ],
    ids=["recipient", "subject", "sender", "message_id", "text"],
)
async def test_all_mailers_refuse_the_same(message: EmailMessage) -> None:
    """Do tests and development see what could never be sent?"""
    stream, memory = io.StringIO(), MemoryMailer()
    for mailer in (mailer_to(closed_port()), ConsoleMailer(stream=stream), memory):
        with pytest.raises(Permanent):
            await mailer.send(message)
    assert (stream.getvalue(), memory.messages) == ("", [])


# How well it is protected


@pytest.mark.parametrize("tls", ["starttls", "tls", "TLS", ""])
async def test_nothing_is_sent_without_tls(tls: str) -> None:
    """Does a server without TLS get neither mail nor password, unless `none` is said?"""
    with post_office(auth_require_tls=False, authenticator=Desk().authenticate) as desk:
        mailer = mailer_to(desk.port, tls=cast("TLS", tls), user=LOGIN[0], password=LOGIN[1])
        assert isinstance(await refused(mailer), Retry)
    assert (desk.received, desk.logins) == ([], [])
    assert "MAIL" not in desk.commands


async def test_a_refused_starttls_is_no_reason_to_go_on() -> None:
    """Is a server believed that offers TLS and then takes it back?"""
    with scripted(b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"454 4.7.0 no\r\n") as port:
        error = await refused(mailer_to(port, tls="starttls"))
    assert isinstance(error, Retry)
    assert str(error) == "the mail server answers 454 4.7.0"


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize(
    "context",
    [None, certified("127.0.0.2").client],
    ids=["the authorities of the machine", "another's"],
)
async def test_a_certificate_must_be_trusted(tls: TLS, context: ssl.SSLContext | None) -> None:
    """Does whoever sits in between get nothing?"""
    with post_office(tls=tls) as desk:
        error = await refused(mailer_to(desk.port, tls=tls, context=context))
    assert isinstance(error, Retry)
    assert "certificate verify failed" in str(error)
    assert "MAIL" not in desk.commands


async def test_a_certificate_must_be_of_the_host() -> None:
    """Is a good certificate of somebody else refused?"""
    with post_office(tls="starttls") as desk:
        mailer = SMTPMailer(
            host="localhost", port=desk.port, sender=SENDER, context=certified(LOCALHOST).client
        )
        assert "certificate is not valid for 'localhost'" in str(await refused(mailer))


async def test_it_logs_in() -> None:
    """Does the server get name and password, after TLS has begun?"""
    desk = Desk()
    with post_office(desk, tls="starttls", auth_required=True, authenticator=desk.authenticate):
        mailer = mailer_to(desk.port, tls="starttls", user=LOGIN[0], password=LOGIN[1])
        await mailer.send(MESSAGE)
    assert desk.logins == [LOGIN]
    assert len(desk.received) == 1


@pytest.mark.parametrize(
    ("login", "reason"),
    [
        ({"user": "shop", "password": "wrong"}, "the mail server answers 535 5.7.8"),
        ({"user": "shop"}, "the mail server answers 535 5.7.8"),
        ({}, "the mail server answers 530 5.7.0"),
        ({"user": "shop", "password": "pässwort"}, "the mail server cannot be used: "),
    ],
    ids=["wrong password", "no password", "no login", "not ASCII"],
)
async def test_a_wrong_login_is_tried_again(login: dict[str, str], reason: str) -> None:
    """Do mails wait until our own mistake is put right, and is the password kept out of it?"""
    desk = Desk()
    with post_office(desk, tls="starttls", auth_required=True, authenticator=desk.authenticate):
        error = await refused(mailer_to(desk.port, tls="starttls", **login))
    assert isinstance(error, Retry)
    assert str(error).startswith(reason)
    assert "ä" not in str(error)


async def test_a_login_needs_a_server_that_has_logins() -> None:
    """Is the reason named if the server knows no logins?"""
    with post_office() as desk:
        error = await refused(mailer_to(desk.port, user="shop", password="x"))
    assert isinstance(error, Retry)
    assert "SMTP AUTH extension not supported by server" in str(error)


def test_a_mailer_keeps_its_secrets() -> None:
    """Does a mailer that ends up in a log keep its password and addresses?"""
    text = repr(mailer_to(25, user=LOGIN[0], password=LOGIN[1]))
    assert text == "SMTPMailer(host='127.0.0.1', port=25, tls='none', timeout=10)"


# What an error means


@pytest.mark.parametrize(
    ("command", "answer", "kind", "said"),
    [
        ("MAIL", "451 4.7.1 later, <bob@example.com>", Retry, "451 4.7.1"),
        ("MAIL", "421 4.3.2 closing", Retry, "421 4.3.2"),
        ("MAIL", "530 5.7.0 log in first", Retry, "530 5.7.0"),
        ("MAIL", "550 5.7.1 not you, <shop@example.com>", Permanent, "550 5.7.1"),
        ("MAIL", "552 too large", Permanent, "552"),
        ("RCPT", "450 4.2.1 <bob@example.com> is busy", Retry, "450 4.2.1"),
        ("RCPT", "451 bob@example.com is greylisted", Retry, "451"),
        ("RCPT", "452 4.2.2 <bob@example.com> is full", Retry, "452 4.2.2"),
        ("RCPT", "421 4.3.2 closing", Retry, "421 4.3.2"),
        ("RCPT", "550 5.1.1 <bob@example.com> is unknown", Permanent, "550 5.1.1"),
        ("RCPT", "550-bob@example.com\r\n550 is unknown", Permanent, "550"),
        ("RCPT", "553 5.1.3bob", Permanent, "553"),
        ("RCPT", "299 perhaps", Retry, "299"),
        ("DATA", "421 4.3.2 closing", Retry, "421 4.3.2"),
        ("DATA", "451 4.3.0 again, please", Retry, "451 4.3.0"),
        ("DATA", "554 5.7.1 spam", Permanent, "554 5.7.1"),
        ("DATA", "554 5.7.1 größer als Füße", Permanent, "554 5.7.1"),
    ],
)
async def test_the_code_decides(
    command: str, answer: str, kind: type[Exception], said: str
) -> None:
    """Is a mail tried again after 4xx, and dead after 5xx, without the words of the server?"""
    with post_office(Desk({command: [answer]})) as desk:
        error = await refused(mailer_to(desk.port))
    assert type(error) is kind
    assert str(error) == f"the mail server answers {said}"
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([b"421 4.3.2 busy\r\n"], "the mail server answers 421 4.3.2"),
        ([b"554 5.7.1 you are on a list\r\n"], "the mail server answers 554 5.7.1"),
        (
            [b"220 hi\r\n", b"550 5.7.1 go away\r\n", b"550 5.7.1 really\r\n"],
            "the mail server answers 550 5.7.1",
        ),
        ([], "the mail server cannot be used: SMTPServerDisconnected"),
        ([b"HTTP/1.1 200 OK\r\n"], "the mail server cannot be used: SMTPConnectError"),
        ([b"220 " + b"x" * 9000 + b"\r\n"], "the mail server answers 500"),
    ],
    ids=["421 at once", "554 at once", "EHLO and HELO refused", "hangs up", "is none", "babbles"],
)
async def test_what_is_wrong_with_us_is_tried_again(answers: list[bytes], reason: str) -> None:
    """Is a mail not dead because a server does not talk to us at all?"""
    with scripted(*answers) as port:
        error = await refused(mailer_to(port))
    assert isinstance(error, Retry)
    assert str(error) == reason


@pytest.mark.parametrize("answer", [HANG_UP, SILENCE])
@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_lost_connection_is_tried_again(command: str, answer: str) -> None:
    """Is a mail tried again if the server is gone, or says nothing, at any step?"""
    with post_office(Desk({command: [answer]})) as desk:
        error = await refused(mailer_to(desk.port, timeout=IMPATIENT if answer == SILENCE else 10))
    assert isinstance(error, Retry)
    assert str(error) == "the mail server cannot be used: SMTPServerDisconnected"


@pytest.mark.parametrize("answer", [HANG_UP, SILENCE, "421 4.3.2 closing", "500 what?"])
async def test_an_accepted_mail_stays_accepted(answer: str) -> None:
    """Is no mail sent twice because the goodbye went wrong?"""
    with post_office(Desk({"QUIT": [answer]})) as desk:
        await mailer_to(desk.port, timeout=1 if answer == SILENCE else 10).send(MESSAGE)
    assert len(desk.received) == 1


@pytest.mark.parametrize("tls", ["starttls", "tls", "none"])
async def test_a_server_that_says_nothing_is_not_waited_for(tls: TLS) -> None:
    """Does the time limit hold from the first word on?"""
    with silent() as port:
        error = await refused(mailer_to(port, tls=tls, timeout=IMPATIENT))
    assert isinstance(error, Retry)


async def test_no_server_is_tried_again() -> None:
    """Is a mail tried again if nobody listens?"""
    error = await refused(mailer_to(closed_port()))
    assert isinstance(error, Retry)
    assert str(error) == "the mail server cannot be used: Connection refused"


async def test_a_host_that_cannot_be_is_tried_again() -> None:
    """Does a mistake in the settings leave the mails alive?"""
    error = await refused(SMTPMailer(host="mail..example", sender=SENDER))
    assert isinstance(error, Retry)
    assert re.fullmatch(r"the mail server cannot be used: Unicode(Encode)?Error", str(error))


# In threads


async def test_a_few_mails_are_sent_at_the_same_time() -> None:
    """Are mails neither sent one by one, nor all at once?"""
    most, at_work, together = 0, 0, asyncio.Barrier(THREADS)

    class Slow(Desk):
        async def answer(self, server: SMTP, command: str, well: str) -> str:
            nonlocal most, at_work
            at_work += {"MAIL": 1, "DATA": -1}.get(command, 0)
            most = max(most, at_work)
            if command == "MAIL":
                await together.wait()
            return await super().answer(server, command, well)

    with post_office(Slow()) as desk:
        mailer = mailer_to(desk.port)
        await asyncio.gather(*(mailer.send(MESSAGE) for _ in range(2 * THREADS)))
    assert len(desk.received) == 2 * THREADS
    assert most == THREADS


async def test_one_mailer_serves_several_loops() -> None:
    """Can workers in threads, each with a loop of its own, share a mailer?"""
    with post_office() as desk:
        mailer = mailer_to(desk.port)
        await mailer.send(MESSAGE)
        await asyncio.to_thread(asyncio.run, mailer.send(MESSAGE))
    assert len(desk.received) == 2


async def test_a_task_that_is_cancelled_need_not_wait() -> None:
    """Does the time limit of a task end it, although the server says nothing?"""
    with silent() as port, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await mailer_to(port).send(MESSAGE)


# Other mailers


async def test_the_console_shows_mails(capsys: pytest.CaptureFixture[str]) -> None:
    """Does a developer see whom a mail is for, and the link in it?"""
    await ConsoleMailer().send(MESSAGE)
    assert capsys.readouterr().out == f"To: {BOB}\nSubject: Grüße\n\nHallo, Bob!\n\n"


async def test_the_console_is_any_stream() -> None:
    """Can mails be printed elsewhere, and is HTML mentioned?"""
    stream = io.StringIO()
    await ConsoleMailer(stream=stream).send(
        EmailMessage(to=BOB, subject="Hi", text="Hi", html="<b>Hi</b>")
    )
    assert stream.getvalue() == f"To: {BOB}\nSubject: Hi\n\nHi\n(and the same in HTML)\n\n"


async def test_the_memory_keeps_mails() -> None:
    """Does a test find what was sent, in order?"""
    mailer = MemoryMailer()
    other = EmailMessage(to=BOB, subject="Hi", text="Hi")
    await mailer.send(MESSAGE)
    await mailer.send(other)
    assert mailer.messages == [MESSAGE, other]
    assert MemoryMailer().messages == []


# Which mailer


def test_a_host_in_the_settings_means_smtp() -> None:
    """Does the mailer do all that a deployment has decided?"""
    settings = TaskSettings(
        smtp_host="mail.example.com",
        smtp_port=465,
        smtp_user="shop",
        smtp_password="x",
        smtp_tls="tls",
        smtp_timeout=3,
        mail_from=SENDER,
    )
    assert mailer_of(settings) == SMTPMailer(
        host="mail.example.com",
        port=465,
        user="shop",
        password="x",
        tls="tls",
        timeout=3,
        sender=SENDER,
    )
    context = certified(LOCALHOST).client
    assert SMTPMailer.from_settings(settings, context=context).context is context


def test_without_a_host_mails_are_printed(caplog: pytest.LogCaptureFixture) -> None:
    """Is a forgotten host noticed?"""
    with caplog.at_level(logging.WARNING, "fastapi_crud"):
        assert mailer_of(TaskSettings(smtp_host=None)) == ConsoleMailer()
    assert caplog.messages == ["mails are printed, not sent: set SMTP_HOST to send them"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: SMTPMailer.from_settings(TaskSettings(smtp_host=None)),
        lambda: SMTPMailer.from_settings(TaskSettings(smtp_host=None, mail_from=SENDER)),
        lambda: SMTPMailer(host="", sender=SENDER),
        lambda: SMTPMailer(host=LOCALHOST, sender=""),
        lambda: SMTPMailer(host=LOCALHOST, sender="Shop <shop@example.com>"),
        lambda: SMTPMailer(host=LOCALHOST, sender="a@x, evil@y"),
    ],
    ids=["nothing", "no host in settings", "no host", "no sender", "a name", "two senders"],
)
def test_what_could_send_nothing_is_not_made(make: Callable[[], SMTPMailer]) -> None:
    """Does a mistake in the configuration come up before the first mail, and name the settings?"""
    with pytest.raises(ConfigurationError, match="SMTP_HOST, and in MAIL_FROM one address"):
        make()

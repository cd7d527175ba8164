"""Mailers: what sends a mail, by SMTP, to the console, or to a list."""

import logging
import re
import smtplib
import ssl
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Protocol, Self, TextIO

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.tasks.exceptions import Permanent, Retry
from fastapi_crud.tasks.letters import EmailMessage as EmailMessage, is_address, letter_of
from fastapi_crud.tasks.settings import TLS, TaskSettings

logger: logging.Logger = logging.getLogger(__name__)

THREADS = 4
"""How many mails one mailer sends at the same time, per event loop."""
NOBODY = "nobody@localhost"
"""Whom mails come from that are not sent."""
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")
"""The code that a server may begin the text of its answer with (RFC 3463)."""
PERMANENT = 5
"""The first digit of a refusal for good (RFC 5321 §4.2.1)."""
ABOUT_US = {530, 534, 535, 538}
"""The server wants another login, or TLS: no fault of the mail (RFC 4954 §6)."""
VERDICTS = (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)
"""What a server says about this mail, and not about whoever sends it."""


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, message: EmailMessage) -> None:
        """Send one.

        Args:
            message: The mail, as `EmailMessage` of ours makes sure of it.

        Raises:
            Retry: If it may be accepted later.
            Permanent: If it will never be. Neither holds an address or a text.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class SMTPMailer:
    """Sends by SMTP, each mail by a connection of its own, in threads.

    Every certificate is verified, and without TLS nothing is sent unless `tls` is `none`. A mail
    is accepted once the server has said so, whatever happens to the connection then.

    Args:
        host: The mail server.
        sender: The address that mails come from.
        port: Its port.
        user: The user to log in as; nobody unless given.
        password: Its password.
        tls: Whether a connection begins with `STARTTLS`, with TLS, or has `none`.
        timeout: Seconds to wait for any one answer of the server.
        context: Whom to trust; the authorities of the machine unless given.

    Raises:
        ConfigurationError: If the host is empty, or the sender not one address.
    """

    host: str
    sender: str = field(repr=False)
    port: int = 587
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: TLS = "starttls"
    timeout: float = 10
    context: ssl.SSLContext | None = field(default=None, repr=False)
    _limiter: RunVar[CapacityLimiter] = field(
        init=False, repr=False, compare=False, default_factory=lambda: RunVar("mail_limiter")
    )

    def __post_init__(self) -> None:
        """Refuse what could send nothing."""
        if not self.host or not is_address(self.sender):
            msg = "SMTPMailer needs SMTP_HOST, and in MAIL_FROM one address without a name"
            raise ConfigurationError(msg)

    @classmethod
    def from_settings(
        cls, settings: TaskSettings, *, context: ssl.SSLContext | None = None
    ) -> Self:
        """Give one that sends as a deployment has decided.

        Args:
            settings: What it has decided.
            context: Whom to trust; the authorities of the machine unless given.

        Raises:
            ConfigurationError: If there is no host, or no sender.
        """
        return cls(
            host=settings.smtp_host or "",
            sender=settings.mail_from or "",
            port=settings.smtp_port,
            user=settings.smtp_user,
            password=settings.smtp_password,
            tls=settings.smtp_tls,
            timeout=settings.smtp_timeout,
            context=context,
        )

    async def send(self, message: EmailMessage) -> None:
        """Send one.

        Raises:
            Retry: If the server cannot be reached or used, or answers 4xx. What is wrong with us
                counts as such, a wrong password as well: once it is put right, mails go out.
            Permanent: If the recipient or subject cannot be written, or the server refuses the
                sender, the recipient or the text by 5xx.
        """
        limiter = self._limiter.get(None) or CapacityLimiter(THREADS)
        self._limiter.set(limiter)
        work = partial(self._deliver, message)
        failure = await to_thread.run_sync(work, limiter=limiter, abandon_on_cancel=True)
        if failure is not None:  # raised here, it carries no answer that has addresses in it
            raise failure

    def _deliver(self, message: EmailMessage) -> Retry | Permanent | None:
        letter = letter_of(message, self.sender)
        try:
            with _polite(self._connect()) as smtp:
                self._prepare(smtp)
                if letter.is_international and not smtp.has_extn("smtputf8"):
                    return Permanent("the mail server only takes addresses of ASCII characters")
                options = ["SMTPUTF8", "BODY=8BITMIME"] if letter.is_international else []
                smtp.sendmail(letter.sender, [letter.to], letter.content, options)
        except (OSError, ValueError) as error:  # all of smtplib's, and those of its codecs
            return _failure(error)
        return None

    def _connect(self) -> smtplib.SMTP:
        if self.tls == "tls":
            return smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout, context=self._trusted
            )
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout)

    def _prepare(self, smtp: smtplib.SMTP) -> None:
        if self.tls not in ("tls", "none"):
            smtp.starttls(context=self._trusted)
        smtp.ehlo_or_helo_if_needed()
        if self.user:
            smtp.login(self.user, self.password or "")

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        return self.context or ssl.create_default_context()


@dataclass(frozen=True, kw_only=True)
class ConsoleMailer:
    """Prints mails, for development; refuses the same as `SMTPMailer`.

    Args:
        stream: Where to; the standard output unless given.
    """

    stream: TextIO | None = None

    async def send(self, message: EmailMessage) -> None:
        """Print one.

        Raises:
            Permanent: If it could never be sent.
        """
        letter_of(message, NOBODY)
        html = "" if message.html is None else "(and the same in HTML)\n"
        lines = f"To: {message.to}\nSubject: {message.subject}\n\n{message.text}\n{html}\n"
        (self.stream or sys.stdout).write(lines)


@dataclass(frozen=True, kw_only=True)
class MemoryMailer:
    """Collects mails, for tests; refuses the same as `SMTPMailer`.

    Args:
        messages: What was sent.
    """

    messages: list[EmailMessage] = field(default_factory=list[EmailMessage])

    async def send(self, message: EmailMessage) -> None:
        """Collect one.

        Raises:
            Permanent: If it could never be sent.
        """
        letter_of(message, NOBODY)
        self.messages.append(message)


def mailer_of(settings: TaskSettings) -> Mailer:
    """Give the mailer that a deployment has decided on: by SMTP if there is a host.

    Args:
        settings: What it has decided on.
    """
    if settings.smtp_host:
        return SMTPMailer.from_settings(settings)
    logger.warning("mails are printed, not sent: set SMTP_HOST to send them")
    return ConsoleMailer()


@contextmanager
def _polite(smtp: smtplib.SMTP) -> Generator[smtplib.SMTP]:
    """Say goodbye in the end; what comes of it does not change what was said before."""
    try:
        yield smtp
    finally:
        with suppress(OSError):
            smtp.quit()


def _failure(error: OSError | ValueError) -> Retry | Permanent:
    """Say what an error of a connection means, without the words of the server."""
    code, words = _answer(error)
    if code <= 0:
        is_ours = isinstance(error, smtplib.SMTPNotSupportedError)
        why = str(error) if is_ours else getattr(error, "strerror", None)
        return Retry(f"the mail server cannot be used: {why or type(error).__name__}")
    enhanced = ENHANCED.match(words)
    said = f"the mail server answers {code}{' ' + enhanced[0] if enhanced else ''}"
    is_final = isinstance(error, VERDICTS) and code // 100 == PERMANENT and code not in ABOUT_US
    return Permanent(said) if is_final else Retry(said)


def _answer(error: OSError | ValueError) -> tuple[int, str]:
    code: int = getattr(error, "smtp_code", 0)
    words: bytes | str = getattr(error, "smtp_error", b"")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
    return code, words if isinstance(words, str) else words.decode("ascii", "replace")

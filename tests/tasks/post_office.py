"""Mail servers in threads, which answer as a test tells them to."""

import asyncio
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOCALHOST = "127.0.0.1"
LOGIN = ("shop", "tangerine-42")
HANG_UP = "hang up"
"""An answer: none, and the connection ends."""
SILENCE = "silence"
"""An answer: none, and the connection stays."""


class Received(NamedTuple):
    """A mail that a server has got, whatever it has answered.

    Args:
        sender: The sender it was told.
        recipients: The recipients it was told.
        content: The mail.
        is_upgraded: Whether TLS was begun by STARTTLS.
    """

    sender: str
    recipients: list[str]
    content: bytes
    is_upgraded: bool

    @property
    def message(self) -> EmailMessage:
        """The mail, read."""
        message = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass
class Desk:
    """What a server answers, and what it has got.

    Args:
        answers: Command → its next answers; after them it answers well.
        received: The mails that it has got.
        logins: Names and passwords that it was given.
        commands: What it was asked.
        port: Where it is.
    """

    answers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    received: list[Received] = field(default_factory=list[Received])
    logins: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    commands: list[str] = field(default_factory=list[str])
    port: int = 0

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, name: str, lines: list[str]
    ) -> list[str]:
        """Name the extensions."""
        session.host_name = name
        return [await self.answer(server, "EHLO", "")] if self.answers.get("EHLO") else lines

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to a sender."""
        envelope.mail_from = address
        return await self.answer(server, "MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to a recipient."""
        envelope.rcpt_tos.append(address)
        return await self.answer(server, "RCPT", "250 OK")

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Answer to a mail."""
        content, sender = envelope.original_content, envelope.mail_from
        assert content is not None
        assert sender is not None
        self.received.append(
            Received(sender, [*envelope.rcpt_tos], content, session.ssl is not None)
        )
        return await self.answer(server, "DATA", "250 OK")

    async def handle_QUIT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Answer to a goodbye."""
        return await self.answer(server, "QUIT", "221 Bye")

    async def answer(self, server: SMTP, command: str, well: str) -> str:
        """Give the next answer to a command."""
        self.commands.append(command)
        answers = self.answers.get(command, [])
        said = answers.pop(0) if answers else well
        if said == HANG_UP:
            transport: Any = server.transport
            transport.abort()
        if said in (HANG_UP, SILENCE):
            await asyncio.Event().wait()
        return said

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
    ) -> AuthResult:
        """Let one user in."""
        assert isinstance(given, LoginPassword)
        login = (given.login.decode(), given.password.decode())
        self.logins.append(login)
        return AuthResult(success=login == LOGIN, handled=False)


class FreePort(Controller):
    """A server on whatever port is free."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def post_office(desk: Desk | None = None, *, tls: str = "none", **options: Any) -> Generator[Desk]:
    """A mail server.

    Args:
        desk: What it answers.
        tls: Whether it offers `starttls`, speaks `tls`, or `none`.
        **options: For aiosmtpd's SMTP.
    """
    desk = desk or Desk()
    context = certified(LOCALHOST).server if tls != "none" else None
    options["tls_context" if tls == "starttls" else "ssl_context"] = context
    controller = FreePort(desk, hostname=LOCALHOST, port=0, **options)
    controller.start()
    desk.port = controller.port
    try:
        yield desk
    finally:
        controller.stop()


@contextmanager
def scripted(*answers: bytes) -> Generator[int]:
    """A server that gives one answer to whoever comes, and one to each line; then it hangs up.

    Returns:
        Its port.
    """

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as lines:
            for answer in answers:
                connection.sendall(answer)
                lines.readline()

    with socket.create_server((LOCALHOST, 0)) as listening:
        serving = Thread(target=serve)
        serving.start()
        yield listening.getsockname()[1]
        serving.join(10)
    assert not serving.is_alive()


@contextmanager
def silent() -> Generator[int]:
    """A server that takes connections, and says nothing."""
    with socket.create_server((LOCALHOST, 0)) as listening:
        yield listening.getsockname()[1]


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server((LOCALHOST, 0)) as listening:
        return int(listening.getsockname()[1])


class Certified(NamedTuple):
    """A certificate that nobody knows.

    Args:
        server: Of whom has it.
        client: Of whom trusts it.
    """

    server: ssl.SSLContext
    client: ssl.SSLContext


@cache
def certified(host: str) -> Certified:
    """A server with a certificate of its own making, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        path.write_bytes(pem + key_pem)
        server.load_cert_chain(path)
    return Certified(server, ssl.create_default_context(cadata=pem.decode()))

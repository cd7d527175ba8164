"""Letters: mails as they are written for a mail server."""

import re
import unicodedata
from dataclasses import dataclass, field
from email import message as mime
from email.header import Header
from email.policy import SMTP
from email.utils import format_datetime
from uuid import uuid4

from fastapi_crud.models import utc_now
from fastapi_crud.tasks.exceptions import Permanent

MAX_ADDRESS = 254
"""Bytes of an address (RFC 5321 §4.5.3.1.3, without the angle brackets)."""
ATOM = r"[\w!#$%&'*+/=?^`{|}~\-\x80-\U0010ffff]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(rf"{ATOM}(?:\.{ATOM})*@{LABEL}(?:\.{LABEL})*", re.ASCII)
"""One address without a name, brackets, comments or quotes: a dot-atom (RFC 5322 §3.4.1)."""
ID = re.compile(r"[\w\-]{1,200}", re.ASCII)
PLAIN = re.compile(r"(?!.*=\?)[!-~](?:[ -~]{0,67}[!-~])?")
"""A subject that stands for itself: short, of ASCII, without anything that looks encoded."""


@dataclass(frozen=True, kw_only=True)
class EmailMessage:
    """A mail to one recipient.

    Args:
        to: The address of the recipient, without a name.
        subject: The subject, in one line.
        text: The text.
        html: The same in HTML.
        sender: The address that it comes from; that of the mailer unless given.
        message_id: What its Message-ID begins with, such as the id of a job: if it is the same in
            every attempt, mailboxes know a mail that came twice. Random unless given.
    """

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    sender: str | None = field(default=None, repr=False)
    message_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A mail as it goes over the wire.

    Args:
        to: The address of the recipient.
        sender: The address that it comes from, and that is told if it cannot be delivered.
        content: Headers and body.
        is_international: Whether an address has other characters than ASCII before the `@`, so
            that the server must know SMTPUTF8 (RFC 6531).
    """

    to: str = field(repr=False)
    sender: str = field(repr=False)
    content: bytes = field(repr=False)
    is_international: bool


def letter_of(message: EmailMessage, sender: str) -> Letter:
    """Write a mail.

    Args:
        message: The mail.
        sender: Whom it comes from unless it says so itself.

    Raises:
        Permanent: If it cannot be written. The message holds nothing of the mail.
    """
    to, by = _address(message.to), _address(message.sender or sender)
    if to is None or by is None:
        msg = "a mail needs one plain address each of sender and recipient"
        raise Permanent(msg)
    headers = {
        "From": by,
        "To": to,
        "Subject": _subject(message.subject),
        "Date": format_datetime(utc_now()),
        "Message-ID": _message_id(message.message_id or str(uuid4()), by),
    }
    # Set as headers of an EmailMessage, encoded words would be decoded, and line ends in them
    # begin other headers (CVE-2024-6923); a local part that is not ASCII would be spoilt.
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    is_international = not (to + by).isascii()
    content = head.encode() + _body(message)
    return Letter(to=to, sender=by, content=content, is_international=is_international)


def is_address(text: str) -> bool:
    """Tell whether this is one plain address."""
    return _address(text) is not None


def _address(text: str) -> str | None:
    """Write an address for SMTP; None if it is not one, or more."""
    local, _, domain = text.rpartition("@")
    if any(unicodedata.category(char)[0] in "CZ" for char in text):
        return None
    written = f"{local}@{_host(domain)}"
    if len(written.encode()) > MAX_ADDRESS or not ADDRESS.fullmatch(written):
        return None
    return written


def _host(domain: str) -> str:
    """Write a domain in ASCII; nothing if that would make another one of it, as of `straße`."""
    if domain.isascii():
        return domain
    try:
        written = domain.encode("idna")
        is_same = written.decode("idna") == unicodedata.normalize("NFC", domain).lower()
    except UnicodeError:
        return ""
    return written.decode() if is_same else ""


def _subject(text: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        msg = "a subject is one line, without control characters"
        raise Permanent(msg)
    if PLAIN.fullmatch(text):
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _message_id(begins: str, sender: str) -> str:
    if not ID.fullmatch(begins):
        msg = "a message_id is made of letters, digits, hyphens and underscores"
        raise Permanent(msg)
    return f"<{begins}@{sender.rpartition('@')[2]}>"


def _body(message: EmailMessage) -> bytes:
    """Write the text, and the HTML if there is any, in lines that every server takes."""
    body = mime.EmailMessage(SMTP)
    try:
        body.set_content(message.text, cte="quoted-printable")
        if message.html is not None:
            body.add_alternative(message.html, subtype="html", cte="quoted-printable")
    except UnicodeEncodeError:
        msg = "a text has halves of characters in it"
        raise Permanent(msg) from None
    return body.as_bytes()

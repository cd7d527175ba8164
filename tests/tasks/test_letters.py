"""Mails as they are written for a mail server: what was said, to one recipient, and no more."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage as Read
from email.policy import SMTPUTF8, default as modern
from email.utils import getaddresses

import pytest
from hypothesis import example, given, settings, strategies as st

from fastapi_crud.tasks import Permanent
from fastapi_crud.tasks.letters import EmailMessage, Letter, is_address, letter_of

SENDER = "shop@example.com"
HEADERS = ["From", "To", "Subject", "Date", "Message-ID"]
MIME = ["Content-Type", "Content-Transfer-Encoding", "MIME-Version"]

unhurried = settings(deadline=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))


def written(
    to: str = "bob@example.com",
    subject: str = "Hello",
    text: str = "Hello, Bob!",
    html: str | None = None,
    sender: str | None = None,
    message_id: str | None = None,
) -> Letter:
    """A mail as it is written."""
    message = EmailMessage(
        to=to, subject=subject, text=text, html=html, sender=sender, message_id=message_id
    )
    return letter_of(message, SENDER)


def read(letter: Letter) -> Read:
    """The mail as its recipient sees it."""
    message = message_from_bytes(letter.content, policy=modern)
    assert isinstance(message, Read)
    assert not message.defects
    return message


def plain(text: str) -> str:
    """A text but for how its lines end, and whether the last one does."""
    return re.sub("\r\n|\r", "\n", text).removesuffix("\n")


def shown(message: Read, kind: str) -> str:
    """A text of a mail."""
    part = message.get_body([kind])
    assert part is not None
    return plain(part.get_content())


# What is said


def test_a_mail_is_addressed_and_dated() -> None:
    """Are there the headers that a mail needs, and a date of now?"""
    letter = written()
    message = read(letter)
    assert message.keys() == [*HEADERS, *MIME]
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, letter.to, "Hello")
    assert datetime.now(UTC) - message["Date"].datetime < timedelta(minutes=1)
    assert (letter.sender, letter.to) == (SENDER, "bob@example.com")


def test_a_mail_may_have_another_sender() -> None:
    """Does the sender of a mail come before that of the mailer, in the header and outside?"""
    letter = written(sender="help@example.org", message_id="1")
    assert letter.sender == read(letter)["From"] == "help@example.org"
    assert read(letter)["Message-ID"] == "<1@example.org>"


def test_a_plain_mail_has_one_part() -> None:
    """Is a text alone not packed into parts?"""
    message = read(written(text="Hello"))
    assert message.get_content_type() == "text/plain"
    assert shown(message, "plain") == "Hello"


def test_html_is_an_alternative() -> None:
    """Can the recipient choose between the text and the HTML, which comes last as the better one?"""
    message = read(written(text="Füßchen", html="<b>Füßchen</b>"))
    assert message.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    assert shown(message, "plain") == "Füßchen"
    assert shown(message, "html") == "<b>Füßchen</b>"


@unhurried
@given(TEXTS, TEXTS)
@example("", "")
@example(".\n..\n.\r.", "\x00\x0b\x0c\x1c\x85\u2028")
@example("x" * 2000, "From me")
@example("a " * 50 + "\n\n\n", "\n")
@example("=20 =?utf-8?q?x?=", "Å…")
def test_texts_arrive_as_they_were(text: str, html: str) -> None:
    """Is a text the same at its recipient, but for how its lines end, whatever is in it?"""
    message = read(written(text=text, html=html))
    assert (shown(message, "plain"), shown(message, "html")) == (plain(text), plain(html))


@unhurried
@given(LINES)
@example("")
@example(" ")
@example("  two  spaces  ")
@example("x" * 69)
@example("x" * 2000)
@example("ü" * 200)
@example("👩‍👩‍👧 " * 40)
@example("=?utf-8?q?x?=")
@example("a: b")
@example("=?utf-8?q?hi=0D=0ABcc:_evil@example.com?=")
@example("=?utf-8?q?hi=0ABcc:_evil@example.com?= ü")
def test_a_subject_arrives_as_it_was(subject: str) -> None:
    """Is a subject of one line the same at its recipient, and only a subject?"""
    message = message_from_bytes(written(subject=subject).content)
    assert message.keys() == [*HEADERS, *MIME]
    assert str(make_header(decode_header(message["Subject"]))) == subject


@unhurried
@given(LINES, TEXTS, TEXTS)
@example("ü" * 200, "x" * 2000, "ü" * 2000)
def test_every_server_can_take_it(subject: str, text: str, html: str) -> None:
    """Is it ASCII, in lines that are short enough and all end alike (RFC 5321 §2.3.8, §4.5.3.1)?"""
    lines = written(subject=subject, text=text, html=html).content.split(b"\r\n")
    for line in lines:
        assert line.isascii()
        assert not re.search(rb"[\r\n\x00]", line)
        assert len(line) <= 78
    assert lines[-1] == b""


@pytest.mark.parametrize(
    "subject",
    ["a\nBcc: evil@example.com", "a\r", "a\n", "a\x00", "a\tb", "a\x85b", "a\u2028b", "a\ud800"],
    ids=ascii,
)
def test_a_subject_is_one_line(subject: str) -> None:
    """Is what could begin another header refused?"""
    with pytest.raises(Permanent, match="a subject is one line"):
        written(subject=subject)


@pytest.mark.parametrize("kind", ["text", "html"])
def test_halves_of_characters_are_refused(kind: str) -> None:
    """Is a text that no UTF-8 has dead at once, without being shown?"""
    with pytest.raises(Permanent) as error:
        written(**{kind: "secret \ud800"})
    assert str(error.value) == "a text has halves of characters in it"


# Message-ID


def test_the_message_id_is_that_of_the_job() -> None:
    """Are two attempts one mail to a mailbox?"""
    first, second = (read(written(message_id="0198-aF_3")) for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"] == "<0198-aF_3@example.com>"


def test_a_message_id_is_made_up() -> None:
    """Are two mails two, and do they tell nothing of the machine?"""
    first, second = (read(written())["Message-ID"] for _ in range(2))
    assert first != second
    assert re.fullmatch(r"<[0-9a-f-]{36}@example\.com>", first)


@pytest.mark.parametrize("begins", ["a b", "a>", "a@b", "a\r\nBcc: x", "ü", "a\n", "x" * 201])
def test_a_message_id_stays_one(begins: str) -> None:
    """Is a beginning refused that would be more than one?"""
    with pytest.raises(Permanent, match="a message_id is made of"):
        written(message_id=begins)


# Addresses

GOOD = {
    "bob@example.com": "bob@example.com",
    "Bob.O'Hara+news@Mail.Example.com": "Bob.O'Hara+news@Mail.Example.com",
    "a!#$%&'*+-/=?^_`{|}~@example.com": "a!#$%&'*+-/=?^_`{|}~@example.com",
    "root@localhost": "root@localhost",
    "a@x": "a@x",
    "bob@xn--bcher-kva.example": "bob@xn--bcher-kva.example",
    "bob@bücher.example": "bob@xn--bcher-kva.example",
    "bob@Bücher.example": "bob@xn--bcher-kva.example",
    "bob@bu\u0308cher.example": "bob@xn--bcher-kva.example",
    "bob@例え.jp": "bob@xn--r8jz45g.jp",
    "jürgen@example.com": "jürgen@example.com",
    "मोहन@example.com": "मोहन@example.com",
    "x" * 242 + "@example.com": "x" * 242 + "@example.com",
}
BAD = {
    "empty": "",
    "no domain": "bob",
    "empty domain": "bob@",
    "empty local part": "@example.com",
    "two": "a@x, evil@y",
    "two without a space": "a@x,evil@y",
    "two by semicolon": "a@x;evil@y",
    "two by space": "a@x evil@y",
    "name": "Bob <bob@example.com>",
    "brackets": "<bob@example.com>",
    "brackets inside": "bob<evil@y>@example.com",
    "group": "all:bob@example.com;",
    "comment": "bob(really)@example.com",
    "quotes": '"bob smith"@example.com',
    "quoted at": '"evil@y"@example.com',
    "two ats": "bob@evil@example.com",
    "route": "@evil:bob@example.com",
    "backslash": "bo\\b@example.com",
    "dots": "bob..smith@example.com",
    "first dot": ".bob@example.com",
    "last dot": "bob.@example.com",
    "space": "bob smith@example.com",
    "spaces around": " bob@example.com ",
    "no-break space": "bob\xa0smith@example.com",
    "CR LF": "bob@example.com\r\nBcc: evil@y",
    "CR LF in the local part": "bob\r\nRCPT TO:<evil@y>@example.com",
    "last LF": "bob@example.com\n",
    "NUL": "bob\0@example.com",
    "lone surrogate": "bob\ud800@example.com",
    "line separator": "bob\u2028@example.com",
    "right-to-left override": "bob\u202e@example.com",
    "encoded word": "=?utf-8?q?evil=40y=2C?=bob@example.com ",
    "literal": "bob@[127.0.0.1]",
    "domain dots": "bob@example..com",
    "domain hyphen": "bob@-example.com",
    "domain underscore": "bob@ex_ample.com",
    "long label": f"bob@{'x' * 64}.example",
    "long unicode label": f"bob@{'ü' * 64}.example",
    "sharp s, another domain": "bob@straße.example",
    "full-width, another domain": "bob@ｅxample.com",
    "ideographic dot": "bob@bücher。example",
    "too long": "x" * 243 + "@example.com",
    "too long in bytes": "ü" * 122 + "@example.com",
    "too long in ASCII": "x" * 236 + "@bücher.example",
}


@pytest.mark.parametrize(("text", "sent"), GOOD.items(), ids=ascii)
def test_one_plain_address_is_taken(text: str, sent: str) -> None:
    """Is each address taken that people have, and written as servers know it?"""
    letter = written(to=text)
    assert is_address(text)
    assert letter.to == sent
    assert letter.is_international is not sent.isascii()
    assert f"\r\nTo: {sent}\r\n".encode() in letter.content


@pytest.mark.parametrize("text", BAD.values(), ids=[*BAD])
@pytest.mark.parametrize("whose", ["to", "sender"])
def test_anything_else_is_refused(text: str, whose: str) -> None:
    """Is what is no address, or more than one, dead at once, without being shown?"""
    assert not is_address(text)
    if whose == "sender" and not text:
        return
    with pytest.raises(Permanent) as error:
        written(**{whose: text})
    assert str(error.value) == "a mail needs one plain address each of sender and recipient"
    assert error.value.__context__ is None


ODD = st.text(st.sampled_from("ab@.,;:<>()[]\\\"' \r\n\t=?ü"), max_size=12)


@unhurried
@given(st.one_of(ODD, ODD.map("bob{}@example.com".format), ODD.map("bob@example.com{}".format)))
def test_there_is_one_recipient(text: str) -> None:
    """Whatever an address looks like, is there one recipient, the same in the header, or none?"""
    try:
        letter = written(to=text)
    except Permanent:
        return
    headers = [*message_from_bytes(letter.content, policy=SMTPUTF8)["To"].addresses]
    found = [each.addr_spec.encode(errors="surrogateescape").decode() for each in headers]
    assert found == [letter.to]
    assert getaddresses([letter.to]) == [("", letter.to)]
    assert letter.to.partition("@")[0] == text.partition("@")[0]


def test_texts_and_addresses_are_not_printed() -> None:
    """Do mails that end up in a log keep what is in them?"""
    message = EmailMessage(
        to="a@x", subject="secret", text="secret", html="secret", sender="b@x", message_id="7"
    )
    assert repr(message) == "EmailMessage(message_id='7')"
    assert repr(letter_of(message, SENDER)) == "Letter(is_international=False)"

"""E-mail addresses: which are taken, how they are stored, and which are the same."""

import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import assume, given, strategies as st
from pydantic import TypeAdapter, ValidationError

from fastapi_crud.auth.emails import MAX_EMAIL, Email, email_key, normalized_email

LONG = f"{'a' * 64}@{'.'.join(['b' * 61] * 3)}.org"
TAKEN: Mapping[str, tuple[str, str]] = {
    "plain": ("ann@example.com", "ann@example.com"),
    "with a tag": ("ann+tag@example.com", "ann+tag@example.com"),
    "a domain in capitals": ("Ann@EXAMPLE.Com", "Ann@example.com"),
    "a name that is the same in capitals": ("POSTMASTER@example.com", "postmaster@example.com"),
    "an international domain": ("ann@bücher.example", "ann@bücher.example"),
    "the same, encoded": ("ann@xn--bcher-kva.example", "ann@bücher.example"),
    "an international name": ("zoë@example.com", "zoë@example.com"),
    "a composed name": ("zoe\u0308@example.com", "zo\u00eb@example.com"),
    "a wide domain": ("ann@\uff45xample.com", "ann@example.com"),
    "the longest": (LONG, LONG),
}
REFUSED: Mapping[str, str] = {
    "empty": "",
    "no sign": "ann",
    "no name": "@example.com",
    "no domain": "ann@",
    "two signs": "ann@example@com",
    "a display name": "Ann <ann@example.com>",
    "brackets": "<ann@example.com>",
    "two": "ann@example.com, bob@example.com",
    "a space before": " ann@example.com",
    "a space behind": "ann@example.com ",
    "a space within": "an n@example.com",
    "a line": "ann@example.com\nBcc: bob@example.com",
    "a return": "ann@example.com\r",
    "NUL": "ann\0@example.com",
    "half a surrogate pair": "ann\ud800@example.com",
    "an invisible character": "an\u200bn@example.com",
    "quotes": '"an n"@example.com',
    "a number in place of a domain": "ann@[127.0.0.1]",
    "a host of its own": "ann@localhost",
    "a domain for tests": "ann@example.test",
    "two dots": "ann@example..com",
    "a character too long": f"a{LONG}",
    "much too long": "a" * 100_000 + "@example.com",
    "too long to be compared": "\ufdfa" * 20 + "@example.com",
}
SAME: Mapping[str, str] = {
    "capitals": "ANN@EXAMPLE.COM",
    "spaces": "  ann@example.com\n",
    "wide letters": "\uff41nn@\uff45xample.com",
}


@pytest.mark.parametrize(("text", "stored"), TAKEN.values(), ids=[*TAKEN])
def test_addresses_are_stored_in_one_way(text: str, stored: str) -> None:
    """Is an address taken, is it the same if it is given again, and does it fit its column?"""
    assert normalized_email(text) == stored
    assert normalized_email(stored) == stored
    assert TypeAdapter(Email).validate_json(f'"{text}"') == stored
    assert len(stored) <= MAX_EMAIL
    assert len(email_key(stored)) <= MAX_EMAIL


@pytest.mark.parametrize("text", REFUSED.values(), ids=[*REFUSED])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Is anything but a bare address refused, without a word of it in the message?"""
    with pytest.raises(ValueError, match="email address") as refusal:
        normalized_email(text)
    assert len(str(refusal.value)) < 60
    with pytest.raises(ValidationError):
        TypeAdapter(Email).validate_python(text)


@pytest.mark.parametrize("spelling", SAME.values(), ids=[*SAME])
def test_spellings_of_one_address_are_the_same(spelling: str) -> None:
    """Is an account found by an address in capitals, in wide letters, or with spaces around?"""
    assert email_key(spelling) == "ann@example.com"


@pytest.mark.parametrize("other", ["änn@example.com", "ann+x@example.com", "a.nn@example.com"])
def test_other_addresses_are_others(other: str) -> None:
    """Are addresses told apart that only providers could know to be the same?"""
    assert email_key(other) != "ann@example.com"


@given(st.text())
def test_a_key_does_not_depend_on_the_spelling(text: str) -> None:
    """Is the key of a key itself, and the same for all normal forms of a text?"""
    key = email_key(text)
    assert email_key(key) == key
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert email_key(unicodedata.normalize(form, text)) == key


@given(st.emails())
def test_addresses_of_all_kinds_are_kept(text: str) -> None:
    """Does an address stay the same once it is stored?"""
    assume("xn--" not in text.lower())  # people see and type what that stands for
    try:
        stored = normalized_email(text)
    except ValueError:
        return
    assert normalized_email(stored) == stored
    assert email_key(stored) == email_key(text)


@pytest.mark.parametrize("length", [1017, 1_000_000])
def test_texts_that_are_far_too_long_are_not_looked_at(length: int) -> None:
    """Is a text refused at once that is much longer than any address?"""
    with pytest.raises(ValueError, match="254 characters at most"):
        normalized_email("@" * length)

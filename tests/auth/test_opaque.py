"""Opaque tokens: random, stored as a hash, and known by their form."""

import hashlib
import re

import pytest
from hypothesis import given, strategies as st

from fastapi_crud.auth.opaque import API_KEY, ONE_TIME, REFRESH, is_token, new_token, token_hash

PREFIXES = pytest.mark.parametrize("prefix", [REFRESH, ONE_TIME, API_KEY])
TOKEN = "fcr_" + "aB3-_" * 8 + "xyz"


@PREFIXES
def test_a_new_token_has_the_form_of_its_kind(prefix: str) -> None:
    """Is a token recognised, with its prefix only?"""
    token = new_token(prefix)
    assert re.fullmatch(rf"{prefix}_[A-Za-z0-9_-]{{43}}", token)
    kinds = [kind for kind in (REFRESH, ONE_TIME, API_KEY) if is_token(token, kind)]
    assert kinds == [prefix]


def test_the_prefixes_stay_what_they_are() -> None:
    """Do scanners of leaked secrets and tokens that are out find the same prefixes?"""
    assert (REFRESH, ONE_TIME, API_KEY) == ("fcr", "fcv", "fck")


def test_no_token_comes_twice() -> None:
    """Are tokens random?"""
    assert len({new_token(REFRESH) for _ in range(1000)}) == 1000


def test_a_token_is_stored_as_its_sha_256() -> None:
    """Is the hash the same whenever and wherever it is made, 64 characters long?"""
    assert token_hash(TOKEN) == hashlib.sha256(TOKEN.encode("ascii")).hexdigest()
    assert re.fullmatch(r"[0-9a-f]{64}", token_hash(TOKEN))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("fcr_", id="prefix only"),
        pytest.param(TOKEN[:-1], id="too short"),
        pytest.param(TOKEN + "a", id="too long"),
        pytest.param(TOKEN + "a" * 5000, id="much too long"),
        pytest.param(TOKEN[4:], id="no prefix"),
        pytest.param("fcr" + TOKEN[4:], id="no underscore"),
        pytest.param("fcv" + TOKEN[3:], id="other prefix"),
        pytest.param("FCR" + TOKEN[3:], id="upper prefix"),
        pytest.param(" " + TOKEN, id="space before"),
        pytest.param(TOKEN + "\n", id="newline after"),
        pytest.param(TOKEN[:-1] + "\n", id="newline at the end"),
        pytest.param(TOKEN[:-1] + "\x00", id="NUL"),
        pytest.param(TOKEN[:-1] + "\ud800", id="lone surrogate"),
        pytest.param(TOKEN[:-1] + "é", id="other letter"),
        pytest.param(TOKEN[:-1] + "٣", id="other digit"),
        pytest.param(TOKEN[:-1] + "=", id="padded"),
        pytest.param(TOKEN[:-1] + "+", id="standard base64"),
        pytest.param("fcr_' OR 1=1 --", id="SQL"),
    ],
)
def test_what_has_not_the_form_is_no_token(text: str) -> None:
    """Is junk known as such before anybody looks for it?"""
    assert is_token(TOKEN, REFRESH)
    assert not is_token(text, REFRESH)


@given(st.text(st.characters(categories=None)))
def test_what_is_a_token_can_be_hashed(text: str) -> None:
    """Can everything of the right form be hashed, whatever was sent?"""
    for sent in (text, f"fcr_{text}", TOKEN[: len(TOKEN) - len(text)] + text):
        if is_token(sent, REFRESH):
            assert len(token_hash(sent)) == 64


@pytest.mark.parametrize("prefix", [".*", "fc.", "", "fcr|"])
def test_a_prefix_is_a_text(prefix: str) -> None:
    """Is a prefix taken as it is, not as a pattern?"""
    assert not is_token(TOKEN, prefix)

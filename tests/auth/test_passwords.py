"""Passwords: how they are hashed and verified, and which of them are accepted."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable
from typing import Any

import pytest
from anyio import CapacityLimiter
from hypothesis import example, given, strategies as st

from fastapi_crud.auth.common_passwords import COMMON
from fastapi_crud.auth.exceptions import WeakPassword
from fastapi_crud.auth.passwords import (
    PasslibHasher,
    PasswordPolicy,
    Passwords,
    get_password_hash,
    passwords_of,
    policy_of,
    verify_password,
)
from fastapi_crud.auth.settings import AuthSettings
from fastapi_crud.exceptions import ConfigurationError

CHEAP = PasslibHasher(memory_kib=8, time_cost=1, parallelism=1)
DEARER = PasslibHasher(memory_kib=16, time_cost=1, parallelism=1)
OLDER = PasslibHasher(schemes=("pbkdf2_sha256",))
MIXED = PasslibHasher(schemes=("argon2", "pbkdf2_sha256"), memory_kib=8, time_cost=1, parallelism=1)

SECRET = "tangerine ☂ 42"
HASHED = CHEAP.hash(SECRET)
WRONG = (False, None)
SALTED = "c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAA"

UNREADABLE = {
    "empty": "",
    "not a hash": "secret",
    "unusable, Django's way": "!",
    "cut in the digest": HASHED[:-5],
    "cut in the salt": HASHED[:36],
    "cut before the salt": HASHED[:26],
    "cut in the cost": HASHED[:20],
    "too much memory": HASHED.replace("m=8", "m=999999999999"),
    "too little memory": HASHED.replace("m=8", "m=1"),
    "unknown version": HASHED.replace("v=19", "v=99"),
    "unknown kind": f"$argon2x$v=19$m=8,t=1,p=1${SALTED}",
    "unknown parameter": f"$argon2id$v=19$m=8,t=1,p=1,data=AAAA${SALTED}",
    "another unknown parameter": f"$argon2id$v=19$m=8,t=1,p=1,keyid=AAAA${SALTED}",
    "unknown scheme": "$2b$12$abcdefghijklmnopqrstuuQxJ4Zq1Zq1Zq1Zq1Zq1Zq1Zq1Zq1Zq1",
    "not ASCII": HASHED + "é",
    "NUL": HASHED + "\0",
    "lone surrogate": "\ud800",
}
UNUSABLE = {
    "too long": "x" * 4097,
    "NUL": SECRET + "\0",
    "lone surrogate": SECRET + "\ud800",
}


class Watched:
    """A hasher that counts what it is asked for, and how often that took the time of a hash."""

    def __init__(self, hasher: PasslibHasher) -> None:
        self.hasher = hasher
        self.cost = hasher.hash("cost").rsplit("$", 2)[0]
        self.hashes = self.full_verifications = 0

    def hash(self, password: str) -> str:
        self.hashes += 1
        return self.hasher.hash(password)

    def verify(self, password: str, hashed: str) -> tuple[bool, str | None]:
        answer = self.hasher.verify(password, hashed)
        self.full_verifications += hashed.startswith(self.cost)
        return answer


class Crowded:
    """A hasher that needs two threads at a time, and tells how many there were at most."""

    def __init__(self) -> None:
        self.both = threading.Barrier(2)
        self.lock = threading.Lock()
        self.now = self.most = 0

    def hash(self, password: str) -> str:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.both.wait(timeout=10)
        with self.lock:
            self.now -= 1
        return password

    def verify(self, password: str, hashed: str) -> tuple[bool, str | None]:
        return password == hashed, None


@pytest.fixture
def watched() -> Watched:
    return Watched(CHEAP)


@pytest.fixture
def passwords(watched: Watched) -> Passwords:
    return Passwords(watched)


# --- hashing and verifying ---


async def test_the_right_password_is_right(passwords: Passwords) -> None:
    """Is what was hashed right, and nothing to store, as the hash is new?"""
    assert await passwords.verify(SECRET, await passwords.hash(SECRET)) == (True, None)


async def test_a_wrong_password_is_wrong(passwords: Passwords) -> None:
    """Is another password wrong?"""
    assert await passwords.verify(SECRET + "x", HASHED) == WRONG


async def test_no_two_hashes_are_the_same(passwords: Passwords) -> None:
    """Has each hash a salt of its own?"""
    assert await passwords.hash(SECRET) != await passwords.hash(SECRET)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100))
@example("")
@example("x" * 4096)
async def test_whatever_is_hashed_verifies(password: str) -> None:
    """Is each text right for its own hash, and no other text?"""
    passwords = Passwords(CHEAP)
    hashed = await passwords.hash(password)
    assert await passwords.verify(password, hashed) == (True, None)
    assert await passwords.verify(password + "x", hashed) == WRONG


@pytest.mark.parametrize("password", UNUSABLE.values(), ids=UNUSABLE)
async def test_what_cannot_be_hashed_is_refused(passwords: Passwords, password: str) -> None:
    """Is a password refused, rather than an error of the server, if no hash can be made of it?"""
    with pytest.raises(WeakPassword) as caught:
        await passwords.hash(password)
    assert password not in str(caught.value)


# --- what is stored, but no hash ---


@pytest.mark.parametrize("hashed", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_broken_hash_is_a_wrong_password(passwords: Passwords, hashed: str) -> None:
    """Is what stands in the column no more than wrong, if it is no hash that can be read?"""
    assert await passwords.verify(SECRET, hashed) == WRONG


async def test_a_hash_may_be_cut_anywhere(passwords: Passwords) -> None:
    """Is a hash of which the end is missing wrong, wherever it ends?"""
    cut = [HASHED[:size] for size in range(len(HASHED))]
    answers = [await passwords.verify(SECRET, hashed) for hashed in cut]
    assert answers == [WRONG] * len(cut)


@given(st.text(st.characters(exclude_categories=()), max_size=40))
async def test_no_text_in_place_of_a_hash_breaks_anything(text: str) -> None:
    """Is any text that stands where a hash should, alone or at its end, just wrong?"""
    passwords = Passwords(CHEAP)
    assert await passwords.verify(SECRET, text) == WRONG
    assert await passwords.verify(SECRET, HASHED[:-2] + "$" + text) == WRONG


@pytest.mark.parametrize("password", UNUSABLE.values(), ids=UNUSABLE)
async def test_an_unusable_password_is_wrong(passwords: Passwords, password: str) -> None:
    """Is a password of which no hash can be made wrong, rather than an error?"""
    assert await passwords.verify(password, HASHED) == WRONG


# --- time ---


@pytest.mark.parametrize(
    ("password", "hashed"),
    [
        pytest.param("wrong", HASHED, id="wrong password"),
        pytest.param(SECRET, None, id="unknown account"),
        *(pytest.param(SECRET, it, id=f"hash: {name}") for name, it in UNREADABLE.items()),
        *(pytest.param(it, HASHED, id=f"password: {name}") for name, it in UNUSABLE.items()),
        *(pytest.param(it, None, id=f"both: {name}") for name, it in UNUSABLE.items()),
        pytest.param("dummy", None, id="unknown account, the password of the dummy"),
    ],
)
async def test_all_that_is_wrong_takes_the_same_time(
    passwords: Passwords, watched: Watched, password: str, hashed: str | None
) -> None:
    """Is one hash of today's cost verified in full, and no more, whatever is wrong?"""
    assert await passwords.verify(password, hashed) == WRONG
    assert watched.full_verifications == 1


@pytest.mark.parametrize(
    ("hasher", "stored"),
    [(DEARER, HASHED), (MIXED, OLDER.hash(SECRET))],
    ids=["lower cost", "older scheme"],
)
async def test_old_accounts_do_not_show_in_the_time(hasher: PasslibHasher, stored: str) -> None:
    """Does a wrong password for a weaker hash take the time of a new hash as well?"""
    watched = Watched(hasher)
    assert await Passwords(watched).verify("wrong", stored) == WRONG
    assert watched.full_verifications == 1


async def test_another_scheme_may_come_first() -> None:
    """Is the time the same for hashes of another scheme than argon2, with nothing added?"""
    watched = Watched(OLDER)
    passwords = Passwords(watched)
    assert await passwords.verify("wrong", OLDER.hash(SECRET)) == WRONG
    assert watched.full_verifications == 1
    assert await passwords.verify("wrong", None) == WRONG
    assert watched.full_verifications == 2


async def test_the_dummy_is_made_once(passwords: Passwords, watched: Watched) -> None:
    """Do many unknown accounts at the same time, and later ones, share one dummy hash?"""
    await asyncio.gather(*(passwords.verify(SECRET, None) for _ in range(5)))
    await passwords.verify(SECRET, None)
    assert watched.hashes == 1


async def test_the_dummy_is_made_ahead(passwords: Passwords, watched: Watched) -> None:
    """Is there nothing left to make for the first unknown account, after a warm-up?"""
    await passwords.warm()
    assert watched.hashes == 1
    await passwords.verify(SECRET, None)
    assert watched.hashes == 1


# --- outdated hashes ---


@pytest.mark.parametrize(
    ("hasher", "stored", "begins"),
    [
        (DEARER, HASHED, "$argon2id$v=19$m=16,t=1,p=1$"),
        (MIXED, OLDER.hash(SECRET), "$argon2id$v=19$m=8,t=1,p=1$"),
    ],
    ids=["lower cost", "older scheme"],
)
async def test_an_outdated_hash_is_replaced(
    hasher: PasslibHasher, stored: str, begins: str
) -> None:
    """Does the right password for an outdated hash give a new one, which verifies as well?"""
    passwords = Passwords(hasher)
    right, new = await passwords.verify(SECRET, stored)
    assert right
    assert new is not None
    assert new.startswith(begins)
    assert await passwords.verify(SECRET, new) == (True, None)


# --- threads ---


async def test_the_loop_goes_on() -> None:
    """Does the event loop run while a hash is made?"""
    went_on = threading.Event()

    class Waiting(Watched):
        def hash(self, password: str) -> str:
            return "went on" if went_on.wait(timeout=10) else "stood still"

    async def go_on() -> None:
        went_on.set()

    made, _ = await asyncio.gather(Passwords(Waiting(CHEAP)).hash(SECRET), go_on())
    assert made == "went on"


async def test_the_number_of_threads_is_bounded() -> None:
    """Are two hashes made at the same time, but no third?"""
    crowded = Crowded()
    passwords = Passwords(crowded, threads=2)
    await asyncio.gather(*(passwords.hash(SECRET) for _ in range(6)))
    assert crowded.most == 2


async def test_several_loops_may_share_it() -> None:
    """Does one object work in several event loops, one after another and at the same time?"""
    narrow = Passwords(CHEAP, threads=1)

    async def ask() -> set[tuple[bool, str | None]]:
        return set(await asyncio.gather(*(narrow.verify(SECRET, HASHED) for _ in range(4))))

    def in_new_loop() -> Awaitable[set[tuple[bool, str | None]]]:
        return asyncio.to_thread(lambda: asyncio.run(ask()))

    answers = [await ask(), await in_new_loop()]
    answers += await asyncio.gather(in_new_loop(), in_new_loop(), ask())
    assert answers == [{(True, None)}] * 5


# --- passlib ---


def test_passlib_is_imported_late_and_without_a_warning() -> None:
    """Is passlib imported only when a hasher is built, and clean if warnings are errors?"""
    code = """if True:
        import sys
        import fastapi_crud.auth.passwords as it
        assert "passlib" not in sys.modules
        hasher = it.PasslibHasher(memory_kib=8, time_cost=1, parallelism=1)
        assert hasher.verify("x", hasher.hash("x")) == (True, None)
    """
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schemes": ()}, "schemes must name one scheme or more"),
        ({"schemes": ("argon2", "rot13")}, "no crypt handler found for algorithm: 'rot13'"),
        ({"schemes": ("argon2", "argon2")}, "multiple handlers with same name"),
        ({"schemes": ("unix_disabled",)}, "unix_disabled verifies nothing"),
        ({"memory_kib": 8}, r"must be at least 8 \* parallelism"),
        ({"time_cost": 0}, "argon2: .* must be at least 1"),
        ({"parallelism": 0}, "argon2: .* must be at least 1"),
        ({"time_cost": 2**40}, "argon2: .* cannot be more than"),
    ],
    ids=["none", "unknown", "twice", "no hash", "memory", "passes", "lanes", "too many passes"],
)
def test_what_cannot_work_fails_when_it_is_built(options: dict[str, Any], message: str) -> None:
    """Are wrong schemes and costs refused before the first login?"""
    with pytest.raises(ConfigurationError, match=message):
        PasslibHasher(**options)


@pytest.mark.parametrize(
    ("scheme", "error", "fix"),
    [
        ("bcrypt", ValueError("72 bytes"), "install libpass instead of passlib, or bcrypt<4.1"),
        ("bcrypt_sha256", ValueError("72 bytes"), "install libpass instead of passlib"),
        ("argon2", RuntimeError("no backend"), r"fastapi-crud-factory\[auth\]"),
        ("pbkdf2_sha256", RuntimeError("no backend"), "choose another scheme"),
    ],
)
def test_a_scheme_that_fails_names_the_fix(
    monkeypatch: pytest.MonkeyPatch, scheme: str, error: Exception, fix: str
) -> None:
    """Does a scheme that passlib knows, but that fails here, say what to install?"""

    def fail(secret: str) -> str:
        raise error

    monkeypatch.setattr(f"passlib.hash.{scheme}.hash", fail)
    with pytest.raises(ConfigurationError, match=f"{fix}.*{error}"):
        PasslibHasher(schemes=("md5_crypt", scheme))


def test_without_passlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does an installation without the extra say what to install?"""
    monkeypatch.setitem(sys.modules, "passlib.context", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'fastapi-crud-factory\[auth\]'"):
        PasslibHasher()


# --- policy ---


async def reason_against(policy: PasswordPolicy, password: str, **options: Any) -> str | None:
    """Why the policy refuses it; None if it does not."""
    try:
        await policy.check(password, **options)
    except WeakPassword as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "aaaaaaab",
        "correct horse battery staple",
        "        ",
        "☂☂☂☂☂☂☂☂",
        "x" * 1024,
        "ann@example.org",
        "ann.example",
        "annannann",
    ],
)
async def test_good_enough(password: str) -> None:
    """Is everything accepted that is long enough and nobody's first guess?"""
    personal = ("ann@example.com", "Ann")
    assert await reason_against(PasswordPolicy(), password, personal=personal) is None


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "Use 8 characters or more"),
        ("☂☂☂☂☂☂☂", "Use 8 characters or more"),
        ("x" * 1025, "Use 1024 bytes or less"),
        ("☂" * 342, "Use 1024 bytes or less"),
        ("tangerine\0", "Use whole characters, and no NUL"),
        ("tangerine\ud800", "Use whole characters, and no NUL"),
        ("password", "This password is one of the commonest"),
        ("PassWord1", "This password is one of the commonest"),
        ("12345678", "This password is one of the commonest"),
        ("annabel.lee@example.com", "Use another password than your name or address"),
        ("Annabel.Lee", "Use another password than your name or address"),
        ("ANNABEL STRASSE", "Use another password than your name or address"),
    ],
    ids=lambda text: ascii(text[:30]),
)
async def test_too_weak(password: str, reason: str) -> None:
    """Is what is too short, too long, common or personal refused, with its reason?"""
    personal = ("Annabel.Lee@example.com", "Annabel Straße", "")
    assert await reason_against(PasswordPolicy(), password, personal=personal) == reason


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=40))
@example("characters")
async def test_the_message_never_holds_the_password(password: str) -> None:
    """Is the message the same as for any other password that is refused for this reason?"""
    policy = PasswordPolicy(common={password.casefold()})
    reason = await reason_against(policy, password)
    assert reason in {
        "Use 8 characters or more",
        "Use whole characters, and no NUL",
        "This password is one of the commonest",
    }


@pytest.mark.parametrize(
    ("options", "loc"),
    [({}, ("body", "password")), ({"field": "new_password"}, ("body", "new_password"))],
    ids=["default", "named"],
)
async def test_the_issue_is_at_the_field(options: dict[str, str], loc: tuple[str, str]) -> None:
    """Does the error say where in the request the password stands?"""
    with pytest.raises(WeakPassword) as caught:
        await PasswordPolicy().check("short", **options)
    (issue,) = caught.value.issues
    assert (issue.type, issue.loc, issue.msg) == ("weak_password", loc, "Use 8 characters or more")


async def test_the_policy_is_adjustable() -> None:
    """Do other lengths and another list take the place of the defaults?"""
    policy = PasswordPolicy(min_length=4, max_bytes=10, common={"tangerine"})
    assert await reason_against(policy, "abc") == "Use 4 characters or more"
    assert await reason_against(policy, "abcdefghijk") == "Use 10 bytes or less"
    assert await reason_against(policy, "Tangerine") == "This password is one of the commonest"
    assert await reason_against(policy, "password") is None


async def test_a_larger_list_may_be_asked() -> None:
    """Does the hook refuse what it knows, and is it not asked about what is refused anyway?"""
    asked: list[str] = []

    async def is_breached(password: str) -> bool:
        asked.append(password)
        return password == "password123"

    policy = PasswordPolicy(is_breached=is_breached)
    known = "This password is known from a breach"
    assert await reason_against(policy, "password123") == known
    assert await reason_against(policy, SECRET) is None
    assert await reason_against(policy, "12345678") == "This password is one of the commonest"
    assert asked == ["password123", SECRET]


@given(st.text(st.characters(exclude_categories=()), max_size=40), st.text(max_size=20))
async def test_whatever_is_accepted_can_be_hashed(password: str, personal: str) -> None:
    """Is every text either refused as weak, or hashed and verified?"""
    try:
        await PasswordPolicy().check(password, personal=[personal])
    except WeakPassword:
        return
    assert CHEAP.verify(password, CHEAP.hash(password)) == (True, None)


def test_the_list_is_fit_for_use() -> None:
    """Is the built-in list short, casefolded, and only of what is long enough to be typed?"""
    assert 40 <= len(COMMON) <= 100
    assert all(len(each) >= 8 and each == each.casefold() for each in COMMON)


# --- settings and shortcuts ---


async def test_settings_decide_on_the_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do hashes cost what the settings say, in as many threads?"""
    threads: list[float] = []

    def limiter(total: float) -> CapacityLimiter:
        threads.append(total)
        return CapacityLimiter(total)

    monkeypatch.setattr("fastapi_crud.auth.passwords.CapacityLimiter", limiter)
    settings = AuthSettings(
        password_memory_kib=16, password_time_cost=2, password_parallelism=1, password_threads=3
    )
    hashed = await passwords_of(settings).hash(SECRET)
    assert hashed.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert threads == [3]


def test_settings_decide_on_the_policy() -> None:
    """Are the lengths those of the settings?"""
    settings = AuthSettings(password_min_length=15, password_max_bytes=72)
    assert policy_of(settings) == PasswordPolicy(min_length=15, max_bytes=72)


def test_the_shortcuts_hash_at_the_default_cost() -> None:
    """Do scripts get hashes as the app with default settings makes them?"""
    default = {name: field.default for name, field in AuthSettings.model_fields.items()}
    cost = "m={password_memory_kib},t={password_time_cost},p={password_parallelism}"
    hashed = get_password_hash("password123")
    assert hashed.startswith(f"$argon2id$v=19${cost.format(**default)}$")
    assert verify_password("password123", hashed)


@pytest.mark.parametrize(
    ("password", "hashed", "right"),
    [
        pytest.param(SECRET, HASHED, True, id="right, at another cost"),
        pytest.param("wrong", HASHED, False, id="wrong"),
        pytest.param(SECRET, "", False, id="no hash"),
        pytest.param("\ud800", HASHED, False, id="unusable"),
    ],
)
def test_the_shortcut_verifies(password: str, hashed: str, right: bool) -> None:
    """Is the answer of the shortcut just yes or no?"""
    assert verify_password(password, hashed) is right


@pytest.mark.parametrize("password", UNUSABLE.values(), ids=UNUSABLE)
def test_the_shortcut_refuses_too(password: str) -> None:
    """Is the shortcut's error for an unusable password the same?"""
    with pytest.raises(WeakPassword):
        get_password_hash(password)

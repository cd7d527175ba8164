"""Passwords: how they are hashed and verified, and which of them are accepted."""

import re
import threading
import warnings
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from fastapi_crud.auth.common_passwords import COMMON
from fastapi_crud.auth.exceptions import WeakPassword
from fastapi_crud.auth.settings import AuthSettings
from fastapi_crud.exceptions import ConfigurationError

if TYPE_CHECKING:
    from passlib.context import CryptContext

ResultT = TypeVar("ResultT")

MAX_CHARACTERS = 4096
"""Longer passwords are not worked on, so that nobody keeps the server busy with one."""
UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")
"""What bcrypt, or UTF-8, has no place for."""
EXPECTED_WARNINGS = r"'crypt' is deprecated|Accessing argon2\.__version__"
"""What passlib 1.7.4 causes when it is imported and first used."""
FIXES = {
    "argon2": "pip install 'fastapi-crud-factory[auth]'",
    "bcrypt": "passlib 1.7.4 cannot use bcrypt 5: install libpass instead of passlib, or bcrypt<4.1",
}
SALT_AND_DIGEST = re.compile(r"(\$[A-Za-z0-9./+]{8,}=*)+\Z")
WRONG = (False, None)


class PasswordHasher(Protocol):
    """Makes and verifies hashes, in several threads at a time; swap it to leave passlib."""

    def hash(self, password: str) -> str:
        """Give a new hash, with a salt of its own."""
        ...

    def verify(self, password: str, hashed: str) -> tuple[bool, str | None]:
        """Tell whether the password is right.

        Returns:
            Whether it is, and the hash to store instead if it is and the stored one is outdated.

        Raises:
            ValueError: If this is no hash that can be read; no other exception means that.
        """
        ...


class PasslibHasher:
    """Hashes with passlib, or libpass in its place: argon2id, unless other schemes are named.

    Args:
        schemes: passlib's names of the schemes. The first hashes; the others only verify what an
            older app has stored, such as `("argon2", "bcrypt")`, and are replaced by the first
            once the right password is given. bcrypt ignores or refuses what goes beyond 72
            bytes: if it comes first, let the policy accept no more.
        memory_kib: Memory of an argon2id hash, in KiB; 8 times `parallelism` or more.
        time_cost: Its passes.
        parallelism: Its lanes.

    Raises:
        ConfigurationError: If passlib is missing, or a scheme does not work: each is tried.
    """

    def __init__(
        self,
        *,
        schemes: Sequence[str] = ("argon2",),
        memory_kib: int = 65536,
        time_cost: int = 3,
        parallelism: int = 4,
    ) -> None:
        cost = {"memory_cost": memory_kib, "rounds": time_cost, "parallelism": parallelism}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", EXPECTED_WARNINGS, DeprecationWarning)
            warnings.filterwarnings("error", "argon2: .* too (low|large)", UserWarning)
            self._context = _make_context(schemes, {"type": "ID", **cost})
            for scheme in schemes:
                _try_out(self._context, scheme)

    def hash(self, password: str) -> str:
        """Give a new hash, of the first scheme."""
        return self._context.hash(password)

    def verify(self, password: str, hashed: str) -> tuple[bool, str | None]:
        """Tell whether the password is right; see `PasswordHasher`."""
        try:
            return self._context.verify_and_update(password, hashed)
        except (TypeError, LookupError, NotImplementedError) as error:
            raise ValueError(f"not a hash that passlib reads: {error}") from error


class Passwords:
    """Hashes and verifies without holding up others, and takes as long for any wrong answer.

    Args:
        hasher: What makes and verifies the hashes.
        threads: How many it works on at the same time, per event loop; each takes its memory.
    """

    def __init__(self, hasher: PasswordHasher, *, threads: int = 2) -> None:
        self._hasher, self._threads = hasher, threads
        self._limiter: RunVar[CapacityLimiter] = RunVar("password_limiter")
        self._lock = threading.Lock()
        self._made_dummy: str | None = None

    async def hash(self, password: str) -> str:
        """Give a new hash.

        Raises:
            WeakPassword: If no hash can be made of it; `PasswordPolicy.check` says so before.
        """
        return await self._in_thread(partial(_hashed, self._hasher, password))

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Tell whether the password is right. Never raises for what it is given.

        An unknown account, an unreadable hash and an unusable password take as long as a wrong
        password: who calls learns nothing from the clock (OWASP ASVS 5.0, 6.3.8).

        Args:
            password: What was given.
            hashed: What is stored; None if there is no such account.

        Returns:
            Whether it is, and the hash to store instead if it is and the stored one is outdated.
        """
        return await self._in_thread(partial(self._verify, password, hashed))

    async def warm(self) -> None:
        """Get ready: without it, the first wrong password takes twice as long."""
        await self._in_thread(self._dummy)

    async def _in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        limiter = self._limiter.get(None) or CapacityLimiter(self._threads)
        self._limiter.set(limiter)
        return await to_thread.run_sync(work, limiter=limiter)

    def _verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        answer = None if hashed is None else _verified(self._hasher, password, hashed)
        if answer is not None and answer[0]:
            return answer
        dummy = self._dummy()
        # A hash that is weaker than new ones takes less time, and would tell of an old account.
        if answer is None or _cost(hashed or "") != _cost(dummy):
            self._hasher.verify("another", dummy)
        return WRONG

    def _dummy(self) -> str:
        with self._lock:
            if self._made_dummy is None:
                self._made_dummy = self._hasher.hash("dummy")
            return self._made_dummy


@dataclass(frozen=True)
class PasswordPolicy:
    """Which passwords are accepted. There are no rules of composition (NIST SP 800-63B-4 §3.1.1.2).

    Args:
        min_length: How many characters it needs.
        max_bytes: How many bytes it may take in UTF-8.
        common: Passwords that are refused, casefolded.
        is_breached: Asks a larger list, such as one of breaches, whether it has this password;
            only if nothing else is wrong with it.
    """

    min_length: int = 8
    max_bytes: int = 1024
    common: Collection[str] = COMMON
    is_breached: Callable[[str], Awaitable[bool]] | None = None

    async def check(
        self, password: str, *, personal: Sequence[str] = (), field: str = "password"
    ) -> None:
        """Accept the password, or say why not.

        Args:
            password: The password that somebody wants.
            personal: The address and names of the account: the password must be none of them,
                nor the part of an address before the `@`.
            field: Where the password stands in the request.

        Raises:
            WeakPassword: If it is not accepted. The message never holds it.
        """
        reason = self._reason_against(password, personal)
        if reason is None and self.is_breached is not None and await self.is_breached(password):
            reason = "This password is known from a breach"
        if reason is not None:
            raise WeakPassword(reason, fields=(field,))

    def _reason_against(self, password: str, personal: Sequence[str]) -> str | None:
        size, folded = len(password.encode(errors="surrogatepass")), password.casefold()
        known = {part.casefold() for text in personal for part in (text, text.partition("@")[0])}
        rules = (
            (len(password) < self.min_length, f"Use {self.min_length} characters or more"),
            (size > self.max_bytes, f"Use {self.max_bytes} bytes or less"),
            (bool(UNUSABLE.search(password)), "Use whole characters, and no NUL"),
            (folded in self.common, "This password is one of the commonest"),
            (folded in known, "Use another password than your name or address"),
        )
        return next((message for broken, message in rules if broken), None)


def passwords_of(settings: AuthSettings) -> Passwords:
    """Give what hashes with passlib, at the cost that a deployment has decided on."""
    hasher = PasslibHasher(
        memory_kib=settings.password_memory_kib,
        time_cost=settings.password_time_cost,
        parallelism=settings.password_parallelism,
    )
    return Passwords(hasher, threads=settings.password_threads)


def policy_of(settings: AuthSettings) -> PasswordPolicy:
    """Give the policy that a deployment has decided on."""
    return PasswordPolicy(settings.password_min_length, settings.password_max_bytes)


def get_password_hash(password: str) -> str:
    """Hash a password, at the default cost; for scripts and tests, as it would block a loop.

    Raises:
        WeakPassword: If no hash can be made of it.
    """
    return _hashed(_default_hasher(), password)


def verify_password(password: str, hashed: str) -> bool:
    """Tell whether the password is the `hashed` one, at whatever cost; for scripts and tests."""
    return (_verified(_default_hasher(), password, hashed) or WRONG)[0]


_default_hasher = cache(PasslibHasher)


def _hashed(hasher: PasswordHasher, password: str) -> str:
    if not _is_usable(password):
        msg = "No hash can be made of this password"
        raise WeakPassword(msg)
    return hasher.hash(password)


def _verified(hasher: PasswordHasher, password: str, hashed: str) -> tuple[bool, str | None] | None:
    """Verify; None if there was nothing to work on, so that it took no time."""
    if not _is_usable(password):
        return None
    try:
        return hasher.verify(password, hashed)
    except ValueError:
        return None


def _is_usable(password: str) -> bool:
    return len(password) <= MAX_CHARACTERS and UNUSABLE.search(password) is None


def _cost(hashed: str) -> str:
    """Give what a hash says of its scheme and cost: all that stands before the salt."""
    return SALT_AND_DIGEST.sub("", hashed)


def _make_context(schemes: Sequence[str], argon2: dict[str, Any]) -> "CryptContext":
    try:
        from passlib.context import CryptContext  # noqa: PLC0415 - it warns, or is not there
    except ImportError as error:
        raise ConfigurationError(f"passwords need passlib: {FIXES['argon2']}") from error
    if not schemes:
        msg = "schemes must name one scheme or more, such as argon2"
        raise ConfigurationError(msg)
    options = {f"argon2__{name}": value for name, value in argon2.items() if "argon2" in schemes}
    try:
        return CryptContext(schemes=[*schemes], deprecated="auto", **options)
    except (KeyError, ValueError, UserWarning) as error:
        raise ConfigurationError(f"passlib refuses these schemes or costs: {error}") from error


def _try_out(context: Any, scheme: str) -> None:  # noqa: ANN401 - half of passlib has no types
    handler, cheapest = context.handler(scheme), {}
    if scheme == "argon2":
        cheapest = {"memory_cost": 8 * handler.parallelism}
    elif "rounds" in handler.setting_kwds:
        cheapest = {"rounds": handler.min_rounds}
    try:
        hashed = handler.using(**cheapest).hash("self-test")
        works = handler.verify("self-test", hashed)
    except (ValueError, RuntimeError) as error:
        fix = FIXES.get(scheme.partition("_")[0], "choose another scheme")
        raise ConfigurationError(f"{scheme} does not work: {fix} ({error})") from error
    if not works:
        raise ConfigurationError(f"{scheme} verifies nothing: choose another scheme")

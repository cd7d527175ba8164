"""`Auth`: everything that auth needs for one user model, put together once."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar, cast
from uuid import UUID
from weakref import WeakSet

import sqlalchemy as sa
from typing_extensions import override

from fastapi_crud.auth.callers import BearerScheme, Callers, is_open
from fastapi_crud.auth.cookies import Cookies
from fastapi_crud.auth.emails import email_key
from fastapi_crud.auth.events import AuthEvent, Listener, tell
from fastapi_crud.auth.gate import Gate
from fastapi_crud.auth.keys import ApiKeys
from fastapi_crud.auth.logins import Logins
from fastapi_crud.auth.mails import Links, Notice, Notifier, Purpose
from fastapi_crud.auth.passwords import (
    PasswordHasher,
    PasswordPolicy,
    Passwords,
    passwords_of,
    policy_of,
)
from fastapi_crud.auth.settings import AuthSettings
from fastapi_crud.auth.tables import AuthTables, auth_tables
from fastapi_crud.auth.throttle import Allowance, DatabaseThrottle, Throttle
from fastapi_crud.auth.tokens import TokenCodec, codec_of
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import AsyncSession, Database
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.models import utc_now

UserT = TypeVar("UserT")
Defer = Callable[[AsyncSession, Purpose, str], Awaitable[object]]
"""Stores that a mail is to be written."""

NEEDED = (
    "email", "email_key", "hashed_password", "is_active", "is_superuser", "email_verified_at",
    "scopes",
)  # fmt: skip
"""The attributes that auth reads from a user."""
DEFAULT = "__auth__"
"""Where a user model keeps its `Auth`."""

user_models: WeakSet[type[Any]] = WeakSet()
"""All models that have an `Auth`, or inherit `UserMixin`, but those that inherit another one."""


class Auth(Gate[UserT]):
    """Accounts, logins and permissions for one user model.

    The first one that is made for a model is its default: `make_auth_router(User)`,
    `current_user(User)` and `make_crud_router(User)` go by it. Nothing is read from the
    environment before it is needed; `Database.lifespan` checks the key when the app starts.

    Args:
        model: The user model: with `UserMixin`, or with columns of the same names.
        settings: Read instead of the environment.
        notifier: Sends mails with links; without one there are no endpoints that need mail.
        defer: Has a mail written later, in place of at once: a coroutine function that stores what
            it is called with, in the transaction of the session, and calls `send_link` with it
            once that has committed; such as the `enqueue` of a task.
        on_event: Told of everything that happens to accounts; a function or coroutine function.
        roles: Role → the scopes that it brings; the user's `role` or `roles` are looked up.
        registration: Whether anybody may open an account. If not, superusers do.
        api_keys: Whether users can make API keys.
        cookies: How tokens travel in cookies, for pages in a browser, if they shall.
        hasher: Hashes passwords, in place of argon2id by passlib.
        policy: Which passwords are good enough.
        codec: Writes and reads access tokens, in place of python-jose.
        throttle: Counts failures, in place of a table.
        database: Where the users are, if not in the app's database.

    Raises:
        ConfigurationError: If the model lacks a column, or its default is already in use.
    """

    def __init__(  # noqa: PLR0913 - all that can be put together
        self,
        model: type[UserT],
        *,
        settings: AuthSettings | None = None,
        notifier: Notifier | None = None,
        defer: Defer | None = None,
        on_event: Listener | None = None,
        roles: Mapping[str, Collection[str]] | None = None,
        registration: bool = True,
        api_keys: bool = False,
        cookies: Cookies | None = None,
        hasher: PasswordHasher | None = None,
        policy: PasswordPolicy | None = None,
        codec: TokenCodec | None = None,
        throttle: Throttle | None = None,
        database: Database | None = None,
    ) -> None:
        info = inspect_model(model)
        if missing := [name for name in NEEDED if name not in info.columns]:
            msg = f"{info.name} has no {', '.join(missing)}: let it inherit UserMixin"
            raise ConfigurationError(msg)
        self.model: type[UserT] = model
        self.by_environment = False
        if defer is not None and notifier is None:
            msg = "defer= needs a notifier=: it is what sends the mail in the end"
            raise ConfigurationError(msg)
        self.notifier = notifier
        self.defer = defer
        self.on_event = on_event
        self.roles: Mapping[str, frozenset[str]] = {
            role: frozenset(scopes) for role, scopes in (roles or {}).items()
        }
        self.registration = registration
        self.api_keys = api_keys
        self.cookies = cookies
        self.database = database
        prefix: str = getattr(model, "__auth_prefix__", "auth_")
        self.tables: AuthTables = auth_tables(cast("sa.Table", info.mapper.local_table), prefix)
        self._settings, self._hasher, self._policy = settings, hasher, policy
        self._codec, self._throttle = codec, throttle
        name = "OAuth2PasswordBearer" if prefix == "auth_" else f"{info.name}Bearer"
        url = (settings and settings.token_url) or "auth/login"
        self.scheme: BearerScheme = BearerScheme(name, url, lambda: self.codec)
        _remember(self)
        if not any(issubclass(model, known) for known in user_models):
            user_models.add(model)

    @cached_property
    def settings(self) -> AuthSettings:
        """The settings, read at first use."""
        settings = self._settings or AuthSettings()
        if settings.token_url:
            self.scheme.token_url = settings.token_url
        return settings

    @cached_property
    def codec(self) -> TokenCodec:
        """Writes and reads access tokens."""
        return self._codec or codec_of(self.settings)

    @cached_property
    def passwords(self) -> Passwords:
        """Hashes and checks passwords, off the event loop."""
        if self._hasher is None:
            return passwords_of(self.settings)
        return Passwords(self._hasher, threads=self.settings.password_threads)

    @cached_property
    def policy(self) -> PasswordPolicy:
        """Which passwords are good enough."""
        return self._policy or policy_of(self.settings)

    @cached_property
    def throttle(self) -> Throttle:
        """Counts failures."""
        return self._throttle or DatabaseThrottle(self.tables.throttle)

    @cached_property
    def logins(self) -> Logins:
        """The logins that run."""
        settings = self.settings
        return Logins(
            self.tables,
            idle=timedelta(days=settings.refresh_token_idle_days),
            lifetime=timedelta(days=settings.session_max_days),
            leeway=timedelta(seconds=settings.refresh_reuse_leeway_seconds),
        )

    @cached_property
    def links(self) -> Links:
        """The links in mails."""
        settings = self.settings
        verify = timedelta(hours=settings.verify_token_expire_hours)
        reset = timedelta(minutes=settings.reset_token_expire_minutes)
        return Links(self.tables, {"verify": verify, "change_email": verify, "reset": reset})

    @cached_property
    def keys(self) -> ApiKeys:
        """The API keys."""
        return ApiKeys(self.tables)

    @override
    def make_callers(self) -> Callers[UserT]:
        """Make what finds who calls."""
        return Callers(self.model, self.tables, self.codec, self.roles)

    def allowance(self, free: int) -> Allowance:
        """Say how many failures are free, and how long to wait for the next attempts."""
        return Allowance(free, max_wait=timedelta(seconds=self.settings.max_wait_seconds))

    async def tell(self, event: AuthEvent) -> None:
        """Log an event, and tell whoever listens."""
        await tell(event, self.on_event)

    def access_token(
        self,
        user_id: object,
        login_id: object,
        *,
        scopes: Iterable[str] = (),
        **claims: Any,  # noqa: ANN401 - more claims
    ) -> str:
        """Write an access token (RFC 9068).

        Args:
            user_id: Who it is for (`sub`).
            login_id: The login that it belongs to (`sid`).
            scopes: What it allows, for whoever reads it (`scope`).
            **claims: More claims.
        """
        key = next(iter(inspect_model(self.model).key))
        said = {
            "sub": key.text_of(user_id),
            "sid": str(login_id),
            "client_id": self.settings.audience,
            "scope": " ".join(sorted(scopes)),
        }
        return self.codec.encode({**said, **claims})

    async def mint_link(self, session: AsyncSession, purpose: Purpose, email: str) -> Notice | None:
        """Make a link, to verify an address or reset a password; None if it is nobody's."""
        model: Any = self.model
        of = (model.email_key == email_key(email)) & is_open(model)
        if purpose == "verify":
            of &= model.email_verified_at.is_(None)
        return await self.links.mint(session, purpose, model.email, of)

    async def send_link(self, session: AsyncSession, purpose: Purpose, email: str) -> None:
        """Make a link and send it: what `defer=` leaves for later. No queue holds its token.

        Args:
            session: The session to work in. Whoever opened it commits it.
            purpose: As `defer` got it.
            email: As `defer` got it.
        """
        notice = await self.mint_link(session, purpose, email)
        if notice is not None and self.notifier is not None:
            await self.notifier(notice)

    async def end_access(
        self,
        session: AsyncSession,
        user_id: Any,  # noqa: ANN401 - any key
        *,
        but: UUID | None = None,
    ) -> None:
        """End what an old password or address opened: all logins but perhaps one, and links."""
        await self.logins.end_all(session, user_id, "password_changed", but=but)
        await self.links.void(session, user_id, "reset", "change_email", "verify")

    async def prune(self, session: AsyncSession) -> int:
        """Delete what has expired, and tell how much: call it now and then.

        Args:
            session: The session to work in. Whoever opened it commits it.
        """
        tables, now, count = self.tables, utc_now(), 0
        expiring = (
            tables.refresh_tokens, tables.sessions, tables.one_time_tokens, tables.api_keys,
        )  # fmt: skip
        for table in expiring:
            gone: Any = await session.execute(sa.delete(table).where(table.c.expires_at <= now))
            count += gone.rowcount
        if isinstance(self.throttle, DatabaseThrottle):
            wait = timedelta(seconds=self.settings.max_wait_seconds)
            count += await self.throttle.prune(session, unused_for=max(timedelta(days=1), 2 * wait))
        return count


def auth_of(model: type[UserT]) -> Auth[UserT]:
    """Give the `Auth` of a user model; one by the environment unless one was made.

    Raises:
        ConfigurationError: If it only inherits from a model that has one, whose users are not all
            of this model.
    """
    found: Auth[UserT] | None = vars(model).get(DEFAULT)
    if found is None:
        inherited: Auth[Any] | None = getattr(model, DEFAULT, None)
        if inherited is not None:
            name, parent = model.__name__, inherited.model.__name__
            msg = f"Auth({parent}) lets in more than {name}: make one by Auth({name}, ...) first"
            raise ConfigurationError(msg)
        found = Auth(model)
        found.by_environment = True
    return found


def _remember(auth: Auth[Any]) -> None:
    """Make it the default of its model, unless there is one."""
    model = auth.model
    default: Auth[Any] | None = vars(model).get(DEFAULT)
    if default is None:
        setattr(model, DEFAULT, auth)
    elif default.by_environment:
        name = model.__name__
        msg = f"Auth({name}, ...) comes too late: make it before the routers of {name}"
        raise ConfigurationError(msg)

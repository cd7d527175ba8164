"""Who is calling: found by a bearer token, with one query that also sees that it still holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection
from typing_extensions import override

from fastapi_crud.auth import logins, opaque
from fastapi_crud.auth.exceptions import InvalidToken, Unauthenticated
from fastapi_crud.auth.tables import AuthTables
from fastapi_crud.auth.tokens import TokenCodec
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import AsyncSession
from fastapi_crud.deletion import deletion_of
from fastapi_crud.integrity import translated
from fastapi_crud.models import utc_now

UserT = TypeVar("UserT")
Roles = Mapping[str, frozenset[str]]
"""Role → the scopes that it brings."""

LOGIN = "fastapi_crud.login_id"
"""Where the state of a user instance keeps by which login it calls."""


class BearerScheme(OAuth2PasswordBearer):
    """Reads the bearer token of a request (RFC 6750 §2.1), and documents where to get one.

    Args:
        name: Its name in the OpenAPI document.
        token_url: Where the login is, relative to the server.
        check: Raises where tokens could not be read.
    """

    def __init__(self, name: str, token_url: str, check: Callable[[], object]) -> None:
        super().__init__(tokenUrl=token_url, scheme_name=name, auto_error=False)
        self.check = check

    @property
    def token_url(self) -> str:
        """Where the login is, relative to the server."""
        model: Any = self.model
        return str(model.flows.password.tokenUrl)

    @token_url.setter
    def token_url(self, url: str) -> None:
        model: Any = self.model
        model.flows.password.tokenUrl = url

    @override
    async def __call__(self, request: HTTPConnection) -> str | None:
        """Give the token; None where there are no credentials of this kind."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else None


@dataclass(frozen=True)
class Caller(Generic[UserT]):
    """A user who makes a request, and what this request may do.

    Args:
        user: The user.
        scopes: What the user may do, by scopes and roles.
        limit: What the token is limited to; None where it is not.
        login_id: The login, where it calls by one.
        key_id: The API key, where it calls by one.
    """

    user: UserT
    scopes: frozenset[str]
    limit: frozenset[str] | None = None
    login_id: UUID | None = None
    key_id: UUID | None = None

    @property
    def is_superuser(self) -> bool:
        """Whether it may do everything: a superuser, by a token that is not limited."""
        user: Any = self.user
        return bool(user.is_superuser) and self.limit is None

    @property
    def granted(self) -> frozenset[str]:
        """The scopes that count for this request."""
        return self.scopes if self.limit is None else self.scopes & self.limit

    def may(self, *scopes: str) -> bool:
        """Tell whether this request has all of some scopes.

        Args:
            *scopes: The scopes, such as `"posts:write"`.
        """
        user: Any = self.user
        if user.is_superuser:
            return self.limit is None or self.limit.issuperset(scopes)
        return self.granted.issuperset(scopes)


@dataclass(frozen=True, eq=False)
class Callers(Generic[UserT]):
    """Finds callers by their tokens.

    Args:
        model: The user model.
        tables: The tables of auth.
        codec: Reads access tokens.
        roles: What roles bring.
    """

    model: type[UserT]
    tables: AuthTables
    codec: TokenCodec
    roles: Roles

    async def find(self, session: AsyncSession, token: str) -> Caller[UserT]:
        """Find who calls: its login must still run, and its account must be open.

        Raises:
            Unauthenticated: If nobody can call by this token (any more).
            CrudError: If the database does not answer.
        """
        if opaque.is_token(token, opaque.API_KEY):
            return await self._by_key(session, token)
        try:
            claims = self.codec.decode(token)
            (user_id,) = inspect_model(self.model).as_key(claims["sub"]) or (None,)
            login_id = UUID(claims["sid"])
        except (InvalidToken, ValueError) as error:
            raise _invalid() from error
        if user_id is None:
            raise _invalid()
        return await self.of_login(session, user_id, login_id)

    async def of_login(self, session: AsyncSession, user_id: Any, login_id: UUID) -> Caller[UserT]:  # noqa: ANN401
        """Give who calls by a login: it must still run, and the account must be open.

        Args:
            session: The session to work in.
            user_id: The key of the user.
            login_id: The login.

        Raises:
            Unauthenticated: If nobody can call by it (any more).
            CrudError: If the database does not answer.
        """
        sessions, now = self.tables.sessions, utc_now()
        runs = (
            sessions.c.id == login_id,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
        )
        same = self.tables.user_key == user_id
        user, scopes, _ = await self._user(session, sessions, (*runs, same))
        sa.inspect(user).info[LOGIN] = login_id
        return Caller(user, self.scopes_of(user), logins.read(scopes), login_id=login_id)

    def scopes_of(self, user: Any) -> frozenset[str]:  # noqa: ANN401 - any user model
        """Give what a user may do: by scopes of its own, and by its roles."""
        own: Any = user.scopes or ()
        scopes = frozenset[str](own.split() if isinstance(own, str) else own)
        return scopes.union(*(self.roles.get(role, ()) for role in self._roles_of(user)))

    def _roles_of(self, user: Any) -> list[str]:  # noqa: ANN401 - any user model
        if not self.roles:  # whatever is called so means something else
            return []
        role = getattr(user, "role", None)
        several = getattr(user, "roles", None) or ([] if role is None else [role])
        return [str(each.value if isinstance(each, Enum) else each) for each in several]

    async def _by_key(self, session: AsyncSession, token: str) -> Caller[UserT]:
        keys, now = self.tables.api_keys, utc_now()
        works = (
            keys.c.token_hash == opaque.token_hash(token),
            keys.c.revoked_at.is_(None),
            sa.or_(keys.c.expires_at.is_(None), keys.c.expires_at > now),
        )
        user, scopes, key_id = await self._user(session, keys, works)
        return Caller(user, self.scopes_of(user), logins.read(scopes) or frozenset(), key_id=key_id)

    async def _user(
        self,
        session: AsyncSession,
        table: sa.Table,
        holds: tuple[sa.ColumnElement[bool], ...],
    ) -> tuple[Any, str | None, UUID]:
        model: Any = self.model
        joined = sa.select(model, table.c.scopes, table.c.id).join(
            table, table.c.user_id == self.tables.user_key
        )
        with translated():
            found = await session.execute(joined.where(*holds, is_open(model)))
        row = found.unique().one_or_none()  # it may have collections that are joined
        if row is None:
            raise _invalid()
        user, scopes, caller_id = row
        return user, scopes, caller_id


def is_open(model: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any user model
    """Say in SQL that an account can be used: it is active, and not deleted softly."""
    deletion = deletion_of(inspect_model(model))
    active: sa.ColumnElement[bool] = model.is_active
    return active if deletion is None else sa.and_(active, deletion.is_live(model))


def login_of(user: object) -> UUID | None:
    """Give the login by which a user that was found by a token calls."""
    state: Any = sa.inspect(user)
    login: UUID | None = state.info.get(LOGIN)
    return login


def user_agent_of(connection: HTTPConnection) -> str | None:
    """Give what a client calls itself, in printable characters."""
    agent = connection.headers.get("User-Agent")
    return None if agent is None else "".join(filter(str.isprintable, agent))


def _invalid() -> Unauthenticated:
    return Unauthenticated('Bearer error="invalid_token"')

"""The dependencies of auth: who calls, and whether that is enough."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends

from fastapi_crud.auth.callers import BearerScheme, Caller, Callers
from fastapi_crud.auth.cookies import Cookies, CookieScheme
from fastapi_crud.auth.exceptions import InsufficientScope, Unauthenticated
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import AsyncSession, Database
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.owners import Owner, owning
from fastapi_crud.query.clauses import Filter
from fastapi_crud.router.dependencies import session_dependency

UserT = TypeVar("UserT")
Dependency = Callable[..., Any]


class Gate(ABC, Generic[UserT]):
    """The half of `Auth` that FastAPI asks at each request."""

    model: type[UserT]
    """The user model."""
    scheme: BearerScheme
    """Where the token is."""
    cookies: Cookies | None
    """How tokens travel in cookies, if they do."""
    database: Database | None
    """Where the users are, if not in the app's database."""

    @cached_property
    def callers(self) -> Callers[UserT]:
        """Finds who calls."""
        return self.make_callers()

    @abstractmethod
    def make_callers(self) -> Callers[UserT]:
        """Make what finds who calls."""

    @cached_property
    def caller(self) -> Callable[..., Any]:
        """The dependency that gives who calls, as a `Caller`; None where nobody says."""
        session_of = session_dependency(self.database)
        scheme = self.scheme

        async def caller(
            session: Annotated[AsyncSession, Depends(session_of)],
            token: Annotated[str | None, Depends(scheme)],
        ) -> Caller[UserT] | None:
            return None if token is None else await self.callers.find(session, token)

        if self.cookies is None:
            return documented(caller, 401)
        cookie_scheme = CookieScheme(self.cookies)

        async def caller_by_cookie(
            session: Annotated[AsyncSession, Depends(session_of)],
            token: Annotated[str | None, Depends(scheme)],
            cookie: Annotated[str | None, Depends(cookie_scheme)],
        ) -> Caller[UserT] | None:
            return await caller(session, cookie if token is None else token)

        return documented(caller_by_cookie, 401, 403)

    @cached_property
    def known_caller(self) -> Callable[..., Any]:
        """The dependency that gives who calls, as a `Caller`; 401 where nobody does."""
        asked = self.caller

        async def known_caller(
            caller: Annotated[Caller[UserT] | None, Depends(asked)],
        ) -> Caller[UserT]:
            if caller is None:
                raise Unauthenticated
            return caller

        return documented(known_caller, 401)

    @cached_property
    def current_user(self) -> Callable[..., Any]:
        """The dependency that gives the user who calls; 401 where nobody does."""
        asked = self.known_caller

        async def current_user(caller: Annotated[Caller[UserT], Depends(asked)]) -> UserT:
            return caller.user

        return documented(current_user, 401)

    @cached_property
    def optional_user(self) -> Callable[..., Any]:
        """The dependency that gives the user who calls, or None; 401 for a token that is bad."""
        asked = self.caller

        async def optional_user(
            caller: Annotated[Caller[UserT] | None, Depends(asked)],
        ) -> UserT | None:
            return None if caller is None else caller.user

        return documented(optional_user, 401)

    @cached_property
    def current_superuser(self) -> Callable[..., Any]:
        """The dependency that gives the superuser who calls; 403 for others, 401 for nobody."""
        asked = self.known_caller

        async def current_superuser(caller: Annotated[Caller[UserT], Depends(asked)]) -> UserT:
            if not caller.is_superuser:
                raise InsufficientScope
            return caller.user

        return documented(current_superuser, 401, 403)

    @cached_property
    def login_caller(self) -> Callable[..., Any]:
        """The dependency that gives who calls by a whole login: no API key, no limit by scopes."""
        asked = self.known_caller

        async def login_caller(
            caller: Annotated[Caller[UserT], Depends(asked)],
        ) -> Caller[UserT]:
            if caller.login_id is None or caller.limit is not None:
                raise InsufficientScope
            return caller

        return documented(login_caller, 401, 403)

    def require_scopes(self, *scopes: str) -> Callable[..., Any]:
        """Give a dependency that gives the user; 403 without all of the scopes, 401 for nobody.

        Args:
            *scopes: The scopes, such as `"posts:write"`.
        """
        asked = self.known_caller

        async def require_scopes(caller: Annotated[Caller[UserT], Depends(asked)]) -> UserT:
            if not caller.may(*scopes):
                raise InsufficientScope(*scopes)
            return caller.user

        return documented(require_scopes, 401, 403)

    def has_scopes(self, *scopes: str) -> Callable[..., Any]:
        """Give a dependency that tells whether the caller has all of the scopes.

        For `readable_by=` and `writable_by=`: whoever lacks them does not see or write a column.

        Args:
            *scopes: The scopes, such as `"salary:read"`.
        """
        asked = self.caller

        async def has_scopes(caller: Annotated[Caller[UserT] | None, Depends(asked)]) -> bool:
            return caller is not None and caller.may(*scopes)

        return documented(has_scopes, 401)

    def owner(
        self, column: str, *, by: str = "id", unless: str | None = None
    ) -> Callable[..., Any]:
        """Give a row scope: only the caller's own rows exist, and new rows become its own.

        Args:
            column: The attribute that says whose a row is; clients cannot write it.
            by: The attribute of the user that it holds: `"tenant_id"` for rows of a tenant.
            unless: A scope with which all rows exist; superusers see all rows in any case.

        Raises:
            ConfigurationError: If users have no such attribute.
        """
        if not hasattr(self.model, by):
            msg = f"{self.model.__name__} has no {by}: by= names what of it {column} holds"
            raise ConfigurationError(msg)
        asked = self.known_caller

        async def owner(caller: Annotated[Caller[UserT], Depends(asked)]) -> Owner:
            own = Owner(column, getattr(caller.user, by))
            free = caller.is_superuser or (unless is not None and caller.may(unless))
            return own.of_anybody() if free else own

        return sparing_superusers(owning(column)(documented(owner, 401)))

    @cached_property
    def own(self) -> Callable[..., Any]:
        """The row scope of users: everybody's own row; all rows for superusers."""
        asked, key = self.known_caller, inspect_model(self.model).key[0].name

        async def own(caller: Annotated[Caller[UserT], Depends(asked)]) -> Any:  # noqa: ANN401
            return caller.is_superuser or Filter(key, "eq", getattr(caller.user, key))

        return sparing_superusers(documented(own, 401))


def sparing_superusers(scope: Dependency) -> Dependency:
    """Mark a row scope with which all rows exist for superusers."""
    scope.spares_superusers = True  # type: ignore[attr-defined]
    return scope


def documented(dependency: Dependency, *statuses: int) -> Dependency:
    """Say with which statuses a dependency answers, for the OpenAPI document."""
    dependency.crud_problems = statuses  # type: ignore[attr-defined]
    return dependency

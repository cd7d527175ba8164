"""Shortcuts: those of the only user model, or of the one that is named."""

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import ConfigurationError, Database
from fastapi_crud.auth import (
    Auth,
    InvalidToken,
    UserMixin,
    create_access_token,
    current_superuser,
    current_user,
    decode_token,
    has_scopes,
    optional_user,
    owner,
    require_scopes,
)
from fastapi_crud.auth.logins import Client
from fastapi_crud.models import uuid7
from fastapi_crud.owners import owned_by
from tests.auth.world import SETTINGS, User, auth, stored_user


class Base(DeclarativeBase):
    pass


class Visitor(UserMixin, Base):
    __tablename__ = "shortcuts_visitors"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "visitor"}

    kind: Mapped[str] = mapped_column(sa.String(20))


class Guide(Visitor):
    __mapper_args__ = {"polymorphic_identity": "guide"}


class Clerk(Base):
    """A user whose key has another name, and who has no mixin."""

    __tablename__ = "shortcuts_clerks"

    number: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str]
    hashed_password: Mapped[str]
    is_active: Mapped[bool]
    is_superuser: Mapped[bool]
    email_verified_at: Mapped[str | None]
    scopes: Mapped[str]
    __auth_prefix__ = "clerk_"


visitors = Auth(Visitor, settings=SETTINGS)
clerks = Auth(Clerk, settings=SETTINGS)

Shortcut = Callable[..., Any]
Know = Callable[..., None]


@pytest.fixture
def know(monkeypatch: pytest.MonkeyPatch) -> Know:
    """Says which user models there are."""

    def known(*models: type[Any]) -> None:
        monkeypatch.setattr("fastapi_crud.auth.shortcuts.user_models", WeakSet(models))

    return known


SAME: list[tuple[Shortcut, str]] = [
    (current_user, "current_user"),
    (optional_user, "optional_user"),
    (current_superuser, "current_superuser"),
]
MADE: list[Callable[[type[Any] | None], Any]] = [
    current_user,
    optional_user,
    current_superuser,
    lambda user: require_scopes("a", user=user),
    lambda user: has_scopes("a", user=user),
    lambda user: owner("author_id", user=user),
    lambda user: decode_token("", user),
]
IDS = [
    "current_user", "optional_user", "current_superuser", "require_scopes", "has_scopes", "owner",
    "decode_token",
]  # fmt: skip


@pytest.mark.parametrize(("shortcut", "name"), SAME, ids=IDS[:3])
def test_shortcuts_are_those_of_the_auth(know: Know, shortcut: Shortcut, name: str) -> None:
    """Is it the very dependency of the model's auth, so that an override finds it?"""
    know(User)
    assert shortcut() is getattr(auth, name)
    know(User, Visitor)
    assert shortcut(Visitor) is getattr(visitors, name)


@pytest.mark.parametrize("make", MADE, ids=IDS)
def test_without_users_there_is_nobody(know: Know, make: Callable[[Any], Any]) -> None:
    """Is it told that there is no user model?"""
    know()
    with pytest.raises(ConfigurationError, match="there is no user model"):
        make(None)


@pytest.mark.parametrize("make", MADE, ids=IDS)
def test_of_several_users_one_is_named(know: Know, make: Callable[[Any], Any]) -> None:
    """Is it told which user models there are, where there is more than one?"""
    know(Visitor, User)
    with pytest.raises(ConfigurationError, match=r"Say user=..., there are User, Visitor"):
        make(None)


@pytest.mark.parametrize("make", MADE[:3], ids=IDS[:3])
def test_users_of_a_kind_have_no_auth_by_chance(know: Know, make: Callable[[Any], Any]) -> None:
    """Does nobody become a guide who is only a visitor?"""
    know(Visitor)
    with pytest.raises(ConfigurationError, match=r"make one by Auth\(Guide, ...\) first"):
        make(Guide)


def test_an_owner_is_that_of_the_auth(know: Know) -> None:
    """Is the row scope the same as `Auth.owner` makes, with all that it takes?"""
    know(User)
    assert owned_by(owner("author_id")) == "author_id"
    assert owned_by(owner("team", by="name", unless="a")) == "team"
    with pytest.raises(ConfigurationError, match="User has no team_id"):
        owner("team", by="team_id")


async def test_a_token_that_was_made_is_read(lite: Database, know: Know) -> None:
    """Does a token of one's own work like that of a login, and can its claims be read?"""
    know(User)
    user = await stored_user(lite, scopes=["b", "a"])
    async with lite.session() as session:
        login = await auth.logins.open(session, user.id, Client(address="192.0.2.1"))
        token = create_access_token(user, login.id, device="x")
        caller = await auth.callers.find(session, token)
    assert (caller.user.id, caller.login_id) == (user.id, login.id)
    claims = decode_token(token)
    assert (claims["sub"], claims["sid"]) == (str(user.id), str(login.id))
    assert (claims["scope"], claims["device"]) == ("a b", "x")
    assert decode_token(token, User) == claims


def test_tokens_are_of_any_users() -> None:
    """Is a token made for users whose key has another name?"""
    clerk = Clerk(number=7, scopes="a")
    claims = clerks.codec.decode(create_access_token(clerk, "s"))
    assert (claims["sub"], claims["scope"]) == ("7", "a")


def test_tokens_of_users_of_a_kind_are_those_of_all() -> None:
    """Is a token made for a user of a kind by the auth of all of them?"""
    guide = Guide(id=uuid7(), scopes=["a"])
    claims = visitors.codec.decode(create_access_token(guide, "s"))
    assert (claims["sub"], claims["scope"]) == (str(guide.id), "a")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", f"fck_{'x' * 43}"])
def test_forged_tokens_are_refused(know: Know, token: str) -> None:
    """Is nothing read from what is no access token of ours?"""
    know(User)
    with pytest.raises(InvalidToken):
        decode_token(token)

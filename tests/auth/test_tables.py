"""The tables of auth: beside those of any users, whatever their key."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastapi_crud import ConfigurationError, Database, UTCDateTime
from fastapi_crud.auth import Auth, Unauthenticated
from fastapi_crud.auth.exceptions import InvalidOneTimeToken, InvalidRefreshToken
from fastapi_crud.auth.logins import Client
from fastapi_crud.auth.mails import Purpose
from fastapi_crud.auth.tables import auth_tables
from fastapi_crud.database import AsyncSession
from fastapi_crud.models import NAMING_CONVENTION
from tests.auth.world import ANN, SETTINGS
from tests.conftest import tables_of

NAMES = ("sessions", "refresh_tokens", "one_time_tokens", "api_keys", "throttle")
SCHEMAS = pytest.mark.parametrize("schema", [None, "app"])


def users_in(metadata: sa.MetaData, name: str = "people", key: Any = sa.Integer) -> sa.Table:
    """A table of users, of which only the key matters."""
    return sa.Table(name, metadata, sa.Column("id", key, primary_key=True))


@SCHEMAS
def test_the_tables_are_where_the_users_are(schema: str | None) -> None:
    """Are the tables on the users' own metadata, for Alembic to see, and the same ones each time?"""
    metadata = sa.MetaData(schema=schema)
    users = users_in(metadata)
    tables = auth_tables(users)
    start = "" if schema is None else f"{schema}."
    assert {*metadata.tables} == {f"{start}people", *(f"{start}auth_{name}" for name in NAMES)}
    assert tables.users is users
    assert tables.user_key is users.c.id
    assert auth_tables(users) is tables


def test_a_composite_key_is_refused() -> None:
    """Is it told that users need a key of one column?"""
    keys = (sa.Column(name, sa.Integer, primary_key=True) for name in ("a", "b"))
    users = sa.Table("people", sa.MetaData(), *keys)
    with pytest.raises(ConfigurationError, match="people has a composite primary key"):
        auth_tables(users)


@SCHEMAS
def test_other_users_need_tables_of_their_own(schema: str | None) -> None:
    """Do two kinds of users never share logins, and can each have some?"""
    metadata = sa.MetaData(schema=schema)
    people, staff = users_in(metadata), users_in(metadata, "staff")
    first = auth_tables(people)
    with pytest.raises(
        ConfigurationError, match=r"belongs to people: give staff .*__auth_prefix__"
    ):
        auth_tables(staff)
    second = auth_tables(staff, "staff_auth_")
    assert second.sessions is not first.sessions
    assert second.sessions.name == "staff_auth_sessions"
    assert {it.column for it in second.sessions.foreign_keys} == {staff.c.id}


@pytest.mark.parametrize("key", [sa.Integer(), sa.BigInteger(), sa.Uuid(), sa.String(20)], ids=repr)
def test_references_have_the_type_of_the_key(key: Any) -> None:
    """Does a reference to a user look like the user's key, and is it deleted with the user?"""
    tables = auth_tables(users_in(sa.MetaData(), key=key))
    for table in (tables.sessions, tables.one_time_tokens, tables.api_keys):
        assert repr(table.c.user_id.type) == repr(key)
        (reference,) = table.c.user_id.foreign_keys
        assert reference.ondelete == "CASCADE"
        assert not table.c.user_id.nullable


# Users of somebody else's


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Person(Base):
    """A user with an integer key and none of our mixin."""

    __tablename__ = "own_people"

    number: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column("mail", sa.String(254))
    email_key: Mapped[str] = mapped_column(sa.String(254), unique=True)
    hashed_password: Mapped[str] = mapped_column(sa.String(255))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    email_verified_at: Mapped[Any] = mapped_column(UTCDateTime, nullable=True)
    scopes: Mapped[str] = mapped_column(sa.Text)


people = Auth(Person, settings=SETTINGS)
PURPOSES: tuple[Purpose, ...] = ("reset", "verify")


@pytest.fixture(scope="module")
async def town(database: Database) -> AsyncIterator[Database]:
    """The tables of such users, on each backend."""
    async with tables_of(database, Base.metadata) as own:
        yield own


@dataclass(frozen=True)
class Belongings:
    """What a person has of auth."""

    access: str
    refresh: str
    key: str
    reset: str
    verify: str


async def equipped(session: AsyncSession) -> tuple[Person, Belongings]:
    """A person who has logged in, made a key, and asked for links."""
    column: Any = Person.email
    person = Person(email=ANN, email_key=ANN, hashed_password="!", scopes="a b")
    session.add(person)
    await session.flush()
    grant = await people.logins.open(session, person.number, Client(address="192.0.2.1"))
    key, _ = await people.keys.create(session, person.number, "key", ["a"], None)
    access = people.access_token(person.number, grant.id)
    links = [
        await people.links.mint(session, purpose, column, Person.email_key == ANN)
        for purpose in PURPOSES
    ]
    reset, verify = [str(link and link.token) for link in links]
    return person, Belongings(access, grant.refresh_token, key, reset, verify)


async def test_users_need_not_be_ours(town: Database) -> None:
    """Do logins, links and keys work for users of any shape, until the user is deleted?"""
    async with town.session() as session:
        person, has = await equipped(session)
    async with town.session() as session:
        by_login = await people.callers.find(session, has.access)
        by_key = await people.callers.find(session, has.key)
        again = await people.logins.refresh(session, has.refresh)
        link = await people.links.redeem(session, has.reset, "reset")
    assert by_login.user.number == by_key.user.number == again.user_id == link.user_id
    assert by_login.granted == {"a", "b"}
    assert by_key.granted == {"a"}
    assert link.email == ANN
    async with town.session() as session:
        await session.delete(person)
    async with town.session() as session:
        for lost in (has.access, has.key):
            with pytest.raises(Unauthenticated):
                await people.callers.find(session, lost)
        with pytest.raises(InvalidRefreshToken):
            await people.logins.refresh(session, again.refresh_token)
        with pytest.raises(InvalidOneTimeToken):
            await people.links.redeem(session, has.verify, "verify")

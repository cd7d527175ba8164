"""Which columns clients may read and write."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from fastapi_crud import ConfigurationError
from fastapi_crud.access import (
    PRIVILEGES,
    SECRET_PHRASES,
    SECRET_WORDS,
    Access,
    Exposure,
    access_of,
    is_secret,
)
from fastapi_crud.columns import ColumnInfo, inspect_model
from tests import models
from tests.strategies import model_of

HIDDEN, READ, WRITE, READ_WRITE = Access.HIDDEN, Access.READ, Access.WRITE, Access.READ_WRITE
TEXT, INTEGER, FLAG, MOMENT = sa.String(50), sa.Integer(), sa.Boolean(), sa.DateTime()
DEFAULT = Exposure()
EPOCH = datetime(1970, 1, 1)


class Base(DeclarativeBase):
    metadata = sa.MetaData()


class Guarded(Base):
    """Secrets, privileges, and what the server makes."""

    __tablename__ = "guarded"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    token: Mapped[str]
    role: Mapped[str]
    made: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    double: Mapped[int] = mapped_column(sa.Computed("id * 2"))


def column_of(name: str, column_type: TypeEngine[Any], **options: Any) -> ColumnInfo:
    """The column of a model that has nothing else."""
    return inspect_model(model_of(sa.Column(name, column_type, **options))).columns[name]


def only(**names: str | bool) -> Exposure:
    """An exposure that names one column per option."""
    options: dict[str, Any] = {
        option: value if isinstance(value, bool) else frozenset([value])
        for option, value in names.items()
    }
    return Exposure(**options)


# What a name suggests

BY_NAME: list[tuple[str, TypeEngine[Any], Access]] = [
    # plain
    ("name", TEXT, READ_WRITE),
    ("email", TEXT, READ_WRITE),
    ("note_id", INTEGER, READ_WRITE),
    # secrets
    ("password", TEXT, HIDDEN),
    ("hashed_password", TEXT, HIDDEN),
    ("hashedPassword", TEXT, HIDDEN),
    ("PASSWORD_HASH", TEXT, HIDDEN),
    ("old_passwords", sa.JSON(), HIDDEN),
    ("passwd", TEXT, HIDDEN),
    ("pwd", sa.LargeBinary(), HIDDEN),
    ("refresh_token", TEXT, HIDDEN),
    ("reset_token_hash", TEXT, HIDDEN),
    ("token", sa.Uuid(), HIDDEN),
    ("tokens", sa.ARRAY(sa.Text), HIDDEN),
    ("client_secret", TEXT, HIDDEN),
    ("secrets", sa.JSON(), HIDDEN),
    ("totp", TEXT, HIDDEN),
    ("otp_seed", TEXT, HIDDEN),
    ("salt", sa.LargeBinary(), HIDDEN),
    ("pin", TEXT, HIDDEN),
    ("apikey", TEXT, HIDDEN),
    ("apiKey", TEXT, HIDDEN),
    ("APIKey", TEXT, HIDDEN),
    ("stripe_api_key", TEXT, HIDDEN),
    ("privateKey", TEXT, HIDDEN),
    ("ssh_private_key_pem", TEXT, HIDDEN),
    ("encryption_key", sa.LargeBinary(), HIDDEN),
    ("backup_codes", sa.JSON(), HIDDEN),
    ("security_answer", TEXT, HIDDEN),
    ("webhook_credentials", sa.JSON(), HIDDEN),
    ("passphrase", sa.Unicode(20), HIDDEN),
    ("_internal", TEXT, HIDDEN),
    ("_counter", INTEGER, HIDDEN),
    # false friends of secrets
    ("token_count", INTEGER, READ_WRITE),
    ("password_changed_at", MOMENT, READ_WRITE),
    ("password_changed_on", sa.Date(), READ_WRITE),
    ("has_password", FLAG, READ_WRITE),
    ("secret_level", sa.Enum("low", "high"), READ_WRITE),
    ("salt_grams", sa.Numeric(5, 2), READ_WRITE),
    ("tokenizer", TEXT, READ_WRITE),
    ("is_secretary", FLAG, READ_WRITE),
    ("secretary", TEXT, READ_WRITE),
    ("pinned_note", TEXT, READ_WRITE),
    ("spin", TEXT, READ_WRITE),
    ("salted", TEXT, READ_WRITE),
    ("assault", TEXT, READ_WRITE),
    ("private_keyboard", TEXT, READ_WRITE),
    ("monkey", TEXT, READ_WRITE),
    ("key", TEXT, READ_WRITE),
    ("keys_private", TEXT, READ_WRITE),
    # privileges
    ("is_superuser", FLAG, READ),
    ("is_admin", FLAG, READ),
    ("isAdmin", FLAG, READ),
    ("IS_STAFF", FLAG, READ),
    ("role", TEXT, READ),
    ("roles", sa.JSON(), READ),
    ("role_id", INTEGER, READ),
    ("permissions", sa.JSON(), READ),
    ("scopes", sa.JSON(), READ),
    ("email_verified_at", MOMENT, READ),
    # false friends of privileges
    ("role_model", TEXT, READ_WRITE),
    ("administration", TEXT, READ_WRITE),
    ("is_active", FLAG, READ_WRITE),
    ("group", TEXT, READ_WRITE),
    ("microscope", TEXT, READ_WRITE),
]


@pytest.mark.parametrize(
    ("name", "column_type", "access"), BY_NAME, ids=[row[0] for row in BY_NAME]
)
def test_what_a_name_suggests(name: str, column_type: TypeEngine[Any], access: Access) -> None:
    """What may a client do with a column of this name and type, if nobody says anything?"""
    assert access_of(column_of(name, column_type), DEFAULT) is access


@pytest.mark.parametrize("word", sorted(SECRET_WORDS | {*SECRET_PHRASES}))
def test_every_secret_word_is_one_anywhere_in_a_name(word: str) -> None:
    """Is it known alone, at each end, in the middle, and in camel case, but not within a word?"""
    camel = re_camel(word)
    for name in (
        word,
        f"user_{word}",
        f"{word}_hash",
        f"my_{word}_2",
        word.upper(),
        f"user{camel}",
    ):
        assert is_secret(name), name
    assert not is_secret(f"x{word}x")


@pytest.mark.parametrize("name", sorted(PRIVILEGES))
def test_every_privilege_is_read_only(name: str) -> None:
    """Can nobody make themselves an admin unless the developer allows it?"""
    column = column_of(name, INTEGER)
    assert access_of(column, DEFAULT) is READ
    assert access_of(column, only(writable=name)) is READ_WRITE


def re_camel(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


# What the column itself says

BY_COLUMN: list[tuple[str, ColumnInfo, Access]] = [
    ("a counted key", inspect_model(models.Note).columns["id"], READ),
    ("a key with a default", inspect_model(models.Account).columns["id"], READ),
    ("a key that nothing makes", inspect_model(models.Tag).columns["slug"], READ_WRITE),
    ("a part of a composite key", inspect_model(models.Line).columns["line_no"], READ_WRITE),
    ("the key of a joined class", inspect_model(models.Manager).columns["id"], READ),
    ("a computed column", inspect_model(models.Author).columns["name_length"], READ),
    ("an expression", inspect_model(models.Author).columns["book_count"], READ),
    ("a hybrid", inspect_model(models.Author).columns["shout"], HIDDEN),
    ("a version", inspect_model(models.Ticket).columns["version"], READ),
    ("a discriminator", inspect_model(models.Employee).columns["kind"], READ),
    ("a deferred column", inspect_model(models.Book).columns["blurb"], READ_WRITE),
    ("a foreign key", inspect_model(models.Book).columns["author_id"], READ_WRITE),
    ("a plain default", column_of("size", INTEGER, default=1), READ_WRITE),
    ("a default for a uuid", column_of("ref", sa.Uuid(), default=uuid4), READ_WRITE),
    ("a moment", column_of("at", MOMENT), READ_WRITE),
    ("a moment with a fixed default", column_of("at", MOMENT, default=EPOCH), READ_WRITE),
    ("a moment made by a function", column_of("at", MOMENT, default=datetime.now), READ),
    ("a moment made by the database", column_of("at", MOMENT, server_default=sa.func.now()), READ),
    ("a moment made by SQL", column_of("at", MOMENT, default=sa.func.now()), READ),
    ("a day made by a function", column_of("day", sa.Date(), default=date.today), READ),
    ("a time made by the database", column_of("at", sa.Time(), server_default=sa.func.now()), READ),
    ("a moment of each update", column_of("at", MOMENT, onupdate=datetime.now), READ),
    ("a count of each update", column_of("n", INTEGER, onupdate=1), READ),
    ("updated by the database", column_of("n", INTEGER, server_onupdate=sa.FetchedValue()), READ),
]


@pytest.mark.parametrize(
    ("column", "access"), [row[1:] for row in BY_COLUMN], ids=[row[0] for row in BY_COLUMN]
)
def test_what_a_column_suggests(column: ColumnInfo, access: Access) -> None:
    """What may a client do with a column that the server fills, or does not?"""
    assert access_of(column, DEFAULT) is access


# What is said

BY_INFO: list[tuple[str, TypeEngine[Any], dict[str, Any], Access]] = [
    ("name", TEXT, {"hidden": True}, HIDDEN),
    ("name", TEXT, {"hidden": True, "write_only": True}, HIDDEN),
    ("name", TEXT, {"read_only": True}, READ),
    ("name", TEXT, {"write_only": True}, WRITE),
    ("password", TEXT, {"write_only": True}, WRITE),
    ("token", TEXT, {"hidden": False}, READ_WRITE),
    ("token", TEXT, {"hidden": False, "read_only": True}, READ),
    ("token", TEXT, {"read_only": False}, HIDDEN),
    ("_internal", TEXT, {"hidden": False}, READ_WRITE),
    ("role", TEXT, {"read_only": False}, READ_WRITE),
    ("role", TEXT, {"hidden": False}, READ),
    ("name", TEXT, {"hidden": None, "read_only": None, "write_only": None}, READ_WRITE),
    ("name", TEXT, {"hidden": "yes"}, READ_WRITE),
]


@pytest.mark.parametrize(
    ("name", "column_type", "info", "access"),
    BY_INFO,
    ids=[f"{row[0]} {row[2]}" for row in BY_INFO],
)
def test_what_info_says_goes_first(
    name: str, column_type: TypeEngine[Any], info: dict[str, Any], access: Access
) -> None:
    """Does the model's own word stand over what a name suggests?"""
    assert access_of(column_of(name, column_type, info=info), DEFAULT) is access


@pytest.mark.parametrize(
    ("options", "info", "access"),
    [
        ({"default": datetime.now}, {"read_only": False}, READ_WRITE),
        ({"onupdate": datetime.now}, {"read_only": False}, READ_WRITE),
        ({"default": datetime.now}, {"hidden": True}, HIDDEN),
    ],
    ids=["default", "onupdate", "hidden"],
)
def test_a_time_that_clients_may_set(
    options: dict[str, Any], info: dict[str, Any], access: Access
) -> None:
    """Can the model open, or hide, what looks like a clock?"""
    assert access_of(column_of("at", MOMENT, info=info, **options), DEFAULT) is access


def test_what_cannot_be_written_is_never_written() -> None:
    """Is a computed column not written even where it is marked as write-only?"""
    column = column_of("double", INTEGER, info={"write_only": True})
    computed = inspect_model(
        model_of(sa.Column("double", sa.Integer, sa.Computed("id * 2"), info={"write_only": True}))
    ).columns["double"]
    assert access_of(column, DEFAULT) is WRITE
    assert Access.WRITE not in access_of(computed, DEFAULT)


BY_OPTION: list[tuple[type[Any], str, Exposure, Access]] = [
    (Guarded, "name", only(hidden="name"), HIDDEN),
    (Guarded, "name", only(read_only="name"), READ),
    (Guarded, "name", only(read_only="name", writable="name"), READ_WRITE),
    (Guarded, "name", only(hidden="name", readable="name", writable="name"), HIDDEN),
    (Guarded, "token", only(readable="token"), READ_WRITE),
    (Guarded, "token", only(readable="token", read_only="token"), READ),
    (Guarded, "token", only(writable="token"), READ_WRITE),
    (Guarded, "role", only(readable="role"), READ),
    (Guarded, "role", only(writable="role"), READ_WRITE),
    (Guarded, "made", only(writable="made"), READ_WRITE),
    (Guarded, "id", only(writable="id"), READ),
    (Guarded, "id", only(client_ids=True), READ_WRITE),
    (Guarded, "id", only(client_ids=True, read_only="id"), READ),
    (Guarded, "double", only(client_ids=True), READ),
    (models.Author, "shout", only(hybrids="shout"), READ),
    (models.Author, "shout", only(readable="shout"), READ),
    (models.Author, "shout", only(hybrids="shout", hidden="shout"), HIDDEN),
    (models.Ticket, "version", only(writable="version"), READ),
    (models.Account, "pin_note", only(readable="pin_note"), WRITE),
    (models.Account, "created_at", only(writable="created_at"), READ_WRITE),
]


@pytest.mark.parametrize(("model", "name", "exposure", "access"), BY_OPTION)
def test_what_the_options_say(
    model: type[Any], name: str, exposure: Exposure, access: Access
) -> None:
    """Does the developer's word at the router stand over names and over the model's marks?"""
    assert access_of(inspect_model(model).columns[name], exposure) is access


# Misuse


@pytest.mark.parametrize("option", ["hidden", "readable", "read_only", "writable", "hybrids"])
def test_an_unknown_name_is_refused(option: str) -> None:
    """Is a misspelt column told, with those there are?"""
    with pytest.raises(
        ConfigurationError,
        match=rf"{option}=\['nmae'\]: Guarded has no such column; it has id, name",
    ):
        only(**{option: "nmae"}).check(inspect_model(Guarded))


@pytest.mark.parametrize(
    ("model", "name"),
    [(Guarded, "double"), (models.Author, "book_count"), (models.Author, "shout")],
)
def test_what_is_computed_cannot_be_made_writable(model: type[Any], name: str) -> None:
    """Is a promise that no database keeps refused?"""
    with pytest.raises(ConfigurationError, match=rf"writable=\['{name}'\]: computed columns"):
        only(writable=name).check(inspect_model(model))


def test_known_names_are_fine() -> None:
    """Does a sensible exposure pass?"""
    exposure = only(
        hidden="name", readable="token", read_only="role", writable="made", client_ids=True
    )
    exposure.check(inspect_model(Guarded))
    DEFAULT.check(inspect_model(Guarded))

"""What a database error means, on each database."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.exc import FlushError

from fastapi_crud import (
    CheckViolation,
    Conflict,
    ConstraintViolation,
    CrudError,
    Database,
    DatabaseUnavailable,
    ForeignKeyViolation,
    LockTimeout,
    NotNullViolation,
    TransactionConflict,
    Unavailable,
    UniqueViolation,
    ValueRejected,
)
from fastapi_crud.columns import inspect_model
from fastapi_crud.integrity import RULES, read_driver_error, translate, translated
from fastapi_crud.models import NAMING_CONVENTION
from tests.models import Ticket

SECRET = "zqxj"
"""A value that no message may hold."""


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Parent(Base):
    """Attributes are named otherwise than their columns, so that errors must translate."""

    __tablename__ = "integrity_parents"
    __table_args__ = (
        sa.UniqueConstraint("code_col", "amount_col"),
        sa.CheckConstraint("amount_col > 0", name="positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column("code_col", sa.String(5))
    amount: Mapped[int] = mapped_column("amount_col", sa.SmallInteger)
    label: Mapped[str | None] = mapped_column("label_col", sa.String(10), unique=True)


class Person(Base):
    """Unique by columns that clients do not know of."""

    __tablename__ = "integrity_persons"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(20))
    email_key: Mapped[str] = mapped_column(
        "key_col",
        sa.String(20),
        unique=True,
        info={"hidden": True, "reported_as": "email"},
    )


class Child(Base):
    __tablename__ = "integrity_children"

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int] = mapped_column("parent_col", sa.ForeignKey("integrity_parents.id"))


class Twice(Base):
    """Two foreign keys: SQLite does not say which one is wrong."""

    __tablename__ = "integrity_twice"

    id: Mapped[int] = mapped_column(primary_key=True)
    one_id: Mapped[int | None] = mapped_column(sa.ForeignKey("integrity_parents.id"))
    other_id: Mapped[int | None] = mapped_column(sa.ForeignKey("integrity_parents.id"))


NOT_MYSQL: Any = ("sqlite", "postgresql")


class Lower(Base):
    """Unique by an expression."""

    __tablename__ = "integrity_lower"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(10))


sa.Index("uq_lower_name", sa.func.lower(Lower.name), unique=True).ddl_if(dialect=NOT_MYSQL)


@pytest.fixture(scope="session")
async def tables(backend: URL) -> AsyncIterator[Database]:
    """The tables of this module, on each backend."""
    database = Database(backend, metadata=Base.metadata)
    await database.create_all()
    yield database
    await database.drop_all()
    await database.engine.dispose()


@pytest.fixture
async def store(tables: Database) -> Database:
    """Empty tables, but for the parent with the id 1."""
    async with tables.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())
        await connection.execute(sa.insert(Parent).values(id=1, code="a", amount=1, label="a"))
    return tables


def backend_of(database: Database) -> str:
    url = database.engine.url
    return {"sqlite": "sqlite", "mysql": "mariadb"}.get(
        url.get_backend_name(), url.get_driver_name()
    )


async def error_of(
    database: Database, *statements: Any, model: type[Any] | None = Parent
) -> CrudError:
    """What the statements, in one transaction, are told."""

    async def execute() -> None:
        with translated(None if model is None else inspect_model(model)):
            async with database.engine.begin() as connection:
                for statement in statements:
                    await connection.execute(statement)

    with pytest.raises(CrudError) as caught:
        await execute()
    return caught.value


def parent(**values: Any) -> sa.Insert:
    return sa.insert(Parent).values(
        {"id": 2, "code": SECRET, "amount": 2, "label": SECRET} | values
    )


def person(**values: Any) -> sa.Insert:
    return sa.insert(Person).values({"id": 1, "email": SECRET, "email_key": SECRET} | values)


# Violations

Expected = dict[str, Sequence[str]] | Sequence[str]
VIOLATIONS: list[tuple[str, type[Any], tuple[Any, ...], type[CrudError], Expected]] = [
    ("unique", Parent, (parent(), parent(id=3, code="x")), UniqueViolation, ["label"]),
    ("composite unique", Parent, (parent(), parent(id=3, label="x")), UniqueViolation, ["code", "amount"]),
    ("primary key", Parent, (parent(id=1),), UniqueViolation, ["id"]),
    ("unique by update", Parent, (parent(), sa.update(Parent).where(Parent.id == 2).values(label="a")), UniqueViolation, ["label"]),
    ("unique, reported as another", Person, (person(), person(id=2, email="X")), UniqueViolation, ["email"]),
    ("null, reported as another", Person, (person(email_key=None),), NotNullViolation, ["email"]),
    ("primary key, reported as it is", Person, (person(), person(email_key="y")), UniqueViolation, ["id"]),
    ("no such row", Child, (sa.insert(Child).values(id=1, parent_id=99),), ForeignKeyViolation, ["parent_id"]),
    ("no such row, one of two", Twice, (sa.insert(Twice).values(id=1, one_id=1, other_id=99),), ForeignKeyViolation, {"sqlite": [], "": ["other_id"]}),
    ("still referenced", Parent, (sa.insert(Child).values(id=1, parent_id=1), sa.delete(Parent)), ForeignKeyViolation, []),
    ("still referenced by its old key", Parent, (sa.insert(Child).values(id=1, parent_id=1), sa.update(Parent).values(id=5)), ForeignKeyViolation, []),
    ("null", Parent, (parent(code=None),), NotNullViolation, ["code"]),
    ("null by update", Parent, (sa.update(Parent).values(code=None),), NotNullViolation, ["code"]),
    ("left out", Parent, (sa.text(f"INSERT INTO integrity_parents (id, amount_col) VALUES (2, 3) /* {SECRET} */"),), NotNullViolation, ["code"]),
    ("check", Parent, (parent(amount=-1),), CheckViolation, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "statements", "kind", "fields"),
    [row[1:] for row in VIOLATIONS],
    ids=[row[0] for row in VIOLATIONS],
)
async def test_a_violation(
    store: Database,
    model: type[Any],
    statements: tuple[Any, ...],
    kind: type[CrudError],
    fields: Expected,
) -> None:
    """Is each rule's violation told by its kind, with the attributes it is about?"""
    error = await error_of(store, *statements, model=model)
    assert type(error) is kind
    if isinstance(fields, dict):
        fields = fields.get(backend_of(store), fields[""])
    assert [issue.loc[1] for issue in error.issues] == [*fields]
    said = f"{error} {error.issues}"
    assert SECRET not in said
    assert not any(word in said for word in ("INSERT", "UPDATE", "_col", "integrity_"))
    assert isinstance(error.__cause__, DBAPIError)


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ((parent(), parent(id=3, code="x")), "Parent with this label already exists"),
        ((parent(), parent(id=3, label="x")), "Parent with this code and amount already exists"),
        ((parent(code=None),), "code must not be null"),
        ((parent(amount=0),), "A check of the table does not hold for these values"),
    ],
    ids=["unique", "composite", "null", "check"],
)
async def test_a_violation_speaks_of_the_fields(
    store: Database, statements: tuple[Any, ...], message: str
) -> None:
    """Does the message say which field is wrong, in the words of the model?"""
    assert str(await error_of(store, *statements)) == message


@pytest.mark.parametrize(
    ("statements", "constraints"),
    [
        (
            (parent(), parent(id=3, code="x")),
            {"sqlite": None, "": "uq_integrity_parents_label_col"},
        ),
        ((parent(amount=0),), {"": "ck_integrity_parents_positive"}),
        ((parent(id=1),), {"sqlite": None, "mariadb": "PRIMARY", "": "pk_integrity_parents"}),
        (
            (sa.insert(Child).values(id=1, parent_id=99),),
            {"sqlite": None, "": "fk_integrity_children_parent_col_integrity_parents"},
        ),
    ],
    ids=["unique", "check", "primary key", "foreign key"],
)
async def test_a_violation_names_its_constraint(
    store: Database, statements: tuple[Any, ...], constraints: dict[str, str | None]
) -> None:
    """Is the constraint's name kept, where the database tells?"""
    error = await error_of(store, *statements)
    assert isinstance(error, ConstraintViolation)
    assert error.constraint == constraints.get(backend_of(store), constraints[""])


async def test_a_violation_without_a_model_has_no_fields(store: Database) -> None:
    """Is the kind known, and nothing guessed, where nobody says which model is at work?"""
    error = await error_of(store, parent(id=1), model=None)
    assert type(error) is UniqueViolation
    assert error.fields == ()
    assert str(error) == "A row with these values already exists"


async def test_a_violation_of_another_model_has_no_fields(store: Database) -> None:
    """Are columns that the model at work does not have left out?"""
    error = await error_of(store, parent(code=None), model=Child)
    assert type(error) is NotNullViolation
    assert error.fields == ()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "psycopg"], indirect=True)
async def test_unique_by_an_expression(store: Database) -> None:
    """Is an index on an expression known by its name?"""
    rows = [
        sa.insert(Lower).values(id=1, name=SECRET),
        sa.insert(Lower).values(id=2, name=SECRET.upper()),
    ]
    error = await error_of(store, *rows, model=Lower)
    assert isinstance(error, UniqueViolation)
    assert error.constraint == "uq_lower_name"
    assert error.fields == ("name",)
    assert SECRET not in str(error)


@pytest.mark.parametrize("backend", ["postgresql", "psycopg"], indirect=True)
async def test_an_exclusion_is_a_conflict(store: Database) -> None:
    """Is a row that may not overlap another a conflict?"""
    table = "CREATE TEMPORARY TABLE stays (during int4range, EXCLUDE USING gist (during WITH &&))"
    stay = "INSERT INTO stays VALUES ('[1,5)')"
    error = await error_of(store, *map(sa.text, (table, stay, stay)))
    assert type(error) is Conflict


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_trigger_that_refuses_is_a_check(store: Database) -> None:
    """Is a trigger's refusal told as one, without its words?"""
    trigger = (
        "CREATE TEMPORARY TRIGGER refuse BEFORE INSERT ON integrity_parents "
        f"BEGIN SELECT RAISE(ABORT, '{SECRET}'); END"
    )
    error = await error_of(store, sa.text(trigger), parent())
    assert type(error) is CheckViolation
    assert SECRET not in str(error)
    await store.engine.dispose()


# Values

REFUSED_VALUES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("too long a text", parent(code="zqxjzq"), ("postgresql", "psycopg", "mariadb")),
    ("too large an integer", parent(amount=2**15), ("postgresql", "psycopg", "mariadb")),
    (
        "a far too large an integer",
        parent(id=2**70),
        ("sqlite", "postgresql", "psycopg", "mariadb"),
    ),
    ("NUL", parent(code="z\0"), ("postgresql", "psycopg")),
    ("a lone surrogate", parent(code="\ud800"), ("sqlite", "postgresql", "psycopg", "mariadb")),
    ("text for an integer", parent(amount="zqxj"), ("postgresql", "psycopg", "mariadb")),
]


REFUSALS = {
    f"{name} by {backend}": (statement, backend)
    for name, statement, backends in REFUSED_VALUES
    for backend in backends
}


@pytest.mark.parametrize(
    ("statement", "backend"), REFUSALS.values(), ids=REFUSALS, indirect=["backend"]
)
async def test_a_value_that_cannot_be_stored(store: Database, statement: Any) -> None:
    """Is a value that the database or its driver cannot take rejected, and not repeated?"""
    error = await error_of(store, statement)
    assert type(error) is ValueRejected
    assert "zqxj" not in f"{error} {error.issues}"


@pytest.mark.parametrize("backend", ["mariadb"], indirect=True)
async def test_a_value_that_is_too_long_names_the_field_where_the_database_does(
    store: Database,
) -> None:
    """Does MariaDB tell the column?"""
    error = await error_of(store, parent(code="zqxjzq"))
    assert str(error) == "code cannot be stored: too large, too long or malformed"


# Transactions that get in each other's way


@asynccontextmanager
async def two_connections(
    database: Database, **options: Any
) -> AsyncGenerator[tuple[AsyncConnection, AsyncConnection]]:
    """Two transactions at once; both are rolled back at the end."""
    async with database.engine.connect() as one, database.engine.connect() as other:
        if options:
            await one.execution_options(**options)
            await other.execution_options(**options)
        yield one, other
        await one.rollback()
        await other.rollback()


def lock(number: int) -> sa.Update:
    return sa.update(Parent).where(Parent.id == number).values(label=f"locked {number}")


@pytest.mark.parametrize("backend", ["postgresql", "psycopg", "mariadb"], indirect=True)
async def test_a_deadlock_is_a_conflict(store: Database) -> None:
    """Is the transaction that the database chose to fail told to try again?"""
    async with store.engine.begin() as connection:
        await connection.execute(parent())

    async def cross(connection: AsyncConnection, number: int) -> None:
        with translated():
            await connection.execute(lock(number))
        await connection.commit()

    async with two_connections(store) as (one, other):
        if backend_of(store) != "mariadb":
            await one.execute(sa.text("SET LOCAL deadlock_timeout = '10ms'"))
            await other.execute(sa.text("SET LOCAL deadlock_timeout = '10ms'"))
        await one.execute(lock(1))
        await other.execute(lock(2))
        results = await asyncio.gather(cross(one, 2), cross(other, 1), return_exceptions=True)
    errors = [result for result in results if result is not None]
    assert [type(error) for error in errors] == [TransactionConflict]


@pytest.mark.parametrize("backend", ["postgresql", "psycopg"], indirect=True)
async def test_a_serialization_failure_is_a_conflict(store: Database) -> None:
    """Is the second of two writers who read the same told to try again?"""
    async with two_connections(store, isolation_level="SERIALIZABLE") as (one, other):
        for connection in (one, other):
            await connection.execute(sa.select(Parent.label))
        await one.execute(lock(1))
        await one.commit()
        with pytest.raises(TransactionConflict), translated():
            await other.execute(lock(1))


@pytest.mark.parametrize("backend", ["postgresql", "psycopg", "mariadb"], indirect=True)
async def test_a_row_that_somebody_else_locks(store: Database) -> None:
    """Is a lock that cannot be had at once a lock timeout?"""
    async with two_connections(store) as (one, other):
        await one.execute(lock(1))
        with pytest.raises(LockTimeout), translated():
            await other.execute(sa.select(Parent.id).with_for_update(nowait=True))


@pytest.mark.parametrize("backend", ["postgresql", "psycopg"], indirect=True)
async def test_a_statement_that_takes_too_long(store: Database) -> None:
    """Is a statement that the database cancelled a lock timeout?"""
    async with two_connections(store) as (one, other):
        await one.execute(lock(1))
        await other.execute(sa.text("SET LOCAL statement_timeout = '1ms'"))
        with pytest.raises(LockTimeout), translated():
            await other.execute(lock(1))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_database_that_somebody_else_writes(store: Database) -> None:
    """Is SQLite's one writer at a time a lock timeout for the second?"""
    async with two_connections(store) as (one, other):
        await one.execute(sa.text("BEGIN IMMEDIATE"))
        await other.execute(sa.text("PRAGMA busy_timeout = 0"))
        with pytest.raises(LockTimeout), translated():
            await other.execute(parent())
        await one.execute(sa.text("ROLLBACK"))
    await store.engine.dispose()


async def test_a_stale_version_is_a_conflict(sqlite: Database) -> None:
    """Is the second of two writers of a versioned row told so?"""
    async with sqlite.session() as session:
        session.add(Ticket(id=1, text="a"))

    async def change() -> None:
        behind = sa.update(Ticket).values(version=7)
        async with sqlite.session() as session:
            ticket = await session.get_one(Ticket, 1)
            await session.execute(behind, execution_options={"synchronize_session": False})
            ticket.text = "b"

    with pytest.raises(TransactionConflict):
        await change()


# Databases that are not there

UNREACHABLE = {
    "asyncpg": "postgresql://nobody:zqxj@127.0.0.1:1/nothing",
    "psycopg": "postgresql+psycopg://nobody:zqxj@127.0.0.1:1/nothing",
    "asyncmy": "mysql://nobody:zqxj@127.0.0.1:1/nothing",
    "sqlite": "sqlite:////nowhere/zqxj/nothing.db",
}


@pytest.mark.parametrize("url", UNREACHABLE.values(), ids=UNREACHABLE)
async def test_a_database_that_cannot_be_reached(url: str) -> None:
    """Is it unavailable for the moment, whatever the driver calls that?"""
    database = Database(url)
    with pytest.raises(DatabaseUnavailable) as caught:
        async with database.session() as session:
            await session.execute(sa.select(1))
    assert str(caught.value) == "The database cannot be reached; try again"
    assert caught.value.__cause__ is not None
    await database.engine.dispose()


@pytest.mark.parametrize("backend", ["postgresql", "psycopg", "mariadb"], indirect=True)
async def test_a_server_that_hangs_up(store: Database) -> None:
    """Is a connection that the server ended in the middle unavailable, and the next one fine?"""
    mariadb = backend_of(store) == "mariadb"
    who = "SELECT CONNECTION_ID()" if mariadb else "SELECT pg_backend_pid()"
    async with store.engine.connect() as victim:
        number = await victim.scalar(sa.text(who))
        async with store.engine.connect() as killer:
            await killer.execute(
                sa.text(f"KILL {number}" if mariadb else f"SELECT pg_terminate_backend({number})")
            )
        with pytest.raises(DatabaseUnavailable):
            await select_until_it_fails(victim)
    await store.ping()


async def select_until_it_fails(connection: AsyncConnection) -> None:
    """The server may answer a few more times before it hangs up."""
    with translated():
        for _ in range(1000):
            await connection.execute(sa.select(Parent.id))


async def test_a_pool_that_is_exhausted(tmp_path: Any) -> None:
    """Is a connection that the pool cannot give unavailable for the moment?"""
    database = Database(
        f"sqlite:///{tmp_path}/a.db", pool_size=1, max_overflow=0, pool_timeout=0.05
    )
    async with database.engine.connect():
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
    await database.ping()
    await database.engine.dispose()


# What no rule knows


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM nowhere_to_be_found", "SELEKT 1"], ids=["no such table", "no SQL"]
)
async def test_other_errors_pass_unchanged(database: Database, statement: str) -> None:
    """Is the developer's mistake the database's own error?"""
    async with database.engine.connect() as connection:
        with pytest.raises(DBAPIError), translated():
            await connection.execute(sa.text(statement))


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), CheckViolation()])
def test_what_is_no_database_error_passes(error: Exception) -> None:
    """Is nothing else caught?"""
    with pytest.raises(type(error)) as caught, translated():
        raise error
    assert caught.value is error


def test_nothing_happens_where_nothing_fails() -> None:
    """Does the block's result stand?"""
    with translated():
        done = True
    assert done


# The table of codes: those that no test above can bring about


class FakeDriverError(Exception):
    """As a driver raises it: with a number first, or with a state."""

    def __init__(self, *args: Any, sqlstate: str | None = None) -> None:
        super().__init__(*args)
        self.sqlstate = sqlstate


def raised(original: Exception, statement: str = "INSERT", *, lost: bool = False) -> DBAPIError:
    return DBAPIError(statement, {}, original, connection_invalidated=lost)


@pytest.mark.parametrize(
    ("original", "kind"),
    [
        (FakeDriverError("x", sqlstate="23001"), ForeignKeyViolation),
        (FakeDriverError("x", sqlstate="22003"), ValueRejected),
        (FakeDriverError("x", sqlstate="53300"), DatabaseUnavailable),
        (FakeDriverError("x", sqlstate="57P03"), DatabaseUnavailable),
        (FakeDriverError("x", sqlstate="08006"), DatabaseUnavailable),
        (FakeDriverError("x", sqlstate="42P01"), None),
        (FakeDriverError("x", sqlstate="57000"), None),
        (FakeDriverError(1040, "Too many connections"), DatabaseUnavailable),
        (FakeDriverError(1205, "Lock wait timeout exceeded"), LockTimeout),
        (FakeDriverError(1020, "Record has changed"), TransactionConflict),
        (FakeDriverError(3819, "Check constraint 'ck' is violated."), CheckViolation),
        (FakeDriverError(1146, "Table 'x' doesn't exist"), None),
        (FakeDriverError("x"), None),
    ],
    ids=str,
)
def test_a_code_has_a_meaning(original: Exception, kind: type[CrudError] | None) -> None:
    """What does each code mean, be it whole or only its class?"""
    error = translate(raised(original))
    assert (error and type(error)) == kind


def test_a_connection_that_was_lost_is_unavailable_without_a_code() -> None:
    """Is what SQLAlchemy knows of the connection used where the driver says nothing?"""
    assert isinstance(translate(raised(FakeDriverError("x"), lost=True)), DatabaseUnavailable)
    assert isinstance(
        translate(OperationalError("SELECT", {}, FakeDriverError("x"))), DatabaseUnavailable
    )


def test_mysql_8_names_its_checks() -> None:
    """Is MySQL's own way to name a check understood?"""
    facts = read_driver_error(raised(FakeDriverError(3819, "Check constraint 'ck_a' is violated.")))
    assert (facts.code, facts.constraint) == ("3819", "ck_a")


def test_mysql_names_the_table_with_the_key() -> None:
    """Is the table's name taken off the key's?"""
    message = "Duplicate entry 'zqxj' for key 'integrity_parents.uq_integrity_parents_label_col'"
    error = translate(raised(FakeDriverError(1062, message)), inspect_model(Parent))
    assert isinstance(error, UniqueViolation)
    assert error.fields == ("label",)


def test_a_constraint_that_nobody_knows_has_no_fields() -> None:
    """Is a name that the model's tables do not have no guess?"""
    error = translate(
        raised(FakeDriverError(1062, "Duplicate entry 'x' for key 'other'")), inspect_model(Parent)
    )
    assert isinstance(error, UniqueViolation)
    assert (error.fields, error.constraint) == ((), "other")
    assert str(error) == "A row with these values already exists"


def test_every_code_means_something_that_the_caller_may_know() -> None:
    """Is each meaning either a violation or a reason to try again?"""
    assert all(issubclass(kind, ConstraintViolation | Unavailable) for kind in RULES.values())


def test_a_key_that_was_not_returned_is_a_lost_transaction() -> None:
    """Is it tried again where MariaDB returns no key, but a mistake of the developer's told?"""
    with pytest.raises(TransactionConflict), translated():
        raise FlushError("Instance <Note> has a NULL identity key.")
    with pytest.raises(FlushError), translated():
        raise FlushError("a mistake")

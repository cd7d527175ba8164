"""What a database error means: one table from driver codes to errors of our own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import FlushError, StaleDataError

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import (
    CheckViolation,
    Conflict,
    ConstraintViolation,
    CrudError,
    DatabaseUnavailable,
    ForeignKeyViolation,
    LockTimeout,
    NotNullViolation,
    TransactionConflict,
    Unavailable,
    UniqueViolation,
    ValueRejected,
)

RULES: Mapping[str, type[CrudError]] = {
    # PostgreSQL: SQLSTATE, or its class (appendix A of its manual)
    "23505": UniqueViolation,
    "23503": ForeignKeyViolation,
    "23001": ForeignKeyViolation,
    "23502": NotNullViolation,
    "23514": CheckViolation,
    "23P01": Conflict,
    "21000": Conflict,  # two rows of one upsert are the same
    "22": ValueRejected,
    "40001": TransactionConflict,
    "40P01": TransactionConflict,
    "55P03": LockTimeout,
    "57014": LockTimeout,
    "08": DatabaseUnavailable,
    "53": DatabaseUnavailable,
    "57P": DatabaseUnavailable,
    # MySQL and MariaDB: server and client error numbers
    "1062": UniqueViolation,
    "1169": UniqueViolation,
    "1451": ForeignKeyViolation,
    "1452": ForeignKeyViolation,
    "1216": ForeignKeyViolation,
    "1217": ForeignKeyViolation,
    "1048": NotNullViolation,
    "1364": NotNullViolation,
    "3819": CheckViolation,
    "4025": CheckViolation,
    "1264": ValueRejected,
    "1265": ValueRejected,
    "1292": ValueRejected,
    "1366": ValueRejected,
    "1406": ValueRejected,
    "1690": ValueRejected,
    "3140": ValueRejected,
    "1020": TransactionConflict,
    "1305": TransactionConflict,  # the savepoint is gone with a transaction that was undone
    "1317": LockTimeout,
    "1969": LockTimeout,
    "3024": LockTimeout,
    "1927": DatabaseUnavailable,
    "1205": LockTimeout,
    "1213": TransactionConflict,
    "3572": LockTimeout,
    "1040": DatabaseUnavailable,
    "1053": DatabaseUnavailable,
    "2002": DatabaseUnavailable,
    "2003": DatabaseUnavailable,
    "2006": DatabaseUnavailable,
    "2013": DatabaseUnavailable,
    "2055": DatabaseUnavailable,
    # SQLite: names of result codes
    "SQLITE_CONSTRAINT_UNIQUE": UniqueViolation,
    "SQLITE_CONSTRAINT_PRIMARYKEY": UniqueViolation,
    "SQLITE_CONSTRAINT_ROWID": UniqueViolation,
    "SQLITE_CONSTRAINT_FOREIGNKEY": ForeignKeyViolation,
    "SQLITE_CONSTRAINT_NOTNULL": NotNullViolation,
    "SQLITE_CONSTRAINT_CHECK": CheckViolation,
    "SQLITE_CONSTRAINT_TRIGGER": CheckViolation,
    "SQLITE_CONSTRAINT_DATATYPE": ValueRejected,
    "SQLITE_MISMATCH": ValueRejected,
    "SQLITE_TOOBIG": ValueRejected,
    "SQLITE_BUSY": LockTimeout,
    "SQLITE_LOCKED": LockTimeout,
    "SQLITE_CANTOPEN": DatabaseUnavailable,
    "SQLITE_FULL": DatabaseUnavailable,
    "SQLITE_IOERR": DatabaseUnavailable,
    "SQLITE_READONLY": DatabaseUnavailable,
}
"""Driver code, or the beginning of one, → what it means. The longest that fits counts."""

SENTENCES: Mapping[type[CrudError], str] = {
    UniqueViolation: "{resource} with this {fields} already exists",
    ForeignKeyViolation: "{fields} refers to a row that does not exist",
    NotNullViolation: "{fields} must not be null",
    ValueRejected: "{fields} cannot be stored: too large, too long or malformed",
}
"""Error → its message where the fields are known; the class's own message otherwise."""


@dataclass(frozen=True, slots=True)
class DriverError:
    """What a driver tells about an error, the same for all drivers."""

    code: str
    message: str
    constraint: str | None
    columns: tuple[str, ...]


class translated:  # noqa: N801 - used like a function
    """Turn database errors into errors of our own, each raised from its cause.

    Args:
        info: The model at work, to name the fields of a violation.

    Raises:
        CrudError: As `RULES` says. Errors that no rule knows pass unchanged.
    """

    __slots__ = ("_info",)

    def __init__(self, info: ModelInfo | None = None) -> None:
        self._info = info

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        """Raise what an error means, if there was one."""
        meaning = None if error is None else _meaning_of(error, self._info)
        if meaning is not None:
            raise meaning from error


def _meaning_of(error: BaseException, info: ModelInfo | None) -> CrudError | None:
    if isinstance(error, DBAPIError):
        return translate(error, info)
    if isinstance(error, OverflowError | UnicodeEncodeError):  # the driver cannot even send it
        return ValueRejected()
    if isinstance(error, StaleDataError):
        return TransactionConflict()
    if isinstance(error, FlushError) and "NULL identity key" in str(error):
        return TransactionConflict()  # MariaDB lost the transaction and returned no key
    return DatabaseUnavailable() if isinstance(error, PoolTimeout | OSError) else None


def translate(error: DBAPIError, info: ModelInfo | None = None) -> CrudError | None:
    """Say what a database error means; None where no rule knows."""
    facts = read_driver_error(error)
    kind = _meaning(facts.code)
    if kind is None:
        if isinstance(error, DataError) and not facts.code:
            return ValueRejected()  # psycopg refuses NUL before the server sees it
        no_answer = isinstance(error, OperationalError) and not facts.code
        return DatabaseUnavailable() if no_answer or error.connection_invalidated else None
    if issubclass(kind, Unavailable):
        return kind()
    assert issubclass(kind, ConstraintViolation)  # noqa: S101 - RULES holds nothing else
    if info is None:
        return kind(constraint=facts.constraint)
    fields = _fields(facts, info)
    if kind is ForeignKeyViolation:
        fields = _referring(fields, facts, error, info)
    sentence = SENTENCES.get(kind) if fields else None
    message = sentence and sentence.format(resource=info.name, fields=" and ".join(fields))
    return kind(message, fields=fields, constraint=facts.constraint)


def read_driver_error(error: DBAPIError) -> DriverError:
    """Collect what asyncpg, psycopg, the MySQL drivers and sqlite3 each say in their own way."""
    original: Any = error.orig
    cause: Any = original.__cause__  # asyncpg's own error, behind SQLAlchemy's adapter
    diag: Any = getattr(original, "diag", None) or cause
    message = str(original)
    detail = getattr(diag, "message_detail", None) or getattr(diag, "detail", None) or ""
    constraint = getattr(diag, "constraint_name", None)
    column = getattr(diag, "column_name", None)
    if original.args and isinstance(original.args[0], int):  # MySQL's number says more
        code, message = str(original.args[0]), str(original.args[-1])
    else:
        state: Any = getattr(original, "sqlstate", None)
        code = str(state or getattr(original, "sqlite_errorname", ""))
    return DriverError(
        code=code,
        message=f"{message}\n{detail}",
        constraint=constraint or _constraint_in(message),
        columns=(column,) if column else _columns_in(f"{detail}\n{message}"),
    )


def _meaning(code: str) -> type[CrudError] | None:
    fitting = [known for known in RULES if code.startswith(known)]
    return RULES[max(fitting, key=len)] if fitting else None


CONSTRAINT_PATTERNS = (
    r"CHECK constraint failed: (\w+)$",  # SQLite
    r"UNIQUE constraint failed: index '(\w+)'",  # SQLite, an index on an expression
    r"for key '(?:[^'.]+\.)?([^']+)'",  # MySQL and MariaDB, 1062
    r"CONSTRAINT `([^`]+)`",  # MySQL and MariaDB, foreign keys and checks
    r"[Cc]heck constraint '([^']+)'",  # MySQL 3819
)
COLUMNS_PATTERNS = (
    r"^Key \(([^)]*)\)=",  # PostgreSQL's detail
    r"constraint failed: ((?:\w+\.\w+(?:, )?)+)",  # SQLite: table.column, table.column
    r"FOREIGN KEY \(([^)]*)\)",  # MySQL and MariaDB, foreign keys
    r"[Cc]olumn '([^']+)'",  # MySQL and MariaDB, one column
    r"Field '([^']+)'",  # MySQL and MariaDB, 1364
)


def _constraint_in(message: str) -> str | None:
    return next((m[1] for p in CONSTRAINT_PATTERNS if (m := re.search(p, message))), None)


def _columns_in(text: str) -> tuple[str, ...]:
    for pattern in COLUMNS_PATTERNS:
        if match := re.search(pattern, text, re.MULTILINE):
            names = (name.strip(' `"').rpartition(".")[2] for name in match[1].split(","))
            return tuple(names)
    return ()


def _fields(facts: DriverError, info: ModelInfo) -> tuple[str, ...]:
    """Name the attributes that a violation is about: the database tells columns, or a constraint."""
    columns = facts.columns or _constraint_columns(facts.constraint, info)
    known = info.attributes
    names = (known[name] for name in columns if name in known)
    return tuple(info.columns[name].info.get("reported_as", name) for name in names)


def _constraint_columns(name: str | None, info: ModelInfo) -> tuple[str, ...]:
    if name == "PRIMARY":  # MySQL's name for every primary key
        return tuple(column.columns[0].name for column in info.key)
    for table in info.mapper.tables:
        assert isinstance(table, sa.Table)  # noqa: S101 - a mapper's tables
        named: tuple[Any, ...] = (*table.constraints, *table.indexes)
        for constraint in named:
            if name is not None and constraint.name == name:
                return tuple(column.name for column in getattr(constraint, "columns", ()))
    return ()


def _referring(
    fields: tuple[str, ...], facts: DriverError, error: DBAPIError, info: ModelInfo
) -> tuple[str, ...]:
    """Keep the fields only if this row refers to a missing one, not if others refer to it."""
    deleting = (error.statement or "").lstrip().upper().startswith("DELETE")
    if deleting or "still referenced" in facts.message or facts.code == "1451":
        return ()
    if fields or facts.code != "SQLITE_CONSTRAINT_FOREIGNKEY":
        return fields
    # SQLite does not say which: certain only where there is just one.
    keys = [key for table in info.mapper.tables for key in getattr(table, "foreign_keys", ())]
    names = [info.attributes[key.parent.name] for key in keys if key.parent.name in info.attributes]
    return tuple(names) if len(names) == 1 else ()

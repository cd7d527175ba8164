"""What can go wrong, in the words of the domain. Nothing here knows HTTP or SQL.

```text
CrudError
├── ConfigurationError           the developer's misuse: raised while the router is built
├── NotFound                     no row has that key
├── Conflict                     the row clashes with what is stored
│   ├── UniqueViolation
│   ├── ForeignKeyViolation
│   ├── NotDeleted               there is nothing to restore: the row is live
│   └── RequestInProgress        a request with this idempotency key is being worked on
├── InvalidData                  the values cannot be stored
│   ├── NotNullViolation
│   ├── CheckViolation
│   ├── ValueRejected            the database refused a value (range, length, encoding)
│   ├── KeyMismatch              the body names another row than the path
│   ├── DuplicateItem            two items of a batch are about the same row
│   └── IdempotencyKeyReused     the key belongs to another request
├── InvalidQuery                 a query parameter is unknown, repeated or malformed
├── InvalidLines                 some lines of an import cannot be stored
├── NotAcceptable                a list in none of the formats that the client accepts
├── ContentTooLarge              the body has more bytes than it may
├── UnsupportedMediaType         the body is not JSON, or whatever it must be
├── InvalidIdempotencyKey        it is missing or malformed
├── PreconditionFailed           the row is no longer what the client thinks it is
├── PreconditionRequired         the client must say which state of the row it means
├── PermissionDenied             readable, but not for this caller to change
└── Unavailable                  try again later
    ├── DatabaseUnavailable      the database cannot be reached
    ├── LockTimeout              another transaction holds the row for too long
    └── TransactionConflict      another transaction won (serialization failure, deadlock)
```
"""

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import cleandoc


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with one place of a request.

    Args:
        type: A stable machine-readable code, such as `missing` or `unique_violation`.
        loc: Where it is: `("body", "email")` or `("query", "limit")`.
        msg: What is wrong, for people. Never holds the value that was sent.
        line: On which line of an imported file it is; the first is 1.
    """

    type: str
    loc: tuple[str | int, ...]
    msg: str
    line: int | None = None


class CrudError(Exception):
    """The operation failed."""

    issues: tuple[Issue, ...] = ()
    index: int | None = None
    """Which item of a batch it is about, where it is about one."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(
            message or cleandoc(type(self).__doc__ or "").partition("\n")[0].rstrip(".")
        )


class ConfigurationError(CrudError):
    """The library was asked for something it cannot do; the message names the fix."""


class NotFound(CrudError):
    """No such row.

    Args:
        resource: What was looked for, such as `User`.
        key: The key as the caller gave it.
    """

    def __init__(self, resource: str, key: object) -> None:
        self.resource = resource
        self.key = key
        super().__init__(f"{resource} '{key}' not found")


class ConstraintViolation(CrudError):
    """A rule of the database was violated.

    Args:
        message: What happened, for people.
        fields: The attributes involved, where known and visible to the caller.
        constraint: The name of the constraint, where the database tells.
    """

    code = "constraint_violation"

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: Sequence[str] = (),
        constraint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.fields: tuple[str, ...] = tuple(fields)
        self.constraint = constraint
        self.issues: tuple[Issue, ...] = tuple(
            Issue(self.code, ("body", field), str(self)) for field in fields
        )

    def without(self, hidden: Collection[str]) -> "ConstraintViolation":
        """Give the same error, but for fields that the caller does not know of."""
        shown = [field for field in self.fields if field not in hidden]
        error = type(self)(fields=shown, constraint=self.constraint)
        error.index = self.index
        error.issues = tuple(
            Issue(it.type, it.loc, str(error)) for it in self.issues if it.loc[-1] not in hidden
        )
        return error


class Conflict(ConstraintViolation):
    """The change conflicts with what is stored."""

    code = "conflict"


class UniqueViolation(Conflict):
    """A row with these values already exists."""

    code = "unique_violation"


class ForeignKeyViolation(Conflict):
    """A referenced row does not exist, or this row is still referenced."""

    code = "foreign_key_violation"


class NotDeleted(Conflict):
    """This row is not deleted."""

    code = "not_deleted"


class RequestInProgress(Conflict):
    """A request with this idempotency key is being worked on; try again later."""

    code = "request_in_progress"
    retry_after = 1


class InvalidData(ConstraintViolation):
    """The values cannot be stored."""

    code = "invalid_data"


class NotNullViolation(InvalidData):
    """A required value is missing."""

    code = "not_null_violation"


class CheckViolation(InvalidData):
    """A check of the table does not hold for these values."""

    code = "check_violation"


class ValueRejected(InvalidData):
    """The database cannot store a value of this size or form."""

    code = "value_rejected"


class KeyMismatch(InvalidData):
    """The key in the body is not the key in the path."""

    code = "pk_mismatch"


class DuplicateItem(InvalidData):
    """Another item is about the same row."""

    code = "duplicate_item"


class IdempotencyKeyReused(InvalidData):
    """This idempotency key belongs to a request with another body."""

    code = "idempotency_key_reused"


class InvalidQuery(CrudError):
    """The query string is not valid.

    Args:
        issues: What is wrong with which parameter; at least one.
    """

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("; ".join(issue.msg for issue in issues))
        self.issues: tuple[Issue, ...] = tuple(issues)


class InvalidLines(CrudError):
    """Some lines cannot be stored, so none was.

    Args:
        message: What happened, for people.
        issues: What is wrong with which line.
    """

    def __init__(self, message: str | None = None, *, issues: Sequence[Issue] = ()) -> None:
        super().__init__(message)
        self.issues: tuple[Issue, ...] = tuple(issues)


class NotAcceptable(CrudError):
    """Accept application/json, text/csv or application/x-ndjson."""


class ContentTooLarge(CrudError):
    """The body is too large."""


class UnsupportedMediaType(CrudError):
    """The body must be JSON: send Content-Type: application/json.

    Args:
        message: What happened, for people.
        accepted: The media types that the body may have.
    """

    def __init__(
        self, message: str | None = None, *, accepted: Sequence[str] = ("application/json",)
    ) -> None:
        super().__init__(message)
        self.accepted: tuple[str, ...] = tuple(accepted)


class InvalidIdempotencyKey(CrudError):
    """Send an Idempotency-Key of 1 to 255 printable characters."""


class PreconditionFailed(CrudError):
    """The row has changed, or is not there yet: read it again."""


class PreconditionRequired(CrudError):
    """Send the ETag of the row in If-Match."""


class PermissionDenied(CrudError):
    """This change is not allowed."""


class Unavailable(CrudError):
    """The service cannot answer now; try again.

    Args:
        message: What happened, for people.
        retry_after: Seconds after which a retry makes sense.
    """

    def __init__(self, message: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached; try again."""


class LockTimeout(Unavailable):
    """Another transaction holds what this one needs; try again."""


class TransactionConflict(Unavailable):
    """Another transaction changed the same rows at the same time; try again."""


@contextmanager
def about_item(index: int) -> Generator[None]:
    """Say of errors within the block which item of a batch they are about."""
    try:
        yield
    except CrudError as error:
        if error.index is None:
            error.index = index
        raise

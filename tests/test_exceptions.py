"""What can go wrong, in words and in facts."""

from dataclasses import FrozenInstanceError

import pytest

from fastapi_crud import exceptions
from fastapi_crud.exceptions import (
    CheckViolation,
    ConfigurationError,
    Conflict,
    ConstraintViolation,
    ContentTooLarge,
    CrudError,
    DatabaseUnavailable,
    DuplicateItem,
    ForeignKeyViolation,
    IdempotencyKeyReused,
    InvalidData,
    InvalidIdempotencyKey,
    InvalidLines,
    InvalidQuery,
    Issue,
    KeyMismatch,
    LockTimeout,
    NotAcceptable,
    NotDeleted,
    NotFound,
    NotNullViolation,
    PermissionDenied,
    PreconditionFailed,
    PreconditionRequired,
    RequestInProgress,
    TransactionConflict,
    Unavailable,
    UniqueViolation,
    UnsupportedMediaType,
    ValueRejected,
    about_item,
)

FAMILY: dict[type[CrudError], type[CrudError]] = {
    ConfigurationError: CrudError,
    NotFound: CrudError,
    ConstraintViolation: CrudError,
    Conflict: ConstraintViolation,
    UniqueViolation: Conflict,
    ForeignKeyViolation: Conflict,
    NotDeleted: Conflict,
    RequestInProgress: Conflict,
    InvalidData: ConstraintViolation,
    NotNullViolation: InvalidData,
    CheckViolation: InvalidData,
    ValueRejected: InvalidData,
    KeyMismatch: InvalidData,
    DuplicateItem: InvalidData,
    IdempotencyKeyReused: InvalidData,
    InvalidQuery: CrudError,
    InvalidLines: CrudError,
    NotAcceptable: CrudError,
    ContentTooLarge: CrudError,
    UnsupportedMediaType: CrudError,
    InvalidIdempotencyKey: CrudError,
    PreconditionFailed: CrudError,
    PreconditionRequired: CrudError,
    PermissionDenied: CrudError,
    Unavailable: CrudError,
    DatabaseUnavailable: Unavailable,
    LockTimeout: Unavailable,
    TransactionConflict: Unavailable,
}


@pytest.mark.parametrize(("error", "parent"), FAMILY.items(), ids=lambda e: e.__name__)
def test_catching_a_parent_catches_its_children(
    error: type[CrudError], parent: type[CrudError]
) -> None:
    """Does the tree hang together as the module draws it?"""
    assert error.__bases__ == (parent,)


def test_the_tree_is_complete() -> None:
    """Is every error of the module in the table above?"""
    defined = {
        item
        for item in vars(exceptions).values()
        if isinstance(item, type) and issubclass(item, CrudError)
    }
    assert defined == {CrudError, *FAMILY}


@pytest.mark.parametrize(
    "error", [e for e in FAMILY if e not in {NotFound, InvalidQuery}], ids=lambda e: e.__name__
)
def test_an_error_without_words_speaks_the_first_line_of_its_docstring(
    error: type[CrudError],
) -> None:
    """Is the class's own sentence the default message, without its full stop?"""
    first_line = str(error.__doc__).splitlines()[0]
    assert str(error()) == first_line.removesuffix(".")
    assert str(error("own words")) == "own words"
    assert error().issues == ()


def test_not_found_names_the_resource_and_the_key() -> None:
    """Does the message say what was looked for, and are the facts attributes too?"""
    error = NotFound("User", 7)
    assert str(error) == "User '7' not found"
    assert (error.resource, error.key) == ("User", 7)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Conflict, "conflict"),
        (UniqueViolation, "unique_violation"),
        (ForeignKeyViolation, "foreign_key_violation"),
        (InvalidData, "invalid_data"),
        (NotNullViolation, "not_null_violation"),
        (CheckViolation, "check_violation"),
        (ValueRejected, "value_rejected"),
        (KeyMismatch, "pk_mismatch"),
        (NotDeleted, "not_deleted"),
        (RequestInProgress, "request_in_progress"),
        (DuplicateItem, "duplicate_item"),
        (IdempotencyKeyReused, "idempotency_key_reused"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_a_violation_blames_each_field_with_its_code(
    error: type[ConstraintViolation], code: str
) -> None:
    """Does every field get an issue that says where, what, and by which code?"""
    violation = error("taken", fields=["a", "b"], constraint="uq_ab")
    assert violation.issues == (
        Issue(code, ("body", "a"), "taken"),
        Issue(code, ("body", "b"), "taken"),
    )
    assert violation.fields == ("a", "b")
    assert violation.constraint == "uq_ab"


def test_an_invalid_query_says_everything_that_is_wrong() -> None:
    """Does the message join all issues?"""
    issues = [Issue("a", ("query", "x"), "First"), Issue("b", ("query", "y"), "Second")]
    error = InvalidQuery(issues)
    assert str(error) == "First; Second"
    assert error.issues == tuple(issues)


@pytest.mark.parametrize(
    "error", [Unavailable, DatabaseUnavailable, LockTimeout, TransactionConflict]
)
def test_what_may_work_later_says_when(error: type[Unavailable]) -> None:
    """Does an error that invites to try again tell after how long?"""
    assert error().retry_after == 1
    assert error(retry_after=30).retry_after == 30


def test_an_issue_is_a_value() -> None:
    """Are issues equal by what they say, and frozen?"""
    issue = Issue("missing", ("body", "a"), "Field required")
    assert issue == Issue("missing", ("body", "a"), "Field required")
    with pytest.raises(FrozenInstanceError):
        issue.msg = "other"  # type: ignore[misc]


def test_an_error_within_a_batch_says_about_which_item() -> None:
    """Is the index that of the innermost who knows, and other errors left alone?"""
    for known in (None, 0, 5):
        error = PermissionDenied()
        error.index = known
        with pytest.raises(PermissionDenied) as caught, about_item(3):
            raise error
        assert caught.value.index == (3 if known is None else known)
    with pytest.raises(ValueError, match=r"^other$") as other, about_item(3):
        raise ValueError("other")
    assert not hasattr(other.value, "index")
    assert CrudError().index is None
